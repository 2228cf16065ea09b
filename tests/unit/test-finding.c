/* Findings: bounded, on one line each, to JSON and back, and as they are printed. */
#include "../lib/tap.h"

#include <remote-developer/finding.h>
#include <remote-developer/strings.h>

static void test_there_and_back(void) {
        _cleanup_(finding_list_done) FindingList l = {}, back = {};
        _cleanup_json_ Json *array = NULL;

        finding_add(&l, "git", FINDING_OK, NULL, "version %s", "2.39.5");
        finding_add(&l, "gh", FINDING_WARNING, "apt install gh", "it is not installed");
        TAP_CHECK_INT(finding_list_to_json(&l, &array), 0);
        TAP_CHECK_INT(finding_list_take_json(&back, array, NULL), 0);
        TAP_CHECK_INT(back.n, 2);
        TAP_CHECK_STRING(back.items[0].message, "version 2.39.5");
        TAP_CHECK_STRING(back.items[0].remedy, NULL);
        TAP_CHECK_STRING(back.items[1].check, "gh");
        TAP_CHECK_INT(back.items[1].state, FINDING_WARNING);
        TAP_CHECK_STRING(back.items[1].remedy, "apt install gh");
        TAP_CHECK(!finding_list_has_error(&back));
        finding_add(&back, "x", FINDING_ERROR, NULL, "no");
        TAP_CHECK(finding_list_has_error(&back));
}

static void test_what_is_no_finding(void) {
        static const char *const texts[] = { "[1]", "[{\"check\":1}]", "[{\"surprise\":\"x\"}]",
                                             "[{\"check\":\"a\",\"state\":\"fine\",\"message\":\"m\"}]" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(finding_list_done) FindingList l = {};
                _cleanup_json_ Json *j = NULL;

                TAP_CHECK_INT(json_parse(texts[i], strlen(texts[i]), &j, NULL), 0);
                TAP_CHECK(finding_list_take_json(&l, j, NULL) < 0);
                TAP_CHECK_INT(l.n, 0);
        }
}

static void test_bounds(void) {
        _cleanup_(finding_list_done) FindingList l = {};
        char text[FINDING_TEXT_MAX * 2] = {};

        memset(text, 'x', sizeof(text) - 1);
        for (size_t i = 0; i < FINDINGS_MAX + 3; i++)
                finding_add(&l, "c", FINDING_OK, NULL, "%s", text);
        TAP_CHECK_INT(l.n, FINDINGS_MAX);
        TAP_CHECK_INT(strlen(l.items[0].message), FINDING_TEXT_MAX);
}

static void test_print(void) {
        _cleanup_(finding_list_done) FindingList l = {};
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *to = open_memstream(&text, &size);

        if (!TAP_CHECK(to))
                return;
        finding_add(&l, "git", FINDING_OK, NULL, "version 2.39.5");
        finding_add(&l, "claude", FINDING_ERROR, "npm i", "two\nlines\x1b[1m\n");
        finding_list_print(&l, to);
        TAP_CHECK_INT(fclose(to), 0);
        TAP_CHECK_STRING(text, "ok       git            version 2.39.5\n"
                               "error    claude         two lines [1m\n"
                               "                          (use \"npm i\")\n");
}

static const TapTest tests[] = {
        { "to JSON and back", test_there_and_back },
        { "what is no finding", test_what_is_no_finding },
        { "bounds", test_bounds },
        { "print", test_print },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Reading the secrets of a request: what is taken, what is refused, and that no refusal quotes what it refuses. */
#include "tap.h"

#include <remote-developer/secrets.h>
#include <remote-developer/strings.h>

#include <stdlib.h>

#define VALUE "quoted-nowhere"

static int parse(const char *text, bool strict, Secrets *s, Problem *problem) {
        _cleanup_(json_erasep) Json *j = NULL;
        int r = json_parse(text, strlen(text), &j, problem);

        return TAP_CHECK_INT(r, 0) ? secrets_parse(j, strict, s, problem) : r;
}

static void test_what_is_taken(void) {
        static const struct {
                const char *text;
                const char *pairs[3];
        } rows[] = {
                { "{}", { NULL } },
                { "{\"secrets\": null, \"github_token\": null}", { NULL } },
                { "{\"secrets\": {}}", { NULL } },
                { "{\"secrets\": {\"_A1\": \"x=y\\n\xc3\xa4\\t\"}}", { "_A1=x=y\n\xc3\xa4\t" } },
                { "{\"github_token\": \"t\"}", { "github_token=t" } },
                { "{\"secrets\": {\"github_token\": \"t\"}}", { "github_token=t" } },
                { "{\"secrets\": {\"B\": \"b\"}, \"github_token\": \"t\"}", { "B=b", "github_token=t" } },
                { "{\"secrets\": {\"GITHUB_TOKEN\": \"b\"}, \"github_token\": \"t\"}",
                  { "GITHUB_TOKEN=b", "github_token=t" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(secrets_done) Secrets s = SECRETS_NULL;
                _cleanup_strv_ char **names = NULL;
                size_t n = 0;

                TAP_CHECK_INT(parse(rows[i].text, true, &s, NULL), 0);
                TAP_CHECK_INT(secrets_names(&s, &names), 0);
                for (; rows[i].pairs[n]; n++) {
                        size_t size = strcspn(rows[i].pairs[n], "=");

                        if (!TAP_CHECK(strv_length(s.pairs) > n) || !TAP_CHECK(strv_length(names) > n))
                                return;
                        TAP_CHECK_STRING(s.pairs[n], rows[i].pairs[n]);
                        TAP_CHECK(strlen(names[n]) == size && strncmp(names[n], rows[i].pairs[n], size) == 0);
                }
                TAP_CHECK_INT(strv_length(s.pairs), n);
                TAP_CHECK_INT(strv_length(names), n);
        }
}

static void check_refusal(const char *text, bool strict, const char *field, const char *part) {
        _cleanup_(secrets_done) Secrets s = SECRETS_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        TAP_CHECK(parse(text, strict, &s, &problem) < 0);
        TAP_CHECK_STRING(problem.field, field);
        TAP_CHECK_CONTAINS(problem.sentence, part);
        TAP_CHECK(!problem.sentence || !strstr(problem.sentence, VALUE));
        TAP_CHECK(!s.pairs);
}

static void test_what_is_refused(void) {
        static const struct {
                const char *text, *field, *part;
        } rows[] = {
                { "{\"secrets\": \"" VALUE "\"}", "secrets", "object of strings" },
                { "{\"secrets\": [\"" VALUE "\"]}", "secrets", "object of strings" },
                { "{\"secrets\": {\"A\": [\"" VALUE "\"]}}", "secrets", "object of strings" },
                { "{\"secrets\": {\"A\": \"" VALUE "\\u0000\"}}", "secrets", "object of strings" },
                { "{\"secrets\": {\"" VALUE "=\": \"a\"}}", "secrets", "object of strings" },
                { "{\"secrets\": {\"A\": \"" VALUE "\", \"" VALUE "\": \"a\"}}", "secrets", "name number 2" },
                { "{\"secrets\": {\"\": \"" VALUE "\"}}", "secrets", "" },
                { "{\"secrets\": {\"1A\": \"" VALUE "\"}}", "secrets", "name number 1" },
                { "{\"secrets\": {\"../A\": \"" VALUE "\"}}", "secrets", "name number 1" },
                { "{\"secrets\": {\"A\": \"\"}}", "secrets", "A is empty" },
                { "{\"secrets\": {\"github_token\": \"" VALUE "\"}, \"github_token\": \"" VALUE "\"}", "secrets",
                  "only once" },
                { "{\"github_token\": 5}", "github_token", "must be a string" },
                { "{\"github_token\": \"\"}", "github_token", "is empty" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_refusal(rows[i].text, false, rows[i].field, rows[i].part);
        check_refusal("{\"secret\": \"" VALUE "\"}", true, "secret", "Unknown field");
}

static char *make_request(const char *name, unsigned n, size_t size) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_free_ char *value = malloc(size + 1);

        memset(value, 'v', size);
        value[size] = 0;
        for (unsigned i = 0; i < n; i++) {
                TAP_CHECK_INT(buffer_append_string(&b, i == 0 ? "{\"secrets\": {" : ", "), 0);
                TAP_CHECK_INT(buffer_append_format(&b, "\"%s%u\": \"%s\"", name, i, value), 0);
        }
        TAP_CHECK_INT(buffer_append_string(&b, "}}"), 0);
        return buffer_take(&b);
}

static void test_limits(void) {
        static const struct {
                const char *name;
                unsigned n;
                size_t size;
                const char *part; /* NULL: it is taken */
        } rows[] = {
                { "A", SECRETS_MAX, 1, NULL },
                { "A", SECRETS_MAX + 1, 1, "at most 64" },
                { "A", 1, SECRETS_SIZE_MAX, NULL },
                { "A", 1, SECRETS_SIZE_MAX + 1, "262144 bytes" },
                { "A", 2, SECRETS_SIZE_MAX / 2 + 1, "262144 bytes" },
                { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1, 1, NULL },
                { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1, 1, "at most 64" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = make_request(rows[i].name, rows[i].n, rows[i].size);
                _cleanup_(secrets_done) Secrets s = SECRETS_NULL;

                if (rows[i].part)
                        check_refusal(text, true, "secrets", rows[i].part);
                else
                        TAP_CHECK_INT(parse(text, true, &s, NULL), 0);
        }
}

/* As malloc(), of which a compiler knows that nobody has written there. */
static char *take_memory(size_t size) {
        void *(*volatile take)(size_t) = malloc;

        return take(size);
}

/* glibc gives small memory that was freed last again as it was, but for the first bytes. */
static void check_overwritten(const char *was, size_t size) {
        enum { OWN = 16 };
        _cleanup_free_ char *again = take_memory(size);

        if (again != was)
                tap_skip("malloc() gives other memory here");
        else
                TAP_CHECK(!memchr(again + OWN, 'v', size - OWN));
}

static void test_values_are_overwritten(void) {
        enum { SIZE = 600 };
        _cleanup_free_ char *text = make_request("A", 1, SIZE);
        Secrets s = SECRETS_NULL;
        const char *was;

        TAP_CHECK_INT(parse(text, true, &s, NULL), 0);
        was = s.pairs[0];
        secrets_done(&s);
        check_overwritten(was, strlen("A0=") + SIZE + 1);
}

static void test_buffers_are_overwritten(void) {
        enum { SIZE = 600 };
        static char values[SIZE];
        _cleanup_(buffer_done) Buffer b = BUFFER_SECRET;
        const char *was;

        memset(values, 'v', SIZE);
        TAP_CHECK_INT(buffer_append(&b, values, SIZE), 0);
        was = b.data;
        TAP_CHECK_INT(buffer_append(&b, values, SIZE), 0);
        TAP_CHECK_INT(memcmp(b.data + SIZE, values, SIZE), 0);
        check_overwritten(was, SIZE + 1);
        buffer_done(&b);
        TAP_CHECK(b.secret);
}

int main(void) {
        static const TapTest tests[] = {
                { "what is taken", test_what_is_taken },
                { "what is refused, without being quoted", test_what_is_refused },
                { "limits", test_limits },
                { "values are overwritten", test_values_are_overwritten },
                { "buffers are overwritten, also where they grow", test_buffers_are_overwritten },
        };

        return tap_main(tests, ELEMENTSOF(tests));
}

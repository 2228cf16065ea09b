/* The last lines of a log in answers about its task: bounded, however long they are. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define MAKE "{\"command\": [\"make\"]}"
#define STATUS "/api/task-status/{id}"
#define LINE_SIZE ((size_t) 4096)
#define TEXT_SIZE ((size_t) 256 * 1024)
#define MEGABYTE ((size_t) 1000 * 1000)
#define LONGEST ((size_t) 16 * 1024 * 1024)
#define DAY_USEC (86400 * USEC_PER_SEC)

static bool begin(ApiFixture *f) {
        FakeUnit *u;

        if (!story_has_journal() || !api_fixture_begin(f) || !(u = api_create(f, MAKE)))
                return false;
        fake_unit_start(u);
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING)));
}

static bool end(ApiFixture *f) {
        story_settle(&f->story);
        fake_unit_end(story_unit(&f->story), "success", CLD_EXITED, 0);
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

/* The lines that the task's document has; with how long that took. */
static Json *ask_status(ApiFixture *f) {
        usec_t before = clock_thread_usec();
        Json *logs;

        api_ask(f, "GET", STATUS, NULL, NULL);
        TAP_CHECK_INT(f->status, 200);
        logs = json_get(f->json, "logs");
        printf("# %zu lines in %zu bytes after %llu us\n", json_length(logs), strlen(f->body ?: ""),
               (unsigned long long) (clock_thread_usec() - before));
        TAP_CHECK(clock_thread_usec() - before < USEC_PER_SEC);
        return logs;
}

static const char *from_end(const Json *logs, size_t i) {
        return json_length(logs) > i ? json_text(json_at(logs, json_length(logs) - 1 - i)) ?: "" : "";
}

static char *repeat(const char *text, size_t size) {
        char *line = malloc(size + 1);

        for (size_t i = 0; i < size; i++)
                line[i] = text[i % strlen(text)];
        line[size] = 0;
        return line;
}

/* At a border of characters, with a word that it was. */
static void test_long_lines_are_cut(void) {
        static const struct {
                const char *text;
                size_t size, shown;
        } rows[] = {
                { "a", LINE_SIZE - 1, LINE_SIZE - 1 },
                { "a", LINE_SIZE, LINE_SIZE },
                { "a", LINE_SIZE + 1, LINE_SIZE - 3 },
                { "\xc3\xa4", LINE_SIZE + 2, LINE_SIZE - 4 },
                { "\xc3\xa4", 2 * MEGABYTE, LINE_SIZE - 4 },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *line = repeat(rows[i].text, rows[i].size), *expected = NULL;

                expected = string_format("%.*s%s", (int) rows[i].shown, line,
                                         rows[i].shown < rows[i].size ? "\xe2\x80\xa6" : "");
                story_log_long(&f.story, line);
                TAP_CHECK(string_equal(from_end(ask_status(&f), 0), expected));
        }
        TAP_CHECK_INT(json_length(ask_status(&f)), ELEMENTSOF(rows));
}

/* The newest ones that there is room for. */
static void test_all_lines_have_so_much_room(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *line = repeat("a", 2 * LINE_SIZE);

        if (!begin(&f))
                return;
        story_log_many(&f.story, line, 100);
        story_log(&f.story, "last", NULL);
        TAP_CHECK_INT(json_length(ask_status(&f)), TEXT_SIZE / LINE_SIZE);
        TAP_CHECK_STRING(from_end(json_get(f.json, "logs"), 0), "last");
        if (end(&f))
                TAP_CHECK_INT(json_length(ask_status(&f)), TEXT_SIZE / LINE_SIZE);
}

/* The last line of the whole log, the others of the same text, so many in all. */
static void check_tail(ApiFixture *f, const char *last, size_t n) {
        Json *logs = ask_status(f), *recent;

        TAP_CHECK_INT(json_length(logs), n);
        TAP_CHECK(strlen(f->body) < TEXT_SIZE + LINE_SIZE);
        TAP_CHECK_CONTAINS(from_end(logs, 0), last);
        for (size_t i = 1; i < json_length(logs); i++)
                TAP_CHECK(string_has_prefix(from_end(logs, i), "xyxy"));
        api_ask(f, "GET", "/api/dashboard", NULL, NULL);
        recent = json_at(json_get(f->json, "recent_tasks"), 0);
        TAP_CHECK_CONTAINS(from_end(json_get(recent, "logs"), 0), last);
        TAP_CHECK(strlen(f->body) < TEXT_SIZE + LINE_SIZE);
}

/* While the task runs, when it has ended, since before the service was started, and archived. */
static void check_tails(ApiFixture *f, size_t size, size_t n, const char *last, size_t shown) {
        _cleanup_free_ char *line = repeat("xy", size);
        Story *s = &f->story;

        for (size_t i = 0; i < n; i++)
                story_log_long(s, line);
        memcpy(line, last, strlen(last));
        story_log_long(s, line);
        check_tail(f, last, shown);
        if (!end(f))
                return;
        check_tail(f, last, shown);
        api_fixture_stop_service(f);
        if (!api_fixture_start_service(f))
                return;
        check_tail(f, last, shown);
        test_clock_advance(8 * DAY_USEC);
        manager_monitor(s->manager);
        if (TAP_CHECK(STORY_UNTIL(s, task_index_find(manager_index(s->manager), s->id)->archived)))
                check_tail(f, last, shown);
}

static void test_lines_of_a_megabyte(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (begin(&f))
                check_tails(&f, MEGABYTE, 100, "the last one", 10);
}

/* All of which would be found within a turn. */
static void test_some_lines_of_a_megabyte(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (begin(&f))
                check_tails(&f, MEGABYTE, 30, "the last one", 10);
}

static void test_the_longest_lines(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (begin(&f))
                check_tails(&f, LONGEST, 6, "the last one", 1);
}

static const TapTest tests[] = {
        { "long lines are cut", test_long_lines_are_cut },
        { "all lines have so much room", test_all_lines_have_so_much_room },
        { "lines of a megabyte", test_lines_of_a_megabyte },
        { "some lines of a megabyte", test_some_lines_of_a_megabyte },
        { "the longest lines", test_the_longest_lines },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

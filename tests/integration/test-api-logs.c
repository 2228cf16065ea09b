/* The log as pages and as a download, over a real socket: every bound, in both orders, against a model that has all of
 * it in memory. */
#include "api-fixture.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define LOGS "/api/task/{id}/logs"
#define MAKE "{\"command\": [\"make\"]}"
#define TEXT "Accept: text/plain\r\n"

static bool begin(ApiFixture *f) {
        if (!story_has_journal() || !api_fixture_begin(f) || !api_create(f, MAKE))
                return false;
        fake_unit_start(story_unit(&f->story));
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING)));
}

/* So many numbered lines; what a page reads is what the follower has not read yet, too. */
static bool begin_with_lines(ApiFixture *f, size_t n) {
        if (!begin(f))
                return false;
        story_log_numbered(&f->story, n);
        return true;
}

static void end(ApiFixture *f) {
        fake_unit_end(story_unit(&f->story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

static size_t count_entries(const ApiFixture *f) {
        return json_length(json_get(f->json, "entries"));
}

static const char *entry_string(const ApiFixture *f, size_t i, const char *key) {
        return json_get_string(json_at(json_get(f->json, "entries"), i), key) ?: "";
}

/* --- the model --- */

#define MODEL_LINES 150

typedef struct Model {
        char *texts[MODEL_LINES], *cursors[MODEL_LINES], *times[MODEL_LINES];
} Model;

static void model_done(Model *m) {
        for (size_t i = 0; i < MODEL_LINES; i++) {
                free(m->texts[i]);
                free(m->cursors[i]);
                free(m->times[i]);
        }
}

static bool model_read(Model *m, ApiFixture *f) {
        api_ask(f, "GET", LOGS "?since=@0&limit=10000", NULL, NULL);
        if (!TAP_CHECK_INT(count_entries(f), MODEL_LINES))
                return false;
        for (size_t i = 0; i < MODEL_LINES; i++) {
                m->texts[i] = strdup(entry_string(f, i, "text"));
                m->cursors[i] = strdup(entry_string(f, i, "cursor"));
                m->times[i] = strdup(entry_string(f, i, "time"));
        }
        return true;
}

/* What is asked for: lines first..end-1, bounded in this or that way, or not at all. */
typedef struct Window {
        size_t first, end;
        bool by_cursor_begin, by_cursor_end, by_time_begin, by_time_end;
        const char *grep; /* a part of the text; NULL: everything */
        unsigned limit;
        bool descending;
} Window;

static Window random_window(unsigned *seed) {
        static const char *const greps[] = { NULL, NULL, "7", "3", "12", "none" };
        size_t a = (size_t) rand_r(seed) % MODEL_LINES, b = (size_t) rand_r(seed) % MODEL_LINES;
        unsigned bits = (unsigned) rand_r(seed);
        Window w = { MIN_OF(a, b), MAX_OF(a, b) + 1, bits & 1, bits & 2, bits & 4, bits & 8,
                greps[(unsigned) rand_r(seed) % ELEMENTSOF(greps)], 1 + (unsigned) rand_r(seed) % 40, bits & 16 };

        if (!w.by_cursor_begin && !w.by_time_begin)
                w.first = 0;
        if (!w.by_cursor_end && !w.by_time_end)
                w.end = MODEL_LINES;
        /* A cursor is exclusive: there must be a line outside. */
        w.by_cursor_begin &= w.first > 0;
        w.by_cursor_end &= w.end < MODEL_LINES;
        w.by_time_begin |= w.first > 0 && !w.by_cursor_begin;
        w.by_time_end |= w.end < MODEL_LINES && !w.by_cursor_end;
        return w;
}

static char *window_path(const Model *m, const Window *w, const char *after, const char *before) {
        _cleanup_(buffer_done) Buffer path = BUFFER_NULL;

        (void) buffer_append_format(&path, LOGS "?limit=%u&order=%s", w->limit, w->descending ? "desc" : "asc");
        if (after)
                (void) buffer_append_format(&path, "&after=%s", after);
        if (before)
                (void) buffer_append_format(&path, "&before=%s", before);
        if (w->by_time_begin)
                (void) buffer_append_format(&path, "&since=%s", m->times[w->first]);
        if (w->by_time_end)
                (void) buffer_append_format(&path, "&until=%s", m->times[w->end - 1]);
        if (w->grep)
                (void) buffer_append_format(&path, "&grep=%s", w->grep);
        return buffer_take(&path);
}

static void append_entries(const ApiFixture *f, bool backwards, Buffer *to) {
        size_t n = count_entries(f);

        for (size_t i = 0; i < n; i++)
                (void) buffer_append_format(to, "%s\n", entry_string(f, backwards ? n - 1 - i : i, "text"));
}

/* Pages from the window's begin, each behind the one before, until one is empty. */
static void read_forward(ApiFixture *f, const Model *m, const Window *w, Buffer *to) {
        _cleanup_free_ char *after = w->by_cursor_begin ? strdup(m->cursors[w->first - 1]) : NULL;

        for (unsigned pages = 0; TAP_CHECK(pages < 2 * MODEL_LINES); pages++) {
                _cleanup_free_ char *path = window_path(m, w, after,
                                                        w->by_cursor_end ? m->cursors[w->end] : NULL);

                api_ask(f, "GET", path, NULL, NULL);
                if (!TAP_CHECK_INT(f->status, 200) || count_entries(f) == 0)
                        return;
                TAP_CHECK(count_entries(f) <= w->limit);
                append_entries(f, false, to);
                TAP_CHECK_INT(string_replace(&after, api_string(f, "next")), 0);
        }
}

/* Pages from the window's end, each before the one before, until nothing is before. Newest first. */
static void read_backwards(ApiFixture *f, const Model *m, const Window *w, Buffer *to) {
        _cleanup_free_ char *before = w->by_cursor_end ? strdup(m->cursors[w->end]) : NULL;

        for (unsigned pages = 0; TAP_CHECK(pages < 2 * MODEL_LINES); pages++) {
                _cleanup_free_ char *path = window_path(m, w, w->by_cursor_begin ? m->cursors[w->first - 1] : NULL,
                                                        before);

                api_ask(f, "GET", path, NULL, NULL);
                if (!TAP_CHECK_INT(f->status, 200))
                        return;
                TAP_CHECK(count_entries(f) <= w->limit);
                append_entries(f, !w->descending, to);
                if (!api_string(f, "prev"))
                        return;
                TAP_CHECK_INT(string_replace(&before, api_string(f, "prev")), 0);
        }
}

static void model_texts(const Model *m, const Window *w, bool backwards, Buffer *to) {
        for (size_t k = 0; k < w->end - w->first; k++) {
                const char *text = m->texts[backwards ? w->end - 1 - k : w->first + k];

                if (!w->grep || strstr(text, w->grep))
                        (void) buffer_append_format(to, "%s\n", text);
        }
}

static void check_window(ApiFixture *f, const Model *m, const Window *w) {
        _cleanup_(buffer_done) Buffer expected = BUFFER_NULL, got = BUFFER_NULL;
        bool forward = !w->descending && (w->by_cursor_begin || w->by_time_begin);
        _cleanup_free_ char *path = window_path(m, w, "A", "B");

        model_texts(m, w, !forward, &expected);
        if (forward)
                read_forward(f, m, w, &got);
        else
                read_backwards(f, m, w, &got);
        if (!string_equal(got.data ?: "", expected.data ?: ""))
                tap_fail(__FILE__, __LINE__, "lines %zu to %zu, %s: is\n%s\nshould be\n%s", w->first, w->end, path,
                         got.data, expected.data);
}

static void check_windows(ApiFixture *f, unsigned n) {
        _cleanup_(model_done) Model m = {};
        unsigned seed = 4;

        if (!model_read(&m, f))
                return;
        for (unsigned i = 0; i < n; i++) {
                Window w = random_window(&seed);

                check_window(f, &m, &w);
        }
}

static void test_windows_against_the_model(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin_with_lines(&f, MODEL_LINES))
                return;
        check_windows(&f, 60);
        end(&f);
        check_windows(&f, 60);
}

/* --- single bounds --- */

static void test_which_lines(void) {
        static const struct {
                const char *query, *logs;
                bool prev;
        } rows[] = {
                { "", "\"line 0\",\"line 1\",\"line 2\",\"line 3\",\"line 4\"", false },
                { "?limit=2", "\"line 3\",\"line 4\"", true },
                { "?limit=2&order=asc", "\"line 3\",\"line 4\"", true },
                { "?limit=2&order=desc", "\"line 4\",\"line 3\"", true },
                { "?limit=5&order=desc", "\"line 4\",\"line 3\",\"line 2\",\"line 1\",\"line 0\"", false },
                { "?limit=2&since=@0", "\"line 0\",\"line 1\"", true },
                { "?limit=2&since=@0&order=desc", "\"line 4\",\"line 3\"", true },
                { "?limit=2&until=@99999999999", "\"line 3\",\"line 4\"", true },
                { "?until=@1", "", false }, { "?since=@99999999999", "", false }, { "?limit=0", "", false },
                { "?source=stderr", "", false }, { "?source=stdout&limit=1", "\"line 4\"", true },
                { "?source=stdout,stderr&limit=1", "\"line 4\"", true },
                { "?grep=line%20[13]", "\"line 1\",\"line 3\"", false },
                { "?grep=line%20[13]&limit=1", "\"line 3\"", true },
                { "?grep=LINE", "", false }, { "?grep=(?i)LINE%204", "\"line 4\"", false },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin_with_lines(&f, 5))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *path = string_format(LOGS "%s", rows[i].query);
                _cleanup_free_ char *logs = string_format("\"logs\":[%s],\"total\"", rows[i].logs);

                api_ask(&f, "GET", path, NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
                TAP_CHECK_CONTAINS(f.body, logs);
                TAP_CHECK_CONTAINS(f.body, "\"partial\":false");
                TAP_CHECK(!api_string(&f, "prev") == !rows[i].prev);
                TAP_CHECK_STRING(api_header(&f, "Vary"), "Accept");
        }
}

/* Who polls keeps the place, whatever comes between. */
static void test_appends_between_pages(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *path = NULL;

        if (!begin_with_lines(&f, 3))
                return;
        api_ask(&f, "GET", LOGS, NULL, NULL);
        for (unsigned i = 0; i < 3; i++) {
                free(path);
                path = string_format(LOGS "?after=%s", api_string(&f, "next"));
                api_ask(&f, "GET", path, NULL, NULL);
                TAP_CHECK_CONTAINS(f.body, "\"logs\":[],");
                story_log(&f.story, "new", NULL);
                api_ask(&f, "GET", path, NULL, NULL);
                TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"new\"],");
        }
}

/* Before and after may be the same place, or the wrong way round: nothing lies between. */
static void test_empty_windows(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(model_done) Model m = {};

        if (!begin_with_lines(&f, MODEL_LINES) || !model_read(&m, &f))
                return;
        for (unsigned i = 0; i < 4; i++) {
                const char *order = i % 2 == 0 ? "asc" : "desc";
                _cleanup_free_ char *path = string_format(LOGS "?after=%s&before=%s&order=%s", m.cursors[70],
                                                          m.cursors[i < 2 ? 70 : 10], order);

                api_ask(&f, "GET", path, NULL, NULL);
                TAP_CHECK_INT(count_entries(&f), 0);
                TAP_CHECK(!api_string(&f, "prev"));
        }
}

/* --- pages that end early --- */

#define MANY 20000

/* A page during which time passes: two seconds a turn of the loop. */
static void ask_slowly(ApiFixture *f, const char *path) {
        _cleanup_(http_client_done) HttpClient c = {};

        if (!api_send(f, &c, "GET", path, NULL, NULL))
                return;
        while (!c.ended && story_turn(&f->story))
                test_clock_advance(2 * USEC_PER_SEC);
        api_await(f, &c);
}

static void check_partial_pages(ApiFixture *f, const char *query, const char *place, const char *go_on) {
        _cleanup_(buffer_done) Buffer got = BUFFER_NULL, expected = BUFFER_NULL;
        bool backwards = string_equal(place, "before");
        _cleanup_free_ char *path = string_format(LOGS "?%s", query);
        unsigned partial = 0;

        for (unsigned i = 0; i < MANY / 1000; i++)
                (void) buffer_append_format(
                                &expected, "line %u\n", (backwards ? MANY / 1000 - 1 - i : i) * 1000 + 999);
        for (unsigned i = 0; i < MANY; i++) { /* a line a page at least */
                ask_slowly(f, path);
                if (!TAP_CHECK_INT(f->status, 200))
                        return;
                append_entries(f, false, &got);
                if (!json_get_bool(f->json, "partial"))
                        break;
                partial++;
                free(path);
                path = string_format(LOGS "?%s&%s=%s", query, place, api_string(f, go_on));
        }
        TAP_CHECK_STRING(got.data, expected.data);
        printf("# %u partial pages\n", partial);
        TAP_CHECK(partial > 2);
}

static void test_time_limit(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin_with_lines(&f, MANY))
                return;
        end(&f);
        check_partial_pages(&f, "since=@0&limit=1000&grep=999$", "after", "next");
        check_partial_pages(&f, "order=desc&limit=1000&grep=999$", "before", "prev");
}

static void test_text_limit(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        const size_t size = 1000000;
        _cleanup_free_ char *line = malloc(size + 1), *path = NULL;
        static const char *const queries[] = { "since=@0", "order=desc", "" };

        memset(line, 'x', size);
        line[size] = 0;
        if (!begin(&f))
                return;
        story_log(&f.story, "first", NULL);
        story_log_many(&f.story, line, 7);
        end(&f);
        for (size_t i = 0; i < ELEMENTSOF(queries); i++) {
                free(path);
                path = string_format(LOGS "?%s", queries[i]);
                api_ask(&f, "GET", path, NULL, NULL);
                TAP_CHECK(json_get_bool(f.json, "partial"));
                TAP_CHECK_INT(count_entries(&f), i == 0 ? 6 : 5);
                free(path);
                path = string_format(LOGS "?%s&%s=%s", queries[i], i == 0 ? "after" : "before",
                                     api_string(&f, i == 0 ? "next" : "prev"));
                api_ask(&f, "GET", path, NULL, NULL);
                TAP_CHECK(!json_get_bool(f.json, "partial"));
                TAP_CHECK_INT(count_entries(&f), i == 0 ? 2 : 3);
        }
}

/* An expression that has too many ways to match: said where it gave up, and the rest is searched. */
static void test_grep_gives_up(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f))
                return;
        story_log(&f.story, "aaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "b", "aa", NULL);
        end(&f);
        api_ask(&f, "GET", LOGS "?grep=(a%2B)%2B$&source=stdout", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"aaa\",\"aa\"]");
        TAP_CHECK_INT(count_entries(&f), 3);
        TAP_CHECK_STRING(entry_string(&f, 1, "source"), "gap");
        TAP_CHECK_STRING(entry_string(&f, 1, "reason"), "unsearched");
        TAP_CHECK(*entry_string(&f, 1, "cursor"));
        if (!api_send(&f, &c, "GET", LOGS "?grep=(a%2B)%2B$", TEXT, NULL))
                return;
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK(http_client_got(&c, "aaa\n-- grep gives up"));
        /* In a chunk of its own, or not. */
        TAP_CHECK(http_client_got(&c, " --\n"));
        TAP_CHECK(http_client_got(&c, "\naa\n"));
}

static const TapTest tests[] = {
        { "random windows equal the model", test_windows_against_the_model },
        { "which lines are asked for", test_which_lines },
        { "appends between pages", test_appends_between_pages },
        { "empty windows", test_empty_windows },
        { "the time limit of a page", test_time_limit },
        { "the text limit of a page", test_text_limit },
        { "grep gives up", test_grep_gives_up },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

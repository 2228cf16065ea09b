/* The whole of a log as plain text and as rows of JSON: byte for byte, to its present end, and what cuts it. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define LOGS "/api/task/{id}/logs"
#define MAKE "{\"command\": [\"make\"]}"
#define TEXT "Accept: text/plain\r\n"
#define NDJSON "Accept: application/x-ndjson\r\n"

static bool begin(ApiFixture *f) {
        if (!story_has_journal() || !api_fixture_begin(f) || !api_create(f, MAKE))
                return false;
        fake_unit_start(story_unit(&f->story));
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING)));
}

static void end(ApiFixture *f) {
        fake_unit_end(story_unit(&f->story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

typedef struct Download {
        Buffer body;
        char next[512]; /* the trailer Log-Next; "": none */
        bool whole;     /* with its last chunk */
} Download;

static void download_done(Download *d) {
        buffer_done(&d->body);
}

static void take_trailer(Download *d, const char *trailer) {
        if (sscanf(trailer, "Log-Next: %511[^\r]\r\n", d->next) != 1)
                TAP_CHECK_STRING(trailer, "\r\n");
}

/* Takes the chunks apart. */
static void take_chunks(Download *d, const char *data, size_t size) {
        const char *at = memmem(data, size, "\r\n\r\n", 4), *stop = data + size;

        if (!TAP_CHECK(at))
                return;
        for (at += 4; at < stop;) {
                char *behind;
                size_t n = strtoul(at, &behind, 16);

                if (!TAP_CHECK(behind > at && behind + 2 <= stop && memcmp(behind, "\r\n", 2) == 0))
                        return;
                at = behind + 2;
                if (n == 0) {
                        d->whole = true;
                        take_trailer(d, at);
                        return;
                }
                n = MIN_OF(n, (size_t) (stop - at));
                TAP_CHECK_INT(buffer_append(&d->body, at, n), 0);
                at += MIN_OF(n + 2, (size_t) (stop - at));
        }
}

static void download(ApiFixture *f, const char *query, const char *accept, Download *d) {
        _cleanup_free_ char *path = string_format(LOGS "%s", query);
        _cleanup_(http_client_done) HttpClient c = {};

        download_done(d);
        *d = (Download){};
        if (!api_send(f, &c, "GET", path, accept, NULL) || !TAP_CHECK(HTTP_WAIT(&f->http, c.ended)))
                return;
        TAP_CHECK(http_client_got(&c, "HTTP/1.1 200 OK"));
        TAP_CHECK(http_client_got(&c, "Vary: Accept\r\n"));
        TAP_CHECK(http_client_got(&c, "Trailer: Log-Next\r\n"));
        take_chunks(d, c.received.data, c.received.size);
}

static void check_bytes(const Download *d, const void *expected, size_t size, int at) {
        if (d->body.size != size || (size > 0 && memcmp(d->body.data, expected, size) != 0))
                tap_fail(__FILE__, at, "%zu bytes are not the %zu expected: %.200s", d->body.size, size, d->body.data);
}

#define CHECK_BODY(d, text) check_bytes(d, text, strlen(text), __LINE__)

static void test_text_is_what_was_written(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(download_done) Download d = {};

        if (!begin(&f))
                return;
        story_log(&f.story, "plain", "", "carriage\r", "\x1b[1mbold\x1b[0m", "\xff\xfe\x80", "gr\xc3\xbc\xc3\x9f",
                        "last", NULL);
        download(&f, "", TEXT, &d);
        TAP_CHECK(d.whole);
        CHECK_BODY(&d, "plain\n\ncarriage\r\n\x1b[1mbold\x1b[0m\n\xff\xfe\x80\ngr\xc3\xbc\xc3\x9f\nlast\n");
        end(&f);
        download(&f, "", TEXT, &d);
        CHECK_BODY(&d, "plain\n\ncarriage\r\n\x1b[1mbold\x1b[0m\n\xff\xfe\x80\ngr\xc3\xbc\xc3\x9f\nlast\n");
}

static void test_rows_of_json(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(download_done) Download d = {};
        const char *line;
        unsigned n = 0;

        if (!begin(&f))
                return;
        story_log(&f.story, "a \"b\"", "\xff", NULL);
        story_log_numbered(&f.story, 1000);
        download(&f, "?source=stdout", NDJSON, &d);
        TAP_CHECK_CONTAINS(d.body.data, "\",\"source\":\"stdout\",\"text\":\"a \\\"b\\\"\"}\n");
        TAP_CHECK_CONTAINS(d.body.data, "\"text\":\"\xef\xbf\xbd\",\"encoding\":\"base64\",\"bytes\":\"/w==\"}\n");
        for (line = d.body.data; line && *line; n++) {
                _cleanup_json_ Json *row = NULL;
                size_t size = strcspn(line, "\n");
                char text[32];

                TAP_CHECK_INT(json_parse(line, size, &row, NULL), 0);
                snprintf(text, sizeof(text), "line %u", n - 2);
                if (n >= 2)
                        TAP_CHECK_STRING(json_get_string(row, "text"), text);
                TAP_CHECK(json_get_string(row, "cursor"));
                /* The trailer is the last row's. */
                if (line[size + 1] == 0)
                        TAP_CHECK_STRING(json_get_string(row, "cursor"), d.next);
                line += size + 1;
        }
        TAP_CHECK_INT(n, 1002);
}

/* It ends where the log ends now, and its trailer leads on to what comes then. */
static void test_going_on(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(download_done) Download d = {};

        if (!begin(&f))
                return;
        download(&f, "", TEXT, &d);
        TAP_CHECK(d.whole);
        CHECK_BODY(&d, "");
        TAP_CHECK_STRING(d.next, "");
        story_log(&f.story, "one", "two", NULL);
        download(&f, "", TEXT, &d);
        CHECK_BODY(&d, "one\ntwo\n");
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_free_ char *query = string_format("?after=%s", d.next);

                download(&f, query, TEXT, &d);
                CHECK_BODY(&d, "");
                story_log(&f.story, "more", "and more", NULL);
                download(&f, query, TEXT, &d);
                CHECK_BODY(&d, "more\nand more\n");
        }
}

/* Also where its lines come without their cursors: of the whole log, and of what may be asked for of it. */
static void test_text_ends_where_rows_end(void) {
        static const char *const queries[] = { "", "?tail=2", "?since=@1", "?grep=one", "?source=stdout",
                "?until=@99999999999", "?source=stdout,system" };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(download_done) Download d = {};
        _cleanup_free_ char *last = NULL, *after = NULL;

        if (!begin(&f))
                return;
        story_log(&f.story, "one", "two", "three", NULL);
        end(&f);
        download(&f, "?source=stdout", NDJSON, &d);
        TAP_CHECK_INT(string_replace(&last, d.next), 0);
        TAP_CHECK(*last);
        for (size_t i = 0; i < ELEMENTSOF(queries); i++) {
                download(&f, queries[i], TEXT, &d);
                TAP_CHECK(d.whole);
                TAP_CHECK_STRING(d.next, last);
        }
        after = string_format("?after=%s", last);
        download(&f, after, TEXT, &d);
        CHECK_BODY(&d, "");
        TAP_CHECK_STRING(d.next, last);
}

static void test_parts(void) {
        static const struct {
                const char *query, *text;
        } rows[] = {
                { "?tail=0", "" }, { "?tail=2", "line 8\nline 9\n" }, { "?tail=3&grep=8", "line 8\n" },
                { "?grep=[13]", "line 1\nline 3\n" }, { "?until=@1", "" }, { "?since=@99999999999", "" },
                { "?source=stderr", "" }, { "?source=system", "" }, { "?tail=2&until=@1", "" },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(download_done) Download d = {};
        _cleanup_free_ char *before = NULL, *between = NULL, *since = NULL;

        if (!begin(&f))
                return;
        story_log_numbered(&f.story, 10);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                download(&f, rows[i].query, TEXT, &d);
                check_bytes(&d, rows[i].text, strlen(rows[i].text), __LINE__);
        }
        api_ask(&f, "GET", LOGS, NULL, NULL);
#define ENTRY(i, key) json_get_string(json_at(json_get(f.json, "entries"), i), key)
        before = string_format("?tail=1&before=%s", ENTRY(3, "cursor"));
        between = string_format("?after=%s&before=%s", ENTRY(3, "cursor"), ENTRY(5, "cursor"));
        since = string_format("?since=%s&until=%s", ENTRY(3, "time"), ENTRY(5, "time"));
        download(&f, before, TEXT, &d);
        CHECK_BODY(&d, "line 2\n");
        download(&f, between, TEXT, &d);
        CHECK_BODY(&d, "line 4\n");
        download(&f, since, TEXT, &d);
        CHECK_BODY(&d, "line 3\nline 4\nline 5\n");
}

/* With a limit, or the newest first, it is a page also here. */
static void test_pages_in_other_forms(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        story_log_numbered(&f.story, 10);
        api_ask(&f, "GET", LOGS "?limit=2", TEXT, NULL);
        TAP_CHECK_STRING(f.body, "line 8\nline 9\n");
        TAP_CHECK_STRING(api_header(&f, "Content-Type"), "text/plain");
        TAP_CHECK_STRING(api_header(&f, "Log-Partial"), "false");
        TAP_CHECK(api_header(&f, "Log-Next"));
        TAP_CHECK(api_header(&f, "Log-Prev"));
        api_ask(&f, "GET", LOGS "?order=desc&grep=[34]", TEXT, NULL);
        TAP_CHECK_STRING(f.body, "line 4\nline 3\n");
        TAP_CHECK(!api_header(&f, "Log-Prev"));
        api_ask(&f, "GET", LOGS "?limit=1", NDJSON, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"text\":\"line 9\"}\n");
        api_ask(&f, "GET", LOGS, "Accept: image/png\r\n", NULL);
        api_check_error(&f, 406, "Accept", "text/plain");
        api_ask(&f, "HEAD", LOGS, TEXT, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(f.body, "");
}

/* A client that reads slowly gets the end of then, though the program writes on; memory stays that of a chunk. */
static void test_end_of_when_it_was_asked_for(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_(download_done) Download d = {};
        _cleanup_free_ char *line = malloc(10001);

        memset(line, 'x', 10000);
        line[10000] = 0;
        if (!begin(&f))
                return;
        /* More than the sockets take. */
        story_log_many(&f.story, line, 1500);
        story_log(&f.story, "the end of then", NULL);
        if (!api_send(&f, &c, "GET", LOGS, TEXT, NULL))
                return;
        http_client_stop_reading(&c);
        story_settle(&f.story);
        story_log(&f.story, "later", NULL);
        story_settle(&f.story);
        http_client_read_on(&c);
        TAP_CHECK(HTTP_WAIT(&f.http, c.ended));
        take_chunks(&d, c.received.data, c.received.size);
        TAP_CHECK(d.whole);
        TAP_CHECK_INT(d.body.size, 1500 * 10001 + strlen("the end of then\n"));
        TAP_CHECK(!http_client_got(&c, "later"));
}

/* What the service's end cuts does not look whole. */
static void test_end_of_the_service(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_(download_done) Download d = {};
        _cleanup_free_ char *line = malloc(10001);

        memset(line, 'x', 10000);
        line[10000] = 0;
        if (!begin(&f))
                return;
        story_log_many(&f.story, line, 1500);
        if (!api_send(&f, &c, "GET", LOGS, TEXT, NULL))
                return;
        http_client_stop_reading(&c);
        story_settle(&f.story);
        api_end_streams(f.api);
        http_client_read_on(&c);
        TAP_CHECK(HTTP_WAIT(&f.http, c.ended));
        take_chunks(&d, c.received.data, c.received.size);
        TAP_CHECK(!d.whole);
}

static const TapTest tests[] = {
        { "plain text is what was written", test_text_is_what_was_written },
        { "rows of JSON", test_rows_of_json },
        { "going on", test_going_on },
        { "text ends where rows end", test_text_ends_where_rows_end },
        { "parts", test_parts },
        { "pages in other forms", test_pages_in_other_forms },
        { "the end is that of when it was asked for", test_end_of_when_it_was_asked_for },
        { "the end of the service", test_end_of_the_service },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* The log over a real socket: pages, and the stream of events with its ids, its final event and its end. */
#include "api-fixture.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define MAKE "{\"command\": [\"make\"]}"
#define RUNNING "data: {\"status\": \"executing_task\", \"claude_status\": null, \"progress\": 60}\n\n"
#define FAILED "data: {\"status\": \"failed\", \"claude_status\": null, \"progress\": 60}\n\n"
#define FINAL "data: {\"status\": \"failed\", \"complete\": true, \"final\": true}\n\n"
#define HEARTBEAT "data: {\"heartbeat\": true}\n\n"
/* More than a socket takes at once. */
#define LONG_LINE ((size_t) 4 * 1024 * 1024)
#define END "\r\n0\r\n\r\n"

static FakeUnit *run(ApiFixture *f) {
        FakeUnit *u = api_create(f, MAKE);

        if (!u)
                return NULL;
        fake_unit_start(u);
        if (!TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING))))
                return NULL;
        story_settle(&f->story);
        return u;
}

static bool begin(ApiFixture *f) {
        return story_has_journal() && api_fixture_begin(f) && run(f);
}

static void end(ApiFixture *f) {
        fake_unit_end(story_unit(&f->story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

static bool open_stream(ApiFixture *f, HttpClient *c, const char *query, const char *headers) {
        _cleanup_free_ char *path = string_format("/api/task-logs/{id}/stream%s", query);

        return api_send(f, c, "GET", path, headers, NULL);
}

static bool stream_has(ApiFixture *f, HttpClient *c, const char *text) {
        return STORY_UNTIL(&f->story, http_client_got(c, text));
}

/* The id of the event of that line, in fresh memory. */
static char *event_id(const HttpClient *c, const char *line) {
        _cleanup_free_ char *data = string_format("\ndata: {\"log\": \"%s\"}", line);
        const char *found = c->received.data ? strstr(c->received.data, data) : NULL, *id = found;

        while (id && id > c->received.data && id[-1] != '\n')
                id--;
        if (!TAP_CHECK(id) || !TAP_CHECK(string_has_prefix(id, "id: ")))
                return NULL;
        return strndup(id + 4, (size_t) (found - id - 4));
}

/* --- the stream --- */

static void test_events_of_a_life(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f))
                return;
        story_log(&f.story, "before", NULL);
        if (!open_stream(&f, &c, "", NULL))
                return;
        TAP_CHECK(stream_has(&f, &c, "HTTP/1.1 200 OK"));
        TAP_CHECK(stream_has(&f, &c, "Content-Type: text/event-stream\r\n"));
        TAP_CHECK(http_client_got(&c, "Cache-Control: no-cache\r\n"));
        TAP_CHECK(stream_has(&f, &c, RUNNING));
        TAP_CHECK(stream_has(&f, &c, "data: {\"log\": \"before\"}\n\n"));
        story_log(&f.story, "\\\"quoted\\\" \xff", NULL);
        TAP_CHECK(stream_has(&f, &c, "data: {\"log\": \"\\\\\\\"quoted\\\\\\\" \xef\xbf\xbd\", \"encoding\": "
                                 "\"base64\", \"bytes\": \"XCJxdW90ZWRcIiD/\"}\n\n"));
        TAP_CHECK(!c.ended);
        fake_unit_set_state(story_unit(&f.story), "deactivating", "stop-post");
        TAP_CHECK(stream_has(&f, &c, "data: {\"status\": \"reviewing_changes\", "));
        story_log(&f.story, "last", NULL);
        end(&f);
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, "id: "), 3);
        TAP_CHECK_INT(http_client_count(&c, "data: {\"log\": \"last\"}\n\n"), 1);
        TAP_CHECK_INT(http_client_count(&c, RUNNING), 1);
        TAP_CHECK_INT(http_client_count(&c, FAILED FINAL END), 1);
        TAP_CHECK(strstr(c.received.data, "\"last\"") < strstr(c.received.data, FINAL));
}

static void test_agents_status_is_told(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!story_has_journal() || !api_fixture_begin(&f) ||
            !api_create(&f, "{\"github_repo\": \"o/r\", \"github_token\": \"t\", \"task_description\": \"d\"}") ||
            !open_stream(&f, &c, "", NULL))
                return;
        TAP_CHECK(stream_has(&f, &c, "{\"status\": \"initializing\", \"claude_status\": \"STARTING\", "
                                     "\"progress\": 0}"));
        fake_unit_start(story_unit(&f.story));
        TAP_CHECK(stream_has(&f, &c, "\"claude_status\": \"RUNNING\", \"progress\": 60}"));
        end(&f);
        TAP_CHECK(stream_has(&f, &c, "\"claude_status\": \"FAILED\""));
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
}

static void test_finished_stream_ends_at_once(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f))
                return;
        story_log(&f.story, "1", "2", "3", NULL);
        end(&f);
        if (!open_stream(&f, &c, "", NULL))
                return;
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, "id: "), 3);
        TAP_CHECK_INT(http_client_count(&c, FINAL END), 1);
        TAP_CHECK_INT(http_client_count(&c, RUNNING), 0);
        TAP_CHECK(strstr(c.received.data, "\"1\"") < strstr(c.received.data, "\"2\""));
        TAP_CHECK(strstr(c.received.data, "\"2\"") < strstr(c.received.data, "\"3\""));
}

/* Exactly behind the line whose id the client names, live and at the end. */
static void test_resumption(void) {
        for (unsigned i = 0; i < 4; i++) {
                _cleanup_(api_fixture_done) ApiFixture f = {};
                _cleanup_(http_client_done) HttpClient first = {}, second = {};
                _cleanup_free_ char *id = NULL, *text = NULL;
                bool live = i < 2, header = i % 2 == 0;

                if (!begin(&f))
                        return;
                story_log(&f.story, "one", "two", "three", NULL);
                if (!open_stream(&f, &first, "", NULL) || !TAP_CHECK(stream_has(&f, &first, "\"three\"")))
                        return;
                id = event_id(&first, "two");
                if (!live)
                        end(&f);
                text = string_format("%s%s%s", header ? "Last-Event-ID: " : "?after=", id, header ? "\r\n" : "");
                if (!open_stream(&f, &second, header ? "" : text, header ? text : NULL))
                        return;
                TAP_CHECK(stream_has(&f, &second, "\"three\""));
                if (live) {
                        story_log(&f.story, "four", NULL);
                        TAP_CHECK(stream_has(&f, &second, "\"four\""));
                        end(&f);
                }
                TAP_CHECK(STORY_UNTIL(&f.story, second.ended));
                TAP_CHECK_INT(http_client_count(&second, "id: "), live ? 2 : 1);
                TAP_CHECK_INT(http_client_count(&second, FINAL), 1);
        }
}

/* Whoever has everything need not come again. */
static void test_nothing_is_left(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_free_ char *id = NULL, *header = NULL;

        if (!begin(&f))
                return;
        story_log(&f.story, "one", "two", NULL);
        if (!open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, "\"two\"")))
                return;
        id = event_id(&c, "two");
        end(&f);
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        header = string_format("Last-Event-ID: %s\r\n", id);
        api_ask(&f, "GET", "/api/task-logs/{id}/stream", header, NULL);
        TAP_CHECK_INT(f.status, 204);
        TAP_CHECK_STRING(f.body, "");
}

static void test_cursor_of_another_task(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_free_ char *id = NULL, *header = NULL, *path = NULL;

        if (!begin(&f))
                return;
        story_log(&f.story, "one", NULL);
        if (!open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, "\"one\"")))
                return;
        id = event_id(&c, "one");
        header = string_format("Last-Event-ID: %s\r\n", id);
        path = string_format("/api/task/{id}/logs?after=%s", id);
        if (!run(&f))
                return;
        api_ask(&f, "GET", "/api/task-logs/{id}/stream", header, NULL);
        api_check_error(&f, 400, "Last-Event-ID", "no cursor of this task");
        api_ask(&f, "GET", path, NULL, NULL);
        api_check_error(&f, 400, "after", "no cursor of this task");
}

static void test_tail(void) {
        static const struct {
                const char *query;
                unsigned lines;
        } rows[] = { { "?tail=0", 0 }, { "?tail=2", 2 }, { "?tail=3", 3 }, { "?tail=100", 3 } };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        story_log(&f.story, "one", "two", "three", NULL);
        end(&f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(http_client_done) HttpClient c = {};

                if (!open_stream(&f, &c, rows[i].query, NULL))
                        return;
                TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
                TAP_CHECK_INT(http_client_count(&c, "id: "), rows[i].lines);
                TAP_CHECK_INT(http_client_got(&c, "\"three\""), rows[i].lines > 0);
                TAP_CHECK_INT(http_client_count(&c, FINAL END), 1);
        }
}

static void test_heartbeat(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f) || !open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, RUNNING)))
                return;
        test_clock_advance(28 * USEC_PER_SEC);
        story_settle(&f.story);
        TAP_CHECK_INT(http_client_count(&c, HEARTBEAT), 0);
        for (unsigned i = 1; i < 4; i++) {
                test_clock_advance(30 * USEC_PER_SEC);
                TAP_CHECK(STORY_UNTIL(&f.story, http_client_count(&c, HEARTBEAT) == i));
        }
        TAP_CHECK_INT(http_client_count(&c, "id: "), 0);
        TAP_CHECK(!c.ended);
}

/* The head alone, without even a last chunk, and nobody counts as a viewer for it. */
static void test_head(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        f.story.config.allow_multiple_connections = false;
        for (unsigned i = 0; i < 2; i++) {
                api_ask(&f, "HEAD", "/api/task-logs/{id}/stream", NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
                TAP_CHECK_STRING(f.body, "");
                TAP_CHECK_STRING(api_header(&f, "Content-Type"), "text/event-stream");
        }
}

/* Who looks on when an attempt is interrupted sees the next one in the same stream. */
static void test_attempts_in_one_stream(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_free_ char *unit = NULL;

        if (!begin(&f))
                return;
        f.story.config.orphaned_task_action = ORPHANED_TASK_RESUME;
        unit = task_unit_name(f.story.id);
        story_log(&f.story, "one", NULL);
        if (!open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, "one")))
                return;
        fake_unit_remove(story_unit(&f.story));
        fake_emit_unit_removed(&f.story.systemd, unit);
        TAP_CHECK(stream_has(&f, &c, "event: attempt\ndata: {\"attempt\": 2}\n\n"));
        TAP_CHECK_INT(http_client_count(&c, "final"), 0);
        test_clock_advance(f.story.config.resume_pause_usec + USEC_PER_SEC);
        if (!TAP_CHECK(STORY_UNTIL(&f.story, story_unit(&f.story))))
                return;
        fake_unit_start(story_unit(&f.story));
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_in(&f.story, TASK_RUNNING)));
        story_log(&f.story, "two", NULL);
        TAP_CHECK(stream_has(&f, &c, "two"));
        end(&f);
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, "\"log\": "), 2);
        TAP_CHECK_INT(http_client_count(&c, "event: attempt"), 1);
        TAP_CHECK_INT(http_client_count(&c, FINAL), 1);
}

/* Resumed while a viewer still reads what the earlier attempt wrote: that one's end is not the task's. */
static void test_resumed_under_a_viewer(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        _cleanup_free_ char *longer = calloc(1, LONG_LINE + 1);

        if (!begin(&f) || !TAP_CHECK(longer))
                return;
        memset(longer, 'x', LONG_LINE);
        story_log(&f.story, longer, "last", NULL);
        end(&f);
        TAP_CHECK(STORY_UNTIL(&f.story, !story_unit(&f.story)));
        if (!open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, "xxx")))
                return;
        TAP_CHECK(!http_client_got(&c, "last"));
        TAP_CHECK_INT(story_resume(&f.story), 0);
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, "last"), 1);
        TAP_CHECK_INT(http_client_count(&c, "final"), 0);
}

/* The service ends: clients come back, so nothing is final. */
static void test_end_of_the_service(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f) || !open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, RUNNING)))
                return;
        api_end_streams(f.api);
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, "final"), 0);
        TAP_CHECK_INT(http_client_count(&c, END), 1);
}

static void test_one_viewer_when_configured_so(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        f.story.config.allow_multiple_connections = false;
        {
                _cleanup_(http_client_done) HttpClient c = {};

                if (!open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, RUNNING)))
                        return;
                api_ask(&f, "GET", "/api/task-logs/{id}/stream", NULL, NULL);
                api_check_error(&f, 409, NULL, "allow_multiple_connections");
                end(&f);
                TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        }
        api_ask(&f, "GET", "/api/task-logs/{id}/stream", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

static void test_several_viewers_see_the_same(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        HttpClient clients[3] = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                char line[16];

                TAP_CHECK(open_stream(&f, &clients[i], "", NULL));
                snprintf(line, sizeof(line), "line %zu", i);
                story_log(&f.story, line, NULL);
                TAP_CHECK(stream_has(&f, &clients[i], line));
        }
        end(&f);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                TAP_CHECK(STORY_UNTIL(&f.story, clients[i].ended));
                TAP_CHECK_INT(http_client_count(&clients[i], "id: "), 3);
                TAP_CHECK_INT(http_client_count(&clients[i], FINAL END), 1);
                http_client_done(&clients[i]);
        }
}

/* Live viewers while systemd is away. */
static void test_stream_without_systemd(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f) || !open_stream(&f, &c, "", NULL) || !TAP_CHECK(stream_has(&f, &c, RUNNING)))
                return;
        fake_drop_connection(&f.story.systemd);
        story_settle(&f.story);
        story_log(&f.story, "meanwhile", NULL);
        TAP_CHECK(stream_has(&f, &c, "\"meanwhile\""));
        story_record(&f.story, NULL, "exit-code", "exited", "1");
        fake_unit_remove(story_unit(&f.story));
        TAP_CHECK(!c.ended);
        if (!story_connect(&f.story))
                return;
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, FAILED FINAL END), 1);
}

/* --- pages --- */

static void test_pages(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char path[512];

        if (!begin(&f))
                return;
        story_log(&f.story, "one", "two", "three", "four", "five", NULL);
        TAP_CHECK(STORY_UNTIL(&f.story, story_task(&f.story)->log_lines == 5));
        api_ask(&f, "GET", "/api/task/{id}/logs", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"one\",\"two\",\"three\",\"four\",\"five\"],\"total\":5");
        TAP_CHECK_INT(json_length(json_get(f.json, "entries")), 5);
        snprintf(path, sizeof(path), "/api/task/{id}/logs?limit=2&after=%s",
                 json_get_string(json_at(json_get(f.json, "entries"), 1), "cursor"));
        api_ask(&f, "GET", path, NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"three\",\"four\"]");
        snprintf(path, sizeof(path), "/api/task/{id}/logs?after=%s", api_string(&f, "next"));
        api_ask(&f, "GET", path, NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"five\"]");
        api_ask(&f, "GET", "/api/task/{id}/logs?limit=1", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"five\"]");
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[\"one\",\"two\",\"three\",\"four\",\"five\"]");
}

static const TapTest tests[] = {
        { "the events of a life", test_events_of_a_life },
        { "an agent's status is told", test_agents_status_is_told },
        { "the stream of a finished task ends at once", test_finished_stream_ends_at_once },
        { "resumption is exact", test_resumption },
        { "204 for who has everything", test_nothing_is_left },
        { "the cursor of another task is refused", test_cursor_of_another_task },
        { "tail", test_tail },
        { "the heartbeat", test_heartbeat },
        { "HEAD of a stream", test_head },
        { "attempts in one stream", test_attempts_in_one_stream },
        { "resumed under a viewer", test_resumed_under_a_viewer },
        { "the end of the service is not final", test_end_of_the_service },
        { "one viewer when configured so", test_one_viewer_when_configured_so },
        { "several viewers see the same", test_several_viewers_see_the_same },
        { "a stream goes on without systemd", test_stream_without_systemd },
        { "pages", test_pages },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

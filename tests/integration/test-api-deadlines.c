/* Deadlines as clients see them: the named events of the stream, the fields of a request, and check-alive. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <stdio.h>

#define SECONDS(n) ((n) * USEC_PER_SEC)
#define WARNING "event: warning\ndata: {\"warning\": \"The time limit of 7200 s is reached in "
#define STALLED "event: stalled\ndata: {\"stalled\": true, \"last_output_at\": "
#define CLEARED "event: stalled\ndata: {\"stalled\": false}\n\n"

static bool begin(ApiFixture *f, const char *request) {
        FakeUnit *u;

        if (!story_has_journal() || !api_fixture_begin(f) || !(u = api_create(f, request)))
                return false;
        fake_unit_start(u);
        if (!TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING))))
                return false;
        story_settle(&f->story);
        return true;
}

static void end(ApiFixture *f) {
        fake_unit_end(story_unit(&f->story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

static bool open_stream(ApiFixture *f, HttpClient *c) {
        return api_send(f, c, "GET", "/api/task-logs/{id}/stream", NULL, NULL) &&
               TAP_CHECK(STORY_UNTIL(&f->story, http_client_got(c, "executing_task")));
}

static bool stream_has(ApiFixture *f, HttpClient *c, const char *text) {
        return STORY_UNTIL(&f->story, http_client_got(c, text));
}

/* Who watches gets it when it is time, who comes later at once; nobody twice. */
static void test_warning(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient first = {}, second = {};
        _cleanup_free_ char *deadline = NULL;
        char at[CLOCK_TEXT_SIZE];

        if (!begin(&f, "{\"command\": [\"make\"]}") || !open_stream(&f, &first))
                return;
        deadline = string_format("\"deadline\": \"%s\", \"remaining_seconds\": ",
                                 clock_format(task_deadline(story_task(&f.story)), at));
        test_clock_advance(SECONDS(6890));
        story_settle(&f.story);
        TAP_CHECK(!http_client_got(&first, "event: "));
        test_clock_advance(SECONDS(10));
        TAP_CHECK(stream_has(&f, &first, WARNING "300 s (at "));
        TAP_CHECK(http_client_got(&first, deadline));
        TAP_CHECK(http_client_got(&first, "\"remaining_seconds\": 300}\n\n"));

        test_clock_advance(SECONDS(200));
        if (!open_stream(&f, &second))
                return;
        TAP_CHECK(stream_has(&f, &second, WARNING "100 s (at "));
        TAP_CHECK(http_client_got(&second, deadline));
        TAP_CHECK(http_client_got(&second, "\"remaining_seconds\": 100}\n\n"));
        story_log(&f.story, "line", NULL);
        TAP_CHECK(stream_has(&f, &first, "{\"log\": \"line\"}") && stream_has(&f, &second, "{\"log\": \"line\"}"));
        end(&f);
        TAP_CHECK(STORY_UNTIL(&f.story, first.ended && second.ended));
        TAP_CHECK_INT(http_client_count(&first, "event: "), 1);
        TAP_CHECK_INT(http_client_count(&second, "event: "), 1);
        TAP_CHECK_INT(http_client_count(&first, "id: "), 1);
}

/* Nothing of it to who comes when the task has ended. */
static void test_no_warning_after_the_end(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f, "{\"command\": [\"make\"], \"stall_timeout\": 60}"))
                return;
        test_clock_advance(SECONDS(7000));
        TAP_CHECK(STORY_UNTIL(&f.story, clock_is_set(story_task(&f.story)->warned_at)));
        TAP_CHECK(STORY_UNTIL(&f.story, clock_is_set(story_task(&f.story)->stalled_at)));
        end(&f);
        TAP_CHECK(api_send(&f, &c, "GET", "/api/task-logs/{id}/stream", NULL, NULL));
        TAP_CHECK(STORY_UNTIL(&f.story, c.ended));
        TAP_CHECK_INT(http_client_count(&c, "event: "), 0);
}

static void test_stall(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient first = {}, second = {}, third = {};
        _cleanup_free_ char *event = NULL;
        char at[CLOCK_TEXT_SIZE];

        if (!begin(&f, "{\"command\": [\"make\"], \"stall_timeout\": 60}") || !open_stream(&f, &first))
                return;
        test_clock_advance(SECONDS(61));
        TAP_CHECK(stream_has(&f, &first, STALLED "null, \"stall_timeout\": 60}\n\n"));
        story_log(&f.story, "line", NULL);
        TAP_CHECK(stream_has(&f, &first, CLEARED));
        if (!open_stream(&f, &second))
                return;
        test_clock_advance(SECONDS(61));
        TAP_CHECK(STORY_UNTIL(&f.story, http_client_count(&first, STALLED) == 2));
        event = string_format(STALLED "\"%s\", \"stall_timeout\": 60}\n\n",
                              clock_format(story_task(&f.story)->last_output_at, at));
        TAP_CHECK(stream_has(&f, &first, event) && stream_has(&f, &second, event));
        if (!open_stream(&f, &third))
                return;
        TAP_CHECK(stream_has(&f, &third, event));
        end(&f);
        TAP_CHECK(STORY_UNTIL(&f.story, first.ended && second.ended && third.ended));
        TAP_CHECK_INT(http_client_count(&first, "event: "), 3);
        TAP_CHECK_INT(http_client_count(&second, "event: "), 1);
        TAP_CHECK_INT(http_client_count(&third, "event: "), 1);
}

static void check_told(ApiFixture *f, bool stalled) {
        const Json *info;

        api_ask(f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_INT(json_get_bool(f->json, "stalled"), stalled);
        TAP_CHECK_INT(json_get_string(f->json, "stalled_at") != NULL, stalled);
        api_ask(f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        info = json_get(f->json, "thread_info");
        TAP_CHECK(json_get(info, "stalled"));
        TAP_CHECK_INT(json_get_bool(info, "stalled"), stalled);
        TAP_CHECK_INT(json_get_string(info, "stalled_at") != NULL, stalled);
}

static void test_document_and_check_alive(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, "{\"command\": [\"make\"], \"stall_timeout\": 60}"))
                return;
        check_told(&f, false);
        test_clock_advance(SECONDS(61));
        TAP_CHECK(STORY_UNTIL(&f.story, clock_is_set(story_task(&f.story)->stalled_at)));
        check_told(&f, true);
}

static void test_requests(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        api_ask(&f, "POST", "/api/create-task", NULL, "{\"command\": [\"make\"], \"stall_timeout\": -1}");
        api_check_error(&f, 400, "stall_timeout", "number of seconds");
        api_ask(&f, "POST", "/api/create-task", NULL, "{\"command\": [\"make\"], \"stall_action\": \"kill\"}");
        api_check_error(&f, 400, "stall_action", "must be mark or stop");
        f.story.config.stall_timeout_usec = SECONDS(90);
        if (!api_create(&f, "{\"command\": [\"make\"], \"stall_action\": \"stop\"}"))
                return;
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"stall_timeout\":90,\"stall_action\":\"stop\"");
}

static const TapTest tests[] = {
        { "the warning", test_warning },
        { "no warning after the end", test_no_warning_after_the_end },
        { "the stall", test_stall },
        { "document and check-alive", test_document_and_check_alive },
        { "requests", test_requests },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

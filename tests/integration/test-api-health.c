/* GET /api/health: how the service is, and what somebody should look at. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#define MAKE "{\"command\": [\"make\"]}"
#define OTHER "task-1700000000-abcdef"

static void check_body_has(ApiFixture *f, const char *part) {
        _cleanup_free_ char *expanded = story_expand(&f->story, part);

        TAP_CHECK_CONTAINS(f->body, expanded);
}

/* A task that runs. */
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

static void test_health(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 503);
        TAP_CHECK_CONTAINS(api_string(&f, "error"), "may not read the journal");
}

static void test_health_of_systemd(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!story_has_journal() || !api_fixture_begin(&f) || !run(&f))
                return;
        story_log(&f.story, "a line", NULL);
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(api_string(&f, "status"), "ok");
        check_body_has(&f, "\"error\":null");
        check_body_has(&f, "\"systemd_connected\":true");
        check_body_has(&f, "\"broken_files\":0");
        check_body_has(&f, "\"tasks\":1");
        check_body_has(&f, "\"findings\":[]");
        fake_drop_connection(&f.story.systemd);
        story_settle(&f.story);
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 503);
        TAP_CHECK_STRING(api_string(&f, "status"), "degraded");
        check_body_has(&f, "\"systemd_connected\":false");
        TAP_CHECK_CONTAINS(api_string(&f, "error"), "closed the connection");
        if (!story_connect(&f.story))
                return;
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

/* A journal that can be read is what is otherwise missing here. */
static bool begin_healthy(ApiFixture *f) {
        if (!story_has_journal() || !api_fixture_begin(f) || !run(f))
                return false;
        story_log(&f->story, "a line", NULL);
        api_ask(f, "GET", "/api/health", NULL, NULL);
        return TAP_CHECK_INT(f->status, 200);
}

static void test_health_of_the_disk(void) {
        static const int errors[] = { -ENOSPC, -EDQUOT, -EROFS };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                _cleanup_(api_fixture_done) ApiFixture f = {};

                if (!begin_healthy(&f))
                        return;
                check_body_has(&f, "\"state_writable\":true");
                test_disk_error = errors[i];
                api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
                api_ask(&f, "GET", "/api/health", NULL, NULL);
                TAP_CHECK_INT(f.status, 503);
                TAP_CHECK_STRING(api_string(&f, "status"), "degraded");
                TAP_CHECK_CONTAINS(api_string(&f, "error"), strerror(-errors[i]));
                TAP_CHECK_CONTAINS(api_string(&f, "error"), f.story.state);
                check_body_has(&f, "\"state_writable\":false");
                test_disk_error = 0;
                test_clock_advance(5 * USEC_PER_SEC);
                story_settle(&f.story);
                api_ask(&f, "GET", "/api/health", NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
        }
}

/* It is listed, but the service is as well as ever. */
static void test_health_names_what_lies_aside(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin_healthy(&f))
                return;
        check_body_has(&f, "\"broken_files\":0,\"files_set_aside\":[],\"files_refused\":[]");
        api_fixture_stop_api(&f);
        story_stop_service(&f.story);
        story_write(&f.story, OTHER ".json.broken-17", "");
        story_write(&f.story, OTHER ".json", "{\"version\":99,\"task_id\":\"" OTHER "\"}");
        if (!story_start_service(&f.story) || !api_fixture_start_api(&f))
                return;
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_body_has(&f, "\"broken_files\":2,\"files_set_aside\":[\"" OTHER ".json.broken-17\"],"
                           "\"files_refused\":[\"" OTHER ".json\"]");
}

/* Given again for a second, but not against what the service knows by itself. */
static void test_an_answer_is_believed_for_a_second(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!story_has_journal() || !api_fixture_begin(&f) || !run(&f))
                return;
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 503);
        check_body_has(&f, "\"journal_readable\":false");
        check_body_has(&f, "\"tasks\":1");
        story_log(&f.story, "a line", NULL);
        test_clock_advance(USEC_PER_SEC);
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_body_has(&f, "\"journal_readable\":true");
        api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        check_body_has(&f, "\"tasks\":2");
}

static const TapTest tests[] = {
        { "a journal that cannot be read", test_health },
        { "systemd", test_health_of_systemd },
        { "the disk", test_health_of_the_disk },
        { "files that lie aside", test_health_names_what_lies_aside },
        { "an answer is believed for a second", test_an_answer_is_believed_for_a_second },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

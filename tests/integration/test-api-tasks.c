/* What the routes about tasks do and say, over a real socket. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define MAKE "{\"command\": [\"make\"]}"

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

static void check_body_has(ApiFixture *f, const char *part) {
        _cleanup_free_ char *expanded = story_expand(&f->story, part);

        TAP_CHECK_CONTAINS(f->body, expanded);
}

/* --- create and look --- */

static void test_create(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *should = NULL;

        if (!api_fixture_begin(&f) || !api_create(&f, MAKE))
                return;
        should = story_expand(&f.story, "{\"task_id\":\"{id}\",\"unit\":\"{unit}\",\"status\":\"initializing\"}\n");
        TAP_CHECK_STRING(f.body, should);
        TAP_CHECK_STRING(api_header(&f, "Content-Type"), "application/json");
}

static void test_create_without_systemd(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_open(&f, false))
                return;
        api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
        api_check_error(&f, 503, NULL, "systemd cannot be reached");
        TAP_CHECK_INT(story_count_files(&f.story, "task-"), 0);
}

static void test_create_without_disk(void) {
        static const struct {
                int error;
                unsigned status;
                const char *part;
        } rows[] = {
                { -ENOSPC, 507, "No space left on device; make room" }, { -EDQUOT, 507, "make room" },
                { -EROFS, 503, "mounted read-write" },                  { -EIO, 500, "look at the disk" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(api_fixture_done) ApiFixture f = {};

                if (!api_fixture_begin(&f))
                        return;
                test_disk_error = rows[i].error;
                api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
                test_disk_error = 0;
                api_check_error(&f, rows[i].status, NULL, rows[i].part);
                api_check_error(&f, rows[i].status, NULL, f.story.state);
                TAP_CHECK_INT(story_count_files(&f.story, "task-"), 0);
        }
}

static void test_refused_task_says_so(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        fake_refuse(&f.story.systemd, "StartTransientUnit", SD_BUS_ERROR_INVALID_ARGS, "No such thing.");
        api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
        TAP_CHECK_INT(f.status, 200);
        snprintf(f.story.id, sizeof(f.story.id), "%s", api_string(&f, "task_id") ?: "");
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(api_string(&f, "status"), "failed");
        TAP_CHECK_STRING(api_string(&f, "reason"), "start-failed");
        TAP_CHECK_CONTAINS(api_string(&f, "error"), "No such thing.");
}

static void test_status_at_each_stage(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !api_create(&f, "{\"command\": [\"make\", \"all\"], \"labels\": {\"a\": \"b\"}, "
                                                      "\"environment\": {\"PASS\": \"word\"}, \"timeout\": 60}"))
                return;
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_body_has(&f, "\"task_id\":\"{id}\"");
        check_body_has(&f, "\"unit\":\"{unit}\"");
        check_body_has(&f, "\"status\":\"initializing\"");
        check_body_has(&f, "\"command\":[\"make\",\"all\"]");
        check_body_has(&f, "\"labels\":{\"a\":\"b\"}");
        check_body_has(&f, "\"progress\":0");
        check_body_has(&f, "\"is_running\":true");
        check_body_has(&f, "\"deadline\":null");
        check_body_has(&f, "\"logs\":[]");
        /* What is only for the disk. */
        TAP_CHECK(f.body && !strstr(f.body, "\"version\"") && !strstr(f.body, "log_cursor"));

        story_unit(&f.story)->status.active_enter_usec = 1700000000000000;
        fake_unit_start(story_unit(&f.story));
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_in(&f.story, TASK_RUNNING)));
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        check_body_has(&f, "\"status\":\"executing_task\"");
        check_body_has(&f, "\"progress\":60");
        check_body_has(&f, "\"started_at\":\"2023-11-14T22:13:20.000000Z\"");
        check_body_has(&f, "\"deadline\":\"2023-11-14T22:14:20.000000Z\"");
        check_body_has(&f, "\"invocation_id\":\"{invocation}\"");

        story_record(&f.story, NULL, "exit-code", "exited", "2");
        fake_unit_end(story_unit(&f.story), "exit-code", CLD_EXITED, 2);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        check_body_has(&f, "\"status\":\"failed\"");
        check_body_has(&f, "\"state\":\"finished\"");
        check_body_has(&f, "\"exit_code\":2");
        check_body_has(&f, "\"is_running\":false");
}

/* --- check-alive --- */

static void test_check_alive(void) {
        static const char *const parts[] = {
                "\"task_id\":\"{id}\"", "\"is_alive\":true", "\"task_status\":\"executing_task\"",
                "\"systemctl\":\"systemctl --user status {unit}\"", "\"journalctl\":\"journalctl --user -u {unit}\"",
                "\"thread_name\":\"{unit}\"", "\"main_pid\":4711", "\"invocation_id\":\"{invocation}\"",
                "\"active_state\":\"active\"", "\"sub_state\":\"running\"", "\"memory_bytes\":4096",
                "\"cpu_seconds\":1.5", "\"tasks\":3", "\"last_output_at\":null", "\"deadline\":\"2",
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        FakeUnit *u;

        if (!api_fixture_begin(&f) || !(u = run(&f)))
                return;
        u->status.memory_bytes = 4096;
        u->status.cpu_nsec = 1500000000;
        u->status.tasks = 3;
        test_clock_advance(2 * USEC_PER_SEC);
        api_ask(&f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                check_body_has(&f, parts[i]);
}

/* Where there is no controller; and at the end. */
static void test_check_alive_without_figures(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        FakeUnit *u;

        if (!api_fixture_begin(&f) || !(u = run(&f)))
                return;
        u->status.memory_bytes = u->status.cpu_nsec = u->status.tasks = UINT64_MAX;
        test_clock_advance(2 * USEC_PER_SEC);
        api_ask(&f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        check_body_has(&f, "\"memory_bytes\":null,\"cpu_seconds\":null,\"tasks\":null");
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_body_has(&f, "\"thread_info\":null");
        check_body_has(&f, "\"is_alive\":false");
        check_body_has(&f, "\"task_status\":\"failed\"");
}

/* The answer comes all the same: connection lost, task ended, task forgotten. */
static void test_check_alive_whatever_happens(void) {
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(api_fixture_done) ApiFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};
                FakeUnit *u;

                if (!api_fixture_begin(&f) || !(u = run(&f)))
                        return;
                test_clock_advance(2 * USEC_PER_SEC);
                fake_delay_replies(&f.story.systemd, "GetAll");
                if (!api_send(&f, &c, "GET", "/api/task/{id}/check-alive", NULL, NULL))
                        return;
                story_settle(&f.story);
                TAP_CHECK(!c.ended);
                if (i > 0) {
                        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
                        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
                }
                if (i > 1)
                        TAP_CHECK_INT(manager_forget_task(f.story.manager, f.story.id, STORY_ACTOR, NULL), 0);
                if (i == 0)
                        fake_drop_connection(&f.story.systemd);
                else
                        fake_release_replies(&f.story.systemd);
                api_await(&f, &c);
                TAP_CHECK_INT(f.status, i > 1 ? 404 : 200);
                if (i < 2)
                        check_body_has(&f, i == 0 ? "\"is_alive\":true" : "\"is_alive\":false");
        }
}

/* The client has gone when the answer comes. */
static void test_check_alive_client_is_gone(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !run(&f))
                return;
        test_clock_advance(2 * USEC_PER_SEC);
        fake_delay_replies(&f.story.systemd, "GetAll");
        {
                _cleanup_(http_client_done) HttpClient c = {};

                if (!api_send(&f, &c, "GET", "/api/task/{id}/check-alive", NULL, NULL))
                        return;
                story_settle(&f.story);
        }
        story_settle(&f.story);
        fake_release_replies(&f.story.systemd);
        story_settle(&f.story);
        api_ask(&f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

/* --- cancel and forget --- */

static void test_cancel(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !run(&f))
                return;
        for (unsigned i = 0; i < 3; i++) {
                api_ask(&f, "POST", "/api/task/{id}/cancel", NULL, i == 1 ? "{}" : NULL);
                TAP_CHECK_INT(f.status, 200);
                TAP_CHECK_STRING(api_string(&f, "task_id"), f.story.id);
                TAP_CHECK_STRING(api_string(&f, "status"), "stopping");
        }
        TAP_CHECK_INT(fake_count_calls(&f.story.systemd, "StopUnit"), 1);
        fake_unit_end(story_unit(&f.story), "success", CLD_KILLED, SIGTERM);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "POST", "/api/task/{id}/cancel", NULL, NULL);
        api_check_error(&f, 409, NULL, "already ended: cancelled");
}

/* Systemd is away: the wish is taken all the same. */
static void test_resume(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !api_create(&f, "{\"command\": [\"make\"]}"))
                return;
        api_ask(&f, "POST", "/api/task/{id}/resume", NULL, NULL);
        api_check_error(&f, 409, NULL, "has not ended");
        api_ask(&f, "POST", "/api/task/task-1700000000-000000/resume", NULL, NULL);
        api_check_error(&f, 404, NULL, "Task not found");
        fake_unit_start(story_unit(&f.story));
        fake_unit_end(story_unit(&f.story), "success", CLD_EXITED, 0);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "POST", "/api/task/{id}/resume", NULL, "{}");
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(api_string(&f, "task_id"), f.story.id);
        TAP_CHECK_STRING(api_string(&f, "status"), "initializing");
        TAP_CHECK_CONTAINS(f.body, "\"attempt\":2");
        fake_drop_connection(&f.story.systemd);
        story_settle(&f.story);
        api_ask(&f, "GET", "/api/task/{id}/resume", NULL, NULL);
        TAP_CHECK_INT(f.status, 405);
}

static void test_cancel_without_systemd(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !run(&f))
                return;
        fake_drop_connection(&f.story.systemd);
        story_settle(&f.story);
        api_ask(&f, "POST", "/api/task/{id}/cancel", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_STRING(api_string(&f, "status"), "stopping");
        check_body_has(&f, "\"cancel_requested\":true");
        if (story_connect(&f.story))
                TAP_CHECK_INT(fake_count_calls(&f.story.systemd, "StopUnit"), 1);
}

/* Who is told that a directory is taken is told by which task, in a field of its own. */
static void test_directory_that_is_taken(void) {
        static const char request[] = "{\"task_description\": \"d\", \"working_directory\": \"/srv/work\"}";
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char first[TASK_ID_SIZE + 1];

        if (!api_fixture_begin(&f) || !api_create(&f, request))
                return;
        memcpy(first, f.story.id, sizeof(first));
        api_ask(&f, "POST", "/api/create-task", NULL, request);
        api_check_error(&f, 409, "working_directory", first);
        TAP_CHECK_STRING(api_string(&f, "task_id"), first);
}

static void test_delete(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !run(&f))
                return;
        api_ask(&f, "DELETE", "/api/task/{id}", NULL, NULL);
        api_check_error(&f, 409, NULL, "cancel it first");
        fake_unit_end(story_unit(&f.story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "DELETE", "/api/task/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(api_string(&f, "task_id"), f.story.id);
        TAP_CHECK_INT(story_count_files(&f.story, f.story.id), 0);
        api_ask(&f, "DELETE", "/api/task/{id}", NULL, NULL);
        api_check_error(&f, 404, NULL, "Task not found");
}

static const TapTest tests[] = {
        { "create", test_create },
        { "create without systemd", test_create_without_systemd },
        { "create without disk", test_create_without_disk },
        { "a task that systemd refuses says so", test_refused_task_says_so },
        { "the document at each stage", test_status_at_each_stage },
        { "check-alive", test_check_alive },
        { "check-alive without figures", test_check_alive_without_figures },
        { "check-alive is answered whatever happens", test_check_alive_whatever_happens },
        { "check-alive for a client that is gone", test_check_alive_client_is_gone },
        { "cancel", test_cancel },
        { "a directory that is taken", test_directory_that_is_taken },
        { "resume", test_resume },
        { "cancel without systemd", test_cancel_without_systemd },
        { "delete", test_delete },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

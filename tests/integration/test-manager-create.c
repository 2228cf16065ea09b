/* From a request to a unit: the order in which things happen, and what becomes of the task whatever systemd answers,
 * and whenever it does. What systemd is told of the unit is in test-unit-properties.c. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"

static void test_document_is_there_before_systemd_hears(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *document = NULL;

        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, MAKE), 0))
                return;
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 0);
        document = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(document, "\"state\":\"queued\"");
        TAP_CHECK_CONTAINS(document, "\"result\":null");
        TAP_CHECK_INT(story_count_files(&s, ".tmp-"), 0);
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StartTransientUnit") == 1));
}

/* The states of a unit, and what they are for the task. The first is the one of the job that waits. */
static void test_states_follow_the_unit(void) {
        static const struct {
                const char *active, *sub;
                TaskState state;
                const char *status;
        } rows[] = {
                { "inactive", "dead", TASK_STARTING, "initializing" },
                { "activating", "start-pre", TASK_PREPARING, "preparing_workspace" },
                { "activating", "start", TASK_STARTING, "initializing" },
                { "reloading", "reload", TASK_RUNNING, "executing_task" },
                { "active", "running", TASK_RUNNING, "executing_task" },
                { "maintenance", "new-in-some-version", TASK_RUNNING, "executing_task" },
                { "deactivating", "stop-sigterm", TASK_STOPPING, "stopping" },
                { "deactivating", "stop-post", TASK_REVIEWING, "reviewing_changes" },
        };
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                fake_unit_set_state(u, rows[i].active, rows[i].sub);
                story_settle(&s);
                TAP_CHECK_INT(story_task(&s)->state, rows[i].state);
                TAP_CHECK_STRING(task_status(story_task(&s)), rows[i].status);
        }
}

static void test_begin_of_the_work_is_the_units(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *document = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        TAP_CHECK_INT(task_deadline(story_task(&s)), 0);
        u->status.active_enter_usec = 1700000000123456;
        fake_unit_start(u);
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->started_at, 1700000000123456);
        TAP_CHECK_INT(task_deadline(story_task(&s)), 1700007200123456);
        TAP_CHECK_STRING(story_task(&s)->invocation_id, u->status.invocation_id);
        document = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(document, "\"started_at\":\"2023-11-14T22:13:20.123456Z\"");
        TAP_CHECK_CONTAINS(document, u->status.invocation_id);
}

/* What systemd says at once is saved once; and at the latest with the next look at everything, however busy it is. */
static void test_states_of_one_turn_are_saved_once(void) {
        _cleanup_(story_done) Story s = {};
        unsigned documents;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        story_pass(&s, USEC_PER_SEC);
        documents = test_disk_documents;
        fake_unit_start(u);
        fake_unit_set_state(u, "deactivating", "stop-post");
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_REVIEWING)));
        manager_monitor(s.manager);
        TAP_CHECK(story_document_has(&s, "\"state\":\"reviewing\""));
        story_pass(&s, USEC_PER_SEC);
        TAP_CHECK_INT(test_disk_documents, documents + 1);
}

static void test_signals_before_the_reply(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        if (!(u = story_ask(&s)))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        fake_unit_set_state(u, "activating", "start-pre");
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_PREPARING)));
        fake_unit_start(u);
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
}

/* A program that is quicker than the answer. */
static void test_end_before_the_reply(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        if (!(u = story_ask(&s)))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_start(u);
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

/* The launcher is asked over another connection than systemd: a list may come between the request and the unit. */
static void test_a_list_that_overtakes_the_start(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        if (!(u = story_ask(&s)))
                return;
        fake_unit_remove(u);
        story_monitor(&s);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 2);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
}

/* Only JobRemoved tells: no PropertiesChanged was heard. */
static void test_end_of_the_job_alone(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        fake_unit_put_state(u, "active", "running");
        fake_emit_job_removed(u, "done");
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        TAP_CHECK_STRING(story_task(&s)->invocation_id, u->status.invocation_id);
}

/* What the unit is after it; and where that tells nothing, why systemd gave the job up. All the results that 252
 * knows, heard before the answer to the start and after it. */
static void check_result_of_the_job(const char *job, const char *active_state, const char *verdict, bool before) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, before ? "StartTransientUnit" : NULL);
        if (!(u = story_ask(&s)))
                return;
        snprintf(u->status.result, UNIT_WORD_SIZE, "exit-code");
        u->status.exec_main_code = string_equal(active_state, "failed") ? CLD_EXITED : 0;
        u->status.exec_main_status = 1;
        fake_unit_put_state(u, active_state, "any");
        fake_emit_job_removed(u, job);
        story_settle(&s);
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_STRING(story_verdict(&s), verdict);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

static void test_every_result_of_the_job(void) {
        static const struct {
                const char *job, *active_state, *verdict;
        } rows[] = {
                { "done", "active", "running" },
                { "canceled", "inactive", "interrupted unit-lost" },
                { "canceled", "failed", "failed exit-code" },
                { "failed", "failed", "failed exit-code" },
                { "timeout", "inactive", "failed start-failed" },
                { "dependency", "inactive", "failed start-failed" },
                { "skipped", "inactive", "failed start-failed" },
                { "assert", "inactive", "failed start-failed" },
                { "unsupported", "inactive", "failed start-failed" },
                { "invalid", "inactive", "interrupted unit-lost" },
                { "collected", "inactive", "interrupted unit-lost" },
                { "once", "inactive", "interrupted unit-lost" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (unsigned before = 0; before < 2; before++)
                        check_result_of_the_job(rows[i].job, rows[i].active_state, rows[i].verdict, before);
}

/* The recorder's file is what the condition of the unit looks for: it has run already. */
static void test_skipped_job_of_a_task_that_has_ended(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        story_record(&s, NULL, "exit-code", "exited", "4");
        fake_emit_job_removed(u, "skipped");
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 4);
}

static void test_refusal_is_the_tasks_error(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_refuse(&s.systemd, "StartTransientUnit", SD_BUS_ERROR_INVALID_ARGS, "Unit name is no good.");
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK_STRING(story_verdict(&s), "failed start-failed");
        TAP_CHECK_CONTAINS(story_task(&s)->error, "Unit name is no good.");
        TAP_CHECK_INT(story_task(&s)->exit_code, -1);
        TAP_CHECK(clock_is_set(story_task(&s)->finished_at));
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 0);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

/* The answers after which nobody knows whether the unit is there: it is asked for, and what it says counts. */
static void test_unit_is_there_after_all(void) {
        static const char *const errors[] = {
                "org.freedesktop.systemd1.UnitExists", SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
        };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                _cleanup_(story_done) Story s = {};
                _cleanup_free_ char *name = NULL;

                if (!story_begin(&s))
                        return;
                fake_refuse(&s.systemd, "StartTransientUnit", errors[i], "It is there already.");
                TAP_CHECK_INT(story_create(&s, MAKE), 0);
                TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StartTransientUnit") == 1));
                name = task_unit_name(s.id);
                fake_unit_put_state(fake_unit_add(&s.systemd, name), "active", "running");
                story_settle(&s);
                TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
        }
}

/* A machine that goes down starts nothing any more: what was acknowledged waits for the next boot. */
static void test_refused_in_a_shutdown(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_refuse(&s.systemd, "StartTransientUnit", "org.freedesktop.systemd1.TransactionIsDestructive",
                    "Transaction is destructive (shutdown.target has 'start' job queued).");
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK(STORY_UNTIL(&s, story_told("did not start the unit") == 1));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
        story_stop_service(&s);
        s.systemd.started_usec++;
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
}

static void test_no_task_without_systemd(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s) || !story_load(&s))
                return;
        TAP_CHECK_INT(story_create(&s, MAKE), -ENOTCONN);
        TAP_CHECK_INT(s.problem.error, -ENOTCONN);
        TAP_CHECK_CONTAINS(s.problem.sentence, "systemd cannot be reached");
        TAP_CHECK_INT(story_count_files(&s, "task-"), 0);
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
}

static void test_no_task_without_disk(void) {
        _cleanup_(story_done) Story s = {};
        int r;

        if (!story_begin(&s))
                return;
        story_fill_disk(true);
        r = story_create(&s, MAKE);
        story_fill_disk(false);
        TAP_CHECK_INT(r, -EFBIG);
        TAP_CHECK_CONTAINS(s.problem.sentence, s.state);
        story_settle(&s);
        TAP_CHECK_INT(story_count_files(&s, "task-"), 0);
        TAP_CHECK_INT(story_count_files(&s, ".tmp-"), 0);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 0);
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
        /* Room again: as if nothing had been. */
        TAP_CHECK(story_run(&s));
}

static void check_active_count(Story *s, unsigned should) {
        _cleanup_free_ char *text = story_read(s, "active_tasks.json");
        unsigned n = 0;

        for (const char *at = text; at && (at = strstr(at, "\"task_id\"")); at++)
                n++;
        TAP_CHECK_INT(n, should);
}

static char *active_tasks(Story *s) {
        story_pass(s, USEC_PER_SEC);
        return story_read(s, "active_tasks.json");
}

static void check_active(Story *s, const char *format) {
        _cleanup_free_ char *is = active_tasks(s), *should = story_expand(s, format);

        TAP_CHECK_STRING(is, should);
}

/* All of it is written for each change: of a thousand changes not a thousand times. */
static void test_active_tasks_are_paced(void) {
        _cleanup_(story_done) Story s = {};
        unsigned writes;

        if (!story_begin(&s))
                return;
        story_pass(&s, USEC_PER_SEC);
        test_clock_hold(true);
        test_disk_usec = USEC_PER_MSEC * 50;
        TAP_CHECK(story_ask(&s));
        story_settle(&s);
        test_disk_usec = 0;
        writes = test_disk_writes;
        for (unsigned i = 0; i < 5; i++) {
                TAP_CHECK_INT(story_create(&s, MAKE), 0);
                story_settle(&s);
        }
        /* Of each its document, and that it is being started. */
        TAP_CHECK_INT(test_disk_writes, writes + 10);
        check_active_count(&s, 1);
        story_pass(&s, USEC_PER_SEC);
        TAP_CHECK_INT(test_disk_writes, writes + 11);
        check_active_count(&s, 6);
        /* What waits is written at an orderly end. */
        test_disk_usec = USEC_PER_MSEC * 50;
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        story_settle(&s);
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        story_settle(&s);
        test_disk_usec = 0;
        check_active_count(&s, 7);
        manager_save_all(s.manager);
        check_active_count(&s, 8);
}

static void test_active_tasks_at_each_stage(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s))
                return;
        check_active(&s, "[]\n");
        if (!(u = story_ask(&s)))
                return;
        check_active(&s, "[{\"task_id\":\"{id}\",\"unit\":\"{unit}\",\"thread_name\":\"{unit}\","
                         "\"invocation_id\":null,\"started_at\":null,\"is_alive\":false}]\n");
        u->status.main_pid = 4711;
        fake_unit_set_state(u, "activating", "start");
        check_active(&s, "[{\"task_id\":\"{id}\",\"unit\":\"{unit}\",\"thread_name\":\"{unit}\","
                         "\"invocation_id\":\"{invocation}\",\"started_at\":null,\"is_alive\":true}]\n");
        u->status.active_enter_usec = 1700000000000000;
        fake_unit_set_state(u, "active", "running");
        check_active(&s, "[{\"task_id\":\"{id}\",\"unit\":\"{unit}\",\"thread_name\":\"{unit}\","
                         "\"invocation_id\":\"{invocation}\",\"started_at\":\"2023-11-14T22:13:20.000000Z\","
                         "\"is_alive\":true}]\n");
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        check_active(&s, "[{\"task_id\":\"{id}\",\"unit\":\"{unit}\",\"thread_name\":\"{unit}\","
                         "\"invocation_id\":\"{invocation}\",\"started_at\":\"2023-11-14T22:13:20.000000Z\","
                         "\"is_alive\":true}]\n");
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        check_active(&s, "[]\n");
}

static void test_tasks_are_told_apart(void) {
        char ids[3][TASK_ID_SIZE + 1];
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                if (!story_run(&s))
                        return;
                memcpy(ids[i], s.id, sizeof(ids[i]));
        }
        memcpy(s.id, ids[1], sizeof(s.id));
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 7);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        for (size_t i = 0; i < ELEMENTSOF(ids); i += 2) {
                memcpy(s.id, ids[i], sizeof(s.id));
                TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        }
        TAP_CHECK_INT(manager_index(s.manager)->n, 3);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 1);
}

static const TapTest tests[] = {
        { "the document is on disk before systemd hears of the task", test_document_is_there_before_systemd_hears },
        { "the task's state follows the unit's", test_states_follow_the_unit },
        { "states of one turn are saved once", test_states_of_one_turn_are_saved_once },
        { "the begin of the work is the unit's", test_begin_of_the_work_is_the_units },
        { "signals before the reply to the start", test_signals_before_the_reply },
        { "a list that overtakes the start tells nothing", test_a_list_that_overtakes_the_start },
        { "the end before the reply to the start", test_end_before_the_reply },
        { "the end of the job alone makes the unit be read", test_end_of_the_job_alone },
        { "every result of the job", test_every_result_of_the_job },
        { "a job that is skipped since the task has ended", test_skipped_job_of_a_task_that_has_ended },
        { "a refusal is the task's error, in systemd's words", test_refusal_is_the_tasks_error },
        { "a unit that is there after all is taken as it is", test_unit_is_there_after_all },
        { "refused in a shutdown", test_refused_in_a_shutdown },
        { "no task is taken without systemd", test_no_task_without_systemd },
        { "no task is taken without room on the disk", test_no_task_without_disk },
        { "active_tasks.json at each stage", test_active_tasks_at_each_stage },
        { "active_tasks.json is paced", test_active_tasks_are_paced },
        { "tasks are told apart", test_tasks_are_told_apart },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

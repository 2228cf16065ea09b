/* From an ended unit to the verdict: who is believed, when it is said, and that it is said only once it is on disk.
 * What is made of each combination is the table in tests/unit/verdict-table.h. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <sys/stat.h>

#define SAVE_RETRY (5 * USEC_PER_SEC)
#define DRAIN_LIMIT (10 * USEC_PER_SEC)
#define MANY_LINES 20000 /* read in many turns */

static unsigned count_resets(const Story *s) {
        return fake_count_calls(&s->systemd, "ResetFailedUnit");
}

/* --- who is believed --- */

static void test_recorder_is_believed_before_the_unit(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_record(&s, NULL, "exit-code", "exited", "3");
        fake_unit_end(u, "signal", CLD_KILLED, SIGSEGV);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 3);
        TAP_CHECK_STRING(story_task(&s)->signal, NULL);
        TAP_CHECK_CONTAINS(story_task(&s)->error, "3");
}

static void test_record_of_another_invocation_is_not(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_record(&s, "0123456789abcdef0123456789abcdef", "success", "exited", "0");
        fake_unit_end(u, "signal", CLD_KILLED, SIGSEGV);
        TAP_CHECK_STRING(story_verdict(&s), "failed signal");
        TAP_CHECK_STRING(story_task(&s)->signal, "SIGSEGV");
        TAP_CHECK_INT(story_task(&s)->exit_code, -1);
}

/* A preparation step (ExecStartPre=) that fails, or reaches its limit: the unit was never active, and the main process
 * never ran. What the recorder tells and what the unit tells come to the same. */
static void test_failed_step(void) {
        static const struct {
                const char *result, *part;
                bool recorded;
        } rows[] = {
                { "exit-code", "failed (exit-code)", true }, { "exit-code", "failed (exit-code)", false },
                { "timeout", "time limit", true },           { "timeout", "time limit", false },
                { "signal", "failed (signal)", true },       { "oom-kill", "failed (oom-kill)", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = story_ask(&s)))
                        return;
                fake_unit_set_state(u, "activating", "start-pre");
                TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_PREPARING)));
                TAP_CHECK_STRING(task_status(story_task(&s)), "preparing_workspace");
                if (rows[i].recorded)
                        story_record(&s, NULL, rows[i].result, "", "");
                snprintf(u->status.result, UNIT_WORD_SIZE, "%s", rows[i].result);
                fake_unit_set_state(u, "deactivating", "stop-post");
                fake_unit_set_state(u, "failed", "failed");
                fake_emit_job_removed(u, "failed");
                TAP_CHECK_STRING(story_verdict(&s), "failed step-failed");
                TAP_CHECK_CONTAINS(story_task(&s)->error, rows[i].part);
                TAP_CHECK_INT(story_task(&s)->exit_code, -1);
                TAP_CHECK(!clock_is_set(story_task(&s)->started_at));
        }
}

static void test_torn_record_is_not(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_write(&s, ".result", "SERVICE_RESULT=success\nEXIT_CODE=exi");
        fake_unit_end(u, "exit-code", CLD_EXITED, 2);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 2);
}

/* Somebody has started it again by hand, which systemd allows as long as there is no record. */
static void test_unit_that_was_started_again_is_followed(void) {
        static const char again[] = "fedcba9876543210fedcba9876543210";
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *document = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_stop_service(&s);
        snprintf(u->status.invocation_id, ID128_TEXT_SIZE, "%s", again);
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_task(&s)->invocation_id, again);
        document = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(document, again);
        story_record(&s, again, "exit-code", "exited", "8");
        fake_unit_end(u, "signal", CLD_KILLED, SIGKILL);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 8);
}

/* What a unit tells by itself. */
static void test_what_the_unit_tells(void) {
        static const struct {
                const char *result;
                int code, status;
                const char *verdict;
                int exit_code;
                const char *signal;
                unsigned limit; /* in seconds; 0: one that is far */
        } rows[] = {
                { "exit-code", CLD_EXITED, 1, "failed exit-code", 1, NULL },
                { "exit-code", CLD_EXITED, 203, "failed exit-code", 203, NULL },
                { "signal", CLD_KILLED, SIGKILL, "failed signal", -1, "SIGKILL" },
                { "core-dump", CLD_DUMPED, SIGABRT, "failed core-dump", -1, "SIGABRT" },
                { "timeout", CLD_KILLED, SIGTERM, "timed_out runtime-limit", -1, "SIGTERM", 1 },
                { "timeout", CLD_EXITED, 0, "timed_out runtime-limit", 0, NULL, 1 },
                { "timeout", CLD_EXITED, 0, "completed exit-code", 0, NULL },
                { "oom-kill", CLD_KILLED, SIGKILL, "failed oom-kill", -1, "SIGKILL" },
                { "watchdog", CLD_DUMPED, SIGABRT, "failed watchdog", -1, "SIGABRT" },
                { "resources", 0, 0, "failed start-failed", -1, NULL },
                { "start-limit-hit", 0, 0, "failed start-failed", -1, NULL },
                { "never-heard-of", CLD_EXITED, 0, "failed unknown", 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s))
                        return;
                if (rows[i].limit > 0)
                        s.config.claude_timeout_usec = rows[i].limit * USEC_PER_SEC;
                if (!(u = story_run(&s)))
                        return;
                fake_unit_end(u, rows[i].result, rows[i].code, rows[i].status);
                TAP_CHECK_STRING(story_verdict(&s), rows[i].verdict);
                TAP_CHECK_INT(story_task(&s)->exit_code, rows[i].exit_code);
                TAP_CHECK_STRING(story_task(&s)->signal, rows[i].signal);
        }
}

/* A unit that was never active: the program could not be started at all. */
static void test_start_failures(void) {
        static const struct {
                int status;
                const char *request, *part;
        } rows[] = {
                { 203, "{\"command\": [\"/no/such\"]}", "\"/no/such\"" },
                { 200, "{\"command\": [\"x\"], \"working_directory\": \"/gone\"}", "\"/gone\"" },
                { 217, "{\"command\": [\"x\"]}", "\"remote-developer\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};

                if (!story_open(&s))
                        return;
                s.scope = RUNTIME_SCOPE_SYSTEM;
                if (!story_start_service(&s) || !TAP_CHECK_INT(story_create(&s, rows[i].request), 0) ||
                    !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                        return;
                fake_unit_set_state(story_unit(&s), "activating", "start");
                fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, rows[i].status);
                TAP_CHECK_STRING(story_verdict(&s), "failed start-failed");
                TAP_CHECK_CONTAINS(story_task(&s)->error, rows[i].part);
                TAP_CHECK_INT(story_task(&s)->started_at, 0);
        }
}

static void test_end_is_the_records_or_the_units(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_write(&s, ".result", "");
        fake_unit_end(u, "exit-code", CLD_EXITED, 2);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK(clock_realtime_usec() - story_task(&s)->finished_at < USEC_PER_SEC);

        if (!(u = story_run(&s)))
                return;
        story_record(&s, NULL, "exit-code", "exited", "2");
        u->status.inactive_enter_usec = 5;
        test_clock_advance(3600 * USEC_PER_SEC);
        fake_unit_end(u, "exit-code", CLD_EXITED, 2);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK(clock_realtime_usec() - story_task(&s)->finished_at >= 3600 * USEC_PER_SEC);
}

/* The end of the main process, not that of what came after it; of the whole where there was no main process. */
static void test_end_is_the_main_process(void) {
        const usec_t ends[] = { clock_realtime_usec() + 60 * USEC_PER_SEC, 0 };

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = story_run(&s)))
                        return;
                u->status.exec_main_exit_usec = ends[i];
                u->status.inactive_enter_usec = clock_realtime_usec() + 180 * USEC_PER_SEC;
                snprintf(u->status.result, UNIT_WORD_SIZE, "exit-code");
                fake_unit_set_state(u, "failed", "failed");
                TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
                TAP_CHECK_INT(story_task(&s)->finished_at, ends[i] ?: u->status.inactive_enter_usec);
        }
}

/* --- when it is said --- */

static void test_verdict_waits_for_journald(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = 0;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        story_settle(&s);
        for (unsigned i = 0; i < 9; i++) {
                test_clock_advance(USEC_PER_SEC);
                story_settle(&s);
                TAP_CHECK(!story_is_finished(&s));
        }
        TAP_CHECK_INT(count_resets(&s), 0);
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC / 20);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

static void test_verdict_does_not_wait_for_ever(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = 0;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        story_settle(&s);
        test_clock_advance(DRAIN_LIMIT);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_told("journald has not caught up"), 1);
}

/* What is certainly still to come is waited for longer. */
static void test_verdict_waits_longer_for_a_stream(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = -1;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        story_settle(&s);
        for (unsigned i = 0; i < 5; i++) {
                test_clock_advance(DRAIN_LIMIT);
                story_settle(&s);
                TAP_CHECK(!story_is_finished(&s));
        }
        test_clock_advance(DRAIN_LIMIT);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

/* journald has it all, but reading it takes longer than any limit. */
static void test_verdict_waits_for_what_is_there(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_has_journal() || !story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = 0;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        story_settle(&s);
        story_log_numbered(&s, MANY_LINES);
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC / 20);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines > 0));
        TAP_CHECK(!story_is_finished(&s));
        test_clock_advance(DRAIN_LIMIT);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->log_lines, MANY_LINES);
}

static void test_unit_is_released_after_the_verdict(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *document = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, count_resets(&s) == 1));
        document = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(document, "\"state\":\"finished\"");
        TAP_CHECK_CONTAINS(document, "\"result\":\"failed\"");
        TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "ResetFailedUnit"), s.id);
        story_settle(&s);
        TAP_CHECK(!story_unit(&s));
        /* Signals about it are nobody's any more. */
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 1);
}

static void test_success_is_complete(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(task_progress(story_task(&s)), 100);
        TAP_CHECK_INT(story_task(&s)->exit_code, 0);
        TAP_CHECK_STRING(story_task(&s)->error, NULL);
}

/* --- that it is on disk --- */

/* The service goes down before it could write: the next one finds the same. */
static void test_verdict_is_the_next_services(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        story_fill_disk(true);
        fake_unit_end(u, "signal", CLD_KILLED, SIGKILL);
        story_settle(&s);
        story_stop_service(&s);
        story_fill_disk(false);
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed signal");
        TAP_CHECK_STRING(story_task(&s)->signal, "SIGKILL");
}

/* Something else has taken the document's place. */
static void test_document_was_replaced(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *path = NULL, *below = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        path = story_path(&s, ".json");
        below = string_format("%s/x", path);
        TAP_CHECK_INT(unlink(path), 0);
        TAP_CHECK_INT(mkdir(path, 0700), 0);
        TAP_CHECK_INT(mkdir(below, 0700), 0);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        story_settle(&s);
        TAP_CHECK(!story_is_finished(&s));
        TAP_CHECK_INT(rmdir(below), 0);
        TAP_CHECK_INT(rmdir(path), 0);
        test_clock_advance(SAVE_RETRY);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

/* The states in between are not worth a retry: the next save brings them. */
static void test_states_that_cannot_be_saved(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *document = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        story_settle(&s);
        story_fill_disk(true);
        fake_unit_start(u);
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        story_settle(&s);
        story_fill_disk(false);
        TAP_CHECK_INT(story_told("cannot be written: File too large"), 1);
        fake_unit_set_state(u, "deactivating", "stop-post");
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_REVIEWING)));
        story_settle(&s);
        document = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(document, "\"state\":\"reviewing\"");
        TAP_CHECK_CONTAINS(document, u->status.invocation_id);
}

/* --- afterwards --- */

static void test_what_is_finished_stays(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;
        usec_t at;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        fake_delay_replies(&s.systemd, "ResetFailedUnit");
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        at = story_task(&s)->last_updated;
        fake_release_replies(&s.systemd);
        u = fake_unit_add(&s.systemd, "remote-developer-x.service");
        free(u->name);
        u->name = task_unit_name(s.id);
        fake_unit_start(u);
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->last_updated, at);
}

static const TapTest tests[] = {
        { "the recorder is believed before the unit", test_recorder_is_believed_before_the_unit },
        { "the record of another invocation is not believed", test_record_of_another_invocation_is_not },
        { "a preparation step fails", test_failed_step },
        { "a torn record is not believed", test_torn_record_is_not },
        { "a unit that was started again is followed", test_unit_that_was_started_again_is_followed },
        { "what the unit tells", test_what_the_unit_tells },
        { "failures to start name what could not be used", test_start_failures },
        { "the end is the record's, or the unit's", test_end_is_the_records_or_the_units },
        { "the end is the main process's", test_end_is_the_main_process },
        { "the verdict waits for journald", test_verdict_waits_for_journald },
        { "the verdict does not wait for ever", test_verdict_does_not_wait_for_ever },
        { "the verdict waits longer for a stream", test_verdict_waits_longer_for_a_stream },
        { "the verdict waits for what is there", test_verdict_waits_for_what_is_there },
        { "the unit is released after the verdict", test_unit_is_released_after_the_verdict },
        { "success is complete", test_success_is_complete },
        { "a verdict that was not saved is the next service's", test_verdict_is_the_next_services },
        { "the document was replaced", test_document_was_replaced },
        { "states that cannot be saved come with the next", test_states_that_cannot_be_saved },
        { "what is finished stays", test_what_is_finished_stays },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

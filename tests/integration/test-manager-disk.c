/* A state directory that cannot be written for a while: nothing is lost, nothing is half done, little is said, and all
 * becomes right by itself. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"
#define AGENT \
  "{\"github_repo\": \"o/r\", \"github_token\": \"t\", \"task_description\": \"d\"}"
#define TASKS 20

static unsigned count_resets(const Story *s) {
        return fake_count_calls(&s->systemd, "ResetFailedUnit");
}

static int write_error(Story *s) {
        ManagerHealth h;

        manager_health(s->manager, &h);
        return h.write_error;
}

/* --- running tasks --- */

static void test_verdict_is_tried_again(void) {
        static const unsigned pauses[] = { 5, 10, 20, 40, 60, 60, 60 };
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_disk_error = -ENOSPC;
        fake_unit_end(u, "signal", CLD_KILLED, SIGKILL);
        story_settle(&s);
        for (size_t i = 0; i < ELEMENTSOF(pauses); i++) {
                unsigned failures = test_disk_failures;

                test_clock_advance(pauses[i] * USEC_PER_SEC - USEC_PER_SEC / 2);
                story_settle(&s);
                TAP_CHECK_INT(test_disk_failures, failures);
                test_clock_advance(USEC_PER_SEC / 2);
                TAP_CHECK(STORY_UNTIL(&s, test_disk_failures > failures));
                story_settle(&s);
                TAP_CHECK(!story_is_finished(&s));
        }
        TAP_CHECK_INT(count_resets(&s), 0);
        test_disk_error = 0;
        test_clock_advance(60 * USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&s), "failed signal");
        story_settle(&s);
        TAP_CHECK_INT(count_resets(&s), 1);
}

/* A crowd of tasks, and hours: what is said depends on neither. */
static void test_little_is_said(void) {
        char ids[TASKS][TASK_ID_SIZE + 1];
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        for (unsigned i = 0; i < TASKS; i++) {
                if (!story_run(&s))
                        return;
                memcpy(ids[i], s.id, sizeof(s.id));
        }
        test_disk_error = -EROFS;
        for (unsigned i = 0; i < TASKS; i++) {
                memcpy(s.id, ids[i], sizeof(s.id));
                fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 4);
        }
        story_settle(&s);
        for (unsigned i = 0; i < 60; i++) {
                test_clock_advance(60 * USEC_PER_SEC);
                story_settle(&s);
        }
        TAP_CHECK_INT(story_told("cannot be written: Read-only file system; it has to be mounted read-write"), 1);
        TAP_CHECK_INT(story_told("The task has ended; the verdict is not on disk yet"), TASKS);
        TAP_CHECK_INT(story_told("<3>"), 1);
        TAP_CHECK_INT(story_told("can be written again"), 0);
        TAP_CHECK_INT(write_error(&s), -EROFS);
        test_disk_error = 0;
        test_clock_advance(60 * USEC_PER_SEC);
        for (unsigned i = 0; i < TASKS; i++) {
                memcpy(s.id, ids[i], sizeof(s.id));
                TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        }
        TAP_CHECK_INT(story_told("can be written again"), 1);
        TAP_CHECK_INT(write_error(&s), 0);
}

/* It had begun to run and goes on; what is on disk catches up without its doing anything. */
static void test_running_task_is_saved_later(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *before = NULL, *after = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        story_settle(&s);
        test_disk_error = -EDQUOT;
        fake_unit_start(u);
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        story_settle(&s);
        before = story_read(&s, ".json");
        TAP_CHECK(before && !strstr(before, "\"state\":\"running\""));
        test_disk_error = 0;
        test_clock_advance(5 * USEC_PER_SEC);
        story_settle(&s);
        after = story_read(&s, ".json");
        TAP_CHECK_CONTAINS(after, "\"state\":\"running\"");
        TAP_CHECK_INT(write_error(&s), 0);
}

/* One write that works is enough to try the others. */
static void test_any_success_is_noticed(void) {
        _cleanup_(story_done) Story s = {};
        char first[TASK_ID_SIZE + 1];
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        memcpy(first, s.id, sizeof(first));
        test_disk_error = -ENOSPC;
        fake_unit_end(u, "exit-code", CLD_EXITED, 2);
        story_settle(&s);
        test_disk_error = 0;
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        memcpy(s.id, first, sizeof(first));
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

/* --- new tasks --- */

static void test_new_task_is_refused(void) {
        static const struct {
                int error;
                const char *part;
        } rows[] = {
                { -ENOSPC, "No space left on device; make room there" },
                { -EDQUOT, "quota" },
                { -EROFS, "Read-only file system; it has to be mounted read-write" },
                { -EIO, "look at the disk" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};

                if (!story_begin(&s))
                        return;
                test_disk_error = rows[i].error;
                TAP_CHECK_INT(story_create(&s, i % 2 ? MAKE : AGENT), rows[i].error);
                TAP_CHECK_CONTAINS(s.problem.sentence, rows[i].part);
                TAP_CHECK_CONTAINS(s.problem.sentence, s.state);
                TAP_CHECK_INT(write_error(&s), rows[i].error);
                TAP_CHECK_INT(manager_index(s.manager)->n, 0);
                test_disk_error = 0;
                TAP_CHECK_INT(story_count_files(&s, "task-"), 0);
                TAP_CHECK_INT(story_create(&s, MAKE), 0);
                TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
                story_settle(&s);
                TAP_CHECK_INT(write_error(&s), 0);
        }
}

/* --- what the recorder could not write beside the document --- */

static void test_spilled_record_counts_and_goes(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *spilled = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        spilled = string_format("%s/%s.result", s.endings, s.id);
        test_disk_error = 0;
        story_record_spilled(&s, NULL, "exit-code", "exited", "77");
        test_disk_error = -ENOSPC;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        story_settle(&s);
        TAP_CHECK_INT(access(spilled, F_OK), 0);
        test_disk_error = 0;
        test_clock_advance(5 * USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 77);
        TAP_CHECK(access(spilled, F_OK) < 0);
}

/* The service was away, too. */
static void test_spilled_record_is_found_at_start(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        story_stop_service(&s);
        story_record_spilled(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        /* Three of them are the programs of recipes. */
        TAP_CHECK_INT(scratch_count(&s.scratch), 6);
}

/* --- what the service saw --- */

/* A successful unit is unloaded at once: what its signals told is all there is, when there is no recorder's file. */
static void test_success_that_was_seen(void) {
        static const struct {
                const char *result;
                int code, status;
                const char *verdict;
        } rows[] = {
                { "success", CLD_EXITED, 0, "completed exit-code" },
                { "success", CLD_KILLED, SIGTERM, "failed signal" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = story_run(&s)))
                        return;
                fake_unit_end(u, rows[i].result, rows[i].code, rows[i].status);
                TAP_CHECK_STRING(story_verdict(&s), rows[i].verdict);
        }
}

static void on_refreshed(void *userdata, int error _unused_, const char *sentence _unused_) {
        *(bool *) userdata = true;
}

/* Also when systemd is asked again, and has never heard of the unit, before the verdict is reached. */
static void test_success_that_was_seen_is_kept(void) {
        bool refreshed = false;
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = 0;
        fake_unit_end(u, "success", CLD_EXITED, 0);
        story_settle(&s);
        test_clock_advance(2 * USEC_PER_SEC);
        manager_refresh_usage(s.manager, s.id, on_refreshed, &refreshed);
        TAP_CHECK(STORY_UNTIL(&s, refreshed));
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

static const TapTest tests[] = {
        { "a verdict is tried again, after pauses that grow", test_verdict_is_tried_again },
        { "little is said", test_little_is_said },
        { "a running task is saved later", test_running_task_is_saved_later },
        { "any success is noticed", test_any_success_is_noticed },
        { "a new task is refused", test_new_task_is_refused },
        { "a spilled record counts, and goes", test_spilled_record_counts_and_goes },
        { "a spilled record is found at start", test_spilled_record_is_found_at_start },
        { "success that was seen", test_success_that_was_seen },
        { "success that was seen is kept", test_success_that_was_seen_is_kept },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

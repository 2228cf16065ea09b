/* Further attempts of a task: asked for, and made by the service itself after an interruption. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define PAUSE_USEC (30 * USEC_PER_SEC)

/* A task that failed with exit code 3, whose unit is gone. */
static bool fail_first(Story *s) {
        FakeUnit *u = story_run(s);

        if (!u)
                return false;
        story_record(s, NULL, "exit-code", "exited", "3");
        fake_unit_end(u, "exit-code", CLD_EXITED, 3);
        TAP_CHECK_STRING(story_verdict(s), "failed exit-code");
        return TAP_CHECK(STORY_UNTIL(s, !story_unit(s)));
}

static FakeUnit *resume_and_run(Story *s) {
        if (!TAP_CHECK_INT(story_resume(s), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return NULL;
        fake_unit_start(story_unit(s));
        return TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))) ? story_unit(s) : NULL;
}

static const Attempt *attempt(Story *s, size_t i) {
        static const Attempt none = { .result = TASK_RESULT_NONE };
        const Task *t = story_task(s);

        return TAP_CHECK(i < t->attempts.n) ? &t->attempts.items[i] : &none;
}

/* --- asked for --- */

static void test_an_ended_task_is_run_again(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *first = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !fail_first(&s) || !(u = resume_and_run(&s)))
                return;
        TAP_CHECK_CONTAINS(fake_unit_property(u, "Conditions"), ".2.result");
        TAP_CHECK_CONTAINS(fake_unit_property(u, "ExecStopPost"), ".2\"");
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 0);
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_task(&s)->attempts.n, 1);
        TAP_CHECK_INT(attempt(&s, 0)->result, TASK_FAILED);
        TAP_CHECK_INT(attempt(&s, 0)->exit_code, 3);
        TAP_CHECK_INT(string_replace(&first, attempt(&s, 0)->invocation_id), 0);
        TAP_CHECK(!string_equal(first, story_task(&s)->invocation_id));
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_COMPLETED], 1);
}

static void test_what_cannot_be_resumed(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        TAP_CHECK_INT(story_resume(&s), -EBUSY);
        TAP_CHECK_CONTAINS(s.problem.sentence, "has not ended");
        problem_done(&s.problem);
        TAP_CHECK_INT(manager_resume_task(s.manager, "task-1700000000-000000", NULL, STORY_ACTOR, &s.problem),
                      -ENOENT);
}

static void test_without_systemd_nothing_changes(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *before = NULL, *after = NULL;

        if (!story_begin(&s) || !fail_first(&s))
                return;
        before = story_read(&s, ".json");
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(story_resume(&s), -ENOTCONN);
        after = story_read(&s, ".json");
        TAP_CHECK_STRING(after, before);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

static void test_on_a_full_disk_nothing_changes(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *before = NULL, *after = NULL;

        if (!story_begin(&s) || !fail_first(&s))
                return;
        before = story_read(&s, ".json");
        story_fill_disk(true);
        TAP_CHECK_INT(story_resume(&s), -EFBIG);
        story_fill_disk(false);
        TAP_CHECK_CONTAINS(s.problem.sentence, "could not be stored in");
        after = story_read(&s, ".json");
        TAP_CHECK_STRING(after, before);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_count_files(&s, ".tmp-"), 0);
}

/* Killed after the answer, before systemd heard of it: neither the earlier attempt's record nor its entries in the
 * journal are taken for the next one's. */
static void test_acknowledged_attempt_is_started(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_begin(&s) || !fail_first(&s))
                return;
        story_log_entry(&s, "_UID=0\nUNIT={unit}\nINVOCATION_ID={invocation}\nUNIT_RESULT=exit-code\n"
                            "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\n");
        TAP_CHECK_INT(story_resume(&s), 0);
        story_stop_service(&s);
        TAP_CHECK(!story_unit(&s));
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        TAP_CHECK_INT(story_told("1 started now"), 1);
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
}

/* The release of the earlier attempt's failed unit was cut off. */
static void test_earlier_unit_is_cleared_away(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *id = NULL, *name = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !fail_first(&s))
                return;
        id = strdup(story_task(&s)->invocation_id);
        name = task_unit_name(s.id);
        TAP_CHECK_INT(story_resume(&s), 0);
        story_stop_service(&s);
        u = fake_unit_add(&s.systemd, name);
        snprintf(u->status.invocation_id, sizeof(u->status.invocation_id), "%s", id);
        snprintf(u->status.result, UNIT_WORD_SIZE, "exit-code");
        u->status.job_id = 0;
        fake_unit_put_state(u, "failed", "failed");
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 2); /* the first attempt's end was one */
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 2);
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
}

static void test_forgetting_takes_every_attempts_files(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !fail_first(&s) || !(u = resume_and_run(&s)))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_count_files(&s, s.id), 3);
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, NULL), 0);
        TAP_CHECK_INT(story_count_files(&s, s.id), 0);
}

/* --- by itself --- */

/* A running task, then the machine is booted anew. */
static bool reboot(Story *s) {
        story_stop_service(s);
        if (story_unit(s))
                fake_unit_remove(story_unit(s));
        s->systemd.started_usec++;
        return story_start_service(s);
}

static bool begin_resuming(Story *s) {
        if (!story_open(s))
                return false;
        s->config.orphaned_task_action = ORPHANED_TASK_RESUME;
        return story_start_service(s) && story_run(s) && reboot(s);
}

static bool run_after(Story *s, usec_t pause) {
        test_clock_advance(pause - 2 * USEC_PER_SEC);
        story_settle(s);
        if (!TAP_CHECK(!story_unit(s)))
                return false;
        test_clock_advance(3 * USEC_PER_SEC);
        if (!TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return false;
        fake_unit_start(story_unit(s));
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return false;
        story_settle(s);
        return true;
}

static void test_interrupted_task_is_resumed_after_a_pause(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_resuming(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
        TAP_CHECK(clock_is_set(story_task(&s)->resume_at));
        TAP_CHECK_STRING(attempt(&s, 0)->reason, "manager-stopped");
        if (!run_after(&s, PAUSE_USEC))
                return;
        TAP_CHECK_INT(story_task(&s)->automatic_attempts, 1);
        TAP_CHECK(!clock_is_set(story_task(&s)->resume_at));
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_end(story_unit(&s), "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

static void test_pauses_grow_and_attempts_end(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_resuming(&s))
                return;
        for (unsigned i = 0; i < 3; i++)
                if (!run_after(&s, PAUSE_USEC << i) || !reboot(&s))
                        return;
        TAP_CHECK_STRING(story_verdict(&s), "interrupted manager-stopped");
        TAP_CHECK_INT(story_task(&s)->attempt, 4);
        TAP_CHECK_CONTAINS(story_task(&s)->error, "max_automatic_attempts");
        /* Somebody who looked into it starts a new count. */
        TAP_CHECK_INT(story_resume(&s), 0);
        TAP_CHECK_INT(story_task(&s)->automatic_attempts, 0);
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
}

static void test_pause_survives_a_restart(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_resuming(&s))
                return;
        test_clock_advance(PAUSE_USEC / 2);
        story_settle(&s);
        story_stop_service(&s);
        if (story_start_service(&s))
                run_after(&s, PAUSE_USEC / 2);
}

static void test_cancelled_in_its_pause(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_resuming(&s))
                return;
        TAP_CHECK_INT(story_cancel(&s), 0);
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
        test_clock_advance(PAUSE_USEC * 2);
        story_settle(&s);
        TAP_CHECK(!story_unit(&s));
        TAP_CHECK_INT(story_task(&s)->attempts.n, 1);
}

static void test_only_interrupted_ones(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        s.config.orphaned_task_action = ORPHANED_TASK_RESUME;
        if (!story_start_service(&s) || !fail_first(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->attempt, 1);
}

/* Both are one write: until it is done, the task has neither ended nor been queued. */
static void test_on_a_full_disk_it_is_tried_again(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        s.config.orphaned_task_action = ORPHANED_TASK_RESUME;
        if (!story_start_service(&s) || !story_run(&s))
                return;
        story_stop_service(&s);
        fake_unit_remove(story_unit(&s));
        s.systemd.started_usec++;
        if (!story_load(&s))
                return;
        story_fill_disk(true);
        story_connect(&s);
        story_settle(&s);
        story_fill_disk(false);
        TAP_CHECK_INT(story_task(&s)->attempt, 1);
        TAP_CHECK(!story_is_finished(&s));
        test_clock_advance(10 * USEC_PER_SEC);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->attempt == 2));
}

static const TapTest tests[] = {
        { "an ended task is run again", test_an_ended_task_is_run_again },
        { "what cannot be resumed", test_what_cannot_be_resumed },
        { "without systemd nothing changes", test_without_systemd_nothing_changes },
        { "on a full disk nothing changes", test_on_a_full_disk_nothing_changes },
        { "an attempt that was acknowledged and never began is started", test_acknowledged_attempt_is_started },
        { "an earlier attempt's unit is cleared away", test_earlier_unit_is_cleared_away },
        { "forgetting takes every attempt's files", test_forgetting_takes_every_attempts_files },
        { "an interrupted task is resumed after a pause", test_interrupted_task_is_resumed_after_a_pause },
        { "pauses grow, and attempts end", test_pauses_grow_and_attempts_end },
        { "the pause survives a restart of the service", test_pause_survives_a_restart },
        { "cancelled in its pause", test_cancelled_in_its_pause },
        { "only interrupted tasks", test_only_interrupted_ones },
        { "on a full disk it is tried again", test_on_a_full_disk_it_is_tried_again },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

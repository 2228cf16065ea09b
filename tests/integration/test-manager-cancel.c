/* Cancelling: the wish is on disk before systemd is asked, the grace is kept whoever is there to keep it, and nothing
 * is killed that must not be. And forgetting. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"
#define GRACE (10 * USEC_PER_SEC)

static unsigned count_kills(const Story *s) {
        return fake_count_calls(&s->systemd, "KillUnit");
}

static bool document_has(Story *s, const char *text) {
        _cleanup_free_ char *document = story_read(s, ".json");

        return document && strstr(document, text);
}

/* A running task that was asked to stop: systemd has sent its SIGTERM. */
static FakeUnit *run_and_stop(Story *s) {
        FakeUnit *u = story_run(s);

        if (!u || !TAP_CHECK_INT(story_cancel(s), 0) ||
            !TAP_CHECK(STORY_UNTIL(s, fake_count_calls(&s->systemd, "StopUnit") == 1)))
                return NULL;
        fake_unit_set_state(u, "deactivating", "stop-sigterm");
        story_settle(s);
        return u;
}

/* --- cancelling --- */

static void test_wish_is_on_disk_before_systemd_is_asked(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s) || !TAP_CHECK_INT(story_cancel(&s), 0))
                return;
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 0);
        TAP_CHECK(document_has(&s, "\"cancel_requested\":true"));
        TAP_CHECK(document_has(&s, "\"cancel_requested_at\":\"2"));
        TAP_CHECK_INT(story_task(&s)->state, TASK_STOPPING);
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StopUnit") == 1));
        TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "StopUnit"), s.id);
        TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "StopUnit"), ".service replace");
}

static void test_second_wish_changes_nothing(void) {
        _cleanup_(story_done) Story s = {};
        usec_t at;

        if (!story_begin(&s) || !run_and_stop(&s))
                return;
        at = story_task(&s)->cancel_requested_at;
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK_INT(story_cancel(&s), 0);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 1);
        TAP_CHECK_INT(story_task(&s)->cancel_requested_at, at);
}

/* Whatever the program makes of its SIGTERM. */
static void test_cancelled_is_cancelled(void) {
        static const struct {
                const char *result;
                int code, status;
        } rows[] = {
                { "success", CLD_KILLED, SIGTERM }, { "success", CLD_EXITED, 0 },   { "exit-code", CLD_EXITED, 143 },
                { "timeout", CLD_KILLED, SIGKILL }, { "signal", CLD_KILLED, SIGKILL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stop(&s)))
                        return;
                fake_unit_end(u, rows[i].result, rows[i].code, rows[i].status);
                TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
        }
}

static void test_what_cannot_be_cancelled(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_cancel(&s), -EALREADY);
        TAP_CHECK_CONTAINS(s.problem.sentence, "failed");
        snprintf(s.id, sizeof(s.id), "task-1700000000-abcdef");
        TAP_CHECK_INT(story_cancel(&s), -ENOENT);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 0);
}

/* The unit has ended, only the verdict is not reached yet. */
static void test_wish_comes_too_late(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = 0;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_end(u, "success", CLD_EXITED, 0);
        story_settle(&s);
        TAP_CHECK_INT(story_cancel(&s), -EALREADY);
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 0);
}

static void test_wish_that_cannot_be_stored_is_none(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        story_fill_disk(true);
        TAP_CHECK_INT(story_cancel(&s), -EFBIG);
        story_fill_disk(false);
        TAP_CHECK_CONTAINS(s.problem.sentence, "could not be stored");
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 0);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK(!story_task(&s)->cancel_requested);
        TAP_CHECK_INT(story_cancel(&s), 0);
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StopUnit") == 1));
}

/* The start is still on its way: the stop goes behind it. */
static void test_cancelled_before_the_reply_to_the_start(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, MAKE), 0) || !TAP_CHECK_INT(story_cancel(&s), 0))
                return;
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StopUnit") == 1));
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_STOPPING);
        fake_emit_job_removed(story_unit(&s), "canceled");
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
}

static void test_unit_that_is_gone_needs_no_stop(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_unit_remove(story_unit(&s));
        TAP_CHECK_INT(story_cancel(&s), 0);
        story_settle(&s);
        story_monitor(&s);
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
}

/* --- without a connection --- */

/* It had ended by itself, and nobody had heard of it. */
static void test_wish_that_comes_after_an_unheard_end(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK_INT(story_cancel(&s), 0);
        if (story_connect(&s))
                TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

static void test_wish_is_carried_out_after_reconnect(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(story_cancel(&s), 0);
        TAP_CHECK(document_has(&s, "\"cancel_requested\":true"));
        TAP_CHECK_INT(story_task(&s)->state, TASK_STOPPING);
        if (!story_connect(&s))
                return;
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 1);
        fake_unit_end(story_unit(&s), "success", CLD_KILLED, SIGTERM);
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
}

static void test_wish_survives_the_service(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(story_cancel(&s), 0);
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 1);
        TAP_CHECK_INT(story_task(&s)->state, TASK_STOPPING);
}

static void test_cancelled_while_queued_is_never_started(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", true);
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StartTransientUnit") == 1));
        story_settle(&s);
        TAP_CHECK_INT(story_cancel(&s), 0);
        if (!story_connect(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

/* --- the grace --- */

static void test_kill_comes_after_the_grace(void) {
        static const struct {
                const char *sub_state;
                unsigned main_pid;
                const char *whom;
        } rows[] = {
                { "stop-sigterm", 4711, ".service main 9" }, /* the recorder comes when that is gone */
                { "stop-sigterm", 0, ".service all 9" },     /* a step, or what the work left behind */
                { "final-sigterm", 0, ".service all 9" },
                { "final-sigterm", 4711, ".service all 9" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stop(&s)))
                        return;
                u->status.main_pid = rows[i].main_pid;
                fake_unit_set_state(u, "deactivating", rows[i].sub_state);
                story_settle(&s);
                test_clock_advance(GRACE - USEC_PER_SEC);
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), 0);
                test_clock_advance(USEC_PER_SEC);
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), 1);
                TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "KillUnit"), s.id);
                TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "KillUnit"), rows[i].whom);
        }
}

/* systemd tells first that the main process is gone, then that the recorder runs: in between it looks as if there were
 * only children left. */
static void test_kill_never_hits_the_recorder(void) {
        for (unsigned by_itself = 0; by_itself < 2; by_itself++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stop(&s)))
                        return;
                test_clock_advance(by_itself ? GRACE - USEC_PER_SEC : GRACE);
                story_settle(&s);
                u->status.main_pid = 0;
                u->status.exec_main_code = CLD_KILLED;
                fake_unit_emit(u);
                fake_unit_put_state(u, "deactivating", "stop-post");
                test_clock_advance(USEC_PER_SEC);
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), by_itself ? 0 : 1);
                fake_unit_emit(u);
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), by_itself ? 0 : 1);
                fake_unit_set_state(u, "deactivating", "final-sigterm");
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), by_itself ? 1 : 2);
                TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "KillUnit"), ".service all 9");
                fake_unit_emit(u);
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), by_itself ? 1 : 2);
        }
}

/* It is asked for when there is a connection again, by the same service. */
static void test_kill_comes_after_the_reconnect(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !run_and_stop(&s))
                return;
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        test_clock_advance(GRACE);
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 0);
        if (!story_connect(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 1);
}

/* Where a SIGKILL would hit the recorder, or nothing at all. */
static void test_kill_spares_the_other_states(void) {
        static const struct {
                const char *active_state, *sub_state;
        } rows[] = {
                { "deactivating", "stop-post" },     { "deactivating", "stop" }, { "deactivating", "stop-sigkill" },
                { "deactivating", "final-sigkill" }, { "active", "running" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stop(&s)))
                        return;
                fake_unit_set_state(u, rows[i].active_state, rows[i].sub_state);
                story_settle(&s);
                test_clock_advance(2 * GRACE);
                story_settle(&s);
                TAP_CHECK_INT(count_kills(&s), 0);
        }
}

/* stop-post over, and still somebody there: systemd goes from TERM to KILL once more, and so do we, at once. */
static void test_grace_is_given_once(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = run_and_stop(&s)))
                return;
        fake_unit_set_state(u, "deactivating", "stop-post");
        story_settle(&s);
        test_clock_advance(GRACE);
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 0);
        fake_unit_set_state(u, "deactivating", "final-sigterm");
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 1);
}

static void test_grace_spans_a_restart(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !run_and_stop(&s))
                return;
        story_stop_service(&s);
        test_clock_advance(GRACE);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 1);
}

/* A clock set back may make the request lie in the future: then the grace begins anew. */
static void test_grace_when_the_clock_was_set_back(void) {
        _cleanup_(story_done) Story s = {};
        char *document, *at;

        if (!story_begin(&s) || !run_and_stop(&s))
                return;
        story_stop_service(&s);
        document = story_read(&s, ".json");
        at = strstr(document, "\"cancel_requested_at\":\"");
        if (TAP_CHECK(at)) {
                at[strlen("\"cancel_requested_at\":\"")] = '9';
                story_write(&s, ".json", document);
        }
        free(document);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 0);
        test_clock_advance(GRACE);
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 1);
}

/* Somebody's `systemctl stop` is between them and systemd. */
static void test_stop_by_hand_is_not_hurried(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        fake_unit_set_state(u, "deactivating", "stop-sigterm");
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_STOPPING)));
        test_clock_advance(2 * GRACE);
        story_settle(&s);
        TAP_CHECK_INT(count_kills(&s), 0);
}

/* A program that ends leaves at least the relay of its output, which systemd stops then: nobody wants the task to. */
static void test_what_ends_by_itself_is_not_stopping(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        u->status.exec_main_code = CLD_EXITED;
        fake_unit_set_state(u, "deactivating", "stop-sigterm");
        TAP_CHECK(STORY_UNTIL(&s, !story_is_in(&s, TASK_RUNNING)));
        TAP_CHECK_INT(story_task(&s)->state, TASK_REVIEWING);
}

/* --- forgetting --- */

static void test_forgetting(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), -EBUSY);
        TAP_CHECK_CONTAINS(s.problem.sentence, "cancel it first");
        story_write(&s, ".prompt", "x");
        story_record(&s, NULL, "exit-code", "exited", "1");
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, NULL), 0);
        TAP_CHECK_INT(story_count_files(&s, s.id), 0);
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, NULL), -ENOENT);
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 0);
}

static const TapTest tests[] = {
        { "the wish is on disk before systemd is asked", test_wish_is_on_disk_before_systemd_is_asked },
        { "a second wish changes nothing", test_second_wish_changes_nothing },
        { "cancelled is cancelled, whatever the program makes of it", test_cancelled_is_cancelled },
        { "what cannot be cancelled", test_what_cannot_be_cancelled },
        { "a wish that comes too late", test_wish_comes_too_late },
        { "a wish that cannot be stored is none", test_wish_that_cannot_be_stored_is_none },
        { "cancelled before the reply to the start", test_cancelled_before_the_reply_to_the_start },
        { "a unit that is gone needs no stop", test_unit_that_is_gone_needs_no_stop },
        { "a wish that comes after an unheard end", test_wish_that_comes_after_an_unheard_end },
        { "the wish is carried out after the reconnect", test_wish_is_carried_out_after_reconnect },
        { "the wish survives the service", test_wish_survives_the_service },
        { "cancelled while queued is never started", test_cancelled_while_queued_is_never_started },
        { "the kill comes after the grace", test_kill_comes_after_the_grace },
        { "the kill never hits the recorder", test_kill_never_hits_the_recorder },
        { "the kill comes after the reconnect", test_kill_comes_after_the_reconnect },
        { "the kill spares the other states", test_kill_spares_the_other_states },
        { "the grace is given once", test_grace_is_given_once },
        { "the grace spans a restart", test_grace_spans_a_restart },
        { "the grace when the clock was set back", test_grace_when_the_clock_was_set_back },
        { "a stop by hand is not hurried", test_stop_by_hand_is_not_hurried },
        { "forgetting", test_forgetting },
        { "what ends by itself is not stopping", test_what_ends_by_itself_is_not_stopping },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* The connection to systemd comes and goes while tasks go on: what is asked for is asked for once, and what happened
 * meanwhile is found out when it is back. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"

static bool is_connected(Story *s) {
        ManagerHealth h;

        manager_health(s->manager, &h);
        return h.systemd_connected;
}

/* As fake_drop_connection(), up to where the manager knows. */
static bool drop(Story *s) {
        fake_drop_connection(&s->systemd);
        if (!TAP_CHECK(STORY_UNTIL(s, !is_connected(s))))
                return false;
        story_settle(s);
        return true;
}

static void on_usage(void *userdata _unused_, int error _unused_, const char *sentence _unused_) {
}

static void check_starts(const Story *s, unsigned n) {
        TAP_CHECK_INT(fake_count_calls(&s->systemd, "StartTransientUnit"), n);
}

/* --- the reply to the start is lost --- */

static void test_reply_lost_unit_made(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", false);
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK(STORY_UNTIL(&s, !is_connected(&s)));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        fake_unit_put_state(story_unit(&s), "active", "running");
        if (!story_connect(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_STRING(story_task(&s)->invocation_id, story_unit(&s)->status.invocation_id);
        check_starts(&s, 1);
}

static void test_call_lost_unit_not_made(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", true);
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK(STORY_UNTIL(&s, !is_connected(&s)));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        if (!story_connect(&s))
                return;
        check_starts(&s, 2);
        TAP_CHECK(story_unit(&s));
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        TAP_CHECK_INT(story_told("1 started now"), 1);
}

/* The call has left, and nobody has read it. */
static void test_call_lost_on_the_way(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        if (!drop(&s) || !story_connect(&s))
                return;
        check_starts(&s, 1);
        TAP_CHECK(story_unit(&s));
        TAP_CHECK_INT(story_task(&s)->state, TASK_STARTING);
}

/* The unit was made, ran and ended successfully, all of it unheard. */
static void test_reply_lost_unit_ended(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", false);
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK(STORY_UNTIL(&s, !is_connected(&s)));
        story_settle(&s);
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        if (!story_connect(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        check_starts(&s, 1);
}

static void test_lost_twice(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        for (unsigned i = 1; i <= 2; i++) {
                fake_drop_at(&s.systemd, "StartTransientUnit", true);
                if (i == 1)
                        TAP_CHECK_INT(story_create(&s, MAKE), 0);
                else if (!story_connect(&s))
                        return;
                TAP_CHECK(STORY_UNTIL(&s, !is_connected(&s)));
                story_settle(&s);
                check_starts(&s, i);
        }
        if (!story_connect(&s))
                return;
        check_starts(&s, 3);
        TAP_CHECK(story_unit(&s));
}

/* It was looked for before it was asked for again: that it was not there then means nothing any more. */
static void test_absence_is_soon_forgotten(void) {
        _cleanup_(story_done) Story s = {};
        sd_bus *bus;

        if (!story_begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", true);
        TAP_CHECK_INT(story_create(&s, MAKE), 0);
        TAP_CHECK(STORY_UNTIL(&s, !is_connected(&s)));
        story_settle(&s);
        bus = fake_connect(&s.systemd);
        fake_delay_replies(&s.systemd, "ListUnitsByPatterns");
        TAP_CHECK(bus && manager_start_on_bus(s.manager, bus) >= 0);
        sd_bus_unref(bus);
        story_settle(&s);
        test_clock_advance(2 * USEC_PER_SEC);
        manager_refresh_usage(s.manager, s.id, on_usage, NULL);
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "GetAll") == 1));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        fake_release_replies(&s.systemd);
        if (!TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        fake_unit_set_state(story_unit(&s), "activating", "start");
        story_settle(&s);
        fake_unit_set_state(story_unit(&s), "active", "running");
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
}

/* --- lost while a task runs --- */

static void test_tasks_go_on_without_connection(void) {
        _cleanup_(story_done) Story s = {};
        ManagerHealth h;

        if (!story_begin(&s) || !story_run(&s) || !drop(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        manager_health(s.manager, &h);
        TAP_CHECK(!h.systemd_connected);
        TAP_CHECK_CONTAINS(h.systemd_cause, "closed the connection");
        TAP_CHECK_INT(story_told("The connection to systemd is lost"), 1);
        TAP_CHECK_INT(story_create(&s, MAKE), -ENOTCONN);
        TAP_CHECK_CONTAINS(s.problem.sentence, "closed the connection");
        if (!story_connect(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        manager_health(s.manager, &h);
        TAP_CHECK(h.systemd_connected);
        TAP_CHECK_STRING(h.systemd_cause, NULL);
        TAP_CHECK_INT(story_told("Connected to systemd again"), 1);
        check_starts(&s, 1);
        /* Said once, though what follows is the same. */
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        TAP_CHECK_INT(story_told("Connected to systemd again"), 1);
}

static void test_failure_is_found_after_reconnect(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)) || !drop(&s))
                return;
        u->status.main_pid = 0;
        u->status.exec_main_code = CLD_KILLED;
        u->status.exec_main_status = SIGKILL;
        snprintf(u->status.result, UNIT_WORD_SIZE, "oom-kill");
        fake_unit_put_state(u, "failed", "failed");
        if (!story_connect(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed oom-kill");
        TAP_CHECK_STRING(story_task(&s)->signal, "SIGKILL");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 1);
}

static void test_success_is_found_after_reconnect(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s) || !drop(&s))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        if (!story_connect(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_told("1 ended unnoticed"), 1);
}

/* The verdict needs nobody: it was under way when the connection went. */
static void test_lost_between_end_and_verdict(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_journald_is_done = 0;
        fake_unit_end(u, "exit-code", CLD_EXITED, 4);
        story_settle(&s);
        if (!drop(&s))
                return;
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 0);
        /* What could not be said then is said now. */
        if (story_connect(&s))
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 1);
}

/* --- connecting --- */

/* Up to where nothing happens any more; with `at_once` all answers come together. */
static void connect_so(Story *s, bool at_once) {
        sd_bus *bus = fake_connect(&s->systemd);

        fake_delay_replies(&s->systemd, at_once ? "" : NULL);
        TAP_CHECK(bus && manager_start_on_bus(s->manager, bus) >= 0);
        sd_bus_unref(bus);
        story_settle(s);
        if (at_once)
                fake_release_replies(&s->systemd);
        story_settle(s);
}

static void connect_only(Story *s) {
        connect_so(s, false);
}

static void test_already_subscribed_is_fine(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s) || !story_load(&s))
                return;
        fake_refuse(&s.systemd, "Subscribe", "org.freedesktop.systemd1.AlreadySubscribed", "Client is subscribed.");
        connect_only(&s);
        TAP_CHECK(is_connected(&s));
        TAP_CHECK_INT(s.recovered, 1);
}

/* Each question that connecting waits for. */
static void test_refused_connection_is_none(void) {
        static const char *const members[] = { "Subscribe", "Get" };

        for (size_t i = 0; i < 2 * ELEMENTSOF(members); i++) {
                _cleanup_(story_done) Story s = {};

                if (!story_open(&s) || !story_load(&s))
                        return;
                fake_refuse(&s.systemd, members[i / 2], SD_BUS_ERROR_ACCESS_DENIED, "You may not.");
                connect_so(&s, i % 2);
                TAP_CHECK(!is_connected(&s));
                TAP_CHECK_INT(s.recovered, 0);
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 0);
                TAP_CHECK_INT(story_create(&s, MAKE), -ENOTCONN);
                connect_only(&s);
                TAP_CHECK(is_connected(&s));
                TAP_CHECK_INT(s.recovered, 1);
        }
}

static void test_matches_come_before_the_list(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !TAP_CHECK(s.systemd.n_calls >= 3))
                return;
        TAP_CHECK_STRING(s.systemd.calls[0], "Subscribe");
        TAP_CHECK_STRING(s.systemd.calls[1], "Get org.freedesktop.systemd1.Manager UserspaceTimestamp");
        TAP_CHECK_STRING(s.systemd.calls[2], "ListUnitsByPatterns");
}

/* Nothing is asked before what was asked first is answered. */
static void test_nothing_is_asked_while_connecting(void) {
        _cleanup_(story_done) Story s = {};
        sd_bus *bus;

        if (!story_open(&s) || !story_load(&s))
                return;
        bus = fake_connect(&s.systemd);
        fake_delay_replies(&s.systemd, "");
        TAP_CHECK(bus && manager_start_on_bus(s.manager, bus) >= 0);
        sd_bus_unref(bus);
        story_settle(&s);
        story_monitor(&s);
        TAP_CHECK_INT(story_create(&s, MAKE), -ENOTCONN);
        TAP_CHECK_CONTAINS(s.problem.sentence, "is being made");
        story_settle(&s);
        TAP_CHECK_INT(s.systemd.n_calls, 2);
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 1);
        TAP_CHECK_INT(s.recovered, 1);
}

static void test_list_is_lost(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s) || !story_load(&s))
                return;
        fake_drop_at(&s.systemd, "ListUnitsByPatterns", true);
        connect_only(&s);
        TAP_CHECK(!is_connected(&s));
        TAP_CHECK_INT(s.recovered, 0);
        connect_only(&s);
        TAP_CHECK_INT(s.recovered, 1);
}

/* --- systemd is reloaded --- */

/* As 252 does it: every unit is announced as removed. */
static void test_reload_ends_no_task(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        fake_emit_reloading(&s.systemd, true);
        fake_emit_unit_removed(&s.systemd, u->name);
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 2);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

static void test_reload_compares_anew(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_emit_reloading(&s.systemd, true);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 1);
        story_record(&s, NULL, "signal", "killed", "KILL");
        fake_unit_remove(story_unit(&s));
        fake_emit_reloading(&s.systemd, false);
        TAP_CHECK_STRING(story_verdict(&s), "failed signal");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 2);
}

/* Nothing else was heard: it is gone. */
static void test_unit_removed_alone(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *name = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        name = strdup(u->name);
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(u);
        fake_emit_unit_removed(&s.systemd, "another.service");
        fake_emit_unit_removed(&s.systemd, name);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

/* A read of a unit that is not loaded makes systemd load and remove it, and announce that: no new reads. */
static void test_removal_is_not_answered_for_ever(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *name = NULL;

        if (!story_begin(&s) || !story_run(&s))
                return;
        name = strdup(story_unit(&s)->name);
        test_clock_journald_is_done = 0;
        fake_unit_remove(story_unit(&s));
        fake_emit_unit_removed(&s.systemd, name);
        story_settle(&s);
        for (unsigned i = 0, n = fake_count_calls(&s.systemd, "GetAll"); i < 5; i++) {
                fake_emit_unit_removed(&s.systemd, name);
                story_settle(&s);
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "GetAll"), n);
        }
}

static const TapTest tests[] = {
        { "the reply is lost, the unit was made: it is taken up", test_reply_lost_unit_made },
        { "the call is lost, no unit was made: it is started once", test_call_lost_unit_not_made },
        { "the call is lost on the way", test_call_lost_on_the_way },
        { "the reply is lost, and the unit's whole life", test_reply_lost_unit_ended },
        { "lost twice", test_lost_twice },
        { "that a unit was not there is soon forgotten", test_absence_is_soon_forgotten },
        { "tasks go on without a connection", test_tasks_go_on_without_connection },
        { "a failure is found after the reconnect", test_failure_is_found_after_reconnect },
        { "a success is found after the reconnect", test_success_is_found_after_reconnect },
        { "lost between the end and the verdict", test_lost_between_end_and_verdict },
        { "already subscribed is fine", test_already_subscribed_is_fine },
        { "a refused connection is none", test_refused_connection_is_none },
        { "the subscription comes before the list", test_matches_come_before_the_list },
        { "nothing is asked while connecting", test_nothing_is_asked_while_connecting },
        { "the list of units is lost", test_list_is_lost },
        { "a reload ends no task", test_reload_ends_no_task },
        { "a reload compares anew", test_reload_compares_anew },
        { "a unit that is removed without another word has ended", test_unit_removed_alone },
        { "a removal is not answered for ever", test_removal_is_not_answered_for_ever },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

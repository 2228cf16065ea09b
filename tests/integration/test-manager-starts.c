/* Starts, of which systemd is asked for so many at a time: the others wait for their turn, and none is lost, forgotten
 * or made twice, whoever goes meanwhile. */
#include "crowd.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define STARTS_MAX 128

/* A start that nobody answered must not take somebody's turn for ever. */
static void test_systemd_leaves_the_bus(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story))
                return;
        for (unsigned i = 0; i < 3; i++) {
                fake_delay_replies(&c.story.systemd, "StartTransientUnit");
                if (!crowd_create(&c))
                        return;
                fake_emit_owner_changed(&c.story.systemd);
                story_settle(&c.story);
                if (!story_connect(&c.story))
                        return;
                TAP_CHECK_INT(crowd_count_starts(&c), (i + 1) * CROWD_TASKS);
                crowd_run(&c);
        }
        TAP_CHECK_INT(story_told("systemd left the bus"), 3);
}

/* For each start job systemd keeps a match on whoever asked, and the bus allows it only so many. */
static void test_starts_wait_their_turn(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        TAP_CHECK_INT(crowd_count_starts(&c), CROWD_TASKS);
        if (!crowd_create(&c))
                return;
        TAP_CHECK_INT(crowd_count_starts(&c), STARTS_MAX);
        TAP_CHECK_INT(crowd_count(&c, TASK_QUEUED), 2 * CROWD_TASKS - STARTS_MAX);
        /* Cancelled before its turn: it never gets one, though its verdict is not reached yet. */
        crowd_select(&c, CROWD_TASKS - 1);
        test_clock_journald_is_done = 0;
        TAP_CHECK_INT(story_cancel(&c.story), 0);
        c.first = 0;
        crowd_run(&c);
        TAP_CHECK_INT(crowd_count_starts(&c), 2 * CROWD_TASKS - 1);
        c.first = CROWD_TASKS;
        crowd_select(&c, CROWD_TASKS - 1);
        TAP_CHECK(!story_unit(&c.story));
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&c.story), "cancelled cancelled");
}

/* --- units that are being made --- */

#define SPAWNS_MAX 4
#define SPAWN_USEC USEC_PER_SEC

static bool begin_spawns(Crowd *c) {
        c->story.spawns_max = SPAWNS_MAX;
        if (!story_begin(&c->story))
                return false;
        test_clock_hold(true);
        return crowd_create(c) && TAP_CHECK_INT(crowd_count_starts(c), SPAWNS_MAX);
}

static void set_state(Crowd *c, size_t i, const char *active_state, const char *sub_state) {
        FakeUnit *u;

        crowd_select(c, i);
        u = story_unit(&c->story);
        if (!TAP_CHECK(u))
                return;
        if (!string_equal(active_state, "activating"))
                u->status.job_id = 0;
        fake_unit_set_state(u, active_state, sub_state);
        story_settle(&c->story);
}

/* Whatever it is that its first program does, the next one's turn has come. */
static void test_few_are_made_at_a_time(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!begin_spawns(&c))
                return;
        set_state(&c, 0, "activating", "start");
        TAP_CHECK_INT(crowd_count_starts(&c), SPAWNS_MAX);
        set_state(&c, 1, "active", "running");
        TAP_CHECK_INT(crowd_count_starts(&c), SPAWNS_MAX + 1);
        set_state(&c, 2, "activating", "start-pre");
        TAP_CHECK_INT(crowd_count_starts(&c), SPAWNS_MAX + 2);
        set_state(&c, 2, "active", "running");
        TAP_CHECK_INT(crowd_count_starts(&c), SPAWNS_MAX + 2);
        crowd_select(&c, 0);
        fake_unit_end(story_unit(&c.story), "exit-code", CLD_EXITED, 1);
        story_settle(&c.story);
        TAP_CHECK_INT(crowd_count_starts(&c), SPAWNS_MAX + 3);
        for (size_t i = 3; i < CROWD_TASKS; i++)
                set_state(&c, i, "active", "running");
        TAP_CHECK_INT(crowd_count_starts(&c), CROWD_TASKS);
}

static void test_who_is_made_for_long_keeps_nobody_waiting(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!begin_spawns(&c))
                return;
        test_clock_advance(SPAWN_USEC / 2);
        set_state(&c, 1, "active", "running");
        TAP_CHECK_INT(crowd_count_starts(&c), SPAWNS_MAX + 1);
        /* Three are as old as that; the other one is not. */
        test_clock_advance(SPAWN_USEC / 2);
        story_settle(&c.story);
        TAP_CHECK_INT(crowd_count_starts(&c), 2 * SPAWNS_MAX);
        test_clock_advance(SPAWN_USEC / 2);
        story_settle(&c.story);
        TAP_CHECK_INT(crowd_count_starts(&c), 2 * SPAWNS_MAX + 1);
        /* What runs at last was counted once. */
        for (size_t i = 2; i < SPAWNS_MAX; i++)
                set_state(&c, i, "active", "running");
        TAP_CHECK_INT(crowd_count_starts(&c), 2 * SPAWNS_MAX + 1);
}

static bool is_saved_running(Crowd *c, size_t i) {
        crowd_select(c, i);
        return story_document_has(&c->story, "\"state\":\"running\"");
}

/* What systemd would say again is not written while the next unit could be made. */
static void test_what_runs_is_saved_when_there_is_time(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!begin_spawns(&c))
                return;
        set_state(&c, 1, "active", "running");
        TAP_CHECK(!is_saved_running(&c, 1));
        manager_monitor(c.story.manager);
        TAP_CHECK(is_saved_running(&c, 1));
        set_state(&c, 2, "active", "running");
        TAP_CHECK(!is_saved_running(&c, 2));
        for (size_t i = 3; i <= CROWD_TASKS - SPAWNS_MAX; i++)
                set_state(&c, i, "active", "running");
        TAP_CHECK_INT(crowd_count_starts(&c), CROWD_TASKS);
        TAP_CHECK(!is_saved_running(&c, 2));
        test_clock_advance(SPAWN_USEC);
        story_settle(&c.story);
        TAP_CHECK(is_saved_running(&c, 2));
}

static void test_answers_that_are_lost_keep_nobody_waiting(void) {
        _cleanup_(crowd_done) Crowd c = {};

        c.story.spawns_max = SPAWNS_MAX;
        if (!crowd_lose_answers(&c))
                return;
        for (size_t i = 0; i < CROWD_TASKS; i++)
                set_state(&c, i, "active", "running");
        crowd_check_starts(&c);
}

/* Comparing does not start them a second time, and a new service starts those whose turn never came. */
static void test_turns_survive(void) {
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(crowd_done) Crowd c = {};

                if (!story_begin(&c.story) || !crowd_create(&c) || !crowd_create(&c))
                        return;
                if (i == 0) {
                        story_monitor(&c.story);
                        story_settle(&c.story);
                        TAP_CHECK_INT(crowd_count_starts(&c), STARTS_MAX);
                } else {
                        story_stop_service(&c.story);
                        TAP_CHECK_INT(crowd_count_starts(&c), STARTS_MAX);
                        if (!story_start_service(&c.story))
                                return;
                }
                c.first = 0;
                crowd_run(&c);
                c.first = CROWD_TASKS;
                crowd_run(&c);
                TAP_CHECK_INT(crowd_count_starts(&c), 2 * CROWD_TASKS);
        }
}

/* Whoever comes behind one that gave up its turn. */
static void test_turns_are_taken_in_order(void) {
        /* The first, one in the middle and the last of those who wait. */
        static const size_t cancelled[] = { STARTS_MAX - CROWD_TASKS, 60, CROWD_TASKS - 1 };
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story) || !crowd_create(&c) || !crowd_create(&c))
                return;
        for (size_t i = 0; i < ELEMENTSOF(cancelled); i++) {
                crowd_select(&c, cancelled[i]);
                TAP_CHECK_INT(story_cancel(&c.story), 0);
                TAP_CHECK_STRING(story_verdict(&c.story), "cancelled cancelled");
        }
        TAP_CHECK_INT(story_create(&c.story, CROWD_REQUEST), 0);
        story_settle(&c.story);
        TAP_CHECK(!story_unit(&c.story));
        c.first = 0;
        memcpy(c.ids[c.n], c.story.id, sizeof(c.story.id));
        crowd_run(&c);
        c.first = c.n;
        crowd_select(&c, 0);
        TAP_CHECK(story_unit(&c.story));
        TAP_CHECK_CONTAINS(fake_last_call(&c.story.systemd, "StartTransientUnit"), c.story.id);
        TAP_CHECK_INT(crowd_count_starts(&c), 2 * CROWD_TASKS + 1 - 3);
}

static const TapTest tests[] = {
        { "systemd leaves the bus", test_systemd_leaves_the_bus },
        { "starts wait their turn", test_starts_wait_their_turn },
        { "few are made at a time", test_few_are_made_at_a_time },
        { "who is made for long keeps nobody waiting", test_who_is_made_for_long_keeps_nobody_waiting },
        { "what runs is saved when there is time", test_what_runs_is_saved_when_there_is_time },
        { "answers that are lost keep nobody waiting", test_answers_that_are_lost_keep_nobody_waiting },
        { "turns survive a comparison, and the service", test_turns_survive },
        { "turns are taken in order", test_turns_are_taken_in_order },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Many tasks at once: a bus allows a connection only so many calls that are not answered yet. The others wait, in
 * order, and none of them is lost or made twice, also when the connection goes. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define TASKS 100
#define CALLS_MAX 64
#define PATIENT_CALLS_MAX 4
#define STARTS_MAX 128
#define MAKE "{\"command\": [\"make\"]}"

/* The tasks that were created last; before `first` are those of before. */
typedef struct Crowd {
        Story story;
        char ids[4 * TASKS][TASK_ID_SIZE + 1];
        size_t first, n;
} Crowd;

static void crowd_done(Crowd *c) {
        story_done(&c->story);
}

static void crowd_select(Crowd *c, size_t i) {
        memcpy(c->story.id, c->ids[c->first + i], sizeof(c->story.id));
}

static bool crowd_create(Crowd *c) {
        c->first = c->n;
        for (size_t i = 0; i < TASKS; i++) {
                if (!TAP_CHECK_INT(story_create(&c->story, MAKE), 0))
                        return false;
                memcpy(c->ids[c->n++], c->story.id, sizeof(c->story.id));
        }
        story_settle(&c->story);
        return true;
}

static unsigned crowd_count(Crowd *c, TaskState state) {
        unsigned n = 0;

        for (size_t i = 0; i < TASKS; i++) {
                crowd_select(c, i);
                n += story_is_in(&c->story, state);
        }
        return n;
}

static unsigned count_starts(Crowd *c) {
        return fake_count_calls(&c->story.systemd, "StartTransientUnit");
}

/* One for each task, and each of another task. */
static void check_starts(Crowd *c) {
        unsigned n = 0;

        TAP_CHECK_INT(count_starts(c), TASKS);
        for (size_t i = 0; i < TASKS; i++) {
                crowd_select(c, i);
                n += story_unit(&c->story) != NULL;
        }
        TAP_CHECK_INT(n, TASKS);
}

/* Each unit as if systemd had done its start job. */
static void crowd_run(Crowd *c) {
        for (size_t i = 0; i < TASKS; i++) {
                crowd_select(c, i);
                story_unit(&c->story)->status.job_id = 0;
                fake_unit_set_state(story_unit(&c->story), "active", "running");
        }
        story_settle(&c->story);
        TAP_CHECK_INT(crowd_count(c, TASK_RUNNING), TASKS);
}

static void test_calls_wait_for_room(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story))
                return;
        fake_delay_replies(&c.story.systemd, "StartTransientUnit");
        if (!crowd_create(&c))
                return;
        TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "StartTransientUnit"), CALLS_MAX);
        TAP_CHECK_INT(crowd_count(&c, TASK_QUEUED), TASKS);
        fake_release_replies(&c.story.systemd);
        story_settle(&c.story);
        check_starts(&c);
        TAP_CHECK_INT(crowd_count(&c, TASK_STARTING), TASKS);
}

/* All are asked for, the connection goes before the first answer, and there is another one. */
static bool lose_answers(Crowd *c) {
        if (!story_begin(&c->story))
                return false;
        fake_delay_replies(&c->story.systemd, "StartTransientUnit");
        if (!crowd_create(c))
                return false;
        fake_drop_connection(&c->story.systemd);
        story_settle(&c->story);
        TAP_CHECK_INT(crowd_count(c, TASK_QUEUED), TASKS);
        return story_connect(&c->story);
}

static void test_waiting_calls_survive_the_connection(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!lose_answers(&c))
                return;
        check_starts(&c);
        TAP_CHECK_INT(story_told("36 started now"), 1);
        /* There is room again for as many as before. */
        TAP_CHECK(story_run(&c.story));
}

static void test_waiting_calls_keep_their_order(void) {
        _cleanup_(crowd_done) Crowd c = {};
        size_t start = 0, stop = 0;

        if (!story_begin(&c.story))
                return;
        fake_delay_replies(&c.story.systemd, "StartTransientUnit");
        if (!crowd_create(&c) || !TAP_CHECK_INT(story_cancel(&c.story), 0))
                return;
        fake_release_replies(&c.story.systemd);
        story_settle(&c.story);
        for (size_t i = 0; i < c.story.systemd.n_calls; i++) {
                const char *call = c.story.systemd.calls[i];

                if (!strstr(call, c.story.id))
                        continue;
                start = string_has_prefix(call, "StartTransientUnit") ? i : start;
                stop = string_has_prefix(call, "StopUnit") ? i : stop;
        }
        TAP_CHECK(start > 0 && start < stop);
        TAP_CHECK_INT(story_task(&c.story)->state, TASK_STOPPING);
}

static void test_many_are_taken_up(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        for (size_t i = 0; i < TASKS; i++) {
                crowd_select(&c, i);
                story_unit(&c.story)->status.job_id = 0;
                fake_unit_put_state(story_unit(&c.story), i % 2 ? "active" : "failed", "any");
        }
        story_stop_service(&c.story);
        if (!story_start_service(&c.story))
                return;
        TAP_CHECK_INT(c.story.recovered, 1);
        TAP_CHECK_INT(crowd_count(&c, TASK_RUNNING), TASKS / 2);
        TAP_CHECK_INT(crowd_count(&c, TASK_FINISHED), TASKS / 2);
        story_settle(&c.story);
        TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "ResetFailedUnit"), TASKS / 2);
        TAP_CHECK_INT(count_starts(&c), TASKS);
}

static unsigned count_reads(Crowd *c) {
        return fake_count_calls(&c->story.systemd, "GetAll");
}

/* A crowd that runs, and a service that has come back and has not got an answer to its first reads yet. */
static bool take_up_crowd(Crowd *c) {
        if (!story_begin(&c->story) || !crowd_create(c))
                return false;
        crowd_run(c);
        story_stop_service(&c->story);
        fake_delay_replies(&c->story.systemd, "GetAll");
        return story_start_service(&c->story);
}

/* What a start still has to ask of each task does not keep a client waiting. */
static void test_patient_reads_let_others_go_first(void) {
        _cleanup_(crowd_done) Crowd c = {};
        unsigned before, starts;

        if (!take_up_crowd(&c))
                return;
        before = count_reads(&c) - PATIENT_CALLS_MAX;
        starts = count_starts(&c);
        TAP_CHECK_INT(story_create(&c.story, MAKE), 0);
        story_settle(&c.story);
        TAP_CHECK_INT(count_starts(&c), starts + 1);
        TAP_CHECK_INT(count_reads(&c), before + PATIENT_CALLS_MAX);
        fake_release_replies(&c.story.systemd);
        story_settle(&c.story);
        TAP_CHECK_INT(count_reads(&c), before + TASKS);
        /* The new task's unit has not begun; all the others run. */
        TAP_CHECK_INT(crowd_count(&c, TASK_RUNNING), TASKS);
}

/* With the connection they end, and begin anew with the next one; with the service they end for good. */
static void test_patient_reads_end_with_the_connection(void) {
        _cleanup_(crowd_done) Crowd c = {};
        unsigned before;

        if (!take_up_crowd(&c))
                return;
        fake_drop_connection(&c.story.systemd);
        story_settle(&c.story);
        before = count_reads(&c);
        if (!story_connect(&c.story))
                return;
        TAP_CHECK_INT(count_reads(&c), before + TASKS);
        fake_delay_replies(&c.story.systemd, "GetAll");
        story_stop_service(&c.story);
        if (!story_start_service(&c.story))
                return;
        story_stop_service(&c.story);
}

static unsigned sum(const unsigned *numbers) {
        unsigned n = 0;

        for (size_t i = 0; i < TASKS; i++)
                n += TAP_CHECK(numbers[i] <= 1) ? numbers[i] : 0;
        return n;
}

static void on_usage(void *userdata, int error _unused_, const char *sentence _unused_) {
        unsigned *n = userdata;

        (*n)++;
}

static void drop(FakeSystemd *f) {
        fake_drop_connection(f);
}

/* The end of the connection, and systemd leaving a bus that goes on. */
static void check_every_question_is_answered_once(void (*lose)(FakeSystemd *f)) {
        _cleanup_(crowd_done) Crowd c = {};
        unsigned answers[TASKS] = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        test_clock_advance(2 * USEC_PER_SEC);
        fake_delay_replies(&c.story.systemd, "GetAll");
        for (size_t i = 0; i < TASKS; i++)
                manager_refresh_usage(c.story.manager, c.ids[i], on_usage, &answers[i]);
        story_settle(&c.story);
        TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "GetAll"), CALLS_MAX);
        lose(&c.story.systemd);
        story_settle(&c.story);
        TAP_CHECK_INT(sum(answers), TASKS);
        if (story_connect(&c.story))
                TAP_CHECK_INT(sum(answers), TASKS);
}

static void test_every_question_is_answered_once(void) {
        check_every_question_is_answered_once(drop);
        check_every_question_is_answered_once(fake_emit_owner_changed);
}

static void test_nobody_is_called_back_by_what_is_gone(void) {
        _cleanup_(crowd_done) Crowd c = {};
        unsigned answers[TASKS] = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        test_clock_advance(2 * USEC_PER_SEC);
        fake_delay_replies(&c.story.systemd, "GetAll");
        for (size_t i = 0; i < TASKS; i++)
                manager_refresh_usage(c.story.manager, c.ids[i], on_usage, &answers[i]);
        story_settle(&c.story);
        c.story.manager = manager_free(c.story.manager);
        TAP_CHECK_INT(sum(answers), 0);
}

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
                TAP_CHECK_INT(count_starts(&c), (i + 1) * TASKS);
                crowd_run(&c);
        }
        TAP_CHECK_INT(story_told("systemd left the bus"), 3);
}

/* For each start job systemd keeps a match on whoever asked, and the bus allows it only so many. */
static void test_starts_wait_their_turn(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        TAP_CHECK_INT(count_starts(&c), TASKS);
        if (!crowd_create(&c))
                return;
        TAP_CHECK_INT(count_starts(&c), STARTS_MAX);
        TAP_CHECK_INT(crowd_count(&c, TASK_QUEUED), 2 * TASKS - STARTS_MAX);
        /* Cancelled before its turn: it never gets one, though its verdict is not reached yet. */
        crowd_select(&c, TASKS - 1);
        test_clock_journald_is_done = 0;
        TAP_CHECK_INT(story_cancel(&c.story), 0);
        c.first = 0;
        crowd_run(&c);
        TAP_CHECK_INT(count_starts(&c), 2 * TASKS - 1);
        c.first = TASKS;
        crowd_select(&c, TASKS - 1);
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
        return crowd_create(c) && TAP_CHECK_INT(count_starts(c), SPAWNS_MAX);
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
        TAP_CHECK_INT(count_starts(&c), SPAWNS_MAX);
        set_state(&c, 1, "active", "running");
        TAP_CHECK_INT(count_starts(&c), SPAWNS_MAX + 1);
        set_state(&c, 2, "activating", "start-pre");
        TAP_CHECK_INT(count_starts(&c), SPAWNS_MAX + 2);
        set_state(&c, 2, "active", "running");
        TAP_CHECK_INT(count_starts(&c), SPAWNS_MAX + 2);
        crowd_select(&c, 0);
        fake_unit_end(story_unit(&c.story), "exit-code", CLD_EXITED, 1);
        story_settle(&c.story);
        TAP_CHECK_INT(count_starts(&c), SPAWNS_MAX + 3);
        for (size_t i = 3; i < TASKS; i++)
                set_state(&c, i, "active", "running");
        TAP_CHECK_INT(count_starts(&c), TASKS);
}

static void test_who_is_made_for_long_keeps_nobody_waiting(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!begin_spawns(&c))
                return;
        test_clock_advance(SPAWN_USEC / 2);
        set_state(&c, 1, "active", "running");
        TAP_CHECK_INT(count_starts(&c), SPAWNS_MAX + 1);
        /* Three are as old as that; the other one is not. */
        test_clock_advance(SPAWN_USEC / 2);
        story_settle(&c.story);
        TAP_CHECK_INT(count_starts(&c), 2 * SPAWNS_MAX);
        test_clock_advance(SPAWN_USEC / 2);
        story_settle(&c.story);
        TAP_CHECK_INT(count_starts(&c), 2 * SPAWNS_MAX + 1);
        /* What runs at last was counted once. */
        for (size_t i = 2; i < SPAWNS_MAX; i++)
                set_state(&c, i, "active", "running");
        TAP_CHECK_INT(count_starts(&c), 2 * SPAWNS_MAX + 1);
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
        for (size_t i = 3; i <= TASKS - SPAWNS_MAX; i++)
                set_state(&c, i, "active", "running");
        TAP_CHECK_INT(count_starts(&c), TASKS);
        TAP_CHECK(!is_saved_running(&c, 2));
        test_clock_advance(SPAWN_USEC);
        story_settle(&c.story);
        TAP_CHECK(is_saved_running(&c, 2));
}

static void test_answers_that_are_lost_keep_nobody_waiting(void) {
        _cleanup_(crowd_done) Crowd c = {};

        c.story.spawns_max = SPAWNS_MAX;
        if (!lose_answers(&c))
                return;
        for (size_t i = 0; i < TASKS; i++)
                set_state(&c, i, "active", "running");
        check_starts(&c);
}

/* Comparing does not start them a second time, and a new service starts those whose turn never came. */
static void test_turns_survive(void) {
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(crowd_done) Crowd c = {};

                if (!story_begin(&c.story) || !crowd_create(&c) || !crowd_create(&c))
                        return;
                if (i == 0) {
                        test_clock_advance(c.story.config.monitor_interval_usec);
                        manager_monitor(c.story.manager);
                        story_settle(&c.story);
                        TAP_CHECK_INT(count_starts(&c), STARTS_MAX);
                } else {
                        story_stop_service(&c.story);
                        TAP_CHECK_INT(count_starts(&c), STARTS_MAX);
                        if (!story_start_service(&c.story))
                                return;
                }
                c.first = 0;
                crowd_run(&c);
                c.first = TASKS;
                crowd_run(&c);
                TAP_CHECK_INT(count_starts(&c), 2 * TASKS);
        }
}

/* Whoever comes behind one that gave up its turn. */
static void test_turns_are_taken_in_order(void) {
        /* The first, one in the middle and the last of those who wait. */
        static const size_t cancelled[] = { STARTS_MAX - TASKS, 60, TASKS - 1 };
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story) || !crowd_create(&c) || !crowd_create(&c))
                return;
        for (size_t i = 0; i < ELEMENTSOF(cancelled); i++) {
                crowd_select(&c, cancelled[i]);
                TAP_CHECK_INT(story_cancel(&c.story), 0);
                TAP_CHECK_STRING(story_verdict(&c.story), "cancelled cancelled");
        }
        TAP_CHECK_INT(story_create(&c.story, MAKE), 0);
        story_settle(&c.story);
        TAP_CHECK(!story_unit(&c.story));
        c.first = 0;
        memcpy(c.ids[c.n], c.story.id, sizeof(c.story.id));
        crowd_run(&c);
        c.first = c.n;
        crowd_select(&c, 0);
        TAP_CHECK(story_unit(&c.story));
        TAP_CHECK_CONTAINS(fake_last_call(&c.story.systemd, "StartTransientUnit"), c.story.id);
        TAP_CHECK_INT(count_starts(&c), 2 * TASKS + 1 - 3);
}

/* The service goes down with calls that were never sent. */
static void test_waiting_calls_end_with_the_service(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story))
                return;
        fake_delay_replies(&c.story.systemd, "StartTransientUnit");
        if (!crowd_create(&c))
                return;
        story_stop_service(&c.story);
        if (!story_start_service(&c.story))
                return;
        story_settle(&c.story);
        check_starts(&c);
}

static const TapTest tests[] = {
        { "calls wait for room", test_calls_wait_for_room },
        { "calls that wait survive the connection", test_waiting_calls_survive_the_connection },
        { "calls that wait keep their order", test_waiting_calls_keep_their_order },
        { "many are taken up", test_many_are_taken_up },
        { "patient reads let others go first", test_patient_reads_let_others_go_first },
        { "patient reads end with the connection", test_patient_reads_end_with_the_connection },
        { "every question is answered once", test_every_question_is_answered_once },
        { "systemd leaves the bus", test_systemd_leaves_the_bus },
        { "starts wait their turn", test_starts_wait_their_turn },
        { "few are made at a time", test_few_are_made_at_a_time },
        { "who is made for long keeps nobody waiting", test_who_is_made_for_long_keeps_nobody_waiting },
        { "what runs is saved when there is time", test_what_runs_is_saved_when_there_is_time },
        { "answers that are lost keep nobody waiting", test_answers_that_are_lost_keep_nobody_waiting },
        { "turns survive a comparison, and the service", test_turns_survive },
        { "nobody is called back by what is gone", test_nobody_is_called_back_by_what_is_gone },
        { "turns are taken in order", test_turns_are_taken_in_order },
        { "calls that wait end with the service", test_waiting_calls_end_with_the_service },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

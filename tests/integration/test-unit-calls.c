/* Many tasks at once: a bus allows a connection only so many calls that are not answered yet. The others wait, in
 * order, and none of them is lost or made twice, also when the connection goes. */
#include "crowd.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define CALLS_MAX 64
#define PATIENT_CALLS_MAX 4

static void test_calls_wait_for_room(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story))
                return;
        fake_delay_replies(&c.story.systemd, "StartTransientUnit");
        if (!crowd_create(&c))
                return;
        TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "StartTransientUnit"), CALLS_MAX);
        TAP_CHECK_INT(crowd_count(&c, TASK_QUEUED), CROWD_TASKS);
        fake_release_replies(&c.story.systemd);
        story_settle(&c.story);
        crowd_check_starts(&c);
        TAP_CHECK_INT(crowd_count(&c, TASK_STARTING), CROWD_TASKS);
}

static void test_waiting_calls_survive_the_connection(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!crowd_lose_answers(&c))
                return;
        crowd_check_starts(&c);
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
        for (size_t i = 0; i < CROWD_TASKS; i++) {
                crowd_select(&c, i);
                story_unit(&c.story)->status.job_id = 0;
                fake_unit_put_state(story_unit(&c.story), i % 2 ? "active" : "failed", "any");
        }
        story_stop_service(&c.story);
        if (!story_start_service(&c.story))
                return;
        TAP_CHECK_INT(c.story.recovered, 1);
        TAP_CHECK_INT(crowd_count(&c, TASK_RUNNING), CROWD_TASKS / 2);
        TAP_CHECK_INT(crowd_count(&c, TASK_FINISHED), CROWD_TASKS / 2);
        story_settle(&c.story);
        TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "ResetFailedUnit"), CROWD_TASKS / 2);
        TAP_CHECK_INT(crowd_count_starts(&c), CROWD_TASKS);
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
        starts = crowd_count_starts(&c);
        TAP_CHECK_INT(story_create(&c.story, CROWD_REQUEST), 0);
        story_settle(&c.story);
        TAP_CHECK_INT(crowd_count_starts(&c), starts + 1);
        TAP_CHECK_INT(count_reads(&c), before + PATIENT_CALLS_MAX);
        fake_release_replies(&c.story.systemd);
        story_settle(&c.story);
        TAP_CHECK_INT(count_reads(&c), before + CROWD_TASKS);
        /* The new task's unit has not begun; all the others run. */
        TAP_CHECK_INT(crowd_count(&c, TASK_RUNNING), CROWD_TASKS);
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
        TAP_CHECK_INT(count_reads(&c), before + CROWD_TASKS);
        fake_delay_replies(&c.story.systemd, "GetAll");
        story_stop_service(&c.story);
        if (!story_start_service(&c.story))
                return;
        story_stop_service(&c.story);
}

static unsigned sum(const unsigned *numbers) {
        unsigned n = 0;

        for (size_t i = 0; i < CROWD_TASKS; i++)
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
        unsigned answers[CROWD_TASKS] = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        test_clock_advance(2 * USEC_PER_SEC);
        fake_delay_replies(&c.story.systemd, "GetAll");
        for (size_t i = 0; i < CROWD_TASKS; i++)
                manager_refresh_usage(c.story.manager, c.ids[i], on_usage, &answers[i]);
        story_settle(&c.story);
        TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "GetAll"), CALLS_MAX);
        lose(&c.story.systemd);
        story_settle(&c.story);
        TAP_CHECK_INT(sum(answers), CROWD_TASKS);
        if (story_connect(&c.story))
                TAP_CHECK_INT(sum(answers), CROWD_TASKS);
}

static void test_every_question_is_answered_once(void) {
        check_every_question_is_answered_once(drop);
        check_every_question_is_answered_once(fake_emit_owner_changed);
}

static void test_nobody_is_called_back_by_what_is_gone(void) {
        _cleanup_(crowd_done) Crowd c = {};
        unsigned answers[CROWD_TASKS] = {};

        if (!story_begin(&c.story) || !crowd_create(&c))
                return;
        test_clock_advance(2 * USEC_PER_SEC);
        fake_delay_replies(&c.story.systemd, "GetAll");
        for (size_t i = 0; i < CROWD_TASKS; i++)
                manager_refresh_usage(c.story.manager, c.ids[i], on_usage, &answers[i]);
        story_settle(&c.story);
        c.story.manager = manager_free(c.story.manager);
        TAP_CHECK_INT(sum(answers), 0);
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
        crowd_check_starts(&c);
}

static const TapTest tests[] = {
        { "calls wait for room", test_calls_wait_for_room },
        { "calls that wait survive the connection", test_waiting_calls_survive_the_connection },
        { "calls that wait keep their order", test_waiting_calls_keep_their_order },
        { "many are taken up", test_many_are_taken_up },
        { "patient reads let others go first", test_patient_reads_let_others_go_first },
        { "patient reads end with the connection", test_patient_reads_end_with_the_connection },
        { "every question is answered once", test_every_question_is_answered_once },
        { "nobody is called back by what is gone", test_nobody_is_called_back_by_what_is_gone },
        { "calls that wait end with the service", test_waiting_calls_end_with_the_service },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Many tasks at once: a bus allows a connection only so many calls that are not answered yet. The others wait, in
 * order, and none of them is lost or made twice, also when the connection goes. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define TASKS 100
#define CALLS_MAX 64
#define MAKE "{\"command\": [\"make\"]}"

typedef struct Crowd {
        Story story;
        char ids[TASKS][TASK_ID_SIZE + 1];
} Crowd;

static void crowd_done(Crowd *c) {
        story_done(&c->story);
}

static void crowd_select(Crowd *c, size_t i) {
        memcpy(c->story.id, c->ids[i], sizeof(c->story.id));
}

static bool crowd_create(Crowd *c) {
        for (size_t i = 0; i < TASKS; i++) {
                if (!TAP_CHECK_INT(story_create(&c->story, MAKE), 0))
                        return false;
                memcpy(c->ids[i], c->story.id, sizeof(c->ids[i]));
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

/* One for each task, and each of another task. */
static void check_starts(Crowd *c) {
        TAP_CHECK_INT(fake_count_calls(&c->story.systemd, "StartTransientUnit"), TASKS);
        for (size_t i = 0; i < TASKS; i++) {
                crowd_select(c, i);
                TAP_CHECK(story_unit(&c->story));
        }
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

static void test_waiting_calls_survive_the_connection(void) {
        _cleanup_(crowd_done) Crowd c = {};

        if (!story_begin(&c.story))
                return;
        fake_delay_replies(&c.story.systemd, "StartTransientUnit");
        if (!crowd_create(&c))
                return;
        fake_drop_connection(&c.story.systemd);
        story_settle(&c.story);
        TAP_CHECK_INT(crowd_count(&c, TASK_QUEUED), TASKS);
        if (!story_connect(&c.story))
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
        check_starts(&c);
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
        for (size_t i = 0; i < TASKS; i++)
                TAP_CHECK_INT(answers[i], 1);
        if (!story_connect(&c.story))
                return;
        for (size_t i = 0; i < TASKS; i++)
                TAP_CHECK_INT(answers[i], 1);
}

static void test_every_question_is_answered_once(void) {
        check_every_question_is_answered_once(drop);
        check_every_question_is_answered_once(fake_emit_owner_changed);
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
                story_settle(&c.story);
                TAP_CHECK_INT(fake_count_calls(&c.story.systemd, "StartTransientUnit"), (i + 1) * TASKS);
        }
        TAP_CHECK(story_told("systemd left the bus") == 3);
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
        { "every question is answered once", test_every_question_is_answered_once },
        { "systemd leaves the bus", test_systemd_leaves_the_bus },
        { "calls that wait end with the service", test_waiting_calls_end_with_the_service },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* How many tasks run, wait and are kept: beyond it they wait in order, then they are refused, and each that ends makes
 * room for one. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define MAKE "{\"command\": [\"make\"]}"
#define ROOM 2

typedef struct Line {
        Story story;
        char ids[16][TASK_ID_SIZE + 1];
        size_t n;
} Line;

static void line_done(Line *l) {
        story_done(&l->story);
}

static void line_select(Line *l, size_t i) {
        memcpy(l->story.id, l->ids[i], sizeof(l->story.id));
}

/* As many as run at once, and `more` behind them. */
static bool line_begin(Line *l, unsigned queued_max, size_t more) {
        if (!story_open(&l->story))
                return false;
        l->story.config.max_running_tasks = ROOM;
        l->story.config.max_queued_tasks = queued_max;
        if (!story_start_service(&l->story))
                return false;
        for (l->n = 0; l->n < ROOM + more; l->n++) {
                if (!TAP_CHECK_INT(story_create(&l->story, MAKE), 0))
                        return false;
                memcpy(l->ids[l->n], l->story.id, sizeof(l->story.id));
        }
        story_settle(&l->story);
        return true;
}

/* Which of them have a unit, such as "110": the first two. */
static const char *units(Line *l) {
        static char text[sizeof(l->ids) / sizeof(l->ids[0]) + 1];

        for (size_t i = 0; i < l->n; i++) {
                line_select(l, i);
                text[i] = story_unit(&l->story) ? '1' : '0';
        }
        text[l->n] = 0;
        return text;
}

static void line_start(Line *l, size_t i) {
        line_select(l, i);
        fake_unit_start(story_unit(&l->story));
        TAP_CHECK(STORY_UNTIL(&l->story, story_is_in(&l->story, TASK_RUNNING)));
}

static void line_end(Line *l, size_t i) {
        line_select(l, i);
        fake_unit_end(story_unit(&l->story), "success", CLD_EXITED, 0);
        TAP_CHECK(STORY_UNTIL(&l->story, story_is_finished(&l->story)));
        story_settle(&l->story);
}

static void check_refused(Line *l, int r, const char *part) {
        TAP_CHECK_INT(r, -EAGAIN);
        TAP_CHECK_CONTAINS(problem_sentence(&l->story.problem), part);
        problem_done(&l->story.problem);
}

static void test_so_many_run_and_the_others_follow(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 10, 3))
                return;
        TAP_CHECK_STRING(units(&l), "11000");
        line_start(&l, 0);
        line_start(&l, 1);
        story_settle(&l.story);
        TAP_CHECK_STRING(units(&l), "11000");
        line_select(&l, 2);
        TAP_CHECK(story_is_in(&l.story, TASK_QUEUED));
        TAP_CHECK(story_document_has(&l.story, "\"queued\""));
        line_end(&l, 1);
        TAP_CHECK_STRING(units(&l), "10100");
        line_start(&l, 2);
        line_end(&l, 0);
        TAP_CHECK_STRING(units(&l), "00110");
        line_start(&l, 3);
        line_end(&l, 2);
        line_end(&l, 3);
        TAP_CHECK_STRING(units(&l), "00001");
        TAP_CHECK_INT(fake_count_calls(&l.story.systemd, "StartTransientUnit"), 5);
}

static void test_who_waits_can_be_cancelled(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 10, 2))
                return;
        line_select(&l, 2);
        TAP_CHECK_INT(story_cancel(&l.story), 0);
        TAP_CHECK_STRING(story_verdict(&l.story), "cancelled cancelled");
        line_start(&l, 0);
        line_end(&l, 0);
        TAP_CHECK_STRING(units(&l), "0101");
}

/* Its unit is gone; that journald takes long, and with it the verdict, is not the next one's fault. */
static void test_who_has_ended_keeps_nobody_waiting(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 10, 1))
                return;
        line_start(&l, 0);
        test_clock_journald_is_done = 0;
        fake_unit_end(story_unit(&l.story), "success", CLD_EXITED, 0);
        story_settle(&l.story);
        TAP_CHECK(!story_is_finished(&l.story));
        TAP_CHECK_STRING(units(&l), "011");
        test_clock_journald_is_done = 1;
}

/* One that systemd refuses has had its turn. */
static void test_a_start_that_fails_makes_room(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 10, 2))
                return;
        line_start(&l, 0);
        fake_refuse(&l.story.systemd, "StartTransientUnit", SD_BUS_ERROR_ACCESS_DENIED, "no");
        line_end(&l, 0);
        line_select(&l, 2);
        TAP_CHECK(STORY_UNTIL(&l.story, story_is_finished(&l.story)));
        story_settle(&l.story);
        TAP_CHECK_STRING(units(&l), "0101");
}

static void test_the_line_is_bounded(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 2, 2))
                return;
        unsigned files = story_count_files(&l.story, "task-");

        check_refused(&l, story_create(&l.story, MAKE), "2 tasks run (task_execution.max_running_tasks) and 2 wait");
        TAP_CHECK_INT(story_count_files(&l.story, "task-"), files);
        line_start(&l, 0);
        line_end(&l, 0);
        TAP_CHECK_STRING(units(&l), "0110");
        TAP_CHECK_INT(story_create(&l.story, MAKE), 0);
        check_refused(&l, story_create(&l.story, MAKE), "try again");
        line_select(&l, 0);
        check_refused(&l, story_resume(&l.story), "try again");
        TAP_CHECK(story_is_finished(&l.story));
}

static void test_without_a_line_there_is_room_or_none(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 0, 0))
                return;
        check_refused(&l, story_create(&l.story, MAKE), "0 wait");
        line_start(&l, 1);
        line_end(&l, 1);
        TAP_CHECK_INT(story_create(&l.story, MAKE), 0);
        check_refused(&l, story_create(&l.story, MAKE), "0 wait");
}

/* A service that starts again counts those who run before it starts any. */
static void test_the_room_survives_the_service(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 10, 2))
                return;
        line_start(&l, 0);
        line_start(&l, 1);
        story_stop_service(&l.story);
        if (!story_start_service(&l.story))
                return;
        story_settle(&l.story);
        TAP_CHECK_STRING(units(&l), "1100");
        line_end(&l, 0);
        TAP_CHECK_STRING(units(&l), "0110");

        /* With less room than before nobody is ended. */
        line_start(&l, 2);
        story_stop_service(&l.story);
        l.story.config.max_running_tasks = 1;
        if (!story_start_service(&l.story))
                return;
        story_settle(&l.story);
        TAP_CHECK_STRING(units(&l), "0110");
        line_end(&l, 1);
        TAP_CHECK_STRING(units(&l), "0010");
        line_end(&l, 2);
        TAP_CHECK_STRING(units(&l), "0001");
}

static void test_further_attempts_wait_too(void) {
        _cleanup_(line_done) Line l = {};

        if (!line_begin(&l, 10, 1))
                return;
        line_start(&l, 0);
        line_end(&l, 0);
        TAP_CHECK_STRING(units(&l), "011");
        line_select(&l, 0);
        TAP_CHECK_INT(story_resume(&l.story), 0);
        story_settle(&l.story);
        TAP_CHECK_STRING(units(&l), "011");
        line_start(&l, 1);
        line_end(&l, 1);
        TAP_CHECK_STRING(units(&l), "101");
}

static void test_so_many_are_kept(void) {
        _cleanup_(line_done) Line l = {};

        if (!story_open(&l.story))
                return;
        l.story.config.max_tasks = 2;
        if (!story_start_service(&l.story))
                return;
        for (l.n = 0; l.n < 2; l.n++) {
                TAP_CHECK_INT(story_create(&l.story, MAKE), 0);
                memcpy(l.ids[l.n], l.story.id, sizeof(l.story.id));
        }
        check_refused(&l, story_create(&l.story, MAKE), "2 tasks are kept, as many as persistence.max_tasks allows");
        story_settle(&l.story);
        line_start(&l, 0);
        line_end(&l, 0);
        check_refused(&l, story_create(&l.story, MAKE), "DELETE");
        line_select(&l, 0);
        TAP_CHECK_INT(manager_forget_task(l.story.manager, l.story.id, STORY_ACTOR, &l.story.problem), 0);
        TAP_CHECK_INT(story_create(&l.story, MAKE), 0);
}

static const TapTest tests[] = {
        { "so many run, and the others follow", test_so_many_run_and_the_others_follow },
        { "who waits can be cancelled", test_who_waits_can_be_cancelled },
        { "who has ended keeps nobody waiting", test_who_has_ended_keeps_nobody_waiting },
        { "a start that fails makes room", test_a_start_that_fails_makes_room },
        { "the line is bounded", test_the_line_is_bounded },
        { "without a line there is room or none", test_without_a_line_there_is_room_or_none },
        { "the room survives the service", test_the_room_survives_the_service },
        { "further attempts wait too", test_further_attempts_wait_too },
        { "so many are kept", test_so_many_are_kept },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

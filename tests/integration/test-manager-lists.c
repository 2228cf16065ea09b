/* When the units are listed: seldom, one list at a time, and what it does not have may be new. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

static unsigned lists_after(Story *s, unsigned intervals) {
        test_clock_advance(intervals * s->config.monitor_interval_usec);
        manager_monitor(s->manager);
        story_settle(s);
        return fake_count_calls(&s->systemd, "ListUnits");
}

static void test_list_is_refused(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s) || !story_load(&s))
                return;
        fake_refuse(&s.systemd, "ListUnitsByPatterns", SD_BUS_ERROR_NO_MEMORY, "No memory.");
        TAP_CHECK(story_connect(&s));
        TAP_CHECK_INT(s.recovered, 0);
        TAP_CHECK_INT(story_told("could not be listed"), 1);
        /* Before it is due nothing is asked again. */
        TAP_CHECK_INT(lists_after(&s, 0), 1);
        TAP_CHECK_INT(lists_after(&s, 1), 2);
        TAP_CHECK_INT(s.recovered, 1);
}

/* The next is asked for only when the answer has come. */
static void test_one_list_at_a_time(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, "ListUnitsByPatterns");
        for (unsigned i = 0; i < 3; i++) {
                story_monitor(&s);
                story_settle(&s);
        }
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), 2);
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(lists_after(&s, 0), 3);
}

/* Nor is anything written that has not changed: a machine is not woken for it. */
static void test_at_rest_lists_are_rare(void) {
        _cleanup_(story_done) Story s = {};
        unsigned writes;
        FakeUnit *u;

        if (!story_begin(&s))
                return;
        TAP_CHECK_INT(lists_after(&s, 1), 1);
        writes = test_disk_writes;
        TAP_CHECK_INT(lists_after(&s, MANAGER_INTERVALS_AT_REST - 2), 1);
        TAP_CHECK_INT(lists_after(&s, 1), 2);
        TAP_CHECK_INT(lists_after(&s, 1), 2);
        TAP_CHECK_INT(test_disk_writes - writes, 0);
        if (!(u = story_run(&s)))
                return;
        for (unsigned i = 3; i < 6; i++)
                TAP_CHECK_INT(lists_after(&s, 1), i);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(lists_after(&s, 1), 5);
}

/* A task that is created while the list is under way is not in it, and not missed. */
static void test_new_task_is_not_missed_in_the_list(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, "ListUnitsByPatterns");
        story_monitor(&s);
        story_settle(&s);
        if (!story_run(&s))
                return;
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
}

static const TapTest tests[] = {
        { "the list of units is refused", test_list_is_refused },
        { "one list at a time", test_one_list_at_a_time },
        { "at rest lists are rare, and nothing is written", test_at_rest_lists_are_rare },
        { "a new task is not missed in the list under way", test_new_task_is_not_missed_in_the_list },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

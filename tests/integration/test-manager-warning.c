/* The warning ahead of the time limit. */
#include "story.h"

#define WARNED "The time limit of"
#define SECONDS(n) ((n) * USEC_PER_SEC)

static void test_warned_once_and_in_time(void) {
        static const struct {
                const char *fields;
                unsigned warn_before, quiet; /* seconds */
                const char *sentence;
        } rows[] = {
                { "", 300, 6900, "The time limit of 7200 s is reached in 300 s (at 2" },
                { ", \"timeout\": 3600", 10, 3590, "The time limit of 3600 s is reached in 10 s" },
                /* never before half of it is over */
                { ", \"timeout\": 100", 300, 50, "The time limit of 100 s is reached in 50 s" },
                { ", \"timeout\": 100", 50, 50, "The time limit of 100 s is reached in 50 s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};

                if (!story_open(&s))
                        return;
                s.config.warn_before_usec = SECONDS(rows[i].warn_before);
                if (!story_start_service(&s) || !story_run_with(&s, rows[i].fields))
                        return;
                story_pass(&s, SECONDS(rows[i].quiet - 1));
                TAP_CHECK_INT(story_told(WARNED), 0);
                TAP_CHECK(!clock_is_set(story_task(&s)->warned_at));
                test_clock_advance(SECONDS(1));
                TAP_CHECK(STORY_UNTIL(&s, story_told(rows[i].sentence) == 1));
                TAP_CHECK_INT(story_told("up to task_execution.claude_timeout (7200 s)"), 1);
                TAP_CHECK(story_document_has(&s, "\"warned_at\":\"2"));
                story_pass(&s, SECONDS(5));
                fake_unit_emit(story_unit(&s));
                story_pass(&s, SECONDS(5));
                TAP_CHECK_INT(story_told(WARNED), 1);
        }
}

static void test_nobody_is_warned(void) {
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_open(&s))
                        return;
                if (i == 0)
                        s.config.warn_before_usec = 0;
                if (!story_start_service(&s) || !(u = story_run_with(&s, ", \"timeout\": 1000")))
                        return;
                if (i == 1)
                        fake_unit_set_state(u, "deactivating", "stop-post");
                if (i == 2)
                        TAP_CHECK_INT(story_cancel(&s), 0);
                story_settle(&s);
                story_pass(&s, SECONDS(900));
                TAP_CHECK_INT(story_told(WARNED), 0);
        }
}

static void test_warning_and_restarts(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run_with(&s, ""))
                return;
        story_pass(&s, SECONDS(3600));
        story_stop_service(&s);
        test_clock_advance(SECONDS(3500));
        /* 100 s are left. */
        if (!story_start_service(&s))
                return;
        TAP_CHECK(STORY_UNTIL(&s, story_told("is reached in 100 s") == 1));
        story_stop_service(&s);
        test_clock_advance(SECONDS(10));
        if (!story_start_service(&s))
                return;
        story_pass(&s, SECONDS(20));
        TAP_CHECK_INT(story_told(WARNED), 1);
}

/* The clock was set forward an hour, after the begin: systemd does not mind, nor do we; what is said is true on the
 * clock of now. */
static void test_clock_that_was_set_moves_no_warning(void) {
        _cleanup_(story_done) Story s = {};
        char at[CLOCK_TEXT_SIZE];
        FakeUnit *u;
        usec_t end;

        if (!story_begin(&s) || !(u = story_ask(&s)))
                return;
        u->status.active_enter_usec = clock_realtime_usec() - SECONDS(3600);
        fake_unit_start(u);
        end = clock_realtime_usec() + SECONDS(7200);
        story_settle(&s);
        story_pass(&s, SECONDS(6890));
        TAP_CHECK_INT(story_told(WARNED), 0);
        test_clock_advance(SECONDS(10));
        TAP_CHECK(STORY_UNTIL(&s, story_told(WARNED) == 1));
        /* To ten minutes. */
        clock_format(end, at);
        at[strlen("2026-11-22T12:3")] = 0;
        TAP_CHECK_INT(story_told(at), 1);
}

static const TapTest tests[] = {
        { "warned once and in time", test_warned_once_and_in_time },
        { "nobody is warned", test_nobody_is_warned },
        { "the warning and restarts", test_warning_and_restarts },
        { "a clock that was set moves no warning", test_clock_that_was_set_moves_no_warning },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Somebody sets the clock while tasks run: what is compared is what no one can set. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define HOUR (3600 * (int64_t) USEC_PER_SEC)
#define GRACE (10 * USEC_PER_SEC)

/* The wish came first, whatever the clock says of the end; and the other way round. */
static void test_wish_and_end(void) {
        static const int64_t steps[] = { -HOUR, 0, HOUR };

        for (size_t i = 0; i < 2 * ELEMENTSOF(steps); i++) {
                bool wish_first = i % 2 == 0;
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = story_run(&s)))
                        return;
                if (!wish_first)
                        story_record(&s, NULL, "success", "exited", "0");
                test_clock_set(wish_first ? 0 : steps[i / 2]);
                test_clock_advance(USEC_PER_SEC);
                TAP_CHECK_INT(story_cancel(&s), 0);
                test_clock_set(wish_first ? steps[i / 2] : 0);
                test_clock_advance(USEC_PER_SEC);
                if (wish_first)
                        story_record(&s, NULL, "success", "exited", "0");
                fake_unit_end(u, "success", CLD_EXITED, 0);
                TAP_CHECK_STRING(story_verdict(&s), wish_first ? "cancelled cancelled" : "completed exit-code");
                test_clock_set(-steps[i / 2]);
        }
}

/* The clock that nobody sets begins anew with each boot. */
static void test_wish_in_another_boot(void) {
        for (unsigned other = 0; other < 2; other++) {
                _cleanup_free_ char *document = NULL, *changed = NULL;
                _cleanup_(story_done) Story s = {};
                char *p;

                if (!story_begin(&s) || !story_run(&s))
                        return;
                story_stop_service(&s);
                document = story_read(&s, ".json");
                p = document ? strstr(document, "\"boot_id\":\"") : NULL;
                if (!TAP_CHECK(p))
                        return;
                p[strlen("\"boot_id\":\"")] = other ? 'x' : p[strlen("\"boot_id\":\"")];
                story_write(&s, ".json", document);
                if (!story_load(&s))
                        return;
                TAP_CHECK_INT(story_cancel(&s), 0);
                changed = story_read(&s, ".json");
                TAP_CHECK_INT(changed && !strstr(changed, "cancel_requested_boottime"), other);
        }
}

/* A recorder or a service that did not note the clock that nobody sets. */
static void test_wish_and_end_by_the_time_of_day(void) {
        static const char record[] = "SERVICE_RESULT=success\nEXIT_CODE=exited\nEXIT_STATUS=0\nINVOCATION_ID=%s\n"
                                     "ENDED_AT_USEC=%llu\n";

        for (unsigned later = 0; later < 2; later++) {
                _cleanup_free_ char *text = NULL;
                _cleanup_(story_done) Story s = {};
                unsigned long long at;
                FakeUnit *u;

                if (!story_begin(&s) || !(u = story_run(&s)) || !TAP_CHECK_INT(story_cancel(&s), 0))
                        return;
                at = story_task(&s)->cancel_requested_at;
                text = string_format(record, u->status.invocation_id, later ? at + 1 : at - 1);
                story_write(&s, ".result", text);
                fake_unit_end(u, "success", CLD_EXITED, 0);
                TAP_CHECK_STRING(story_verdict(&s), later ? "cancelled cancelled" : "completed exit-code");
        }
}

/* As long as it was asked for, also by the service that comes after a restart. */
static void test_grace(void) {
        static const int64_t steps[] = { -HOUR, HOUR };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = story_run(&s)) || !TAP_CHECK_INT(story_cancel(&s), 0) ||
                    !TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StopUnit") == 1)))
                        return;
                story_stop_service(&s);
                test_clock_set(steps[i]);
                fake_unit_put_state(u, "deactivating", "stop-sigterm");
                test_clock_advance(GRACE / 2);
                if (!story_start_service(&s))
                        return;
                story_settle(&s);
                test_clock_advance(GRACE / 2 - USEC_PER_SEC);
                story_settle(&s);
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "KillUnit"), 0);
                test_clock_advance(2 * USEC_PER_SEC);
                TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "KillUnit") == 1));
                test_clock_set(-steps[i]);
        }
}

static void test_end_is_not_before_the_start(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        test_clock_set(-HOUR);
        story_record(&s, NULL, "exit-code", "exited", "1");
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->finished_at, story_task(&s)->started_at);
        test_clock_set(HOUR);
}

/* Lists go by the ids. */
static void test_newest_is_last(void) {
        _cleanup_(story_done) Story s = {};
        char first[TASK_ID_SIZE + 1];

        if (!story_begin(&s) || !story_run(&s))
                return;
        memcpy(first, s.id, sizeof(first));
        test_clock_set(-HOUR);
        TAP_CHECK(story_run(&s));
        TAP_CHECK(strcmp(s.id, first) > 0);
        memcpy(first, s.id, sizeof(first));
        story_stop_service(&s);
        if (story_start_service(&s) && story_run(&s))
                TAP_CHECK(strcmp(s.id, first) > 0);
        test_clock_set(HOUR);
}

static const TapTest tests[] = {
        { "the wish to cancel and the end", test_wish_and_end },
        { "a wish in another boot", test_wish_in_another_boot },
        { "the wish and the end by the time of day", test_wish_and_end_by_the_time_of_day },
        { "the grace of a cancellation", test_grace },
        { "the end is not before the start", test_end_is_not_before_the_start },
        { "the newest task has the greatest id", test_newest_is_last },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

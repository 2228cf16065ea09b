/* Tasks of which no output comes: marked, not any more, stopped if that was asked for. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <systemd/sd-event.h>

#define WARNED "The time limit of"
#define STALLED "the task is stalled"
#define CLEARED "not stalled any more"
#define SECONDS(n) ((n) * USEC_PER_SEC)

static bool is_stalled(Story *s) {
        return clock_is_set(story_task(s)->stalled_at);
}

static unsigned count_stops(Story *s) {
        return fake_count_calls(&s->systemd, "StopUnit");
}

static void test_stalled_and_not_any_more(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_begin(&s) || !story_run_with(&s, ", \"stall_timeout\": 60"))
                return;
        story_pass(&s, SECONDS(59));
        TAP_CHECK(!is_stalled(&s));
        test_clock_advance(SECONDS(1));
        TAP_CHECK(STORY_UNTIL(&s, is_stalled(&s)));
        TAP_CHECK_INT(story_told("No output came for 60 s: the task is stalled\n"), 1);
        TAP_CHECK(story_document_has(&s, "\"stalled_at\":\"2"));
        TAP_CHECK(story_document_has(&s, "\"stalled\":true"));
        story_pass(&s, SECONDS(600));
        fake_unit_emit(story_unit(&s));
        story_settle(&s);
        TAP_CHECK_INT(story_told(STALLED), 1);

        story_log(&s, "there", NULL);
        TAP_CHECK(STORY_UNTIL(&s, !is_stalled(&s)));
        TAP_CHECK_INT(story_told(CLEARED), 1);
        TAP_CHECK(story_document_has(&s, "\"stalled\":false"));
        story_pass(&s, SECONDS(59));
        TAP_CHECK(!is_stalled(&s));
        test_clock_advance(SECONDS(2));
        TAP_CHECK(STORY_UNTIL(&s, is_stalled(&s)));
        TAP_CHECK_INT(count_stops(&s), 0);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_end(story_unit(&s), "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK(!is_stalled(&s));
}

static void test_output_puts_it_off(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_begin(&s) || !story_run_with(&s, ", \"stall_timeout\": 60"))
                return;
        for (unsigned i = 1; i < 5; i++) {
                story_pass(&s, SECONDS(40));
                story_log(&s, "line", NULL);
                TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == i));
        }
        story_pass(&s, SECONDS(58));
        TAP_CHECK_INT(story_told(STALLED), 0);
        test_clock_advance(SECONDS(2));
        TAP_CHECK(STORY_UNTIL(&s, is_stalled(&s)));
}

static int write_line(sd_event_source *source _unused_, void *userdata) {
        story_log(userdata, "line", NULL);
        return 0;
}

/* The line is written when the timer is due already, so that it comes before any news of the journal: the service
 * looks before it says anything. */
static void test_output_that_is_not_read_yet_counts(void) {
        _cleanup_(story_done) Story s = {};
        sd_event_source *writer;

        if (!story_has_journal() || !story_begin(&s) ||
                        !story_run_with(&s, ", \"stall_timeout\": 60, \"stall_action\": \"stop\""))
                return;
        for (unsigned i = 0; i < 5; i++) {
                TAP_CHECK(sd_event_add_defer(s.event, &writer, write_line, &s) >= 0);
                TAP_CHECK(sd_event_source_set_priority(writer, SD_EVENT_PRIORITY_NORMAL - 1) >= 0);
                test_clock_advance(SECONDS(60));
                story_settle(&s);
                sd_event_source_disable_unref(writer);
        }
        TAP_CHECK_INT(story_task(&s)->log_lines, 5);
        TAP_CHECK_INT(story_told(STALLED), 0);
        TAP_CHECK_INT(count_stops(&s), 0);
}

/* More than is read until the unit is known to run, and only the last line is young. */
static void test_backlog_is_read_to_its_end(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_open(&s))
                return;
        s.config.max_memory_logs = 10;
        if (!story_start_service(&s) || !story_run_with(&s, ", \"stall_timeout\": 60"))
                return;
        story_stop_service(&s);
        story_log_many(&s, "line", 20000);
        test_clock_advance(SECONDS(100));
        story_log(&s, "last", NULL);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->log_lines, 20001);
        TAP_CHECK_INT(story_told(STALLED), 0);
}

static void test_not_before_it_runs(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_open(&s))
                return;
        s.config.stall_timeout_usec = SECONDS(60);
        if (!story_start_service(&s) || !(u = story_ask(&s)))
                return;
        fake_unit_set_state(u, "activating", "start-pre");
        story_settle(&s);
        story_pass(&s, SECONDS(100));
        fake_unit_start(u);
        story_settle(&s);
        story_pass(&s, SECONDS(59));
        TAP_CHECK(!is_stalled(&s));
        test_clock_advance(SECONDS(1));
        TAP_CHECK(STORY_UNTIL(&s, is_stalled(&s)));
}

static void test_not_while_systemd_is_away(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run_with(&s, ", \"stall_timeout\": 60, \"stall_action\": \"stop\""))
                return;
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        story_pass(&s, SECONDS(100));
        TAP_CHECK(!is_stalled(&s));
        if (!story_connect(&s))
                return;
        TAP_CHECK(STORY_UNTIL(&s, count_stops(&s) == 1));
        TAP_CHECK(is_stalled(&s));
}

static void test_stall_and_restarts(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_begin(&s) || !story_run_with(&s, ", \"stall_timeout\": 60"))
                return;
        story_log(&s, "one", NULL);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 1));
        story_stop_service(&s);
        test_clock_advance(SECONDS(50));
        if (!story_start_service(&s))
                return;
        story_pass(&s, SECONDS(5));
        TAP_CHECK(!is_stalled(&s));
        /* The time without the service counts. */
        test_clock_advance(SECONDS(5));
        TAP_CHECK(STORY_UNTIL(&s, is_stalled(&s)));

        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        story_pass(&s, SECONDS(5));
        TAP_CHECK(is_stalled(&s));
        TAP_CHECK_INT(story_told(STALLED), 1);
        TAP_CHECK_INT(story_told(CLEARED), 0);

        story_stop_service(&s);
        story_log(&s, "two", NULL);
        /* Counted before systemd tells that it still runs. */
        if (!story_load(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 2)) || !story_connect(&s))
                return;
        TAP_CHECK(STORY_UNTIL(&s, !is_stalled(&s)));
        TAP_CHECK_INT(story_told(CLEARED), 1);
}

/* The last line is from before the clock was set forward an hour: by the clock of now it is an hour old. */
static void test_clock_that_was_set_stalls_nobody(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *document = NULL;
        char at[CLOCK_TEXT_SIZE], *p;
        FakeUnit *u;

        if (!story_has_journal() || !story_open(&s))
                return;
        s.config.stall_timeout_usec = SECONDS(60);
        s.config.status_save_interval = 1;
        if (!story_start_service(&s) || !(u = story_ask(&s)))
                return;
        u->status.active_enter_usec = clock_realtime_usec() - SECONDS(3600);
        fake_unit_start(u);
        story_settle(&s);
        story_pass(&s, SECONDS(50));
        story_log(&s, "one", NULL);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 1));
        story_pass(&s, SECONDS(50));
        clock_format(story_task(&s)->last_output_at - SECONDS(3600), at);
        story_stop_service(&s);
        document = story_read(&s, ".json");
        p = document ? strstr(document, "\"last_output_at\":\"2") : NULL;
        if (!TAP_CHECK(p))
                return;
        memcpy(p + strlen("\"last_output_at\":\""), at, strlen(at));
        story_write(&s, ".json", document);
        if (!story_start_service(&s))
                return;
        story_pass(&s, SECONDS(5));
        TAP_CHECK(!is_stalled(&s));
        test_clock_advance(SECONDS(60));
        TAP_CHECK(STORY_UNTIL(&s, is_stalled(&s)));
}

/* --- stopping it --- */

#define STOPPING_FIELDS ", \"stall_timeout\": 60, \"stall_action\": \"stop\""

static FakeUnit *run_and_stall(Story *s) {
        FakeUnit *u = story_run_with(s, STOPPING_FIELDS);

        if (!u)
                return NULL;
        test_clock_advance(SECONDS(61));
        return TAP_CHECK(STORY_UNTIL(s, count_stops(s) == 1)) ? u : NULL;
}

static void test_wish_is_on_disk_first(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run_with(&s, STOPPING_FIELDS))
                return;
        test_clock_advance(SECONDS(61));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_STOPPING)));
        TAP_CHECK_INT(count_stops(&s), 0);
        TAP_CHECK(story_document_has(&s, "\"stall_stop_requested_at\":\"2"));
        TAP_CHECK(STORY_UNTIL(&s, count_stops(&s) == 1));
        TAP_CHECK_CONTAINS(fake_last_call(&s.systemd, "StopUnit"), s.id);
        TAP_CHECK_INT(story_told("stalled, and is stopped (stall_action)"), 1);
}

static void test_stopped_is_timed_out(void) {
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

                if (!story_begin(&s) || !(u = run_and_stall(&s)))
                        return;
                if (i % 2 == 0)
                        story_record(&s, NULL, rows[i].result, rows[i].code == CLD_EXITED ? "exited" : "killed", "0");
                fake_unit_end(u, rows[i].result, rows[i].code, rows[i].status);
                TAP_CHECK_STRING(story_verdict(&s), "timed_out stall-limit");
                TAP_CHECK_CONTAINS(story_task(&s)->error, "No output came for 60 s, and the task was stopped");
        }
}

static void test_kill_after_the_grace(void) {
        for (unsigned restarted = 0; restarted < 2; restarted++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stall(&s)))
                        return;
                fake_unit_set_state(u, "deactivating", "stop-sigterm");
                story_settle(&s);
                if (restarted)
                        story_stop_service(&s);
                test_clock_advance(SECONDS(8));
                if (restarted && !story_start_service(&s))
                        return;
                story_settle(&s);
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "KillUnit"), 0);
                story_pass(&s, SECONDS(2));
                TAP_CHECK_INT(fake_count_calls(&s.systemd, "KillUnit"), 1);
        }
}

/* What it says at its end does not undo it. */
static void test_last_words_clear_nothing(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_begin(&s) || !run_and_stall(&s))
                return;
        story_log(&s, "Terminated", NULL);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 1));
        story_pass(&s, SECONDS(1));
        TAP_CHECK_INT(story_told(CLEARED), 0);
        fake_unit_end(story_unit(&s), "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "timed_out stall-limit");
}

static void test_wish_that_cannot_be_stored_is_tried_again(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run_with(&s, STOPPING_FIELDS))
                return;
        story_fill_disk(true);
        story_pass(&s, SECONDS(61));
        story_fill_disk(false);
        TAP_CHECK(is_stalled(&s));
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_INT(count_stops(&s), 0);
        test_clock_advance(SECONDS(6));
        TAP_CHECK(STORY_UNTIL(&s, count_stops(&s) == 1));
        TAP_CHECK(story_document_has(&s, "\"stall_stop_requested_at\":\"2"));
}

/* The service was killed between the wish and the stop, or between the stop and the end. */
static void test_wish_survives_the_service(void) {
        for (unsigned ended = 0; ended < 2; ended++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stall(&s)))
                        return;
                story_stop_service(&s);
                if (ended) {
                        test_clock_advance(SECONDS(1));
                        story_record(&s, NULL, "success", "exited", "0");
                        fake_unit_remove(u);
                }
                if (!story_start_service(&s))
                        return;
                if (!ended) {
                        TAP_CHECK_INT(count_stops(&s), 2);
                        TAP_CHECK_INT(story_task(&s)->state, TASK_STOPPING);
                        fake_unit_end(story_unit(&s), "success", CLD_EXITED, 0);
                }
                TAP_CHECK_STRING(story_verdict(&s), "timed_out stall-limit");
        }
}

/* It had ended by itself, and systemd had not told yet. */
static void test_end_before_the_wish_is_its_own(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run_with(&s, STOPPING_FIELDS)))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        test_clock_advance(SECONDS(61));
        TAP_CHECK(STORY_UNTIL(&s, count_stops(&s) == 1));
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

/* Nothing that was said of the one before is true of it. */
static void test_further_attempt(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run_with(&s, STOPPING_FIELDS ", \"timeout\": 100"))
                return;
        for (unsigned attempt = 1; attempt < 3; attempt++) {
                TAP_CHECK(!is_stalled(&s));
                test_clock_advance(SECONDS(51));
                TAP_CHECK(STORY_UNTIL(&s, story_told(WARNED) == attempt));
                test_clock_advance(SECONDS(10));
                TAP_CHECK(STORY_UNTIL(&s, count_stops(&s) == attempt));
                fake_unit_end(story_unit(&s), "success", CLD_KILLED, SIGTERM);
                TAP_CHECK_STRING(story_verdict(&s), "timed_out stall-limit");
                if (!TAP_CHECK_INT(manager_resume_task(s.manager, s.id, NULL, STORY_ACTOR, &s.problem), 0) ||
                    !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                        return;
                fake_unit_start(story_unit(&s));
                TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
                story_settle(&s);
        }
}

/* The service was there all the time, and goes on with the same run. */
static void test_further_attempt_by_itself(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        s.config.orphaned_task_action = ORPHANED_TASK_RESUME;
        if (!story_start_service(&s) || !story_run_with(&s, ", \"stall_timeout\": 60, \"timeout\": 100"))
                return;
        story_pass(&s, SECONDS(61));
        TAP_CHECK(is_stalled(&s) && clock_is_set(story_task(&s)->warned_at));
        fake_drop_connection(&s.systemd);
        fake_unit_remove(story_unit(&s));
        s.systemd.started_usec += SECONDS(60);
        story_settle(&s);
        if (!story_connect(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->attempt == 2)))
                return;
        TAP_CHECK(!is_stalled(&s) && !clock_is_set(story_task(&s)->warned_at));
        test_clock_advance(s.config.resume_pause_usec + SECONDS(2));
        if (!TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        story_settle(&s);
        story_pass(&s, SECONDS(52));
        TAP_CHECK_INT(story_told(WARNED), 2);
        TAP_CHECK_INT(story_told(STALLED), 1);
        story_pass(&s, SECONDS(10));
        TAP_CHECK_INT(story_told(STALLED), 2);
}

static const TapTest tests[] = {
        { "stalled, and not any more", test_stalled_and_not_any_more },
        { "output puts it off", test_output_puts_it_off },
        { "output that is not read yet counts", test_output_that_is_not_read_yet_counts },
        { "a backlog is read to its end", test_backlog_is_read_to_its_end },
        { "not before it runs", test_not_before_it_runs },
        { "not while systemd is away", test_not_while_systemd_is_away },
        { "a stall and restarts", test_stall_and_restarts },
        { "a clock that was set stalls nobody", test_clock_that_was_set_stalls_nobody },
        { "the wish is on disk first", test_wish_is_on_disk_first },
        { "stopped is timed out", test_stopped_is_timed_out },
        { "the kill comes after the grace", test_kill_after_the_grace },
        { "last words clear nothing", test_last_words_clear_nothing },
        { "a wish that cannot be stored is tried again", test_wish_that_cannot_be_stored_is_tried_again },
        { "the wish survives the service", test_wish_survives_the_service },
        { "a further attempt", test_further_attempt },
        { "a further attempt by itself", test_further_attempt_by_itself },
        { "an end before the wish is its own", test_end_before_the_wish_is_its_own },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

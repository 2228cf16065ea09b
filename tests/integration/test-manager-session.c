/* An agent's session over the attempts of a task: the first one begins it, later ones go on with it, also by
 * themselves once a usage limit is over. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define PAUSE_USEC (30 * USEC_PER_SEC)
#define HOUR_USEC (3600 * USEC_PER_SEC)
#define JITTER_USEC (60 * USEC_PER_SEC)

#define INIT "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"the-session\"}"
#define TALK "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\"}}"
#define FAILURE "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"no\"}"

static bool begin(Story *s, const char *fields) {
        _cleanup_free_ char *request = string_format(
                        "{\"github_repo\": \"o/r\", \"task_description\": \"Do it\"%s}", fields);

        if (!story_has_journal() || !story_open(s) || !story_start_service(s))
                return false;
        return TAP_CHECK_INT(story_create(s, request), 0) && TAP_CHECK(STORY_UNTIL(s, story_unit(s)));
}

/* The attempt that is asked for runs, writes and ends, as far as systemd knows well. */
static bool run_attempt(Story *s, const char *first, const char *second, const char *third) {
        fake_unit_start(story_unit(s));
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return false;
        story_settle(s);
        story_record(s, NULL, "success", "exited", "0");
        story_log(s, first, second, third, NULL);
        fake_unit_end(story_unit(s), "success", CLD_EXITED, 0);
        return TAP_CHECK(STORY_UNTIL(s, story_task(s)->attempts.n > 0 || story_is_finished(s)));
}

static bool run_first(Story *s, const char *first, const char *second) {
        return run_attempt(s, first, second, "end") && TAP_CHECK_STRING(story_verdict(s), "failed agent-error");
}

static bool resume(Story *s) {
        return TAP_CHECK(STORY_UNTIL(s, !story_unit(s))) && TAP_CHECK_INT(story_resume(s), 0) &&
               TAP_CHECK(STORY_UNTIL(s, story_unit(s)));
}

static bool runs_with(Story *s, const char *argument, const char *input) {
        _cleanup_free_ char *prompt = story_read(s, ".prompt");

        return TAP_CHECK_CONTAINS(fake_unit_property(story_unit(s), "ExecStart"), argument) &&
               TAP_CHECK_STRING(prompt, input);
}

/* --- which session --- */

static bool begins_session(Story *s) {
        _cleanup_free_ char *argument = string_format("\"--session-id\", \"%s\"", story_task(s)->session_id);

        TAP_CHECK_INT(strlen(story_task(s)->session_id ?: ""), 36);
        return runs_with(s, argument, "Do it");
}

static void test_the_first_attempt_begins_a_session_and_the_next_goes_on_with_it(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, "") || !begins_session(&s) || !run_first(&s, INIT, TALK))
                return;
        if (!resume(&s) || !runs_with(&s, "\"--resume=3dthe-session\"", "continue"))
                return;
        TAP_CHECK_STRING(story_task(&s)->session_id, "the-session");
        TAP_CHECK_STRING(story_task(&s)->attempts.items[0].session_id, "the-session");
        /* Killed before it wrote anything: the session is still there. */
        fake_unit_start(story_unit(&s));
        story_record(&s, NULL, "signal", "killed", "KILL");
        fake_unit_end(story_unit(&s), "signal", CLD_KILLED, SIGKILL);
        TAP_CHECK_STRING(story_verdict(&s), "failed signal");
        if (resume(&s))
                runs_with(&s, "\"--resume=3dthe-session\"", "continue");
}

/* Told, but not yet kept: an agent that was killed then does not find it again. */
static void test_a_session_that_was_not_used_is_begun_anew(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *first = NULL;

        if (!begin(&s, "") || !begins_session(&s))
                return;
        first = strdup(story_task(&s)->session_id);
        if (!run_first(&s, INIT, "x") || !resume(&s) || !begins_session(&s))
                return;
        TAP_CHECK(!string_equal(story_task(&s)->session_id, first));
        TAP_CHECK(!story_task(&s)->session_resumes);
}

static bool wait_pause(Story *s, usec_t pause) {
        test_clock_advance(pause - 2 * USEC_PER_SEC);
        story_settle(s);
        if (!TAP_CHECK(!story_unit(s)))
                return false;
        test_clock_advance(3 * USEC_PER_SEC);
        return TAP_CHECK(STORY_UNTIL(s, story_unit(s)));
}

static void test_a_session_that_is_lost_is_begun_anew(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, "") || !run_first(&s, INIT, TALK) || !resume(&s) ||
            !run_attempt(&s, "No conversation found", FAILURE, "end"))
                return;
        if (!TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->attempt == 3)))
                return;
        TAP_CHECK(story_task(&s)->attempts.items[1].session_lost);
        TAP_CHECK_STRING(task_status(story_task(&s)), "initializing");
        if (!wait_pause(&s, PAUSE_USEC) || !begins_session(&s))
                return;
        /* Once: without a session to go on with there is none to lose. */
        if (run_attempt(&s, "x", FAILURE, "end"))
                TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
}

/* --- a usage limit --- */

#define AFTER_LIMIT ", \"resume_after_limit\": true"

/* A limit that ends so many seconds from now, 0: nobody knows when. */
static bool reach_limit(Story *s, int64_t seconds) {
        usec_t now = clock_realtime_usec() / USEC_PER_SEC;
        _cleanup_free_ char *limit = string_format(
                        "{\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":%lld},"
                        "\"type\":\"rate_limit_event\"}",
                        seconds == 0 ? 0 : (long long) now + (long long) seconds);

        fake_unit_start(story_unit(s));
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return false;
        story_settle(s);
        story_record(s, NULL, "exit-code", "exited", "1");
        story_log(s, INIT, TALK, limit, FAILURE, NULL);
        fake_unit_end(story_unit(s), "exit-code", CLD_EXITED, 1);
        return TAP_CHECK(STORY_UNTIL(s, story_is_finished(s) || story_is_in(s, TASK_QUEUED))) &&
               TAP_CHECK(STORY_UNTIL(s, !story_unit(s)));
}

static bool waits(Story *s) {
        story_settle(s);
        return TAP_CHECK_STRING(task_status(story_task(s)), "waiting_limit") && TAP_CHECK(!story_unit(s));
}

/* The limit ends after an hour: not before, and not much later. */
static void check_end_of_limit(Story *s, usec_t left) {
        test_clock_advance(left - 2 * USEC_PER_SEC);
        if (!waits(s))
                return;
        test_clock_advance(JITTER_USEC + 5 * USEC_PER_SEC);
        if (!TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return;
        runs_with(s, "\"--resume=3dthe-session\"", "continue");
        TAP_CHECK_STRING(task_status(story_task(s)), "initializing");
        TAP_CHECK_INT(story_task(s)->attempt, 2);
        TAP_CHECK_INT(story_task(s)->automatic_attempts, 1);
}

static void test_it_goes_on_when_its_limit_is_over(void) {
        _cleanup_(story_done) Story s = {};
        usec_t ends = clock_realtime_usec() + HOUR_USEC;

        if (!begin(&s, AFTER_LIMIT) || !reach_limit(&s, 3600) || !waits(&s))
                return;
        TAP_CHECK(story_task(&s)->resume_at >= ends - USEC_PER_SEC);
        /* Nobody comes at the very second at which it ends: once in a million runs of this test somebody does. */
        TAP_CHECK(story_task(&s)->resume_at % USEC_PER_SEC != 0);
        TAP_CHECK(story_task(&s)->resume_at <= ends + JITTER_USEC + 5 * USEC_PER_SEC);
        TAP_CHECK_STRING(story_task(&s)->attempts.items[0].reason, "agent-error");
        check_end_of_limit(&s, HOUR_USEC);
}

static void test_it_goes_on_after_a_restart_in_between(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, AFTER_LIMIT) || !reach_limit(&s, 3600) || !waits(&s))
                return;
        test_clock_advance(HOUR_USEC / 2);
        if (!waits(&s))
                return;
        story_stop_service(&s);
        if (story_start_service(&s) && waits(&s))
                check_end_of_limit(&s, HOUR_USEC / 2);
}

/* While nobody was there. */
static void test_it_goes_on_when_its_limit_ended_without_the_service(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, AFTER_LIMIT) || !reach_limit(&s, 3600) || !waits(&s))
                return;
        story_stop_service(&s);
        test_clock_advance(2 * HOUR_USEC);
        if (story_start_service(&s) && TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                runs_with(&s, "\"--resume=3dthe-session\"", "continue");
}

/* The machine slept, or its clock was wrong: the timer knows nothing of that. */
static void test_the_time_of_day_counts(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, AFTER_LIMIT) || !reach_limit(&s, 3600) || !waits(&s))
                return;
        test_clock_set((int64_t) (HOUR_USEC + JITTER_USEC));
        if (waits(&s)) {
                test_clock_advance(605 * USEC_PER_SEC);
                TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        }
        test_clock_set(-(int64_t) (HOUR_USEC + JITTER_USEC));
}

static void test_ends_that_are_not_believed(void) {
        static const int64_t seconds[] = { 0, -3600, 8 * 86400 + 3600 };

        for (size_t i = 0; i < ELEMENTSOF(seconds); i++) {
                _cleanup_(story_done) Story s = {};

                if (!begin(&s, AFTER_LIMIT) || !reach_limit(&s, seconds[i]) || !waits(&s) ||
                    !wait_pause(&s, PAUSE_USEC))
                        return;
                TAP_CHECK_INT(story_task(&s)->attempt, 2);
        }
}

static void test_cancelled_while_it_waits(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, AFTER_LIMIT) || !reach_limit(&s, 3600) || !waits(&s))
                return;
        TAP_CHECK_INT(story_cancel(&s), 0);
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
        test_clock_advance(2 * HOUR_USEC);
        story_settle(&s);
        TAP_CHECK(!story_unit(&s));
}

static void test_not_asked_for_it_fails(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, "") || !reach_limit(&s, 3600))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
        TAP_CHECK_INT(story_task(&s)->attempt, 1);
}

static void test_another_failure_is_none_of_a_limit(void) {
        _cleanup_(story_done) Story s = {};

        if (begin(&s, AFTER_LIMIT) && run_attempt(&s, INIT, TALK, FAILURE))
                TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
}

static void test_attempts_end(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s, AFTER_LIMIT))
                return;
        for (unsigned i = 0; i < 3; i++)
                if (!reach_limit(&s, 0) || !waits(&s) || !wait_pause(&s, PAUSE_USEC << i))
                        return;
        if (!reach_limit(&s, 0))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
        TAP_CHECK_INT(story_task(&s)->attempt, 4);
        TAP_CHECK_CONTAINS(story_task(&s)->error, "max_automatic_attempts");
}

#define GEMINI "recipes: {gemini: {agent: gemini, work: {command: [claude], input: '{task_description}'}}}\n"

/* Gemini says in no line of its log that it is not logged in. */
static void test_an_exit_code_tells_that_it_is_not_logged_in(void) {
        static const char *const codes[] = { "41", "42" };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                _cleanup_(story_done) Story s = {};

                if (!story_open(&s) || !TAP_CHECK_INT(config_read(&s.config, "f", GEMINI, strlen(GEMINI), NULL), 0) ||
                    !story_start_service(&s) ||
                    !TAP_CHECK_INT(story_create(&s, "{\"recipe\": \"gemini\", \"task_description\": \"d\", "
                                                    "\"working_directory\": \"/srv\"}"), 0) ||
                    !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                        return;
                fake_unit_start(story_unit(&s));
                story_record(&s, NULL, "exit-code", "exited", codes[i]);
                fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, atoi(codes[i]));
                TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
                TAP_CHECK_INT(task_needs_login(story_task(&s)), i == 0);
        }
}

static const TapTest tests[] = {
        { "the first attempt begins a session, and the next goes on with it",
          test_the_first_attempt_begins_a_session_and_the_next_goes_on_with_it },
        { "a session that was not used is begun anew", test_a_session_that_was_not_used_is_begun_anew },
        { "a session that is lost is begun anew", test_a_session_that_is_lost_is_begun_anew },
        { "it goes on when its limit is over", test_it_goes_on_when_its_limit_is_over },
        { "it goes on after a restart in between", test_it_goes_on_after_a_restart_in_between },
        { "it goes on when its limit ended without the service",
          test_it_goes_on_when_its_limit_ended_without_the_service },
        { "the time of day counts", test_the_time_of_day_counts },
        { "ends that are not believed", test_ends_that_are_not_believed },
        { "cancelled while it waits", test_cancelled_while_it_waits },
        { "not asked for it fails", test_not_asked_for_it_fails },
        { "another failure is none of a limit", test_another_failure_is_none_of_a_limit },
        { "an exit code tells that it is not logged in", test_an_exit_code_tells_that_it_is_not_logged_in },
        { "attempts end", test_attempts_end },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

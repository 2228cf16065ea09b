/* What a unit uses: read when it is asked for and older than a second, and answered exactly once whatever happens. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

typedef struct Answer {
        unsigned n;
        int error;
} Answer;

static void on_answer(void *userdata, int error, const char *sentence _unused_) {
        Answer *a = userdata;

        a->n++;
        a->error = error;
}

static unsigned count_reads(const Story *s) {
        return fake_count_calls(&s->systemd, "GetAll");
}

static const UnitStatus *unit_status(Story *s) {
        static const UnitStatus none;

        (void) story_task(s);
        return s->ref.unit ?: &none;
}

/* A running task whose figures are more than a second old. */
static FakeUnit *run_and_age(Story *s) {
        FakeUnit *u = story_run(s);

        if (!u)
                return NULL;
        u->status.memory_bytes = 4096;
        u->status.cpu_nsec = 1500000000;
        u->status.tasks = 3;
        test_clock_advance(USEC_PER_SEC + 1);
        return u;
}

static void test_figures_are_read_when_old(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {};
        unsigned reads;

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        reads = count_reads(&s);
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK_INT(a.n, 0);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 1));
        TAP_CHECK_INT(a.error, 0);
        TAP_CHECK_INT(count_reads(&s), reads + 1);
        TAP_CHECK_INT(unit_status(&s)->memory_bytes, 4096);
        TAP_CHECK_INT(unit_status(&s)->cpu_nsec, 1500000000);
        TAP_CHECK_INT(unit_status(&s)->tasks, 3);
        TAP_CHECK_INT(unit_status(&s)->main_pid, 4711);
}

static void test_young_figures_are_not_read(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {};
        unsigned reads;

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 1));
        reads = count_reads(&s);
        for (unsigned i = 2; i < 5; i++) {
                test_clock_advance(USEC_PER_SEC / 5);
                manager_refresh_usage(s.manager, s.id, on_answer, &a);
                TAP_CHECK_INT(a.n, i);
        }
        story_settle(&s);
        TAP_CHECK_INT(count_reads(&s), reads);
}

/* The figures are not in the signals, and a signal does not make them look young. */
static void test_signals_keep_the_figures(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {};
        FakeUnit *u;
        unsigned reads;

        if (!story_begin(&s) || !(u = run_and_age(&s)))
                return;
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 1));
        test_clock_advance(2 * USEC_PER_SEC);
        fake_unit_emit(u);
        story_settle(&s);
        TAP_CHECK_INT(unit_status(&s)->memory_bytes, 4096);
        reads = count_reads(&s);
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 2));
        TAP_CHECK_INT(count_reads(&s), reads + 1);
}

/* systemd is asked once; who asks when that is answered, and old again, anew. */
static void test_several_ask_at_once(void) {
        _cleanup_(story_done) Story s = {};
        Answer answers[5] = {};
        unsigned reads;

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        reads = count_reads(&s);
        for (unsigned round = 1; round <= 2; round++) {
                for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                        manager_refresh_usage(s.manager, s.id, on_answer, &answers[i]);
                story_settle(&s);
                for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                        TAP_CHECK_INT(answers[i].n, round);
                        TAP_CHECK_INT(answers[i].error, 0);
                }
                TAP_CHECK_INT(count_reads(&s), reads + round);
                test_clock_advance(USEC_PER_SEC + 1);
        }
}

/* Whoever joined is not called back by what is gone. */
static void test_several_ask_of_a_service_that_ends(void) {
        _cleanup_(story_done) Story s = {};
        Answer answers[3] = {};

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        fake_delay_replies(&s.systemd, "GetAll");
        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                manager_refresh_usage(s.manager, s.id, on_answer, &answers[i]);
        story_settle(&s);
        s.manager = manager_free(s.manager);
        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                TAP_CHECK_INT(answers[i].n, 0);
}

static void test_connection_is_lost_meanwhile(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {}, other = {};

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        fake_delay_replies(&s.systemd, "GetAll");
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        manager_refresh_usage(s.manager, s.id, on_answer, &other);
        story_settle(&s);
        TAP_CHECK_INT(a.n, 0);
        fake_drop_connection(&s.systemd);
        TAP_CHECK(STORY_UNTIL(&s, a.n > 0));
        if (!story_connect(&s))
                return;
        TAP_CHECK_INT(a.n, 1);
        TAP_CHECK_INT(other.n, 1);
        TAP_CHECK(a.error < 0);
        TAP_CHECK_INT(other.error, a.error);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
}

static void test_no_connection(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {};

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        fake_drop_connection(&s.systemd);
        story_settle(&s);
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK_INT(a.n, 1);
        TAP_CHECK_INT(a.error, 0);
}

static void test_refusal(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {}, other = {};

        if (!story_begin(&s) || !run_and_age(&s))
                return;
        fake_refuse(&s.systemd, "GetAll", SD_BUS_ERROR_ACCESS_DENIED, "You may not.");
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        manager_refresh_usage(s.manager, s.id, on_answer, &other);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 1));
        TAP_CHECK_INT(a.error, -EACCES);
        TAP_CHECK_INT(other.n, 1);
        TAP_CHECK_INT(other.error, -EACCES);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
}

/* The task ends, and is forgotten, before the answer comes. */
static void test_task_is_gone_meanwhile(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {}, other = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = run_and_age(&s)))
                return;
        fake_delay_replies(&s.systemd, "GetAll");
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        manager_refresh_usage(s.manager, s.id, on_answer, &other);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, NULL), 0);
        fake_release_replies(&s.systemd);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 1));
        TAP_CHECK_INT(a.error, -ECANCELED);
        TAP_CHECK_INT(other.n, 1);
        TAP_CHECK_INT(other.error, -ECANCELED);
}

static void test_what_does_not_run_is_answered_at_once(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        manager_refresh_usage(s.manager, "task-1700000000-abcdef", on_answer, &a);
        TAP_CHECK_INT(a.n, 1);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK_INT(a.n, 2);
}

/* Before the unit was read for the first time, as in the first moments of a task. */
static void test_a_new_unit_is_read(void) {
        _cleanup_(story_done) Story s = {};
        Answer a = {};

        if (!story_begin(&s) || !story_ask(&s))
                return;
        manager_refresh_usage(s.manager, s.id, on_answer, &a);
        TAP_CHECK(STORY_UNTIL(&s, a.n == 1));
        TAP_CHECK_INT(count_reads(&s), 1);
        TAP_CHECK_STRING(unit_status(&s)->load_state, "loaded");
}

static const TapTest tests[] = {
        { "figures are read when they are old", test_figures_are_read_when_old },
        { "young figures are not read", test_young_figures_are_not_read },
        { "signals keep the figures, and their age", test_signals_keep_the_figures },
        { "several ask at once", test_several_ask_at_once },
        { "several ask of a service that ends", test_several_ask_of_a_service_that_ends },
        { "the connection is lost meanwhile", test_connection_is_lost_meanwhile },
        { "there is no connection", test_no_connection },
        { "a refusal is passed on", test_refusal },
        { "the task is gone meanwhile", test_task_is_gone_meanwhile },
        { "what does not run is answered at once", test_what_does_not_run_is_answered_at_once },
        { "a new unit is read", test_a_new_unit_is_read },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Start-up is recovery: what the files say against the units there are. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"
#define OTHER_UNIT "remote-developer-task-1700000000-abcdef.service"

/* The service goes down while a task runs. */
static FakeUnit *run_and_stop_service(Story *s) {
        FakeUnit *u = story_run(s);

        if (u)
                story_stop_service(s);
        return u;
}

static void replace_in_document(Story *s, const char *from, const char *to) {
        _cleanup_free_ char *document = story_read(s, ".json"), *changed = NULL;
        char *p = document ? strstr(document, from) : NULL;

        if (!TAP_CHECK(p))
                return;
        *p = 0;
        changed = string_format("%s%s%s", document, to, p + strlen(from));
        story_write(s, ".json", changed);
}

/* --- what the units say --- */

static void test_running_task_is_taken_up(void) {
        _cleanup_(story_done) Story s = {};
        usec_t started_at;

        if (!story_begin(&s) || !story_run(&s))
                return;
        started_at = story_task(&s)->started_at;
        story_stop_service(&s);
        if (!story_load(&s))
                return;
        /* What is known before systemd is reached. */
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_INT(s.recovered, 0);
        if (!story_connect(&s))
                return;
        TAP_CHECK_INT(s.recovered, 1);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_INT(story_task(&s)->started_at, started_at);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
        TAP_CHECK_INT(story_told("1 with a unit, 0 ended meanwhile, 0 started now"), 1);
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 5);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 5);
}

static void test_failed_unit_is_judged_and_released(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = run_and_stop_service(&s)))
                return;
        snprintf(u->status.result, UNIT_WORD_SIZE, "core-dump");
        u->status.exec_main_code = CLD_DUMPED;
        u->status.exec_main_status = SIGSEGV;
        fake_unit_put_state(u, "failed", "failed");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed core-dump");
        TAP_CHECK_STRING(story_task(&s)->signal, "SIGSEGV");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 1);
        TAP_CHECK(!story_unit(&s));
}

/* The recorder was there when nobody else was. */
static void test_recorders_account_is_found(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !run_and_stop_service(&s))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        if (!story_start_service(&s))
                return;
        /* Nobody is told of a state that is not known yet. */
        TAP_CHECK_INT(story_task(&s)->state, TASK_FINISHED);
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_told("1 ended meanwhile"), 1);
}

static void test_nothing_is_found(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !run_and_stop_service(&s))
                return;
        fake_unit_remove(story_unit(&s));
        if (story_start_service(&s))
                TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
}

/* Another boot: by the boot's id, or by the manager's own start. */
static void test_machine_was_rebooted(void) {
        static const struct {
                RuntimeScope scope;
                bool by_boot_id;
                const char *verdict;
        } rows[] = {
                { RUNTIME_SCOPE_SYSTEM, true, "interrupted host-reboot" },
                { RUNTIME_SCOPE_USER, true, "interrupted host-reboot" },
                { RUNTIME_SCOPE_SYSTEM, false, "interrupted host-reboot" },
                { RUNTIME_SCOPE_USER, false, "interrupted manager-stopped" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};

                if (!story_open(&s))
                        return;
                s.scope = rows[i].scope;
                if (!story_start_service(&s) || !run_and_stop_service(&s))
                        return;
                fake_unit_remove(story_unit(&s));
                if (rows[i].by_boot_id)
                        replace_in_document(&s, "\"boot_id\":\"", "\"boot_id\":\"0123");
                else
                        s.systemd.started_usec++;
                if (story_start_service(&s))
                        TAP_CHECK_STRING(story_verdict(&s), rows[i].verdict);
        }
}

/* --- units without a document --- */

static const char *const make_argv[] = { "/usr/libexec/exec", "--task=x", "--separate-stderr", "--", "make",
                                         "make", "$HOME", "a$$b", NULL };
static const char *const recorder_argv[] = { "/recorder", "/state", "task-1700000000-abcdef.3", NULL };

static FakeUnit *add_strange_unit(Story *s, const FakeCommands *commands) {
        FakeUnit *u = fake_unit_add(&s->systemd, OTHER_UNIT);

        u->commands = commands;
        u->status.job_id = 0;
        snprintf(s->id, sizeof(s->id), "task-1700000000-abcdef");
        return u;
}

static const FakeCommands sent = { make_argv, recorder_argv, "no-env-expand", "/srv", 5 * USEC_PER_SEC };

static void test_unit_without_document_is_adopted(void) {
        _cleanup_(story_done) Story s = {};
        const Task *t;

        if (!story_open(&s))
                return;
        fake_unit_put_state(add_strange_unit(&s, &sent), "active", "running");
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING))))
                return;
        t = story_task(&s);
        TAP_CHECK_STRING(t->spec.command[0], "make");
        TAP_CHECK_STRING(t->spec.command[2], "a$$b");
        TAP_CHECK(t->spec.separate_stderr);
        TAP_CHECK_STRING(t->spec.working_directory, "/srv");
        TAP_CHECK_INT(t->spec.timeout_usec, 5 * USEC_PER_SEC);
        TAP_CHECK_INT(t->attempt, 3);
        TAP_CHECK_INT(t->created_at, task_id_time(s.id));
        TAP_CHECK_INT(story_told("adopted"), 1);
        story_record(&s, NULL, "exit-code", "exited", "9");
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 9);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 0);
        story_stop_service(&s);
        if (story_start_service(&s))
                TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

/* As a unit's commands are after a daemon-reload: the starter and all that it becomes, encoded. */
static void test_reloaded_unit_is_adopted(void) {
        static const char *const plain[] = { "/usr/libexec/exec", "--encoded", "--task=x", "--", "make", "make",
                                             "=24HOME", "a=24=24b=5c=3b", "--separate-stderr", NULL };
        static const char *const plain_recorder[] = { "/usr/libexec/exec", "--encoded", "--", "/recorder",
                                                      "/recorder", "/state", "task-1700000000-abcdef.3", NULL };
        static const FakeCommands reloaded = { plain, plain_recorder, NULL, "~", UINT64_MAX };
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        fake_unit_put_state(add_strange_unit(&s, &reloaded), "active", "running");
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING))))
                return;
        TAP_CHECK_STRING(story_task(&s)->spec.command[1], "$HOME");
        TAP_CHECK_STRING(story_task(&s)->spec.command[2], "a$$b\\;");
        TAP_CHECK_STRING(story_task(&s)->spec.command[3], "--separate-stderr");
        TAP_CHECK(!story_task(&s)->spec.separate_stderr);
        TAP_CHECK_STRING(story_task(&s)->spec.working_directory, NULL);
        TAP_CHECK_INT(story_task(&s)->spec.timeout_usec, s.config.claude_timeout_usec);
}

static void test_failed_unit_without_document_gets_its_verdict(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_open(&s))
                return;
        u = add_strange_unit(&s, &sent);
        snprintf(u->status.result, UNIT_WORD_SIZE, "exit-code");
        u->status.exec_main_code = CLD_EXITED;
        u->status.exec_main_status = 7;
        u->status.active_enter_usec = 1700000001 * USEC_PER_SEC;
        fake_unit_put_state(u, "failed", "failed");
        if (!story_start_service(&s))
                return;
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 7);
        TAP_CHECK(STORY_UNTIL(&s, !story_unit(&s)));
}

/* What has another name is nobody's task, and what no service of ours started is not adopted. */
static void test_strange_units_are_left_alone(void) {
        static const char *const units[] = { OTHER_UNIT, "remote-developer-task-x.service",
                                             "remote-developer-task-1700000000-abcdeg.service" };
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                fake_unit_put_state(fake_unit_add(&s.systemd, units[i]), "failed", "failed");
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        story_monitor(&s);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 0);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "KillUnit"), 0);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 0);
        TAP_CHECK_INT(story_told("left alone: it is none that"), 1);
        TAP_CHECK_INT(story_count_files(&s, "task-"), 0);
}

static void test_newer_document_is_not_written_over(void) {
        static const char newer[] = "{\"version\":9,\"task_id\":\"task-1700000000-abcdef\"}";
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *after = NULL;

        if (!story_begin(&s))
                return;
        story_stop_service(&s);
        fake_unit_put_state(add_strange_unit(&s, &sent), "active", "running");
        story_write(&s, ".json", newer);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        after = story_read(&s, ".json");
        TAP_CHECK_STRING(after, newer);
        TAP_CHECK_INT(story_told("left alone: a newer service"), 1);
        TAP_CHECK(!task_index_find(manager_index(s.manager), s.id));
}

/* The release of the unit was cut off after the verdict. */
static void test_unit_of_a_finished_task_is_released(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_drop_at(&s.systemd, "ResetFailedUnit", true);
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "ResetFailedUnit") == 1));
        TAP_CHECK(story_unit(&s));
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK(!story_unit(&s));
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
}

/* --- tasks that never began --- */

/* The service died between the document and the call. */
static bool leave_queued(Story *s) {
        if (!story_begin(s))
                return false;
        fake_drop_at(&s->systemd, "StartTransientUnit", true);
        if (!TAP_CHECK_INT(story_create(s, MAKE), 0) ||
            !TAP_CHECK(STORY_UNTIL(s, fake_count_calls(&s->systemd, "StartTransientUnit") == 1)))
                return false;
        story_settle(s);
        TAP_CHECK_INT(story_task(s)->state, TASK_QUEUED);
        story_stop_service(s);
        return true;
}

static void test_acknowledged_task_is_started(void) {
        _cleanup_(story_done) Story s = {};

        if (!leave_queued(&s))
                return;
        replace_in_document(&s, "\"boot_id\":\"", "\"boot_id\":\"0123");
        s.systemd.started_usec++;
        if (!story_start_service(&s) || !TAP_CHECK(story_unit(&s)))
                return;
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 2);
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        /* It belongs to this boot now. */
        story_stop_service(&s);
        fake_unit_remove(story_unit(&s));
        if (story_start_service(&s))
                TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
}

static void test_task_with_a_record_has_begun(void) {
        _cleanup_(story_done) Story s = {};

        if (!leave_queued(&s))
                return;
        story_record(&s, "0123456789abcdef0123456789abcdef", "exit-code", "exited", "9");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 9);
        TAP_CHECK_STRING(story_task(&s)->invocation_id, "0123456789abcdef0123456789abcdef");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

/* Even one that cannot be read: better an unknown end than the work done twice. */
static void test_task_with_a_torn_record_has_begun(void) {
        _cleanup_(story_done) Story s = {};

        if (!leave_queued(&s))
                return;
        story_write(&s, ".result", "SERVICE_RES");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

/* The wish was stored, and the service died before anything else. */
static void test_cancelled_task_is_not_started(void) {
        _cleanup_(story_done) Story s = {};

        if (!leave_queued(&s))
                return;
        replace_in_document(&s, "\"cancel_requested\":false", "\"cancel_requested\":true");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

/* --- check_orphaned_tasks: false --- */

static void test_dead_tasks_are_left_when_told_so(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !run_and_stop_service(&s))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        s.config.check_orphaned_tasks = false;
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        /* Until a later start: also when the units are compared again. */
        story_monitor(&s);
        story_settle(&s);
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        story_stop_service(&s);
        s.config.check_orphaned_tasks = true;
        if (story_start_service(&s))
                TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
}

static void test_failed_unit_is_left_when_told_so(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = run_and_stop_service(&s)))
                return;
        snprintf(u->status.result, UNIT_WORD_SIZE, "exit-code");
        fake_unit_put_state(u, "failed", "failed");
        s.config.check_orphaned_tasks = false;
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 0);
}

static void test_running_and_new_tasks_are_judged_all_the_same(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !run_and_stop_service(&s))
                return;
        s.config.check_orphaned_tasks = false;
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        if (!story_run(&s))
                return;
        fake_unit_remove(story_unit(&s));
        fake_emit_reloading(&s.systemd, false);
        TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
}

/* --- the whole --- */

static void test_recovery_waits_for_every_verdict(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s) || !run_and_stop_service(&s))
                return;
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        test_clock_journald_is_done = 0;
        if (!story_load(&s) || !story_connect(&s))
                return;
        TAP_CHECK_INT(s.recovered, 0);
        test_clock_journald_is_done = 1;
        test_clock_advance(USEC_PER_SEC);
        TAP_CHECK(STORY_UNTIL(&s, s.recovered > 0));
        TAP_CHECK_INT(story_task(&s)->state, TASK_FINISHED);
        /* Once, whatever comes later. */
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        TAP_CHECK_INT(s.recovered, 1);
}

static void test_finished_tasks_are_known(void) {
        _cleanup_(story_done) Story s = {};
        unsigned reads;

        if (!story_begin(&s))
                return;
        for (int i = 0; i < 3; i++) {
                if (!story_run(&s))
                        return;
                fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, i + 1);
                TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        }
        story_stop_service(&s);
        reads = fake_count_calls(&s.systemd, "GetAll");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(manager_index(s.manager)->n, 3);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 3);
        TAP_CHECK_INT(story_task(&s)->exit_code, 3);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "GetAll"), reads);
}

static const TapTest tests[] = {
        { "a running task is taken up", test_running_task_is_taken_up },
        { "a failed unit is judged and released", test_failed_unit_is_judged_and_released },
        { "the recorder's account is found", test_recorders_account_is_found },
        { "nothing is found", test_nothing_is_found },
        { "the machine was rebooted", test_machine_was_rebooted },
        { "a unit without a document is adopted", test_unit_without_document_is_adopted },
        { "a reloaded unit is adopted", test_reloaded_unit_is_adopted },
        { "a failed unit without a document gets its verdict", test_failed_unit_without_document_gets_its_verdict },
        { "strange units are left alone", test_strange_units_are_left_alone },
        { "a newer document is not written over", test_newer_document_is_not_written_over },
        { "the unit of a finished task is released", test_unit_of_a_finished_task_is_released },
        { "a task that was acknowledged and never began is started", test_acknowledged_task_is_started },
        { "a task with a record has begun", test_task_with_a_record_has_begun },
        { "a task with a torn record has begun", test_task_with_a_torn_record_has_begun },
        { "a cancelled task is not started", test_cancelled_task_is_not_started },
        { "check_orphaned_tasks false: dead tasks are left", test_dead_tasks_are_left_when_told_so },
        { "check_orphaned_tasks false: failed units are left", test_failed_unit_is_left_when_told_so },
        { "check_orphaned_tasks false: living tasks are not concerned",
          test_running_and_new_tasks_are_judged_all_the_same },
        { "the recovery waits for every verdict", test_recovery_waits_for_every_verdict },
        { "finished tasks are known", test_finished_tasks_are_known },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

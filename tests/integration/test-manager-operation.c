/* Commits and pull requests of an ended task: what their unit is told, what is believed of what came to pass, and that
 * it is found out whoever was there. */
#include "operating.h"

#include <remote-developer/strings.h>

#include <signal.h>

/* Of a property that is given twice the second counts. */
static const char *command_of(const FakeUnit *u) {
        const char *text = "";

        for (size_t i = 0; i < u->n_properties; i++)
                if (string_equal(u->properties[i].name, "ExecStartEx"))
                        text = u->properties[i].text;
        return text;
}

static void test_what_its_unit_is_told(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *command = NULL, *text = NULL, *credential = NULL, *input = NULL, *tree = NULL;
        const FakeUnit *u;
        OperatingTold told;

        if (!operating_prepare(&s) || !TAP_CHECK_INT(operating_begin(&s, OPERATION_COMMIT, true, &told), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, operating_unit(&s, OPERATION_COMMIT))))
                return;
        u = operating_unit(&s, OPERATION_COMMIT);
        command = string_format("\"commit\", \"--root=%s\", \"--task=%s\", \"--operation=%s\", \"--repository=o/r\"",
                                s.config.workspaces_directory, s.id, operating_number(&s));
        TAP_CHECK_CONTAINS(command_of(u), command);
        TAP_CHECK_CONTAINS(command_of(u), "\"/usr/libexec/remote-developer-step\"");
        TAP_CHECK(!strstr(fake_unit_property(u, "ExecStopPost") ?: "", "recorder"));
        TAP_CHECK_STRING(fake_unit_property(u, "RuntimeMaxUSec"), "t 120000000");
        tree = string_format("s \"-%s/tasks/%s\"", s.config.workspaces_directory, s.id);
        TAP_CHECK_STRING(fake_unit_property(u, "WorkingDirectory"), tree);
        input = story_expand(&s, "s \"{state}/{id}.operation\"");
        TAP_CHECK_STRING(fake_unit_property(u, "StandardInputFile"), input);
        credential = story_expand(&s, "{state}/{id}.credentials/github_token");
        TAP_CHECK_CONTAINS(fake_unit_property(u, "LoadCredential"), credential);
        TAP_CHECK(fake_unit_property(u, "LimitCORE"));
        for (size_t i = 0; i < u->n_properties; i++)
                TAP_CHECK(!strstr(u->properties[i].text, OPERATING_TOKEN) &&
                          !strstr(u->properties[i].text, "the message"));
        text = story_read(&s, ".operation");
        TAP_CHECK_STRING(text, "the message\n");
        TAP_CHECK(!story_document_has(&s, OPERATING_TOKEN));
}

static void test_a_commit(void) {
        _cleanup_(story_done) Story s = {};
        const Task *t;
        OperatingTold told;

        if (!operating_prepare_commit(&s, &told))
                return;
        TAP_CHECK(story_document_has(&s, "\"operation\":{\"kind\":\"commit\""));
        TAP_CHECK(story_document_has(&s, "\"requested_by\":\"" STORY_ACTOR "\""));
        TAP_CHECK_INT(story_told("A commit is asked for by " STORY_ACTOR), 1);
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        TAP_CHECK_INT(told.n, 0);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(told.n == 1 && told.ok && told.committed);
        t = story_task(&s);
        TAP_CHECK(t->changes.is_committed);
        TAP_CHECK_STRING(t->changes.commit_message, "the message\n");
        TAP_CHECK_STRING(t->changes.current_branch, "rd/x");
        TAP_CHECK(task_index_find(manager_index(s.manager), s.id)->committed);
        TAP_CHECK(t->last_operation.kind == OPERATION_COMMIT && t->last_operation.ok && !t->last_operation.error);
        TAP_CHECK_STRING(t->last_operation.requested_by, STORY_ACTOR);
        operating_check_over(&s);
        TAP_CHECK_INT(operating_begin_commit(&s, &told), 0);
}

/* It is looked at as often as a task, whose lost signals a commit shares. */
static void test_it_is_no_rest(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;
        unsigned n;

        if (!operating_prepare_commit(&s, &told))
                return;
        n = fake_count_calls(&s.systemd, "ListUnits");
        test_clock_advance(s.config.monitor_interval_usec);
        manager_monitor(s.manager);
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ListUnits"), n + 1);
}

static void test_a_pull_request(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare(&s) || !TAP_CHECK_INT(operating_begin(&s, OPERATION_CREATE_PR, true, &told), 0) ||
            !operating_start_unit(&s, OPERATION_CREATE_PR))
                return;
        operating_report(&s, OPERATION_CREATE_PR, "\"ok\":true,\"pr_url\":\"https://github.com/o/r/pull/1\"");
        operating_end_unit(&s, OPERATION_CREATE_PR, "success", 0);
        TAP_CHECK(told.n == 1 && told.ok);
        TAP_CHECK_STRING(story_task(&s)->changes.pr_url, "https://github.com/o/r/pull/1");
        TAP_CHECK(!story_task(&s)->changes.is_committed);
        operating_check_over(&s);
}

/* What is not pushed is a commit all the same; what was refused is none. */
static void test_what_the_report_says_counts(void) {
        static const struct {
                const char *members;
                bool is_committed, ok, refused;
                const char *error;
        } rows[] = {
                { "\"ok\":false,\"error\":\"no network\",\"committed\":true", true, false, false, "no network" },
                { "\"ok\":false,\"error\":\"No changes to commit\",\"refused\":true", false, false, true,
                  "No changes to commit" },
                { "\"ok\":true,\"committed\":false,\"pushed\":true", true, true, false, "" },
                { "\"ok\":\"yes\"", false, false, false, "It ended without a word of what it came to" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                OperatingTold told;

                if (!operating_prepare_commit(&s, &told))
                        return;
                operating_report(&s, OPERATION_COMMIT, rows[i].members);
                operating_end_unit(&s, OPERATION_COMMIT, rows[i].ok ? "success" : "exit-code", rows[i].ok ? 0 : 1);
                TAP_CHECK_INT(told.n, 1);
                TAP_CHECK_INT(told.ok, rows[i].ok);
                TAP_CHECK_INT(told.refused, rows[i].refused);
                TAP_CHECK_CONTAINS(told.error, rows[i].error);
                TAP_CHECK_INT(story_task(&s)->changes.is_committed, rows[i].is_committed);
                TAP_CHECK_STRING(story_task(&s)->last_operation.error, *told.error ? told.error : NULL);
                operating_check_over(&s);
                if (!rows[i].ok)
                        TAP_CHECK(!operating_unit(&s, OPERATION_COMMIT) ||
                                  fake_count_calls(&s.systemd, "ResetFailedUnit remote-developer-commit-") == 2);
        }
}

/* It was there already. */
static void test_the_report_of_an_earlier_one_is_not_believed(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare(&s))
                return;
        operating_report_of(&s, OPERATION_COMMIT, "0123456789abcdef", OPERATING_COMMITTED);
        if (!TAP_CHECK_INT(operating_begin_commit(&s, &told), 0) || !operating_start_unit(&s, OPERATION_COMMIT))
                return;
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(told.n == 1 && !told.ok);
        TAP_CHECK_CONTAINS(told.error, "remote-developer-commit-task-");
        TAP_CHECK(!story_task(&s)->changes.is_committed);
        operating_check_over(&s);
}

static void test_how_it_ends_without_a_report(void) {
        static const struct {
                const char *result;
                int exit_status;
                const char *error;
        } rows[] = {
                { "timeout", SIGTERM, "It took longer than 120 s (task_execution.default_timeout)" },
                { "exit-code", 200, "The directory that the task worked in is not there any more" },
                { "exit-code", 1, "It ended without a word" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                OperatingTold told;

                if (!operating_prepare_commit(&s, &told))
                        return;
                operating_end_unit(&s, OPERATION_COMMIT, rows[i].result, rows[i].exit_status);
                TAP_CHECK(told.n == 1 && !told.ok && !told.refused);
                TAP_CHECK_CONTAINS(told.error, rows[i].error);
                TAP_CHECK_CONTAINS(story_task(&s)->last_operation.error, rows[i].error);
                operating_check_over(&s);
        }
}

/* The step had said that there was a commit before it was ended. */
static void test_a_push_that_takes_too_long(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare_commit(&s, &told))
                return;
        operating_report(&s, OPERATION_COMMIT,
                         "\"ok\":false,\"error\":\"It ended before the push did\",\"committed\":true");
        operating_end_unit(&s, OPERATION_COMMIT, "timeout", SIGTERM);
        TAP_CHECK(told.n == 1 && !told.ok && told.committed);
        TAP_CHECK_CONTAINS(told.error, "It took longer than 120 s");
        TAP_CHECK(story_task(&s)->changes.is_committed);
}

static void test_systemd_refuses_it(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare(&s))
                return;
        fake_refuse(&s.systemd, "StartTransientUnit", "org.freedesktop.systemd1.LimitsExceeded", "too many units");
        TAP_CHECK_INT(operating_begin(&s, OPERATION_COMMIT, true, &told), 0);
        TAP_CHECK(STORY_UNTIL(&s, told.n == 1));
        TAP_CHECK_STRING(told.error, "systemd did not start it: too many units");
        operating_check_over(&s);
}

static void test_one_at_a_time(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told, other;

        if (!operating_prepare_commit(&s, &told))
                return;
        TAP_CHECK_INT(operating_begin(&s, OPERATION_CREATE_PR, true, &other), -EBUSY);
        TAP_CHECK_CONTAINS(s.problem.sentence, "A commit of this task is under way");
        TAP_CHECK_INT(story_resume(&s), -EBUSY);
        problem_done(&s.problem);
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), -EBUSY);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK_INT(story_resume(&s), 0);
        TAP_CHECK_INT(operating_begin_commit(&s, &other), -EBUSY);
        TAP_CHECK_CONTAINS(s.problem.sentence, "has not ended");
}

static bool end_in_directory(Story *s, const char *recipe) {
        _cleanup_free_ char *request = string_format("{\"task_description\": \"d\", \"working_directory\": "
                                                     "\"/srv/work\"%s}",
                                                     recipe);

        if (!TAP_CHECK_INT(story_create(s, request), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return false;
        fake_unit_start(story_unit(s));
        story_settle(s);
        fake_unit_end(story_unit(s), "exit-code", CLD_EXITED, 1);
        return TAP_CHECK(STORY_UNTIL(s, story_is_finished(s)));
}

/* A directory has one writer, and that may be an operation. */
static void test_one_writer_in_a_directory(void) {
        static const char next[] = "{\"task_description\": \"d\", \"working_directory\": \"/srv/work/\"}";
        _cleanup_(story_done) Story s = {};
        char first[TASK_ID_SIZE + 1], second[TASK_ID_SIZE + 1];
        OperatingTold told;

        if (!story_open(&s) || !operating_set_workspaces(&s) || !story_start_service(&s) || !end_in_directory(&s, ""))
                return;
        memcpy(first, s.id, sizeof(first));
        if (!TAP_CHECK_INT(operating_begin_commit(&s, &told), 0) || !operating_start_unit(&s, OPERATION_COMMIT))
                return;
        TAP_CHECK(!strstr(command_of(operating_unit(&s, OPERATION_COMMIT)), "--repository"));
        TAP_CHECK_INT(story_create(&s, next), -EBUSY);
        TAP_CHECK_STRING(s.problem.task_id, first);
        memcpy(s.id, first, sizeof(first));
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK_INT(story_create(&s, next), 0);
        memcpy(second, s.id, sizeof(second));
        memcpy(s.id, first, sizeof(first));
        TAP_CHECK_INT(operating_begin_commit(&s, &told), -EBUSY);
        TAP_CHECK_STRING(s.problem.task_id, second);
}

/* Commands may share a directory among themselves; git in one where an agent works may not. */
static void test_a_commit_of_a_command(void) {
        static const char command[] = "{\"command\": [\"make\"], \"working_directory\": \"/srv/work\"}";
        static const char agent[] = "{\"task_description\": \"d\", \"working_directory\": \"/srv/work\"}";
        _cleanup_(story_done) Story s = {};
        char first[TASK_ID_SIZE + 1];
        OperatingTold told;

        if (!story_open(&s) || !operating_set_workspaces(&s) || !story_start_service(&s) ||
            !operating_end_task_of(&s, command))
                return;
        memcpy(first, s.id, sizeof(first));
        if (!TAP_CHECK_INT(operating_begin_commit(&s, &told), 0) || !operating_start_unit(&s, OPERATION_COMMIT))
                return;
        TAP_CHECK_INT(story_create(&s, agent), -EBUSY);
        TAP_CHECK_INT(story_create(&s, command), 0);
        memcpy(s.id, first, sizeof(first));
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK_INT(story_create(&s, agent), 0);
        memcpy(s.id, first, sizeof(first));
        TAP_CHECK_INT(operating_begin_commit(&s, &told), -EBUSY);
}

/* git is answered by us only where there is something to answer with. */
static void test_the_helper_comes_with_the_token(void) {
        for (int token = 0; token < 2; token++) {
                _cleanup_(story_done) Story s = {};
                OperatingTold told;
                const char *environment;

                if (!story_open(&s) || !operating_set_workspaces(&s) || !story_start_service(&s) ||
                    !operating_end_task_of(&s, "{\"github_repo\": \"o/r\", \"task_description\": \"d\", "
                                               "\"github_token\": \"t-o-k-e-n\"}") ||
                    !TAP_CHECK_INT(operating_begin(&s, OPERATION_COMMIT, token, &told), 0) ||
                    !operating_start_unit(&s, OPERATION_COMMIT))
                        return;
                environment = fake_unit_property(operating_unit(&s, OPERATION_COMMIT), "Environment");
                TAP_CHECK_INT(strstr(environment ?: "", "GIT_CONFIG_COUNT") != NULL, token);
        }
}

static void test_what_has_no_work_tree(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;
        OperatingTold told;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        TAP_CHECK_INT(operating_begin_commit(&s, &told), -EBUSY);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        TAP_CHECK_INT(operating_begin_commit(&s, &told), -EINVAL);
        TAP_CHECK_CONTAINS(s.problem.sentence, "This task has no work tree");
        snprintf(s.id, sizeof(s.id), "task-1700000000-abcdef");
        TAP_CHECK_INT(operating_begin_commit(&s, &told), -ENOENT);
}

static void test_there_is_a_bound(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told[OPERATIONS_MAX + 1];

        if (!story_open(&s) || !operating_set_workspaces(&s) || !story_start_service(&s))
                return;
        for (size_t i = 0; i < OPERATIONS_MAX; i++)
                if (!operating_end_task(&s) || !TAP_CHECK_INT(operating_begin_commit(&s, &told[i]), 0))
                        return;
        if (!operating_end_task(&s))
                return;
        TAP_CHECK_INT(operating_begin_commit(&s, &told[OPERATIONS_MAX]), -EAGAIN);
}

/* Whoever asked has gone; what was asked for has not. */
static void test_nobody_waits_any_more(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare_commit(&s, &told))
                return;
        manager_leave_operation(s.manager, s.id);
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK_INT(told.n, 0);
        TAP_CHECK(story_task(&s)->changes.is_committed);
        operating_check_over(&s);
}

static const TapTest tests[] = {
        { "what its unit is told", test_what_its_unit_is_told },
        { "a commit", test_a_commit },
        { "while it runs units are compared", test_it_is_no_rest },
        { "a pull request", test_a_pull_request },
        { "what the report says counts", test_what_the_report_says_counts },
        { "the report of an earlier one is not believed", test_the_report_of_an_earlier_one_is_not_believed },
        { "how it ends without a report", test_how_it_ends_without_a_report },
        { "a push that takes too long", test_a_push_that_takes_too_long },
        { "systemd refuses it", test_systemd_refuses_it },
        { "one at a time", test_one_at_a_time },
        { "one writer in a directory", test_one_writer_in_a_directory },
        { "a commit of a command", test_a_commit_of_a_command },
        { "the helper comes with the token", test_the_helper_comes_with_the_token },
        { "what has no work tree", test_what_has_no_work_tree },
        { "there is a bound", test_there_is_a_bound },
        { "nobody waits any more", test_nobody_waits_any_more },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

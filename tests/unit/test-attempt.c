/* Attempts: how an ended attempt becomes part of its task, and the way to the disk and to clients. */
#include "tap.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#define ID "task-1700000000-abcdef"
#define CURSOR "s=1;i=2;b=3;m=4;t=5;x=6"

static Task *ended_task(void) {
        Task *t = task_new();

        t->id = strdup(ID);
        t->spec.recipe = strdup("command");
        strv_append(&t->spec.command, "make");
        t->spec.timeout_usec = 60 * USEC_PER_SEC;
        t->state = TASK_FINISHED;
        t->result = TASK_INTERRUPTED;
        t->reason = strdup("host-reboot");
        t->error = strdup("The machine went down while the task was running");
        t->signal = strdup("SIGTERM");
        t->invocation_id = strdup("0123456789abcdef0123456789abcdef");
        t->boot_id = strdup("fedcba9876543210fedcba9876543210");
        t->log_cursor = strdup(CURSOR);
        t->log_lines = 3;
        t->log_bytes = 33;
        t->created_at = 1;
        t->started_at = 1700000001 * USEC_PER_SEC;
        t->finished_at = 1700000002 * USEC_PER_SEC;
        t->manager_started_at = 7;
        t->cancel_requested = true;
        t->cancel_requested_at = 8;
        t->resume_at = 9;
        return t;
}

static void check_first(const Attempt *a) {
        TAP_CHECK_INT(a->attempt, 1);
        TAP_CHECK_INT(a->result, TASK_INTERRUPTED);
        TAP_CHECK_STRING(a->reason, "host-reboot");
        TAP_CHECK_STRING(a->error, "The machine went down while the task was running");
        TAP_CHECK_STRING(a->signal, "SIGTERM");
        TAP_CHECK_INT(a->exit_code, -1);
        TAP_CHECK_STRING(a->invocation_id, "0123456789abcdef0123456789abcdef");
        TAP_CHECK_STRING(a->boot_id, "fedcba9876543210fedcba9876543210");
        TAP_CHECK_INT(a->started_at, 1700000001 * USEC_PER_SEC);
        TAP_CHECK_INT(a->finished_at, 1700000002 * USEC_PER_SEC);
        TAP_CHECK_INT(a->log_lines, 3);
        TAP_CHECK_INT(a->log_bytes, 33);
        TAP_CHECK_STRING(a->log_cursor, CURSOR);
}

static void test_an_ended_attempt_is_kept(void) {
        _cleanup_(task_freep) Task *t = ended_task();

        TAP_CHECK_INT(task_begin_attempt(t), 0);
        TAP_CHECK_INT(t->attempt, 2);
        if (TAP_CHECK_INT(t->attempts.n, 1))
                check_first(&t->attempts.items[0]);
}

static void test_the_next_one_starts_with_nothing_but_the_log(void) {
        _cleanup_(task_freep) Task *t = ended_task();

        TAP_CHECK_INT(task_begin_attempt(t), 0);
        TAP_CHECK_INT(t->state, TASK_QUEUED);
        TAP_CHECK_INT(t->result, TASK_RESULT_NONE);
        TAP_CHECK_INT(t->exit_code, -1);
        TAP_CHECK(!t->reason && !t->error && !t->signal && !t->invocation_id && !t->boot_id);
        TAP_CHECK_INT(t->started_at + t->finished_at + t->manager_started_at + t->resume_at, 0);
        TAP_CHECK(!t->cancel_requested && t->cancel_requested_at == 0);
        TAP_CHECK_INT(t->created_at, 1);
        TAP_CHECK_INT(t->log_lines, 3);
        TAP_CHECK_STRING(t->log_cursor, CURSOR);
        TAP_CHECK_STRING(t->spec.command[0], "make");
}

static void test_the_agent_begins_anew(void) {
        _cleanup_(task_freep) Task *t = ended_task();

        t->agent.outcome = AGENT_FAILED;
        t->agent.error = strdup("no money");
        t->agent.session_id = strdup("one");
        t->agent.turns = 3;
        t->agent.tool_calls = 2;
        t->agent.files_edited = 1;
        TAP_CHECK_INT(task_begin_attempt(t), 0);
        TAP_CHECK_INT(t->agent.outcome, AGENT_NONE);
        TAP_CHECK_STRING(t->agent.error, NULL);
        TAP_CHECK_STRING(t->agent.session_id, NULL);
        TAP_CHECK_INT(t->agent.turns + t->agent.tool_calls + t->agent.files_edited, 0);
        TAP_CHECK_STRING(t->attempts.items[0].session_id, "one");
        TAP_CHECK_INT(t->attempts.items[0].turns, 3);
        TAP_CHECK_INT(t->attempts.items[0].tool_calls, 2);
        TAP_CHECK_INT(t->attempts.items[0].files_edited, 1);
}

/* In the journal the log begins where the archived one ends. */
static void test_an_archived_log_is_noted(void) {
        for (int archived = 0; archived <= 1; archived++) {
                _cleanup_(task_freep) Task *t = ended_task();

                t->log_first_cursor = strdup("s=1;i=1");
                t->archived_at = archived ? 11 : 0;
                TAP_CHECK_INT(task_begin_attempt(t), 0);
                TAP_CHECK_INT(t->archived_at, 0);
                TAP_CHECK_INT(t->log_archived_lines, archived ? 3 : 0);
                TAP_CHECK_STRING(t->log_first_cursor, archived ? NULL : "s=1;i=1");
        }
}

static void test_a_copy_has_it_all(void) {
        _cleanup_(task_freep) Task *t = ended_task(), *copy = NULL;

        TAP_CHECK_INT(task_begin_attempt(t), 0);
        t->automatic_attempts = 1;
        t->resume_at = 1700000003 * USEC_PER_SEC;
        if (!TAP_CHECK_INT(task_copy(t, &copy), 0))
                return;
        TAP_CHECK_INT(copy->attempt, 2);
        TAP_CHECK_INT(copy->automatic_attempts, 1);
        TAP_CHECK_INT(copy->resume_at, 1700000003 * USEC_PER_SEC);
        TAP_CHECK_INT(copy->version, TASK_DOCUMENT_VERSION);
        if (TAP_CHECK_INT(copy->attempts.n, 1))
                check_first(&copy->attempts.items[0]);
}

/* Clients get a cursor that the log's routes take, and never the journal's own. */
static void test_clients_get_their_cursor(void) {
        _cleanup_(task_freep) Task *t = ended_task();
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;
        char own[LOG_CURSOR_SIZE];
        const Json *first;

        TAP_CHECK_INT(task_begin_attempt(t), 0);
        TAP_CHECK_INT(task_to_json(t, false, &j), 0);
        TAP_CHECK_INT(json_append(j, &text), 0);
        TAP_CHECK(!strstr(text.data, CURSOR));
        first = json_at(json_get(j, "attempts"), 0);
        TAP_CHECK_INT(log_cursor_decode(ID, json_get_string(first, "log_cursor") ?: "", own), 0);
        TAP_CHECK_STRING(own, CURSOR);
        TAP_CHECK_STRING(json_get_string(first, "result"), "interrupted");
}

static void test_an_attempt_without_a_line_has_no_cursor(void) {
        _cleanup_(task_freep) Task *t = ended_task(), *copy = NULL;
        _cleanup_json_ Json *j = NULL;

        free(TAKE_PTR(t->log_cursor));
        TAP_CHECK_INT(task_begin_attempt(t), 0);
        TAP_CHECK_INT(task_to_json(t, false, &j), 0);
        TAP_CHECK(json_get(json_at(json_get(j, "attempts"), 0), "log_cursor") == NULL);
        TAP_CHECK_INT(task_copy(t, &copy), 0);
        TAP_CHECK_STRING(copy->attempts.items[0].log_cursor, NULL);
}

static void test_attempts_are_bounded(void) {
        _cleanup_(task_freep) Task *t = ended_task();
        int r = 0;

        for (int i = 1; i < ATTEMPTS_MAX; i++) {
                r = task_begin_attempt(t);
                t->state = TASK_FINISHED;
                t->result = TASK_FAILED;
                if (r < 0)
                        break;
        }
        TAP_CHECK_INT(r, 0);
        TAP_CHECK_INT(t->attempt, ATTEMPTS_MAX);
        TAP_CHECK_INT(task_begin_attempt(t), -E2BIG);
        TAP_CHECK_INT(t->attempt, ATTEMPTS_MAX);
        TAP_CHECK_INT(t->state, TASK_FINISHED);
}

static void test_invocations(void) {
        _cleanup_(task_freep) Task *t = ended_task();
        _cleanup_strv_ char **ids = NULL;

        TAP_CHECK(!attempt_list_has_invocation(&t->attempts, "0123456789abcdef0123456789abcdef"));
        TAP_CHECK_INT(task_begin_attempt(t), 0);
        t->state = TASK_FINISHED;
        t->result = TASK_FAILED;
        TAP_CHECK_INT(task_begin_attempt(t), 0); /* of this one no invocation is known */
        TAP_CHECK_INT(attempt_list_invocations(&t->attempts, &ids), 0);
        TAP_CHECK_INT(strv_length(ids), 1);
        TAP_CHECK(attempt_list_has_invocation(&t->attempts, "0123456789abcdef0123456789abcdef"));
        TAP_CHECK(!attempt_list_has_invocation(&t->attempts, "1123456789abcdef0123456789abcdef"));
        TAP_CHECK(!attempt_list_has_invocation(&t->attempts, ""));
}

#define BEGIN "{\"task_id\":\"" ID "\",\"state\":\"queued\",\"recipe\":\"command\",\"command\":[\"a\"],\"attempt\":3,"

static void test_broken_attempts_are_refused(void) {
        static const char *const rows[] = {
                BEGIN "\"attempts\":[{\"attempt\":1}]}",
                BEGIN "\"attempts\":[{\"result\":\"failed\"}]}",
                BEGIN "\"attempts\":[{\"attempt\":0,\"result\":\"failed\"}]}",
                BEGIN "\"attempts\":[{\"attempt\":3,\"result\":\"failed\"}]}",
                BEGIN "\"attempts\":[{\"attempt\":2,\"result\":\"failed\"},{\"attempt\":1,\"result\":\"failed\"}]}",
                BEGIN "\"attempts\":[{\"attempt\":1,\"result\":\"dancing\"}]}",
                BEGIN "\"attempts\":[7]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(task_freep) Task *t = NULL;
                _cleanup_json_ Json *j = NULL;

                TAP_CHECK_INT(json_parse(rows[i], strlen(rows[i]), &j, NULL), 0);
                TAP_CHECK_INT(task_from_json(j, &t, &problem), -EBADMSG);
                TAP_CHECK(problem.sentence);
                TAP_CHECK(!t);
        }
}

static const TapTest tests[] = {
        { "an ended attempt is kept", test_an_ended_attempt_is_kept },
        { "the next one starts with nothing but the log", test_the_next_one_starts_with_nothing_but_the_log },
        { "the agent begins anew", test_the_agent_begins_anew },
        { "an archived log is noted", test_an_archived_log_is_noted },
        { "a copy has it all", test_a_copy_has_it_all },
        { "clients get their cursor", test_clients_get_their_cursor },
        { "an attempt without a line has no cursor", test_an_attempt_without_a_line_has_no_cursor },
        { "attempts are bounded", test_attempts_are_bounded },
        { "invocations", test_invocations },
        { "broken attempts are refused", test_broken_attempts_are_refused },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

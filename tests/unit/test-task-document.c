/* The task's document: every field there and back, what clients see of it, and broken documents refused. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#define ID "task-1700000000-abcdef"

static char **vector(const char *a, const char *b) {
        char **v = NULL;

        TAP_CHECK_INT(strv_append(&v, a), 0);
        TAP_CHECK_INT(strv_append(&v, b), 0);
        return v;
}

static void add_operations(Task *t) {
        t->operation = (Operation){ .kind = OPERATION_CREATE_PR, .number = strdup("0123456789abcdef"),
                                    .started_at = 1700000000000011 };
        t->last_operation = (OperationEnd){ .kind = OPERATION_COMMIT, .ok = true, .error = strdup("none"),
                                            .ended_at = 1700000000000012 };
}

/* Nothing in it is as task_new() leaves it. */
static Task *make_task(void) {
        Task *t = task_new();

        *t = (Task){
                .version = TASK_DOCUMENT_VERSION,
                .id = strdup(ID),
                .spec = {
                        .recipe = strdup("claude-kubernetes"),
                        .agent = AGENT_KIND_CODEX,
                        .command = vector("make", "test all"),
                        .working_directory = strdup("/srv/w\xc3\xb6rk"),
                        .environment = vector("A=b=c", "EMPTY="),
                        .timeout_usec = 90 * USEC_PER_SEC + 500000,
                        .stall_timeout_usec = 30 * USEC_PER_SEC,
                        .stall_action = TASK_STALL_STOP,
                        .separate_stderr = true,
                        .labels = vector("team=a", "kind=b"),
                        .devpod_name = strdup("pod"),
                        .namespace = strdup("space"),
                        .pod = strdup("pod-0"),
                        .resume_after_limit = true,
                        .github_repo = strdup("owner/repository"),
                },
                .state = TASK_FINISHED,
                .result = TASK_TIMED_OUT,
                .reason = strdup("runtime-limit"),
                .exit_code = 3,
                .signal = strdup("SIGTERM"),
                .error = strdup("The time limit was reached: 90 s"),
                .created_at = 1700000000000001,
                .last_updated = 1700000000000002,
                .started_at = 1700000000000003,
                .finished_at = 1700000000000004,
                .invocation_id = strdup("0123456789abcdef0123456789abcdef"),
                .boot_id = strdup("fedcba9876543210fedcba9876543210"),
                .session_id = strdup("01234567-89ab-4def-8123-456789abcdef"),
                .manager_started_at = 1700000000000005,
                .attempt = 2,
                .bound_to_service = true,
                .agent_since = 1700000000000011,
                .cancel_requested = true,
                .cancel_requested_at = 1700000000000006,
                .warned_at = 1700000000000008,
                .stalled_at = 1700000000000009,
                .stall_stop_requested_at = 1700000000000010,
                .cancel_requested_boottime = 17,
                .stall_stop_requested_boottime = 18,
                .log_lines = 300000,
                .log_bytes = UINT64_MAX,
                .last_output_at = 1700000000000007,
                .log_cursor = strdup("s=1;i=2"),
                .log_first_cursor = strdup("s=1;i=1"),
                .log_archived_lines = 12,
                .agent = { .outcome = AGENT_FAILED, .error = strdup("no money"), .cost_micro = 5 },
                .changes = {
                        .modified_files = vector(" M src/a b.c", "?? \"\\303\\266\""),
                        .has_changes = true,
                        .current_branch = strdup("rd/" ID),
                        .is_committed = true,
                        .commit_message = strdup("Task: line 1\n\nline 2"),
                        .pr_url = strdup("https://github.com/owner/repository/pull/1"),
                        .disk_bytes = 5000000000,
                },
        };
        add_operations(t);
        (void) buffer_append(&t->spec.task_description, "line 1\nline \"2\"\t\x01\0\0.", 20);
        return t;
}

static void check_vectors(char *const *is, char *const *should) {
        if (!TAP_CHECK_INT(strv_length(is), strv_length(should)))
                return;
        for (size_t i = 0; is && is[i]; i++)
                TAP_CHECK_STRING(is[i], should[i]);
}

static void check_specs(const TaskSpec *is, const TaskSpec *should) {
        TAP_CHECK_STRING(is->recipe, should->recipe);
        TAP_CHECK_INT(is->agent, should->agent);
        TAP_CHECK_STRING(is->namespace, should->namespace);
        TAP_CHECK_STRING(is->pod, should->pod);
        TAP_CHECK_INT(is->resume_after_limit, should->resume_after_limit);
        check_vectors(is->command, should->command);
        TAP_CHECK_STRING(is->working_directory, should->working_directory);
        check_vectors(is->environment, should->environment);
        TAP_CHECK_INT(is->timeout_usec, should->timeout_usec);
        TAP_CHECK_INT(is->stall_timeout_usec, should->stall_timeout_usec);
        TAP_CHECK_INT(is->stall_action, should->stall_action);
        TAP_CHECK_INT(is->separate_stderr, should->separate_stderr);
        check_vectors(is->labels, should->labels);
        TAP_CHECK_STRING(is->devpod_name, should->devpod_name);
        TAP_CHECK_STRING(is->github_repo, should->github_repo);
        TAP_CHECK_STRING(is->task_description.data, should->task_description.data);
        TAP_CHECK_INT(is->task_description.size, should->task_description.size);
}

static void check_changes(const TaskChanges *is, const TaskChanges *should) {
        check_vectors(is->modified_files, should->modified_files);
        TAP_CHECK_INT(is->has_changes, should->has_changes);
        TAP_CHECK_STRING(is->current_branch, should->current_branch);
        TAP_CHECK_INT(is->is_committed, should->is_committed);
        TAP_CHECK_STRING(is->commit_message, should->commit_message);
        TAP_CHECK_STRING(is->pr_url, should->pr_url);
        TAP_CHECK_INT(is->disk_bytes, should->disk_bytes);
}

static void check_tasks(const Task *is, const Task *should) {
        check_changes(&is->changes, &should->changes);
        check_specs(&is->spec, &should->spec);
        TAP_CHECK_INT(is->version, should->version);
        TAP_CHECK_STRING(is->id, should->id);
        TAP_CHECK_INT(is->state, should->state);
        TAP_CHECK_INT(is->result, should->result);
        TAP_CHECK_STRING(is->reason, should->reason);
        TAP_CHECK_INT(is->exit_code, should->exit_code);
        TAP_CHECK_STRING(is->signal, should->signal);
        TAP_CHECK_STRING(is->error, should->error);
        TAP_CHECK_INT(is->created_at, should->created_at);
        TAP_CHECK_INT(is->last_updated, should->last_updated);
        TAP_CHECK_INT(is->started_at, should->started_at);
        TAP_CHECK_INT(is->finished_at, should->finished_at);
        TAP_CHECK_STRING(is->invocation_id, should->invocation_id);
        TAP_CHECK_STRING(is->boot_id, should->boot_id);
        TAP_CHECK_STRING(is->session_id, should->session_id);
        TAP_CHECK_INT(is->manager_started_at, should->manager_started_at);
        TAP_CHECK_INT(is->attempt, should->attempt);
        TAP_CHECK_INT(is->automatic_attempts, should->automatic_attempts);
        TAP_CHECK_INT(is->resume_at, should->resume_at);
        TAP_CHECK_INT(is->bound_to_service, should->bound_to_service);
        TAP_CHECK_INT(is->agent_since, should->agent_since);
        TAP_CHECK_INT(is->cancel_requested, should->cancel_requested);
        TAP_CHECK_INT(is->cancel_requested_at, should->cancel_requested_at);
        TAP_CHECK_INT(is->warned_at, should->warned_at);
        TAP_CHECK_INT(is->stalled_at, should->stalled_at);
        TAP_CHECK_INT(is->stall_stop_requested_at, should->stall_stop_requested_at);
        TAP_CHECK_INT(is->cancel_requested_boottime, should->cancel_requested_boottime);
        TAP_CHECK_INT(is->stall_stop_requested_boottime, should->stall_stop_requested_boottime);
        TAP_CHECK_INT(is->log_lines, should->log_lines);
        TAP_CHECK_INT(is->log_bytes, should->log_bytes);
        TAP_CHECK_INT(is->last_output_at, should->last_output_at);
        TAP_CHECK_STRING(is->log_cursor, should->log_cursor);
        TAP_CHECK_STRING(is->log_first_cursor, should->log_first_cursor);
        TAP_CHECK_INT(is->log_archived_lines, should->log_archived_lines);
        TAP_CHECK_INT(is->agent.outcome, should->agent.outcome);
        TAP_CHECK_STRING(is->agent.error, should->agent.error);
        TAP_CHECK_INT(is->operation.kind, should->operation.kind);
        TAP_CHECK_STRING(is->operation.number, should->operation.number);
        TAP_CHECK_INT(is->operation.started_at, should->operation.started_at);
        TAP_CHECK_INT(is->last_operation.kind, should->last_operation.kind);
        TAP_CHECK_INT(is->last_operation.ok, should->last_operation.ok);
        TAP_CHECK_STRING(is->last_operation.error, should->last_operation.error);
        TAP_CHECK_INT(is->last_operation.ended_at, should->last_operation.ended_at);
}

/* Through the very bytes that a file holds. */
static Task *there_and_back(const Task *t) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *written = NULL, *read = NULL;
        Task *back = NULL;

        TAP_CHECK_INT(task_to_json(t, true, &written), 0);
        TAP_CHECK_INT(json_append(written, &text), 0);
        TAP_CHECK(!strchr(text.data, '\n'));
        TAP_CHECK_INT(json_parse(text.data, text.size, &read, &problem), 0);
        TAP_CHECK_INT(task_from_json(read, &back, &problem), 0);
        TAP_CHECK_STRING(problem.sentence, NULL);
        return back;
}

static void test_every_field_comes_back(void) {
        _cleanup_(task_freep) Task *t = make_task(), *back = there_and_back(t);

        if (back)
                check_tasks(back, t);
}

static void test_a_new_task_comes_back(void) {
        _cleanup_(task_freep) Task *t = task_new(), *back = NULL;

        t->id = strdup(ID);
        t->spec.recipe = strdup("command");
        t->spec.command = vector("a", "b");
        back = there_and_back(t);
        if (back)
                check_tasks(back, t);
}

static void test_every_state_and_result_comes_back(void) {
        for (int state = TASK_QUEUED; state <= TASK_FINISHED; state++)
                for (int result = TASK_COMPLETED; result < TASK_RESULT_COUNT; result++) {
                        _cleanup_(task_freep) Task *t = make_task(), *back = NULL;

                        t->state = state;
                        t->result = state == TASK_FINISHED ? result : TASK_RESULT_NONE;
                        back = there_and_back(t);
                        if (back)
                                check_tasks(back, t);
                }
}

/* An agent's last words, cut by a limit in the middle of a character, must not cost the document. */
static void test_text_that_was_cut_comes_back(void) {
        _cleanup_(task_freep) Task *t = make_task(), *back = NULL;

        TAP_CHECK_INT(string_replace(&t->error, "cut \xe2\x82"), 0);
        back = there_and_back(t);
        TAP_CHECK_STRING(back ? back->error : NULL, "cut \xef\xbf\xbd\xef\xbf\xbd");
}

/* --- what clients see --- */

static const struct {
        int agent, state, result;
        usec_t started_at;
        const char *parts[4];
} views[] = {
        { AGENT_KIND_NONE, TASK_QUEUED, TASK_RESULT_NONE, 0,
          { "\"status\":\"initializing\"", "\"progress\":0", "\"is_running\":true", "\"claude_status\":null" } },
        { AGENT_KIND_NONE, TASK_FINISHED, TASK_COMPLETED, 5,
          { "\"status\":\"completed\"", "\"progress\":100", "\"is_running\":false", "\"claude_status\":null" } },
        { AGENT_KIND_CLAUDE, TASK_PREPARING, TASK_RESULT_NONE, 0,
          { "\"status\":\"preparing_workspace\"", "\"claude_status\":\"STARTING\"", "\"deadline\":null", "" } },
        { AGENT_KIND_CLAUDE, TASK_RUNNING, TASK_RESULT_NONE, 5,
          { "\"status\":\"executing_task\"", "\"claude_status\":\"RUNNING\"",
            "\"deadline\":\"1970-01-01T00:01:30.500005Z\"", "\"timeout\":90.500000" } },
        { AGENT_KIND_CLAUDE, TASK_FINISHED, TASK_COMPLETED, 5,
          { "\"claude_status\":\"COMPLETED\"", "\"unit\":\"remote-developer-" ID ".service\"", "", "" } },
        { AGENT_KIND_CLAUDE, TASK_FINISHED, TASK_CANCELLED, 5,
          { "\"claude_status\":\"FAILED\"", "\"result\":\"cancelled\"", "\"state\":\"finished\"", "" } },
};

static void test_what_clients_see(void) {
        for (size_t i = 0; i < ELEMENTSOF(views); i++) {
                _cleanup_(task_freep) Task *t = make_task();
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
                _cleanup_json_ Json *j = NULL;

                t->spec.agent = views[i].agent;
                t->state = views[i].state;
                t->result = views[i].result;
                t->started_at = views[i].started_at;
                TAP_CHECK_INT(task_to_json(t, false, &j), 0);
                TAP_CHECK_INT(json_append(j, &text), 0);
                for (size_t k = 0; k < ELEMENTSOF(views[i].parts); k++)
                        TAP_CHECK_CONTAINS(text.data, views[i].parts[k]);
        }
}

/* Every name is there from the beginning, null where nothing is known yet: clients need not ask for names. */
static void test_a_new_task_as_clients_see_it(void) {
        _cleanup_(task_freep) Task *t = task_new();
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;

        t->id = strdup(ID);
        t->spec.recipe = strdup("command");
        t->spec.command = vector("a", "b");
        t->spec.timeout_usec = 60 * USEC_PER_SEC;
        TAP_CHECK_INT(task_to_json(t, false, &j), 0);
        TAP_CHECK_INT(json_append(j, &text), 0);
        TAP_CHECK_STRING(text.data,
                         "{\"task_id\":\"" ID "\",\"state\":\"queued\",\"result\":null,\"reason\":null,"
                         "\"exit_code\":null,\"signal\":null,\"error\":null,\"created_at\":null,"
                         "\"last_updated\":null,\"started_at\":null,"
                         "\"finished_at\":null,\"recipe\":\"command\",\"command\":[\"a\",\"b\"],"
                         "\"working_directory\":null,\"timeout\":60,\"stall_timeout\":0,\"stall_action\":\"mark\","
                         "\"separate_stderr\":false,\"labels\":{},\"devpod_name\":null,"
                         "\"github_repo\":null,\"task_description\":null,\"invocation_id\":null,\"boot_id\":null,"
                         "\"attempt\":1,\"automatic_attempts\":0,"
                         "\"step\":null,\"cancel_requested\":false,\"stalled_at\":null,"
                         "\"log_lines\":0,\"log_bytes\":0,"
                         "\"last_output_at\":null,\"unit\":\"remote-developer-" ID ".service\","
                         "\"status\":\"initializing\",\"progress\":0,\"is_running\":true,\"claude_status\":null,"
                         "\"stalled\":false,\"deadline\":null,\"modified_files\":[],\"has_changes\":false,"
                         "\"current_branch\":null,\"is_committed\":false,\"commit_message\":null,"
                         "\"pr_url\":null,\"disk_bytes\":0,\"operation\":null,"
                         "\"last_operation\":null,\"agent\":null,\"attempts\":[]}");
}

static void test_hidden_fields_stay_on_disk(void) {
        static const char *const hidden[] = { "version", "bound_to_service", "agent_since", "manager_started_at",
                                              "log_cursor", "log_first_cursor", "log_archived_lines", "agent_kind" };
        _cleanup_(task_freep) Task *t = make_task();
        _cleanup_json_ Json *client = NULL, *disk = NULL;

        TAP_CHECK_INT(task_to_json(t, false, &client), 0);
        TAP_CHECK_INT(task_to_json(t, true, &disk), 0);
        for (size_t i = 0; i < ELEMENTSOF(hidden); i++) {
                TAP_CHECK(!json_get(client, hidden[i]));
                TAP_CHECK(json_get(disk, hidden[i]));
        }
}

/* Before stalls were known of. */
static void test_older_documents(void) {
        _cleanup_(task_freep) Task *t = NULL;
        _cleanup_json_ Json *j = NULL;

        static const char text[] = "{\"version\":1,\"task_id\":\"" ID "\",\"state\":\"running\",\"timeout\":60,"
                                   "\"recipe\":\"command\",\"command\":[\"a\"]}";

        TAP_CHECK_INT(json_parse(text, strlen(text), &j, NULL), 0);
        if (!TAP_CHECK_INT(task_from_json(j, &t, NULL), 0))
                return;
        TAP_CHECK_INT(t->spec.stall_timeout_usec, 0);
        TAP_CHECK_INT(t->spec.stall_action, TASK_STALL_MARK);
        TAP_CHECK_INT(t->warned_at + t->stalled_at + t->stall_stop_requested_at, 0);
}

/* Of a stalled task. */
static void test_stalled_as_clients_see_it(void) {
        _cleanup_(task_freep) Task *t = make_task();
        _cleanup_json_ Json *j = NULL;

        TAP_CHECK_INT(task_to_json(t, false, &j), 0);
        TAP_CHECK(json_get_bool(j, "stalled"));
        TAP_CHECK_STRING(json_get_string(j, "stalled_at"), "2023-11-14T22:13:20.000009Z");
        TAP_CHECK_STRING(json_get_string(j, "stall_action"), "stop");
}

/* --- broken documents --- */

#define QUEUED "\"task_id\":\"" ID "\",\"state\":\"queued\",\"recipe\":\"command\""
#define GOOD QUEUED ",\"command\":[\"a\"]"

static const struct {
        const char *text;
        int error;
        const char *field;
} broken[] = {
        { "[]", -EBADMSG, NULL },
        { "null", -EBADMSG, NULL },
        { "\"" ID "\"", -EBADMSG, NULL },
        { "{}", -EBADMSG, "task_id" },
        { "{\"task_id\":null}", -EBADMSG, "task_id" },
        { "{\"task_id\":5}", -EBADMSG, "task_id" },
        { "{\"task_id\":\"task-1\"}", -EBADMSG, "task_id" },
        { "{\"task_id\":\"../../../etc/passwd\"}", -EBADMSG, "task_id" },
        /* Whatever does not say where it is must not be started. */
        { "{\"task_id\":\"" ID "\",\"recipe\":\"command\",\"command\":[\"a\"]}", -EBADMSG, "state" },
        { "{\"task_id\":\"" ID "\",\"recipe\":\"command\",\"command\":[\"a\"],\"state\":null}", -EBADMSG, "state" },
        { "{\"task_id\":\"" ID "\",\"state\":\"queued\",\"command\":[\"a\"]}", -EBADMSG, "recipe" },
        { "{" QUEUED "}", -EBADMSG, "command" },
        { "{" QUEUED ",\"command\":[]}", -EBADMSG, "command" },
        { "{" QUEUED ",\"command\":\"a\"}", -EBADMSG, "command" },
        { "{" GOOD ",\"result\":\"completed\"}", -EBADMSG, "result" },
        { "{" GOOD ",\"state\":\"finished\"}", -EBADMSG, "result" },
        { "{" GOOD ",\"state\":\"finished\",\"result\":\"won\"}", -EBADMSG, "result" },
        { "{" GOOD ",\"state\":\"paused\"}", -EBADMSG, "state" },
        { "{" GOOD ",\"state\":1}", -EBADMSG, "state" },
        { "{" GOOD ",\"recipe\":\"\"}", -EBADMSG, "recipe" },
        { "{" GOOD ",\"recipe\":5}", -EBADMSG, "recipe" },
        { "{" GOOD ",\"agent_kind\":\"other\"}", -EBADMSG, "agent_kind" },
        { "{" GOOD ",\"created_at\":1700000000}", -EBADMSG, "created_at" },
        { "{" GOOD ",\"timeout\":-1}", -EBADMSG, "timeout" },
        { "{" GOOD ",\"exit_code\":\"0\"}", -EBADMSG, "exit_code" },
        { "{" GOOD ",\"labels\":[]}", -EBADMSG, "labels" },
        { "{" GOOD ",\"cancel_requested\":\"no\"}", -EBADMSG, "cancel_requested" },
        { "{" GOOD ",\"stalled_at\":true}", -EBADMSG, "stalled_at" },
        { "{" GOOD ",\"stall_timeout\":-1}", -EBADMSG, "stall_timeout" },
        { "{" GOOD ",\"stall_action\":\"pause\"}", -EBADMSG, "stall_action" },
        { "{" GOOD ",\"separate_stderr\":1}", -EBADMSG, "separate_stderr" },
        { "{" GOOD ",\"log_lines\":-1}", -EBADMSG, "log_lines" },
        { "{" GOOD ",\"version\":\"1\"}", -EBADMSG, "version" },
        { "{" GOOD ",\"version\":-1}", -EBADMSG, "version" },
        { "{" GOOD ",\"attempt\":-1}", -EBADMSG, "attempt" },
        { "{" GOOD ",\"attempt\":101}", -EBADMSG, "attempt" },
        /* A later version's is left alone, whatever else is in it. */
        { "{" GOOD ",\"version\":4}", -EPROTONOSUPPORT, "version" },
        { "{\"version\":2147483647}", -EPROTONOSUPPORT, "version" },
        { "{\"state\":\"paused\",\"task_id\":{},\"version\":4}", -EPROTONOSUPPORT, "version" },
};

static int read_document(const char *text, Task **ret, Problem *problem) {
        _cleanup_json_ Json *j = NULL;

        /* Leniently a name may stand twice, and the second counts. */
        if (json_parse(text, strlen(text), &j, NULL) < 0)
                TAP_CHECK_INT(json_parse_leniently(text, strlen(text), &j), 0);
        return task_from_json(j, ret, problem);
}

static void test_broken_documents(void) {
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                Task *t = NULL;

                if (read_document(broken[i].text, &t, &problem) != broken[i].error ||
                    !string_equal(problem.field, broken[i].field) || string_is_empty(problem.sentence))
                        tap_fail(__FILE__, __LINE__, "%s: field %s: %s", broken[i].text, problem.field ?: "none",
                                 problem.sentence ?: "no sentence");
                TAP_CHECK(!t);
                task_free(t);
        }
}

/* Until version 2 the recipe said which agent runs; from then on the document does. */
static void test_agents(void) {
        static const struct {
                const char *text;
                int agent;
        } rows[] = {
                { "{" GOOD "}", AGENT_KIND_NONE },
                { "{" GOOD ",\"recipe\":\"claude\"}", AGENT_KIND_CLAUDE },
                { "{" GOOD ",\"recipe\":\"claude\",\"agent_kind\":\"none\"}", AGENT_KIND_NONE },
                { "{" GOOD ",\"recipe\":\"mine\",\"agent_kind\":\"gemini\"}", AGENT_KIND_GEMINI },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(task_freep) Task *t = NULL;

                if (TAP_CHECK_INT(read_document(rows[i].text, &t, NULL), 0))
                        TAP_CHECK_INT(t->spec.agent, rows[i].agent);
        }
}

static void test_older_and_richer_documents(void) {
        _cleanup_(task_freep) Task *t = NULL, *richer = NULL;

        TAP_CHECK_INT(read_document("{" GOOD "}", &t, NULL), 0);
        TAP_CHECK_INT(t ? t->version : -1, 0);
        TAP_CHECK_INT(t ? t->exit_code : 0, -1);
        TAP_CHECK_INT(t ? t->attempt : 0, 1);
        /* Derived members and those of nobody are passed over. */
        TAP_CHECK_INT(read_document("{" GOOD ",\"version\":1,\"status\":5,\"progress\":[],\"future\":{}}", &richer,
                                    NULL), 0);
        TAP_CHECK_INT(richer ? richer->state : -1, TASK_QUEUED);
}

static const TapTest tests[] = {
        { "every field comes back", test_every_field_comes_back },
        { "a new task comes back", test_a_new_task_comes_back },
        { "every state and result comes back", test_every_state_and_result_comes_back },
        { "a text that was cut comes back", test_text_that_was_cut_comes_back },
        { "what clients see", test_what_clients_see },
        { "a new task as clients see it", test_a_new_task_as_clients_see_it },
        { "older documents", test_older_documents },
        { "a stalled task as clients see it", test_stalled_as_clients_see_it },
        { "hidden fields stay on disk", test_hidden_fields_stay_on_disk },
        { "broken documents are refused", test_broken_documents },
        { "older and richer documents are read", test_older_and_richer_documents },
        { "the agent of a document", test_agents },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

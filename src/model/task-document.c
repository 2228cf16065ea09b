/* The task's document: the rows that carry a Task to its file and to clients, and back from the file.
 *
 * `task_fields` are on disk and in replies alike; the hidden ones only on disk. What is derived (status, progress,
 * is_running, unit, deadline, stalled, claude_status) is written for clients and ignored when a file is read. */
#include <remote-developer/task.h>

#include <remote-developer/strings.h>

#define TASK_FIELD(name, kind, ...) { #name, kind, offsetof(Task, name), __VA_ARGS__ }
#define SPEC_FIELD(name, kind, ...) { #name, kind, offsetof(Task, spec.name), __VA_ARGS__ }

static const JsonField task_fields[] = {
        TASK_FIELD(version, JSON_INT, JSON_HIDDEN, NULL),
        { "task_id", JSON_STRING, offsetof(Task, id), 0, NULL },
        TASK_FIELD(state, JSON_ENUM, 0, task_state_words),
        TASK_FIELD(result, JSON_ENUM, 0, task_result_words),
        TASK_FIELD(reason, JSON_STRING, 0, NULL),
        TASK_FIELD(exit_code, JSON_INT, 0, NULL),
        TASK_FIELD(signal, JSON_STRING, 0, NULL),
        TASK_FIELD(error, JSON_STRING, 0, NULL),
        TASK_FIELD(created_at, JSON_TIME, 0, NULL),
        TASK_FIELD(created_by, JSON_STRING, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(resumed_by, JSON_STRING, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(last_updated, JSON_TIME, 0, NULL),
        TASK_FIELD(started_at, JSON_TIME, 0, NULL),
        TASK_FIELD(finished_at, JSON_TIME, 0, NULL),
        SPEC_FIELD(recipe, JSON_STRING, 0, NULL),
        { "agent_kind", JSON_ENUM, offsetof(Task, spec.agent), JSON_HIDDEN, agent_kind_words },
        SPEC_FIELD(command, JSON_STRV, JSON_OMIT_UNSET, NULL),
        SPEC_FIELD(working_directory, JSON_STRING, 0, NULL),
        SPEC_FIELD(environment, JSON_PAIRS, JSON_OMIT_UNSET, NULL),
        { "timeout", JSON_SECONDS, offsetof(Task, spec.timeout_usec), 0, NULL },
        { "stall_timeout", JSON_SECONDS, offsetof(Task, spec.stall_timeout_usec), 0, NULL },
        SPEC_FIELD(stall_action, JSON_ENUM, 0, task_stall_action_words),
        SPEC_FIELD(separate_stderr, JSON_BOOL, 0, NULL),
        SPEC_FIELD(labels, JSON_PAIRS, 0, NULL),
        SPEC_FIELD(devpod_name, JSON_STRING, 0, NULL),
        SPEC_FIELD(namespace, JSON_STRING, JSON_OMIT_UNSET, NULL),
        SPEC_FIELD(pod, JSON_STRING, JSON_OMIT_UNSET, NULL),
        SPEC_FIELD(github_repo, JSON_STRING, 0, NULL),
        SPEC_FIELD(task_description, JSON_TEXT, 0, NULL),
        SPEC_FIELD(resume_after_limit, JSON_BOOL, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(invocation_id, JSON_STRING, 0, NULL),
        TASK_FIELD(boot_id, JSON_STRING, 0, NULL),
        TASK_FIELD(manager_started_at, JSON_TIME, JSON_HIDDEN, NULL),
        TASK_FIELD(session_id, JSON_STRING, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(session_resumes, JSON_BOOL, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(attempt, JSON_INT, 0, NULL),
        TASK_FIELD(automatic_attempts, JSON_INT, 0, NULL),
        TASK_FIELD(step, JSON_INT, 0, NULL),
        TASK_FIELD(resume_at, JSON_TIME, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(waits_for_limit, JSON_BOOL, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(credentials, JSON_STRV, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(agent_since, JSON_TIME, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(sandbox, JSON_ENUM, JSON_OMIT_UNSET, sandbox_words),
        TASK_FIELD(bound_to_service, JSON_BOOL, JSON_HIDDEN, NULL),
        TASK_FIELD(cancel_requested, JSON_BOOL, 0, NULL),
        TASK_FIELD(cancel_requested_at, JSON_TIME, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(cancel_requested_by, JSON_STRING, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(warned_at, JSON_TIME, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(stalled_at, JSON_TIME, 0, NULL),
        TASK_FIELD(stall_stop_requested_at, JSON_TIME, JSON_OMIT_UNSET, NULL),
        TASK_FIELD(stall_stop_requested_boottime, JSON_UINT64, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(cancel_requested_boottime, JSON_UINT64, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(log_lines, JSON_UINT64, 0, NULL),
        TASK_FIELD(log_bytes, JSON_UINT64, 0, NULL),
        TASK_FIELD(last_output_at, JSON_TIME, 0, NULL),
        TASK_FIELD(log_cursor, JSON_STRING, JSON_HIDDEN, NULL),
        TASK_FIELD(log_first_cursor, JSON_STRING, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(log_archived_lines, JSON_UINT64, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        TASK_FIELD(archived_at, JSON_TIME, JSON_OMIT_UNSET, NULL),
};

static int write_derived(const Task *t, Json *j) {
        _cleanup_free_ char *unit = task_unit_name(t->id);
        int r;

        if (!unit)
                return -ENOMEM;
        r = json_set_string(j, "unit", unit);
        if (r >= 0)
                r = json_set_string(j, "status", task_status(t));
        if (r >= 0)
                r = json_set_uint64(j, "progress", task_progress(t));
        if (r >= 0)
                r = json_set_bool(j, "is_running", !task_is_finished(t));
        if (r >= 0)
                r = json_set_string(j, "claude_status", task_claude_status(t));
        if (r >= 0)
                r = json_set_bool(j, "stalled", clock_is_set(t->stalled_at));
        if (r >= 0)
                r = json_set(j, "deadline", json_new_time(task_deadline(t)));
        return r;
}

static int write_plan(const TaskPlan *p, Json *j) {
        Json *plan = NULL;
        int r;

        if (p->n == 0)
                return 0;
        r = task_plan_to_json(p, &plan);
        return r < 0 ? r : json_set(j, "plan", plan);
}

/* Null: no agent runs. */
static int write_agent(const Task *t, bool for_disk, Json *to) {
        Json *agent = NULL;
        int r = 0;

        if (task_runs_agent(t))
                r = agent_account_to_json((AgentKind) t->spec.agent, &t->agent, for_disk, &agent);
        return r < 0 ? r : json_set(to, "agent", agent);
}

int task_to_json(const Task *t, bool for_disk, Json **ret) {
        _cleanup_json_ Json *j = json_new_object();
        Json *attempts = NULL, *operation = NULL, *last = NULL, *limits = NULL;
        int r;

        if (!j)
                return -ENOMEM;
        r = json_write_fields(j, task_fields, ELEMENTSOF(task_fields), for_disk, t);
        if (r >= 0)
                r = write_derived(t, j);
        if (r >= 0)
                r = task_limits_to_json(&t->spec.limits, &limits);
        if (r >= 0 && limits)
                r = json_set(j, "limits", limits);
        if (r >= 0)
                r = task_changes_to_json(&t->changes, j);
        if (r >= 0)
                r = operation_to_json(&t->operation, for_disk, &operation);
        if (r >= 0)
                r = json_set(j, "operation", operation);
        if (r >= 0)
                r = operation_end_to_json(&t->last_operation, &last);
        if (r >= 0)
                r = json_set(j, "last_operation", last);
        if (r >= 0)
                r = write_agent(t, for_disk, j);
        if (r >= 0)
                r = attempt_list_to_json(&t->attempts, t->id, for_disk, &attempts);
        if (r >= 0)
                r = json_set(j, "attempts", attempts);
        if (r >= 0)
                r = write_plan(&t->plan, j);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* Before anything else is looked at: a later version may write words that this one does not know. */
static int check_version(const Json *j, Problem *problem) {
        static const JsonField version_field[] = { { "version", JSON_INT, 0, 0, NULL } };
        int version = 0, r;

        r = json_read_fields(j, version_field, 1, false, &version, problem);
        if (r >= 0 && version > TASK_DOCUMENT_VERSION)
                r = problem_set(problem, -EPROTONOSUPPORT, "version",
                                "the file is of version %d, this program knows up to %d", version,
                                TASK_DOCUMENT_VERSION);
        return r;
}

static int check_task(const Task *t, Problem *problem) {
        if (t->version < 0 || t->attempt < 1 || t->attempt > ATTEMPTS_MAX)
                return problem_set(problem, -EBADMSG, t->version < 0 ? "version" : "attempt",
                                   "the file holds a number that no service writes");
        if (t->attempts.n > 0 && t->attempts.items[t->attempts.n - 1].attempt >= t->attempt)
                return problem_set(problem, -EBADMSG, "attempts", "an earlier attempt is not before attempt %d",
                                   t->attempt);
        if (!task_id_is_valid(t->id))
                return problem_set(problem, -EBADMSG, "task_id", "the file holds no valid task_id");
        /* Not taken for queued, which would start it. */
        if (t->state < 0)
                return problem_set(problem, -EBADMSG, "state", "the file does not say how far the task is");
        if ((t->state == TASK_FINISHED) != (t->result != TASK_RESULT_NONE))
                return problem_set(problem, -EBADMSG, "result", "state and result do not go together");
        if (string_is_empty(t->spec.recipe))
                return problem_set(problem, -EBADMSG, "recipe", "the file does not say how the task runs");
        if (string_equal(t->spec.recipe, TASK_RECIPE_COMMAND) && strv_length(t->spec.command) == 0)
                return problem_set(problem, -EBADMSG, "command", "the task has no command");
        return 0;
}

/* Until version 2 the recipe's name said it. */
static void fill_agent(TaskSpec *s) {
        if (s->agent < 0)
                s->agent = string_equal(s->recipe, TASK_RECIPE_CLAUDE) ? AGENT_KIND_CLAUDE : AGENT_KIND_NONE;
}

int task_from_json(const Json *j, Task **ret, Problem *problem) {
        _cleanup_(task_freep) Task *t = task_new();
        int r;

        if (!t)
                return -ENOMEM;
        t->version = 0;
        t->state = t->spec.agent = -1;
        r = check_version(j, problem);
        if (r >= 0)
                r = json_read_fields(j, task_fields, ELEMENTSOF(task_fields), false, t, problem);
        if (r >= 0 && json_is_object(json_get(j, "agent")))
                r = agent_account_from_json(json_get(j, "agent"), &t->agent, problem);
        if (r >= 0)
                r = task_limits_from_json(json_get(j, "limits"), &t->spec.limits, problem);
        if (r >= 0)
                r = task_changes_from_json(j, &t->changes, problem);
        if (r >= 0)
                r = operation_from_json(json_get(j, "operation"), &t->operation, problem);
        if (r >= 0)
                r = operation_end_from_json(json_get(j, "last_operation"), &t->last_operation, problem);
        if (r >= 0)
                r = attempt_list_from_json(json_get(j, "attempts"), &t->attempts, problem);
        fill_agent(&t->spec);
        if (r >= 0)
                r = task_plan_from_json(json_get(j, "plan"), &t->plan, problem);
        if (r >= 0)
                r = check_task(t, problem);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        *ret = TAKE_PTR(t);
        return 0;
}

int task_copy(const Task *t, Task **ret) {
        _cleanup_json_ Json *j = NULL;
        int r;

        r = task_to_json(t, true, &j);
        return r < 0 ? r : task_from_json(j, ret, NULL);
}

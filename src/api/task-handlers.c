/* Tasks one by one: create, look, cancel, resume, forget. */
#include "api-internal.h"

#include <remote-developer/secrets.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

/* Lines of log in a task's document; the whole log is at /api/task/{id}/logs. */
#define STATUS_LOG_LINES LOG_TAIL_LINES_MAX

/* The task is on its way: just created, or resumed. */
static void reply_begun(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_free_ char *unit = task_unit_name(id);
        _cleanup_json_ Json *body = json_new_object();
        int e;

        e = body && unit ? manager_get_task(a->manager, id, &ref) : -ENOMEM;
        if (e >= 0)
                e = json_set_string(body, "task_id", id);
        if (e >= 0)
                e = json_set_string(body, "unit", unit);
        if (e >= 0)
                e = json_set_string(body, "status", task_status(ref.task));
        if (e >= 0 && ref.task->attempt > 1)
                e = json_set_uint64(body, "attempt", (uint64_t) ref.task->attempt);
        if (e < 0)
                reply_errno(r, e);
        else
                reply_json(r, 200, TAKE_PTR(body));
}

void api_post_create_task(Api *a, HttpRequest *r, const char *parameter _unused_) {
        _cleanup_(task_spec_done) TaskSpec spec = {};
        _cleanup_(secrets_done) Secrets secrets = SECRETS_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(json_erasep) Json *request = NULL;
        char id[TASK_ID_SIZE + 1];
        const char *body;
        size_t size;
        int e;

        body = http_request_body(r, &size);
        e = json_parse(body, size, &request, &problem);
        if (e >= 0)
                e = task_spec_parse(request, manager_config(a->manager), &spec, &problem);
        if (e >= 0)
                e = secrets_parse(request, false, &secrets, &problem);
        if (e >= 0)
                e = manager_create_task(a->manager, &spec, &secrets, a->caller->actor, id, &problem);
        if (e < 0 && problem.error == 0)
                reply_errno(r, e);
        else if (e < 0)
                reply_problem(r, &problem);
        else
                reply_begun(a, r, id);
}

void api_get_diff(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(buffer_done) Buffer diff = BUFFER_NULL;
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int e = manager_get_task(a->manager, id, &ref);

        if (e == -ENOENT) {
                reply_not_found(r);
                return;
        }
        if (e >= 0)
                e = manager_read_diff(a->manager, id, &diff);
        if (e == -ENOENT)
                reply_error(r, 404, NULL, "No review of this task has reported a diff");
        else if (e < 0)
                reply_errno(r, e);
        else
                http_request_reply(r, 200, "text/plain; charset=utf-8", &diff);
}

void api_get_task_status(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_json_ Json *body = NULL;
        Json *logs = NULL;
        int e;

        manager_look_at_log(a->manager, id);
        if (answer_again(a, r, api_get_task_status, id))
                return;
        e = manager_get_task(a->manager, id, &ref);
        if (e >= 0)
                e = task_to_json(ref.task, false, &body);
        if (e >= 0)
                e = log_tail(a, id, STATUS_LOG_LINES, &logs);
        if (e >= 0)
                e = json_set(body, "logs", logs);
        if (e < 0)
                reply_errno(r, e);
        else
                reply_and_keep(a, r, api_get_task_status, id, body);
}

void api_post_cancel(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_json_ Json *body = json_new_object();
        int e;

        e = manager_cancel_task(a->manager, id, a->caller->actor, &problem);
        if (e < 0) {
                reply_problem(r, &problem);
                return;
        }
        if (body && json_set_string(body, "task_id", id) >= 0)
                (void) json_set_string(body, "status", "stopping");
        reply_json(r, 200, TAKE_PTR(body));
}

static int read_secrets(const HttpRequest *r, Secrets *ret, Problem *problem) {
        _cleanup_(json_erasep) Json *request = NULL;
        int e = request_json(r, &request, problem);

        return e <= 0 ? e : secrets_parse(request, true, ret, problem);
}

/* False: it was answered why not. */
static bool resume(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(secrets_done) Secrets secrets = SECRETS_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        int e;

        e = read_secrets(r, &secrets, &problem);
        if (e >= 0)
                e = manager_resume_task(a->manager, id, &secrets, a->caller->actor, &problem);
        if (e < 0 && problem.error == 0)
                reply_errno(r, e);
        else if (e < 0)
                reply_problem(r, &problem);
        return e >= 0;
}

void api_post_resume(Api *a, HttpRequest *r, const char *id) {
        if (resume(a, r, id))
                reply_begun(a, r, id);
}

static int check_needs_login(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int e = manager_get_task(a->manager, id, &ref);

        if (e < 0)
                reply_errno(r, e);
        else if (!task_needs_login(ref.task)) {
                e = -EINVAL;
                reply_error(r, 400, NULL, "Task does not require authentication");
        }
        return e;
}

/* The original's word for resuming a task whose agent was not logged in. */
void api_post_continue(Api *a, HttpRequest *r, const char *id) {
        Json *body;

        if (check_needs_login(a, r, id) < 0 || !resume(a, r, id))
                return;
        body = json_new_object();
        if (body && json_set_string(body, "status", "ok") >= 0)
                (void) json_set_string(body, "message", "Task will continue");
        reply_json(r, 200, body);
}

void api_delete_task(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_json_ Json *body = json_new_object();

        if (manager_forget_task(a->manager, id, a->caller->actor, &problem) < 0) {
                reply_problem(r, &problem);
                return;
        }
        if (body)
                (void) json_set_string(body, "task_id", id);
        reply_json(r, 200, TAKE_PTR(body));
}

/* --- check-alive: the answer waits for fresh usage figures --- */

typedef struct AliveRequest {
        Api *api;
        HttpRequest *request;
        char id[TASK_ID_SIZE + 1];
} AliveRequest;

static bool unit_is_alive(const UnitStatus *s) {
        return s && unit_status_is_loaded(s) && !string_equal(s->active_state, "inactive") &&
               !string_equal(s->active_state, "failed");
}

static Json *count_or_null(uint64_t count) {
        return count == UNIT_COUNT_UNKNOWN ? NULL : json_new_uint64(count);
}

static int fill_usage(Json *info, const UnitStatus *s) {
        int e;

        e = json_set_uint64(info, "main_pid", s->main_pid);
        if (e >= 0)
                e = json_set_string(info, "active_state", s->active_state);
        if (e >= 0)
                e = json_set_string(info, "sub_state", s->sub_state);
        if (e >= 0)
                e = json_set(info, "memory_bytes", count_or_null(s->memory_bytes));
        if (e >= 0)
                e = json_set(info, "cpu_seconds",
                                s->cpu_nsec == UNIT_COUNT_UNKNOWN ? NULL
                                                                  : json_new_double((double) s->cpu_nsec / 1e9));
        if (e >= 0)
                e = json_set(info, "tasks", count_or_null(s->tasks));
        return e;
}

/* Null: it is not limited. Of the processor in percent, as it is asked for. */
static int fill_limits(Json *info, const UnitStatus *s) {
        uint64_t quota = s->cpu_quota_usec;
        Json *limits = json_new_object();
        int e;

        if (!limits)
                return -ENOMEM;
        e = json_set(limits, "memory_max", count_or_null(s->memory_max));
        if (e >= 0)
                e = json_set(limits, "cpu_quota",
                                quota == UNIT_COUNT_UNKNOWN ? NULL : json_new_uint64(quota * 100 / USEC_PER_SEC));
        if (e >= 0)
                e = json_set(limits, "tasks_max", count_or_null(s->tasks_max));
        if (e >= 0)
                e = json_set(limits, "io_weight", count_or_null(s->io_weight));
        if (e >= 0)
                return json_set(info, "limits", limits);
        json_free(limits);
        return e;
}

static int make_thread_info(const TaskRef *ref, const char *unit, Json **ret) {
        _cleanup_json_ Json *info = json_new_object();
        const Task *t = ref->task;
        int e;

        if (!info)
                return -ENOMEM;
        e = json_set_string(info, "thread_name", unit);
        if (e >= 0)
                e = json_set(info, "started_at", json_new_time(t->started_at));
        if (e >= 0)
                e = json_set_bool(info, "is_alive", unit_is_alive(ref->unit));
        if (e >= 0)
                e = json_set_string(info, "invocation_id", t->invocation_id);
        if (e >= 0)
                e = json_set(info, "last_output_at", json_new_time(t->last_output_at));
        if (e >= 0)
                e = json_set(info, "deadline", json_new_time(task_deadline(t)));
        if (e >= 0)
                e = json_set_bool(info, "stalled", clock_is_set(t->stalled_at));
        if (e >= 0)
                e = json_set(info, "stalled_at", json_new_time(t->stalled_at));
        if (e >= 0)
                e = fill_usage(info, ref->unit);
        if (e >= 0)
                e = fill_limits(info, ref->unit);
        if (e >= 0)
                e = json_set_string(info, "sandbox", t->sandbox < 0 ? NULL : sandbox_words[t->sandbox]);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(info);
        return 0;
}

static int set_command(Json *body, const char *key, bool user, const char *format, const char *unit) {
        _cleanup_free_ char *tail = NULL, *command = NULL;

        tail = string_format("%s%s%s", user ? "--user " : "", format, unit);
        command = tail ? string_format("%s %s", key, tail) : NULL;
        return command ? json_set_string(body, key, command) : -ENOMEM;
}

static int fill_alive(const AliveRequest *q, const TaskRef *ref, Json *body) {
        _cleanup_free_ char *unit = task_unit_name(q->id);
        bool user = manager_scope(q->api->manager) == RUNTIME_SCOPE_USER;
        Json *info = NULL;
        int e;

        e = !unit ? -ENOMEM : ref->unit ? make_thread_info(ref, unit, &info) : 0;
        if (e >= 0)
                e = json_set(body, "thread_info", info);
        if (e >= 0)
                e = json_set_string(body, "task_id", q->id);
        if (e >= 0)
                e = json_set_bool(body, "is_alive", unit_is_alive(ref->unit));
        if (e >= 0)
                e = json_set_string(body, "task_status", task_status(ref->task));
        if (e >= 0)
                e = set_command(body, "systemctl", user, "status ", unit);
        if (e >= 0)
                e = set_command(body, "journalctl", user, "-u ", unit);
        return e;
}

static void on_usage(void *userdata, int error _unused_, const char *sentence _unused_) {
        _cleanup_free_ AliveRequest *q = userdata;
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_json_ Json *body = NULL;
        int e;

        if (answer_again(q->api, q->request, api_get_check_alive, q->id))
                return;
        body = json_new_object();
        /* It may have ended, and been forgotten, while the figures were read. */
        e = body ? manager_get_task(q->api->manager, q->id, &ref) : -ENOMEM;
        if (e >= 0)
                e = fill_alive(q, &ref, body);
        if (e < 0)
                reply_errno(q->request, e);
        else
                reply_and_keep(q->api, q->request, api_get_check_alive, q->id, body);
}

void api_get_check_alive(Api *a, HttpRequest *r, const char *id) {
        AliveRequest *q;

        if (!task_index_find(manager_index(a->manager), id)) {
                reply_not_found(r);
                return;
        }
        q = calloc(1, sizeof(AliveRequest));
        if (!q) {
                reply_errno(r, -ENOMEM);
                return;
        }
        q->api = a;
        q->request = r;
        memcpy(q->id, id, strlen(id) + 1);
        manager_refresh_usage(a->manager, id, on_usage, q);
}

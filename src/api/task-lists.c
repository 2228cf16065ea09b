/* Lists of tasks and the dashboard: newest first, read from the index and, for what a row needs beyond that, from the
 * tasks' files. */
#include "api-internal.h"

#include <remote-developer/strings.h>

#include <stdio.h>

#define LIST_LIMIT_DEFAULT 100
#define LIST_LIMIT_MAX 1000
#define RECENT_TASKS 10
#define RECENT_LOG_LINES 5

static bool labels_match(char *const *labels, const char *wanted) {
        size_t n = strlen(wanted);

        for (size_t i = 0; labels && labels[i]; i++)
                if (strncmp(labels[i], wanted, n) == 0 && (labels[i][n] == 0 || labels[i][n] == '='))
                        return true;
        return false;
}

static bool status_matches(const Task *t, const char *wanted) {
        if (string_equal(wanted, "running"))
                return !task_is_finished(t);
        return string_equal(wanted, task_status(t)) || string_equal(wanted, task_state_words[t->state]);
}

static bool filter_matches(const TaskFilter *f, const Task *t) {
        if (f->status && !status_matches(t, f->status))
                return false;
        if (f->label && !labels_match(t->spec.labels, f->label))
                return false;
        return !f->repo || string_equal(f->repo, t->spec.github_repo);
}

/* A finished task's status is its result; all other words but one are of those that are not finished. */
static bool result_rules_out(const char *status, TaskResult result) {
        int wanted = string_table_lookup(task_result_words, TASK_RESULT_COUNT, status);

        if (wanted >= 0)
                return wanted != (int) result;
        return (result == TASK_RESULT_NONE) == string_equal(status, task_state_words[TASK_FINISHED]);
}

/* Whether the index alone rules the row out, so that its file need not be read: of ten thousand that would take a
 * second, in which nothing else is done. */
static bool index_rules_out(const TaskFilter *f, const TaskSummary *s) {
        if (f->status && result_rules_out(f->status, (TaskResult) s->result))
                return true;
        if (f->repo && s->noted && !string_equal(f->repo, s->repository ? s->repository->name : NULL))
                return true;
        return f->label && !task_index_may_have_label(s, f->label);
}

static int append_row(const Task *t, Buffer *to) {
        _cleanup_json_ Json *row = NULL;
        int e;

        e = task_to_json(t, false, &row);
        if (e >= 0)
                e = json_set(row, "logs", json_new_array());
        return e < 0 ? e : json_append(row, to);
}

int task_list_append(Api *a, const TaskFilter *f, const char *id, TaskList *to) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int e;

        if (manager_get_task(a->manager, id, &ref) < 0 || !filter_matches(f, ref.task))
                return 0;
        e = buffer_append(&to->text, to->n > 0 ? "," : "[", 1);
        if (e >= 0)
                e = append_row(ref.task, &to->text);
        to->n++;
        return e;
}

void task_list_reply(HttpRequest *r, TaskList *l) {
        int e = buffer_append_string(&l->text, l->n > 0 ? "]\n" : "[]\n");

        if (e < 0)
                reply_errno(r, e);
        else
                http_request_reply(r, 200, "application/json", &l->text);
}

/* "&name=value", the value percent-encoded; nothing for NULL. */
static int append_query(Buffer *to, const char *name, const char *value) {
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
        int e;

        if (!value)
                return 0;
        e = buffer_append_format(to, "&%s=", name);
        for (; e >= 0 && *value; value++)
                e = strchr(plain, *value) ? buffer_append(to, value, 1)
                                          : buffer_append_format(to, "%%%02X", (unsigned char) *value);
        return e;
}

void task_list_link(HttpRequest *r, const TaskFilter *f, uint64_t limit, const char *last) {
        _cleanup_(buffer_done) Buffer link = BUFFER_NULL;
        int e;

        e = buffer_append_format(&link, "</api/tasks?after=%s&limit=%llu", last, (unsigned long long) limit);
        if (e >= 0)
                e = append_query(&link, "status", f->status);
        if (e >= 0)
                e = append_query(&link, "label", f->label);
        if (e >= 0)
                e = append_query(&link, "repo", f->repo);
        if (e >= 0)
                e = buffer_append_string(&link, ">; rel=\"next\"");
        if (e >= 0)
                (void) http_request_add_header(r, "Link", link.data);
}

void api_get_tasks(Api *a, HttpRequest *r, const char *parameter _unused_) {
        TaskFilter f = { http_request_query(r, "status"), http_request_query(r, "label"),
                http_request_query(r, "repo") };
        _cleanup_(task_list_done) TaskList list = TASK_LIST_NULL;
        const TaskIndex *index = manager_index(a->manager);
        const char *after = http_request_query(r, "after");
        uint64_t limit;
        size_t i;
        int e = 0;

        if (!query_number(r, "limit", LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, &limit))
                return;
        if (after && !task_id_is_valid(after)) {
                reply_error(r, 400, "after", "after must be the id of a task");
                return;
        }
        for (i = after ? task_index_position(index, after) : index->n;
                        e >= 0 && i > 0 && !task_list_is_full(&list, limit); i--)
                if (!index_rules_out(&f, &index->rows[i - 1]))
                        e = task_list_append(a, &f, index->rows[i - 1].id, &list);
        if (e < 0) {
                reply_errno(r, e);
                return;
        }
        if (i > 0 && limit > 0)
                task_list_link(r, &f, limit, index->rows[i].id);
        task_list_reply(r, &list);
}

/* --- the dashboard --- */

static const char *const recent_fields[] = {
        "task_id", "status", "progress", "created_at", "last_updated", "devpod_name", "task_description",
        "github_repo", "claude_status", "app_url", NULL,
};

int task_list_set_description(const Task *t, Json *to) {
        const Buffer *b = &t->spec.task_description;

        return json_set(to, "task_description",
                        b->data ? text_to_json(b->data, b->size, LIST_DESCRIPTION_MAX) : NULL);
}

/* One that the document does not have is null. */
static int copy_fields(const Json *from, const char *const *names, Json *to) {
        int e = 0;

        for (size_t i = 0; e >= 0 && names[i]; i++)
                e = json_set(to, names[i], json_share(json_get(from, names[i])));
        return e;
}

static int append_recent(Api *a, const char *id, Json *array) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_json_ Json *row = json_new_object(), *document = NULL;
        Json *logs = NULL;
        int e;

        if (!row)
                return -ENOMEM;
        if (manager_get_task(a->manager, id, &ref) < 0)
                return 0;
        e = task_to_json(ref.task, false, &document);
        if (e >= 0)
                e = copy_fields(document, recent_fields, row);
        if (e >= 0)
                e = task_list_set_description(ref.task, row);
        /* The original started an application of the task's; this service does not. */
        if (e >= 0)
                e = json_set_bool(row, "server_running", false);
        if (e >= 0)
                e = json_set_string(row, "branch_name", ref.task->changes.current_branch);
        if (e >= 0)
                e = log_tail(a, id, RECENT_LOG_LINES, &logs);
        if (e >= 0)
                e = json_set(row, "logs", logs);
        return e < 0 ? e : json_push(array, TAKE_PTR(row));
}

static int append_totals(const TaskIndex *index, Json *body) {
        size_t finished = 0;
        int e = json_set_uint64(body, "total_tasks", index->n);

        for (int i = 0; e >= 0 && i < TASK_RESULT_COUNT; i++) {
                char key[32];

                snprintf(key, sizeof(key), "%s_tasks", task_result_words[i]);
                e = json_set_uint64(body, key, index->finished[i]);
                finished += index->finished[i];
        }
        return e < 0 ? e : json_set_uint64(body, "running_tasks", index->n - finished);
}

void api_get_dashboard(Api *a, HttpRequest *r, const char *parameter _unused_) {
        const TaskIndex *index = manager_index(a->manager);
        _cleanup_json_ Json *body = json_new_object(), *recent = json_new_array();
        int e = body && recent ? append_totals(index, body) : -ENOMEM;

        for (size_t i = index->n; e >= 0 && i > 0 && index->n - i < RECENT_TASKS; i--)
                e = append_recent(a, index->rows[i - 1].id, recent);
        if (e >= 0)
                e = json_set(body, "recent_tasks", TAKE_PTR(recent));
        if (e < 0)
                reply_errno(r, e);
        else
                reply_json(r, 200, TAKE_PTR(body));
}

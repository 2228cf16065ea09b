/* Tasks and totals by repository, from the index; only of the tasks that are shown are the documents read. Tasks that
 * are for no repository are in none of these. */
#include "api-internal.h"

#include <remote-developer/strings.h>

/* By repository: a thousand documents at most. */
#define SHOWN_TASKS 10
#define SHOWN_REPOSITORIES 100
/* ... which may be long ones: then the oldest are not shown. */
#define READ_TEXT_MAX ((size_t) 16 * 1024 * 1024)

#define TASKS_MAX 50 /* of one repository alone */

/* --- one repository --- */

/* Where there are more than the list has room for, the list of all tasks knows the others. */
void api_get_tasks_of_repo(Api *a, HttpRequest *r, const char *repository) {
        const TaskFilter f = { .repo = repository };
        _cleanup_(task_list_done) TaskList list = TASK_LIST_NULL;
        const TaskIndex *index = manager_index(a->manager);
        const TaskRepository *wanted;
        size_t i;
        int e = manager_complete_index(a->manager);

        wanted = task_index_find_repository(index, repository);
        for (i = wanted ? index->n : 0; e >= 0 && i > 0 && !task_list_is_full(&list, TASKS_MAX); i--)
                if (index->rows[i - 1].repository == wanted)
                        e = task_list_append(a, &f, index->rows[i - 1].id, &list);
        if (e < 0) {
                reply_errno(r, e);
                return;
        }
        if (i > 0)
                task_list_link(r, &f, TASKS_MAX, index->rows[i].id);
        task_list_reply(r, &list);
}

/* --- by repository --- */

static int compare_totals(const void *a, const void *b) {
        const RepositoryTotals *x = a, *y = b;

        if (x->n != y->n)
                return x->n > y->n ? -1 : 1;
        return strcmp(x->repository->name, y->repository->name);
}

static int fill_stats(const RepositoryTotals *t, Json *stats) {
        int e = json_set_uint64(stats, "total", t->n);

        if (e >= 0)
                e = json_set_uint64(stats, "completed", t->finished[TASK_COMPLETED]);
        if (e >= 0)
                e = json_set_uint64(stats, "failed", t->finished[TASK_FAILED]);
        return e < 0 ? e : json_set_uint64(stats, "running", t->n_running);
}

/* The repository's entry, with room for its tasks, which `ret_tasks` borrows. */
static int append_entry(const RepositoryTotals *t, Json *body, Json **ret_tasks) {
        _cleanup_json_ Json *entry = json_new_object(), *stats = json_new_object();
        Json *tasks;
        int e = entry && stats ? fill_stats(t, stats) : -ENOMEM;

        if (e < 0)
                return e;
        tasks = json_new_array();
        e = tasks ? json_set(entry, "tasks", tasks) : -ENOMEM;
        if (e >= 0)
                e = json_set(entry, "stats", TAKE_PTR(stats));
        if (e >= 0)
                e = json_set(body, t->repository->name, TAKE_PTR(entry));
        if (e >= 0)
                *ret_tasks = tasks;
        return e;
}

/* A row of it: what the original's page shows. */
static int fill_brief(const Task *t, Json *row) {
        int e = json_set_string(row, "task_id", t->id);

        if (e >= 0)
                e = json_set_string(row, "status", task_status(t));
        if (e >= 0)
                e = json_set(row, "created_at", json_new_time(t->created_at));
        if (e >= 0)
                e = task_list_set_description(t, row);
        if (e >= 0)
                e = json_set_string(row, "devpod_name", t->spec.devpod_name);
        if (e >= 0)
                e = json_set_uint64(row, "progress", task_progress(t));
        if (e >= 0)
                e = json_set_bool(row, "has_changes", t->changes.has_changes);
        return e < 0 ? e : json_set_bool(row, "is_committed", t->changes.is_committed);
}

static size_t strv_size(char *const *v) {
        size_t size = 0;

        for (; v && *v; v++)
                size += strlen(*v);
        return size;
}

/* Takes off what there was to read of the document. */
static int append_brief(Api *a, const char *id, Json *tasks, size_t *room) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_json_ Json *row = json_new_object();
        const TaskSpec *s;
        int e;

        if (!row)
                return -ENOMEM;
        if (manager_get_task(a->manager, id, &ref) < 0)
                return 0;
        s = &ref.task->spec;
        *room -= MIN_OF(s->task_description.size + strv_size(s->command) + strv_size(s->environment), *room);
        e = fill_brief(ref.task, row);
        return e < 0 ? e : json_push(tasks, TAKE_PTR(row));
}

/* `lists`: of each repository's position the array to fill; NULL: it is not shown. */
static int fill_lists(Api *a, Json *const *lists) {
        const TaskIndex *index = manager_index(a->manager);
        size_t room = READ_TEXT_MAX;
        int e = 0;

        for (size_t i = index->n; e >= 0 && i > 0 && room > 0; i--) {
                const TaskSummary *s = &index->rows[i - 1];
                Json *tasks = s->repository ? lists[s->repository->position] : NULL;

                if (tasks && json_length(tasks) < SHOWN_TASKS)
                        e = append_brief(a, s->id, tasks, &room);
        }
        return e;
}

/* Those with the most tasks. */
static int fill_by_repo(Api *a, Json *body) {
        const TaskIndex *index = manager_index(a->manager);
        _cleanup_free_ RepositoryTotals *totals = NULL;
        _cleanup_free_ Json **lists = NULL;
        int e;

        e = manager_complete_index(a->manager);
        if (e >= 0)
                e = task_index_total(index, &totals);
        if (e < 0 || index->n_repositories == 0)
                return e;
        qsort(totals, index->n_repositories, sizeof(RepositoryTotals), compare_totals);
        lists = calloc(index->n_repositories, sizeof(Json *));
        if (!lists)
                return -ENOMEM;
        for (size_t i = 0; e >= 0 && i < MIN_OF((size_t) SHOWN_REPOSITORIES, index->n_repositories); i++)
                e = append_entry(&totals[i], body, &lists[totals[i].repository->position]);
        return e < 0 ? e : fill_lists(a, lists);
}

void api_get_tasks_by_repo(Api *a, HttpRequest *r, const char *parameter _unused_) {
        _cleanup_json_ Json *body = json_new_object();
        int e;

        e = body ? fill_by_repo(a, body) : -ENOMEM;
        if (e < 0)
                reply_errno(r, e);
        else
                reply_json(r, 200, TAKE_PTR(body));
}

/* --- totals --- */

static int compare_activity(const void *a, const void *b) {
        const RepositoryTotals *x = a, *y = b;

        if (x->last_activity != y->last_activity)
                return x->last_activity > y->last_activity ? -1 : 1;
        return strcmp(x->repository->name, y->repository->name);
}

static int append_totals(const RepositoryTotals *t, Json *array) {
        _cleanup_json_ Json *row = json_new_object();
        int e;

        if (!row)
                return -ENOMEM;
        e = json_set_string(row, "_id", t->repository->name);
        if (e >= 0)
                e = json_set_string(row, "repository", t->repository->name);
        if (e >= 0)
                e = json_set_uint64(row, "total_tasks", t->n);
        if (e >= 0)
                e = json_set_uint64(row, "completed_tasks", t->finished[TASK_COMPLETED]);
        if (e >= 0)
                e = json_set_uint64(row, "failed_tasks", t->finished[TASK_FAILED]);
        if (e >= 0)
                e = json_set_uint64(row, "total_commits", t->n_commits);
        if (e >= 0)
                e = json_set(row, "success_rate",
                             json_new_double(100.0 * (double) t->finished[TASK_COMPLETED] / (double) t->n));
        if (e >= 0)
                e = json_set(row, "last_activity", json_new_time(t->last_activity));
        if (e >= 0)
                e = json_set(row, "first_activity", json_new_time(t->first_activity));
        return e < 0 ? e : json_push(array, TAKE_PTR(row));
}

void api_get_repository_stats(Api *a, HttpRequest *r, const char *parameter _unused_) {
        const TaskIndex *index = manager_index(a->manager);
        _cleanup_free_ RepositoryTotals *totals = NULL;
        _cleanup_json_ Json *array = json_new_array();
        int e = array ? manager_complete_index(a->manager) : -ENOMEM;

        if (e >= 0)
                e = task_index_total(index, &totals);
        if (e >= 0 && totals)
                qsort(totals, index->n_repositories, sizeof(RepositoryTotals), compare_activity);
        for (size_t i = 0; e >= 0 && i < index->n_repositories; i++)
                e = append_totals(&totals[i], array);
        if (e < 0)
                reply_errno(r, e);
        else
                reply_json(r, 200, TAKE_PTR(array));
}

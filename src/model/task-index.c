/* TaskIndex: a sorted array of tasks, and one of repositories. See task-index.h. */
#include <remote-developer/task-index.h>

#include <remote-developer/strings.h>

void task_index_done(TaskIndex *x) {
        for (size_t i = 0; i < x->n_repositories; i++)
                free(x->repositories[i]);
        free(x->repositories);
        free(x->rows);
        *x = TASK_INDEX_NULL;
}

size_t task_index_position(const TaskIndex *x, const char *id) {
        size_t low = 0, high = x->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(x->rows[middle].id, id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

TaskSummary *task_index_find(const TaskIndex *x, const char *id) {
        size_t i = task_index_position(x, id);

        return i < x->n && string_equal(x->rows[i].id, id) ? &x->rows[i] : NULL;
}

/* --- repositories --- */

static size_t repository_position(const TaskIndex *x, const char *name) {
        size_t low = 0, high = x->n_repositories;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(x->repositories[middle]->name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const TaskRepository *task_index_find_repository(const TaskIndex *x, const char *name) {
        size_t i = repository_position(x, name);

        return i < x->n_repositories && string_equal(x->repositories[i]->name, name) ? x->repositories[i] : NULL;
}

static int reserve_repository(TaskIndex *x) {
        size_t allocated = MAX_OF(x->allocated_repositories * 2, (size_t) 16);
        TaskRepository **repositories;

        if (x->n_repositories < x->allocated_repositories)
                return 0;
        repositories = reallocarray(x->repositories, allocated, sizeof(TaskRepository *));
        if (!repositories)
                return -ENOMEM;
        x->repositories = repositories;
        x->allocated_repositories = allocated;
        return 0;
}

/* NULL: no memory. */
static TaskRepository *add_repository(TaskIndex *x, const char *name) {
        size_t i = repository_position(x, name), size = strlen(name) + 1;
        TaskRepository *added;

        if (i < x->n_repositories && string_equal(x->repositories[i]->name, name))
                return x->repositories[i];
        if (reserve_repository(x) < 0)
                return NULL;
        added = calloc(1, sizeof(TaskRepository) + size);
        if (!added)
                return NULL;
        memcpy(added->name, name, size);
        memmove(&x->repositories[i + 1], &x->repositories[i], (x->n_repositories - i) * sizeof(TaskRepository *));
        x->repositories[i] = added;
        x->n_repositories++;
        return added;
}

static void leave_repository(TaskIndex *x, TaskSummary *s) {
        TaskRepository *left = s->repository;
        size_t i;

        s->repository = NULL;
        if (!left || --left->n_tasks > 0)
                return;
        i = repository_position(x, left->name);
        x->n_repositories--;
        memmove(&x->repositories[i], &x->repositories[i + 1], (x->n_repositories - i) * sizeof(TaskRepository *));
        free(left);
}

/* False: no memory. */
static bool enter_repository(TaskIndex *x, TaskSummary *s, const char *name) {
        bool is_of_one = name && *name;
        TaskRepository *entered;

        if (s->repository && string_equal(s->repository->name, name))
                return true;
        entered = is_of_one ? add_repository(x, name) : NULL;
        if (is_of_one && !entered)
                return false;
        leave_repository(x, s);
        s->repository = entered;
        if (entered)
                entered->n_tasks++;
        return true;
}

/* --- labels --- */

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325) /* FNV-1a */

static uint64_t hash_letter(uint64_t hash, char letter) {
        return (hash ^ (unsigned char) letter) * UINT64_C(0x100000001b3);
}

/* Two of them; of few letters FNV leaves the high bits much alike. */
static uint64_t hash_bits(uint64_t hash) {
        hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
        return UINT64_C(1) << (hash >> 58) | UINT64_C(1) << (hash >> 52 & 63);
}

/* By all of it and by what is before each "=". */
static uint64_t label_bits(const char *label) {
        uint64_t hash = HASH_BEGIN, bits = 0;

        for (; *label; label++) {
                if (*label == '=')
                        bits |= hash_bits(hash);
                hash = hash_letter(hash, *label);
        }
        return bits | hash_bits(hash);
}

static uint64_t labels_bits(const Task *t) {
        uint64_t bits = 0;

        for (char *const *label = t ? t->spec.labels : NULL; label && *label; label++)
                bits |= label_bits(*label);
        return bits;
}

bool task_index_may_have_label(const TaskSummary *s, const char *wanted) {
        uint64_t hash = HASH_BEGIN, bits;

        for (; *wanted; wanted++)
                hash = hash_letter(hash, *wanted);
        bits = hash_bits(hash);
        return !s->noted || (s->labels & bits) == bits;
}

/* --- what the documents say --- */

void task_index_note(TaskIndex *x, const char *id, const Task *t) {
        TaskSummary *s = task_index_find(x, id);

        if (!s || !enter_repository(x, s, t ? t->spec.github_repo : NULL))
                return;
        s->committed = t && t->changes.is_committed;
        s->last_updated = t ? t->last_updated : task_id_time(id);
        s->labels = labels_bits(t);
        x->n_noted += !s->noted;
        s->noted = true;
}

static void add_to_totals(const TaskSummary *s, RepositoryTotals *to) {
        usec_t created_at = task_id_time(s->id);

        to->n++;
        to->n_commits += s->committed;
        if (s->result == TASK_RESULT_NONE)
                to->n_running++;
        else
                to->finished[s->result]++;
        if (to->n == 1 || created_at < to->first_activity)
                to->first_activity = created_at;
        to->last_activity = MAX_OF(to->last_activity, s->last_updated);
}

int task_index_total(const TaskIndex *x, RepositoryTotals **ret) {
        RepositoryTotals *totals = NULL;

        if (x->n_repositories > 0) {
                totals = calloc(x->n_repositories, sizeof(RepositoryTotals));
                if (!totals)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < x->n_repositories; i++) {
                totals[i].repository = x->repositories[i];
                x->repositories[i]->position = i;
        }
        for (size_t i = 0; i < x->n; i++)
                if (x->rows[i].repository)
                        add_to_totals(&x->rows[i], &totals[x->rows[i].repository->position]);
        *ret = totals;
        return 0;
}

/* --- tasks --- */

static int reserve_row(TaskIndex *x) {
        size_t allocated = MAX_OF(x->allocated * 2, (size_t) 64);
        TaskSummary *rows;

        if (x->n < x->allocated)
                return 0;
        rows = reallocarray(x->rows, allocated, sizeof(TaskSummary));
        if (!rows)
                return -ENOMEM;
        x->rows = rows;
        x->allocated = allocated;
        return 0;
}

int task_index_add(TaskIndex *x, const char *id, TaskResult result, void *run) {
        size_t i = task_index_position(x, id);
        int r;

        assert(task_id_is_valid(id));
        if (i < x->n && string_equal(x->rows[i].id, id))
                return -EEXIST;
        r = reserve_row(x);
        if (r < 0)
                return r;
        memmove(&x->rows[i + 1], &x->rows[i], (x->n - i) * sizeof(TaskSummary));
        x->rows[i] = (TaskSummary){ .result = TASK_RESULT_NONE, .run = run };
        memcpy(x->rows[i].id, id, TASK_ID_SIZE + 1);
        x->n++;
        task_index_set_result(x, id, result);
        return 0;
}

void task_index_set_result(TaskIndex *x, const char *id, TaskResult result) {
        TaskSummary *s = task_index_find(x, id);

        if (!s)
                return;
        if (s->result != TASK_RESULT_NONE)
                x->finished[s->result]--;
        s->result = (int8_t) result;
        if (result != TASK_RESULT_NONE)
                x->finished[result]++;
}

void task_index_remove(TaskIndex *x, const char *id) {
        TaskSummary *s = task_index_find(x, id);
        size_t i;

        if (!s)
                return;
        task_index_set_result(x, id, TASK_RESULT_NONE);
        x->n_noted -= s->noted;
        leave_repository(x, s);
        i = (size_t) (s - x->rows);
        memmove(s, s + 1, (x->n - i - 1) * sizeof(TaskSummary));
        x->n--;
}

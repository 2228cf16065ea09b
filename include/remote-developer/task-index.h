/* TaskIndex: every task there is, oldest first, as little of each as lists and totals need; the rest is read from
 * its file. 72 bytes a task, and each repository's name once. Ids sort by age, so that adding is appending but for
 * rare ties.
 */
#pragma once

#include <remote-developer/task.h>

/* A repository that tasks were for; gone with the last of them. */
typedef struct TaskRepository {
        size_t n_tasks;
        size_t position; /* among TaskIndex.repositories, valid until a row changes */
        char name[];
} TaskRepository;

typedef struct TaskSummary {
        char id[TASK_ID_SIZE + 1];
        bool archived : 1;  /* its document is in the archive */
        bool noted : 1;     /* what follows `run` is known; else the document has not been read yet */
        bool committed : 1; /* TaskChanges.is_committed */
        int8_t result;      /* TaskResult; TASK_RESULT_NONE: not finished */
        void *run;          /* the manager's, of a task that is not finished; else NULL */
        usec_t finished_at; /* of a finished task that is not archived: when it may be */
        usec_t last_updated;
        uint64_t labels; /* bits of all that its labels can be asked for by */
        TaskRepository *repository; /* NULL: none */
} TaskSummary;

typedef struct TaskIndex {
        TaskSummary *rows;
        size_t n, allocated;
        size_t finished[TASK_RESULT_COUNT]; /* how many ended with that result */
        size_t n_noted;
        TaskRepository **repositories; /* by name */
        size_t n_repositories, allocated_repositories;
} TaskIndex;

#define TASK_INDEX_NULL ((TaskIndex){})
void task_index_done(TaskIndex *x);

/* -EEXIST, -ENOMEM or 0. */
int task_index_add(TaskIndex *x, const char *id, TaskResult result, void *run);
void task_index_remove(TaskIndex *x, const char *id);
void task_index_set_result(TaskIndex *x, const char *id, TaskResult result);

/* What the document of the task says; NULL: it cannot be read, and nothing is known for good. Without memory the row
 * stays as it was. */
void task_index_note(TaskIndex *x, const char *id, const Task *t);

/* NULL: there is no such task. Valid until the next add or remove. */
TaskSummary *task_index_find(const TaskIndex *x, const char *id);

/* Whether the task may have a label of that name, or "name=value". False is certain once its document is known; true
 * is for the document to tell. */
bool task_index_may_have_label(const TaskSummary *s, const char *wanted);

/* How many ids are smaller (older) than `id`: where a page that ends before it begins. */
size_t task_index_position(const TaskIndex *x, const char *id);

/* NULL: no task is for it. Valid until a row changes. */
const TaskRepository *task_index_find_repository(const TaskIndex *x, const char *name);

/* What the tasks of one repository come to. */
typedef struct RepositoryTotals {
        const TaskRepository *repository;
        size_t n, n_commits, finished[TASK_RESULT_COUNT], n_running;
        usec_t first_activity, last_activity; /* of all its tasks */
} RepositoryTotals;

/* Of every repository, by name: x->n_repositories of them in fresh memory, NULL where there is none. 0 or -ENOMEM. */
int task_index_total(const TaskIndex *x, RepositoryTotals **ret);

/* TaskIndex: every task there is, oldest first, as little of each as lists and totals need; the rest is read from
 * its file. About 50 bytes a task. Ids sort by age, so that adding is appending but for rare ties. */
#pragma once

#include <remote-developer/task.h>

typedef struct TaskSummary {
        char id[TASK_ID_SIZE + 1];
        bool archived;      /* its document is in the archive */
        TaskResult result;  /* TASK_RESULT_NONE: not finished */
        void *run;          /* the manager's, of a task that is not finished; else NULL */
        usec_t finished_at; /* of a finished task that is not archived: when it may be */
} TaskSummary;

typedef struct TaskIndex {
        TaskSummary *rows;
        size_t n, allocated;
        size_t finished[TASK_RESULT_COUNT]; /* how many ended with that result */
} TaskIndex;

#define TASK_INDEX_NULL ((TaskIndex){})
void task_index_done(TaskIndex *x);

/* -EEXIST, -ENOMEM or 0. */
int task_index_add(TaskIndex *x, const char *id, TaskResult result, void *run);
void task_index_remove(TaskIndex *x, const char *id);
void task_index_set_result(TaskIndex *x, const char *id, TaskResult result);

/* NULL: there is no such task. Valid until the next add or remove. */
TaskSummary *task_index_find(const TaskIndex *x, const char *id);

/* How many ids are smaller (older) than `id`: where a page that ends before it begins. */
size_t task_index_position(const TaskIndex *x, const char *id);

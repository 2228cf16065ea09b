/* TaskChanges: what a task's work has come to in its work tree, as its review step and the operations on it found.
 * Its fields stand in the task's document itself, under the names of the original API.
 */
#pragma once

#include <remote-developer/json.h>

/* All owned. The null value: nothing is known, or nothing was changed. */
typedef struct TaskChanges {
        char **modified_files; /* lines of `git status --short` */
        bool has_changes;
        char *current_branch;
        bool is_committed; /* by POST /api/task/{id}/commit */
        char *commit_message;
        char *pr_url;
        uint64_t disk_bytes; /* of the work tree */
} TaskChanges;

#define TASK_CHANGES_NULL ((TaskChanges){})
void task_changes_done(TaskChanges *c);

/* What a review's report has of them; on error `c` is unchanged. */
int task_changes_take_review(TaskChanges *c, const Json *report, Problem *problem);

/* Every field into the document, and those that it has back from it. */
int task_changes_to_json(const TaskChanges *c, Json *document);
int task_changes_from_json(const Json *document, TaskChanges *ret, Problem *problem);

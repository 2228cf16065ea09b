/* TaskArchive: the directory archive/ below the state directory: finished tasks of long ago, with their whole logs.
 *
 *   <id>.<result>.json       the task's document; the result is in the name, so that no file is read at start
 *   <id>.log.zst, <id>.log   its log (log-archive.h)
 *
 * A task is archived in this order, each step durable before the next: its log; its document; then the state directory
 * forgets it (task_store_remove). What is cut off is done again or finished at the next start:
 *
 *   unfinished files (.tmp-*)       removed: task_archive_list()
 *   a log without a document        is the begin of that task's log wherever it is read, until it is archived anew
 *   a document here and one there   the other one counts if it is not finished or of a later attempt, and this one
 *                                   goes; else archiving was cut off, and the other one goes
 *
 * Files never move between the two directories, so archive/ may be a file system of its own, or a link to one. It is
 * made when the first task is archived. All verbs but task_archive_write_log() take its absence for emptiness.
 */
#pragma once

#include <remote-developer/log-archive.h>
#include <remote-developer/task.h>

typedef struct TaskArchive TaskArchive;

typedef struct ArchivedTask {
        char id[TASK_ID_SIZE + 1];
        TaskResult result;
} ArchivedTask;

/* An error when there is something that is no directory or may not be opened. */
int task_archive_open(const char *state_directory, TaskArchive **ret);
TaskArchive *task_archive_free(TaskArchive *a);
DEFINE_CLEANUP(TaskArchive *, task_archive_free)

/* What is archived, oldest first, in fresh memory. Removes what unfinished writes have left. */
int task_archive_list(TaskArchive *a, ArchivedTask **ret, size_t *ret_n);

int task_archive_load(TaskArchive *a, const char *id, TaskResult result, Task **ret, Problem *problem);

/* The finished task's document, with `archived_at` set to now and nothing else changed. */
int task_archive_save(TaskArchive *a, Task *t);

/* All of them but that of the result `kept` (TASK_RESULT_NONE: all). */
int task_archive_remove_documents(TaskArchive *a, const char *id, TaskResult kept);
int task_archive_remove_log(TaskArchive *a, const char *id);

int task_archive_write_log(TaskArchive *a, const char *id, bool compress, LogArchiveWriter **ret);
int task_archive_read_log(const TaskArchive *a, const char *id, LogArchiveReader **ret); /* -ENOENT: there is none */

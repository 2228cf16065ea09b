/* TaskFile: a task's document in a file, in whatever directory it is. */
#pragma once

#include <remote-developer/task.h>

#define TASK_DOCUMENT_SIZE_MAX ((size_t) 8 * 1024 * 1024)

/* The document as the file holds it. */
int task_file_append(const Task *t, Buffer *to);

/* Of a finished task, as much as can be said without reading all of its document. */
typedef struct TaskGlance {
        TaskResult result;
        usec_t finished_at;
} TaskGlance;

/* Whether the file is the document of this task, is whole as far as its last byte tells, and says that the task is
 * finished and nothing is done with it. False: read it; it may be anything. A third of what it takes to read it. */
bool task_file_glance(int dir_fd, const char *name, const char *id, TaskGlance *ret);

/* -EBADMSG: it cannot be read, or says what no service writes; -EMEDIUMTYPE: it is no document of ours;
 * -EPROTONOSUPPORT: a newer service's. */
int task_file_read(int dir_fd, const char *name, Task **ret, Problem *problem);

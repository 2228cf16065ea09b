/* TaskFile: a task's document in a file, in whatever directory it is. */
#pragma once

#include <remote-developer/task.h>

#define TASK_DOCUMENT_SIZE_MAX ((size_t) 8 * 1024 * 1024)

/* The document as the file holds it. */
int task_file_append(const Task *t, Buffer *to);

/* -EBADMSG: it cannot be read, or says what no service writes; -EMEDIUMTYPE: it is no document of ours;
 * -EPROTONOSUPPORT: a newer service's. */
int task_file_read(int dir_fd, const char *name, Task **ret, Problem *problem);

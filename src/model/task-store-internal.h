/* What the files of the store share: which directory, and which names in it have a meaning. */
#pragma once

#include <remote-developer/task-store.h>

#define TASK_STORE_ACTIVE "active_tasks.json"
#define TASK_STORE_LOCK "remote-developerd.lock"
#define TASK_STORE_CREDENTIALS ".credentials" /* behind the id */
#define TASK_STORE_OPERATION ".operation"

struct TaskStore {
        char *path;
        char *endings; /* path; NULL: there is no other place for them */
        int dir_fd;
        int lock_fd; /* -EBADF: nothing could be written so far */
        usec_t newest; /* the time in the newest id there is */
};

/* Before the first write, if it could not be done when the store was opened. */
int task_store_lock(TaskStore *s);

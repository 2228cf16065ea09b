/* room: manager
 *
 * TaskRef: a task, wherever it is: a live one is borrowed, a finished one loaded from its file. Valid until control
 * returns to the loop.
 */
#pragma once

#include <remote-developer/task.h>
#include <remote-developer/unit-status.h>

typedef struct TaskRef {
        const Task *task;
        const UnitStatus *unit; /* NULL: finished */
        Task *loaded;           /* owned */
} TaskRef;

#define TASK_REF_NULL ((TaskRef){})
void task_ref_done(TaskRef *r);

/* room: model
 *
 * TaskPlan: the steps of one attempt of a task, as its recipe gave them when it began; kept in its document. The
 * word and the number of the step under way are the task's status and progress. What comes to pass of the plan is the
 * unit's doing: steps before the work are its ExecStartPre=, those behind it its ExecStopPost= (after the recorder).
 */
#pragma once

#include <remote-developer/json.h>
#include <remote-developer/recipe.h>

#define TASK_PLAN_STEPS_MAX (2 * RECIPE_STEPS_MAX + 1)
#define TASK_PLAN_PROGRAM_SIZE_MAX 256

typedef enum TaskStepKind {
        TASK_STEP_PREPARE,
        TASK_STEP_WORK,
        TASK_STEP_REVIEW,
} TaskStepKind;

extern const char *const task_step_kind_words[];

typedef struct TaskStep {
        char *status;        /* the word of the original API */
        int progress;        /* 1 to 99 */
        int kind;            /* TaskStepKind */
        char *program;       /* for people; cut at TASK_PLAN_PROGRAM_SIZE_MAX */
        usec_t timeout_usec; /* 0: none of its own */
} TaskStep;

typedef struct TaskPlan {
        TaskStep *items; /* in the order in which they run */
        size_t n;        /* 0: a document of a service that made no plan */
} TaskPlan;

void task_plan_done(TaskPlan *p);

/* A copy of the step goes to the end. 0, -ENOMEM, or -E2BIG. */
int task_plan_add(TaskPlan *p, const TaskStep *s);

/* NULL: there is no such step. */
const TaskStep *task_plan_at(const TaskPlan *p, int step);

/* The number of the first step of that kind, or where it would be; of those behind the last one `n`. */
int task_plan_first(const TaskPlan *p, TaskStepKind kind);

int task_plan_to_json(const TaskPlan *p, Json **ret);
int task_plan_from_json(const Json *array, TaskPlan *ret, Problem *problem);

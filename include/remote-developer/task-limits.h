/* room: model
 *
 * TaskLimits: how much of the machine a task may have. The configuration has a ceiling for each; a request may ask
 * for less. What is kept in the task is what was asked for, so that a ceiling that is lowered later holds for its
 * next attempt, too. */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/json.h>
#include <remote-developer/problem.h>

typedef struct Config Config;

/* 0: not asked for, or not limited. */
typedef struct TaskLimits {
        uint64_t memory_max; /* bytes */
        uint64_t cpu_quota;  /* percent of one processor */
        uint64_t tasks_max;  /* processes and threads, the relay of the output among them */
        uint64_t io_weight;  /* against 100 of everybody else */
} TaskLimits;

/* What makes sense at all. Less memory or fewer processes, and the program could not even be begun. */
#define TASK_MEMORY_MIN ((uint64_t) 8 * 1024 * 1024)
#define TASK_TASKS_MIN 4
#define TASK_CPU_QUOTA_MAX 100000
#define TASK_TASKS_MAX 4194304
#define TASK_IO_WEIGHT_MAX 10000

/* "64M", "2G", a number of bytes, or a part of the machine's memory: "75%". 0, or -EINVAL. */
int task_limits_parse_size(const char *text, uint64_t *ret);

/* Reads the "limits" of a request (NULL: it has none). `ret_timeout_usec` is set if a time limit is among them. What
 * is above a ceiling is refused: the problem names the field, the value and the ceiling. */
int task_limits_parse(const Json *limits, const Config *config, TaskLimits *ret, usec_t *ret_timeout_usec,
                      Problem *problem);

/* As the document has it, and back from there. NULL: nothing was asked for. */
int task_limits_to_json(const TaskLimits *l, Json **ret);
int task_limits_from_json(const Json *j, TaskLimits *ret, Problem *problem);

/* What holds for a task that asked for these. */
TaskLimits task_limits_in_force(const TaskLimits *asked, const Config *config);

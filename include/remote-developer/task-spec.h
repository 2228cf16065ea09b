/* room: model
 *
 * Reading a request for a task: every field known, of the right kind, in its range; else a Problem that names the
 * field and the remedy. */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/task.h>

#define TASK_COMMAND_ARGUMENTS_MAX 4096
/* One argument of a program is capped by the kernel at 128 KiB (MAX_ARG_STRLEN), the 0 behind it included. */
#define TASK_ARGUMENT_SIZE_MAX (128 * 1024 - 1)
#define TASK_COMMAND_SIZE_MAX (1024 * 1024)
#define TASK_ENVIRONMENT_MAX 1024
#define TASK_LABELS_MAX 64
#define TASK_LABEL_SIZE_MAX 256

/* From `config` come the defaults of what the request does not say, and the limit of "timeout". On error `ret` is
 * unchanged. The original's "github_token" is accepted and dropped here: it is not in the result. */
int task_spec_parse(const Json *request, const Config *config, TaskSpec *ret, Problem *problem);

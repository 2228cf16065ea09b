/* room: model
 *
 * Reading a request for a task: every field known, of the right kind, in its range; else a Problem that names the
 * field and the remedy. */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/task.h>

#define TASK_COMMAND_ARGUMENTS_MAX 4096
#define TASK_ARGUMENT_SIZE_MAX RECIPE_ARGUMENT_SIZE_MAX
#define TASK_COMMAND_SIZE_MAX (1024 * 1024)
#define TASK_ENVIRONMENT_MAX 1024
#define TASK_ENVIRONMENT_SIZE_MAX (1024 * 1024)
#define TASK_LABELS_MAX 64
#define TASK_LABEL_SIZE_MAX 256
#define TASK_NAME_SIZE_MAX 253 /* of a pod, as Kubernetes has it */

/* From `config` come the recipes and so what the request has to have, the allowed repositories, the defaults of what
 * it does not say, and the limit of "timeout". On error `ret` is unchanged. "github_token" and "secrets" are for
 * secrets_parse(): nothing of them is in the result. */
int task_spec_parse(const Json *request, const Config *config, TaskSpec *ret, Problem *problem);

/* The request that asks for just this: with the recipe by its name, and nothing left to the configuration. */
int task_spec_to_request(const TaskSpec *s, Json **ret);

/* The unit of an operation: see launch.h. It has one command, the step, and neither a recorder nor a log of its own
 * among those of tasks: what it came to is in its report, and what it wrote is in the journal under its name. */
#include "launch-internal.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <stdio.h>

/* The step ends at SIGTERM; whatever git has started gets as long to do so as that of a task. */
#define STOP_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* Everything that its UnitSpec borrows while it is sent. */
typedef struct OperationParts {
        char *unit, *description, *program, *input_file, *log_field, *identifier, *directory;
        char *root, *task, *repository, *operation;
        const char *argv[8];
        char **environment, **credentials;
        UnitSandbox sandbox;
} OperationParts;

static void operation_parts_done(OperationParts *p) {
        char *texts[] = { p->unit,       p->description, p->program, p->input_file, p->log_field, p->identifier,
                          p->directory, p->root, p->task, p->repository, p->operation };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        strv_free(p->environment);
        strv_free(p->credentials);
        unit_sandbox_done(&p->sandbox);
}

static const char *word_of(const Task *t) {
        return operation_kind_words[t->operation.kind];
}

static int fill_argv(const Launch *l, const Task *t, OperationParts *p) {
        size_t n = 0;

        p->root = string_format("--root=%s", l->workspaces_directory);
        p->task = string_format("--task=%s", t->id);
        p->operation = string_format("--operation=%s", t->operation.number);
        p->repository = t->spec.github_repo ? string_format("--repository=%s", t->spec.github_repo) : NULL;
        if (!p->root || !p->task || !p->operation || (t->spec.github_repo && !p->repository))
                return -ENOMEM;
        p->argv[n++] = "remote-developer-step";
        p->argv[n++] = word_of(t);
        p->argv[n++] = p->root;
        p->argv[n++] = p->task;
        p->argv[n++] = p->operation;
        p->argv[n++] = p->repository;
        return 0;
}

static int fill_environment(const Launch *l, const Task *t, bool has_token, OperationParts *p) {
        _cleanup_(launch_values_done) LaunchValues v = {};
        int r;

        r = launch_values_init(l, t, &v);
        if (r < 0)
                return r;
        /* Of its own work tree the step knows whether it is here or in a pod. */
        p->directory = string_format("%s%s", t->spec.working_directory ? "" : "-", v.values.working_directory);
        if (!p->directory)
                return -ENOMEM;
        return launch_environment(l, config_find_recipe(l->config, t->spec.recipe), t, &v.values, has_token,
                                  &p->environment);
}

static int fill_parts(const Launch *l, const Task *t, bool has_token, const TaskStore *files, OperationParts *p) {
        const char *word = word_of(t);
        _cleanup_free_ char *credential = NULL;
        int r;

        p->unit = operation_unit_name((OperationKind) t->operation.kind, t->id);
        p->description = string_format("Remote Developer %s: %s", t->id, word);
        p->program = launch_step_program(l);
        p->input_file = task_store_operation_path(files, t->id);
        p->log_field = string_format("REMOTE_DEVELOPER_TASK=%s", t->id);
        p->identifier = string_format("%s-%s", word, t->id);
        if (!p->unit || !p->description || !p->program || !p->input_file || !p->log_field || !p->identifier)
                return -ENOMEM;
        r = fill_argv(l, t, p);
        if (r >= 0)
                r = fill_environment(l, t, has_token, p);
        if (r < 0 || !has_token)
                return r;
        credential = task_store_credential(files, t->id, WORKSPACE_TOKEN);
        return credential ? strv_append(&p->credentials, credential) : -ENOMEM;
}

/* It has to get out: no closer than `standard`. */
static int fence(const Launch *l, const Task *t, OperationParts *p) {
        const Sandbox profile = launch_profile(l, config_find_recipe(l->config, t->spec.recipe));
        const FencedUnit u = { .unit = p->unit, .working_directory = t->spec.working_directory,
                               .has_credentials = p->credentials };

        return launch_fence(l, MIN_OF(profile, SANDBOX_STANDARD), &u, &p->sandbox);
}

static UnitSpec make_spec(const Launch *l, const Task *t, const OperationParts *p) {
        static const uint64_t no_core = 0; /* there may be a token in it */
        bool system = l->scope == RUNTIME_SCOPE_SYSTEM;

        return (UnitSpec){
                .unit = p->unit,
                .description = p->description,
                .slice = TASK_SLICE,
                .user = system ? l->config->user : NULL,
                .working_directory = p->directory,
                .environment = p->environment,
                .credentials = p->credentials,
                .sandbox = &p->sandbox,
                .limits = launch_limits(l, t),
                .core_limit = &no_core,
                .input_file = p->input_file,
                .log_field = p->log_field,
                .log_identifier = p->identifier,
                .runtime_max_usec = l->config->default_timeout_usec,
                .start_timeout_usec = l->config->default_timeout_usec,
                .stop_timeout_usec = STOP_TIMEOUT_USEC,
                .starter = l->starter,
                .is_of_user = !system,
                .main = { .argv = (char *const *) p->argv, .path = p->program },
        };
}

int launch_operation(const Launch *l, const Task *t, bool has_token, TaskStore *files, UnitClient *units,
                     UnitReply callback, void *userdata) {
        _cleanup_(operation_parts_done) OperationParts parts = {};
        UnitSpec spec;
        int r;

        r = fill_parts(l, t, has_token, files, &parts);
        if (r >= 0)
                r = fence(l, t, &parts);
        if (r < 0)
                return r;
        spec = make_spec(l, t, &parts);
        /* Of an operation whose release was cut off. Where there is none this does nothing. */
        (void) unit_client_reset_unit(units, parts.unit, NULL, NULL);
        return unit_client_start_unit(units, &spec, callback, userdata);
}

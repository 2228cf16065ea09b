/* OperationRun: the unit of an operation. It has one command, the step, and neither a recorder nor a log of its own
 * among those of tasks: what it came to is in its report, and what it wrote is in the journal under its name. */
#include "manager-plan.h"
#include "operation-run.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <stdio.h>

/* The step ends at SIGTERM; whatever git has started gets as long to do so as that of a task. */
#define STOP_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* Everything that its UnitSpec borrows while it is sent. */
typedef struct OperationParts {
        char *description, *program, *input_file, *log_field, *identifier, *directory;
        char *root, *task, *repository, *operation;
        const char *argv[8];
        char **environment, **credentials;
} OperationParts;

static void operation_parts_done(OperationParts *p) {
        char *texts[] = { p->description, p->program, p->input_file, p->log_field,  p->identifier,
                          p->directory,   p->root,    p->task,       p->repository, p->operation };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        strv_free(p->environment);
        strv_free(p->credentials);
}

static int fill_argv(const OperationRun *o, OperationParts *p) {
        const Task *t = o->task;
        size_t n = 0;

        p->root = string_format("--root=%s", o->manager->workspaces_directory);
        p->task = string_format("--task=%s", t->id);
        p->operation = string_format("--operation=%s", t->operation.number);
        p->repository = t->spec.github_repo ? string_format("--repository=%s", t->spec.github_repo) : NULL;
        if (!p->root || !p->task || !p->operation || (t->spec.github_repo && !p->repository))
                return -ENOMEM;
        p->argv[n++] = "remote-developer-step";
        p->argv[n++] = operation_kind_words[o->kind];
        p->argv[n++] = p->root;
        p->argv[n++] = p->task;
        p->argv[n++] = p->operation;
        p->argv[n++] = p->repository;
        return 0;
}

static int fill_environment(const OperationRun *o, bool has_token, OperationParts *p) {
        _cleanup_(task_values_done) TaskValues v = {};
        const Manager *m = o->manager;
        int r;

        r = task_values_init(m, o->task, &v);
        if (r < 0)
                return r;
        /* Of its own work tree the step knows whether it is here or in a pod. */
        p->directory = string_format("%s%s", o->task->spec.working_directory ? "" : "-", v.values.working_directory);
        if (!p->directory)
                return -ENOMEM;
        return manager_plan_environment(m, config_find_recipe(m->config, o->task->spec.recipe), o->task, &v.values,
                                        has_token, &p->environment);
}

static int fill_parts(const OperationRun *o, bool has_token, OperationParts *p) {
        const Task *t = o->task;
        const char *word = operation_kind_words[o->kind];
        _cleanup_free_ char *credential = NULL;
        int r;

        p->description = string_format("Remote Developer %s: %s", t->id, word);
        p->program = manager_step_program(o->manager);
        p->input_file = task_store_operation_path(o->manager->store, t->id);
        p->log_field = string_format("REMOTE_DEVELOPER_TASK=%s", t->id);
        p->identifier = string_format("%s-%s", word, t->id);
        if (!p->description || !p->program || !p->input_file || !p->log_field || !p->identifier)
                return -ENOMEM;
        r = fill_argv(o, p);
        if (r >= 0)
                r = fill_environment(o, has_token, p);
        if (r < 0 || !has_token)
                return r;
        credential = task_store_credential(o->manager->store, t->id, WORKSPACE_TOKEN);
        return credential ? strv_append(&p->credentials, credential) : -ENOMEM;
}

static UnitSpec make_spec(const OperationRun *o, const OperationParts *p) {
        static const uint64_t no_core = 0; /* there may be a token in it */
        const Manager *m = o->manager;
        bool system = m->scope == RUNTIME_SCOPE_SYSTEM;

        return (UnitSpec){
                .unit = o->watch.unit,
                .description = p->description,
                .slice = TASK_SLICE,
                .user = system ? m->config->user : NULL,
                .working_directory = p->directory,
                .environment = p->environment,
                .credentials = p->credentials,
                .core_limit = &no_core,
                .input_file = p->input_file,
                .log_field = p->log_field,
                .log_identifier = p->identifier,
                .runtime_max_usec = m->config->default_timeout_usec,
                .start_timeout_usec = m->config->default_timeout_usec,
                .stop_timeout_usec = STOP_TIMEOUT_USEC,
                .starter = m->starter,
                .is_of_user = !system,
                .main = { .argv = (char *const *) p->argv, .path = p->program },
        };
}

int operation_run_start(OperationRun *o, bool has_token, UnitReply replied) {
        _cleanup_(operation_parts_done) OperationParts parts = {};
        UnitSpec spec;
        int r;

        r = fill_parts(o, has_token, &parts);
        if (r < 0)
                return r;
        spec = make_spec(o, &parts);
        /* Of an operation whose release was cut off. Where there is none this does nothing. */
        (void) unit_client_reset_unit(o->manager->units, o->watch.unit, NULL, NULL);
        r = unit_client_start_unit(o->manager->units, &spec, replied, o);
        o->asked = r >= 0;
        return r;
}

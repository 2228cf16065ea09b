/* The unit of a task: see launch.h. */
#include "launch-internal.h"

#include <remote-developer/strings.h>

/* TimeoutStopSec= is at once the grace between SIGTERM and SIGKILL and the limit of the recorder. The recorder has to
 * get its file to the disk on a busy machine; a shorter grace is kept by the service itself (manager-cancel.c). */
#define STOP_TIMEOUT_MIN_USEC (10 * USEC_PER_SEC)

/* Everything that a UnitSpec borrows, for as long as it is being sent. */
typedef struct UnitParts {
        char *unit, *description, *input_file, *ending_file, *ending_stem, *log_field;
        char *recorder_argv[4];
        char **credentials;
        UnitSandbox sandbox;
} UnitParts;

static void unit_parts_done(UnitParts *p) {
        free(p->unit);
        free(p->description);
        free(p->input_file);
        free(p->ending_file);
        free(p->ending_stem);
        free(p->log_field);
        strv_free(p->credentials);
        unit_sandbox_done(&p->sandbox);
}

const char *launch_fault(int error) {
        return error == -E2BIG  ? "a text of its recipe is too long" :
               error == -ENODATA ? "its recipe needs a value that the task has not" :
               error == -EILSEQ  ? "its recipe gives a text with a NUL byte as an argument or a variable, which would "
                                   "end there" : NULL;
}

/* The name of the program, or of the recipe, for `systemctl list-units`, in letters that need no quoting anywhere. */
static char *describe(const Task *t) {
        const char *name = t->spec.command ? t->spec.command[0] : t->spec.recipe;
        char *s = string_format("Remote Developer %s: %.80s", t->id, name);

        for (char *p = s; p && *p; p++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./+: ", *p))
                        *p = '?';
        return s;
}

/* What the work reads: a file that systemd opens, since a credential has a limit. */
int launch_write_prompt(const LaunchPlan *p, TaskStore *files) {
        const Buffer *text = &p->work.input;

        return text->data ? task_store_write_prompt(files, p->task->id, text->data, text->size) : 0;
}

/* Of a step a credential, since an argument would be public and has a limit. */
static int give_inputs(const LaunchPlan *p, const PlannedStep *steps, const UnitStep *units, size_t n,
                       TaskStore *files, char ***credentials) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_free_ char *path = NULL, *credential = NULL;
                const Buffer *text = &steps[i].input;

                if (!text->data)
                        continue;
                path = task_store_input_path(files, p->task->id, units[i].number);
                credential = path ? string_format("%s:%s", units[i].input, path) : NULL;
                if (!credential)
                        return -ENOMEM;
                r = task_store_write_input(files, p->task->id, units[i].number, text->data, text->size);
                if (r >= 0)
                        r = strv_append(credentials, credential);
        }
        return r;
}

static int give_secrets(const Task *t, const TaskStore *files, char ***credentials) {
        int r = 0;

        for (char *const *name = t->credentials; r >= 0 && name && *name; name++) {
                _cleanup_free_ char *credential = task_store_credential(files, t->id, *name);

                r = credential ? strv_append(credentials, credential) : -ENOMEM;
        }
        return r;
}

static int write_files(const LaunchPlan *p, TaskStore *files, char ***credentials) {
        int r;

        r = launch_write_prompt(p, files);
        if (r >= 0)
                r = give_inputs(p, p->steps, p->unit_steps, p->n_steps, files, credentials);
        if (r >= 0)
                r = give_inputs(p, p->reviews, p->unit_reviews, p->n_reviews, files, credentials);
        return r < 0 ? r : give_secrets(p->task, files, credentials);
}

static int fence(const Launch *l, const LaunchPlan *p, UnitParts *parts) {
        const FencedUnit u = { .unit = parts->unit, .working_directory = p->task->spec.working_directory,
                               .has_credentials = parts->credentials };

        return launch_fence(l, p->profile, &u, &parts->sandbox);
}

static int fill_parts(const Launch *l, const LaunchPlan *p, TaskStore *files, UnitParts *ret) {
        const Task *t = p->task;
        int r;

        ret->unit = task_unit_name(t->id);
        ret->description = describe(t);
        ret->ending_stem = task_store_ending_stem(t->id, t->attempt);
        ret->log_field = string_format("REMOTE_DEVELOPER_TASK=%s", t->id);
        if (!ret->unit || !ret->description || !ret->ending_stem || !ret->log_field)
                return -ENOMEM;
        ret->ending_file = string_format("%s/%s.result", l->state_directory, ret->ending_stem);
        if (!ret->ending_file)
                return -ENOMEM;
        if (p->work.input.data && !(ret->input_file = task_store_prompt_path(files, t->id)))
                return -ENOMEM;
        ret->recorder_argv[0] = (char *) l->recorder;
        ret->recorder_argv[1] = (char *) l->state_directory;
        ret->recorder_argv[2] = ret->ending_stem;
        r = write_files(p, files, &ret->credentials);
        return r < 0 ? r : fence(l, p, ret);
}

/* What has secrets in its memory leaves none of it behind. */
static const uint64_t *core_limit(const Task *t) {
        static const uint64_t none = 0;

        return t->credentials ? &none : NULL;
}

static UnitSpec make_spec(const Launch *l, const LaunchPlan *plan, const UnitParts *p) {
        const Task *t = plan->task;
        bool system = l->scope == RUNTIME_SCOPE_SYSTEM;
        usec_t grace = MAX_OF(l->config->cancel_grace_usec, STOP_TIMEOUT_MIN_USEC);

        return (UnitSpec){
                .unit = p->unit,
                .description = p->description,
                .slice = TASK_SLICE,
                .user = system ? l->config->user : NULL,
                .working_directory = plan->working_directory,
                .environment = plan->environment,
                .sandbox = &p->sandbox,
                .limits = launch_limits(l, t),
                .core_limit = core_limit(t),
                .input_file = p->input_file,
                .part_of = t->bound_to_service ? SERVICE_UNIT : NULL,
                .only_without = p->ending_file,
                .log_field = p->log_field,
                .log_identifier = t->id,
                .runtime_max_usec = t->spec.timeout_usec,
                .start_timeout_usec = MAX_OF(l->config->default_timeout_usec,
                                             launch_longest(plan->unit_steps, plan->n_steps)),
                .stop_timeout_usec = MAX_OF(grace, launch_longest(plan->unit_reviews, plan->n_reviews)),
                .credentials = p->credentials,
                .starter = l->starter,
                .separate_stderr = t->spec.separate_stderr,
                .is_of_user = !system,
                .main = { .argv = plan->work.argv, .path = plan->work.program },
                .main_environment = plan->work.environment,
                .steps = plan->unit_steps,
                .n_steps = plan->n_steps,
                .reviews = plan->unit_reviews,
                .n_reviews = plan->n_reviews,
                .recorder = { .argv = (char *const *) p->recorder_argv, .path = l->recorder, .privileged = true,
                              .ignore_failure = true },
        };
}

int launch_task(const Launch *l, const LaunchPlan *p, TaskStore *files, UnitClient *units, UnitReply callback,
                void *userdata) {
        _cleanup_(unit_parts_done) UnitParts parts = {};
        UnitSpec spec;
        int r;

        r = fill_parts(l, p, files, &parts);
        if (r < 0)
                return r;
        spec = make_spec(l, p, &parts);
        return unit_client_start_unit(units, &spec, callback, userdata);
}

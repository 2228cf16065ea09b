/* From a request to a unit. The order is the promise: the document is on disk before systemd hears of the task, and
 * the reply may be sent as soon as this returns. */
#include "manager-plan.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <stdio.h>

/* TimeoutStopSec= is at once the grace between SIGTERM and SIGKILL and the limit of the recorder. The recorder has to
 * get its file to the disk on a busy machine; a shorter grace is kept by the service itself (manager-cancel.c). */
#define STOP_TIMEOUT_MIN_USEC (10 * USEC_PER_SEC)

/* Start jobs at a time; further tasks wait their turn. For each job systemd keeps a match rule on whoever asked for
 * it, and a bus throws out a client, PID 1 too, that has more than 512 (tried, with 1,000 tasks at once). */
#define STARTS_MAX 128

/* Everything that a UnitSpec borrows, for as long as it is being sent. */
typedef struct UnitParts {
        char *unit, *description, *input_file, *ending_file, *ending_stem, *log_field;
        Planned planned;
} UnitParts;

static void unit_parts_done(UnitParts *p) {
        free(p->unit);
        free(p->description);
        free(p->input_file);
        free(p->ending_file);
        free(p->ending_stem);
        free(p->log_field);
        planned_done(&p->planned);
}

/* What the answer to StartTransientUnit is about; the run may be gone by then. */
typedef struct StartReply {
        Manager *manager;
        char id[TASK_ID_SIZE + 1];
} StartReply;

bool manager_error_is_loss(int error) {
        static const int losses[] = { -ECONNRESET, -ETIMEDOUT, -ENOTCONN, -EPIPE, -EHOSTUNREACH, -ENXIO };

        for (size_t i = 0; i < ELEMENTSOF(losses); i++)
                if (losses[i] == error)
                        return true;
        return false;
}

static void on_start_reply(void *userdata, int error, const char *sentence) {
        _cleanup_free_ StartReply *reply = userdata;
        TaskRun *run = manager_find_run(reply->manager, reply->id);

        if (!run || run->ending)
                return;
        if (error == 0) {
                if (run->task->state == TASK_QUEUED)
                        task_run_set_state(run, TASK_STARTING);
                return;
        }
        log_task(LOG_WARNING, reply->id, "systemd did not start the unit: %s", sentence ?: strerror(-error));
        task_run_started(run);
        /* "Transaction is destructive": the machine, or the user's manager, is going down, and starts nothing any
         * more. The task stays queued; the next comparison starts it, that of another boot as a rule. */
        run->put_off = error == -EDEADLK;
        if (run->put_off)
                return;
        if (manager_error_is_loss(error))
                manager_compare(run->manager);
        else if (error == -EEXIST)
                (void) unit_client_read_watch(&run->watch, NULL, NULL);
        else {
                (void) string_replace(&run->refused, sentence ?: strerror(-error));
                task_run_end(run);
        }
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
static int write_work_input(TaskRun *run, UnitParts *p) {
        const Buffer *text = &p->planned.work.input;

        if (!text->data)
                return 0;
        p->input_file = task_store_prompt_path(run->manager->store, run->task->id);
        if (!p->input_file)
                return -ENOMEM;
        return task_store_write_prompt(run->manager->store, run->task->id, text->data, text->size);
}

/* A task with steps is not without its plan on disk, from where a restart takes what they are called. */
static int take_plan(TaskRun *run, Planned *p) {
        Task *t = run->task;

        task_plan_done(&t->plan);
        t->plan = p->plan;
        p->plan = (TaskPlan){};
        run->watch.follows_commands = task_run_has_steps(run);
        return task_run_has_steps(run) ? task_run_save(run) : 0;
}

static int add_secrets(TaskRun *run, char ***credentials) {
        int r = 0;

        for (char *const *name = run->task->credentials; r >= 0 && name && *name; name++) {
                _cleanup_free_ char *credential = task_store_credential(run->manager->store, run->task->id, *name);

                r = credential ? strv_append(credentials, credential) : -ENOMEM;
        }
        return r;
}

static int fill_parts(TaskRun *run, const Recipe *recipe, UnitParts *p) {
        const Task *t = run->task;
        int r;

        r = task_run_plan(run, recipe, &p->planned);
        if (r >= 0)
                r = add_secrets(run, &p->planned.credentials);
        if (r < 0)
                return r;
        p->unit = task_unit_name(t->id);
        p->description = describe(t);
        p->ending_file = task_store_ending_path(run->manager->store, t->id, t->attempt);
        p->ending_stem = task_store_ending_stem(t->id, t->attempt);
        p->log_field = string_format("REMOTE_DEVELOPER_TASK=%s", t->id);
        if (!p->unit || !p->description || !p->ending_file || !p->ending_stem || !p->log_field)
                return -ENOMEM;
        r = write_work_input(run, p);
        return r < 0 ? r : take_plan(run, &p->planned);
}

/* What has secrets in its memory leaves none of it behind. */
static const uint64_t *core_limit(const Task *t) {
        static const uint64_t none = 0;

        return t->credentials ? &none : NULL;
}

static UnitSpec make_spec(TaskRun *run, const UnitParts *p, char **recorder_argv) {
        const Manager *m = run->manager;
        const TaskSpec *s = &run->task->spec;
        const Planned *planned = &p->planned;
        bool system = m->scope == RUNTIME_SCOPE_SYSTEM;
        usec_t grace = MAX_OF(m->config->cancel_grace_usec, STOP_TIMEOUT_MIN_USEC);

        return (UnitSpec){
                .unit = p->unit,
                .description = p->description,
                .slice = TASK_SLICE,
                .user = system ? m->config->user : NULL,
                .working_directory = planned->working_directory,
                .environment = planned->environment,
                .core_limit = core_limit(run->task),
                .input_file = p->input_file,
                .part_of = run->task->bound_to_service ? SERVICE_UNIT : NULL,
                .only_without = p->ending_file,
                .log_field = p->log_field,
                .log_identifier = run->task->id,
                .runtime_max_usec = s->timeout_usec,
                .start_timeout_usec = MAX_OF(m->config->default_timeout_usec,
                                             planned_longest(planned->unit_steps, planned->n_steps)),
                .stop_timeout_usec = MAX_OF(grace, planned_longest(planned->unit_reviews, planned->n_reviews)),
                .credentials = planned->credentials,
                .starter = m->starter,
                .separate_stderr = s->separate_stderr,
                .is_of_user = !system,
                .main = { .argv = planned->work.argv, .path = planned->work.program },
                .main_environment = planned->work.environment,
                .steps = planned->unit_steps,
                .n_steps = planned->n_steps,
                .reviews = planned->unit_reviews,
                .n_reviews = planned->n_reviews,
                .recorder = { .argv = recorder_argv, .path = m->recorder, .privileged = true, .ignore_failure = true },
        };
}

/* The document says which manager is about to be asked, before it is. */
static int note_manager(TaskRun *run) {
        usec_t started_at = unit_client_manager_started_usec(run->manager->units);
        Task *t = run->task;

        if (t->manager_started_at == started_at && string_equal(t->boot_id, run->manager->boot_id))
                return 0;
        t->manager_started_at = started_at;
        return string_replace(&t->boot_id, run->manager->boot_id) < 0 ? -ENOMEM : task_run_save(run);
}

/* There was a recipe when the task was asked for; the configuration may have been changed before it could begin. */
static int refuse(TaskRun *run, const char *sentence) {
        int r = string_replace(&run->refused, sentence);

        if (r >= 0)
                task_run_end(run);
        return r;
}

/* What a recipe that was changed meanwhile may come to with this task. */
static const char *why_not(int error) {
        return error == -E2BIG  ? "a text of its recipe is too long" :
               error == -ENODATA ? "its recipe needs a value that the task has not" :
               error == -EILSEQ  ? "its recipe gives a text with a NUL byte as an argument or a variable, which would "
                                   "end there" : NULL;
}

static int start_now(TaskRun *run) {
        char *recorder_argv[] = { run->manager->recorder, (char *) task_store_path(run->manager->store), NULL, NULL };
        _cleanup_(unit_parts_done) UnitParts parts = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_free_ StartReply *reply = NULL;
        const Recipe *recipe;
        UnitSpec spec;
        int r;

        r = manager_find_recipe(run->manager, &run->task->spec, &recipe, &problem);
        if (r < 0)
                return refuse(run, problem_sentence(&problem));

        /* A list of units that is under way may have been made before. */
        run->expected = run->put_off = false;
        r = task_run_watch(run);
        if (r >= 0)
                r = note_manager(run);
        if (r >= 0)
                r = fill_parts(run, recipe, &parts);
        if (why_not(r))
                return refuse(run, why_not(r));
        if (r < 0)
                return r;
        recorder_argv[2] = parts.ending_stem;
        reply = calloc(1, sizeof(StartReply));
        if (!reply)
                return -ENOMEM;
        reply->manager = run->manager;
        snprintf(reply->id, sizeof(reply->id), "%s", run->task->id);

        spec = make_spec(run, &parts, recorder_argv);
        r = unit_client_start_unit(run->manager->units, &spec, on_start_reply, reply);
        if (r < 0)
                return r;
        TAKE_PTR(reply);
        run->starting = true;
        run->manager->n_starting++;
        return 0;
}

static void wait_for_turn(TaskRun *run) {
        run->waits = true;
        TAILQ_INSERT_TAIL(&run->manager->waiting, run, waiting);
}

void task_run_stop_waiting(TaskRun *run) {
        if (!run->waits)
                return;
        run->waits = false;
        TAILQ_REMOVE(&run->manager->waiting, run, waiting);
}

int manager_start_unit(TaskRun *run) {
        if (task_run_pause(run))
                return 0;
        if (run->manager->n_starting < STARTS_MAX)
                return start_now(run);
        wait_for_turn(run);
        return 0;
}

void task_run_started(TaskRun *run) {
        Manager *m = run->manager;
        TaskRun *next;
        int r;

        if (!run->starting)
                return;
        run->starting = false;
        m->n_starting--;
        while (m->n_starting < STARTS_MAX && (next = TAILQ_FIRST(&m->waiting))) {
                task_run_stop_waiting(next);
                r = start_now(next);
                if (r < 0)
                        log_task(LOG_WARNING, next->task->id, "The task could not be started yet: %s", strerror(-r));
        }
}

static int new_task(Manager *m, TaskSpec *spec, const Secrets *secrets, const char *actor, Task **ret) {
        _cleanup_(task_freep) Task *t = task_new();
        int r;

        if (!t)
                return -ENOMEM;
        t->bound_to_service = m->config->use_daemon_threads;
        t->manager_started_at = unit_client_manager_started_usec(m->units);
        r = string_replace(&t->boot_id, m->boot_id);
        if (r >= 0)
                r = string_replace(&t->created_by, actor);
        if (r >= 0)
                r = secrets ? secrets_names(secrets, &t->credentials) : 0;
        if (r < 0)
                return r;
        t->spec = *spec;
        r = manager_new_session(t);
        if (r >= 0)
                r = task_store_create(m->store, t, secrets);
        if (r < 0) {
                t->spec = (TaskSpec){};
                return r;
        }
        *spec = (TaskSpec){};
        *ret = TAKE_PTR(t);
        return 0;
}

static int begin_run(Manager *m, Task *task) {
        TaskRun *run = NULL;
        int r;

        r = task_run_new(m, task, true, &run);
        if (r < 0) {
                (void) task_store_remove(m->store, task->id, task->attempt);
                task_free(task);
                return r;
        }
        r = task_index_add(&m->index, task->id, TASK_RESULT_NONE, run);
        if (r >= 0) {
                task_index_note(&m->index, task->id, task);
                r = manager_start_unit(run);
        }
        if (r < 0) {
                (void) task_store_remove(m->store, task->id, task->attempt);
                task_index_remove(&m->index, task->id);
                task_run_free(run);
                return r;
        }
        manager_active_changed(m);
        return 0;
}

int manager_check_connected(const Manager *m, Problem *problem) {
        if (unit_client_is_connected(m->units))
                return 0;
        return problem_set(problem, -ENOTCONN, NULL, "systemd cannot be reached (%s); try again later",
                           m->disconnect_cause ?: "the connection is being made");
}

int manager_create_task(Manager *m, TaskSpec *spec, const Secrets *secrets, const char *actor,
                        char ret_id[static TASK_ID_SIZE + 1], Problem *problem) {
        const Recipe *recipe;
        Task *task;
        int r;

        r = manager_check_connected(m, problem);
        if (r >= 0)
                r = manager_find_recipe(m, spec, &recipe, problem);
        if (r >= 0)
                r = manager_check_directory(m, spec, problem);
        if (r < 0)
                return r;
        r = new_task(m, spec, secrets, actor, &task);
        (void) manager_note_write(m, r);
        if (r < 0)
                return manager_write_problem(m, r, "The task", problem);
        snprintf(ret_id, TASK_ID_SIZE + 1, "%s", task->id);
        r = begin_run(m, task);
        if (r < 0 && manager_note_write(m, r))
                return manager_write_problem(m, r, "The task", problem);
        if (r < 0)
                return problem_set(problem, r, NULL, "The task could not be started: %s", strerror(-r));
        log_action(ret_id, actor, "Created");
        return 0;
}

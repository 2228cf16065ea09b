/* From a request to a unit. The order is the promise: the document is on disk before systemd hears of the task, and
 * the reply may be sent as soon as this returns. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/unit-spec.h>

#include <stdio.h>

/* TimeoutStopSec= is at once the grace between SIGTERM and SIGKILL and the limit of the recorder. The recorder has to
 * get its file to the disk on a busy machine; a shorter grace is kept by the service itself (manager-cancel.c). */
#define STOP_TIMEOUT_MIN_USEC (10 * USEC_PER_SEC)

/* Start jobs at a time; further tasks wait their turn. For each job systemd keeps a match rule on whoever asked for
 * it, and a bus throws out a client, PID 1 too, that has more than 512 (tried, with 1,000 tasks at once). */
#define STARTS_MAX 128

/* Everything that a UnitSpec borrows, for as long as it is being sent. */
typedef struct UnitParts {
        char *unit, *description, *program, *input_file, *ending_file, *ending_stem, *log_field;
        char **argv;
} UnitParts;

static void unit_parts_done(UnitParts *p) {
        free(p->unit);
        free(p->description);
        free(p->program);
        free(p->input_file);
        free(p->ending_file);
        free(p->ending_stem);
        free(p->log_field);
        strv_free(p->argv);
}

/* What the answer to StartTransientUnit is about; the run may be gone by then. */
typedef struct StartReply {
        Manager *manager;
        char id[TASK_ID_SIZE + 1];
} StartReply;

/* Whether the call may or may not have reached systemd: comparing the units will tell. */
static bool error_is_loss(int error) {
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
        if (error_is_loss(error))
                manager_compare(run->manager);
        else if (error == -EEXIST)
                (void) unit_client_read_watch(&run->watch, NULL, NULL);
        else {
                (void) string_replace(&run->refused, sentence ?: strerror(-error));
                task_run_end(run);
        }
}

/* The program's name for `systemctl list-units`, in letters that need no quoting anywhere. */
static char *describe(const Task *t) {
        const char *name = task_runs_agent(t) ? claude_command[0] : t->spec.command[0];
        char *s = string_format("Remote Developer %s: %.80s", t->id, name);

        for (char *p = s; p && *p; p++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./+: ", *p))
                        *p = '?';
        return s;
}

/* A program named with a slash but not from the root is meant from the working directory, as a shell would. */
static char *locate(const Task *t, const char *program) {
        if (program[0] == '/' || !strchr(program, '/') || !t->spec.working_directory)
                return strdup(program);
        if (string_has_prefix(program, "./"))
                program += 2;
        return string_format("%s/%s", t->spec.working_directory, program);
}

static int fill_parts(TaskRun *run, UnitParts *p) {
        const Task *t = run->task;
        int r;

        r = strv_copy(task_runs_agent(t) ? (char *const *) claude_command : t->spec.command, &p->argv);
        if (r < 0)
                return r;
        p->unit = task_unit_name(t->id);
        p->description = describe(t);
        p->program = locate(t, p->argv[0]);
        p->ending_file = task_store_ending_path(run->manager->store, t->id, t->attempt);
        p->ending_stem = task_store_ending_stem(t->id, t->attempt);
        p->log_field = string_format("REMOTE_DEVELOPER_TASK=%s", t->id);
        if (!p->unit || !p->description || !p->program || !p->ending_file || !p->ending_stem || !p->log_field)
                return -ENOMEM;
        if (!task_runs_agent(t))
                return 0;
        p->input_file = task_store_prompt_path(run->manager->store, t->id);
        if (!p->input_file)
                return -ENOMEM;
        return task_store_write_prompt(run->manager->store, t->id, t->spec.task_description ?: "");
}

static UnitSpec make_spec(TaskRun *run, const UnitParts *p, char **recorder_argv) {
        const Manager *m = run->manager;
        const TaskSpec *s = &run->task->spec;
        bool system = m->scope == RUNTIME_SCOPE_SYSTEM;

        return (UnitSpec){
                .unit = p->unit,
                .description = p->description,
                .slice = TASK_SLICE,
                .user = system ? m->config->user : NULL,
                .working_directory = s->working_directory ?: "~",
                .environment = s->environment,
                .input_file = p->input_file,
                .part_of = run->task->bound_to_service ? SERVICE_UNIT : NULL,
                .only_without = p->ending_file,
                .log_field = p->log_field,
                .log_identifier = run->task->id,
                .runtime_max_usec = s->timeout_usec,
                .start_timeout_usec = m->config->default_timeout_usec,
                .stop_timeout_usec = MAX_OF(m->config->cancel_grace_usec, STOP_TIMEOUT_MIN_USEC),
                .launcher = m->launcher,
                .main = { .argv = p->argv, .path = p->program },
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

static int start_now(TaskRun *run) {
        char *recorder_argv[] = { run->manager->recorder, (char *) task_store_path(run->manager->store), NULL, NULL };
        _cleanup_(unit_parts_done) UnitParts parts = {};
        _cleanup_free_ StartReply *reply = NULL;
        UnitSpec spec;
        int r;

        /* A list of units that is under way may have been made before. */
        run->expected = run->put_off = false;
        r = task_run_watch(run);
        if (r >= 0)
                r = note_manager(run);
        if (r >= 0)
                r = fill_parts(run, &parts);
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
        Manager *m = run->manager;

        run->waits = true;
        if (m->last_waiting)
                m->last_waiting->next_waiting = run;
        else
                m->waiting = run;
        m->last_waiting = run;
}

void task_run_stop_waiting(TaskRun *run) {
        Manager *m = run->manager;
        TaskRun *previous = NULL;

        if (!run->waits)
                return;
        for (TaskRun *w = m->waiting; w != run; w = w->next_waiting)
                previous = w;
        *(previous ? &previous->next_waiting : &m->waiting) = run->next_waiting;
        if (m->last_waiting == run)
                m->last_waiting = previous;
        run->waits = false;
        run->next_waiting = NULL;
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
        while (m->n_starting < STARTS_MAX && (next = m->waiting)) {
                task_run_stop_waiting(next);
                r = start_now(next);
                if (r < 0)
                        log_task(LOG_WARNING, next->task->id, "The task could not be started yet: %s", strerror(-r));
        }
}

static int new_task(Manager *m, TaskSpec *spec, Task **ret) {
        _cleanup_(task_freep) Task *t = task_new();
        int r;

        if (!t)
                return -ENOMEM;
        t->bound_to_service = m->config->use_daemon_threads;
        t->manager_started_at = unit_client_manager_started_usec(m->units);
        r = string_replace(&t->boot_id, m->boot_id);
        if (r < 0)
                return r;
        t->spec = *spec;
        r = task_store_create(m->store, t);
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
        if (r >= 0)
                r = manager_start_unit(run);
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

int manager_create_task(Manager *m, TaskSpec *spec, char ret_id[static TASK_ID_SIZE + 1], Problem *problem) {
        Task *task;
        int r;

        r = manager_check_connected(m, problem);
        if (r < 0)
                return r;
        r = new_task(m, spec, &task);
        (void) manager_note_write(m, r);
        if (r < 0)
                return manager_write_problem(m, r, "The task", problem);
        snprintf(ret_id, TASK_ID_SIZE + 1, "%s", task->id);
        r = begin_run(m, task);
        if (r < 0 && manager_note_write(m, r))
                return manager_write_problem(m, r, "The task", problem);
        if (r < 0)
                return problem_set(problem, r, NULL, "The task could not be started: %s", strerror(-r));
        log_task(LOG_INFO, ret_id, "Created");
        return 0;
}

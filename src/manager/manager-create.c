/* From a request to a unit. The order is the promise: the document is on disk before systemd hears of the task, and
 * the reply may be sent as soon as this returns. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <stdio.h>

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

        if (!run)
                return;
        /* A list of units that is under way may have been made before, by way of another connection. */
        run->asking = run->expected = false;
        if (run->ending)
                return;
        if (error == 0) {
                run->lost = false;
                if (run->task->state == TASK_QUEUED)
                        task_run_set_state(run, TASK_STARTING);
                return;
        }
        log_task(LOG_WARNING, reply->id, "systemd did not start the unit: %s", sentence ?: strerror(-error));
        task_run_started(run);
        /* "Transaction is destructive": the machine, or the user's manager, is going down, and starts nothing any
         * more. The task stays queued; the next comparison starts it, that of another boot as a rule. */
        run->put_off = error == -EDEADLK || (run->manager->launcher && run->lost);
        run->lost = manager_error_is_loss(error);
        if (run->put_off)
                return;
        if (run->lost)
                manager_compare(run->manager);
        else if (error == -EEXIST)
                (void) unit_client_read_watch(&run->watch, NULL, NULL);
        else {
                (void) string_replace(&run->refused, sentence ?: strerror(-error));
                task_run_end(run);
        }
}

/* A task with steps is not without its plan on disk, from where a restart takes what they are called. */
static int take_plan(TaskRun *run, TaskPlan *p) {
        Task *t = run->task;

        task_plan_done(&t->plan);
        t->plan = *p;
        *p = (TaskPlan){};
        run->watch.follows_commands = task_run_has_steps(run);
        return task_run_has_steps(run) ? task_run_save(run) : 0;
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

static int plan(TaskRun *run, LaunchPlan **ret, Problem *problem) {
        const Recipe *recipe;
        int r;

        r = launch_find_recipe(&run->manager->launch, &run->task->spec, &recipe, problem);
        if (r < 0)
                return r;
        /* On disk with what it does next. */
        run->task->sandbox = (int) (launch_profile(&run->manager->launch, recipe) - SANDBOX_OPEN);
        r = launch_plan_new(&run->manager->launch, recipe, run->task, ret);
        return r < 0 && launch_fault(r) ? problem_set(problem, -EINVAL, NULL, "%s", launch_fault(r)) : r;
}

int task_run_start_now(TaskRun *run) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_free_ StartReply *reply = NULL;
        int r;

        r = plan(run, &p, &problem);
        if (problem.error)
                return refuse(run, problem_sentence(&problem));

        /* A list of units that is under way may have been made before. */
        run->expected = run->put_off = false;
        if (r >= 0)
                r = task_run_watch(run);
        if (r >= 0)
                r = note_manager(run);
        if (r >= 0)
                r = take_plan(run, launch_plan_steps(p));
        if (r < 0)
                return r;
        reply = calloc(1, sizeof(StartReply));
        if (!reply)
                return -ENOMEM;
        reply->manager = run->manager;
        snprintf(reply->id, sizeof(reply->id), "%s", run->task->id);

        r = manager_launch_task(run, p, on_start_reply, reply);
        if (r == -E2BIG)
                return refuse(run, launch_fault(r));
        if (r < 0)
                return r;
        TAKE_PTR(reply);
        task_run_note_start(run);
        return 0;
}

int manager_start_unit(TaskRun *run) {
        if (task_run_pause(run))
                return 0;
        if (task_run_has_room(run))
                return task_run_start_now(run);
        task_run_wait_for_turn(run);
        return 0;
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
                r = launch_find_recipe(&m->launch, spec, &recipe, problem);
        if (r >= 0)
                r = manager_check_directory(m, spec, problem);
        if (r >= 0)
                r = manager_check_turn(m, problem);
        if (r >= 0)
                r = manager_check_kept(m, problem);
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

/* Ending and forgetting tasks. SIGTERM to the whole control group is systemd's doing at StopUnit; SIGKILL comes from
 * systemd after the unit's TimeoutStopSec=, or from here when the configured grace is shorter than that. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <signal.h>

/* The states in which what is left in the control group has had its SIGTERM, and no command of the unit runs that a
 * SIGKILL would hit (in stop-post the recorder does). */
static bool may_kill(const UnitStatus *s) {
        return string_equal(s->sub_state, "stop-sigterm") || string_equal(s->sub_state, "final-sigterm");
}

static int on_grace_over(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;

        if (may_kill(&run->watch.status))
                (void) unit_client_kill_unit(run->manager->units, run->watch.unit, SIGKILL, NULL, NULL);
        return 0;
}

usec_t task_run_boottime(const TaskRun *run) {
        return string_equal(run->task->boot_id, run->manager->boot_id) ? clock_boottime_usec() : 0;
}

/* By the clock that nobody sets, unless the wish is of another boot than this (or of a service that did not note
 * it). */
static usec_t usec_since_wish(const TaskRun *run) {
        usec_t now = task_run_boottime(run), then = task_stop_requested_boottime(run->task);

        if (now == 0 || then == 0) {
                now = clock_realtime_usec();
                then = task_stop_requested_at(run->task);
        }
        return now > then ? now - then : 0;
}

void task_run_on_stopping(TaskRun *run) {
        usec_t grace = run->manager->config->cancel_grace_usec, since = usec_since_wish(run);
        int r;

        if (!task_is_to_stop(run->task) || !may_kill(&run->watch.status))
                return;
        /* The grace counts from the request, also across a restart of the service. */
        run->kill_source = sd_event_source_disable_unref(run->kill_source);
        r = sd_event_add_time_relative(run->manager->event, &run->kill_source, CLOCK_MONOTONIC,
                                       since < grace ? grace - since : 0, USEC_PER_MSEC, on_grace_over, run);
        if (r >= 0)
                r = sd_event_source_set_description(run->kill_source, "cancel-grace");
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The grace of the cancellation is systemd's alone: %s",
                                strerror(-r));
}

int task_run_ask_stop(TaskRun *run) {
        if (!run->watch.unit)
                return 0;
        return unit_client_stop_unit(run->manager->units, run->watch.unit, NULL, NULL);
}

int manager_cancel_task(Manager *m, const char *id, Problem *problem) {
        TaskSummary *s = task_index_find(&m->index, id);
        TaskRun *run;
        int r;

        if (!s)
                return problem_set(problem, -ENOENT, NULL, "Task not found");
        run = s->run;
        if (!run)
                return problem_set(problem, -EALREADY, NULL, "The task has already ended: %s",
                                   task_result_words[s->result]);
        if (run->task->cancel_requested)
                return 0;
        /* What has ended by itself is not made a cancelled task by a wish that came too late. */
        if (run->ending || run->left)
                return problem_set(problem, -EALREADY, NULL, "The task has already ended");

        run->task->cancel_requested = true;
        run->task->cancel_requested_at = clock_realtime_usec();
        run->task->cancel_requested_boottime = task_run_boottime(run);
        r = task_run_save(run);
        if (r < 0) {
                run->task->cancel_requested = false;
                return manager_write_problem(m, r, "The wish to cancel", problem);
        }
        log_task(LOG_INFO, id, "To be cancelled");
        if (run->waits || task_run_is_paused(run)) {
                task_run_stop_waiting(run);
                task_run_end(run);
                return 0;
        }
        task_run_set_state(run, TASK_STOPPING);
        /* Without a connection the stop is asked for as soon as there is one (manager-recover.c). */
        r = task_run_ask_stop(run);
        if (r < 0 && r != -ENOTCONN)
                log_task(LOG_WARNING, id, "systemd could not be asked to stop the unit: %s", strerror(-r));
        return 0;
}

/* How many attempts it had; -EBUSY. A document that cannot be read does not keep its task from being forgotten. */
static int check_forget(Manager *m, const TaskSummary *s, Problem *problem) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = manager_load_task(m, s, &t);
        if (r < 0)
                return r == -ENOMEM ? r : ATTEMPTS_MAX;
        if (manager_give_up_operation(m, s->id))
                return t->attempt;
        r = manager_check_idle(m, t, problem);
        return r < 0 ? r : t->attempt;
}

int manager_forget_task(Manager *m, const char *id, Problem *problem) {
        TaskSummary *s = task_index_find(&m->index, id);
        int r;

        if (!s)
                return problem_set(problem, -ENOENT, NULL, "Task not found");
        if (s->run)
                return problem_set(problem, -EBUSY, NULL, "The task has not ended; cancel it first");
        r = check_forget(m, s, problem);
        if (r >= 0)
                r = manager_forget_files(m, id, r);
        if (r < 0)
                return problem_set(problem, r, NULL, "The task's files could not be removed: %s", strerror(-r));
        task_index_remove(&m->index, id);
        log_task(LOG_INFO, id, "Forgotten");
        return 0;
}

/* Ending and forgetting tasks. SIGTERM to the whole control group is systemd's doing at StopUnit; SIGKILL comes from
 * systemd after the unit's TimeoutStopSec=, or from here when the configured grace is shorter than that. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <signal.h>

/* Whom a SIGKILL is for, by what the unit was when systemd told. The commands behind the end are to be spared, above
 * all the recorder, which writes down how it ended: they run as soon as the main process is gone, whatever is left of
 * its children. So while there is a main process it is for that alone, and should it be gone meanwhile, systemd
 * refuses and hits nobody; behind the commands it is for all who are left. Without a main process all are a step
 * before the work, or what the work left behind. */
static const char *find_whom(const UnitStatus *s) {
        if (string_equal(s->sub_state, "final-sigterm"))
                return "all";
        if (string_equal(s->sub_state, "stop-sigterm"))
                return s->main_pid > 0 ? "main" : "all";
        return NULL;
}

/* That the main process is gone and what the unit does now come in two signals; between them nobody is to be killed.
 * So the whole of it is read first, and the answer comes to task_run_on_stopping(). Without a connection it is read
 * when there is one again. */
static int on_grace_over(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;

        run->kill_asked_usec = clock_monotonic_usec();
        (void) unit_client_read_watch(&run->watch, NULL, NULL);
        return 0;
}

/* Once in each of the states: whom it did not reach at once is about to end, and a second one may hit who comes
 * next. */
static void kill_left(TaskRun *run) {
        const UnitStatus *s = &run->watch.status;
        const char *whom = find_whom(s);

        run->kill_asked_usec = 0;
        if (!whom || string_equal(run->killed_in, s->sub_state))
                return;
        memcpy(run->killed_in, s->sub_state, sizeof(run->killed_in));
        (void) manager_kill_unit(run->manager, run->watch.unit, whom);
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

static void arm_grace(TaskRun *run) {
        usec_t grace = run->manager->config->cancel_grace_usec, since = usec_since_wish(run);
        int r;

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

void task_run_on_stopping(TaskRun *run) {
        const UnitStatus *s = &run->watch.status;

        if (!task_is_to_stop(run->task))
                return;
        if (run->kill_asked_usec > 0 && run->watch.read_at_usec >= run->kill_asked_usec)
                kill_left(run);
        else if (run->kill_asked_usec == 0 && find_whom(s) && !string_equal(run->killed_in, s->sub_state))
                arm_grace(run);
}

void task_run_forget_kill(TaskRun *run) {
        run->kill_source = sd_event_source_disable_unref(run->kill_source);
        run->kill_asked_usec = 0;
        *run->killed_in = 0;
}

int task_run_ask_stop(TaskRun *run) {
        if (!run->watch.unit)
                return 0;
        return manager_stop_unit(run->manager, run->watch.unit);
}

/* On error it is as if nobody had wished. */
static int save_wish(TaskRun *run, const char *actor) {
        Task *t = run->task;
        int r = string_replace(&t->cancel_requested_by, actor);

        if (r < 0)
                return r;
        t->cancel_requested = true;
        t->cancel_requested_at = clock_realtime_usec();
        t->cancel_requested_boottime = task_run_boottime(run);
        r = task_run_save(run);
        if (r < 0) {
                t->cancel_requested = false;
                (void) string_replace(&t->cancel_requested_by, NULL);
        }
        return r;
}

int manager_cancel_task(Manager *m, const char *id, const char *actor, Problem *problem) {
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

        r = save_wish(run, actor);
        if (r < 0)
                return manager_write_problem(m, r, "The wish to cancel", problem);
        log_action(id, actor, "To be cancelled");
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

int manager_forget_task(Manager *m, const char *id, const char *actor, Problem *problem) {
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
        log_action(id, actor, "Forgotten");
        return 0;
}

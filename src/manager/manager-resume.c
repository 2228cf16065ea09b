/* A further attempt of a task that has ended: asked for through the API, or made by the service itself of one that was
 * interrupted (recovery.orphaned_task_action). It is the same task in the same directory, under the same unit's name,
 * so that its log goes on where the earlier attempt's ended. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#define PAUSE_MAX_USEC (3600 * USEC_PER_SEC)

/* --- the pause before an attempt --- */

/* Doubled with each automatic attempt. */
static usec_t pause_before(const Config *c, int automatic_attempts) {
        usec_t pause = c->resume_pause_usec;

        for (int i = 1; i < automatic_attempts && pause < PAUSE_MAX_USEC; i++)
                pause *= 2;
        return MAX_OF(MIN_OF(pause, PAUSE_MAX_USEC), c->resume_pause_usec);
}

/* Never longer than the whole pause, whatever was done to the clock meanwhile. */
static usec_t pause_left(const TaskRun *run) {
        const Task *t = run->task;
        usec_t now = clock_realtime_usec();

        if (!clock_is_set(t->resume_at) || t->resume_at <= now)
                return 0;
        return MIN_OF(t->resume_at - now, pause_before(run->manager->config, t->automatic_attempts));
}

static int on_pause_over(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;
        int r;

        run->pause_source = sd_event_source_disable_unref(run->pause_source);
        run->task->resume_at = 0;
        r = manager_start_unit(run);
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The attempt could not be started yet: %s", strerror(-r));
        return 0;
}

bool task_run_is_paused(const TaskRun *run) {
        return run->pause_source;
}

bool task_run_pause(TaskRun *run) {
        usec_t left = pause_left(run);
        int r;

        if (left == 0)
                return false;
        run->pause_source = sd_event_source_disable_unref(run->pause_source);
        r = sd_event_add_time_relative(run->manager->event, &run->pause_source, CLOCK_MONOTONIC, left, USEC_PER_SEC,
                                       on_pause_over, run);
        if (r >= 0)
                r = sd_event_source_set_description(run->pause_source, "resume-pause");
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The next attempt is made without a pause: %s", strerror(-r));
        return r >= 0;
}

/* --- by itself --- */

static bool is_to_be_resumed(const TaskRun *run) {
        return run->manager->config->orphaned_task_action == ORPHANED_TASK_RESUME &&
               run->task->result == TASK_INTERRUPTED;
}

static bool limit_is_reached(const TaskRun *run) {
        return run->task->automatic_attempts >= (int) run->manager->config->max_automatic_attempts ||
               run->task->attempt >= ATTEMPTS_MAX;
}

bool task_run_may_resume(const TaskRun *run) {
        return is_to_be_resumed(run) && !limit_is_reached(run);
}

void task_run_tell_limit(TaskRun *run) {
        char *sentence;

        if (!is_to_be_resumed(run) || !run->task->error)
                return;
        sentence = string_format("%s; it was resumed %d times (recovery.max_automatic_attempts) and is left so",
                                 run->task->error, run->task->automatic_attempts);
        if (!sentence)
                return;
        free(run->task->error);
        run->task->error = sentence;
}

static int queue_next(const Manager *m, const Task *ended, Task **ret) {
        _cleanup_(task_freep) Task *next = NULL;
        int r;

        r = task_copy(ended, &next);
        if (r >= 0)
                r = task_begin_attempt(next);
        if (r < 0)
                return r;
        next->bound_to_service = m->config->use_daemon_threads;
        *ret = TAKE_PTR(next);
        return 0;
}

/* The end of one attempt and the begin of the next get to the disk in one write: no crash can come between. */
int task_run_resume(TaskRun *run) {
        Manager *m = run->manager;
        _cleanup_(task_freep) Task *next = NULL;
        int r;

        r = queue_next(m, run->task, &next);
        if (r < 0)
                return r;
        next->automatic_attempts++;
        next->resume_at = clock_realtime_usec() + pause_before(m->config, next->automatic_attempts);
        r = task_store_save(m->store, next);
        (void) manager_note_write(m, r);
        if (r < 0)
                return r;
        task_store_drop_spilled_ending(m->store, next->id, run->task->attempt);
        log_task(LOG_NOTICE, next->id, "Attempt %d was interrupted (%s); attempt %d follows", run->task->attempt,
                 run->task->reason, next->attempt);
        task_run_renew(run, TAKE_PTR(next));
        r = manager_start_unit(run);
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The attempt could not be started yet: %s", strerror(-r));
        return 0;
}

/* --- by hand --- */

static int begin_attempt(Manager *m, TaskSummary *s, Task *next) {
        TaskRun *run = NULL;
        int r;

        r = task_run_new(m, next, false, &run);
        if (r < 0) {
                task_free(next);
                return r;
        }
        r = task_store_save(m->store, next);
        (void) manager_note_write(m, r);
        if (r < 0) {
                task_run_free(run);
                return r;
        }
        manager_unarchive(m, next->id);
        s->run = run;
        task_index_set_result(&m->index, next->id, TASK_RESULT_NONE);
        manager_active_changed(m);
        /* It is on disk: what goes wrong from here on is made good when units and files are compared. */
        r = manager_start_unit(run);
        if (r < 0)
                log_task(LOG_WARNING, next->id, "The attempt could not be started yet: %s", strerror(-r));
        return 0;
}

static int load_next(Manager *m, const TaskSummary *s, Task **ret, Problem *problem) {
        _cleanup_(task_freep) Task *ended = NULL;
        int r;

        r = manager_load_task(m, s, &ended);
        if (r >= 0)
                r = queue_next(m, ended, ret);
        if (r == -E2BIG)
                return problem_set(problem, -EALREADY, NULL, "The task has had %d attempts; create a new one",
                                   ATTEMPTS_MAX);
        if (r < 0)
                return problem_set(problem, r, NULL, "The task could not be read: %s", strerror(-r));
        (*ret)->automatic_attempts = 0;
        return 0;
}

int manager_resume_task(Manager *m, const char *id, Problem *problem) {
        TaskSummary *s = task_index_find(&m->index, id);
        Task *next;
        int r;

        if (!s)
                return problem_set(problem, -ENOENT, NULL, "Task not found");
        if (s->run)
                return problem_set(problem, -EBUSY, NULL, "The task has not ended: only then can it be resumed");
        r = manager_check_connected(m, problem);
        if (r >= 0)
                r = load_next(m, s, &next, problem);
        if (r < 0)
                return r;
        r = begin_attempt(m, s, next);
        if (r < 0)
                return manager_write_problem(m, r, "The attempt", problem);
        log_task(LOG_INFO, id, "Attempt %d is asked for", ((TaskRun *) s->run)->task->attempt);
        return 0;
}

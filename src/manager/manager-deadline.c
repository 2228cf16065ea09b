/* Deadlines that people can live with: a warning ahead of the time limit, and a task without output that is called
 * stalled, and stopped if that was asked for.
 *
 * Each is one timer of the run, set when the unit is seen running. Output does not move the stall's timer: it is noted
 * when it was, and the timer, when it fires, goes on for the rest. All is measured on CLOCK_MONOTONIC, as systemd
 * measures its limits: a clock that is set moves nothing. What was said stands in the task's document before it is
 * said, so that a restart does not say it again. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <stdio.h>

/* A task of three seconds is not to be warned of its end. */
#define AHEAD_MIN_USEC (2 * USEC_PER_SEC)

#define TIMER_ACCURACY_USEC (100 * USEC_PER_MSEC)

/* Entries of the journal that are read in one turn to find out whether a task is really silent. */
#define CATCH_UP_MAX 2048

/* When the journal cannot be read, or the wish to stop a task not be stored. */
#define RETRY_USEC (5 * USEC_PER_SEC)

static bool is_running(const TaskRun *run) {
        return run->task->state == TASK_RUNNING && !run->ending &&
               clock_is_set(run->watch.status.active_enter_monotonic_usec);
}

static void arm(TaskRun *run, sd_event_source **source, usec_t in_usec, sd_event_time_handler_t handler,
                const char *name) {
        int r;

        if (!*source)
                r = sd_event_add_time_relative(run->manager->event, source, CLOCK_MONOTONIC, in_usec,
                                               TIMER_ACCURACY_USEC, handler, run);
        else
                r = sd_event_source_set_time_relative(*source, in_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = sd_event_source_set_description(*source, name);
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The %s cannot be watched: %s", name, strerror(-r));
}

/* --- the warning --- */

static usec_t remaining_usec(const TaskRun *run) {
        usec_t end = run->watch.status.active_enter_monotonic_usec + run->task->spec.timeout_usec;
        usec_t now = clock_monotonic_usec();

        return end > now ? end - now : 0;
}

/* As the document has it; on the clock of now, where that was set since the task began. */
static usec_t deadline_on_the_clock(const TaskRun *run, usec_t remaining) {
        usec_t planned = task_deadline(run->task), now = clock_realtime_usec() + remaining;
        usec_t difference = MAX_OF(planned, now) - MIN_OF(planned, now);

        return difference < USEC_PER_SEC ? planned : now;
}

static void make_warning(const TaskRun *run, TimeWarning *ret) {
        usec_t remaining = remaining_usec(run);
        char at[CLOCK_TEXT_SIZE];

        ret->deadline = deadline_on_the_clock(run, remaining);
        ret->remaining_seconds = (remaining + USEC_PER_SEC / 2) / USEC_PER_SEC;
        snprintf(ret->sentence, sizeof(ret->sentence),
                 "The time limit of %llu s is reached in %llu s (at %s), and the task is then ended; the next one may "
                 "have a higher timeout, up to task_execution.claude_timeout (%llu s)",
                 (unsigned long long) (run->task->spec.timeout_usec / USEC_PER_SEC),
                 (unsigned long long) ret->remaining_seconds, clock_format(ret->deadline, at),
                 (unsigned long long) (run->manager->config->claude_timeout_usec / USEC_PER_SEC));
}

bool manager_get_time_warning(Manager *m, const char *id, TimeWarning *ret) {
        const TaskRun *run = manager_find_run(m, id);

        if (!run || !clock_is_set(run->task->warned_at) || !is_running(run))
                return false;
        make_warning(run, ret);
        return true;
}

static int on_warn(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;
        TimeWarning warning;

        if (!is_running(run) || remaining_usec(run) == 0)
                return 0;
        run->task->warned_at = clock_realtime_usec();
        (void) task_run_save(run);
        make_warning(run, &warning);
        log_task(LOG_WARNING, run->task->id, "%s", warning.sentence);
        log_feed_wake(run->feed);
        return 0;
}

static void watch_limit(TaskRun *run) {
        usec_t ahead = MIN_OF(run->manager->config->warn_before_usec, run->task->spec.timeout_usec / 2);
        usec_t remaining = remaining_usec(run);

        if (ahead < AHEAD_MIN_USEC || run->warn_source || clock_is_set(run->task->warned_at))
                return;
        arm(run, &run->warn_source, remaining > ahead ? remaining - ahead : 0, on_warn, "time-limit");
}

/* --- the stall --- */

/* How long ago the journal's time was. Where the clock was set since, it is told by the clock of now or by that of the
 * unit's start: the shorter time is believed, so that nobody is called silent too early. */
static usec_t age_usec(const UnitStatus *s, usec_t realtime) {
        int64_t by_now = (int64_t) (clock_realtime_usec() - realtime);
        int64_t by_start = (int64_t) (clock_monotonic_usec() - s->active_enter_monotonic_usec) -
                           (int64_t) (realtime - s->active_enter_usec);

        return (usec_t) MAX_OF(MIN_OF(by_now, by_start), (int64_t) 0);
}

static void take_last_output(TaskRun *run) {
        usec_t now = clock_monotonic_usec(), age;

        if (!clock_is_set(run->task->last_output_at))
                return;
        age = age_usec(&run->watch.status, run->task->last_output_at);
        if (age < now)
                run->output_usec = now - age;
}

static usec_t silence_usec(const TaskRun *run) {
        return clock_monotonic_usec() - MAX_OF(run->output_usec, run->watch.status.active_enter_monotonic_usec);
}

static int on_silence(sd_event_source *s, uint64_t usec, void *userdata);

static void arm_stall(TaskRun *run, usec_t in_usec) {
        arm(run, &run->stall_source, in_usec, on_silence, "stall-limit");
}

static void end_stall(TaskRun *run) {
        Task *t = run->task;

        t->stalled_at = 0;
        (void) task_run_save(run);
        log_task(LOG_NOTICE, t->id, "Output came again: the task is not stalled any more");
        log_feed_wake(run->feed);
}

/* What was stopped stays stalled, whatever it says at its end. */
static void go_on_waiting(TaskRun *run, usec_t silence) {
        if (clock_is_set(run->task->stalled_at) && !task_is_to_stop(run->task))
                end_stall(run);
        arm_stall(run, run->task->spec.stall_timeout_usec - silence);
}

void task_run_note_output(TaskRun *run) {
        usec_t silence;

        if (!run->stall_source || run->ending)
                return;
        take_last_output(run);
        silence = silence_usec(run);
        if (clock_is_set(run->task->stalled_at) && silence < run->task->spec.stall_timeout_usec)
                go_on_waiting(run, silence);
}

static void stop_stalled(TaskRun *run) {
        int r;

        task_run_set_state(run, TASK_STOPPING);
        /* Without a connection the stop is asked for as soon as there is one (manager-recover.c). */
        r = task_run_ask_stop(run);
        if (r < 0 && r != -ENOTCONN)
                log_task(LOG_WARNING, run->task->id, "systemd could not be asked to stop the unit: %s", strerror(-r));
}

/* The wish to stop it is on disk before systemd is asked. */
static void begin_stall(TaskRun *run) {
        Task *t = run->task;
        bool was_stalled = clock_is_set(t->stalled_at), stop = t->spec.stall_action == TASK_STALL_STOP;
        usec_t now = clock_realtime_usec();
        int r;

        if (was_stalled && !stop)
                return;
        if (!was_stalled)
                t->stalled_at = now;
        if (stop) {
                t->stall_stop_requested_at = now;
                t->stall_stop_requested_boottime = task_run_boottime(run);
        }
        r = task_run_save(run);
        if (r < 0 && stop) {
                t->stall_stop_requested_at = t->stall_stop_requested_boottime = 0;
                stop = false;
                arm_stall(run, RETRY_USEC);
        }
        if (!was_stalled || stop)
                log_task(LOG_WARNING, t->id, "No output came for %llu s: the task is stalled%s",
                         (unsigned long long) (t->spec.stall_timeout_usec / USEC_PER_SEC),
                         stop ? ", and is stopped (stall_action)" : "");
        log_feed_wake(run->feed);
        if (stop)
                stop_stalled(run);
}

/* What the task has written may not be read yet. 0: all of it is; -EAGAIN: more in a later turn. */
static int catch_up(TaskRun *run) {
        JournalFollower *follower = run->manager->follower;
        int r;

        r = journal_follower_look_afresh(follower);
        if (r >= 0)
                r = journal_follower_pump(follower, CATCH_UP_MAX);
        if (r != 0)
                return r < 0 ? r : -EAGAIN;
        return task_run_count(run);
}

static int on_silence(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;
        usec_t silence;
        int r;

        /* Nobody knows whether it runs while systemd is away; it is seen to again when its unit is. */
        if (!is_running(run) || !unit_client_is_connected(run->manager->units))
                return 0;
        r = catch_up(run);
        if (r < 0) {
                arm_stall(run, r == -EAGAIN ? 1 : RETRY_USEC);
                return 0;
        }
        silence = silence_usec(run);
        if (silence < run->task->spec.stall_timeout_usec)
                go_on_waiting(run, silence);
        else
                begin_stall(run);
        return 0;
}

/* The first look at a task that was already called stalled is at once: what came while nobody watched clears it. */
static void watch_output(TaskRun *run) {
        usec_t limit = run->task->spec.stall_timeout_usec, silence;
        bool stalled = clock_is_set(run->task->stalled_at);

        if (limit == 0 || (run->stall_source && (stalled || sd_event_source_get_enabled(run->stall_source, NULL) > 0)))
                return;
        if (!run->stall_source)
                take_last_output(run);
        silence = silence_usec(run);
        arm_stall(run, silence < limit && !stalled ? limit - silence : 0);
}

/* --- both --- */

void task_run_watch_deadlines(TaskRun *run) {
        if (!is_running(run))
                return;
        watch_limit(run);
        watch_output(run);
}

void task_run_drop_deadlines(TaskRun *run) {
        run->warn_source = sd_event_source_disable_unref(run->warn_source);
        run->stall_source = sd_event_source_disable_unref(run->stall_source);
        run->output_usec = 0;
}

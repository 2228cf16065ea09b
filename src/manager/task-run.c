/* TaskRun: the live side of a task that is not finished. Owned by the row of the manager's index; freed when the
 * verdict is on disk. What the unit's signals say becomes the task's state here. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

/* Lines that are counted in one turn while a log is caught up with. */
#define COUNT_BATCH 1000

/* Logs that are being counted go before those that nobody has begun to count: after a start with a thousand tasks one
 * reader of the journal is open at a time, not a thousand. */
#define COUNT_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 5)
#define BEGIN_COUNT_PRIORITY (COUNT_PRIORITY + 1)

TaskRun *manager_find_run(Manager *m, const char *id) {
        TaskSummary *s = task_index_find(&m->index, id);

        return s ? s->run : NULL;
}

int task_run_save(TaskRun *run) {
        int r = task_store_save(run->manager->store, run->task);

        run->unsaved_lines = 0;
        run->unsaved = r < 0;
        if (!manager_note_write(run->manager, r))
                log_task(LOG_ERR, run->task->id, "The task's document could not be saved: %s", strerror(-r));
        return r;
}

void task_run_set_state(TaskRun *run, TaskState state) {
        if (run->task->state == (int) state || task_is_finished(run->task))
                return;
        run->task->state = state;
        if (state == TASK_RUNNING)
                run->task->started_at = run->watch.status.active_enter_usec;
        (void) task_run_save(run);
        manager_active_changed(run->manager);
        log_feed_wake(run->feed);
}

/* The first row that fits; NULL fits everything. */
static const struct {
        const char *active_state, *sub_state;
        TaskState state;
} states[] = {
        { "activating", "start-pre", TASK_PREPARING }, { "activating", NULL, TASK_STARTING },
        { "active", NULL, TASK_RUNNING },              { "reloading", NULL, TASK_RUNNING },
        { "deactivating", "stop-post", TASK_REVIEWING }, { "deactivating", NULL, TASK_STOPPING },
};

int task_run_state_of_unit(const UnitStatus *s, TaskState *ret) {
        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                if (!string_equal(states[i].active_state, s->active_state))
                        continue;
                if (states[i].sub_state && !string_equal(states[i].sub_state, s->sub_state))
                        continue;
                *ret = states[i].state;
                return 0;
        }
        return -ENOENT;
}

static void note_invocation(TaskRun *run) {
        const char *id = run->watch.status.invocation_id;

        if (!*id || string_equal(id, run->task->invocation_id))
                return;
        if (string_replace(&run->task->invocation_id, id) >= 0)
                (void) task_run_save(run);
        manager_active_changed(run->manager);
}

static void on_cleared(void *userdata, int error _unused_, const char *sentence _unused_) {
        manager_compare(userdata);
}

/* systemd may still hold the failed unit of the attempt before, whose release a crash cut off: it is in the way of the
 * next one, which starts when the units are compared again. Only the first time at once. */
static bool clear_earlier_unit(TaskRun *run) {
        Manager *m = run->manager;

        if (!attempt_list_has_invocation(&run->task->attempts, run->watch.status.invocation_id))
                return false;
        log_task(LOG_INFO, run->task->id, "The unit of an earlier attempt is in the way; it is released");
        (void) unit_client_reset_unit(m->units, run->watch.unit, run->cleared ? NULL : on_cleared, m);
        run->cleared = true;
        return true;
}

static void on_unit_changed(UnitWatch *w) {
        TaskRun *run = container_of(w, TaskRun, watch);
        TaskState state;

        if (run->ending || clear_earlier_unit(run))
                return;
        /* Asked for, looked for and not there: comparing tells whether systemd never heard of it, once the start is
         * answered; until then it may be on its way. Signals, which may come before the answer to the start and before
         * the first look, are of a unit that is there. */
        if (run->task->state == TASK_QUEUED && *w->status.load_state && !unit_status_is_loaded(&w->status)) {
                if (!run->starting && !run->put_off)
                        manager_compare(run->manager);
                return;
        }
        note_invocation(run);
        if (unit_status_is_ended(&w->status)) {
                run->ended = w->status;
                task_run_end(run);
                return;
        }
        task_run_settle(run);
        if (task_run_state_of_unit(&w->status, &state) < 0)
                return;
        if (state > TASK_PREPARING)
                task_run_started(run);
        if (task_is_to_stop(run->task))
                state = TASK_STOPPING;
        task_run_set_state(run, state);
        task_run_on_stopping(run);
        task_run_watch_deadlines(run);
}

int task_run_watch(TaskRun *run) {
        _cleanup_free_ char *unit = task_unit_name(run->task->id);

        if (run->watch.client)
                return 0;
        if (!unit)
                return -ENOMEM;
        run->watch.on_changed = on_unit_changed;
        return unit_watch_begin(&run->watch, run->manager->units, unit);
}

static void count_line(TaskRun *run, const LogLine *line) {
        Task *t = run->task;

        t->log_lines++;
        t->log_bytes += line->size + 1;
        t->last_output_at = line->realtime_usec;
        (void) string_replace(&t->log_cursor, line->cursor);
        if (task_runs_agent(t))
                claude_outcome_take(&run->agent, line->text, line->size);
        run->unsaved_lines++;
}

static void on_counter_wake(void *userdata) {
        TaskRun *run = userdata;

        (void) sd_event_source_set_enabled(run->count_source, SD_EVENT_ONESHOT);
}

/* An agent's log is read anew from the begin of this attempt, since its result may be in it. */
static int rewind_to_attempt(Task *t) {
        const Attempt *before = t->attempts.n > 0 ? &t->attempts.items[t->attempts.n - 1] : NULL;

        t->log_lines = before ? before->log_lines : 0;
        t->log_bytes = before ? before->log_bytes : 0;
        return string_replace(&t->log_cursor, before ? before->log_cursor : NULL);
}

/* Lines that were counted before the service went down are not counted again; what is archived was counted. */
static int open_counter(TaskRun *run) {
        Task *t = run->task;
        int r;

        r = log_viewer_new_in_journal(run->feed, on_counter_wake, run, &run->counter);
        if (r >= 0)
                r = sd_event_source_set_priority(run->count_source, COUNT_PRIORITY);
        if (r < 0 || log_feed_is_from_start(run->feed))
                return r;
        r = task_runs_agent(t) ? rewind_to_attempt(t) : 0;
        if (r < 0)
                return r;
        if (t->log_cursor && log_viewer_seek_after(run->counter, t->log_cursor) >= 0)
                return 0;
        t->log_lines = t->log_bytes = 0;
        return 0;
}

int task_run_count(TaskRun *run) {
        int r = run->counter ? 0 : open_counter(run);
        uint64_t counted = run->task->log_lines; /* opening may have begun anew */
        LogLine line;
        bool more = r >= 0;

        for (unsigned i = 0; more && i < COUNT_BATCH; i++) {
                r = log_viewer_next(run->counter, &line);
                more = r > 0;
                if (more)
                        count_line(run, &line);
        }
        if (run->task->log_lines > counted)
                task_run_note_output(run);
        if (r < 0 && r != -EAGAIN)
                log_task(LOG_WARNING, run->task->id, "The log could not be read: %s", strerror(-r));
        return more || r == -EAGAIN ? -EAGAIN : 0;
}

/* Outside the follower's and the viewers' own work; saves the document when enough lines have come. */
static int on_count(sd_event_source *s, void *userdata) {
        TaskRun *run = userdata;
        int r = task_run_count(run);

        if (run->unsaved_lines >= run->manager->config->status_save_interval && !run->ending)
                (void) task_run_save(run);
        return sd_event_source_set_enabled(s, r == -EAGAIN ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int add_sources(TaskRun *run) {
        int r;

        r = sd_event_add_defer(run->manager->event, &run->count_source, on_count, run);
        if (r >= 0)
                r = sd_event_source_set_priority(run->count_source, BEGIN_COUNT_PRIORITY);
        if (r >= 0)
                r = sd_event_source_set_description(run->count_source, "log-count");
        return r;
}

int task_run_new(Manager *m, Task *task, bool from_start, TaskRun **ret) {
        _cleanup_free_ char *unit = task_unit_name(task->id);
        TaskRun *run = calloc(1, sizeof(TaskRun));
        int r;

        if (!run || !unit) {
                free(run);
                return -ENOMEM;
        }
        run->manager = m;
        run->agent = CLAUDE_OUTCOME_NULL;
        m->n_runs++;
        r = manager_open_follower(m);
        if (r >= 0)
                r = log_feed_new(&m->journal, unit, m->config->max_memory_logs, from_start, &run->feed);
        if (r >= 0) {
                log_feed_set_archive(run->feed, m->archive, false);
                log_feed_set_follower(run->feed, m->follower);
                r = add_sources(run);
        }
        if (r < 0) {
                task_run_free(run);
                return r;
        }
        run->task = task;
        *ret = run;
        return 0;
}

/* What belongs to one attempt: all but the log and who looks at it. */
static void end_attempt(TaskRun *run) {
        task_run_stop_waiting(run);
        task_run_started(run);
        unit_watch_end(&run->watch);
        run->drain_source = sd_event_source_disable_unref(run->drain_source);
        run->kill_source = sd_event_source_disable_unref(run->kill_source);
        run->pause_source = sd_event_source_disable_unref(run->pause_source);
        task_run_drop_deadlines(run);
        claude_outcome_done(&run->agent);
        free(run->refused);
        run->refused = NULL;
        task_run_settle(run);
}

void task_run_renew(TaskRun *run, Task *next) {
        if (string_equal(run->watch.status.active_state, "failed") && run->watch.unit)
                (void) unit_client_reset_unit(run->manager->units, run->watch.unit, NULL, NULL);
        end_attempt(run);
        run->watch.status = (UnitStatus){};
        run->ended = (UnitStatus){};
        run->ending = run->expected = run->cleared = run->verdict_waits = run->unsaved = false;
        run->unsaved_lines = 0;
        task_free(run->task);
        run->task = next;
        manager_active_changed(run->manager);
        log_feed_wake(run->feed);
}

TaskRun *task_run_free(TaskRun *run) {
        if (!run)
                return NULL;
        end_attempt(run);
        sd_event_source_disable_unref(run->count_source);
        log_viewer_free(run->counter);
        if (run->feed)
                log_feed_finish(run->feed);
        log_feed_unref(run->feed);
        task_free(run->task);
        run->manager->n_runs--;
        manager_close_follower(run->manager);
        free(run);
        return NULL;
}

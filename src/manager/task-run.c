/* TaskRun: the live side of a task that is not finished. Owned by the row of the manager's index; freed when the
 * verdict is on disk. What the unit's signals say becomes the task's state here. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

TaskRun *manager_find_run(Manager *m, const char *id) {
        TaskSummary *s = task_index_find(&m->index, id);

        return s ? s->run : NULL;
}

int task_run_save(TaskRun *run) {
        int r = task_store_save(run->manager->store, run->task);

        task_run_forget_change(run);
        run->unsaved_lines = 0;
        run->unsaved = r < 0;
        task_index_note(&run->manager->index, run->task->id, run->task);
        if (!manager_note_write(run->manager, r))
                log_task(LOG_ERR, run->task->id, "The task's document could not be saved: %s", strerror(-r));
        return r;
}

void task_run_set_state(TaskRun *run, TaskState state) {
        bool same = run->task->state == (int) state;
        int step = task_run_find_step(run, state);

        if (task_is_finished(run->task) || (same && step == run->task->step))
                return;
        run->task->state = state;
        run->task->step = step;
        if (state == TASK_RUNNING && !same)
                run->task->started_at = run->watch.status.active_enter_usec;
        task_run_save_soon(run);
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

/* The program has ended, and what it left is being stopped: its children, and the relay of its output, which always
 * takes a moment longer. Nobody need have asked for that. */
static bool is_ending_by_itself(const UnitStatus *s) {
        return string_equal(s->active_state, "deactivating") && s->exec_main_code != 0;
}

int task_run_state_of_unit(const UnitStatus *s, TaskState *ret) {
        if (is_ending_by_itself(s)) {
                *ret = TASK_REVIEWING;
                return 0;
        }
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
                task_run_save_soon(run);
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
        (void) manager_reset_unit(m, run->watch.unit, run->cleared ? NULL : on_cleared, m);
        run->cleared = true;
        return true;
}

/* The launcher's answer comes over another connection than what systemd says of the unit, and may overtake it: that
 * there is none, from between the release of the attempt before and the start of this one. A list that is asked for
 * now tells. */
static bool may_be_older_than_start(const TaskRun *run) {
        const UnitStatus *s = &run->watch.status;

        return run->manager->launcher && run->task->state == TASK_STARTING && !run->task->invocation_id &&
               *s->load_state && !unit_status_is_loaded(s);
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
        if (may_be_older_than_start(run)) {
                manager_compare(run->manager);
                return;
        }
        note_invocation(run);
        if (unit_status_is_ended(&w->status)) {
                run->ended = w->status;
                task_run_end(run);
                return;
        }
        if (task_run_state_of_unit(&w->status, &state) < 0) {
                task_run_settle(run);
                return;
        }
        if (state > TASK_PREPARING)
                task_run_started(run);
        else if (state == TASK_PREPARING)
                task_run_spawned(run);
        if (task_is_to_stop(run->task))
                state = TASK_STOPPING;
        task_run_set_state(run, state);
        task_run_settle(run);
        task_run_on_stopping(run);
        task_run_watch_deadlines(run);
}

int task_run_watch(TaskRun *run) {
        _cleanup_free_ char *unit = task_unit_name(run->task->id);

        if (run->watch.client)
                return 0;
        if (!unit)
                return -ENOMEM;
        task_run_take_place(run);
        run->watch.on_changed = on_unit_changed;
        run->watch.follows_commands = task_run_has_steps(run);
        return unit_watch_begin(&run->watch, run->manager->units, unit);
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
        m->n_runs++;
        r = manager_open_follower(m);
        if (r >= 0)
                r = log_feed_new(&m->journal, unit, m->config->max_memory_logs, from_start, &run->feed);
        if (r >= 0)
                r = log_feed_set_first(run->feed, task->log_first_cursor);
        if (r >= 0) {
                log_feed_set_archive(run->feed, m->archive, false);
                log_feed_set_follower(run->feed, m->follower);
                r = task_run_add_counter(run);
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
        task_run_stop_saving(run);
        task_run_forget_change(run);
        task_run_started(run);
        task_run_leave_place(run);
        unit_watch_end(&run->watch);
        run->drain_source = sd_event_source_disable_unref(run->drain_source);
        task_run_forget_kill(run);
        run->pause_source = sd_event_source_disable_unref(run->pause_source);
        task_run_drop_deadlines(run);
        free(run->refused);
        run->refused = NULL;
        task_run_settle(run);
}

void task_run_renew(TaskRun *run, Task *next) {
        manager_release_unit(run->manager, run->watch.unit, &run->watch.status);
        end_attempt(run);
        run->watch.status = (UnitStatus){};
        run->ended = (UnitStatus){};
        run->ending = run->expected = run->cleared = run->verdict_waits = run->unsaved = false;
        run->unsaved_lines = 0;
        task_free(run->task);
        run->task = next;
        (void) log_feed_set_first(run->feed, next->log_first_cursor);
        manager_active_changed(run->manager);
        log_feed_wake(run->feed);
}

TaskRun *task_run_free(TaskRun *run) {
        if (!run)
                return NULL;
        end_attempt(run);
        sd_event_source_disable_unref(run->count_source);
        log_viewer_free(run->counter);
        if (run->feed && run->task)
                (void) log_feed_set_end(run->feed, run->task->log_cursor,
                                        run->task->log_lines - run->task->log_archived_lines);
        if (run->feed)
                log_feed_finish(run->feed);
        log_feed_unref(run->feed);
        task_free(run->task);
        run->manager->n_runs--;
        manager_close_follower(run->manager);
        free(run);
        return NULL;
}

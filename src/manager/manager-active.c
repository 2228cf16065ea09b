/* active_tasks.json: what now runs, for whoever reads the directory. Written at the end of the turn in which something
 * changed, so that a turn which changes much writes once; and since all of it is written for each change, no more than
 * about 5 % of the time is spent so, however many tasks there are: a pause follows, as behind a save of counts
 * (manager-saves.c). */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#define PAUSE_MAX_USEC USEC_PER_SEC

/* After a start of the service the document is known before the process. */
static bool is_alive(const TaskRun *run) {
        return run->watch.status.main_pid > 0 || (run->task->state >= TASK_PREPARING && !run->ending);
}

static Json *active_row(const TaskRun *run) {
        _cleanup_json_ Json *row = json_new_object();
        const Task *t = run->task;
        _cleanup_free_ char *unit = task_unit_name(t->id);
        int r;

        if (!row || !unit)
                return NULL;
        r = json_set_string(row, "task_id", t->id);
        if (r >= 0)
                r = json_set_string(row, "unit", unit);
        if (r >= 0)
                r = json_set_string(row, "thread_name", unit);
        if (r >= 0)
                r = json_set_string(row, "invocation_id", t->invocation_id);
        if (r >= 0)
                r = json_set(row, "started_at", json_new_time(t->started_at));
        if (r >= 0)
                r = json_set_bool(row, "is_alive", is_alive(run));
        return r < 0 ? NULL : TAKE_PTR(row);
}

static int write_active(Manager *m) {
        _cleanup_json_ Json *array = json_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < m->index.n; i++)
                if (m->index.rows[i].run)
                        r = json_push(array, active_row(m->index.rows[i].run));
        return r < 0 ? r : task_store_write_active(m->store, array);
}

int manager_write_active(Manager *m) {
        int r = write_active(m);

        if (!manager_note_write(m, r))
                log_error("active_tasks.json could not be written: %s", strerror(-r));
        return r;
}

/* A directory that cannot be written is for manager-disk.c to try again, and this file is what it tries. */
static void write_and_pause(Manager *m) {
        usec_t began = clock_monotonic_usec();

        if (m->write_error < 0)
                return;
        (void) manager_write_active(m);
        m->active_after_usec = manager_end_of_pause(began, PAUSE_MAX_USEC);
}

static int on_turn_end(sd_event_source *s _unused_, void *userdata) {
        write_and_pause(userdata);
        return 0;
}

static int on_pause_end(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        write_and_pause(userdata);
        return 0;
}

void manager_finish_active(Manager *m) {
        if (sd_event_source_get_enabled(m->active_pause_source, NULL) > 0)
                (void) manager_write_active(m);
}

void manager_active_changed(Manager *m) {
        usec_t now = clock_monotonic_usec();

        if (sd_event_source_get_enabled(m->active_pause_source, NULL) > 0)
                return;
        if (now >= m->active_after_usec) {
                (void) sd_event_source_set_enabled(m->active_source, SD_EVENT_ONESHOT);
                return;
        }
        (void) sd_event_source_set_time_relative(m->active_pause_source, m->active_after_usec - now);
        (void) sd_event_source_set_enabled(m->active_pause_source, SD_EVENT_ONESHOT);
}

int manager_open_active(Manager *m) {
        int r;

        r = sd_event_add_defer(m->event, &m->active_source, on_turn_end, m);
        if (r >= 0)
                r = sd_event_source_set_description(m->active_source, "active-tasks");
        if (r >= 0)
                r = sd_event_source_set_priority(m->active_source, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &m->active_pause_source, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                                               on_pause_end, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->active_pause_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(m->active_pause_source, "active-tasks-pause");
        return r;
}

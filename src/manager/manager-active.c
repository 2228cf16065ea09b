/* active_tasks.json: what now runs, for whoever reads the directory. Written at the end of the turn in which something
 * changed, so that a turn which changes much writes once. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

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

static int on_active_changed(sd_event_source *s _unused_, void *userdata) {
        (void) manager_write_active(userdata);
        return 0;
}

void manager_active_changed(Manager *m) {
        (void) sd_event_source_set_enabled(m->active_source, SD_EVENT_ONESHOT);
}

int manager_open_active(Manager *m) {
        int r;

        r = sd_event_add_defer(m->event, &m->active_source, on_active_changed, m);
        if (r >= 0)
                r = sd_event_source_set_description(m->active_source, "active-tasks");
        if (r >= 0)
                r = sd_event_source_set_priority(m->active_source, SD_EVENT_PRIORITY_NORMAL + 1);
        return r;
}

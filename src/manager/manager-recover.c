/* Finding out what is alive, what ended and what never began: the files against the list of units. The same code runs
 * at start, after the bus came back, after systemd was reloaded, and now and then. */
#include "manager-internal.h"

#include <remote-developer/journal-records.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

static int take_up_finished(Manager *m, const char *id, TaskResult result, usec_t finished_at) {
        int r = task_index_add(&m->index, id, result, NULL);

        if (r >= 0)
                task_index_find(&m->index, id)->finished_at = finished_at;
        return r;
}

static int take_up(Manager *m, Task *task) {
        TaskRun *run = NULL;
        int r;

        if (task_is_finished(task)) {
                r = take_up_finished(m, task->id, (TaskResult) task->result, task->finished_at);
                task_index_note(&m->index, task->id, task);
                manager_take_up_operation(m, task);
                task_free(task);
                return r;
        }
        r = task_run_new(m, task, false, &run);
        if (r < 0) {
                task_free(task);
                return r;
        }
        r = task_index_add(&m->index, task->id, TASK_RESULT_NONE, run);
        if (r < 0) {
                task_run_free(run);
                return r;
        }
        task_index_note(&m->index, task->id, task);
        run->unsettled = true;
        m->n_unsettled++;
        return 0;
}

static int load_task(Manager *m, const char *id) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_free_ char *name = string_format("%s.json", id);
        const TaskSummary *known;
        TaskGlance glance;
        Task *task;
        int r;

        if (!name)
                return -ENOMEM;
        known = task_index_find(&m->index, id);
        if (known && !known->archived)
                return 0;
        if (!known && task_store_glance(m->store, id, &glance))
                return take_up_finished(m, id, glance.result, glance.finished_at);
        r = task_store_load(m->store, id, &task, &problem);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                manager_refuse_file(m, name, r, &problem);
                return 0;
        }
        if (!manager_settle_twin(m, task)) {
                task_free(task);
                return 0;
        }
        return take_up(m, task);
}

int manager_load_tasks(Manager *m) {
        _cleanup_strv_ char **ids = NULL;
        int r;

        manager_forget_strays(m);
        r = task_store_list(m->store, &ids);
        for (size_t i = 0; r >= 0 && ids && ids[i]; i++)
                r = load_task(m, ids[i]);
        if (r < 0)
                return r;
        manager_drop_left_credentials(m);
        manager_survey(m);
        return manager_find_strays(m);
}

/* Queued, and nothing anywhere tells that systemd ever heard of it. */
static bool never_began(TaskRun *run) {
        _cleanup_(evidence_done) Evidence e = EVIDENCE_NULL;
        const Task *t = run->task;
        _cleanup_free_ char *unit = task_unit_name(t->id);
        _cleanup_strv_ char **earlier = NULL;
        Ending ending;

        if (t->state != TASK_QUEUED || t->cancel_requested || !unit)
                return false;
        if (task_store_read_ending(run->manager->store, t->id, t->attempt, &ending) != -ENOENT)
                return false;
        if (attempt_list_invocations(&t->attempts, &earlier) < 0)
                return false;
        return journal_records_read(&run->manager->journal, unit, NULL, earlier, &e) < 0 || !e.manager_acted;
}

static void on_missing(TaskRun *run) {
        Manager *m = run->manager;
        int r;

        if (run->waits || task_run_is_paused(run))
                return;
        if (never_began(run)) {
                task_run_settle(run);
                m->n_started++;
                r = manager_start_unit(run);
                if (r < 0)
                        log_task(LOG_ERR, run->task->id, "The task could not be started: %s", strerror(-r));
                return;
        }
        task_run_end(run);
        m->n_ended += run->ending;
}

/* Alive, and as far as its document says. The rest can be read when there is time, and a start with a thousand tasks
 * does not wait for a thousand reads. */
static bool is_as_documented(const TaskRun *run, const UnitStatus *listed) {
        TaskState state;

        /* Which step it is at is not in the list. */
        if (task_run_has_steps(run) && run->task->state != TASK_RUNNING)
                return false;
        return !unit_status_is_ended(listed) && task_run_state_of_unit(listed, &state) >= 0 &&
               (int) state == run->task->state;
}

static void read_found(TaskRun *run, const UnitStatus *listed) {
        if (!is_as_documented(run, listed)) {
                (void) unit_client_read_watch(&run->watch, NULL, NULL);
                return;
        }
        task_run_settle(run);
        (void) unit_client_read_watch_later(&run->watch);
}

static void on_found(Manager *m, const char *unit, const UnitStatus *listed) {
        char id[TASK_ID_SIZE + 1];
        TaskSummary *s;
        TaskRun *run;

        if (!task_id_from_unit(unit, id))
                return;
        s = task_index_find(&m->index, id);
        if (!s) {
                manager_adopt_unit(m, id, unit);
                return;
        }
        run = s->run;
        if (!run) {
                /* Its verdict is on disk; the release of the unit was cut off. */
                (void) manager_reset_unit(m, unit, NULL, NULL);
                return;
        }
        run->expected = false;
        if (run->ending || task_run_watch(run) < 0)
                return;
        m->n_found++;
        read_found(run, listed);
        if (task_is_to_stop(run->task))
                (void) task_run_ask_stop(run);
}

static void check_recovered(Manager *m) {
        if (m->has_recovered || !m->listed || m->n_unsettled > 0)
                return;
        m->has_recovered = true;
        manager_survey(m);
        if (m->recovered)
                m->recovered(m->userdata);
}

void task_run_settle(TaskRun *run) {
        if (!run->unsettled)
                return;
        run->unsettled = false;
        run->manager->n_unsettled--;
        check_recovered(run->manager);
}

static void tell(Manager *m) {
        if (!m->has_recovered)
                log_notice("Recovery: %zu tasks known; %u with a unit, %u ended meanwhile, %u started now; %zu files "
                           "lie aside, %zu are refused",
                                m->index.n, m->n_found, m->n_ended, m->n_started, m->aside.n, m->refused.n);
        else if (m->n_ended + m->n_started > 0)
                log_notice("Units compared with files: %u ended unnoticed, %u started now", m->n_ended, m->n_started);
}

static void finish_comparison(Manager *m) {
        for (size_t i = 0; i < m->index.n; i++) {
                TaskRun *run = m->index.rows[i].run;

                if (run && run->expected && !run->ending)
                        on_missing(run);
        }
        tell(m);
        /* What the service before left there. */
        if (!m->listed)
                manager_active_changed(m);
        m->listed = true;
        check_recovered(m);
}

static void on_list(void *userdata, int error, const char *unit, const UnitStatus *listed) {
        Manager *m = userdata;

        if (unit) {
                on_found(m, unit, listed);
                return;
        }
        m->comparing = false;
        if (error < 0)
                log_warning("The units could not be listed: %s", strerror(-error));
        else
                finish_comparison(m);
}

static void expect(TaskRun *run) {
        run->expected = !run->asking;
}

/* Runs that begin from here on are not expected in the list: their unit may come after it. Nor are those that the
 * launcher has been asked for, which may be overtaken by the list. */
void manager_compare(Manager *m) {
        int r;

        if (m->comparing)
                return;
        for (size_t i = 0; i < m->index.n; i++)
                if (m->index.rows[i].run)
                        expect((TaskRun *) m->index.rows[i].run);
        manager_look_at_operations(m);
        m->n_found = m->n_ended = m->n_started = 0;
        m->compared_at_usec = clock_monotonic_usec();
        r = unit_client_list_units(m->units, TASK_UNIT_PATTERN, on_list, m);
        m->comparing = r >= 0;
        if (r < 0 && r != -ENOTCONN)
                log_warning("The units could not be listed: %s", strerror(-r));
}

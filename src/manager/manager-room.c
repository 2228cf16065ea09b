/* How many tasks there may be: running, waiting for their turn, kept. A task that has or is about to have a unit takes
 * a place; who finds none waits in the order in which all came, on disk like any queued task. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

bool task_run_has_room(const TaskRun *run) {
        const Manager *m = run->manager;

        return manager_may_start(m) && (run->has_place || m->n_placed < m->config->max_running_tasks);
}

void task_run_take_place(TaskRun *run) {
        run->manager->n_placed += !run->has_place;
        run->has_place = true;
}

void task_run_leave_place(TaskRun *run) {
        if (!run->has_place)
                return;
        run->has_place = false;
        run->manager->n_placed--;
        manager_start_waiting(run->manager);
}

void task_run_wait_for_turn(TaskRun *run) {
        if (run->waits)
                return;
        run->waits = true;
        run->manager->n_waiting++;
        TAILQ_INSERT_TAIL(&run->manager->waiting, run, waiting);
}

void task_run_stop_waiting(TaskRun *run) {
        if (!run->waits)
                return;
        run->waits = false;
        run->manager->n_waiting--;
        TAILQ_REMOVE(&run->manager->waiting, run, waiting);
}

/* One that cannot be started leaves its place, which comes here again: that is left to the loop under way. */
void manager_start_waiting(Manager *m) {
        TaskRun *next;
        int r;

        if (m->starts_waiting)
                return;
        m->starts_waiting = true;
        while ((next = TAILQ_FIRST(&m->waiting)) && task_run_has_room(next)) {
                task_run_stop_waiting(next);
                r = task_run_start_now(next);
                if (r < 0)
                        log_task(LOG_WARNING, next->task->id, "The task could not be started yet: %s", strerror(-r));
        }
        m->starts_waiting = false;
}

/* One that would start at once needs no place in the line, however short that is. */
static bool is_line_full(const Manager *m) {
        bool starts_at_once = m->n_waiting == 0 && m->n_placed < m->config->max_running_tasks;

        return !starts_at_once && m->n_waiting >= m->config->max_queued_tasks;
}

int manager_check_turn(const Manager *m, Problem *problem) {
        if (!is_line_full(m))
                return 0;
        return problem_set(problem, -EAGAIN, NULL,
                           "%u tasks run (task_execution.max_running_tasks) and %zu wait for their turn "
                           "(max_queued_tasks): try again when some have ended",
                           (unsigned) m->n_placed, m->n_waiting);
}

int manager_check_kept(const Manager *m, Problem *problem) {
        if (m->index.n < m->config->max_tasks)
                return 0;
        return problem_set(problem, -EAGAIN, NULL,
                           "%zu tasks are kept, as many as persistence.max_tasks allows: delete ended ones "
                           "(DELETE /api/task/ID), or raise it", m->index.n);
}

/* Operations on the work tree of a task that has ended (operation.h): from the request to what came of it.
 *
 *   manager_begin_operation() ──▶ on_start_reply() ──▶ on_unit_changed() ... ──▶ conclude() ──▶ gone
 *     on disk, unit asked                         ▲ taken up at start       │ not saved: later
 *
 * What it came to is what its step reported, if that report is of this operation: it is there before the unit's end
 * is, whether or not the service was. */
#include "operation-run.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

/* systemd.exec(5): it could not go to the unit's directory. */
#define EXIT_CHDIR 200

OperationRun *manager_find_operation(const Manager *m, const char *id) {
        OperationRun *o;

        LIST_FOREACH(o, &m->operations, list)
                if (string_equal(o->task->id, id))
                        return o;
        return NULL;
}

const Task *operation_run_task(const OperationRun *o) {
        return o->task;
}

const OperationRun *manager_next_operation(const Manager *m, const OperationRun *o) {
        return o ? LIST_NEXT(o, list) : LIST_FIRST(&m->operations);
}

static const char *word_of(const OperationRun *o) {
        return operation_kind_words[o->kind];
}

int manager_check_idle(Manager *m, const Task *t, Problem *problem) {
        const OperationRun *o;

        manager_take_up_operation(m, t);
        o = manager_find_operation(m, t->id);
        if (!o)
                return 0;
        if (o->unsaved)
                return problem_set(problem, -EBUSY, NULL,
                                   "What came of the %s of this task cannot be written to the disk yet", word_of(o));
        return problem_set(problem, -EBUSY, NULL, "A %s of this task is under way: wait for its end", word_of(o));
}

/* The task is taken. */
static OperationRun *operation_run_free(OperationRun *o) {
        if (!o)
                return NULL;
        unit_watch_end(&o->watch);
        LIST_REMOVE(o, list);
        task_free(o->task);
        free(o->refused);
        free(o);
        return NULL;
}

/* --- its end --- */

static int save(OperationRun *o) {
        Manager *m = o->manager;
        const TaskSummary *s = task_index_find(&m->index, o->task->id);
        int r;

        r = s && s->archived ? task_archive_save(m->archive, o->task) : task_store_save(m->store, o->task);
        if (!manager_note_write(m, r))
                log_task(LOG_ERR, o->task->id, "The task's document could not be saved: %s", strerror(-r));
        if (r >= 0)
                task_index_note(&m->index, o->task->id, o->task);
        return r;
}

/* What only the operation needed goes when the document names it no more; the token, with the unit. */
static void forget_files(const OperationRun *o) {
        int r = task_store_remove_operation(o->manager->store, o->task->id);

        if (r < 0)
                log_task(LOG_WARNING, o->task->id, "The operation's text could not be removed: %s", strerror(-r));
        manager_drop_credentials(o->manager, o->task->id);
}

static int save_end(OperationRun *o) {
        int r = save(o);

        o->unsaved = r < 0;
        if (r < 0)
                return r;
        forget_files(o);
        (void) operation_run_free(o);
        return 0;
}

/* Why there is no report of it. */
static char *describe_end(const OperationRun *o) {
        const UnitStatus *s = &o->watch.status;

        if (o->refused)
                return string_format("systemd did not start it: %s", o->refused);
        if (string_equal(s->result, "timeout"))
                return string_format("It took longer than %llu s (task_execution.default_timeout)",
                                     (unsigned long long) (o->manager->config->default_timeout_usec / USEC_PER_SEC));
        if (s->exec_main_status == EXIT_CHDIR)
                return strdup("The directory that the task worked in is not there any more");
        if (o->is_taken_up && !unit_status_is_loaded(s))
                return strdup("The service was not there, and nothing tells what came of it: it may not have begun");
        return string_format("It ended without a word of what it came to; the journal of %s may have more",
                             o->watch.unit ?: "its unit");
}

static void read_outcome(const OperationRun *o, OperationOutcome *ret) {
        const Operation *operation = &o->task->operation;
        _cleanup_(buffer_done) Buffer report = BUFFER_NULL;
        int r;

        r = manager_read_report(o->manager, o->task->id, operation_report(o->kind), WORKSPACE_REPORT_MAX, &report);
        if (r >= 0)
                r = operation_outcome_parse(operation, report.data, report.size, ret);
        /* What the step foretold of its end is less than what systemd knows. */
        if (r >= 0 && (ret->ok || !string_equal(o->watch.status.result, "timeout")))
                return;
        free(ret->error);
        ret->error = describe_end(o);
}

static void take_commit(OperationRun *o, const OperationOutcome *outcome) {
        TaskChanges *changes = &o->task->changes;
        char *message;

        changes->is_committed |= outcome->committed || outcome->ok;
        if (!outcome->committed || task_store_read_operation(o->manager->store, o->task->id, &message) < 0)
                return;
        free(changes->commit_message);
        changes->commit_message = message;
}

static void take_outcome(OperationRun *o, const OperationOutcome *outcome) {
        TaskChanges *changes = &o->task->changes;

        if (o->kind == OPERATION_COMMIT)
                take_commit(o, outcome);
        else if (outcome->ok && outcome->pr_url)
                (void) string_replace(&changes->pr_url, outcome->pr_url);
        if (outcome->branch)
                (void) string_replace(&changes->current_branch, outcome->branch);
        operation_end_done(&o->task->last_operation);
        o->task->last_operation = (OperationEnd){ .kind = (int) o->kind, .ok = outcome->ok,
                                                  .ended_at = clock_realtime_usec() };
        o->task->last_operation.requested_by = TAKE_PTR(o->task->operation.requested_by);
        (void) string_replace(&o->task->last_operation.error, outcome->ok ? NULL : outcome->error);
}

static void tell(OperationRun *o, const OperationOutcome *outcome) {
        OperationEnded ended = o->ended;

        if (outcome->ok)
                log_task(LOG_INFO, o->task->id, "The %s is done", word_of(o));
        else
                log_task(LOG_NOTICE, o->task->id, "The %s failed: %s", word_of(o),
                         outcome->error ?: "it does not say why");
        o->ended = NULL;
        if (ended)
                ended(o->userdata, outcome);
}

/* Frees it, unless its end could not be written down. */
static void conclude(OperationRun *o) {
        _cleanup_(operation_outcome_done) OperationOutcome outcome = OPERATION_OUTCOME_NULL;
        Manager *m = o->manager;

        read_outcome(o, &outcome);
        take_outcome(o, &outcome);
        manager_release_unit(m, o->watch.unit, &o->watch.status);
        unit_watch_end(&o->watch);
        manager_drop_credentials(m, o->task->id);
        tell(o, &outcome);
        operation_done(&o->task->operation);
        (void) save_end(o);
}

bool manager_save_operations(Manager *m) {
        OperationRun *o, *next;
        bool all = true;

        for (o = LIST_FIRST(&m->operations); o; o = next) {
                next = LIST_NEXT(o, list);
                if (o->unsaved)
                        all &= save_end(o) >= 0;
        }
        return all;
}

/* --- its unit --- */

static void on_unit_changed(UnitWatch *w) {
        OperationRun *o = container_of(w, OperationRun, watch);
        const UnitStatus *s = &w->status;

        /* Until the start is answered the unit may be that of an operation before. */
        if (!o->asked && *s->load_state && (!unit_status_is_loaded(s) || unit_status_is_ended(s)))
                conclude(o);
}

static int watch(OperationRun *o) {
        _cleanup_free_ char *unit = operation_unit_name(o->kind, o->task->id);

        o->watch.on_changed = on_unit_changed;
        return unit ? unit_watch_begin(&o->watch, o->manager->units, unit) : -ENOMEM;
}

void manager_look_at_operations(Manager *m) {
        OperationRun *o;

        LIST_FOREACH(o, &m->operations, list)
                if (o->watch.client && !o->asked)
                        (void) unit_client_read_watch(&o->watch, NULL, NULL);
}

static void on_start_reply(void *userdata, int error, const char *sentence) {
        OperationRun *o = userdata;

        o->asked = false;
        /* It may have ended before the answer was read. Without a connection it is looked at with the next one. */
        if (error == 0 || manager_error_is_loss(error)) {
                (void) unit_client_read_watch(&o->watch, NULL, NULL);
                return;
        }
        (void) string_replace(&o->refused, sentence ?: strerror(-error));
        conclude(o);
}

/* --- its begin --- */

static int operation_run_new(Manager *m, Task *task, OperationRun **ret) {
        OperationRun *o = calloc(1, sizeof(OperationRun));
        int r;

        if (!o)
                return -ENOMEM;
        o->manager = m;
        o->task = task;
        o->kind = (OperationKind) task->operation.kind;
        LIST_INSERT_HEAD(&m->operations, o, list);
        r = watch(o);
        if (r < 0) {
                o->task = NULL;
                (void) operation_run_free(o);
                return r;
        }
        *ret = o;
        return 0;
}

/* The document last: what it names is there. */
static int write_files(OperationRun *o, const OperationRequest *request) {
        TaskStore *store = o->manager->store;
        int r;

        r = task_store_write_credentials(store, o->task->id, request->secrets);
        if (r >= 0)
                r = task_store_write_operation(store, o->task->id, request->text);
        if (r >= 0)
                r = save(o);
        else
                (void) manager_note_write(o->manager, r);
        return r;
}

/* As if nobody had asked. */
static void take_back(OperationRun *o) {
        operation_done(&o->task->operation);
        unit_watch_end(&o->watch);
        (void) save_end(o);
}

static int begin(OperationRun *o, const OperationRequest *request, Problem *problem) {
        Manager *m = o->manager;
        int r;

        r = write_files(o, request);
        if (r < 0) {
                forget_files(o);
                (void) operation_run_free(o);
                return manager_write_problem(m, r, "The operation", problem);
        }
        r = manager_launch_operation(m, o->task, request->text, request->secrets, on_start_reply, o);
        o->asked = r >= 0;
        if (r < 0) {
                take_back(o);
                return problem_set(problem, r, NULL, "The operation could not be started: %s", strerror(-r));
        }
        o->ended = request->ended;
        o->userdata = request->userdata;
        log_action(o->task->id, request->actor, "A %s is asked for", word_of(o));
        return 0;
}

static int check_bound(const Manager *m, Problem *problem) {
        size_t n = 0;
        OperationRun *o;

        LIST_FOREACH(o, &m->operations, list)
                n++;
        return n < OPERATIONS_MAX ? 0
                                  : problem_set(problem, -EAGAIN, NULL, "%d operations are under way; try again later",
                                                OPERATIONS_MAX);
}

static int check_task(const Manager *m, const Task *t, Problem *problem) {
        if (!t->spec.working_directory && !t->spec.github_repo)
                return problem_set(problem, -EINVAL, NULL,
                                   "This task has no work tree: it was created without github_repo and "
                                   "working_directory");
        return manager_check_writer(m, &t->spec, problem);
}

/* A finished task, with the operation in it. */
static int load(Manager *m, const TaskSummary *s, const OperationRequest *request, Task **ret, Problem *problem) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = manager_load_task(m, s, &t);
        if (r < 0)
                return problem_set(problem, r, NULL, "The task could not be read: %s", strerror(-r));
        r = manager_check_idle(m, t, problem);
        if (r >= 0)
                r = check_task(m, t, problem);
        if (r >= 0)
                r = operation_begin(&t->operation, request->kind, request->actor);
        if (r < 0)
                return problem_set(problem, r, NULL, "The operation could not be begun: %s", strerror(-r));
        *ret = TAKE_PTR(t);
        return 0;
}

int manager_begin_operation(Manager *m, const char *id, const OperationRequest *request, Problem *problem) {
        const TaskSummary *s = task_index_find(&m->index, id);
        OperationRun *o;
        Task *t = NULL;
        int r;

        if (!s)
                return problem_set(problem, -ENOENT, NULL, "Task not found");
        if (s->run)
                return problem_set(problem, -EBUSY, NULL, "The task has not ended: only then is there something to %s",
                                   request->kind == OPERATION_COMMIT ? "commit" : "make a pull request of");
        r = check_bound(m, problem);
        if (r >= 0)
                r = manager_check_connected(m, problem);
        if (r >= 0)
                r = load(m, s, request, &t, problem);
        if (r < 0)
                return r;
        assert(t);
        manager_stop_archiving(m, id);
        r = operation_run_new(m, t, &o);
        if (r < 0) {
                task_free(t);
                return problem_set(problem, r, NULL, "The operation could not be begun: %s", strerror(-r));
        }
        return begin(o, request, problem);
}

void manager_leave_operation(Manager *m, const char *id) {
        OperationRun *o = manager_find_operation(m, id);

        if (o)
                o->ended = NULL;
}

/* --- at start, and at the end --- */

void manager_take_up_operation(Manager *m, const Task *task) {
        _cleanup_(task_freep) Task *t = NULL;
        OperationRun *o = NULL;
        int r;

        if (task->operation.kind == OPERATION_NONE || manager_find_operation(m, task->id))
                return;
        r = task_copy(task, &t);
        if (r >= 0)
                r = operation_run_new(m, t, &o);
        if (r < 0) {
                log_task(LOG_WARNING, task->id, "What came of its %s cannot be found out: %s",
                         operation_kind_words[task->operation.kind], strerror(-r));
                return;
        }
        (void) TAKE_PTR(t);
        o->is_taken_up = true;
        if (unit_client_is_connected(m->units))
                (void) unit_client_read_watch(&o->watch, NULL, NULL);
}

bool manager_give_up_operation(Manager *m, const char *id) {
        OperationRun *o = manager_find_operation(m, id);

        if (!o || !o->unsaved)
                return false;
        (void) operation_run_free(o);
        return true;
}

void manager_drop_operations(Manager *m) {
        while (!LIST_EMPTY(&m->operations))
                (void) operation_run_free(LIST_FIRST(&m->operations));
}

/* From an ended unit to the verdict: wait until journald has taken everything, count the last lines, gather what can
 * be found, judge, write it down, release the unit.
 *
 *   task_run_end() ──▶ on_drain() ... ──▶ conclude() ──▶ the run is gone
 *                        ▲    │ not drained, not counted, not saved
 *                        └────┘ */
#include "manager-internal.h"

#include <remote-developer/journal-drain.h>
#include <remote-developer/journal-records.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

/* journald normally has read the last lines within a millisecond; a machine under load takes longer, and on a busy
 * disk it was seen to stand still for many seconds. A stream that is certainly not read to its end is waited for much
 * longer than what others may have sent, which never ends while somebody floods journald. After the limit the verdict
 * is given all the same. */
#define DRAIN_PAUSE_MIN_USEC USEC_PER_MSEC
#define DRAIN_PAUSE_MAX_USEC (50 * USEC_PER_MSEC)
#define DRAIN_LIMIT_USEC (10 * USEC_PER_SEC)
#define DRAIN_STREAM_LIMIT_USEC (60 * USEC_PER_SEC)
/* To look takes 0.2 ms, or 5 where there are thousands of sockets: of many tasks that end at once one looks for
 * all. */
#define DRAIN_LOOK_USEC (10 * USEC_PER_MSEC)
#define PUMP_MAX 2048

/* CLD_EXITED, CLD_KILLED, CLD_DUMPED as words. */
static const char *const exit_codes[] = { "", "exited", "killed", "dumped" };

static void ending_from_unit(const UnitStatus *s, Ending *ret) {
        size_t code = s->exec_main_code > 0 && s->exec_main_code <= 3 ? (size_t) s->exec_main_code : 0;

        *ret = (Ending){ .ended_at = s->exec_main_exit_usec ?: s->inactive_enter_usec };
        ending_set_word(ret->service_result, s->result);
        ending_set_word(ret->exit_code, exit_codes[code]);
        if (code == 1) {
                _cleanup_free_ char *number = string_format("%d", s->exec_main_status);

                ending_set_word(ret->exit_status, number);
        } else if (code > 1)
                ending_set_signal(ret->exit_status, s->exec_main_status);
}

static bool is_of_invocation(const TaskRun *run, const char *id) {
        return !run->task->invocation_id || string_equal(run->task->invocation_id, id);
}

/* The unit as it is, or as it was seen to end: a successful one is unloaded at once. */
static const UnitStatus *find_ended_unit(const TaskRun *run) {
        const UnitStatus *s = &run->watch.status;

        if (unit_status_is_loaded(s) && string_equal(s->active_state, "failed"))
                return s;
        return run->ended.exec_main_code != 0 ? &run->ended : NULL;
}

static void gather_ending(TaskRun *run, Evidence *e) {
        const UnitStatus *s = find_ended_unit(run);

        if (task_store_read_ending(run->manager->store, run->task->id, run->task->attempt, &e->record) >= 0 &&
            is_of_invocation(run, e->record.invocation_id))
                e->has_record = true;
        if (s && is_of_invocation(run, s->invocation_id)) {
                e->has_unit = true;
                e->never_started = s->active_enter_usec == 0;
                ending_from_unit(s, &e->unit);
        }
        if (e->has_record && !run->task->invocation_id)
                (void) string_replace(&run->task->invocation_id, e->record.invocation_id);
}

static void gather_agent(const Task *t, Evidence *e) {
        if (!task_runs_agent(t))
                return;
        e->agent_kind = (AgentKind) t->spec.agent;
        e->agent = t->agent.outcome == AGENT_NONE ? AGENT_SILENT : (AgentOutcome) t->agent.outcome;
        /* A copy: should the verdict not get to the disk, it is reached again. */
        (void) string_replace(&e->agent_error, t->agent.error);
}

/* A start job that systemd gave up before the unit's own result could tell anything. */
static const char *job_refusal(const UnitStatus *s) {
        static const struct {
                const char *job_result, *sentence;
        } rows[] = {
                { "dependency", "a unit that it depends on failed" },
                { "timeout", "the start job waited too long" },
                { "skipped", "a condition of the unit was not met" },
                { "assert", "an assertion of the unit was not met" },
                { "unsupported", "this systemd does not support such units" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (string_equal(rows[i].job_result, s->job_result))
                        return rows[i].sentence;
        return NULL;
}

static const char *find_program(const Manager *m, const Task *t) {
        const TaskStep *work = task_plan_at(&t->plan, task_plan_first(&t->plan, TASK_STEP_WORK));

        return work ? work->program : manager_program_of(m, t);
}

static void gather(TaskRun *run, Evidence *e) {
        const Manager *m = run->manager;
        const Task *t = run->task;
        _cleanup_strv_ char **earlier = NULL;
        _cleanup_free_ char *unit = task_unit_name(t->id);
        int r;

        e->bound_to_service = t->bound_to_service;
        e->program = find_program(m, t);
        e->working_directory = t->spec.working_directory;
        e->user = m->scope == RUNTIME_SCOPE_SYSTEM ? m->config->user : NULL;
        e->timeout_usec = t->spec.timeout_usec;
        e->stall_timeout_usec = t->spec.stall_timeout_usec;
        e->started_at = t->started_at;
        e->cancel_requested = t->cancel_requested;
        e->cancel_requested_at = t->cancel_requested_at;
        e->cancel_requested_boottime = t->cancel_requested_boottime;
        e->stall_stop_requested_at = t->stall_stop_requested_at;
        e->stall_stop_requested_boottime = t->stall_stop_requested_boottime;
        e->refused = run->refused;
        e->system_scope = m->scope == RUNTIME_SCOPE_SYSTEM;
        e->other_manager = clock_is_set(t->manager_started_at) &&
                           t->manager_started_at != unit_client_manager_started_usec(m->units);
        e->other_boot = (t->boot_id && !string_equal(t->boot_id, m->boot_id)) ||
                        (e->system_scope && e->other_manager);
        gather_ending(run, e);
        if (!e->refused && !e->has_record)
                e->refused = job_refusal(&run->watch.status);
        gather_agent(t, e);
        task_run_begin_step_evidence(run, e);
        r = unit ? attempt_list_invocations(&t->attempts, &earlier) : -ENOMEM;
        if (r >= 0)
                r = journal_records_read(&m->journal, unit, t->invocation_id, earlier, e);
        if (r < 0)
                log_task(LOG_WARNING, t->id, "The journal's records could not be read: %s", strerror(-r));
        task_run_end_step_evidence(run, e);
}

static bool never_began(const Verdict *v) {
        return string_equal(v->reason, "start-failed") || string_equal(v->reason, "step-failed");
}

/* When the work began, for a task that was never seen running: it was over before systemd told, or nobody watched. */
static usec_t find_start(const TaskRun *run, const Evidence *e, const Verdict *v) {
        const UnitStatus *s = &run->watch.status;

        if (never_began(v))
                return 0;
        if (clock_is_set(s->active_enter_usec))
                return s->active_enter_usec;
        return clock_is_set(s->exec_main_start_usec) ? s->exec_main_start_usec : e->started_at;
}

static int note_verdict(TaskRun *run, const Evidence *e, Verdict *v) {
        Task *t = run->task;
        int r;

        r = string_replace(&t->reason, v->reason);
        if (r >= 0)
                r = string_replace(&t->signal, *v->signal ? v->signal : NULL);
        if (r < 0)
                return r;
        free(t->error);
        t->error = TAKE_PTR(v->error);
        t->exit_code = v->exit_code;
        t->finished_at = clock_is_set(v->ended_at) ? v->ended_at : clock_realtime_usec();
        /* The unit of a program that could not be executed was active, with the starter, for a moment. */
        if (!clock_is_set(t->started_at) || never_began(v))
                t->started_at = MIN_OF(find_start(run, e, v), t->finished_at);
        t->step = task_run_find_last_step(run, e, v);
        /* The clock may have been set back meanwhile. */
        t->finished_at = MAX_OF(t->finished_at, t->started_at);
        t->result = (int) v->result;
        t->state = TASK_FINISHED;
        t->stalled_at = 0;
        t->agent.needs_login |= v->needs_login;
        return 0;
}

/* The verdict is on disk: systemd may forget the unit, and so may we. */
static void release(TaskRun *run) {
        Manager *m = run->manager;
        const Task *t = run->task;

        task_store_drop_spilled_ending(m->store, t->id, t->attempt);
        manager_drop_credentials(m, t->id);
        manager_release_unit(m, run->watch.unit, &run->watch.status);
        log_task(t->result == TASK_COMPLETED ? LOG_INFO : LOG_NOTICE, t->id, "%s%s%s", task_result_words[t->result],
                 t->error ? ": " : "", t->error ?: "");
        task_index_find(&m->index, t->id)->run = NULL;
        task_index_find(&m->index, t->id)->finished_at = t->finished_at;
        task_index_set_result(&m->index, t->id, (TaskResult) t->result);
        task_run_free(run);
        manager_active_changed(m);
}

static int finish(TaskRun *run) {
        int r;

        task_run_tell_limit(run);
        r = task_run_save(run);

        if (r >= 0)
                release(run);
        return r;
}

static int conclude(TaskRun *run) {
        _cleanup_(evidence_done) Evidence evidence = EVIDENCE_NULL;
        _cleanup_(verdict_done) Verdict verdict = VERDICT_NULL;
        int r;

        gather(run, &evidence);
        r = verdict_reach(&evidence, &verdict);
        if (r >= 0)
                r = note_verdict(run, &evidence, &verdict);
        if (r >= 0)
                task_run_take_review(run);
        if (r >= 0)
                r = task_run_may_resume(run) ? task_run_resume(run) : finish(run);
        if (r < 0) {
                /* Not on disk, so not given: it is reached again. */
                run->task->result = TASK_RESULT_NONE;
                run->task->state = TASK_STOPPING;
        }
        return r;
}

int task_run_conclude_again(TaskRun *run) {
        return run->verdict_waits ? conclude(run) : 0;
}

/* Which step failed, and how, is in the unit, and no signal carries it. */
static void ask_commands(TaskRun *run) {
        run->asked_usec = 0;
        if (!task_run_has_steps(run) || clock_is_set(run->task->started_at) || !find_ended_unit(run))
                return;
        if (unit_client_read_watch(&run->watch, NULL, NULL) >= 0)
                run->asked_usec = clock_monotonic_usec();
}

static bool has_waited(usec_t since_usec, usec_t limit_usec) {
        return clock_monotonic_usec() >= since_usec + limit_usec;
}

/* That nothing waited when somebody looked holds for all that had ended before. */
static int look_at_journald(const TaskRun *run) {
        Manager *m = run->manager;
        bool is_later = m->journald_looked_usec > run->ending_since_usec;

        if (is_later && (m->journald_waits == 0 || !has_waited(m->journald_looked_usec, DRAIN_LOOK_USEC)))
                return m->journald_waits;
        m->journald_looked_usec = clock_monotonic_usec();
        m->journald_waits = journal_drain_look();
        return m->journald_waits;
}

static usec_t drain_limit(int waits) {
        return waits > 0 && waits & JOURNAL_WAITS_STREAM ? DRAIN_STREAM_LIMIT_USEC : DRAIN_LIMIT_USEC;
}

/* False: ask again after drain_pause_usec. */
static bool is_drained(TaskRun *run) {
        int waits;

        if (run->drained_at_usec > 0)
                return true;
        waits = look_at_journald(run);
        if (waits != 0 && !has_waited(run->ending_since_usec, drain_limit(waits))) {
                run->drain_pause_usec = MIN_OF(run->drain_pause_usec * 2, DRAIN_PAUSE_MAX_USEC);
                return false;
        }
        if (waits != 0)
                log_task(LOG_WARNING, run->task->id,
                         "journald has not caught up; what it still has of the log is not waited for");
        run->drained_at_usec = clock_realtime_usec();
        run->drained_since_usec = clock_monotonic_usec();
        return true;
}

/* However much there is to read: what journald has taken by now is taken here before the verdict. With others' floods
 * there may be no end of the journal, but a time behind which nothing of this task comes. 1: there is more; 0: no;
 * -EAGAIN: after a pause. */
static int take_all(TaskRun *run) {
        JournalFollower *follower = run->manager->follower;
        uint64_t before = log_ring_end(log_feed_ring(run->feed));
        int r;

        if (!follower)
                return 0;
        (void) journal_follower_look_afresh(follower);
        r = journal_follower_pump(follower, PUMP_MAX);
        if (r > 0 && journal_follower_realtime_usec(follower) <= run->drained_at_usec)
                return 1;
        /* The clock was set back meanwhile: its lines are of later. */
        if (r > 0 && log_ring_end(log_feed_ring(run->feed)) != before)
                return 1;
        if ((r < 0 || journal_follower_is_waiting(follower)) && !has_waited(run->drained_since_usec, DRAIN_LIMIT_USEC))
                return -EAGAIN;
        journal_follower_flush(follower, log_feed_unit(run->feed));
        return 0;
}

/* 0: the log is whole and counted; else how long to wait before looking again. */
static usec_t log_is_missing(TaskRun *run) {
        int r;

        if (run->asked_usec > run->watch.read_at_usec && !has_waited(run->ending_since_usec, DRAIN_LIMIT_USEC))
                return DRAIN_PAUSE_MIN_USEC;
        if (!is_drained(run))
                return run->drain_pause_usec;
        r = take_all(run);
        if (r != 0)
                return r > 0 ? 1 : DRAIN_PAUSE_MIN_USEC;
        r = task_run_count(run);
        if (r == -EAGAIN)
                return 1;
        return r < 0 && !has_waited(run->drained_since_usec, DRAIN_LIMIT_USEC) ? DRAIN_PAUSE_MAX_USEC : 0;
}

static int on_drain(sd_event_source *s, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;
        usec_t pause = log_is_missing(run);
        int r;

        if (pause > 0) {
                (void) sd_event_source_set_time_relative(s, pause);
                return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        }
        r = conclude(run);
        if (r >= 0)
                return 0;
        log_task(LOG_WARNING, run->task->id, "The task has ended; the verdict is not on disk yet: %s", strerror(-r));
        run->verdict_waits = run->unsaved = true;
        manager_write_later(run->manager);
        return 0;
}

void task_run_end(TaskRun *run) {
        int r;

        if (run->ending || run->left)
                return;
        if (run->unsettled && !run->manager->config->check_orphaned_tasks) {
                run->left = true;
                task_run_settle(run);
                return;
        }
        task_run_started(run);
        run->ending = true;
        run->drain_pause_usec = DRAIN_PAUSE_MIN_USEC;
        run->ending_since_usec = clock_monotonic_usec();
        run->drained_at_usec = 0;
        task_run_leave_place(run);
        ask_commands(run);
        r = sd_event_add_time_relative(run->manager->event, &run->drain_source, CLOCK_MONOTONIC, 0, USEC_PER_MSEC / 4,
                                       on_drain, run);
        if (r >= 0)
                r = sd_event_source_set_description(run->drain_source, "task-end");
        if (r < 0) {
                log_task(LOG_ERR, run->task->id, "The end could not be looked into: %s", strerror(-r));
                run->ending = false;
        }
}

/* Verdict: see verdict.h. The order of the functions in `judges[]` is the order of belief: the first that has
 * something to say has said it. */
#include <remote-developer/verdict.h>

#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Exit statuses with which systemd's child says that it could not start the program (systemd.exec(5), "Process Exit
 * Codes"). Only believed where the unit never became active: a program may use the same numbers. */
static const struct {
        const char *status, *what;
} spawn_steps[] = {
        { "200", "the working directory" }, { "203", "the program" },          { "206", "its arguments" },
        { "208", "its standard input" },    { "209", "its standard output" },  { "216", "the group of the user" },
        { "217", "the user" },              { "226", "the mount namespace" },  { "243", "the credentials" },
};

/* What the word for a service's result means here. */
static const struct {
        const char *word;
        TaskResult result;
        const char *reason, *sentence;
} results[] = {
        { "success", TASK_COMPLETED, "exit-code", NULL },
        { "exit-code", TASK_FAILED, "exit-code", "The program ended with an exit code other than 0" },
        { "signal", TASK_FAILED, "signal", "The program was ended by a signal" },
        { "core-dump", TASK_FAILED, "core-dump", "The program crashed and dumped core" },
        { "timeout", TASK_TIMED_OUT, "runtime-limit", "The time limit was reached" },
        { "oom-kill", TASK_FAILED, "oom-kill", "Memory ran out and the kernel killed the task" },
        { "watchdog", TASK_FAILED, "watchdog", "The watchdog ended the program" },
        { "resources", TASK_FAILED, "start-failed", "systemd lacked the resources to start the program" },
        { "start-limit-hit", TASK_FAILED, "start-failed", "The unit was started too often" },
        { "exec-condition", TASK_FAILED, "start-failed", "A condition of the unit was not met" },
        { "protocol", TASK_FAILED, "start-failed", "The program did not keep to the protocol of its unit" },
};

void evidence_done(Evidence *e) {
        free(e->spawn.executable);
        free(e->agent_error);
        free(e->step.last_lines);
        *e = EVIDENCE_NULL;
}

void verdict_done(Verdict *v) {
        free(v->error);
        *v = VERDICT_NULL;
}

static const Ending *best_ending(const Evidence *e) {
        if (e->has_record)
                return &e->record;
        if (e->has_unit)
                return &e->unit;
        return e->has_journal ? &e->journal : NULL;
}

static _printf_(4, 5) int say(Verdict *v, TaskResult result, const char *reason, const char *format, ...) {
        va_list ap;
        int n = 0;

        v->result = result;
        v->reason = reason;
        if (format) {
                va_start(ap, format);
                n = vasprintf(&v->error, format, ap);
                va_end(ap);
        }
        if (n < 0) {
                v->error = NULL;
                return -ENOMEM;
        }
        return 1;
}

static bool was_killed(const Ending *g) {
        return string_equal(g->exit_code, "killed") || string_equal(g->exit_code, "dumped");
}

static bool main_process_ended(const Ending *g) {
        return *g->exit_code;
}

/* systemd's word for the whole unit, or the main process's own end where the two may part: TERM, INT, HUP and PIPE
 * are a success to systemd, and so is whatever SuccessExitStatus= in a drop-in says; a command that failed after the
 * program had ended well is none of the program's. */
static const char *word_of(const Ending *g) {
        static const char *const of_the_end[] = { "success", "exit-code", "signal", "core-dump" };

        if (!main_process_ended(g) ||
            string_table_lookup(of_the_end, ELEMENTSOF(of_the_end), g->service_result) < 0)
                return g->service_result;
        if (string_equal(g->exit_code, "exited"))
                return string_equal(g->exit_status, "0") ? "success" : "exit-code";
        return string_equal(g->exit_code, "dumped") ? "core-dump" : "signal";
}

/* Whether the unit ended before it was active. Without the unit it follows from what nobody saw; but a program that
 * ends at once may do so before systemd takes its unit for active, so that its end tells more than the journal. */
static bool never_began(const Evidence *e, const Ending *g) {
        if (e->never_started)
                return true;
        if (e->has_unit || e->started_at > 0)
                return false;
        return !main_process_ended(g) || (e->has_journal && string_equal(g->service_result, "timeout"));
}

static int judge_refused(const Evidence *e, const Ending *g _unused_, Verdict *v) {
        if (!e->refused)
                return 0;
        return say(v, TASK_FAILED, "start-failed", "systemd refused to start the unit: %s", e->refused);
}

/* What had ended before a wish came was not ended by it. By the clock that nobody sets, where both were noted by it.
 * The other may have been set back, and it was not too late where systemd was asked while the unit was there. */
static bool came_too_late(const Evidence *e, const Ending *g, usec_t wished_at, usec_t wished_boottime) {
        if (!g)
                return false;
        if (g->ended_at_boottime > 0 && wished_boottime > 0)
                return g->ended_at_boottime < wished_boottime;
        return g->ended_at > 0 && g->ended_at < wished_at && !e->stop_seen;
}

static int judge_cancelled(const Evidence *e, const Ending *g, Verdict *v) {
        if (!e->cancel_requested || came_too_late(e, g, e->cancel_requested_at, e->cancel_requested_boottime))
                return 0;
        return say(v, TASK_CANCELLED, "cancelled", "The task was cancelled");
}

static int judge_stalled(const Evidence *e, const Ending *g, Verdict *v) {
        if (e->stall_stop_requested_at == 0 ||
            came_too_late(e, g, e->stall_stop_requested_at, e->stall_stop_requested_boottime))
                return 0;
        return say(v, TASK_TIMED_OUT, "stall-limit",
                   "No output came for %llu s, and the task was stopped (stall_action)",
                   (unsigned long long) (e->stall_timeout_usec / USEC_PER_SEC));
}

/* Success without a main process: nothing but a stop during the preparation does that. In the journal it is every
 * success, whose exit code is not told there. */
static bool was_stopped(const Evidence *e, const Ending *g) {
        if (e->stop_seen)
                return true;
        return g && (e->has_record || e->has_unit) && string_equal(g->service_result, "success") &&
               !main_process_ended(g);
}

static int judge_stopped(const Evidence *e, const Ending *g, Verdict *v) {
        if (!was_stopped(e, g))
                return 0;
        if (e->bound_to_service)
                return say(v, TASK_INTERRUPTED, "service-stopped",
                           "The service was stopped and the task with it (task_execution.use_daemon_threads)");
        return say(v, TASK_CANCELLED, "stopped", "The unit was stopped by hand, as with systemctl stop");
}

static const char manager_stopped[] =
        "The user's systemd manager ended while the task was running; for it to outlive the last session: "
        "loginctl enable-linger";

static int judge_vanished(const Evidence *e, const Ending *g, Verdict *v) {
        if (g)
                return 0;
        /* A manager that goes down stops its units too. */
        if (e->stop_seen && !e->other_boot && !e->other_manager)
                return judge_stopped(e, g, v);
        if (e->other_boot)
                return say(v, TASK_INTERRUPTED, "host-reboot", "The machine went down while the task was running");
        if (e->other_manager)
                return say(v, TASK_INTERRUPTED, "manager-stopped", "%s", manager_stopped);
        return say(v, TASK_INTERRUPTED, "unit-lost",
                   "The task's unit is gone and nothing tells how it ended; somebody may have reset it");
}

static int judge_shutdown(const Evidence *e, const Ending *g, Verdict *v) {
        /* Only the recorder asks the manager whether it is going down. Without its file, a stop in the life of a
         * manager that is no more is taken for that manager's own. */
        bool unrecorded = !e->has_record && e->stop_seen && (e->other_boot || e->other_manager);

        if (!unrecorded && !string_equal(g->manager_state, "stopping"))
                return 0;
        /* The journal tells whether the end was asked for; without it, an end during shutdown is taken for one. */
        if (e->has_journal && !e->stop_seen && !was_killed(g))
                return 0;
        if (e->other_boot || e->system_scope)
                return say(v, TASK_INTERRUPTED, "host-reboot", "The machine was shut down while the task was running");
        return say(v, TASK_INTERRUPTED, "manager-stopped", "%s", manager_stopped);
}

static const char *failed_start_object(const Evidence *e, const char *status) {
        if (string_equal(status, "200"))
                return e->working_directory;
        if (string_equal(status, "217") || string_equal(status, "216"))
                return e->user;
        return e->spawn.executable ?: e->program;
}

static int judge_start(const Evidence *e, const Ending *g, Verdict *v) {
        if (!string_equal(word_of(g), "exit-code"))
                return 0;
        /* The journal, where there is one, tells for certain: also when it has no more yet than how the main process
         * ended, which comes behind. A program that ends at once may do so before systemd takes its unit for
         * active. */
        if (e->spawn.error == 0 && (e->has_journal || *e->journal.exit_code || !e->never_started))
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(spawn_steps); i++) {
                const char *object = failed_start_object(e, g->exit_status);

                if (!string_equal(spawn_steps[i].status, g->exit_status))
                        continue;
                if (e->spawn.error > 0)
                        return say(v, TASK_FAILED, "start-failed", "The task could not be started: %s \"%s\": %s",
                                   spawn_steps[i].what, object ?: "?", strerror(e->spawn.error));
                return say(v, TASK_FAILED, "start-failed", "The task could not be started: %s \"%s\" cannot be used",
                           spawn_steps[i].what, object ?: "?");
        }
        return 0;
}

/* Before the unit is active a time limit is that of the start, not that of the work. */
static int judge_late_start(const Evidence *e, const Ending *g, Verdict *v) {
        if (!never_began(e, g) || !main_process_ended(g) || !string_equal(g->service_result, "timeout"))
                return 0;
        return say(v, TASK_FAILED, "start-failed",
                   "The task could not be started: \"%s\" was not running within task_execution.default_timeout",
                   e->program ?: "?");
}

/* How the step failed, to stand behind what it is. */
static char *describe_failure(const StepEvidence *s, const Ending *g, const Verdict *v) {
        if (s->error > 0)
                return string_format("could not be executed: %s", strerror(s->error));
        if (s->overdue)
                return string_format("was not over within %g s and was ended",
                                     (double) s->timeout_usec / (double) USEC_PER_SEC);
        if (string_equal(g->service_result, "timeout"))
                return strdup("was not over within its time limit");
        if (*v->signal)
                return string_format("was ended by %s", v->signal);
        if (v->exit_code >= 0)
                return string_format("failed with exit code %d", v->exit_code);
        return string_format("failed (%s)", g->service_result);
}

static void note_words(const char *exit_code, const char *exit_status, Verdict *v) {
        if (string_equal(exit_code, "killed") || string_equal(exit_code, "dumped"))
                snprintf(v->signal, sizeof(v->signal), "SIG%.12s", exit_status);
        else if (string_equal(exit_code, "exited") && *exit_status)
                v->exit_code = (int) strtol(exit_status, NULL, 10);
}

static int say_step(const StepEvidence *s, const Ending *g, Verdict *v) {
        _cleanup_free_ char *how = NULL;

        note_words(s->exit_code, s->exit_status, v);
        how = describe_failure(s, g, v);
        if (!how)
                return -ENOMEM;
        if (!s->status)
                return say(v, TASK_FAILED, "step-failed", "A preparation step %s", how);
        return say(v, TASK_FAILED, "step-failed", "The step \"%s\" (%s) %s%s%s", s->status, s->program ?: "?", how,
                   s->last_lines ? ":\n" : "", s->last_lines ?: "");
}

/* A unit that ends before its main process ever ran, by what only a process can bring about: a preparation step. */
static int judge_preparation(const Evidence *e, const Ending *g, Verdict *v) {
        static const char *const of_processes[] = { "exit-code", "signal", "core-dump", "timeout", "oom-kill" };

        if (!never_began(e, g) || main_process_ended(g) ||
            string_table_lookup(of_processes, ELEMENTSOF(of_processes), g->service_result) < 0)
                return 0;
        return say_step(&e->step, g, v);
}

/* Exit codes to which an agent gives a meaning of its own, should it not tell in words. */
static int judge_agents_exit(const Evidence *e, Verdict *v) {
        static const struct {
                AgentKind kind;
                int exit_code;
                const char *sentence;
                bool needs_login;
        } rows[] = {
                { AGENT_KIND_GEMINI, 41, "The agent is not logged in", true },
                { AGENT_KIND_GEMINI, 42, "The agent refused what it was given to do", false },
                { AGENT_KIND_GEMINI, 53, "The agent reached its limit of turns", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (rows[i].kind != e->agent_kind || rows[i].exit_code != v->exit_code)
                        continue;
                v->needs_login = rows[i].needs_login;
                return say(v, TASK_FAILED, "agent-error", "%s (exit code %d)", rows[i].sentence, v->exit_code);
        }
        return 0;
}

static int judge_agent(const Evidence *e, const Ending *g, Verdict *v) {
        bool success = string_equal(word_of(g), "success");

        if (e->agent == AGENT_SILENT && success)
                return say(v, TASK_FAILED, "agent-error", "The agent ended without giving a result");
        if (e->agent == AGENT_FAILED && (success || string_equal(word_of(g), "exit-code")))
                return say(v, TASK_FAILED, "agent-error", "The agent reports that it failed: %s",
                           e->agent_error ?: "it does not say why");
        if (string_equal(word_of(g), "exit-code"))
                return judge_agents_exit(e, v);
        return 0;
}

static int say_result(const Evidence *e, size_t row, Verdict *v) {
        if (!results[row].sentence)
                return say(v, results[row].result, results[row].reason, NULL);
        if (results[row].result == TASK_TIMED_OUT)
                return say(v, results[row].result, results[row].reason, "%s: %llu s", results[row].sentence,
                           (unsigned long long) (e->timeout_usec / USEC_PER_SEC));
        if (*v->signal)
                return say(v, results[row].result, results[row].reason, "%s: %s", results[row].sentence, v->signal);
        if (v->exit_code >= 0)
                return say(v, results[row].result, results[row].reason, "%s: %d", results[row].sentence, v->exit_code);
        return say(v, results[row].result, results[row].reason, "%s", results[row].sentence);
}

static int judge_result(const Evidence *e, const Ending *g, Verdict *v) {
        for (size_t i = 0; i < ELEMENTSOF(results); i++)
                if (string_equal(results[i].word, word_of(g)))
                        return say_result(e, i, v);
        return say(v, TASK_FAILED, "unknown", "systemd reports \"%s\", which is not known here", g->service_result);
}

static int (*const judges[])(const Evidence *e, const Ending *g, Verdict *v) = {
        judge_refused, judge_cancelled, judge_stalled,    judge_vanished,    judge_shutdown, judge_start,
        judge_stopped, judge_late_start, judge_preparation, judge_agent,      judge_result,
};

static void note_exit(const Ending *g, Verdict *v) {
        v->ended_at = g->ended_at;
        note_words(g->exit_code, g->exit_status, v);
}

/* systemd's word is "timeout" also when a program ended well and left children that had to be killed after SIGTERM.
 * Its limit was reached only if so much time had passed; both times are the clock's, hence the margin. A unit that was
 * never active, since its program was too quick for that, had no such limit; and what has an exit code was started. */
static bool only_children_were_late(const Evidence *e, const Ending *g) {
        if (!string_equal(g->service_result, "timeout"))
                return false;
        if (never_began(e, g))
                return string_equal(g->exit_code, "exited");
        if (!main_process_ended(g) && (e->has_record || e->has_unit))
                return false;
        return clock_is_set(e->started_at) && clock_is_set(g->ended_at) &&
               g->ended_at + USEC_PER_SEC < e->started_at + e->timeout_usec;
}

int verdict_reach(const Evidence *e, Verdict *ret) {
        _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
        const Ending *g = best_ending(e);
        Ending of_program;
        int r = 0;

        if (g)
                note_exit(g, &v);
        if (g && only_children_were_late(e, g)) {
                of_program = *g;
                ending_set_word(of_program.service_result, "success");
                g = &of_program;
        }
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(judges); i++)
                r = judges[i](e, g, &v);
        if (r < 0)
                return r;

        assert(v.result != TASK_RESULT_NONE);
        *ret = v;
        v = VERDICT_NULL;
        return 0;
}

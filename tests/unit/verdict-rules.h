/* VerdictRules: what DESIGN says of the verdict, as rows in the order in which they count, over facts that have names
 * instead of words. For test-verdict-rules.c, which makes the evidence from the facts and compares.
 *
 * Written from DESIGN and not from verdict.c: where the two part, one of them is wrong. */
#pragma once

#include <remote-developer/task.h>

#include <stdbool.h>

/* systemd's word for the unit, by what follows from it. */
typedef enum Word {
        WORD_SUCCESS,
        WORD_EXIT_CODE,
        WORD_SIGNAL,
        WORD_CORE_DUMP,
        WORD_TIMEOUT,
        WORD_OOM_KILL,
        WORD_WATCHDOG,
        WORD_NO_START, /* resources, start-limit-hit, exec-condition, protocol */
        WORD_UNKNOWN,
        WORDS,
} Word;

/* How the main process ended. */
typedef enum End {
        END_NONE, /* it never ran, or nobody told */
        END_ZERO,
        END_NUMBER,
        END_SPAWN_NUMBER, /* one of those with which systemd's child says that it could not execute */
        END_SIGNAL,
        END_CORE,
        ENDS,
} End;

typedef enum Source {
        SOURCE_NONE,
        SOURCE_RECORD,
        SOURCE_UNIT,
        SOURCE_JOURNAL,
} Source;

typedef enum Wish {
        WISH_NONE,
        WISH_BEFORE_END, /* to cancel */
        WISH_AFTER_END,
        STALL_BEFORE_END, /* stopped for its silence */
        STALL_AFTER_END,
        STALL_AND_WISH, /* both, in time */
        WISHES,
} Wish;

typedef enum Agent {
        AGENT_IS_NONE,
        AGENT_DID_WELL,
        AGENT_DID_BADLY,
        AGENT_SAID_NOTHING,
        AGENTS,
} Agent;

typedef struct Facts {
        Source believed;
        bool record, unit, journal; /* which of them there are */
        Word word;                  /* of the one that is believed, as is `end` */
        End end;
        Wish wish;
        Agent agent;
        bool refused, stop_seen, bound, other_boot, other_manager, system, going_down, never_started, start_seen,
                early, spawn_failed; /* early: long before its time limit */
} Facts;

/* --- what the rows ask --- */

static bool is_refused(const Facts *f) {
        return f->refused;
}

/* A stop that was seen proves that the unit was there when it was asked for, whatever the clocks say. */
static bool is_in_time(const Facts *f) {
        bool late = f->wish == WISH_AFTER_END || f->wish == STALL_AFTER_END;

        return !late || f->believed == SOURCE_NONE || f->stop_seen;
}

static bool is_cancelled(const Facts *f) {
        return (f->wish == WISH_BEFORE_END || f->wish == WISH_AFTER_END || f->wish == STALL_AND_WISH) && is_in_time(f);
}

static bool is_stalled(const Facts *f) {
        return (f->wish == STALL_BEFORE_END || f->wish == STALL_AFTER_END) && is_in_time(f);
}

static bool is_unknown_after_boot(const Facts *f) {
        return f->believed == SOURCE_NONE && f->other_boot;
}

static bool is_unknown_after_manager(const Facts *f) {
        return f->believed == SOURCE_NONE && f->other_manager;
}

static bool is_unknown_bound_and_stopped(const Facts *f) {
        return f->believed == SOURCE_NONE && f->stop_seen && f->bound;
}

static bool is_unknown_and_stopped(const Facts *f) {
        return f->believed == SOURCE_NONE && f->stop_seen;
}

static bool is_unknown(const Facts *f) {
        return f->believed == SOURCE_NONE;
}

/* Told by the recorder, unless the journal knows of an end that nobody asked for. Where there is no recorder's file: a
 * stop was seen, and whoever carried it out is no more. */
static bool ended_with_manager(const Facts *f) {
        bool by_itself = f->journal && !f->stop_seen && f->end != END_SIGNAL && f->end != END_CORE;

        if (f->record)
                return f->going_down && !by_itself;
        return f->stop_seen && (f->other_boot || f->other_manager);
}

static bool ended_with_machine(const Facts *f) {
        return ended_with_manager(f) && (f->other_boot || f->system);
}

/* Only what was active can reach the time limit of the work; of that the journal tells, or the service saw it. */
static bool was_never_active(const Facts *f) {
        if (f->unit)
                return f->never_started;
        return !f->start_seen && (f->end == END_NONE || (f->journal && f->word == WORD_TIMEOUT));
}

/* systemd says "timeout" also of children that had to be killed after the program's own end. */
static bool only_children_were_late(const Facts *f) {
        if (f->word != WORD_TIMEOUT)
                return false;
        if (was_never_active(f))
                return f->end == END_ZERO || f->end == END_NUMBER || f->end == END_SPAWN_NUMBER;
        return f->start_seen && f->early && (f->end != END_NONE || f->believed == SOURCE_JOURNAL);
}

/* Words that only repeat how a process ended; where it is the main one's end, that counts. */
static bool is_about_a_process(const Facts *f) {
        return f->word <= WORD_CORE_DUMP || only_children_were_late(f);
}

/* The journal knows for certain; where there is none, the number counts for units that were never active. */
static bool could_not_execute(const Facts *f) {
        bool known = f->spawn_failed || (f->never_started && !f->journal);

        return f->end == END_SPAWN_NUMBER && is_about_a_process(f) && known;
}

/* Seen, or nothing else ends a unit well before its program has run. The journal never tells how a program that ended
 * well did so. */
static bool was_asked_to_stop(const Facts *f) {
        return f->stop_seen || (f->word == WORD_SUCCESS && f->end == END_NONE && f->believed != SOURCE_JOURNAL);
}

static bool was_stopped_with_service(const Facts *f) {
        return was_asked_to_stop(f) && f->bound;
}

static bool started_too_slowly(const Facts *f) {
        return was_never_active(f) && f->end != END_NONE && f->word == WORD_TIMEOUT && !only_children_were_late(f);
}

static bool failed_in_preparation(const Facts *f) {
        static const bool by_process[WORDS] = { [WORD_EXIT_CODE] = true, [WORD_SIGNAL] = true, [WORD_CORE_DUMP] = true,
                                                [WORD_TIMEOUT] = true, [WORD_OOM_KILL] = true };

        return was_never_active(f) && f->end == END_NONE && by_process[f->word];
}

static bool ended(const Facts *f, Word if_unknown, End end) {
        if (!is_about_a_process(f))
                return false;
        if (f->end == END_NONE)
                return (f->word == WORD_TIMEOUT ? WORD_SUCCESS : f->word) == if_unknown;
        return f->end == end;
}

static bool ended_well(const Facts *f) {
        return ended(f, WORD_SUCCESS, END_ZERO);
}

static bool ended_with_number(const Facts *f) {
        return ended(f, WORD_EXIT_CODE, END_NUMBER) || ended(f, WORD_EXIT_CODE, END_SPAWN_NUMBER);
}

static bool ended_by_signal(const Facts *f) {
        return ended(f, WORD_SIGNAL, END_SIGNAL);
}

static bool ended_with_core(const Facts *f) {
        return ended(f, WORD_CORE_DUMP, END_CORE);
}

static bool failed_as_agent(const Facts *f) {
        if (f->agent == AGENT_SAID_NOTHING)
                return ended_well(f);
        return f->agent == AGENT_DID_BADLY && (ended_well(f) || ended_with_number(f));
}

static bool says_timeout(const Facts *f) {
        return f->word == WORD_TIMEOUT;
}

static bool says_oom_kill(const Facts *f) {
        return f->word == WORD_OOM_KILL;
}

static bool says_watchdog(const Facts *f) {
        return f->word == WORD_WATCHDOG;
}

static bool says_no_start(const Facts *f) {
        return f->word == WORD_NO_START;
}

static bool always(const Facts *f _unused_) {
        return true;
}

/* --- the rows: the first that holds --- */

static const struct {
        const char *name;
        bool (*holds)(const Facts *f);
        TaskResult result;
        const char *reason;
} verdict_rules[] = {
        { "systemd refused the unit", is_refused, TASK_FAILED, "start-failed" },
        { "a wish to cancel came before the end", is_cancelled, TASK_CANCELLED, "cancelled" },
        { "it was stopped for its silence", is_stalled, TASK_TIMED_OUT, "stall-limit" },

        { "nothing tells; another boot", is_unknown_after_boot, TASK_INTERRUPTED, "host-reboot" },
        { "nothing tells; another manager", is_unknown_after_manager, TASK_INTERRUPTED, "manager-stopped" },
        { "nothing but a stop, and bound", is_unknown_bound_and_stopped, TASK_INTERRUPTED, "service-stopped" },
        { "nothing but a stop", is_unknown_and_stopped, TASK_CANCELLED, "stopped" },
        { "nothing at all", is_unknown, TASK_INTERRUPTED, "unit-lost" },

        { "it went down with the machine", ended_with_machine, TASK_INTERRUPTED, "host-reboot" },
        { "it went down with the user's manager", ended_with_manager, TASK_INTERRUPTED, "manager-stopped" },
        { "the program could not be executed", could_not_execute, TASK_FAILED, "start-failed" },
        { "it was stopped with the service", was_stopped_with_service, TASK_INTERRUPTED, "service-stopped" },
        { "it was stopped by hand", was_asked_to_stop, TASK_CANCELLED, "stopped" },
        { "it took too long to start", started_too_slowly, TASK_FAILED, "start-failed" },
        { "a preparation step failed", failed_in_preparation, TASK_FAILED, "step-failed" },
        { "the agent's own account", failed_as_agent, TASK_FAILED, "agent-error" },
        { "exit 0", ended_well, TASK_COMPLETED, "exit-code" },
        { "exit n", ended_with_number, TASK_FAILED, "exit-code" },
        { "a signal", ended_by_signal, TASK_FAILED, "signal" },
        { "a core dump", ended_with_core, TASK_FAILED, "core-dump" },
        { "the time limit", says_timeout, TASK_TIMED_OUT, "runtime-limit" },
        { "no memory", says_oom_kill, TASK_FAILED, "oom-kill" },
        { "the watchdog", says_watchdog, TASK_FAILED, "watchdog" },
        { "never started", says_no_start, TASK_FAILED, "start-failed" },
        { "a word of a later systemd", always, TASK_FAILED, "unknown" },
};

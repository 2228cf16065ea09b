/* room: model
 *
 * Evidence: all that was found out about how a task ended. Sources in the order in which they are believed: the
 * recorder's file of this invocation, the unit if it is loaded with this invocation, the journal's records of this
 * invocation, another boot id, nothing at all.
 */
#pragma once

#include <remote-developer/agent-kind.h>
#include <remote-developer/agent-outcome.h>
#include <remote-developer/ending.h>

/* Why systemd could not start the program: its record 641257651c1b4ec9a8624d7a40a9e1e7 in the journal. */
typedef struct SpawnFailure {
        int error;        /* errno, positive; 0: none */
        char *executable; /* owned */
} SpawnFailure;

/* The step before the work that began last. */
typedef struct StepEvidence {
        unsigned last;  /* how many there are in the plan */
        unsigned begun; /* its number in the plan, from 1; 0: none is known to have begun */
        usec_t begun_at; /* 0: not known */
        usec_t next_at;  /* the first step behind the work began; 0: none did, or not known */
        char exit_code[ENDING_WORD_SIZE], exit_status[ENDING_WORD_SIZE]; /* as an Ending's; empty: not known */
        bool overdue;
        int error;          /* its program could not be executed: errno, positive */
        const char *status; /* borrowed, of the plan; NULL: there is none */
        const char *program;
        usec_t timeout_usec;
        char *last_lines; /* what it wrote last; owned, NULL: nothing */
} StepEvidence;

typedef struct Evidence {
        /* what was asked for */
        bool system_scope; /* the system's manager ran it: when that goes down, so does the machine */
        bool cancel_requested;
        usec_t cancel_requested_at;
        usec_t cancel_requested_boottime; /* clock_boottime_usec() in the unit's boot; 0: not known */
        usec_t stall_stop_requested_at; /* for being silent, by its stall_action; 0: not */
        usec_t stall_stop_requested_boottime;
        bool bound_to_service;
        const char *program;           /* borrowed: argv[0] */
        const char *working_directory; /* borrowed */
        const char *user;              /* borrowed; NULL: the service's own */
        usec_t timeout_usec, stall_timeout_usec;

        /* what was found; each source's ending counts only with its flag */
        bool has_record, has_unit, has_journal;
        Ending record, unit, journal;
        bool never_started;  /* the unit tells that it was never active: a step or the start of the program failed */
        bool stop_seen;      /* somebody asked systemd to stop the unit */
        bool other_boot;     /* the task belongs to an earlier boot than this one */
        bool other_manager;  /* the user's manager that ran it is gone, and another one runs now */
        bool manager_acted;  /* the journal has the manager's records of the unit, if only of its start */
        usec_t started_at;   /* the unit was active: as it was seen, or the journal has it; 0: not known */
        SpawnFailure spawn;
        StepEvidence step;
        const char *refused; /* borrowed: systemd's own sentence when it refused to start the unit; else NULL */
        AgentKind agent_kind;
        AgentOutcome agent;
        char *agent_error; /* owned; its own words */
} Evidence;

#define EVIDENCE_NULL ((Evidence){})
void evidence_done(Evidence *e);

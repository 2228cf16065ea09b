/* room: model
 *
 * Evidence: all that was found out about how a task ended. Sources in the order in which they are believed: the
 * recorder's file of this invocation, the unit if it is loaded with this invocation, the journal's records of this
 * invocation, another boot id, nothing at all.
 */
#pragma once

#include <remote-developer/ending.h>

typedef enum AgentOutcome {
        AGENT_NONE,      /* no agent's task */
        AGENT_SUCCEEDED, /* its last result says so */
        AGENT_FAILED,    /* its last result says otherwise */
        AGENT_SILENT,    /* it never gave a result */
} AgentOutcome;

/* Why systemd could not start the program: its record 641257651c1b4ec9a8624d7a40a9e1e7 in the journal. */
typedef struct SpawnFailure {
        int error;        /* errno, positive; 0: none */
        char *executable; /* owned */
} SpawnFailure;

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
        const char *refused; /* borrowed: systemd's own sentence when it refused to start the unit; else NULL */
        AgentOutcome agent;
        char *agent_error; /* owned; its own words */
} Evidence;

#define EVIDENCE_NULL ((Evidence){})
void evidence_done(Evidence *e);

/* UnitStatus: what systemd says of a unit, in its own words. */
#pragma once

#include <remote-developer/clock.h>

#define UNIT_WORD_SIZE 32
#define UNIT_COUNT_UNKNOWN UINT64_MAX

/* How far one of a unit's lists of commands has come, as it was last read. After a daemon-reload systemd has forgotten
 * what was begun before. */
typedef struct UnitCommands {
        unsigned begun; /* the number of the last one that began, from 1; 0: none */
        usec_t begun_usec;
        int32_t exit_code; /* of that one, as exec_main_code */
        int32_t exit_status;
} UnitCommands;

typedef struct UnitStatus {
        char load_state[UNIT_WORD_SIZE]; /* "loaded", "not-found"; empty: never heard of */
        char active_state[UNIT_WORD_SIZE];
        char sub_state[UNIT_WORD_SIZE];
        char result[UNIT_WORD_SIZE];
        char invocation_id[ID128_TEXT_SIZE];
        uint32_t main_pid;
        int32_t exec_main_code; /* CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: has not ended */
        int32_t exec_main_status;
        uint32_t job_id; /* 0: no job waits */
        char job_result[UNIT_WORD_SIZE]; /* how the last job that ended did: "done", "failed", "canceled", ... */
        usec_t active_enter_usec; /* 0: was never active in this invocation */
        usec_t active_enter_monotonic_usec; /* the same on CLOCK_MONOTONIC, by which systemd measures time limits */
        usec_t exec_main_start_usec;
        usec_t exec_main_exit_usec;
        usec_t inactive_enter_usec;
        UnitCommands prepare, after; /* ExecStartPre=, ExecStopPost= */

        /* Only as fresh as the last unit_client_read(); UNIT_COUNT_UNKNOWN without a controller. */
        uint64_t memory_bytes;
        uint64_t cpu_nsec;
        uint64_t tasks;

        /* What it is limited to; UNIT_COUNT_UNKNOWN: it is not. */
        uint64_t memory_max;
        uint64_t cpu_quota_usec; /* in a second */
        uint64_t tasks_max;
        uint64_t io_weight;
} UnitStatus;

bool unit_status_is_loaded(const UnitStatus *s);

/* Neither running nor on its way to or from it, and no job will change that. */
bool unit_status_is_ended(const UnitStatus *s);

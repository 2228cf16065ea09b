/* Verdict: from what was found (evidence.h) to what is said. One pure function; nothing here asks, waits or writes.
 */
#pragma once

#include <remote-developer/evidence.h>
#include <remote-developer/task.h>

typedef struct Verdict {
        TaskResult result;
        const char *reason; /* a static word */
        int exit_code;      /* -1: none */
        char signal[16];    /* "SIGTERM" or "" */
        char *error;        /* owned; NULL when completed */
        usec_t ended_at;    /* 0: not known */
        bool needs_login;   /* the agent, by its exit code alone */
} Verdict;

#define VERDICT_NULL ((Verdict){ .result = TASK_RESULT_NONE, .exit_code = -1 })
void verdict_done(Verdict *v);

/* 0 or -ENOMEM. */
int verdict_reach(const Evidence *e, Verdict *ret);

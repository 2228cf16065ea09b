/* Attempt: what an earlier attempt of a task came to, kept in the task's document. Attempts are numbered from 1; the
 * one under way, or the last, is the Task itself.
 */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/json.h>
#include <remote-developer/problem.h>

/* Of one task, the first and the last included: it bounds the document. */
#define ATTEMPTS_MAX 100

typedef struct Attempt {
        int attempt;
        int result; /* TaskResult */
        char *reason;
        int exit_code; /* -1: it did not exit by itself */
        char *signal;
        char *error;
        usec_t started_at, finished_at;
        char *invocation_id;
        char *boot_id;
        uint64_t log_lines, log_bytes; /* of the task's log up to the end of this attempt */
        char *session_id;              /* of the agent, for a later one to go on with; NULL: it began none */
        bool session_lost;             /* it did not find the session that it should have gone on with */
        uint64_t turns, tool_calls, files_edited; /* of the agent */
        char *log_cursor;              /* of the last line of the log by then; the journal's own; NULL: no line yet */
} Attempt;

typedef struct AttemptList {
        Attempt *items; /* oldest first */
        size_t n;
} AttemptList;

void attempt_done(Attempt *a);
void attempt_list_done(AttemptList *l);

/* Takes what `a` owns, on success. 0, -ENOMEM, or -E2BIG: there are ATTEMPTS_MAX - 1 already. */
int attempt_list_add(AttemptList *l, Attempt *a);

/* For clients the cursors are those of the task's log, as its lines have them (log-cursor.h); with `for_disk` the
 * journal's own. */
int attempt_list_to_json(const AttemptList *l, const char *task_id, bool for_disk, Json **ret);
int attempt_list_from_json(const Json *array, AttemptList *ret, Problem *problem);

/* The invocation ids that are known, as a fresh vector that borrows nothing. */
int attempt_list_invocations(const AttemptList *l, char ***ret);
bool attempt_list_has_invocation(const AttemptList *l, const char *invocation_id);

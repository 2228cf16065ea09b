/* Operation: what somebody asks to be done with the work tree of a task that has ended: a commit, a pull request. It
 * runs as a unit of its own, which outlives the service as a task does, and is noted in the task's document for as
 * long as it is under way. Its step tells in a report (workspace.h) what it came to.
 */
#pragma once

#include <remote-developer/json.h>

typedef enum OperationKind {
        OPERATION_NONE = -1,
        OPERATION_COMMIT,
        OPERATION_CREATE_PR,
        OPERATION_KIND_COUNT,
} OperationKind;

/* The verbs of remote-developer-step, too. Ended by NULL. */
extern const char *const operation_kind_words[];

/* The name of the report's file. */
const char *operation_report(OperationKind kind);

/* "remote-developer-<kind>-<task id>.service": none of the names that tasks have. Fresh memory or NULL. */
char *operation_unit_name(OperationKind kind, const char *task_id);

typedef struct Operation {
        int kind;     /* OperationKind */
        char *number; /* of which its report has to be; owned */
        char *requested_by; /* as Task.created_by; owned */
        usec_t started_at;
} Operation;

#define OPERATION_NULL ((Operation){ .kind = OPERATION_NONE })
void operation_done(Operation *o);

/* With a number of its own. `requested_by` may be NULL. */
int operation_begin(Operation *o, OperationKind kind, const char *requested_by);

/* NULL, which is JSON's null, for none. `hidden`: with what clients do not see. */
int operation_to_json(const Operation *o, bool hidden, Json **ret);
int operation_from_json(const Json *j, Operation *ret, Problem *problem);

/* What the last one came to, for whoever was not there. */
typedef struct OperationEnd {
        int kind; /* OperationKind; OPERATION_NONE: there was none yet */
        bool ok;
        char *error; /* a sentence, of what is not ok; owned */
        char *requested_by; /* as Operation's */
        usec_t ended_at;
} OperationEnd;

#define OPERATION_END_NULL ((OperationEnd){ .kind = OPERATION_NONE })
void operation_end_done(OperationEnd *e);
int operation_end_to_json(const OperationEnd *e, Json **ret); /* NULL, which is JSON's null, for none */
int operation_end_from_json(const Json *j, OperationEnd *ret, Problem *problem);

/* What a report says; all strings owned, NULL where it does not say so. */
typedef struct OperationOutcome {
        bool ok;
        bool refused; /* whoever asked can put right what is wrong */
        char *error;  /* a sentence, of what is not ok */
        char *operation; /* the number */
        char *branch;
        bool committed, pushed; /* of a commit */
        char *commit;
        char *pr_url, *base_branch; /* of a pull request */
} OperationOutcome;

#define OPERATION_OUTCOME_NULL ((OperationOutcome){})
void operation_outcome_done(OperationOutcome *o);

/* -EBADMSG: the report is not of this operation, or is none. On error `ret` is unchanged. */
int operation_outcome_parse(const Operation *o, const char *report, size_t size, OperationOutcome *ret);

/* Operating: what the stories of operations on a work tree have in common: a task that has ended, and what its step
 * would report. Verbs check for themselves that all went well. */
#pragma once

#include "story.h"

/* In place of the machine's; before the service starts. */
bool operating_set_workspaces(Story *s);

/* A task of the agent on the repository o/r, up to its end; or of that request. */
bool operating_end_task(Story *s);
bool operating_end_task_of(Story *s, const char *request);

/* The unit of the operation, as systemd has it; NULL: not loaded. And its start, up to running. */
FakeUnit *operating_unit(Story *s, OperationKind kind);
FakeUnit *operating_start_unit(Story *s, OperationKind kind);

/* The number in the task's document; valid until the next call; "": none is under way. */
const char *operating_number(Story *s);

/* The report of the operation: members of a JSON object, such as "\"ok\":true"; of the one under way or another. */
void operating_report(Story *s, OperationKind kind, const char *members);
void operating_report_of(Story *s, OperationKind kind, const char *number, const char *members);

/* The unit ends by itself, well or not. */
void operating_end_unit(Story *s, OperationKind kind, const char *result, int exit_status);

/* What came back; a second call is a failed check. */
typedef struct OperatingTold {
        unsigned n;
        bool ok, committed, refused;
        char error[256];
} OperatingTold;

#define OPERATING_TOKEN "ghp_token-of-a-test"
#define OPERATING_COMMITTED                                                                                  \
        "\"ok\":true,\"error\":null,\"refused\":false,\"commit\":\"c0ffee\",\"branch\":\"rd/x\","              \
        "\"committed\":true,\"pushed\":true"

/* With the text "the message\n"; 0 or negative errno, with s->problem. */
int operating_begin(Story *s, OperationKind kind, bool token, OperatingTold *told);
int operating_begin_commit(Story *s, OperatingTold *told);

/* The begin of a story: a task that has ended; and a commit of it, up to its unit's running. */
bool operating_prepare(Story *s);
bool operating_prepare_commit(Story *s, OperatingTold *told);

/* Nothing is left of it but what it came to. */
void operating_check_over(Story *s);

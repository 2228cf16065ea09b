/* Claude Code's account of itself: the JSON lines of `claude -p --output-format stream-json --verbose`.
 *
 * Only the last line of type "result" counts; a process may print several (tried with 2.1). Keys come in no
 * certain order, unknown types and fields are passed over.
 */
#pragma once

#include <remote-developer/macros.h>

typedef struct ClaudeOutcome {
        bool has_result;
        bool succeeded;
        char *error; /* owned; what the agent says when it did not succeed */
} ClaudeOutcome;

#define CLAUDE_OUTCOME_NULL ((ClaudeOutcome){})
void claude_outcome_done(ClaudeOutcome *o);

/* Takes one line of output. */
void claude_outcome_take(ClaudeOutcome *o, const char *line, size_t size);

/* The command, ended by NULL; the description goes to its stdin. */
extern const char *const claude_command[];

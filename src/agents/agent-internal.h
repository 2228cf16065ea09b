/* What agents/ share: a row for each type of line. */
#pragma once

#include <remote-developer/agent-text.h>
#include <remote-developer/agent.h>

#define AGENT_LINE_GOES_ON 1U /* the agent waits no more to ask its model again */

typedef struct AgentLine {
        const char *type; /* the member "type" */
        void (*take)(AgentAccount *a, const Json *j);
        bool (*is_wanted)(const AgentAccount *a); /* before it is parsed; NULL: always */
        unsigned flags;
} AgentLine;

extern const AgentLine agent_claude_lines[], agent_codex_lines[], agent_gemini_lines[]; /* ended by NULL */

/* A time that JSON tells in seconds since 1970; 0 where it is none. */
usec_t agent_time(const Json *object, const char *key);
int agent_int(const Json *object, const char *key); /* -1: not there, or no such number */

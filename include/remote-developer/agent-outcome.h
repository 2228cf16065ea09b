/* room: model
 *
 * AgentOutcome: how an agent's work went by its own account, as far as its log was read.
 */
#pragma once

typedef enum AgentOutcome {
        AGENT_NONE,      /* no agent's task, or none of its lines was read */
        AGENT_SUCCEEDED, /* its last result says so */
        AGENT_FAILED,    /* its last result says otherwise */
        AGENT_SILENT,    /* it gave no result yet, or never */
} AgentOutcome;

extern const char *const agent_outcome_words[]; /* ended by NULL */

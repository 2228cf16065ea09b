/* room: model
 *
 * AgentKind: which agent's lines are on the stdout of a task, and so whose own account there is to be read. A recipe
 * says it, and the task's document keeps it: the recipe may be another one tomorrow.
 */
#pragma once

typedef enum AgentKind {
        AGENT_KIND_NONE, /* any program */
        AGENT_KIND_CLAUDE,
        AGENT_KIND_CODEX,
        AGENT_KIND_GEMINI,
        AGENT_KINDS,
} AgentKind;

extern const char *const agent_kind_words[]; /* ended by NULL */

/* room: model
 *
 * AgentAccount: what an agent told of its own work in one attempt of a task, as far as its log was read. Bounded
 * whatever it says: texts are cut, at a character's end, and lists end.
 *
 * The agents' formats fill it (agents/); the verdict, the task's document and further attempts read it.
 */
#pragma once

#include <remote-developer/agent-kind.h>
#include <remote-developer/agent-outcome.h>
#include <remote-developer/clock.h>
#include <remote-developer/json.h>
#include <remote-developer/problem.h>

/* In bytes. */
#define AGENT_TEXT_MAX 256
#define AGENT_FINAL_TEXT_MAX 8192
#define AGENT_ERROR_MAX 2000

#define AGENT_FILES_MAX 50
#define AGENT_DENIALS_MAX 32
#define AGENT_EDITS_MAX 16
#define AGENT_MESSAGES_MAX 8

/* As their makers count: what was read from or written to a cache is in none of the others. */
typedef struct AgentTokens {
        uint64_t input, output, cache_read, cache_creation;
} AgentTokens;

/* It waits, to ask its model again. */
typedef struct AgentRetry {
        int attempt;     /* 0: it does not */
        int max_retries; /* 0: it is not known of an end */
        int status;               /* HTTP's; negative: no answer came */
        char *error;              /* a word of the agent's: "overloaded" */
} AgentRetry;

/* What its maker lets somebody use in a time. */
typedef struct AgentLimit {
        char *type;   /* a word of the agent's: "five_hour" */
        char *status; /* "rejected": nothing more is to be had; NULL: nothing is known of a limit */
        usec_t resets_at; /* 0: not known */
} AgentLimit;

typedef struct AgentAccount {
        int outcome; /* AgentOutcome */
        char *error; /* its own words; NULL: it did not fail, or has none */
        char *name, *version, *model;
        char *session_id; /* NULL: it has not begun one */
        uint64_t turns, tool_calls;
        char *last_tool;
        uint64_t files_edited; /* different ones, as far as `files` can tell */
        char **files;
        AgentTokens tokens;  /* of its session, once it has told; else of this attempt so far */
        uint64_t cost_micro; /* millionths of a dollar, of its session; 0 also: it tells none */
        AgentRetry retry;
        AgentLimit limit;
        char *final_text;
        char **permission_denials;
        bool needs_login;

        /* Where its lines left off. */
        char **edits;    /* "id=path": asked for, and not known yet to be done; oldest first */
        char **messages; /* ids of the latest messages, whose tokens are counted; oldest first */
        bool text_goes_on;
} AgentAccount;

#define AGENT_ACCOUNT_NULL ((AgentAccount){})
void agent_account_done(AgentAccount *a);

/* The session that can be gone on with, borrowed; NULL: none is known to be there. Claude Code tells its session
 * before it is on the disk: killed before the first answer of its model it does not find that again (tried with
 * 2.1). */
const char *agent_account_session(const AgentAccount *a);

/* It failed because of a limit: later it may go on. */
bool agent_account_is_limited(const AgentAccount *a);

/* As clients see it (the derived with it), or with `for_disk` as the file holds it. */
int agent_account_to_json(AgentKind kind, const AgentAccount *a, bool for_disk, Json **ret);
int agent_account_from_json(const Json *j, AgentAccount *ret, Problem *problem);

/* "retrying 3 of 10, overloaded"; NULL: it is not, or no memory. Owned by the caller. */
char *agent_account_describe_retry(const AgentAccount *a);

/* --- for agents/; without memory the account stays as it was --- */

void agent_account_note_tool(AgentAccount *a, const char *name); /* called once more */
void agent_account_note_file(AgentAccount *a, const char *path); /* edited */
void agent_account_note_denial(AgentAccount *a, const char *tool, const char *why);

/* An edit is asked for; it is done or not when its tool answers. */
void agent_account_note_edit(AgentAccount *a, const char *id, const char *path);
void agent_account_end_edit(AgentAccount *a, const char *id, bool done);

/* False: it is one of the latest already. */
bool agent_account_note_message(AgentAccount *a, const char *id);

void agent_account_succeed(AgentAccount *a);
void agent_account_fail(AgentAccount *a, const char *why);
void agent_account_set_limit(AgentAccount *a, const char *type, const char *status, usec_t resets_at);
void agent_account_end_retry(AgentAccount *a);

/* Codex: the lines of `codex exec --json`, as seen with 0.169. What its last turn came to counts; "error" is no end.
 * Tokens are those of the whole thread, and it tells no cost. */
#include "agent-internal.h"

#include <remote-developer/strings.h>

#include <stdio.h>

static void take_thread(AgentAccount *a, const Json *j) {
        agent_text_set(&a->session_id, json_get_string(j, "thread_id"), AGENT_TEXT_MAX);
}

static void take_turn_started(AgentAccount *a, const Json *j _unused_) {
        a->outcome = AGENT_SILENT;
        a->turns++;
}

static void take_turn_completed(AgentAccount *a, const Json *j) {
        const Json *usage = json_get(j, "usage");
        uint64_t input = json_get_uint64(usage, "input_tokens"),
                 cached = json_get_uint64(usage, "cached_input_tokens");

        agent_account_succeed(a);
        a->tokens = (AgentTokens){
                .input = input - MIN_OF(cached, input),
                .cache_read = cached,
                .cache_creation = json_get_uint64(usage, "cache_write_input_tokens"),
                .output = json_get_uint64(usage, "output_tokens"),
        };
}

static void take_turn_failed(AgentAccount *a, const Json *j) {
        const char *why = json_get_string(json_get(j, "error"), "message") ?: "it does not say why";

        agent_account_fail(a, why);
        a->needs_login = strstr(why, "401 Unauthorized");
        if (strstr(why, "hit your usage limit"))
                agent_account_set_limit(a, "usage", "rejected", 0); /* when it ends is told only in local words */
        else if (strstr(why, "429 Too Many Requests"))
                agent_account_set_limit(a, "rate_limit", "rejected", 0);
}

/* "Reconnecting... 1/5 (unexpected status 503 ...)", or without a network "Reconnecting... waiting for network (...)",
 * for as long as that takes. */
static void take_error(AgentAccount *a, const Json *j) {
        const char *message = json_get_string(j, "message") ?: "", *status = strstr(message, "unexpected status ");
        AgentRetry retry = { .status = -1 };

        if (string_has_prefix(message, "Reconnecting... waiting "))
                retry.attempt = 1;
        else if (sscanf(message, "Reconnecting... %9d/%9d", &retry.attempt, &retry.max_retries) != 2 ||
                 retry.attempt <= 0)
                return;
        if (status)
                (void) sscanf(status, "unexpected status %9d", &retry.status);
        agent_account_end_retry(a);
        a->retry = retry;
        message = strchr(message, '(');
        if (message)
                agent_text_set(&a->retry.error, message + 1, MIN_OF(strcspn(message + 1, ")"), AGENT_TEXT_MAX));
}

/* --- items --- */

static bool is_tool(const char *type) {
        static const char *const tools[] = { "command_execution", "file_change", "mcp_tool_call", "collab_tool_call",
                                             "web_search" };

        return string_table_lookup(tools, ELEMENTSOF(tools), type) >= 0;
}

static void take_started(AgentAccount *a, const Json *j) {
        const char *type = json_get_string(json_get(j, "item"), "type");

        if (is_tool(type))
                agent_text_set(&a->last_tool, type, AGENT_TEXT_MAX);
}

static void take_changes(AgentAccount *a, const Json *item) {
        const Json *changes = json_get(item, "changes");

        if (string_equal(json_get_string(item, "status"), "failed"))
                return;
        for (size_t i = 0; i < json_length(changes); i++)
                agent_account_note_file(a, json_get_string(json_at(changes, i), "path"));
}

static void take_completed(AgentAccount *a, const Json *j) {
        const Json *item = json_get(j, "item");
        const char *type = json_get_string(item, "type");

        if (is_tool(type))
                agent_account_note_tool(a, type);
        if (string_equal(type, "file_change"))
                take_changes(a, item);
        else if (string_equal(type, "agent_message"))
                agent_text_set(&a->final_text, json_get_string(item, "text"), AGENT_FINAL_TEXT_MAX);
        else if (string_equal(json_get_string(item, "status"), "declined"))
                agent_account_note_denial(a, type, json_get_string(item, "command"));
}

const AgentLine agent_codex_lines[] = {
        { "thread.started", take_thread, NULL, 0 },
        { "turn.started", take_turn_started, NULL, AGENT_LINE_GOES_ON },
        { "turn.completed", take_turn_completed, NULL, AGENT_LINE_GOES_ON },
        { "turn.failed", take_turn_failed, NULL, AGENT_LINE_GOES_ON },
        { "item.started", take_started, NULL, AGENT_LINE_GOES_ON },
        { "item.completed", take_completed, NULL, AGENT_LINE_GOES_ON },
        { "error", take_error, NULL, 0 },
        {},
};

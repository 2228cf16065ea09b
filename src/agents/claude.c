/* Claude Code: the lines of `claude -p --output-format stream-json --verbose`, as seen with 2.1.
 *
 * A message of the model comes as several lines of one id, each with the same usage: it counts once, and only until a
 * result tells what the whole session came to. A process may print several results; the last one counts. What the
 * client itself says, of an error, is a message of the model "<synthetic>". */
#include "agent-internal.h"

#include <remote-developer/claude.h>
#include <remote-developer/strings.h>

const char *const claude_command[] = { "claude", "-p", "--output-format", "stream-json", "--verbose", NULL };

static uint64_t to_micro(double dollars) {
        return dollars > 0 && dollars < 1e12 ? (uint64_t) (dollars * 1e6 + 0.5) : 0;
}

/* --- system --- */

static void take_init(AgentAccount *a, const Json *j) {
        agent_text_set(&a->session_id, json_get_string(j, "session_id"), AGENT_TEXT_MAX);
        agent_text_set(&a->version, json_get_string(j, "claude_code_version"), AGENT_TEXT_MAX);
        agent_text_set(&a->model, json_get_string(j, "model"), AGENT_TEXT_MAX);
}

static void take_retry(AgentAccount *a, const Json *j) {
        a->retry.attempt = agent_int(j, "attempt");
        a->retry.max_retries = agent_int(j, "max_retries");
        a->retry.status = agent_int(j, "error_status");
        agent_text_set(&a->retry.error, json_get_string(j, "error"), AGENT_TEXT_MAX);
}

static void take_denial(AgentAccount *a, const Json *j) {
        agent_account_note_denial(a, json_get_string(j, "tool_name"), json_get_string(j, "message"));
}

static void take_system(AgentAccount *a, const Json *j) {
        static const struct {
                const char *subtype;
                void (*take)(AgentAccount *a, const Json *j);
        } rows[] = {
                { "init", take_init },
                { "api_retry", take_retry },
                { "permission_denied", take_denial },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (string_equal(rows[i].subtype, json_get_string(j, "subtype")))
                        rows[i].take(a, j);
}

/* --- messages of the model --- */

static void add_usage(AgentTokens *t, const Json *usage) {
        t->input += json_get_uint64(usage, "input_tokens");
        t->output += json_get_uint64(usage, "output_tokens");
        t->cache_read += json_get_uint64(usage, "cache_read_input_tokens");
        t->cache_creation += json_get_uint64(usage, "cache_creation_input_tokens");
}

/* The file that a tool's use changes; NULL: it changes none that it names. */
static const char *edited_file(const char *tool, const Json *input) {
        static const struct {
                const char *tool, *path;
        } rows[] = {
                { "Edit", "file_path" },
                { "MultiEdit", "file_path" },
                { "Write", "file_path" },
                { "NotebookEdit", "notebook_path" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (string_equal(rows[i].tool, tool))
                        return json_get_string(input, rows[i].path);
        return NULL;
}

static void take_tool_use(AgentAccount *a, const Json *block) {
        const char *tool = json_get_string(block, "name"), *path = edited_file(tool, json_get(block, "input"));

        agent_account_note_tool(a, tool);
        if (path)
                agent_account_note_edit(a, json_get_string(block, "id"), path);
}

static void take_assistant(AgentAccount *a, const Json *j) {
        const Json *message = json_get(j, "message"), *content = json_get(message, "content");

        if (string_equal(json_get_string(message, "model"), "<synthetic>")) {
                a->needs_login |= string_equal(json_get_string(j, "error"), "authentication_failed");
                return;
        }
        if (agent_account_note_message(a, json_get_string(message, "id"))) {
                a->turns += !json_get(j, "parent_tool_use_id"); /* an agent's own helpers have turns of theirs */
                add_usage(&a->tokens, json_get(message, "usage"));
        }
        for (size_t i = 0; i < json_length(content); i++)
                if (string_equal(json_get_string(json_at(content, i), "type"), "tool_use"))
                        take_tool_use(a, json_at(content, i));
}

/* --- answers of tools: the longest lines of all --- */

static bool is_answer_wanted(const AgentAccount *a) {
        return strv_length(a->edits) > 0;
}

static void take_user(AgentAccount *a, const Json *j) {
        const Json *content = json_get(json_get(j, "message"), "content");

        for (size_t i = 0; i < json_length(content); i++) {
                const Json *block = json_at(content, i);

                if (string_equal(json_get_string(block, "type"), "tool_result"))
                        agent_account_end_edit(a, json_get_string(block, "tool_use_id"),
                                               !json_get_bool(block, "is_error"));
        }
}

/* --- limits --- */

static void take_rate_limit(AgentAccount *a, const Json *j) {
        const Json *info = json_get(j, "rate_limit_info");
        const char *status = json_get_string(info, "status");

        if (string_equal(status, "allowed"))
                agent_account_set_limit(a, NULL, NULL, 0);
        else
                agent_account_set_limit(a, json_get_string(info, "rateLimitType"),
                                        json_get_bool(info, "isUsingOverage") ? "overage" : status,
                                        agent_time(info, "resetsAt"));
}

/* --- results --- */

/* By model, of the whole session; an earlier client tells only of what came since the result before. */
static void take_tokens(AgentAccount *a, const Json *j) {
        const Json *usage = json_get(j, "modelUsage");
        AgentTokens t = {};
        void *state = NULL;

        for (Json *m; (m = json_next_value(usage, &state));) {
                t.input += json_get_uint64(m, "inputTokens");
                t.output += json_get_uint64(m, "outputTokens");
                t.cache_read += json_get_uint64(m, "cacheReadInputTokens");
                t.cache_creation += json_get_uint64(m, "cacheCreationInputTokens");
        }
        if (t.input + t.output + t.cache_read + t.cache_creation > 0)
                a->tokens = t;
}

/* Most were told when they happened. */
static void take_denials(AgentAccount *a, const Json *denials) {
        for (size_t i = strv_length(a->permission_denials); i < MIN_OF(json_length(denials), AGENT_DENIALS_MAX); i++)
                take_denial(a, json_at(denials, i));
}

/* Without a text the subtype is the kind of error, and the first of the errors, if there is one, says more. */
static void fail_in_its_words(AgentAccount *a, const Json *j, const char *text) {
        const Json *errors = json_get(j, "errors");
        const char *subtype = json_get_string(j, "subtype") ?: "no subtype",
                   *first = json_length(errors) > 0 ? json_text(json_at(errors, 0)) : NULL;
        _cleanup_free_ char *both = first ? string_format("%s: %s", subtype, first) : NULL;

        agent_account_fail(a, text ?: both ?: subtype);
}

static void take_failure(AgentAccount *a, const Json *j, const char *text) {
        fail_in_its_words(a, j, text);
        if (text && (string_has_prefix(text, "Not logged in") || string_has_prefix(text, "Invalid API key")))
                a->needs_login = true;
        if (agent_int(j, "api_error_status") == 429 && !string_equal(a->limit.status, "rejected"))
                agent_account_set_limit(a, "rate_limit", "rejected", 0);
}

static void take_result(AgentAccount *a, const Json *j) {
        const char *text = json_get_string(j, "result");

        take_tokens(a, j);
        take_denials(a, json_get(j, "permission_denials"));
        a->cost_micro = to_micro(json_get_double(j, "total_cost_usd"));
        agent_text_set(&a->final_text, text, AGENT_FINAL_TEXT_MAX);
        if (string_equal(json_get_string(j, "subtype"), "success") && !json_get_bool(j, "is_error"))
                agent_account_succeed(a);
        else
                take_failure(a, j, text);
}

const AgentLine agent_claude_lines[] = {
        { "system", take_system, NULL, 0 },
        { "assistant", take_assistant, NULL, AGENT_LINE_GOES_ON },
        { "user", take_user, is_answer_wanted, AGENT_LINE_GOES_ON },
        { "rate_limit_event", take_rate_limit, NULL, 0 },
        { "result", take_result, NULL, AGENT_LINE_GOES_ON },
        {},
};

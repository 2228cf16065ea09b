/* Gemini CLI: the lines of `gemini --output-format stream-json`, as its source has them and 0.61 was seen to write
 * them. A message comes in pieces ("delta"), which belong together until something else comes. It tells no cost. */
#include "agent-internal.h"

#include <remote-developer/strings.h>

static void take_init(AgentAccount *a, const Json *j) {
        agent_text_set(&a->session_id, json_get_string(j, "session_id"), AGENT_TEXT_MAX);
        agent_text_set(&a->model, json_get_string(j, "model"), AGENT_TEXT_MAX);
}

static void take_message(AgentAccount *a, const Json *j) {
        const char *text = json_get_string(j, "content") ?: "";
        bool goes_on = json_get_bool(j, "delta");

        if (!string_equal(json_get_string(j, "role"), "assistant")) {
                a->text_goes_on = false;
                return;
        }
        if (goes_on && a->text_goes_on)
                agent_text_append(&a->final_text, text, AGENT_FINAL_TEXT_MAX);
        else {
                a->turns++;
                agent_text_set(&a->final_text, text, AGENT_FINAL_TEXT_MAX);
        }
        a->text_goes_on = goes_on;
}

static void take_tool_use(AgentAccount *a, const Json *j) {
        const char *tool = json_get_string(j, "tool_name"),
                   *path = json_get_string(json_get(j, "parameters"), "file_path");

        a->text_goes_on = false;
        agent_account_note_tool(a, tool);
        if (path && (string_equal(tool, "write_file") || string_equal(tool, "replace")))
                agent_account_note_edit(a, json_get_string(j, "tool_id"), path);
}

static bool is_answer_wanted(const AgentAccount *a) {
        return strv_length(a->edits) > 0;
}

static void take_tool_result(AgentAccount *a, const Json *j) {
        agent_account_end_edit(
                        a, json_get_string(j, "tool_id"), string_equal(json_get_string(j, "status"), "success"));
}

static void take_result(AgentAccount *a, const Json *j) {
        const Json *stats = json_get(j, "stats");
        uint64_t input = json_get_uint64(stats, "input_tokens"), cached = json_get_uint64(stats, "cached");

        a->text_goes_on = false;
        a->tokens = (AgentTokens){ .input = input - MIN_OF(cached, input), .cache_read = cached,
                                   .output = json_get_uint64(stats, "output_tokens") };
        if (string_equal(json_get_string(j, "status"), "success"))
                agent_account_succeed(a);
        else
                agent_account_fail(a, json_get_string(json_get(j, "error"), "message") ?: "it does not say why");
}

const AgentLine agent_gemini_lines[] = {
        { "init", take_init, NULL, 0 },
        { "message", take_message, NULL, 0 },
        { "tool_use", take_tool_use, NULL, 0 },
        { "tool_result", take_tool_result, is_answer_wanted, 0 },
        { "result", take_result, NULL, 0 },
        {},
};

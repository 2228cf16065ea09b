/* The agents' formats: logs of real ones, recorded against a stand-in for their models, in tests/fuzz/corpus/agent;
 * what each comes to, however its keys are ordered. Gemini's are made after its source. */
#include "../lib/tap.h"

#include <remote-developer/agent.h>
#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>

static void take(AgentKind kind, AgentAccount *a, const char *line, size_t size) {
        /* In memory of its very size: a line is no string. */
        _cleanup_free_ char *copy = malloc(MAX_OF(size, (size_t) 1));

        memcpy(copy, line, size);
        agent_take(kind, a, copy, size);
}

static void take_lines(AgentKind kind, AgentAccount *a, const char *s) {
        while (*s) {
                size_t n = strcspn(s, "\n");

                take(kind, a, s, n);
                s += n + (s[n] == '\n');
        }
}

static char *told(AgentKind kind, const AgentAccount *a) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;

        TAP_CHECK_INT(agent_account_to_json(kind, a, false, &j), 0);
        TAP_CHECK_INT(json_append(j, &text), 0);
        return buffer_take(&text);
}

/* --- whole logs --- */

static char *read_log(const char *name) {
        _cleanup_free_ char *path = string_format("%s/tests/fuzz/corpus/agent/%s.jsonl",
                                                  getenv("SOURCE_ROOT") ?: ".", name);
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        if (!TAP_CHECK_INT(file_read(AT_FDCWD, path, 1 << 20, &text), 0))
                return strdup("");
        return buffer_take(&text);
}

#define CLAUDE "\"kind\":\"claude\"", "\"name\":\"Claude Code\"", "\"version\":\"2.1.330\""
#define FAILED "\"outcome\":\"failed\""
#define SUCCEEDED "\"outcome\":\"succeeded\""
#define NO_RETRY "\"retry\":null"
#define NO_LIMIT "\"limit\":null"

static const struct {
        AgentKind kind;
        const char *log;
        const char *parts[20];
} logs[] = {
        { AGENT_KIND_CLAUDE, "claude-edit",
          { CLAUDE, "\"model\":\"claude-opus-5-5\"", "\"session_id\":\"ffc3afee-5c04-48cb-af62-916ec7e901bd\"",
            SUCCEEDED, "\"error\":null", "\"turns\":4", "\"tool_calls\":3", "\"last_tool\":\"Edit\"",
            "\"files_edited\":2",
            "\"files\":[\"/home/user/project/new.txt\",\"/home/user/project/a.txt\"]", "\"final_text\":\"Done.\"",
            "\"tokens\":{\"input\":40,\"output\":80,\"cache_read\":0,\"cache_creation\":0}", "\"cost_usd\":0.001760",
            "\"permission_denials\":[]", NO_RETRY, NO_LIMIT } },
        { AGENT_KIND_CLAUDE, "claude-denied",
          { SUCCEEDED, "\"permission_denials\":[\"Bash: touch in '/home/user/project/x' needs approval.",
            "\"turns\":2",
            "\"files_edited\":0" } },
        { AGENT_KIND_CLAUDE, "claude-retry", { SUCCEEDED, "\"turns\":1", NO_RETRY, NO_LIMIT } },
        { AGENT_KIND_CLAUDE, "claude-limit",
          { FAILED, "\"error\":\"You've hit your weekly limit · resets Nov 27, 10:26pm (UTC)\"", "\"turns\":1",
            "\"limit\":{\"type\":\"seven_day\",\"status\":\"rejected\","
            "\"resets_at\":\"2026-11-27T22:26:14.000000Z\"}",
            "\"needs_login\":false" } },
        { AGENT_KIND_CLAUDE, "claude-not-logged-in",
          { FAILED, "\"error\":\"Not logged in · Please run /login\"", "\"needs_login\":true", "\"turns\":0",
            "\"session_id\":\"a964b969", NO_LIMIT } },
        { AGENT_KIND_CLAUDE, "claude-max-turns",
          { FAILED, "\"error\":\"error_max_turns: Reached maximum number of turns (2)\"", "\"turns\":2",
            "\"last_tool\":\"Read\"" } },
        { AGENT_KIND_CLAUDE, "claude-no-session",
          { FAILED, "\"error\":\"error_during_execution: No conversation found with session ID: ",
            "\"session_id\":null" } },
        { AGENT_KIND_CODEX, "codex-edit",
          { "\"kind\":\"codex\"", "\"name\":\"Codex\"", "\"session_id\":\"01a20560-1e21-71c3-9573-36ef4204377a\"",
            SUCCEEDED, "\"turns\":1", "\"tool_calls\":2", "\"last_tool\":\"file_change\"", "\"files_edited\":1",
            "\"files\":[\"/home/user/project/new.txt\"]", "\"final_text\":\"Done.\"",
            "\"tokens\":{\"input\":240,\"output\":28,\"cache_read\":160,\"cache_creation\":0}",
            "\"cost_usd\":null" } },
        { AGENT_KIND_CODEX, "codex-failed", { FAILED, "no such thing", NO_LIMIT, NO_RETRY } },
        { AGENT_KIND_CODEX, "codex-limit",
          { FAILED, "hit your usage limit",
            "\"limit\":{\"type\":\"usage\",\"status\":\"rejected\",\"resets_at\":null}",
            NO_RETRY } },
        { AGENT_KIND_CODEX, "codex-unauthorized", { FAILED, "\"needs_login\":true", "401 Unauthorized", NO_RETRY } },
        { AGENT_KIND_GEMINI, "gemini-edit",
          { "\"kind\":\"gemini\"", SUCCEEDED, "\"turns\":2", "\"tool_calls\":3", "\"last_tool\":\"write_file\"",
            "\"files_edited\":1", "\"files\":[\"a.txt\"]", "\"final_text\":\"Done.\"", "\"model\":\"gemini-3-pro\"",
            "\"tokens\":{\"input\":70,\"output\":30,\"cache_read\":50,\"cache_creation\":0}", "\"cost_usd\":null" } },
        { AGENT_KIND_GEMINI, "gemini-failed", { FAILED,
          "\"error\":\"Reached max session turns for this session.\"" } },
};

static void test_logs(void) {
        for (size_t i = 0; i < ELEMENTSOF(logs); i++) {
                _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL, shuffled = AGENT_ACCOUNT_NULL;
                _cleanup_free_ char *other = string_format("%s-shuffled", logs[i].log), *log = read_log(logs[i].log),
                                    *other_log = read_log(other), *text = NULL, *other_text = NULL;

                take_lines(logs[i].kind, &a, log);
                take_lines(logs[i].kind, &shuffled, other_log);
                text = told(logs[i].kind, &a);
                other_text = told(logs[i].kind, &shuffled);
                for (size_t k = 0; logs[i].parts[k]; k++)
                        TAP_CHECK_CONTAINS(text, logs[i].parts[k]);
                TAP_CHECK_STRING(other_text, text);
        }
}

/* A death of the service behind any line: what was read is on disk, the rest is read by the next one. */
static void test_logs_in_two_parts(void) {
        for (size_t i = 0; i < ELEMENTSOF(logs); i++) {
                _cleanup_free_ char *log = read_log(logs[i].log);

                for (char *cut = log; cut; cut = strchr(cut + 1, '\n')) {
                        _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL, b = AGENT_ACCOUNT_NULL;
                        _cleanup_free_ char *first = strndup(log, (size_t) (cut - log)), *text = NULL;
                        _cleanup_json_ Json *j = NULL;

                        take_lines(logs[i].kind, &a, first);
                        TAP_CHECK_INT(agent_account_to_json(logs[i].kind, &a, true, &j), 0);
                        if (!TAP_CHECK_INT(agent_account_from_json(j, &b, NULL), 0))
                                return;
                        take_lines(logs[i].kind, &b, cut);
                        text = told(logs[i].kind, &b);
                        for (size_t k = 0; logs[i].parts[k]; k++)
                                TAP_CHECK_CONTAINS(text, logs[i].parts[k]);
                }
        }
}

/* --- what a line leaves --- */

#define INIT(id) "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"" id "\"}\n"
#define RETRY "{\"error\":\"overloaded\",\"max_retries\":10,\"attempt\":3,\"error_status\":529," \
              "\"subtype\":\"api_retry\",\"type\":\"system\"}\n"
#define RESULT(text, more) "{\"subtype\":\"success\",\"result\":\"" text "\",\"type\":\"result\"" more "}\n"
#define ASSISTANT(id, more) "{\"message\":{\"id\":\"" id "\",\"usage\":{\"output_tokens\":7,\"input_tokens\":2," \
                            "\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":1},\"content\":[]}" more \
                            ",\"type\":\"assistant\"}\n"
#define WRITE(id, path) "{\"type\":\"assistant\",\"message\":{\"id\":\"m" id "\",\"content\":[{" \
                        "\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"Write\"," \
                        "\"input\":{\"file_path\":\"" path "\"}}]}}\n"
#define ANSWER(id, more) "{\"type\":\"user\",\"message\":{\"content\":[{\"tool_use_id\":\"" id "\"," \
                         "\"type\":\"tool_result\"" more "}]}}\n"
#define LIMIT(status, more) "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"" status "\"" more "}}\n"
#define RETRYING "\"retry\":{\"attempt\":3,\"max_retries\":10,\"error\":\"overloaded\",\"status\":529," \
                 "\"message\":\"retrying 3 of 10, overloaded\"}"

static const struct {
        const char *lines, *part;
} claude_rows[] = {
        { "", "\"outcome\":\"none\"" },
        { "hello\n", "\"outcome\":\"silent\"" },
        { INIT("one") INIT("two"), "\"session_id\":\"two\"" },
        { RESULT("a", ",\"is_error\":true") RESULT("b", ""), SUCCEEDED },
        { RESULT("b", "") RESULT("a", ",\"is_error\":true"), "\"error\":\"a\"" },
        { RESULT("b", "") "text\n{}\n" INIT("x"), SUCCEEDED },
        { RESULT("b", ",\"total_cost_usd\":0.5") RESULT("b", ",\"total_cost_usd\":0.75"), "\"cost_usd\":0.750000" },
        { "{\"type\":\"result\"}\n", "\"error\":\"no subtype\"" },
        { "{\"type\":\"result\",\"subtype\":5,\"result\":{\"a\":1}}\n", "\"error\":\"no subtype\"" },
        { "{\"type\":\"result\",\"subtype\":\"error_max_budget_usd\",\"is_error\":false}\n",
          "\"error\":\"error_max_budget_usd\"" },
        { "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"\\ud83d\"}\r\n", SUCCEEDED },
        { "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"\x01\xff\"}\n",
          "\"final_text\":\"\\u0001\xef\xbf\xbd\"" },
        { "[" RESULT("b", "") "]", "\"outcome\":\"silent\"" },
        { "log: " RESULT("b", ""), "\"outcome\":\"silent\"" },
        { "{\"message\":{\"type\":\"result\",\"subtype\":\"success\"},\"type\":\"assistant\"}\n",
          "\"outcome\":\"silent\"" },
        { "{\"type\":\"user\",\"x\":\"{\\\"type\\\":\\\"result\\\",\\\"subtype\\\":\\\"success\\\"}\"}\n",
          "\"outcome\":\"silent\"" },
        { "{\"result\":\"type\",\"subtype\":\"success\",\"type\":[\"result\"]}\n", "\"outcome\":\"silent\"" },
        /* one message in several lines counts once, another one's lines between them or not */
        { ASSISTANT("a", "") ASSISTANT("a", ""), "\"turns\":1" },
        { ASSISTANT("a", "") ASSISTANT("b", "") ASSISTANT("a", ""), "\"turns\":2" },
        { ASSISTANT("a", "") ASSISTANT("a", "") ASSISTANT("b", ""),
          "\"tokens\":{\"input\":4,\"output\":14,\"cache_read\":10,\"cache_creation\":2}" },
        { ASSISTANT("a", ",\"parent_tool_use_id\":\"t\"") ASSISTANT("b", ",\"parent_tool_use_id\":null"),
          "\"turns\":1" },
        { ASSISTANT("a", "") RESULT("b", ",\"modelUsage\":{}"),
          "\"tokens\":{\"input\":2,\"output\":7,\"cache_read\":5,\"cache_creation\":1}" },
        { ASSISTANT("a", "") RESULT("b", ",\"modelUsage\":{\"x\":{\"inputTokens\":100},\"y\":{\"inputTokens\":11}}"),
          "\"tokens\":{\"input\":111,\"output\":0,\"cache_read\":0,\"cache_creation\":0}" },
        /* it waits until it goes on */
        { RETRY, RETRYING },
        { RETRY "text\n{\"type\":\"unknown\"}\n" LIMIT("allowed", "") INIT("x"), RETRYING },
        { RETRY ASSISTANT("a", ""), NO_RETRY },
        { RETRY "{\"type\":\"user\"}\n", NO_RETRY },
        { RETRY RESULT("b", ""), NO_RETRY },
        { "{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":1,\"max_retries\":2,\"error_status\":null}\n",
          "\"error\":null,\"status\":null,\"message\":\"retrying 1 of 2\"" },
        { "{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":-1,\"max_retries\":2}\n", NO_RETRY },
        { "{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":1,\"max_retries\":1e99}\n",
          "\"message\":\"retrying\"" },
        /* an edit counts when it is done, a file once */
        { WRITE("t1", "/a"), "\"files_edited\":0" },
        { WRITE("t1", "/a") ANSWER("t2", ""), "\"files_edited\":0" },
        { WRITE("t1", "/a") ANSWER("t1", ",\"is_error\":true") ANSWER("t1", ""), "\"files_edited\":0" },
        { WRITE("t1", "/a") WRITE("t2", "/b") ANSWER("t2", "") ANSWER("t1", ",\"is_error\":false"),
          "\"files\":[\"/b\",\"/a\"]" },
        { WRITE("t1", "/a") ANSWER("t1", "") WRITE("t2", "/a") ANSWER("t2", ""), "\"files_edited\":1" },
        /* limits */
        { LIMIT("allowed", ""), NO_LIMIT },
        { LIMIT("allowed_warning", ",\"resetsAt\":1000000000,\"rateLimitType\":\"five_hour\""),
          "\"limit\":{\"type\":\"five_hour\",\"status\":\"allowed_warning\","
          "\"resets_at\":\"2001-09-09T01:46:40.000000Z\"}" },
        { LIMIT("rejected", "") LIMIT("allowed", ""), NO_LIMIT },
        { LIMIT("rejected", ",\"isUsingOverage\":true"), "\"status\":\"overage\"" },
        { RESULT("no", ",\"is_error\":true,\"api_error_status\":429"),
          "\"limit\":{\"type\":\"rate_limit\",\"status\":\"rejected\",\"resets_at\":null}" },
        { LIMIT("rejected", ",\"rateLimitType\":\"x\"") RESULT("no", ",\"is_error\":true,\"api_error_status\":429"),
          "\"limit\":{\"type\":\"x\"" },
        { RESULT("Invalid API key · Fix", ",\"is_error\":true"), "\"needs_login\":true" },
        { RESULT("Invalid API key · Fix", ",\"is_error\":true") RESULT("b", ""), "\"needs_login\":false" },
        { RESULT("b", ",\"permission_denials\":[{\"tool_name\":\"Bash\"},{}]"),
          "\"permission_denials\":[\"Bash\",\"?\"]" },
};

static void test_lines_of_claude(void) {
        for (size_t i = 0; i < ELEMENTSOF(claude_rows); i++) {
                _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;
                _cleanup_free_ char *text = NULL;

                take_lines(AGENT_KIND_CLAUDE, &a, claude_rows[i].lines);
                text = told(AGENT_KIND_CLAUDE, &a);
                if (!TAP_CHECK_CONTAINS(text, claude_rows[i].part))
                        printf("# after %s", claude_rows[i].lines);
        }
}

#define TURN "{\"type\":\"turn.started\"}\n"
#define COMPLETED "{\"usage\":{},\"type\":\"turn.completed\"}\n"
#define TURN_FAILED "{\"error\":{\"message\":\"why\"},\"type\":\"turn.failed\"}\n"

static const struct {
        const char *lines, *part;
} codex_rows[] = {
        { TURN COMPLETED, SUCCEEDED },
        { TURN TURN_FAILED TURN COMPLETED, SUCCEEDED },
        { TURN COMPLETED TURN, "\"outcome\":\"silent\"" },
        { TURN COMPLETED TURN TURN_FAILED, "\"error\":\"why\"" },
        { TURN "{\"type\":\"error\",\"message\":\"x\"}\n", "\"outcome\":\"silent\"" },
        { TURN "{\"type\":\"error\",\"message\":\"Reconnecting... 2/5 (unexpected status 503 Service, url: x)\"}\n",
          "\"retry\":{\"attempt\":2,\"max_retries\":5,\"error\":\"unexpected status 503 Service, url: x\","
          "\"status\":503" },
        { TURN "{\"type\":\"error\",\"message\":\"Reconnecting... waiting for network (Connection failed: x)\"}\n",
          "\"message\":\"retrying, Connection failed: x\"" },
        { TURN "{\"type\":\"turn.failed\",\"error\":{\"message\":\"exceeded retry limit, last status: 429 Too Many "
          "Requests\"}}\n", "\"limit\":{\"type\":\"rate_limit\",\"status\":\"rejected\",\"resets_at\":null}" },
        { "{\"type\":\"error\",\"message\":\"Reconnecting... 2/5\"}\n{\"type\":\"item.completed\"}\n", NO_RETRY },
        { "{\"type\":\"item.started\",\"item\":{\"type\":\"web_search\"}}\n",
          "\"tool_calls\":0,\"last_tool\":\"web_search\"" },
        { "{\"item\":{\"status\":\"failed\",\"changes\":[{\"path\":\"a\"}],\"type\":\"file_change\"},"
          "\"type\":\"item.completed\"}\n", "\"files_edited\":0" },
        { "{\"item\":{\"status\":\"declined\",\"command\":\"rm x\",\"type\":\"command_execution\"},"
          "\"type\":\"item.completed\"}\n", "\"permission_denials\":[\"command_execution: rm x\"]" },
};

static void test_lines_of_codex(void) {
        for (size_t i = 0; i < ELEMENTSOF(codex_rows); i++) {
                _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;
                _cleanup_free_ char *text = NULL;

                take_lines(AGENT_KIND_CODEX, &a, codex_rows[i].lines);
                text = told(AGENT_KIND_CODEX, &a);
                TAP_CHECK_CONTAINS(text, codex_rows[i].part);
        }
}

/* As a line that was cut comes: nothing of it counts. */
static void test_no_beginning_of_a_line_counts(void) {
        static const char line[] = "{\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\","
                                   "\"type\":\"result\"}";

        for (size_t n = 0; n < strlen(line); n++) {
                _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;

                take(AGENT_KIND_CLAUDE, &a, line, n);
                TAP_CHECK_INT(a.outcome, AGENT_SILENT);
        }
}

static void test_no_agent(void) {
        _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;

        take_lines(AGENT_KIND_NONE, &a, RESULT("b", ""));
        TAP_CHECK_INT(a.outcome, AGENT_NONE);
}

static const TapTest tests[] = {
        { "logs", test_logs },
        { "logs in two parts", test_logs_in_two_parts },
        { "lines of Claude Code", test_lines_of_claude },
        { "lines of Codex", test_lines_of_codex },
        { "no beginning of a line counts", test_no_beginning_of_a_line_counts },
        { "no agent", test_no_agent },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Claude Code's account of itself: what counts is the last line that is a result, however its keys are ordered. */
#include "../lib/tap.h"

#include <remote-developer/buffer.h>
#include <remote-developer/claude.h>
#include <remote-developer/strings.h>

#define SUCCESS "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\",\"num_turns\":3}"
#define TYPE "\"type\":\"result\","
#define FAILURE "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true}"

static void take(ClaudeOutcome *o, const char *line) {
        /* In memory of its very size: a line is no string. */
        _cleanup_free_ char *copy = malloc(strlen(line));

        memcpy(copy, line, strlen(line));
        claude_outcome_take(o, copy, strlen(line));
}

typedef enum Should {
        NO_RESULT,
        GOOD,
        BAD,
} Should;

static const struct {
        const char *line;
        Should should;
        const char *error;
} lines[] = {
        { SUCCESS, GOOD, NULL },
        { "{\"result\":\"done\",\"is_error\":false,\"subtype\":\"success\",\"type\":\"result\"}", GOOD, NULL },
        { "{ \"usage\" : {\"type\":\"x\"}, \"subtype\" : \"success\", \"type\" : \"result\" }", GOOD, NULL },
        { "{\"type\":\"result\",\"subtype\":\"success\"}\r", GOOD, NULL },
        { "{\"subtype\":\"success\",\"is_error\":null,\"type\":\"result\"}", GOOD, NULL },
        { FAILURE, BAD, "error_max_turns" },
        { "{" TYPE "\"subtype\":\"error_max_budget_usd\",\"is_error\":false}", BAD, "error_max_budget_usd" },
        { "{" TYPE "\"subtype\":\"error_during_execution\",\"result\":null}", BAD, "error_during_execution" },
        /* "Not logged in" is a success by its subtype, with exit 1. */
        { "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"Not logged in\"}", BAD,
          "Not logged in" },
        { "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true}", BAD, "success" },
        { "{\"type\":\"result\",\"subtype\":\"error\",\"result\":\"why\"}", BAD, "why" },
        { "{\"type\":\"result\",\"subtype\":\"error\",\"result\":{\"a\":1}}", BAD, "error" },
        { "{\"type\":\"result\"}", BAD, "no subtype" },
        { "{\"type\":\"result\",\"subtype\":5}", BAD, "no subtype" },
        { "{\"type\":\"result\",\"subtype\":\"SUCCESS\"}", BAD, "SUCCESS" },
        /* JSON.stringify() of a text that was cut inside an emoji */
        { "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"\\ud83d\"}", GOOD, NULL },
        /* no results */
        { "", NO_RESULT, NULL },
        { "result", NO_RESULT, NULL },
        { "\"result\"", NO_RESULT, NULL },
        { "[" SUCCESS "]", NO_RESULT, NULL },
        { "log: " SUCCESS, NO_RESULT, NULL },
        { SUCCESS SUCCESS, NO_RESULT, NULL },
        { SUCCESS ",", NO_RESULT, NULL },
        { "{\"type\":\"system\",\"subtype\":\"init\",\"result\":\"x\"}", NO_RESULT, NULL },
        { "{\"type\":\"assistant\",\"message\":{\"type\":\"result\",\"subtype\":\"success\"}}", NO_RESULT, NULL },
        { "{\"type\":\"user\",\"x\":\"{\\\"type\\\":\\\"result\\\",\\\"subtype\\\":\\\"x\\\"}\"}", NO_RESULT, NULL },
        { "{\"type\":[\"result\"],\"subtype\":\"success\"}", NO_RESULT, NULL },
        { "{\"result\":\"type\",\"subtype\":\"success\"}", NO_RESULT, NULL },
        { "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"\x01\"}", GOOD, NULL },
        { "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"\xff\"}", GOOD, NULL },
};

static void check_outcome(const ClaudeOutcome *o, Should should, const char *error, const char *line) {
        if (o->has_result != (should != NO_RESULT) || o->succeeded != (should == GOOD) ||
            !string_equal(o->error, error))
                tap_fail(__FILE__, __LINE__, "%.200s: %s, %s, error %s", line, o->has_result ? "a result" : "none",
                         o->succeeded ? "success" : "no success", o->error ?: "none");
}

static void test_single_lines(void) {
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(claude_outcome_done) ClaudeOutcome o = CLAUDE_OUTCOME_NULL;

                take(&o, lines[i].line);
                check_outcome(&o, lines[i].should, lines[i].error, lines[i].line);
        }
}

static void test_no_beginning_of_a_result_counts(void) {
        for (size_t n = 0; n < strlen(SUCCESS); n++) {
                _cleanup_(claude_outcome_done) ClaudeOutcome o = CLAUDE_OUTCOME_NULL;

                claude_outcome_take(&o, SUCCESS, n);
                TAP_CHECK(!o.has_result);
        }
}

static void test_the_last_result_counts(void) {
        _cleanup_(claude_outcome_done) ClaudeOutcome o = CLAUDE_OUTCOME_NULL;

        take(&o, FAILURE);
        take(&o, SUCCESS);
        check_outcome(&o, GOOD, NULL, "failure, success");
        take(&o, "{\"type\":\"system\",\"subtype\":\"init\"}");
        take(&o, "not JSON \"result\"");
        take(&o, "");
        check_outcome(&o, GOOD, NULL, "lines behind a result");
        take(&o, FAILURE);
        take(&o, "{\"type\":\"result\",\"subtype\":\"error\",\"result\":\"the last\"}");
        check_outcome(&o, BAD, "the last", "failure, failure");
        claude_outcome_done(&o);
        check_outcome(&o, NO_RESULT, NULL, "done");
}

/* Agents print files: a line of 143 kB was seen. */
static void test_huge_lines(void) {
        enum { SIZE = 4 * 1024 * 1024 };
        _cleanup_(claude_outcome_done) ClaudeOutcome o = CLAUDE_OUTCOME_NULL;
        _cleanup_free_ char *text = malloc(SIZE + 1);
        _cleanup_(buffer_done) Buffer line = BUFFER_NULL;

        memset(text, 'x', SIZE);
        text[SIZE] = 0;
        TAP_CHECK_INT(buffer_append_format(&line, "{" TYPE "\"result\":\"%s\",\"subtype\":\"success\"}", text), 0);
        take(&o, line.data);
        check_outcome(&o, GOOD, NULL, "a huge result");
        buffer_clear(&line);
        TAP_CHECK_INT(buffer_append_format(&line, "{" TYPE "\"result\":\"%s\",\"subtype\":\"e\"}", text), 0);
        take(&o, line.data);
        TAP_CHECK(o.has_result && !o.succeeded);
        TAP_CHECK_INT(o.error ? strlen(o.error) : 0, 2000);
}

/* The prompt is on stdin: nothing of the user's is in the arguments. */
static void test_command(void) {
        TAP_CHECK_STRING(claude_command[0], "claude");
        TAP_CHECK_STRING(claude_command[1], "-p");
        TAP_CHECK_STRING(claude_command[2], "--output-format");
        TAP_CHECK_STRING(claude_command[3], "stream-json");
        TAP_CHECK_STRING(claude_command[4], "--verbose");
        TAP_CHECK_STRING(claude_command[5], NULL);
}

static const TapTest tests[] = {
        { "single lines", test_single_lines },
        { "no beginning of a result counts", test_no_beginning_of_a_result_counts },
        { "the last result counts", test_the_last_result_counts },
        { "huge lines", test_huge_lines },
        { "the command", test_command },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

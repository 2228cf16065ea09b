/* Claude Code: how it is started and what its last result means. See claude.h. */
#include <remote-developer/claude.h>

#include <remote-developer/json.h>
#include <remote-developer/strings.h>

/* What the agent says is for people; its first lines are enough. */
#define ERROR_SIZE_MAX 2000

const char *const claude_command[] = { "claude", "-p", "--output-format", "stream-json", "--verbose", NULL };

void claude_outcome_done(ClaudeOutcome *o) {
        free(o->error);
        *o = CLAUDE_OUTCOME_NULL;
}

static void take_result(ClaudeOutcome *o, const Json *j) {
        const char *subtype = json_get_string(j, "subtype"), *text = json_get_string(j, "result");

        o->has_result = true;
        o->succeeded = string_equal(subtype, "success") && !json_get_bool(j, "is_error");
        free(o->error);
        o->error = NULL;
        if (!o->succeeded)
                o->error = string_format("%.*s", ERROR_SIZE_MAX, text ?: subtype ?: "no subtype");
}

void claude_outcome_take(ClaudeOutcome *o, const char *line, size_t size) {
        _cleanup_json_ Json *j = NULL;

        /* Most lines are no results; parsing each of an agent's long lines would be work for nothing. */
        if (size == 0 || line[0] != '{' || !memmem(line, size, "\"result\"", 8))
                return;
        if (json_parse_leniently(line, size, &j) < 0)
                return;
        if (string_equal(json_get_string(j, "type"), "result"))
                take_result(o, j);
}

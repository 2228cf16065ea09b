/* The table of the agents, and the way of a line: its type is looked up, and only a line that somebody wants is
 * parsed. See agent.h. */
#include "agent-internal.h"

#include <remote-developer/strings.h>

static const struct {
        const char *name; /* for people */
        const AgentLine *lines;
} agents[AGENT_KINDS] = {
        [AGENT_KIND_CLAUDE] = { "Claude Code", agent_claude_lines },
        [AGENT_KIND_CODEX] = { "Codex", agent_codex_lines },
        [AGENT_KIND_GEMINI] = { "Gemini", agent_gemini_lines },
};

usec_t agent_time(const Json *object, const char *key) {
        uint64_t seconds = json_get_uint64(object, key);

        return seconds < UINT32_MAX ? seconds * USEC_PER_SEC : 0;
}

int agent_int(const Json *object, const char *key) {
        uint64_t v = json_get_uint64(object, key);

        return v == 0 || v > INT32_MAX ? -1 : (int) v;
}

static const AgentLine *find_line(const AgentLine *lines, const char *type) {
        for (; lines->type; lines++)
                if (string_equal(lines->type, type))
                        return lines;
        return NULL;
}

void agent_take(AgentKind kind, AgentAccount *a, const char *line, size_t size) {
        _cleanup_json_ Json *j = NULL;
        const AgentLine *row;
        char type[32];

        if (!agents[kind].lines)
                return;
        if (a->outcome == AGENT_NONE)
                a->outcome = AGENT_SILENT;
        if (!json_peek(line, size, "type", type, sizeof(type)))
                return;
        row = find_line(agents[kind].lines, type);
        if (row && (row->flags & AGENT_LINE_GOES_ON))
                agent_account_end_retry(a);
        if (!row || (row->is_wanted && !row->is_wanted(a)))
                return;
        if (json_parse_leniently(line, size, &j) < 0 || !string_equal(json_get_string(j, "type"), type))
                return;
        if (!a->name)
                agent_text_set(&a->name, agents[kind].name, AGENT_TEXT_MAX);
        row->take(a, j);
}

/* Any bytes as an agent's log, line by line, to each of the agents: the account stays bounded, and written to a file
 * it reads as it was. Seeds are in corpus/agent. */
#include "replay.h"

#include <remote-developer/agent.h>

static void check_bounds(const AgentAccount *a) {
        assert(!a->final_text || strlen(a->final_text) <= AGENT_FINAL_TEXT_MAX);
        assert(!a->error || strlen(a->error) <= AGENT_ERROR_MAX);
        assert(!a->last_tool || strlen(a->last_tool) <= AGENT_TEXT_MAX);
        assert(strv_length(a->files) <= AGENT_FILES_MAX && strv_length(a->files) <= a->files_edited);
        assert(strv_length(a->permission_denials) <= AGENT_DENIALS_MAX);
        assert(strv_length(a->edits) <= AGENT_EDITS_MAX);
        assert(strv_length(a->messages) <= AGENT_MESSAGES_MAX);
}

static void to_text(AgentKind kind, const AgentAccount *a, Buffer *text) {
        _cleanup_json_ Json *j = NULL;

        assert(agent_account_to_json(kind, a, true, &j) >= 0);
        assert(json_append(j, text) >= 0);
}

static void check_round_trip(AgentKind kind, const AgentAccount *a) {
        _cleanup_(buffer_done) Buffer first = BUFFER_NULL, second = BUFFER_NULL;
        _cleanup_(agent_account_done) AgentAccount again = AGENT_ACCOUNT_NULL;
        _cleanup_json_ Json *j = NULL;

        to_text(kind, a, &first);
        assert(json_parse(first.data, first.size, &j, NULL) >= 0);
        assert(agent_account_from_json(j, &again, NULL) >= 0);
        to_text(kind, &again, &second);
        assert(string_equal(first.data, second.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        for (AgentKind kind = AGENT_KIND_NONE; kind < AGENT_KINDS; kind++) {
                _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;
                const char *s = (const char *) data, *end = s + size;

                while (s < end) {
                        const char *newline = memchr(s, '\n', (size_t) (end - s)) ?: end;

                        agent_take(kind, &a, s, (size_t) (newline - s));
                        s = newline + 1;
                }
                check_bounds(&a);
                check_round_trip(kind, &a);
        }
        return 0;
}

REPLAY_MAIN("agent")

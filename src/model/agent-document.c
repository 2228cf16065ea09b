/* An AgentAccount in JSON: the field `agent` of a task's document. What is derived (the kind, the retry's sentence,
 * the cost in dollars) is written for clients and ignored when a file is read. */
#include <remote-developer/agent-account.h>

#include <remote-developer/strings.h>

#define FIELD(name, kind, ...) { #name, kind, offsetof(AgentAccount, name), __VA_ARGS__ }
#define PART_FIELD(part, name, kind, ...) { #name, kind, offsetof(AgentAccount, part.name), __VA_ARGS__ }

static const JsonField account_fields[] = {
        FIELD(name, JSON_STRING, 0, NULL),
        FIELD(version, JSON_STRING, 0, NULL),
        FIELD(model, JSON_STRING, 0, NULL),
        FIELD(session_id, JSON_STRING, 0, NULL),
        FIELD(outcome, JSON_ENUM, 0, agent_outcome_words),
        FIELD(error, JSON_STRING, 0, NULL),
        FIELD(turns, JSON_UINT64, 0, NULL),
        FIELD(tool_calls, JSON_UINT64, 0, NULL),
        FIELD(last_tool, JSON_STRING, 0, NULL),
        FIELD(files_edited, JSON_UINT64, 0, NULL),
        FIELD(files, JSON_STRV, 0, NULL),
        FIELD(final_text, JSON_STRING, 0, NULL),
        FIELD(permission_denials, JSON_STRV, 0, NULL),
        FIELD(needs_login, JSON_BOOL, 0, NULL),
        FIELD(cost_micro, JSON_UINT64, JSON_HIDDEN, NULL),
        FIELD(edits, JSON_PAIRS, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        FIELD(messages, JSON_STRV, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        FIELD(text_goes_on, JSON_BOOL, JSON_HIDDEN, NULL),
};

static const JsonField token_fields[] = {
        PART_FIELD(tokens, input, JSON_UINT64, 0, NULL),
        PART_FIELD(tokens, output, JSON_UINT64, 0, NULL),
        PART_FIELD(tokens, cache_read, JSON_UINT64, 0, NULL),
        PART_FIELD(tokens, cache_creation, JSON_UINT64, 0, NULL),
};

static const JsonField retry_fields[] = {
        PART_FIELD(retry, attempt, JSON_INT, 0, NULL),
        PART_FIELD(retry, max_retries, JSON_INT, 0, NULL),
        PART_FIELD(retry, error, JSON_STRING, 0, NULL),
        PART_FIELD(retry, status, JSON_INT, 0, NULL),
};

static const JsonField limit_fields[] = {
        PART_FIELD(limit, type, JSON_STRING, 0, NULL),
        PART_FIELD(limit, status, JSON_STRING, 0, NULL),
        PART_FIELD(limit, resets_at, JSON_TIME, 0, NULL),
};

static bool always(const AgentAccount *a _unused_) {
        return true;
}

static bool retries(const AgentAccount *a) {
        return a->retry.attempt > 0;
}

static bool has_limit(const AgentAccount *a) {
        return a->limit.status;
}

/* Objects within the object; null where there is nothing to tell. */
static const struct {
        const char *name;
        const JsonField *fields;
        size_t n;
        bool (*is_there)(const AgentAccount *a);
} parts[] = {
        { "tokens", token_fields, ELEMENTSOF(token_fields), always },
        { "retry", retry_fields, ELEMENTSOF(retry_fields), retries },
        { "limit", limit_fields, ELEMENTSOF(limit_fields), has_limit },
};

static int write_part(const AgentAccount *a, size_t i, Json *to) {
        _cleanup_json_ Json *part = NULL;
        int r;

        if (!parts[i].is_there(a))
                return json_set(to, parts[i].name, NULL);
        part = json_new_object();
        if (!part)
                return -ENOMEM;
        r = json_write_fields(part, parts[i].fields, parts[i].n, true, a);
        return r < 0 ? r : json_set(to, parts[i].name, TAKE_PTR(part));
}

static int write_derived(AgentKind kind, const AgentAccount *a, Json *to) {
        _cleanup_free_ char *retry = agent_account_describe_retry(a);
        bool tells_cost = kind == AGENT_KIND_CLAUDE;
        int r;

        r = json_set_string(to, "kind", agent_kind_words[kind]);
        if (r >= 0 && retry)
                r = json_set_string(json_get(to, "retry"), "message", retry);
        if (r >= 0)
                r = json_set(to, "cost_usd", tells_cost ? json_new_double((double) a->cost_micro / 1e6) : NULL);
        return r;
}

int agent_account_to_json(AgentKind kind, const AgentAccount *a, bool for_disk, Json **ret) {
        _cleanup_json_ Json *j = json_new_object();
        int r;

        if (!j)
                return -ENOMEM;
        r = json_write_fields(j, account_fields, ELEMENTSOF(account_fields), for_disk, a);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++)
                r = write_part(a, i, j);
        if (r >= 0)
                r = write_derived(kind, a, j);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

int agent_account_from_json(const Json *j, AgentAccount *ret, Problem *problem) {
        _cleanup_(agent_account_done) AgentAccount a = { .retry.max_retries = -1, .retry.status = -1 };
        int r;

        r = json_read_fields(j, account_fields, ELEMENTSOF(account_fields), false, &a, problem);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++) {
                const Json *part = json_get(j, parts[i].name);

                if (part)
                        r = json_read_fields(part, parts[i].fields, parts[i].n, false, &a, problem);
        }
        if (r < 0)
                return r;
        *ret = a;
        a = AGENT_ACCOUNT_NULL;
        return 0;
}

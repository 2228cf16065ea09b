/* AgentAccount: life cycle, and the verbs by which the agents' formats fill it. See agent-account.h; its JSON form is
 * in agent-document.c. */
#include <remote-developer/agent-account.h>

#include <remote-developer/agent-text.h>
#include <remote-developer/strings.h>

const char *const agent_outcome_words[] = {
        [AGENT_NONE] = "none",     [AGENT_SUCCEEDED] = "succeeded", [AGENT_FAILED] = "failed",
        [AGENT_SILENT] = "silent", NULL,
};

void agent_account_done(AgentAccount *a) {
        char *const texts[] = { a->error, a->name, a->version, a->model, a->session_id, a->last_tool, a->retry.error,
                                a->limit.type, a->limit.status, a->final_text };
        char **const lists[] = { a->files, a->permission_denials, a->edits, a->messages };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                strv_free(lists[i]);
        *a = AGENT_ACCOUNT_NULL;
}

/* --- lists --- */

static bool strv_has(char *const *v, const char *s) {
        for (; v && *v; v++)
                if (string_equal(*v, s))
                        return true;
        return false;
}

static void drop_at(char **v, size_t i) {
        free(v[i]);
        for (; v[i]; i++)
                v[i] = v[i + 1];
}

static void append_cut(char ***v, const char *s) {
        _cleanup_free_ char *cut = NULL;

        agent_text_set(&cut, s, AGENT_TEXT_MAX);
        if (cut)
                (void) strv_append(v, cut);
}

bool agent_account_note_message(AgentAccount *a, const char *id) {
        _cleanup_free_ char *cut = NULL;

        agent_text_set(&cut, id, AGENT_TEXT_MAX);
        if (!cut || strv_has(a->messages, cut))
                return false;
        if (strv_length(a->messages) >= AGENT_MESSAGES_MAX)
                drop_at(a->messages, 0);
        (void) strv_append(&a->messages, cut);
        return true;
}

void agent_account_note_tool(AgentAccount *a, const char *name) {
        a->tool_calls++;
        if (name)
                agent_text_set(&a->last_tool, name, AGENT_TEXT_MAX);
}

void agent_account_note_file(AgentAccount *a, const char *path) {
        _cleanup_free_ char *cut = NULL;

        agent_text_set(&cut, path, AGENT_TEXT_MAX);
        if (!cut || strv_has(a->files, cut))
                return;
        a->files_edited++;
        if (strv_length(a->files) < AGENT_FILES_MAX)
                (void) strv_append(&a->files, cut);
}

void agent_account_note_denial(AgentAccount *a, const char *tool, const char *why) {
        _cleanup_free_ char *text = string_format("%s%s%s", tool ?: "?", why ? ": " : "", why ?: "");

        if (text && strv_length(a->permission_denials) < AGENT_DENIALS_MAX)
                append_cut(&a->permission_denials, text);
}

/* As it stands in the document: a name without "=". */
static bool is_edits_id(const char *id) {
        return id && *id && strlen(id) < 64 && !strchr(id, '=') && string_is_utf8(id, strlen(id));
}

void agent_account_note_edit(AgentAccount *a, const char *id, const char *path) {
        _cleanup_free_ char *cut = NULL, *edit = NULL;

        agent_text_set(&cut, path, AGENT_TEXT_MAX);
        if (!cut || !is_edits_id(id))
                return;
        edit = string_format("%s=%s", id, cut);
        if (strv_length(a->edits) >= AGENT_EDITS_MAX)
                drop_at(a->edits, 0);
        if (edit)
                (void) strv_append(&a->edits, edit);
}

void agent_account_end_edit(AgentAccount *a, const char *id, bool done) {
        size_t n = id ? strlen(id) : 0;

        for (size_t i = 0; n > 0 && a->edits && a->edits[i]; i++) {
                if (!string_has_prefix(a->edits[i], id) || a->edits[i][n] != '=')
                        continue;
                if (done)
                        agent_account_note_file(a, a->edits[i] + n + 1);
                drop_at(a->edits, i);
                return;
        }
}

/* --- how it goes --- */

void agent_account_succeed(AgentAccount *a) {
        a->outcome = AGENT_SUCCEEDED;
        a->needs_login = false;
        agent_text_set(&a->error, NULL, 0);
}

void agent_account_fail(AgentAccount *a, const char *why) {
        a->outcome = AGENT_FAILED;
        agent_text_set(&a->error, why, AGENT_ERROR_MAX);
}

void agent_account_set_limit(AgentAccount *a, const char *type, const char *status, usec_t resets_at) {
        agent_text_set(&a->limit.type, type, AGENT_TEXT_MAX);
        agent_text_set(&a->limit.status, status, AGENT_TEXT_MAX);
        a->limit.resets_at = resets_at;
}

const char *agent_account_session(const AgentAccount *a) {
        bool has_result = a->outcome == AGENT_SUCCEEDED || a->outcome == AGENT_FAILED;

        return a->turns > 0 || has_result ? a->session_id : NULL;
}

bool agent_account_is_limited(const AgentAccount *a) {
        return a->outcome == AGENT_FAILED && string_equal(a->limit.status, "rejected");
}

void agent_account_end_retry(AgentAccount *a) {
        free(a->retry.error);
        a->retry = (AgentRetry){};
}

char *agent_account_describe_retry(const AgentAccount *a) {
        const char *error = a->retry.error;

        if (a->retry.attempt <= 0)
                return NULL;
        if (a->retry.max_retries <= 0)
                return string_format("retrying%s%s", error ? ", " : "", error ?: "");
        return string_format("retrying %d of %d%s%s", a->retry.attempt, a->retry.max_retries, error ? ", " : "",
                             error ?: "");
}

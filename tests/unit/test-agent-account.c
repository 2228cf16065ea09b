/* An account is bounded, whatever an agent says, and what it cuts is whole characters. */
#include "../lib/tap.h"

#include <remote-developer/agent-account.h>
#include <remote-developer/agent-text.h>
#include <remote-developer/strings.h>

static void test_texts_are_cut_between_characters(void) {
        static const struct {
                const char *text;
                size_t max;
                const char *cut;
        } rows[] = {
                { "abc", 3, "abc" },      { "abcd", 3, "abc" },       { "", 0, "" },
                { "ab\xc3\xa9", 3, "ab" }, { "ab\xc3\xa9", 4, "ab\xc3\xa9" },
                { "\xf0\x9f\xa4\x96x", 3, "" }, { "\xf0\x9f\xa4\x96x", 4, "\xf0\x9f\xa4\x96" },
                { "\x80\x80\x80\x80\x80\x80", 5, "\x80\x80" }, /* no text at all: cut all the same */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *p = NULL;

                agent_text_set(&p, rows[i].text, rows[i].max);
                TAP_CHECK_STRING(p, rows[i].cut);
        }
}

static void test_texts_grow_up_to_their_limit(void) {
        _cleanup_free_ char *p = NULL;

        agent_text_append(&p, "abc", 5);
        agent_text_append(&p, "\xc3\xa9", 4);
        TAP_CHECK_STRING(p, "abc");
        agent_text_append(&p, "\xc3\xa9", 5);
        agent_text_append(&p, "x", 5);
        TAP_CHECK_STRING(p, "abc\xc3\xa9");
        agent_text_set(&p, NULL, 5);
        TAP_CHECK_STRING(p, NULL);
}

static char *many(size_t i) {
        char *s = malloc(1001);

        memset(s, 'x', 1000);
        s[1000] = 0;
        s[0] = (char) ('a' + i / 26);
        s[1] = (char) ('a' + i % 26);
        return s;
}

static void test_lists_end(void) {
        _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;

        for (size_t i = 0; i < 100; i++) {
                _cleanup_free_ char *s = many(i);

                agent_account_note_file(&a, s);
                agent_account_note_denial(&a, s, "no");
                agent_account_note_tool(&a, s);
                TAP_CHECK(agent_account_note_message(&a, s) && !agent_account_note_message(&a, s));
        }
        TAP_CHECK_INT(a.files_edited, 100);
        TAP_CHECK_INT(strv_length(a.files), AGENT_FILES_MAX);
        TAP_CHECK_INT(strlen(a.files[0]), AGENT_TEXT_MAX);
        TAP_CHECK_INT(strv_length(a.permission_denials), AGENT_DENIALS_MAX);
        TAP_CHECK_INT(strlen(a.permission_denials[0]), AGENT_TEXT_MAX);
        TAP_CHECK_INT(strv_length(a.messages), AGENT_MESSAGES_MAX);
        TAP_CHECK_INT(a.tool_calls, 100);
        TAP_CHECK_INT(strlen(a.last_tool), AGENT_TEXT_MAX);
}

static void test_the_oldest_edit_is_forgotten(void) {
        _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;
        char id[8] = "t_";

        for (size_t i = 0; i < AGENT_EDITS_MAX + 1; i++) {
                id[1] = (char) ('a' + i);
                agent_account_note_edit(&a, id, id);
        }
        agent_account_end_edit(&a, "ta", true);
        TAP_CHECK_INT(a.files_edited, 0);
        agent_account_end_edit(&a, "tb", true);
        TAP_CHECK_INT(a.files_edited, 1);
        TAP_CHECK_INT(strv_length(a.edits), AGENT_EDITS_MAX - 1);
        agent_account_end_edit(&a, "t", true);
        agent_account_end_edit(&a, NULL, true);
        agent_account_end_edit(&a, "", true);
        TAP_CHECK_INT(a.files_edited, 1);
}

/* It would make the whole document unreadable. */
static void test_ids_that_a_document_cannot_hold(void) {
        static const char *const ids[] = { "", "a=b", "\xff", NULL };
        _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                agent_account_note_edit(&a, ids[i], "/a");
        TAP_CHECK_INT(strv_length(a.edits), 0);
}

static void test_limited(void) {
        _cleanup_(agent_account_done) AgentAccount a = AGENT_ACCOUNT_NULL;

        agent_account_set_limit(&a, "five_hour", "rejected", 1);
        TAP_CHECK(!agent_account_is_limited(&a));
        agent_account_fail(&a, "no");
        TAP_CHECK(agent_account_is_limited(&a));
        agent_account_set_limit(&a, "five_hour", "overage", 1);
        TAP_CHECK(!agent_account_is_limited(&a));
}

static const TapTest tests[] = {
        { "texts are cut between characters", test_texts_are_cut_between_characters },
        { "texts grow up to their limit", test_texts_grow_up_to_their_limit },
        { "lists end", test_lists_end },
        { "the oldest edit is forgotten", test_the_oldest_edit_is_forgotten },
        { "ids that a document cannot hold", test_ids_that_a_document_cannot_hold },
        { "limited", test_limited },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

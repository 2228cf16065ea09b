/* The verdict as a table to be read: what people may meet, and what they are told. Every combination, met or not, is
 * in test-verdict-rules.c. */
#include "../lib/tap.h"
#include "verdict-table.h"

#include <remote-developer/strings.h>

static Evidence evidence_of(const VerdictRow *row) {
        Evidence e = row->evidence;

        e.program = e.program ?: "/bin/work";
        e.timeout_usec = 7200 * USEC_PER_SEC;
        return e;
}

static void check_row(const VerdictRow *row) {
        _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
        Evidence e = evidence_of(row);

        TAP_CHECK_INT(verdict_reach(&e, &v), 0);
        if (v.result != row->result || !string_equal(v.reason, row->reason) || v.exit_code != row->exit_code ||
            !string_equal(v.signal, row->signal ?: ""))
                tap_fail(__FILE__, __LINE__, "%s: %s, %s, exit %d, signal %s", row->what, task_result_words[v.result],
                         v.reason, v.exit_code, v.signal);
        if (row->sentence)
                TAP_CHECK_CONTAINS(v.error, row->sentence);
        else
                TAP_CHECK_STRING(v.error, NULL);
}

static void test_table(void) {
        TAP_CHECK(ELEMENTSOF(verdict_table) >= 40);
        for (size_t i = 0; i < ELEMENTSOF(verdict_table); i++)
                check_row(&verdict_table[i]);
}

static void test_words_of_others_are_taken_whole(void) {
        _cleanup_(evidence_done) Evidence e = { .has_record = true, .record = { "success", "exited", "0" },
                                                .agent = AGENT_FAILED };
        _cleanup_(verdict_done) Verdict v = VERDICT_NULL;

        /* As text, not as a format. */
        TAP_CHECK_INT(string_replace(&e.agent_error, "100%s of the budget %n"), 0);
        TAP_CHECK_INT(verdict_reach(&e, &v), 0);
        TAP_CHECK_STRING(v.error, "The agent reports that it failed: 100%s of the budget %n");
}

static const TapTest tests[] = {
        { "the table", test_table },
        { "words of others are taken whole", test_words_of_others_are_taken_whole },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

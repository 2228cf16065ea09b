/* The verdict, three times over: every combination of what can be found against a statement of DESIGN's order that is
 * written in another way than the program (what must hold for each result, instead of who is asked first), properties
 * that hold in all of them, and a table to be read. */
#include "../lib/tap.h"
#include "verdict-table.h"

#include <remote-developer/strings.h>

/* --- every combination --- */

static const Ending endings[] = {
        { "success", "exited", "0" },        { "exit-code", "exited", "3" },       { "success", "killed", "TERM" },
        { "success", "killed", "INT" },      { "success", "killed", "HUP" },       { "success", "killed", "PIPE" },
        { "signal", "killed", "KILL" },      { "signal", "killed", "RTMIN+3" },    { "core-dump", "dumped", "SEGV" },
        { "timeout", "killed", "TERM" },     { "timeout", "exited", "0" },         { "timeout", "killed", "KILL" },
        { "oom-kill", "killed", "KILL" },    { "exit-code", "exited", "203" },     { "exit-code", "exited", "200" },
        { "exit-code", "exited", "217" },    { "exit-code", "", "" },              { "timeout", "", "" },
        { "signal", "", "" },                { "success", "", "" },                { "resources", "", "" },
        { "start-limit-hit", "", "" },       { "something-new", "exited", "0" },
};

enum { ENDINGS = ELEMENTSOF(endings), SOURCES = 8, AGENTS = AGENT_SILENT + 1 };

/* The facts that are true or false, one bit each. */
enum {
        CANCEL = 1 << 0,
        STOP = 1 << 1,
        BOUND = 1 << 2,
        OTHER_BOOT = 1 << 3,
        OTHER_MANAGER = 1 << 4,
        SYSTEM = 1 << 5,
        STOPPING = 1 << 6,
        NEVER_STARTED = 1 << 7,
        SPAWN_FAILED = 1 << 8,
        REFUSED = 1 << 9,
        STALLED = 1 << 10,
        FACTS = 1 << 11,
};

/* Each source tells something else, so that the wrong one is noticed. */
static Ending ending_of(unsigned ending, unsigned source, bool stopping) {
        Ending e = endings[(ending + source) % ENDINGS];

        e.ended_at = 1000 + source;
        if (stopping)
                ending_set_word(e.manager_state, "stopping");
        return e;
}

static Evidence make_evidence(unsigned ending, unsigned sources, unsigned facts, AgentOutcome agent) {
        return (Evidence){
                .system_scope = facts & SYSTEM,
                .cancel_requested = facts & CANCEL,
                .stall_stopped = facts & STALLED,
                .stall_timeout_usec = 30 * USEC_PER_SEC,
                .bound_to_service = facts & BOUND,
                .program = "/bin/work",
                .working_directory = "/srv",
                .user = "worker",
                .timeout_usec = 90 * USEC_PER_SEC,
                .has_record = sources & 1,
                .has_unit = sources & 2,
                .has_journal = sources & 4,
                .record = ending_of(ending, 0, facts & STOPPING),
                .unit = ending_of(ending, 1, false),
                .journal = ending_of(ending, 2, false),
                .never_started = facts & NEVER_STARTED,
                .stop_seen = facts & STOP,
                .other_boot = facts & OTHER_BOOT,
                .other_manager = facts & OTHER_MANAGER,
                .spawn.error = facts & SPAWN_FAILED ? ENOENT : 0,
                .refused = facts & REFUSED ? "no such slice" : NULL,
                .agent = agent,
        };
}

/* --- the other statement --- */

typedef struct Case {
        const Evidence *e;
        const Ending *g; /* what is believed; NULL: nothing */
} Case;

static bool word_is(const char *word, const char *one_of) {
        _cleanup_free_ char *padded = string_format(" %s ", one_of), *wanted = string_format(" %s ", word);

        return *word && strstr(padded, wanted);
}

static bool was_killed(Case c) {
        return word_is(c.g->exit_code, "killed dumped");
}

/* Neither a refusal of systemd's nor a wish of the user's settles it, nor a stop for being silent. */
static bool is_open(Case c) {
        return !c.e->refused && !c.e->cancel_requested && !c.e->stall_stopped;
}

static bool was_stopped_as_stalled(Case c) {
        return c.e->stall_stopped && !c.e->refused && !c.e->cancel_requested;
}

static bool went_down_with_manager(Case c) {
        bool ended_by_itself = c.e->has_journal && !c.e->stop_seen && !was_killed(c);

        return word_is(c.g->manager_state, "stopping") && !ended_by_itself;
}

static bool could_not_be_executed(Case c) {
        bool known = c.e->spawn.error > 0 || (c.e->never_started && !c.e->has_journal);

        return word_is(c.g->service_result, "exit-code") && word_is(c.g->exit_code, "exited") &&
               word_is(c.g->exit_status, "200 203 206 208 209 216 217 226 243") && known;
}

static bool ended_for_reasons_of_its_own(Case c) {
        return is_open(c) && c.g && !went_down_with_manager(c) && !could_not_be_executed(c) && !c.e->stop_seen;
}

/* Where nothing tells how it ended, a stop that was seen is believed unless the manager went down since. */
static bool was_stopped(Case c) {
        if (!is_open(c) || !c.e->stop_seen)
                return false;
        if (!c.g)
                return !c.e->other_boot && !c.e->other_manager;
        return !went_down_with_manager(c) && !could_not_be_executed(c);
}

/* It ended well, before its unit was active; what took too long were children that it left. */
static bool was_quick(Case c) {
        return c.e->never_started && word_is(c.g->service_result, "timeout") && word_is(c.g->exit_code, "exited");
}

static bool should_be_completed(Case c) {
        return ended_for_reasons_of_its_own(c) &&
               (was_quick(c) || (word_is(c.g->service_result, "success") && !was_killed(c))) &&
               (c.e->agent == AGENT_NONE || c.e->agent == AGENT_SUCCEEDED);
}

static bool should_be_timed_out(Case c) {
        bool limit = ended_for_reasons_of_its_own(c) && word_is(c.g->service_result, "timeout");

        return was_stopped_as_stalled(c) || (limit && !c.e->never_started);
}

static bool should_be_cancelled(Case c) {
        return !c.e->refused && (c.e->cancel_requested || (was_stopped(c) && !c.e->bound_to_service));
}

static bool should_be_interrupted(Case c) {
        if (was_stopped(c))
                return c.e->bound_to_service;
        return is_open(c) && (!c.g || went_down_with_manager(c));
}

static TaskResult expected_result(Case c) {
        const bool should[] = {
                [TASK_COMPLETED] = should_be_completed(c),
                [TASK_TIMED_OUT] = should_be_timed_out(c),
                [TASK_CANCELLED] = should_be_cancelled(c),
                [TASK_INTERRUPTED] = should_be_interrupted(c),
        };
        TaskResult found = TASK_FAILED;
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(should); i++)
                if (should[i]) {
                        found = (TaskResult) i;
                        n++;
                }
        /* The statement itself: no two of them at once. */
        if (n > 1)
                tap_fail(__FILE__, __LINE__, "%u results for one case", n);
        return found;
}

static const char *expected_interruption(Case c) {
        bool machine = c.e->other_boot || (c.g && c.e->system_scope);

        if (was_stopped(c))
                return "service-stopped";
        if (machine)
                return "host-reboot";
        return c.g || c.e->other_manager ? "manager-stopped" : "unit-lost";
}

static const char *expected_failure(Case c) {
        bool process = word_is(c.g ? c.g->service_result : "", "exit-code signal core-dump timeout oom-kill");
        bool ran = c.g && *c.g->exit_code;

        if (c.e->refused || could_not_be_executed(c))
                return "start-failed";
        if (word_is(c.g->service_result, "resources start-limit-hit"))
                return "start-failed";
        if (c.e->never_started && process && !ran)
                return "step-failed";
        if (was_quick(c))
                return "agent-error";
        if (c.e->never_started && word_is(c.g->service_result, "timeout"))
                return "start-failed";
        if (word_is(c.g->service_result, "success"))
                return was_killed(c) ? "signal" : "agent-error";
        if (word_is(c.g->service_result, "exit-code") && c.e->agent == AGENT_FAILED)
                return "agent-error";
        return word_is(c.g->service_result, "exit-code signal core-dump oom-kill") ? c.g->service_result : "unknown";
}

static const char *expected_reason(Case c, TaskResult result) {
        switch (result) {
        case TASK_COMPLETED:
                return "exit-code";
        case TASK_TIMED_OUT:
                return was_stopped_as_stalled(c) ? "stall-limit" : "runtime-limit";
        case TASK_CANCELLED:
                return c.e->cancel_requested ? "cancelled" : "stopped";
        case TASK_INTERRUPTED:
                return expected_interruption(c);
        default:
                return expected_failure(c);
        }
}

/* --- what holds in every case --- */

static bool exit_is_told(Case c, const Verdict *v) {
        _cleanup_free_ char *signal = string_format("SIG%s", c.g ? c.g->exit_status : "");
        bool killed = c.g && was_killed(c), exited = c.g && word_is(c.g->exit_code, "exited");
        uint64_t code = 0;

        if (exited)
                (void) string_to_uint64(c.g->exit_status, &code);
        return string_equal(v->signal, killed ? signal : "") && v->exit_code == (exited ? (int) code : -1) &&
               v->ended_at == (c.g ? c.g->ended_at : 0);
}

static bool sentence_is_told(const Verdict *v) {
        if (v->result == TASK_COMPLETED)
                return !v->error;
        return v->error && strlen(v->error) > 15 && !strchr(v->error, '\n') && v->error[strlen(v->error) - 1] != '.';
}

static const Ending *believed(const Evidence *e) {
        return e->has_record ? &e->record : e->has_unit ? &e->unit : e->has_journal ? &e->journal : NULL;
}

static bool check_case(const Evidence *e) {
        _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
        Case c = { e, believed(e) };
        TaskResult should = expected_result(c);

        if (!TAP_CHECK_INT(verdict_reach(e, &v), 0))
                return false;
        return v.result == should && string_equal(v.reason, expected_reason(c, should)) && exit_is_told(c, &v) &&
               sentence_is_told(&v);
}

static void describe(unsigned ending, unsigned sources, unsigned facts, unsigned agent) {
        Evidence e = make_evidence(ending, sources, facts, (AgentOutcome) agent);
        _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
        Case c = { &e, believed(&e) };
        TaskResult should = expected_result(c);

        (void) verdict_reach(&e, &v);
        tap_fail(__FILE__, __LINE__,
                 "ending %s/%s/%s, sources %u, facts %03x, agent %u: %s, %s (exit %d, signal %s, \"%s\"); "
                 "should be %s, %s",
                 c.g ? c.g->service_result : "none", c.g ? c.g->exit_code : "", c.g ? c.g->exit_status : "", sources,
                 facts, agent, task_result_words[v.result], v.reason, v.exit_code, v.signal, v.error ?: "",
                 task_result_words[should], expected_reason(c, should));
}

static unsigned count_wrong(unsigned sources, unsigned facts) {
        unsigned wrong = 0;

        for (unsigned ending = 0; ending < ENDINGS; ending++)
                for (unsigned agent = 0; agent < AGENTS; agent++) {
                        Evidence e = make_evidence(ending, sources, facts, (AgentOutcome) agent);

                        if (!check_case(&e) && wrong++ == 0)
                                describe(ending, sources, facts, agent);
                }
        return wrong;
}

static void test_every_combination(void) {
        unsigned wrong = 0;

        for (unsigned sources = 0; wrong < 20 && sources < SOURCES; sources++)
                for (unsigned facts = 0; wrong < 20 && facts < FACTS; facts++)
                        wrong += count_wrong(sources, facts);
        TAP_CHECK_INT(wrong, 0);
}

/* --- the table --- */

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
        { "every combination of what can be found", test_every_combination },
        { "the table", test_table },
        { "words of others are taken whole", test_words_of_others_are_taken_whole },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

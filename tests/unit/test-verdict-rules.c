/* Every combination of what can be found of a task's end: the verdict is that of the first row of verdict-rules.h that
 * holds, and what must hold in all of them does. */
#include "../lib/tap.h"
#include "verdict-rules.h"

#include <remote-developer/strings.h>
#include <remote-developer/verdict.h>

#define WRONG_MAX 10
#define WISHED_AT 1000

/* --- from facts to evidence --- */

/* `spells`: the word that each stands for; those of one meaning are gone through in test_all_words(). */
static const char *const words[WORDS] = { "success", "exit-code", "signal", "core-dump", "timeout", "oom-kill",
                                          "watchdog", "resources", "something-new" };

static const struct {
        const char *exit_code, *exit_status;
        int number;
        const char *signal;
} ends[ENDS] = {
        [END_NONE] = { "", "", -1, "" },
        [END_ZERO] = { "exited", "0", 0, "" },
        [END_NUMBER] = { "exited", "3", 3, "" },
        [END_SPAWN_NUMBER] = { "exited", "203", 203, "" },
        [END_SIGNAL] = { "killed", "TERM", -1, "SIGTERM" },
        [END_CORE] = { "dumped", "SEGV", -1, "SIGSEGV" },
};

static Ending make_ending(Word word, End end, usec_t ended_at) {
        Ending e = { .ended_at = ended_at };

        ending_set_word(e.service_result, words[word]);
        ending_set_word(e.exit_code, ends[end].exit_code);
        ending_set_word(e.exit_status, ends[end].exit_status);
        return e;
}

/* The sources that are not believed tell something else, so that it is noticed when they are. */
static void set_endings(const Facts *f, Evidence *e) {
        usec_t ended_at = f->wish == WISH_AFTER_END || f->wish == STALL_AFTER_END ? WISHED_AT - 1 : WISHED_AT + 1;
        Ending *endings[] = { [SOURCE_RECORD] = &e->record, [SOURCE_UNIT] = &e->unit,
                              [SOURCE_JOURNAL] = &e->journal };

        for (Source s = SOURCE_RECORD; s <= SOURCE_JOURNAL; s++)
                *endings[s] = make_ending((f->word + s) % WORDS, (f->end + s) % ENDS, 2 * WISHED_AT);
        if (f->believed != SOURCE_NONE)
                *endings[f->believed] = make_ending(f->word, f->end, ended_at);
        if (f->going_down)
                ending_set_word(e->record.manager_state, "stopping");
}

static void make_evidence(const Facts *f, Evidence *e) {
        bool cancel = f->wish == WISH_BEFORE_END || f->wish == WISH_AFTER_END || f->wish == STALL_AND_WISH;
        bool stall = f->wish >= STALL_BEFORE_END;

        *e = (Evidence){
                .system_scope = f->system,
                .cancel_requested = cancel,
                .cancel_requested_at = cancel ? WISHED_AT : 0,
                .stall_stop_requested_at = stall ? WISHED_AT : 0,
                .stall_timeout_usec = 30 * USEC_PER_SEC,
                .bound_to_service = f->bound,
                .program = "/bin/work",
                .working_directory = "/srv",
                .user = "worker",
                .timeout_usec = f->early ? 90 * USEC_PER_SEC : 1,
                .has_record = f->record,
                .has_unit = f->unit,
                .has_journal = f->journal,
                .never_started = f->never_started,
                .stop_seen = f->stop_seen,
                .other_boot = f->other_boot,
                .other_manager = f->other_manager,
                .started_at = f->start_seen ? 1 : 0,
                .spawn.error = f->spawn_failed ? ENOENT : 0,
                .refused = f->refused ? "no such slice" : NULL,
                .agent = (AgentOutcome) f->agent,
        };
        set_endings(f, e);
}

/* --- what must hold --- */

static size_t find_rule(const Facts *f) {
        size_t i = 0;

        while (!verdict_rules[i].holds(f))
                i++;
        return i;
}

/* What was told of the main process is passed on, whatever the result. */
static bool end_is_passed_on(const Facts *f, const Verdict *v) {
        End end = f->believed == SOURCE_NONE ? END_NONE : f->end;

        return v->exit_code == ends[end].number && string_equal(v->signal, ends[end].signal) &&
               (v->ended_at > 0) == (f->believed != SOURCE_NONE) && v->ended_at < 2 * WISHED_AT;
}

static bool sentence_is_told(const Facts *f _unused_, const Verdict *v) {
        if (v->result == TASK_COMPLETED)
                return !v->error;
        return v->error && strlen(v->error) > 15 && !strchr(v->error, '\n') && v->error[strlen(v->error) - 1] != '.';
}

static bool completed_means_well(const Facts *f, const Verdict *v) {
        bool nothing_against_it = v->exit_code == 0 || (v->exit_code < 0 && f->believed == SOURCE_JOURNAL);

        return v->result != TASK_COMPLETED ||
               (nothing_against_it && !*v->signal && !f->stop_seen && f->wish != WISH_BEFORE_END &&
                f->agent != AGENT_DID_BADLY && f->agent != AGENT_SAID_NOTHING);
}

static bool code_and_signal_exclude_each_other(const Facts *f _unused_, const Verdict *v) {
        return v->exit_code < 0 || !*v->signal;
}

/* Somebody or something else than the task, and nobody wished for it. */
static bool interrupted_has_a_cause(const Facts *f, const Verdict *v) {
        bool manager = f->going_down || f->other_boot || f->other_manager;

        return v->result != TASK_INTERRUPTED ||
               (f->wish != WISH_BEFORE_END && (f->believed == SOURCE_NONE || manager || f->bound));
}

static bool cancelled_was_wished(const Facts *f, const Verdict *v) {
        bool before_it_ran = f->word == WORD_SUCCESS && f->end == END_NONE;

        return v->result != TASK_CANCELLED || f->wish != WISH_NONE || f->stop_seen || before_it_ran;
}

static bool timed_out_was_some_limit(const Facts *f, const Verdict *v) {
        if (v->result == TASK_TIMED_OUT && string_equal(v->reason, "stall-limit"))
                return f->wish == STALL_BEFORE_END || f->wish == STALL_AFTER_END;
        return v->result != TASK_TIMED_OUT || (f->believed != SOURCE_NONE && f->word == WORD_TIMEOUT);
}

static const struct {
        const char *name;
        bool (*holds)(const Facts *f, const Verdict *v);
} invariants[] = {
        { "the end is passed on", end_is_passed_on },
        { "a sentence unless completed", sentence_is_told },
        { "completed means exit 0 and nothing against it", completed_means_well },
        { "exit code and signal exclude each other", code_and_signal_exclude_each_other },
        { "interrupted has a cause from outside", interrupted_has_a_cause },
        { "cancelled was wished", cancelled_was_wished },
        { "timed out is systemd's word, or silence", timed_out_was_some_limit },
};

/* --- all of them --- */

static unsigned wrong;
static unsigned long cases, rule_counts[ELEMENTSOF(verdict_rules)];

static void complain(const Facts *f, const Verdict *v, const char *should) {
        if (wrong++ >= WRONG_MAX)
                return;
        tap_fail(__FILE__, __LINE__,
                 "%s %s, record %d unit %d journal %d, wish %d, agent %d, refused %d stop %d bound %d boot %d "
                 "manager %d system %d down %d never %d start %d early %d spawn %d: %s, %s (exit %d, signal %s, "
                 "\"%s\"); should: %s",
                 words[f->word], ends[f->end].exit_status, f->record, f->unit, f->journal, f->wish, f->agent,
                 f->refused, f->stop_seen, f->bound, f->other_boot, f->other_manager, f->system, f->going_down,
                 f->never_started, f->start_seen, f->early, f->spawn_failed, task_result_words[v->result],
                 v->reason, v->exit_code, v->signal, v->error ?: "", should);
}

static void check_case(const Facts *f) {
        _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
        size_t rule = find_rule(f);
        Evidence e;

        make_evidence(f, &e);
        if (!TAP_CHECK_INT(verdict_reach(&e, &v), 0))
                return;
        cases++;
        rule_counts[rule]++;
        if (v.result != verdict_rules[rule].result || !string_equal(v.reason, verdict_rules[rule].reason))
                complain(f, &v, verdict_rules[rule].name);
        for (size_t i = 0; i < ELEMENTSOF(invariants); i++)
                if (!invariants[i].holds(f, &v))
                        complain(f, &v, invariants[i].name);
}

/* Facts that are true or false, by bit. What only one source can tell is only gone through where that is there. */
static bool set_bits(Facts *f, unsigned bits) {
        bool *const members[] = { &f->record, &f->unit, &f->journal, &f->stop_seen, &f->bound, &f->other_boot,
                                  &f->other_manager, &f->system, &f->start_seen, &f->early, &f->spawn_failed,
                                  &f->refused, &f->going_down, &f->never_started };

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                *members[i] = bits >> i & 1;
        f->believed = f->record    ? SOURCE_RECORD
                      : f->unit    ? SOURCE_UNIT
                      : f->journal ? SOURCE_JOURNAL
                                   : SOURCE_NONE;
        if (bits >> ELEMENTSOF(members))
                return false;
        return (f->record || !f->going_down) && (f->unit || !f->never_started) &&
               (f->start_seen || !f->early);
}

static void check_bits(unsigned bits) {
        Facts f = {};

        if (!set_bits(&f, bits))
                return;
        for (f.word = 0; f.word < WORDS; f.word++)
                for (f.end = 0; f.end < ENDS; f.end++)
                        for (f.wish = 0; f.wish < WISHES; f.wish++)
                                for (f.agent = 0; f.agent < AGENTS; f.agent++)
                                        check_case(&f);
}

static void test_every_combination(void) {
        for (unsigned bits = 0; bits < 1U << 14 && wrong < WRONG_MAX; bits++)
                check_bits(bits);
        TAP_CHECK_INT(wrong, 0);
        for (size_t i = 0; i < ELEMENTSOF(verdict_rules); i++)
                if (rule_counts[i] == 0)
                        tap_fail(__FILE__, __LINE__, "no case is \"%s\"", verdict_rules[i].name);
        printf("# %lu combinations, %zu rules, %zu invariants\n", cases, ELEMENTSOF(verdict_rules),
               ELEMENTSOF(invariants));
}

/* --- whoever tells it --- */

/* What all three can tell in the same way. The journal does not know of a success whether the program ever ran; the
 * recorder alone asks whether the manager goes down; and where the manager went down since, the unit is gone. */
static bool all_can_tell(const Facts *f) {
        return !f->going_down && !f->other_boot && !f->other_manager &&
               !((f->word == WORD_SUCCESS || f->word == WORD_TIMEOUT) && f->end == END_NONE);
}

static void check_same(Facts f) {
        static const struct {
                bool record, unit;
        } watches[] = { { false, false }, { true, false }, { false, true }, { true, true } };
        _cleanup_(verdict_done) Verdict first = VERDICT_NULL;

        for (size_t i = 0; i < ELEMENTSOF(watches); i++) {
                _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
                Evidence e;

                f.record = watches[i].record;
                f.unit = watches[i].unit;
                f.believed = f.record ? SOURCE_RECORD : f.unit ? SOURCE_UNIT : SOURCE_JOURNAL;
                /* What the unit tells of a start is what the journal tells of it. */
                f.never_started = f.unit && !f.start_seen;
                make_evidence(&f, &e);
                if (!TAP_CHECK_INT(verdict_reach(&e, i == 0 ? &first : &v), 0) || i == 0)
                        continue;
                if (v.result != first.result || !string_equal(v.reason, first.reason) ||
                    v.exit_code != first.exit_code || !string_equal(v.signal, first.signal) ||
                    !string_equal(v.error, first.error))
                        complain(&f, &v, first.reason);
        }
}

static void test_same_whoever_tells(void) {
        wrong = 0;
        for (unsigned bits = 0; bits < 1U << 14 && wrong < WRONG_MAX; bits++) {
                Facts f = {};

                if (!set_bits(&f, bits) || f.record || f.unit || !f.journal)
                        continue;
                for (f.word = 0; f.word < WORDS; f.word++)
                        for (f.end = 0; f.end < ENDS; f.end++)
                                for (f.wish = 0; f.wish < WISHES; f.wish++)
                                        if (all_can_tell(&f))
                                                check_same(f);
        }
        TAP_CHECK_INT(wrong, 0);
}

/* --- words of one meaning --- */

static void test_all_words(void) {
        static const char *const numbers[] = { "200", "203", "206", "208", "209", "216", "217", "226", "243" };
        static const char *const no_start[] = { "resources", "start-limit-hit", "exec-condition", "protocol" };

        for (size_t i = 0; i < 256; i++) {
                _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
                Evidence e = { .has_record = true, .record = make_ending(WORD_EXIT_CODE, END_NUMBER, 1),
                               .spawn.error = ENOENT };
                bool is_one = false;

                snprintf(e.record.exit_status, sizeof(e.record.exit_status), "%zu", i);
                for (size_t n = 0; n < ELEMENTSOF(numbers); n++)
                        is_one = is_one || string_equal(numbers[n], e.record.exit_status);
                TAP_CHECK_INT(verdict_reach(&e, &v), 0);
                TAP_CHECK_STRING(v.reason, is_one ? "start-failed" : "exit-code");
                TAP_CHECK_INT(v.result, i == 0 ? TASK_COMPLETED : TASK_FAILED);
                TAP_CHECK_INT(v.exit_code, i);
        }
        for (size_t i = 0; i < ELEMENTSOF(no_start); i++) {
                _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
                Evidence e = { .has_unit = true, .never_started = true };

                ending_set_word(e.unit.service_result, no_start[i]);
                TAP_CHECK_INT(verdict_reach(&e, &v), 0);
                TAP_CHECK_STRING(v.reason, "start-failed");
        }
}

/* Each signal by its name, and as it came: the names are the C library's, real-time ones counted from the first. */
static void test_all_signals(void) {
        for (int signal = 1; signal <= 64; signal++) {
                _cleanup_(verdict_done) Verdict v = VERDICT_NULL;
                _cleanup_free_ char *name = NULL;
                Evidence e = { .has_record = true, .record = make_ending(WORD_SIGNAL, END_SIGNAL, 1) };

                ending_set_signal(e.record.exit_status, signal);
                name = string_format("SIG%s", e.record.exit_status);
                TAP_CHECK_INT(verdict_reach(&e, &v), 0);
                TAP_CHECK_STRING(v.signal, name);
                TAP_CHECK_CONTAINS(v.error, name);
                TAP_CHECK_INT(v.exit_code, -1);
        }
}

static const TapTest tests[] = {
        { "every combination of what can be found", test_every_combination },
        { "the same whoever tells", test_same_whoever_tells },
        { "all words of one meaning", test_all_words },
        { "all signals", test_all_signals },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* JournalFollower: what all tasks write from now on, whole lines with the unit that wrote them; rotations, floods,
 * and what wakes it. */
#include "../lib/journal-patch.h"

#include <remote-developer/journal-follower.h>
#include <remote-developer/strings.h>

#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

usec_t __real_clock_monotonic_usec(void);
usec_t __wrap_clock_monotonic_usec(void);

/* The linker puts this clock in the place of the real one, for the follower (whose timers go by the real one) and for
 * the tests alike. */
static usec_t ahead_usec;

usec_t __wrap_clock_monotonic_usec(void) {
        return __real_clock_monotonic_usec() + ahead_usec;
}

int __real_journal_seek(sd_journal *j, const char *cursor, bool *ret_stands);
int __wrap_journal_seek(sd_journal *j, const char *cursor, bool *ret_stands);

/* How often it looked afresh. */
static unsigned seeks;

int __wrap_journal_seek(sd_journal *j, const char *cursor, bool *ret_stands) {
        seeks++;
        return __real_journal_seek(j, cursor, ret_stands);
}

/* The lines that came, as "abcdef:text " with the last six of the unit's id. */
#define KEEP_MAX ((size_t) 256 * 1024)

typedef struct Follow {
        JournalFixture journal;
        sd_event *event;
        JournalFollower *follower;
        Buffer lines;
        unsigned n;
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last one */
} Follow;

static void on_line(void *userdata, const char *unit, const LogLine *line) {
        Follow *f = userdata;
        size_t n = strlen(unit), suffix = strlen(TASK_UNIT_SUFFIX);

        f->n++;
        snprintf(f->cursor, sizeof(f->cursor), "%s", line->cursor);
        TAP_CHECK_INT(buffer_append_format(&f->lines, "%.*s:", 6, n > suffix + 6 ? unit + n - suffix - 6 : "none"), 0);
        TAP_CHECK_INT(buffer_append(&f->lines, line->text, line->size), 0);
        TAP_CHECK_INT(buffer_append_string(&f->lines, " "), 0);
}

static void follow_done(Follow *f) {
        journal_follower_free(f->follower);
        sd_event_unref(f->event);
        buffer_done(&f->lines);
        journal_fixture_done(&f->journal);
}

static bool follow_init(Follow *f) {
        f->journal = JOURNAL_FIXTURE_NULL;
        return journal_fixture_init(&f->journal) && TAP_CHECK_INT(sd_event_new(&f->event), 0);
}

static bool follow_begin(Follow *f) {
        return TAP_CHECK_INT(journal_follower_new(f->event, &f->journal.source, TASK_SLICE, KEEP_MAX, on_line, f,
                                                  &f->follower), 0);
}

#define FOLLOW                                                                                               \
        _cleanup_(follow_done) Follow f = {};                                                                \
        if (!follow_init(&f))                                                                                \
                return

/* Pumps to the end: the lines that come are these. */
static void check_pump(Follow *f, const char *lines, int at) {
        int r;

        buffer_clear(&f->lines);
        while ((r = journal_follower_pump(f->follower, 100)) > 0)
                ;
        if (r < 0 || !string_equal(f->lines.data ?: "", lines))
                tap_fail(__FILE__, at, "pumped %d, \"%.200s\", should be \"%s\"", r, f->lines.data ?: "", lines);
}

#define CHECK_PUMP(f, lines) check_pump(f, lines, __LINE__)
#define OTHER FIXTURE_OTHER_UNIT

static void test_from_now_on(void) {
        FOLLOW;

        JOURNAL_APPEND(&f.journal, "a", { "old" }, { "older" });
        if (!follow_begin(&f))
                return;
        CHECK_PUMP(&f, "");
        JOURNAL_APPEND(&f.journal, "a", { "one" }, { "two", .unit = OTHER }, { "nobody's", .unit = "" }, { "three" });
        CHECK_PUMP(&f, "abcdef:one fedcba:two abcdef:three ");
        CHECK_PUMP(&f, "");
}

static void test_from_nothing(void) {
        FOLLOW;

        if (!follow_begin(&f))
                return;
        CHECK_PUMP(&f, "");
        JOURNAL_APPEND(&f.journal, "a", { "first" });
        CHECK_PUMP(&f, "abcdef:first ");
}

/* Of the slice nothing was written yet, but of others. */
static void test_from_others_only(void) {
        FOLLOW;

        JOURNAL_APPEND(&f.journal, "a", { "nobody's", .unit = "" });
        if (!follow_begin(&f))
                return;
        JOURNAL_APPEND(&f.journal, "a", { "nobody's", .unit = "" }, { "first" });
        CHECK_PUMP(&f, "abcdef:first ");
}

#define LATE_FIELDS "SYSLOG_FACILITY=21\nSYSLOG_IDENTIFIER=" FIXTURE_TASK "\n"

/* A child that has ended when journald looks has no unit and no slice any more, only what its stream was given. */
static void test_lines_of_writers_that_are_gone(void) {
        FOLLOW;

        f.journal.source.scope = RUNTIME_SCOPE_USER;
        if (!follow_begin(&f))
                return;
        JOURNAL_APPEND(&f.journal, "a", { "one", .unit = "", .fields = LATE_FIELDS }, { "two", .fields = LATE_FIELDS },
                       { "no task's", .unit = "", .fields = "SYSLOG_IDENTIFIER=" FIXTURE_TASK "\n" },
                       { "odd", .unit = "", .fields = "SYSLOG_FACILITY=21\nSYSLOG_IDENTIFIER=task-1\n" }, { "three" });
        CHECK_PUMP(&f, "abcdef:one abcdef:two abcdef:three ");
}

static void test_long_lines_of_many_units(void) {
        enum { UNITS = 40 };
        FOLLOW;
        _cleanup_free_ FixtureEntry *entries = calloc(3 * UNITS, sizeof(FixtureEntry));
        _cleanup_(buffer_done) Buffer should = BUFFER_NULL;
        char units[UNITS][64], texts[UNITS][16];

        if (!follow_begin(&f))
                return;
        for (unsigned i = 0; i < UNITS; i++) {
                snprintf(units[i], sizeof(units[i]), TASK_UNIT_PREFIX "task-1700000000-%06x" TASK_UNIT_SUFFIX, i);
                snprintf(texts[i], sizeof(texts[i]), "%u", i);
                entries[i] = (FixtureEntry){ "begin", .unit = units[i], .stream = i, .goes_on = true };
                entries[UNITS + i] = (FixtureEntry){ texts[i], .unit = units[i], .stream = i, .goes_on = true };
                entries[2 * UNITS + i] = (FixtureEntry){ "end", .unit = units[i], .stream = i };
                TAP_CHECK_INT(buffer_append_format(&should, "%06x:begin%uend ", i, i), 0);
        }
        /* All begin, all go on, all end: whatever is kept is kept for all of them. */
        journal_fixture_append(&f.journal, "a", entries, UNITS);
        CHECK_PUMP(&f, "");
        journal_fixture_append(&f.journal, "a", entries + UNITS, UNITS);
        CHECK_PUMP(&f, "");
        journal_fixture_append(&f.journal, "a", entries + 2 * UNITS, UNITS);
        CHECK_PUMP(&f, should.data);
}

static void test_flush_is_of_one_unit(void) {
        FOLLOW;

        if (!follow_begin(&f))
                return;
        JOURNAL_APPEND(&f.journal, "a", { "b", .unit = OTHER, .stream = 2, .goes_on = true },
                       { "a", .stream = 1, .goes_on = true }, { "c", .stream = 3, .goes_on = true });
        CHECK_PUMP(&f, "");
        journal_follower_flush(f.follower, FIXTURE_UNIT);
        TAP_CHECK_INT(f.n, 2);
        TAP_CHECK_CONTAINS(f.lines.data, "abcdef:a ");
        TAP_CHECK_CONTAINS(f.lines.data, "abcdef:c ");
        journal_follower_flush(f.follower, FIXTURE_UNIT);
        TAP_CHECK_INT(f.n, 2);
        JOURNAL_APPEND(&f.journal, "a", { "b", .unit = OTHER, .stream = 2 });
        CHECK_PUMP(&f, "fedcba:bb ");
}

static void test_pumping_is_bounded(void) {
        FOLLOW;
        FixtureEntry entries[25];

        if (!follow_begin(&f))
                return;
        for (unsigned i = 0; i < ELEMENTSOF(entries); i++)
                entries[i] = (FixtureEntry){ "x" };
        journal_fixture_append(&f.journal, "a", entries, ELEMENTSOF(entries));
        TAP_CHECK_INT(journal_follower_pump(f.follower, 10), 1);
        TAP_CHECK_INT(f.n, 10);
        TAP_CHECK_INT(journal_follower_pump(f.follower, 10), 1);
        TAP_CHECK_INT(journal_follower_pump(f.follower, 10), 0);
        TAP_CHECK_INT(f.n, 25);
}

static void test_rotations(void) {
        static const char *const files[] = { "b", "c", "d", "e" };
        FOLLOW;

        JOURNAL_APPEND(&f.journal, "a", { "old" });
        if (!follow_begin(&f))
                return;
        JOURNAL_APPEND(&f.journal, "a", { "last of the old file" }, { "be", .goes_on = true });
        for (unsigned i = 0; i < ELEMENTSOF(files); i++)
                JOURNAL_APPEND(&f.journal, files[i], { "gin", .goes_on = i % 2 == 0 });
        CHECK_PUMP(&f, "abcdef:last of the old file abcdef:begingin abcdef:gingin ");
        /* What was read may go. */
        journal_fixture_remove(&f.journal, "a");
        journal_fixture_remove(&f.journal, "b");
        JOURNAL_APPEND(&f.journal, "e", { "more" });
        JOURNAL_APPEND(&f.journal, "f", { "new" });
        CHECK_PUMP(&f, "abcdef:more abcdef:new ");
        journal_fixture_reboot(&f.journal);
        JOURNAL_APPEND(&f.journal, "f", { "another boot's" });
        CHECK_PUMP(&f, "abcdef:another boot's ");
}

/* --- what wakes it --- */

/* Turns the loop until so many lines came, at most that long. */
static bool wait_for_lines(Follow *f, unsigned n, usec_t limit_usec) {
        usec_t end = clock_monotonic_usec() + limit_usec;

        while (f->n < n && clock_monotonic_usec() < end)
                TAP_CHECK(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
        return f->n >= n;
}

static void test_the_journals_events_wake_it(void) {
        FOLLOW;

        JOURNAL_APPEND(&f.journal, "a", { "old" });
        if (!follow_begin(&f))
                return;
        JOURNAL_APPEND(&f.journal, "a", { "one" });
        TAP_CHECK(wait_for_lines(&f, 1, 10 * USEC_PER_SEC));
        JOURNAL_APPEND(&f.journal, "b", { "two" });
        TAP_CHECK(wait_for_lines(&f, 2, 10 * USEC_PER_SEC));
        TAP_CHECK_STRING(f.lines.data, "abcdef:one abcdef:two ");
}

/* More than one turn's worth, and nothing further happens that could wake it. */
static void test_a_flood_is_read_to_its_end(void) {
        enum { N = 3000 };
        FOLLOW;
        _cleanup_free_ FixtureEntry *entries = calloc(N, sizeof(FixtureEntry));

        if (!follow_begin(&f))
                return;
        for (unsigned i = 0; i < N; i++)
                entries[i] = (FixtureEntry){ "x" };
        journal_fixture_append(&f.journal, "a", entries, N);
        TAP_CHECK(wait_for_lines(&f, N, 20 * USEC_PER_SEC));
        TAP_CHECK_INT(f.n, N);
}

static unsigned count_turns(Follow *f, usec_t usec) {
        usec_t end = clock_monotonic_usec() + usec;
        unsigned n = 0;

        while (clock_monotonic_usec() < end) {
                int r = sd_event_run(f->event, end - clock_monotonic_usec());

                TAP_CHECK(r >= 0);
                n += r > 0;
        }
        return n;
}

static void test_at_rest_nothing_wakes_it(void) {
        FOLLOW;

        JOURNAL_APPEND(&f.journal, "a", { "old" });
        if (!follow_begin(&f))
                return;
        (void) count_turns(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK_INT(count_turns(&f, 300 * USEC_PER_MSEC), 0);
        TAP_CHECK_INT(journal_follower_set_interval(f.follower, 10 * USEC_PER_MSEC), 0);
        TAP_CHECK(count_turns(&f, 300 * USEC_PER_MSEC) > 0);
        TAP_CHECK_INT(journal_follower_set_interval(f.follower, 0), 0);
        (void) count_turns(&f, 20 * USEC_PER_MSEC);
        TAP_CHECK_INT(count_turns(&f, 300 * USEC_PER_MSEC), 0);
        /* Nor after it was woken. */
        JOURNAL_APPEND(&f.journal, "a", { "one" });
        TAP_CHECK(wait_for_lines(&f, 1, 10 * USEC_PER_SEC));
        (void) count_turns(&f, 400 * USEC_PER_MSEC);
        TAP_CHECK_INT(count_turns(&f, 300 * USEC_PER_MSEC), 0);
}

/* Somebody watches, and nothing was written since. */
static bool follow_watched(Follow *f, usec_t interval_usec) {
        JOURNAL_APPEND(&f->journal, "a", { "old" });
        return follow_begin(f) && TAP_CHECK_INT(journal_follower_set_interval(f->follower, interval_usec), 0);
}

/* Somebody watches, but for five seconds nothing was written: it waits for the journal's events as at rest. */
static void test_a_quiet_log_is_not_looked_at(void) {
        FOLLOW;

        if (!follow_watched(&f, 10 * USEC_PER_MSEC))
                return;
        TAP_CHECK(count_turns(&f, 100 * USEC_PER_MSEC) > 0);
        ahead_usec += 4800 * USEC_PER_MSEC;
        (void) count_turns(&f, 300 * USEC_PER_MSEC);
        TAP_CHECK_INT(count_turns(&f, 300 * USEC_PER_MSEC), 0);
        JOURNAL_APPEND(&f.journal, "a", { "one" });
        TAP_CHECK(wait_for_lines(&f, 1, 10 * USEC_PER_SEC));
        TAP_CHECK(count_turns(&f, 100 * USEC_PER_MSEC) > 0);
        ahead_usec += 4800 * USEC_PER_MSEC;
        (void) count_turns(&f, 600 * USEC_PER_MSEC);
        TAP_CHECK_INT(count_turns(&f, 300 * USEC_PER_MSEC), 0);
}

/* Others write to the journal all the time; of a few of their entries it hears, and goes on waiting. */
static void test_what_others_write_starts_no_looks(void) {
        FOLLOW;

        if (!follow_watched(&f, 10 * USEC_PER_MSEC))
                return;
        ahead_usec += 6 * USEC_PER_SEC;
        (void) count_turns(&f, 300 * USEC_PER_MSEC);
        JOURNAL_APPEND(&f.journal, "a", { "theirs", .unit = "" },
                       { "of theirs", .unit = "remote-developer.service", .kind = FIXTURE_MANAGER });
        TAP_CHECK(count_turns(&f, 500 * USEC_PER_MSEC) > 0);
        TAP_CHECK_INT(count_turns(&f, 300 * USEC_PER_MSEC), 0);
        TAP_CHECK_INT(f.n, 0);
        JOURNAL_APPEND(&f.journal, "a", { "one" });
        TAP_CHECK(wait_for_lines(&f, 1, 10 * USEC_PER_SEC));
        TAP_CHECK(count_turns(&f, 100 * USEC_PER_MSEC) > 0);
}

/* So many looks, within some seconds, on a machine however slow. */
static bool look(Follow *f, unsigned n) {
        unsigned looked = 0;

        for (unsigned i = 0; i < 100 && looked < n; i++)
                looked += count_turns(f, 20 * USEC_PER_MSEC);
        return looked >= n;
}

/* Somebody watches, and all that was written was found, without a doubt. */
static bool follow_to_the_end(Follow *f) {
        JOURNAL_APPEND(&f->journal, "a", { "old" });
        if (!follow_begin(f))
                return false;
        JOURNAL_APPEND(&f->journal, "a", { "one" });
        TAP_CHECK(wait_for_lines(f, 1, 10 * USEC_PER_SEC));
        TAP_CHECK_INT(journal_follower_set_interval(f->follower, USEC_PER_MSEC), 0);
        (void) count_turns(f, 400 * USEC_PER_MSEC);
        return true;
}

/* To look afresh is dear where there are many files: only when there is more to find than was found. */
static void test_what_was_all_found_is_not_looked_for_afresh(void) {
        unsigned before;
        FOLLOW;

        if (!follow_to_the_end(&f))
                return;
        before = seeks;
        TAP_CHECK(look(&f, 30));
        TAP_CHECK_INT(seeks, before);
        journal_patch_begin_entry(&f.journal, "a");
        TAP_CHECK(look(&f, 30));
        TAP_CHECK(seeks > before);
}

/* journald announces earlier entries while it writes one: not to have found that does not mean that there is none. */
static void test_what_was_written_meanwhile_is_looked_for_afresh(void) {
        unsigned before;
        FOLLOW;

        if (!follow_to_the_end(&f))
                return;
        TAP_CHECK_INT(journal_follower_set_interval(f.follower, 0), 0);
        journal_patch_begin_entry(&f.journal, "a");
        before = seeks;
        journal_patch_announce(&f.journal, "a");
        while (seeks == before && TAP_CHECK(sd_event_run(f.event, 10 * USEC_PER_SEC) > 0))
                ;
        before = seeks;
        TAP_CHECK_INT(journal_follower_set_interval(f.follower, USEC_PER_MSEC), 0);
        TAP_CHECK(look(&f, 30));
        TAP_CHECK_INT(seeks, before + 1);
}

/* Each look costs a wake-up: where no line has come for a while, they are rarer. */
static void test_looks_become_rarer(void) {
        unsigned often, rarely;
        FOLLOW;

        if (!follow_watched(&f, 5 * USEC_PER_MSEC))
                return;
        often = count_turns(&f, 200 * USEC_PER_MSEC);
        ahead_usec += USEC_PER_SEC;
        rarely = count_turns(&f, 200 * USEC_PER_MSEC);
        TAP_CHECK(rarely > 0);
        TAP_CHECK(rarely * 2 < often);
}

/* The file with the last entry read is gone when the next one comes. */
static void test_many_lines_and_the_last_one_gone(void) {
        enum { N = 20100 };
        FOLLOW;
        _cleanup_free_ FixtureEntry *entries = calloc(N, sizeof(FixtureEntry));

        if (!follow_begin(&f))
                return;
        for (unsigned i = 0; i < N; i++)
                entries[i] = (FixtureEntry){ "x", .goes_on = i == N - 1 };
        journal_fixture_append(&f.journal, "a", entries, N);
        while (journal_follower_pump(f.follower, N + 1) > 0)
                ;
        TAP_CHECK_INT(f.n, N - 1);
        journal_fixture_remove(&f.journal, "a");
        JOURNAL_APPEND(&f.journal, "b", { "one" }, { "two" });
        CHECK_PUMP(&f, "abcdef:xone abcdef:two ");
}

static void test_no_directory(void) {
        FOLLOW;
        JournalSource nowhere = { RUNTIME_SCOPE_SYSTEM, scratch_path(&f.journal.scratch, "nowhere") };

        TAP_CHECK_INT(journal_follower_new(f.event, &nowhere, TASK_SLICE, KEEP_MAX, on_line, &f, &f.follower),
                      -ENOENT);
        TAP_CHECK(!f.follower && !journal_follower_free(NULL));
}

static const TapTest tests[] = {
        { "from now on", test_from_now_on },
        { "from nothing", test_from_nothing },
        { "from a journal of others", test_from_others_only },
        { "lines of writers that are gone", test_lines_of_writers_that_are_gone },
        { "long lines of many units at once", test_long_lines_of_many_units },
        { "a flush is of one unit", test_flush_is_of_one_unit },
        { "pumping is bounded", test_pumping_is_bounded },
        { "rotations", test_rotations },
        { "the journal's events wake it", test_the_journals_events_wake_it },
        { "a flood is read to its end", test_a_flood_is_read_to_its_end },
        { "at rest nothing wakes it", test_at_rest_nothing_wakes_it },
        { "a quiet log is not looked at", test_a_quiet_log_is_not_looked_at },
        { "what others write starts no looks", test_what_others_write_starts_no_looks },
        { "what was all found is not looked for afresh", test_what_was_all_found_is_not_looked_for_afresh },
        { "what was written meanwhile is looked for afresh", test_what_was_written_meanwhile_is_looked_for_afresh },
        { "looks become rarer", test_looks_become_rarer },
        { "many lines, and the last one gone", test_many_lines_and_the_last_one_gone },
        { "no directory", test_no_directory },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Entries of one time: journald stamps all that it takes from a stream at once with the same time, by the hundred. In
 * two files, such as a user's and the system's, nothing but a checksum orders them, where they do not number their
 * entries alike, and what systemd says may come again; but whoever comes back behind any of them is given exactly the
 * rest of the output, which is in one file, and no gap is made up. */
#include "../lib/viewing.h"

#include <remote-developer/strings.h>

enum { LINES = 40, ROUNDS = 8, ITEMS_MAX = ROUNDS * LINES + 2 };

typedef struct Item {
        char text[32];
        char cursor[LOG_LINE_CURSOR_SIZE];
} Item;

static unsigned read_rest(Viewing *v, Item items[static ITEMS_MAX]) {
        LogLine line;
        unsigned n = 0;
        int r;

        while ((r = log_viewer_next(v->viewers[0].viewer, &line)) != 0) {
                if (r == -EAGAIN)
                        continue;
                if (!TAP_CHECK_INT(r, 1) || !TAP_CHECK(n < ITEMS_MAX))
                        break;
                TAP_CHECK(line.source != LOG_SOURCE_GAP || line.gap.reason == LOG_GAP_SUPPRESSED);
                if (!log_line_is_output(&line)) {
                        v->viewers[0].wakes++;
                        continue;
                }
                snprintf(items[n].text, sizeof(items[n].text), "%.*s", (int) line.size, line.text);
                snprintf(items[n].cursor, sizeof(items[n].cursor), "%s", line.cursor);
                n++;
        }
        return n;
}

static bool items_equal(const Item *a, const Item *b, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                if (!string_equal(a[i].text, b[i].text) || !string_equal(a[i].cursor, b[i].cursor))
                        return false;
        return true;
}

/* So many lines of output, and so many of others. */
static void check_every_cursor(Viewing *v, unsigned should, unsigned others) {
        static Item all[ITEMS_MAX], rest[ITEMS_MAX];
        unsigned n = read_rest(v, all);

        TAP_CHECK_INT(v->viewers[0].wakes, others);
        if (!TAP_CHECK_INT(n, should))
                return;
        for (unsigned i = 0; i < n; i++) {
                TAP_CHECK_INT(log_viewer_seek_after(v->viewers[0].viewer, all[i].cursor), 0);
                if (!TAP_CHECK_INT(read_rest(v, rest), n - i - 1) ||
                    !TAP_CHECK(items_equal(rest, all + i + 1, n - i - 1)))
                        return;
        }
}

static void add_lines(Viewing *v, unsigned round) {
        FixtureEntry entries[LINES];
        char texts[LINES][32];

        for (unsigned i = 0; i < LINES; i++) {
                snprintf(texts[i], sizeof(texts[i]), "%u.%u", round, i);
                entries[i] = (FixtureEntry){ texts[i], .at_once = i > 0 };
        }
        journal_fixture_append(&v->journal, "a", entries, LINES);
}

static void test_lines_in_one_file(void) {
        VIEWING(10, false);

        for (unsigned round = 0; round < ROUNDS; round++)
                add_lines(&v, round);
        log_feed_finish(v.feed);
        viewing_open(&v, 0);
        check_every_cursor(&v, ROUNDS * LINES, 0);
}

static void test_what_journald_says_in_another_file(void) {
        VIEWING(10, false);

        /* What was suppressed before a log began is not said in it. */
        JOURNAL_APPEND(&v.journal, "a", { "first" });
        for (unsigned round = 0; round < ROUNDS; round++) {
                add_lines(&v, round);
                JOURNAL_APPEND(&v.journal, "b", { .kind = FIXTURE_SUPPRESSED, .dropped = 5, .at_once = true });
        }
        log_feed_finish(v.feed);
        viewing_open(&v, 0);
        check_every_cursor(&v, ROUNDS * LINES + 1, ROUNDS);
}

/* The lines of a task that runs as an ordinary user are in that user's file, systemd's in the system's. */
static void test_what_systemd_says_in_another_file(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "first" });
        for (unsigned round = 0; round < ROUNDS; round++) {
                add_lines(&v, round);
                JOURNAL_APPEND(&v.journal, "b", { "Started", .kind = FIXTURE_MANAGER, .at_once = true });
        }
        log_feed_finish(v.feed);
        viewing_open(&v, 0);
        check_every_cursor(&v, ROUNDS * LINES + 1, ROUNDS);
}

/* All that is left is what systemd said last. */
static void test_a_log_of_which_the_end_is_left(void) {
        static const unsigned sources[] = { LOG_SOURCES_ALL, LOG_SOURCES(LOG_SOURCE_SYSTEM) };
        LogLine line;
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "first" }, { "second" });
        JOURNAL_APPEND(&v.journal, "b", { "Finished", .kind = FIXTURE_MANAGER });
        viewing_open(&v, 0);
        CHECK_NEXT(&v, 0, "first");
        TAP_CHECK_INT(log_feed_set_first(v.feed, v.viewers[0].cursor), 0);
        CHECK_NEXT(&v, 0, "second");
        CHECK_NEXT(&v, 0, "Finished");
        TAP_CHECK_INT(log_feed_set_end(v.feed, v.viewers[0].cursor, 2), 0);
        log_feed_finish(v.feed);
        journal_fixture_remove(&v.journal, "a");
        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                _cleanup_(log_viewer_freep) LogViewer *viewer = NULL;

                TAP_CHECK_INT(log_viewer_new(v.feed, sources[i], NULL, NULL, &viewer), 0);
                if (i == 0 && TAP_CHECK_INT(log_viewer_next(viewer, &line), 1)) {
                        TAP_CHECK_INT((int) line.source, LOG_SOURCE_GAP);
                        TAP_CHECK_INT(line.gap.lines, 2);
                }
                TAP_CHECK_INT(log_viewer_next(viewer, &line), 1);
                CHECK_LINE(&line, "Finished");
                TAP_CHECK_INT(log_viewer_next(viewer, &line), 0);
        }
}

static const TapTest tests[] = {
        { "a log of which only the end is left", test_a_log_of_which_the_end_is_left },
        { "lines of one time in one file", test_lines_in_one_file },
        { "what journald says in another file at that time", test_what_journald_says_in_another_file },
        { "what systemd says in another file at that time", test_what_systemd_says_in_another_file },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* LogViewer: every line once and in order, whoever looks from wherever, while the log grows, is rotated and falls out
 * of the ring. */
#include "../lib/viewing.h"

#include <remote-developer/strings.h>

/* --- finished logs --- */

/* A turn looks at 512 entries: of a log of more than that the end is there with the first one. */
static void test_the_tail_without_the_rest(void) {
        enum { N = 2000 };
        VIEWING(10, false);
        FixtureEntry *entries = calloc(N, sizeof(FixtureEntry));
        LogLine line;

        for (unsigned i = 0; i < N; i++)
                entries[i] = (FixtureEntry){ i < N - 1 ? "x" : "last" };
        journal_fixture_append(&v.journal, "a", entries, N);
        free(entries);
        viewing_finish(&v);
        viewing_open(&v, 0);
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 1), 0);
        if (TAP_CHECK_INT(log_viewer_next(v.viewers[0].viewer, &line), 1))
                CHECK_LINE(&line, "last");
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, N), 0);
        TAP_CHECK_INT(log_viewer_next(v.viewers[0].viewer, &line), -EAGAIN);
}

static void test_a_finished_log(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "theirs", .unit = FIXTURE_OTHER_UNIT }, { "two" });
        JOURNAL_APPEND(&v.journal, "b", { "three" });
        viewing_finish(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, "one", "two", "three");
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
        CHECK_VIEW(&v, 0, NULL);
}

static void test_a_finished_log_of_nothing(void) {
        VIEWING(10, false);

        viewing_finish(&v);
        viewing_open(&v, 0);
        TAP_CHECK(!log_viewer_is_at_end(v.viewers[0].viewer));
        CHECK_VIEW(&v, 0, NULL);
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
}

static void test_a_finished_log_that_ends_within_a_line(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "never e", .goes_on = true }, { "nded", .goes_on = true });
        viewing_finish(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, "one", "never ended");
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
}

static void test_seeking_in_a_finished_log(void) {
        VIEWING(10, false);
        char cursor[LOG_LINE_CURSOR_SIZE];

        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "two" }, { "three" });
        viewing_finish(&v);
        viewing_open(&v, 0);
        CHECK_NEXT(&v, 0, "one");
        memcpy(cursor, v.viewers[0].cursor, sizeof(cursor));
        CHECK_VIEW(&v, 0, "two", "three");
        TAP_CHECK_INT(log_viewer_seek_after(v.viewers[0].viewer, cursor), 0);
        TAP_CHECK(!log_viewer_is_at_end(v.viewers[0].viewer));
        CHECK_VIEW(&v, 0, "two", "three");
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 1), 0);
        CHECK_VIEW(&v, 0, "three");
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 0), 0);
        CHECK_VIEW(&v, 0, NULL);
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 7), 0);
        CHECK_VIEW(&v, 0, "one", "two", "three");
        TAP_CHECK_INT(log_viewer_seek_after(v.viewers[0].viewer, "no cursor"), -EINVAL);
}

/* --- live --- */

static void test_live_from_the_start(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, NULL);
        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "two" });
        viewing_pump(&v);
        TAP_CHECK_INT(v.viewers[0].wakes, 2);
        CHECK_VIEW(&v, 0, "one", "two");
        /* A second one comes when the first lines are there. */
        viewing_open(&v, 1);
        CHECK_VIEW(&v, 1, "one", "two");
        JOURNAL_APPEND(&v.journal, "b", { "three" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "three");
        CHECK_VIEW(&v, 1, "three");
        viewing_finish(&v);
        TAP_CHECK(!log_viewer_is_at_end(v.viewers[0].viewer));
        CHECK_VIEW(&v, 0, NULL);
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
}

static void test_wakes(void) {
        VIEWING(10, true);

        viewing_open(&v, 0);
        viewing_open(&v, 1);
        TAP_CHECK_INT(log_feed_count_viewers(v.feed), 2);
        log_feed_wake(v.feed);
        v.viewers[0].viewer = log_viewer_free(v.viewers[0].viewer);
        log_feed_wake(v.feed);
        TAP_CHECK_INT(log_feed_count_viewers(v.feed), 1);
        viewing_finish(&v);
        TAP_CHECK_INT(v.viewers[0].wakes, 1);
        TAP_CHECK_INT(v.viewers[1].wakes, 3);
        TAP_CHECK(!log_viewer_free(NULL));
}

/* What was there from its first line on needs no journal: here there is none. */
static void test_the_ring_alone(void) {
        VIEWING(10, true);
        LogLine line = { .cursor = "s=1", .text = "one", .size = 3 };

        TAP_CHECK_INT(rmdir(v.journal.directory), 0);
        viewing_open(&v, 0);
        log_feed_append(v.feed, &line);
        CHECK_VIEW(&v, 0, "one");
        TAP_CHECK_INT(log_viewer_seek_after(v.viewers[0].viewer, "s=1"), 0);
        CHECK_VIEW(&v, 0, NULL);
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 1), -ENOENT);
}

/* --- the seam --- */

static void test_a_viewer_meets_the_follower(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "old" }, { "older" });
        viewing_follow(&v);
        viewing_open(&v, 0);
        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "two" });
        CHECK_VIEW(&v, 0, "old", "older", "one", "two");
        JOURNAL_APPEND(&v.journal, "a", { "three" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "three");
        /* The ring holds one, two and three by now. */
        viewing_open(&v, 1);
        CHECK_VIEW(&v, 1, "old", "older", "one", "two", "three");
        JOURNAL_APPEND(&v.journal, "a", { "four" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "four");
        CHECK_VIEW(&v, 1, "four");
}

/* The follower alone has an inotify instance; and the journal's files, but for who reads by himself at the moment. */
static void test_viewers_hold_nothing_open(void) {
        VIEWING(10, false);
        unsigned before, inotify = viewing_count_open("inotify");

        JOURNAL_APPEND(&v.journal, "a", { "old" }, { "older" });
        viewing_follow(&v);
        before = viewing_count_open("");
        TAP_CHECK_INT(viewing_count_open("inotify"), inotify + 1);
        for (unsigned i = 0; i < VIEWERS_MAX; i++) {
                viewing_open(&v, i);
                CHECK_NEXT(&v, i, "old");
        }
        TAP_CHECK(viewing_count_open(".journal") > 1);
        TAP_CHECK_INT(viewing_count_open("inotify"), inotify + 1);
        for (unsigned i = 0; i < VIEWERS_MAX; i++)
                CHECK_VIEW(&v, i, "older");
        TAP_CHECK_INT(viewing_count_open(""), before);
}

static void open_tail(Viewing *v, unsigned i, uint64_t lines) {
        v->viewers[i].viewer = log_viewer_free(v->viewers[i].viewer);
        TAP_CHECK_INT(log_viewer_new_at_tail(v->feed, LOG_SOURCES_OUTPUT, lines, UINT64_MAX,
                                             &v->viewers[i].viewer), 0);
}

/* More lines than there are: the ring has them all, and no journal is opened. The newest is there at once. */
static void test_the_tail_of_a_log_that_the_ring_has_whole(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        open_tail(&v, 0, 5);
        TAP_CHECK_INT(viewing_count_open(".journal"), 0);
        CHECK_VIEW(&v, 0, NULL);
        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "two" });
        open_tail(&v, 1, 5);
        TAP_CHECK_INT(viewing_count_open(".journal"), 1); /* the follower's */
        CHECK_VIEW(&v, 1, "one", "two");
        CHECK_VIEW(&v, 0, "one", "two");
        open_tail(&v, 2, 1);
        CHECK_VIEW(&v, 2, "two");
        for (unsigned i = 0; i < 20; i++)
                JOURNAL_APPEND(&v.journal, "a", { "x" });
        viewing_pump(&v);
        /* Out of the ring meanwhile. */
        open_tail(&v, 2, 22);
        CHECK_NEXT(&v, 2, "one");
        CHECK_NEXT(&v, 2, "two");
        CHECK_NEXT(&v, 2, "x");
}

static void test_meeting_before_the_first_line(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "theirs", .unit = FIXTURE_OTHER_UNIT });
        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, NULL);
        JOURNAL_APPEND(&v.journal, "a", { "one" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "one");
}

/* Meeting at a line frees the reader, whose text the line is: it must last until the next call. */
static void test_the_text_at_the_seam(void) {
        VIEWING(10, false);
        LogLine line;

        JOURNAL_APPEND(&v.journal, "a", { "old" });
        viewing_follow(&v);
        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "two" });
        viewing_pump(&v);
        viewing_open(&v, 0);
        CHECK_NEXT(&v, 0, "old");
        TAP_CHECK_INT(log_viewer_next(v.viewers[0].viewer, &line), 1);
        JOURNAL_APPEND(&v.journal, "a", { "three" });
        viewing_pump(&v);
        CHECK_LINE(&line, "one");
        CHECK_VIEW(&v, 0, "two", "three");
}

static void test_seeking_at_the_seam(void) {
        VIEWING(10, false);
        char cursor[LOG_LINE_CURSOR_SIZE];

        JOURNAL_APPEND(&v.journal, "a", { "old" }, { "older" });
        viewing_follow(&v);
        JOURNAL_APPEND(&v.journal, "a", { "one" }, { "two" });
        viewing_pump(&v);
        viewing_open(&v, 0);
        CHECK_NEXT(&v, 0, "old");
        memcpy(cursor, v.viewers[0].cursor, sizeof(cursor));
        CHECK_NEXT(&v, 0, "older");
        CHECK_NEXT(&v, 0, "one");
        TAP_CHECK_INT(log_viewer_seek_after(v.viewers[0].viewer, cursor), 0);
        CHECK_NEXT(&v, 0, "older");
        CHECK_NEXT(&v, 0, "one");
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 3), 0);
        CHECK_VIEW(&v, 0, "older", "one", "two");
        /* What the ring holds needs no journal. */
        TAP_CHECK_INT(log_viewer_seek_after(v.viewers[0].viewer, v.viewers[0].cursor), 0);
        CHECK_VIEW(&v, 0, NULL);
}

static void test_a_rotation_at_the_seam(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "old" });
        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_NEXT(&v, 0, "old");
        /* The viewer's handle does not know of the new file. */
        JOURNAL_APPEND(&v.journal, "b", { "one" }, { "two" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "one", "two");
        JOURNAL_APPEND(&v.journal, "c", { "three" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "three");
}

static void test_a_rotation_before_the_first_look(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "theirs", .unit = FIXTURE_OTHER_UNIT });
        viewing_follow(&v);
        viewing_open(&v, 0);
        viewing_open(&v, 1);
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[1].viewer, 0), 0);
        JOURNAL_APPEND(&v.journal, "b", { "one" }, { "two" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "one", "two");
        CHECK_VIEW(&v, 1, "one", "two");
}

/* The service was restarted while a program wrote a long line: the follower sees only its end. */
static void test_a_follower_that_begins_within_a_line(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "old" }, { "a", .goes_on = true }, { "b", .goes_on = true });
        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, "old");
        JOURNAL_APPEND(&v.journal, "a", { "c", .goes_on = true });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, NULL);
        JOURNAL_APPEND(&v.journal, "b", { "d" }, { "one" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "abcd", "one");
        viewing_open(&v, 1);
        CHECK_VIEW(&v, 1, "old", "abcd", "one");
}

/* Two viewers wait for the line's end, which comes with the end of the task, and in a file that they do not know. */
static void test_a_line_that_ends_with_the_task(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "old" }, { "be", .goes_on = true });
        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, "old");
        JOURNAL_APPEND(&v.journal, "b", { "gin", .goes_on = true }, { "and end" },
                       { "a", .stream = 1, .goes_on = true }, { "b", .stream = 2, .goes_on = true });
        viewing_pump(&v);
        viewing_finish(&v);
        CHECK_NEXT(&v, 0, "beginand end");
        viewing_open(&v, 1);
        CHECK_VIEW(&v, 1, "old", "beginand end", "a", "b");
        CHECK_VIEW(&v, 0, "a", "b");
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
}

/* More than the follower takes in a turn: it says so, and nothing is lost. */
static void test_a_flood_at_the_seam(void) {
        enum { N = 3000 };
        VIEWING(10, false);
        _cleanup_free_ FixtureEntry *entries = calloc(N, sizeof(FixtureEntry));
        unsigned n = 0, again = 0;
        LogLine line;
        int r;

        for (unsigned i = 0; i < N; i++)
                entries[i] = (FixtureEntry){ "x", .unit = FIXTURE_OTHER_UNIT };
        entries[N - 1].unit = entries[0].unit = NULL;
        viewing_follow(&v);
        viewing_open(&v, 0);
        journal_fixture_append(&v.journal, "a", entries, N);
        viewing_open(&v, 1);
        while ((r = log_viewer_next(v.viewers[1].viewer, &line)) > 0 || r == -EAGAIN) {
                n += r > 0;
                again += r < 0;
        }
        TAP_CHECK_INT(r, 0);
        TAP_CHECK_INT(n, 2);
        TAP_CHECK_INT(again, 2);
}

/* --- falling behind --- */

static void append_numbers(Viewing *v, const char *file, unsigned from, unsigned to) {
        _cleanup_free_ FixtureEntry *entries = calloc(to - from, sizeof(FixtureEntry));
        _cleanup_free_ char *texts = calloc(to - from, 16);

        for (unsigned i = from; i < to; i++) {
                snprintf(texts + 16 * (i - from), 16, "%u", i);
                entries[i - from] = (FixtureEntry){ texts + 16 * (i - from) };
        }
        journal_fixture_append(&v->journal, file, entries, to - from);
}

static void check_numbers(Viewing *v, unsigned viewer, unsigned from, unsigned to) {
        for (unsigned i = from; i < to; i++) {
                char text[16];

                snprintf(text, sizeof(text), "%u", i);
                CHECK_NEXT(v, viewer, text);
        }
        CHECK_VIEW(v, viewer, NULL);
}

static void test_falling_behind_the_ring(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        viewing_open(&v, 1);
        append_numbers(&v, "a", 0, 5);
        viewing_pump(&v);
        check_numbers(&v, 0, 0, 5);
        append_numbers(&v, "a", 5, 200);
        viewing_pump(&v);
        /* One was live behind the fifth line, one had not begun; both are live again in the end. */
        check_numbers(&v, 0, 5, 200);
        check_numbers(&v, 1, 0, 200);
        append_numbers(&v, "b", 200, 203);
        viewing_pump(&v);
        check_numbers(&v, 0, 200, 203);
        check_numbers(&v, 1, 200, 203);
}

static void test_falling_behind_from_the_tail(void) {
        VIEWING(10, false);

        append_numbers(&v, "a", 0, 20);
        viewing_follow(&v);
        viewing_open(&v, 0);
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[0].viewer, 0), 0);
        CHECK_VIEW(&v, 0, NULL);
        append_numbers(&v, "a", 20, 200);
        viewing_pump(&v);
        check_numbers(&v, 0, 20, 200);
}

/* Not to be held at all, and pushing out what was. */
static void test_lines_that_no_ring_holds(void) {
        enum { SIZE = 300 * 1024 };
        VIEWING(10, true);
        _cleanup_free_ char *text = malloc(SIZE);
        LogLine line;

        memset(text, 'x', SIZE);
        viewing_follow(&v);
        viewing_open(&v, 0);
        JOURNAL_APPEND(&v.journal, "a", { "one" }, { text, SIZE }, { "two" });
        viewing_pump(&v);
        CHECK_NEXT(&v, 0, "one");
        TAP_CHECK_INT(log_viewer_next(v.viewers[0].viewer, &line), 1);
        TAP_CHECK_INT(line.size, SIZE);
        CHECK_VIEW(&v, 0, "two");
        viewing_open(&v, 1);
        CHECK_NEXT(&v, 1, "one");
}

/* --- ends --- */

static void test_a_log_that_finishes_while_it_is_read(void) {
        VIEWING(10, false);

        append_numbers(&v, "a", 0, 50);
        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_NEXT(&v, 0, "0");
        append_numbers(&v, "b", 50, 60);
        viewing_pump(&v);
        viewing_finish(&v);
        check_numbers(&v, 0, 1, 60);
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
}

static void test_a_viewer_outlives_the_run(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        append_numbers(&v, "a", 0, 30);
        viewing_pump(&v);
        viewing_finish(&v);
        /* One that will look for the follower at the journal's end. */
        viewing_open(&v, 1);
        TAP_CHECK_INT(log_viewer_seek_tail(v.viewers[1].viewer, 0), 0);
        v.feed = log_feed_unref(v.feed);
        v.follower = journal_follower_free(v.follower);
        CHECK_VIEW(&v, 1, NULL);
        check_numbers(&v, 0, 0, 30);
        TAP_CHECK(log_viewer_is_at_end(v.viewers[0].viewer));
}

static const TapTest tests[] = {
        { "the tail without the rest", test_the_tail_without_the_rest },
        { "a finished log", test_a_finished_log },
        { "a finished log of nothing", test_a_finished_log_of_nothing },
        { "a finished log that ends within a line", test_a_finished_log_that_ends_within_a_line },
        { "seeking in a finished log", test_seeking_in_a_finished_log },
        { "live from the start", test_live_from_the_start },
        { "wakes", test_wakes },
        { "the ring alone", test_the_ring_alone },
        { "a viewer meets the follower", test_a_viewer_meets_the_follower },
        { "viewers hold nothing open", test_viewers_hold_nothing_open },
        { "meeting before the first line", test_meeting_before_the_first_line },
        { "the text at the seam", test_the_text_at_the_seam },
        { "seeking at the seam", test_seeking_at_the_seam },
        { "a rotation at the seam", test_a_rotation_at_the_seam },
        { "a rotation before the first look", test_a_rotation_before_the_first_look },
        { "a follower that begins within a line", test_a_follower_that_begins_within_a_line },
        { "a line that ends with the task", test_a_line_that_ends_with_the_task },
        { "a flood at the seam", test_a_flood_at_the_seam },
        { "the tail of a log that the ring has whole", test_the_tail_of_a_log_that_the_ring_has_whole },
        { "falling behind the ring", test_falling_behind_the_ring },
        { "falling behind from the tail", test_falling_behind_from_the_tail },
        { "lines that no ring holds", test_lines_that_no_ring_holds },
        { "a log that finishes while it is read", test_a_log_that_finishes_while_it_is_read },
        { "a viewer outlives the run", test_a_viewer_outlives_the_run },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Viewers while journald removes what the follower has not read yet: a gap for each of them, once, and none where all
 * that goes was read. */
#include "../lib/journal-patch.h"
#include "../lib/viewing.h"

#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>

/* As journald does it: the name goes, and then what is in the file. */
static void vacuum(Viewing *v, const char *file) {
        _cleanup_free_ char *path = string_format("%s/%s.journal", v->journal.directory, file);
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);

        TAP_CHECK_INT(unlink(path), 0);
        TAP_CHECK_INT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, lseek(fd, 0, SEEK_END)), 0);
}

static void rotate_to(Viewing *v, const char *to, const FixtureEntry *first) {
        _cleanup_free_ char *open = string_format("%s/system.journal", v->journal.directory);
        _cleanup_free_ char *archived = string_format("%s/%s.journal", v->journal.directory, to);

        TAP_CHECK_INT(rename(open, archived), 0);
        journal_fixture_append(&v->journal, "system", first, 1);
        journal_patch_continue(&v->journal, to, "system");
}

static void rotate(Viewing *v, const char *to, const char *text) {
        rotate_to(v, to, &(FixtureEntry){ text });
}

static void check_gap(Viewing *v, unsigned i, int at) {
        LogLine line;
        int r;

        while ((r = log_viewer_next(v->viewers[i].viewer, &line)) == -EAGAIN)
                ;
        if (r != 1 || line.source != LOG_SOURCE_GAP || line.gap.reason != LOG_GAP_VACUUMED || *line.cursor)
                tap_fail(__FILE__, at, "viewer %u has %d \"%.*s\", should be a gap", i, r,
                         r > 0 ? (int) line.size : 0, r > 0 ? line.text : "");
        else
                TAP_CHECK(line.gap.since > 0 && line.gap.since <= (line.gap.until ?: USEC_INFINITY));
}

#define CHECK_GAP(v, i) check_gap(v, i, __LINE__)

/* From the journal's begin, what was read and what was not. */
static void begin(Viewing *v) {
        JOURNAL_APPEND(&v->journal, "system", { "zero" });
        viewing_follow(v);
        viewing_open(v, 0);
        CHECK_VIEW(v, 0, "zero");
        JOURNAL_APPEND(&v->journal, "system", { "one" });
        viewing_pump(v);
        CHECK_VIEW(v, 0, "one");
}

static void test_an_unread_file_goes(void) {
        VIEWING(10, false);

        begin(&v);
        JOURNAL_APPEND(&v.journal, "system", { "two" }, { "three" });
        rotate(&v, "system@1", "four");
        vacuum(&v, "system@1");
        viewing_pump(&v);
        CHECK_GAP(&v, 0);
        CHECK_VIEW(&v, 0, "four");
        viewing_pump(&v);
        CHECK_NEXT(&v, 0, NULL);
}

/* Others that come, or come back. */
static void test_the_seam(void) {
        for (size_t lines_max = 1; lines_max <= 10; lines_max += 9) {
                VIEWING(lines_max, false);
                char one[LOG_LINE_CURSOR_SIZE];

                begin(&v);
                snprintf(one, sizeof(one), "%s", v.viewers[0].cursor);
                viewing_open(&v, 1);
                CHECK_NEXT(&v, 1, "zero");
                JOURNAL_APPEND(&v.journal, "system", { "two" }, { "three" });
                rotate(&v, "system@1", "four");
                vacuum(&v, "system@1");
                viewing_pump(&v);
                /* One that reads by itself, and goes on amid it. */
                CHECK_GAP(&v, 1);
                CHECK_VIEW(&v, 1, "four");
                /* One that comes back. */
                viewing_open(&v, 2);
                TAP_CHECK_INT(log_viewer_seek_after(v.viewers[2].viewer, one), 0);
                CHECK_GAP(&v, 2);
                CHECK_VIEW(&v, 2, "four");
                /* One that is new sees what is there. */
                viewing_open(&v, 3);
                CHECK_VIEW(&v, 3, "four");
                JOURNAL_APPEND(&v.journal, "system", { "five" });
                viewing_pump(&v);
                for (unsigned i = 1; i < 4; i++)
                        CHECK_VIEW(&v, i, "five");
        }
}

/* Nothing comes behind the gap for now: a viewer that finds out by itself is not told by the follower again. */
static void test_nothing_behind_the_gap(void) {
        for (size_t lines_max = 1; lines_max <= 10; lines_max += 9) {
                VIEWING(lines_max, false);

                begin(&v);
                viewing_open(&v, 1);
                CHECK_NEXT(&v, 1, "zero");
                JOURNAL_APPEND(&v.journal, "system", { "two" }, { "three" });
                rotate(&v, "system@1", "four");
                rotate(&v, "system@2", "five");
                JOURNAL_APPEND(&v.journal, "other", { "another's", .unit = FIXTURE_OTHER_UNIT });
                vacuum(&v, "system@1");
                vacuum(&v, "system@2");
                vacuum(&v, "system");
                viewing_pump(&v);
                CHECK_GAP(&v, 1);
                CHECK_NEXT(&v, 1, NULL);
                CHECK_NEXT(&v, 1, NULL);
        }
}

/* As the follower tells it; 0: not known until when. */
static void tell_gap(Viewing *v, usec_t since, usec_t until) {
        log_feed_append(v->feed, &(const LogLine){ .cursor = "", .realtime_usec = since, .source = LOG_SOURCE_GAP,
                                                   .text = "gap", .size = 3,
                                                   .gap = { .reason = LOG_GAP_VACUUMED, .since = since, .until = until,
                                                            .lines = LOG_GAP_LINES_UNKNOWN } });
}

static void tell_line(Viewing *v, const char *text, usec_t realtime_usec) {
        log_feed_append(v->feed, &(const LogLine){ .cursor = text, .realtime_usec = realtime_usec, .text = text,
                                                   .size = strlen(text) });
}

/* A reader is behind: what is missing a second time is as long ago as what was missing before, and no less missing. */
static void test_two_gaps_of_long_ago(void) {
        const usec_t then = clock_realtime_usec() - 3600 * USEC_PER_SEC;
        VIEWING(10, false);

        begin(&v);
        tell_gap(&v, then, 0);
        tell_line(&v, "a", then + 100);
        tell_gap(&v, then + 200, then + 300);
        tell_line(&v, "b", then + 300);
        tell_gap(&v, then, then + 100);
        tell_gap(&v, then + 200, then + 300);
        tell_line(&v, "c", then + 400);
        CHECK_GAP(&v, 0);
        CHECK_NEXT(&v, 0, "a");
        CHECK_GAP(&v, 0);
        CHECK_NEXT(&v, 0, "b");
        CHECK_NEXT(&v, 0, "c");
        CHECK_NEXT(&v, 0, NULL);
}

static void check_begun(bool cut) {
        VIEWING(200, false);
        _cleanup_free_ char *path = string_format("%s/system@1.journal", v.journal.directory);
        FixtureEntry entries[100];

        begin(&v);
        for (unsigned i = 0; i < ELEMENTSOF(entries); i++)
                entries[i] = (FixtureEntry){ "x" };
        journal_fixture_append(&v.journal, "system", entries, ELEMENTSOF(entries));
        rotate(&v, "system@1", "last");
        TAP_CHECK_INT(journal_follower_pump(v.follower, 10), 1);
        if (cut)
                TAP_CHECK_INT(truncate(path, 0), 0);
        else
                vacuum(&v, "system@1");
        viewing_pump(&v);
        for (unsigned i = 0; i < 10; i++)
                CHECK_NEXT(&v, 0, "x");
        CHECK_GAP(&v, 0);
        CHECK_VIEW(&v, 0, "last");
}

/* It was seen to be archived, and only part of it was read. Where it is cut the follower finds that out in the middle
 * of it. */
static void test_a_file_that_was_begun(void) {
        check_begun(false);
        TAP_CHECK_INT(journal_memory_catch_faults(), 0);
        check_begun(true);
}

/* Whose lines they were nobody knows. */
static void test_a_log_without_lines(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "system", { "another's", .unit = FIXTURE_OTHER_UNIT });
        viewing_follow(&v);
        JOURNAL_APPEND(&v.journal, "system", { "one" });
        rotate(&v, "system@1", "two");
        rotate(&v, "system@2", "three");
        vacuum(&v, "system@1");
        vacuum(&v, "system@2");
        rotate_to(&v, "system@3", &(FixtureEntry){ "another's", .unit = FIXTURE_OTHER_UNIT });
        vacuum(&v, "system@3");
        viewing_pump(&v);
        viewing_open(&v, 0);
        CHECK_GAP(&v, 0);
        CHECK_NEXT(&v, 0, NULL);
}

/* Rotated and removed behind one another, or at once, or with the follower looking at each of it. */
static void test_what_was_read_goes(void) {
        static const char *const files[] = { "system@1", "system@2", "system@3", "system@4" };

        for (unsigned looks = 0; looks < 4; looks++) {
                VIEWING(10, false);

                begin(&v);
                for (unsigned i = 0; i < ELEMENTSOF(files); i++) {
                        JOURNAL_APPEND(&v.journal, "system", { "more" }, { "another's", .unit = FIXTURE_OTHER_UNIT });
                        viewing_pump(&v);
                        CHECK_VIEW(&v, 0, "more");
                        rotate(&v, files[i], "first");
                        if (looks & 1) {
                                viewing_pump(&v);
                                CHECK_VIEW(&v, 0, "first");
                        }
                        vacuum(&v, files[i]);
                        if (!(looks & 1) || looks & 2)
                                viewing_pump(&v);
                        if (!(looks & 1))
                                CHECK_VIEW(&v, 0, "first");
                        CHECK_NEXT(&v, 0, NULL);
                }
        }
}

/* Nothing was there to be read when another file came. */
static void test_what_was_read_goes_later(void) {
        VIEWING(10, false);

        begin(&v);
        rotate_to(&v, "system@1", &(FixtureEntry){ "nobody's", .unit = "" });
        viewing_pump(&v);
        JOURNAL_APPEND(&v.journal, "other", { "nobody's", .unit = "" });
        viewing_pump(&v);
        vacuum(&v, "system@1");
        viewing_pump(&v);
        CHECK_NEXT(&v, 0, NULL);
}

/* Files are read one after the other, without the end ever being reached. */
static void test_what_was_passed_goes(void) {
        VIEWING(200, false);
        FixtureEntry entries[40];

        begin(&v);
        for (unsigned i = 0; i < ELEMENTSOF(entries); i++)
                entries[i] = (FixtureEntry){ "x" };
        journal_fixture_append(&v.journal, "system", entries, ELEMENTSOF(entries));
        rotate(&v, "system@1", "first");
        journal_fixture_append(&v.journal, "system", entries, ELEMENTSOF(entries));
        TAP_CHECK_INT(journal_follower_pump(v.follower, 50), 1);
        vacuum(&v, "system@1");
        viewing_pump(&v);
        for (unsigned i = 0; i < ELEMENTSOF(entries); i++)
                CHECK_NEXT(&v, 0, "x");
        CHECK_NEXT(&v, 0, "first");
        for (unsigned i = 0; i < ELEMENTSOF(entries); i++)
                CHECK_NEXT(&v, 0, "x");
        CHECK_NEXT(&v, 0, NULL);
}

static const TapTest tests[] = {
        { "an unread file goes", test_an_unread_file_goes },
        { "the seam", test_the_seam },
        { "nothing behind the gap", test_nothing_behind_the_gap },
        { "two gaps of long ago", test_two_gaps_of_long_ago },
        { "a file that was begun", test_a_file_that_was_begun },
        { "what was read goes", test_what_was_read_goes },
        { "a log without lines", test_a_log_without_lines },
        { "what was read goes later", test_what_was_read_goes_later },
        { "what was passed goes", test_what_was_passed_goes },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

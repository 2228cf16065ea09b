/* An entry that journald wrote into a full file, and once more into the next one, is one line to everybody; two equal
 * lines with a rotation between them are two. */
#include "../lib/journal-patch.h"
#include "../lib/viewing.h"

#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include <stdio.h>

usec_t __wrap_clock_realtime_usec(void);

/* The linker puts this clock in the place of the real one. */
static usec_t now_usec;

usec_t __wrap_clock_realtime_usec(void) {
        return now_usec;
}

/* What may not lead to the entry: nothing that anybody looks for; what readers look for, and the follower; both. */
static const char *const values[] = { "_BOOT_ID=", "_TRANSPORT=stdout", "MESSAGE=two",
                                      ("_SYSTEMD_UNIT=" FIXTURE_UNIT), ("_SYSTEMD_SLICE=" TASK_SLICE),
                                      "_STREAM_ID=00000000000000000000000000000001" };

static void append_old(JournalFixture *f) {
        JOURNAL_APPEND(f, "a", { "one", .stream = 1 }, { "two", .stream = 1 });
        now_usec = f->realtime_usec + USEC_PER_SEC / 2;
}

static void append_new(JournalFixture *f) {
        JOURNAL_APPEND(f, "b", { "two", .stream = 1, .at_once = true }, { "three", .stream = 1 });
        journal_patch_continue(f, "a", "b");
}

/* `value` NULL: it fitted, and the same line came once more. */
static void append_double(JournalFixture *f, const char *value) {
        append_old(f);
        if (value)
                journal_patch_unlink(f, "a", value);
        journal_patch_fill(f, "a");
        append_new(f);
}

#define READER(f, sources)                                                                                   \
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;                                             \
        if (!TAP_CHECK_INT(journal_reader_open(&(f)->source, FIXTURE_UNIT, sources, &r), 0))                 \
                return

static void check_rest(JournalReader *r, const char *const *texts, int at) {
        LogLine line;
        int e;

        for (; (e = journal_reader_next(r, &line)) > 0 && *texts; texts++)
                journal_fixture_check_line(&line, *texts, at);
        if (e != 0 || *texts)
                tap_fail(__FILE__, at, "%d \"%.20s\", should be \"%s\"", e, e > 0 ? line.text : "", *texts ?: "none");
}

#define CHECK_REST(r, ...) check_rest(r, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)

/* --- readers --- */

static void check_reading(JournalFixture *f, unsigned sources, bool twice) {
        READER(f, sources);

        if (twice)
                CHECK_REST(r, "one", "two", "two", "three");
        else
                CHECK_REST(r, "one", "two", "three");
}

static void check_backwards(JournalFixture *f, bool twice) {
        READER(f, LOG_SOURCES_ALL);
        uint64_t lines = 10;

        TAP_CHECK_INT(journal_reader_seek_end(r), 0);
        TAP_CHECK_INT(journal_reader_go_back(r, LOG_SOURCES_ALL, "", 100, &lines), 1);
        TAP_CHECK_INT(10 - lines, twice ? 4 : 3);
        lines = 2;
        TAP_CHECK_INT(journal_reader_seek_end(r), 0);
        TAP_CHECK_INT(journal_reader_go_back(r, LOG_SOURCES_ALL, "", 100, &lines), 1);
        CHECK_REST(r, "two", "three");
        lines = 3;
        TAP_CHECK_INT(journal_reader_seek_end(r), 0);
        TAP_CHECK_INT(journal_reader_go_back(r, LOG_SOURCES_ALL, "", 100, &lines), 1);
        if (twice)
                CHECK_REST(r, "two", "two", "three");
        else
                CHECK_REST(r, "one", "two", "three");
}

/* From every line on, and before every line. */
static void check_resuming(JournalFixture *f) {
        static const char *const texts[] = { "one", "two", "three", NULL };
        READER(f, LOG_SOURCES_ALL);

        for (unsigned i = 0; i < 3; i++) {
                char cursor[LOG_LINE_CURSOR_SIZE];
                uint64_t lines = 1;
                LogLine line;

                TAP_CHECK_INT(journal_reader_seek_head(r), 0);
                for (unsigned n = 0; n <= i; n++)
                        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
                snprintf(cursor, sizeof(cursor), "%s", line.cursor);
                TAP_CHECK_INT(journal_reader_seek_after(r, cursor), 1);
                check_rest(r, texts + i + 1, __LINE__);
                TAP_CHECK(journal_reader_seek_before(r, cursor) >= 0);
                TAP_CHECK_INT(journal_reader_go_back(r, LOG_SOURCES_ALL, "", 100, &lines), 1);
                check_rest(r, texts + (i > 0 ? i - 1 : 0), __LINE__);
        }
}

static void check_readers(const char *value) {
        VIEWING(10, false);

        append_double(&v.journal, value);
        check_reading(&v.journal, LOG_SOURCES_ALL, !value);
        check_reading(&v.journal, LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS, !value);
        check_backwards(&v.journal, !value);
        if (value)
                check_resuming(&v.journal);
}

static void test_readers(void) {
        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                check_readers(values[i]);
}

static void test_equal_lines_at_a_rotation(void) {
        check_readers(NULL);
}

/* What a reader's handle does not know of yet, and reads much later. */
static void test_a_rotation_under_a_reader(void) {
        VIEWING(10, false);

        JOURNAL_APPEND(&v.journal, "a", { "one", .stream = 1 });
        now_usec = v.journal.realtime_usec + USEC_PER_SEC / 2;
        {
                READER(&v.journal, LOG_SOURCES_ALL);
                LogLine line;

                if (TAP_CHECK_INT(journal_reader_next(r, &line), 1))
                        CHECK_LINE(&line, "one");
                JOURNAL_APPEND(&v.journal, "a", { "two", .stream = 1 });
                journal_patch_unlink(&v.journal, "a", values[0]);
                journal_patch_fill(&v.journal, "a");
                append_new(&v.journal);
                now_usec = v.journal.realtime_usec + 3600 * USEC_PER_SEC;
                CHECK_REST(r, "two", "three");
        }
}

/* A part of a long line, which is read from amid it, too. */
static void test_a_part_of_a_line(void) {
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                VIEWING(10, false);
                JournalFixture *f = &v.journal;
                uint64_t lines = 1;
                READER(f, LOG_SOURCES_ALL);

                JOURNAL_APPEND(f, "a", { "zero", .stream = 1 }, { "be", .stream = 1, .goes_on = true },
                               { "other", .stream = 2 }, { "two", .stream = 1, .goes_on = true });
                now_usec = f->realtime_usec + USEC_PER_SEC / 2;
                journal_patch_unlink(f, "a", values[i]);
                journal_patch_fill(f, "a");
                JOURNAL_APPEND(f, "b", { "two", .stream = 1, .goes_on = true, .at_once = true },
                               { "end", .stream = 1 });
                journal_patch_continue(f, "a", "b");
                r = journal_reader_free(r);
                TAP_CHECK_INT(journal_reader_open(&f->source, FIXTURE_UNIT, LOG_SOURCES_ALL, &r), 0);
                CHECK_REST(r, "zero", "other", "betwoend");
                TAP_CHECK_INT(journal_reader_seek_end(r), 0);
                TAP_CHECK_INT(journal_reader_go_back(r, LOG_SOURCES_ALL, "", 100, &lines), 1);
                CHECK_REST(r, "betwoend");
        }
}

/* --- while it happens --- */

static void test_follower(void) {
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                VIEWING(10, false);

                viewing_follow(&v);
                viewing_open(&v, 0);
                append_old(&v.journal);
                journal_patch_unlink(&v.journal, "a", values[i]);
                journal_patch_fill(&v.journal, "a");
                viewing_pump(&v);
                CHECK_VIEW(&v, 0, "one");
                viewing_open(&v, 1);
                CHECK_VIEW(&v, 1, "one");
                append_new(&v.journal);
                viewing_pump(&v);
                CHECK_VIEW(&v, 0, "two", "three");
                CHECK_VIEW(&v, 1, "two", "three");
                viewing_open(&v, 2);
                CHECK_VIEW(&v, 2, "one", "two", "three");
        }
}

static void test_equal_lines_live(void) {
        VIEWING(10, false);

        viewing_follow(&v);
        viewing_open(&v, 0);
        append_old(&v.journal);
        journal_patch_fill(&v.journal, "a");
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "one", "two");
        append_new(&v.journal);
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "two", "three");
}

/* The follower begins amid it, with the entry as the journal's last one. */
static void test_a_start_amid_it(void) {
        VIEWING(10, false);

        append_old(&v.journal);
        journal_patch_unlink(&v.journal, "a", values[0]);
        journal_patch_fill(&v.journal, "a");
        viewing_follow(&v);
        viewing_open(&v, 0);
        CHECK_VIEW(&v, 0, "one");
        append_new(&v.journal);
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "two", "three");
        viewing_open(&v, 1);
        CHECK_VIEW(&v, 1, "one", "two", "three");
}

/* journald ended amid it: the entry stays as it is, and is a line. */
static void test_no_second_one_comes(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        append_old(&v.journal);
        journal_patch_unlink(&v.journal, "a", values[0]);
        journal_patch_fill(&v.journal, "a");
        viewing_pump(&v);
        TAP_CHECK(journal_follower_is_waiting(v.follower));
        CHECK_VIEW(&v, 0, "one");
        now_usec += 10 * USEC_PER_SEC;
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "two");
        JOURNAL_APPEND(&v.journal, "b", { "four" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "four");
}

static void test_something_else_comes(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        append_old(&v.journal);
        journal_patch_unlink(&v.journal, "a", values[0]);
        journal_patch_fill(&v.journal, "a");
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "one");
        JOURNAL_APPEND(&v.journal, "b", { "four" });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "two", "four");
}

/* --- damage --- */

static void test_files_that_are_cut(void) {
        VIEWING(10, false);
        _cleanup_free_ char *old = string_format("%s/a.journal", v.journal.directory);

        TAP_CHECK_INT(journal_memory_catch_faults(), 0);
        append_double(&v.journal, values[0]);
        for (off_t size = 512 * 1024; size >= 0; size -= size > 8192 ? 4096 : 64) {
                READER(&v.journal, LOG_SOURCES_ALL);
                LogLine line;
                unsigned n = 0;

                TAP_CHECK_INT(truncate(old, size), 0);
                while (n < 10 && journal_reader_next(r, &line) > 0)
                        n++;
                TAP_CHECK(n >= 2 && n < 10);
        }
}

static const TapTest tests[] = {
        { "readers", test_readers },
        { "equal lines at a rotation", test_equal_lines_at_a_rotation },
        { "a rotation under a reader", test_a_rotation_under_a_reader },
        { "a part of a line", test_a_part_of_a_line },
        { "the follower and who looks on", test_follower },
        { "equal lines, live", test_equal_lines_live },
        { "a start amid it", test_a_start_amid_it },
        { "no second one comes", test_no_second_one_comes },
        { "something else comes", test_something_else_comes },
        { "files that are cut", test_files_that_are_cut },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

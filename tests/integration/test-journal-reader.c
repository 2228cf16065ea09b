/* JournalReader: one task's log out of journals made of text: whole lines, from any place, across files and boots. */
#include "../lib/journal-fixture.h"

#include <remote-developer/strings.h>

#define FIXTURE                                                                                              \
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;                             \
        if (!journal_fixture_init(&f))                                                                       \
                return

#define READER _cleanup_(journal_reader_freep) JournalReader *r = NULL

static bool open_reader(const JournalFixture *f, JournalReader **ret) {
        *ret = journal_reader_free(*ret);
        return TAP_CHECK_INT(journal_reader_open(&f->source, FIXTURE_UNIT, LOG_SOURCES_ALL, ret), 0);
}

/* An entry at a time, as in turns. */
static int seek_tail(JournalReader *r, uint64_t lines) {
        int e = journal_reader_seek_end(r);

        while (e == 0)
                e = journal_reader_go_back(r, LOG_SOURCES_ALL, "", 1, &lines);
        return MIN_OF(e, 0);
}

static void check_next(JournalReader *r, const char *text, int at) {
        LogLine line;
        int e = journal_reader_next(r, &line);

        if (!text && e != 0)
                tap_fail(__FILE__, at, "the next line is %d, \"%.*s\"", e, e > 0 ? (int) line.size : 0, line.text);
        if (text && e != 1)
                tap_fail(__FILE__, at, "there is no line but %d, should be \"%s\"", e, text);
        else if (text)
                journal_fixture_check_line(&line, text, at);
}

/* The lines that come are these, and no more. */
static void check_rest(JournalReader *r, const char *const *texts, int at) {
        for (; *texts; texts++)
                check_next(r, *texts, at);
        check_next(r, NULL, at);
}

#define CHECK_NEXT(r, text) check_next(r, text, __LINE__)
#define CHECK_REST(r, ...) check_rest(r, (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }, __LINE__)

static void test_lines_of_one_unit(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "one" }, { "another's", .unit = FIXTURE_OTHER_UNIT }, { "" }, { NULL },
                       { "nobody's", .unit = "" }, { " two " }, { "longer", .unit = FIXTURE_UNIT "x" },
                       { "about it", .unit = "", .fields = "UNIT=" FIXTURE_UNIT "\n" },
                       { "the service's own", .unit = "", .fields = "OBJECT_SYSTEMD_UNIT=" FIXTURE_UNIT "\n" },
                       { "the same", .unit = "", .fields = "OBJECT_SYSTEMD_USER_UNIT=" FIXTURE_UNIT "\n" },
                       { "three" });
        if (!open_reader(&f, &r))
                return;
        CHECK_REST(r, "one", "", " two ", "three");
        CHECK_NEXT(r, NULL);
}

static void test_what_a_line_tells(void) {
        FIXTURE;
        READER;
        LogLine line;
        usec_t begin = f.realtime_usec;

        JOURNAL_APPEND(&f, "a", { "plain" }, { "error", .fields = "PRIORITY=3\n" },
                       { "odd", .fields = "PRIORITY=x\n" }, { "debug", .fields = "PRIORITY=7\n" },
                       { "none", .fields = "PRIORITY=8\n" });
        if (!open_reader(&f, &r))
                return;
        for (unsigned i = 0; i < 5; i++) {
                static const int priorities[] = { 6, 3, 6, 7, 6 };

                TAP_CHECK_INT(journal_reader_next(r, &line), 1);
                TAP_CHECK_INT(line.priority, priorities[i]);
                TAP_CHECK_INT(line.realtime_usec, begin + (i + 1) * USEC_PER_MSEC);
                TAP_CHECK(string_has_prefix(line.cursor, "s="));
                TAP_CHECK_STRING(journal_reader_cursor(r), line.cursor);
        }
}

static void test_any_byte(void) {
        FIXTURE;
        READER;
        char bytes[256];
        LogLine line;

        for (unsigned i = 0; i < sizeof(bytes); i++)
                bytes[i] = (char) i;
        JOURNAL_APPEND(&f, "a", { bytes, sizeof(bytes) }, { "\xff\xfe", 2 }, { "\0", 1 });
        if (!open_reader(&f, &r))
                return;
        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        TAP_CHECK(line.size == sizeof(bytes) && memcmp(line.text, bytes, sizeof(bytes)) == 0);
        CHECK_NEXT(r, "\xff\xfe");
        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        TAP_CHECK(line.size == 1 && line.text[0] == 0);
}

/* --- long lines --- */

static void test_long_lines_are_joined(void) {
        FIXTURE;
        READER;
        LogLine line;

        JOURNAL_APPEND(&f, "a", { "before" }, { "a", .goes_on = true }, { "b\0c", 3, .goes_on = true },
                       { "", .goes_on = true }, { "d" }, { "behind" }, { "e", .goes_on = true }, { "" }, { "last" });
        if (!open_reader(&f, &r))
                return;
        CHECK_NEXT(r, "before");
        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        TAP_CHECK(line.size == 5 && memcmp(line.text, "ab\0cd", 5) == 0);
        CHECK_REST(r, "behind", "e", "last");
}

/* A program's own lines, its child's and a step's: each stream has its own. */
static void test_streams_are_not_mixed(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "a1", .stream = 1, .goes_on = true }, { "whole", .stream = 2 },
                       { "b1", .stream = 2, .goes_on = true }, { "theirs", .unit = FIXTURE_OTHER_UNIT, .stream = 3 },
                       { "a2", .stream = 1, .goes_on = true }, { "b2", .stream = 2 }, { "a3", .stream = 1 },
                       { "c", .stream = 1 });
        if (!open_reader(&f, &r))
                return;
        CHECK_REST(r, "whole", "b1b2", "a1a2a3", "c");
}

#define END "\xe2\x80\x8b"
#define GOES_ON "\xe2\x81\xa0"
#define ERROR_END "\xe2\x80\x8c"
#define ERROR_GOES_ON "\xe2\x81\xa3"

/* What the relay leaves at the end of lines; within a text it is text. stdout and stderr share a stream. */
static void test_marks_are_taken_off(void) {
        static const struct {
                const char *text;
                LogSource source;
        } wanted[] = {
                { "", LOG_SOURCE_STDOUT },         { "blank ", LOG_SOURCE_STDOUT }, { "error", LOG_SOURCE_STDERR },
                { "one two", LOG_SOURCE_STDERR },  { "a  b", LOG_SOURCE_STDOUT },   { "x" END "y", LOG_SOURCE_STDOUT },
                { "end" END, LOG_SOURCE_STDOUT }, { "cut here", LOG_SOURCE_STDERR },
        };
        FIXTURE;
        READER;
        LogLine line;

        JOURNAL_APPEND(&f, "a", { END }, { "blank " END }, { "a " GOES_ON }, { "error" ERROR_END },
                       { "one " ERROR_GOES_ON }, { "two" ERROR_END }, { " b" }, { "x" END "y" }, { "end" END END },
                       { "cut " ERROR_GOES_ON }, { "here" ERROR_END });
        if (!open_reader(&f, &r))
                return;
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                if (!TAP_CHECK_INT(journal_reader_next(r, &line), 1))
                        return;
                CHECK_LINE(&line, wanted[i].text);
                TAP_CHECK_INT(line.source, wanted[i].source);
        }
        CHECK_NEXT(r, NULL);
}

/* A program that writes just as much as journald takes for a line, and ends. */
static void test_a_line_that_never_ends(void) {
        FIXTURE;
        READER;
        LogLine line;

        JOURNAL_APPEND(&f, "a", { "one" }, { "a", .goes_on = true }, { "b", .goes_on = true });
        if (!open_reader(&f, &r))
                return;
        CHECK_REST(r, "one");
        TAP_CHECK_INT(journal_reader_flush(r, &line), 1);
        CHECK_LINE(&line, "ab");
        TAP_CHECK_INT(journal_reader_flush(r, &line), 0);
        JOURNAL_APPEND(&f, "a", { "two", .stream = 1 });
        CHECK_REST(r, "two");
}

static void test_a_line_that_ends_later(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "a", .goes_on = true });
        if (!open_reader(&f, &r))
                return;
        CHECK_NEXT(r, NULL);
        JOURNAL_APPEND(&f, "a", { "b" });
        CHECK_REST(r, "ab");
}

/* What a seek leaves behind does not come back. */
static void test_seeking_within_a_line(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "one" }, { "two" }, { "a", .goes_on = true });
        if (!open_reader(&f, &r))
                return;
        CHECK_REST(r, "one", "two");
        TAP_CHECK_INT(journal_reader_seek_head(r), 0);
        JOURNAL_APPEND(&f, "a", { "b" });
        CHECK_REST(r, "one", "two", "ab");
        TAP_CHECK_INT(seek_tail(r, 1), 0);
        CHECK_REST(r, "ab");
}

static void test_the_longest_lines(void) {
        enum { PART = 48 * 1024, PARTS = 350 };
        FIXTURE;
        READER;
        _cleanup_free_ FixtureEntry *entries = calloc(PARTS + 1, sizeof(FixtureEntry));
        _cleanup_free_ char *text = calloc(PART + 1, 1);
        size_t total = 0, pieces = 0;
        LogLine line;

        memset(text, 'x', PART);
        for (unsigned i = 0; i <= PARTS; i++)
                entries[i] = (FixtureEntry){ text, PART, .goes_on = i < PARTS };
        journal_fixture_append(&f, "a", entries, PARTS + 1);
        if (!open_reader(&f, &r))
                return;
        while (journal_reader_next(r, &line) > 0) {
                total += line.size;
                pieces++;
                TAP_CHECK(line.size < JOURNAL_LINE_MAX + PART);
        }
        TAP_CHECK_INT(total, (size_t) PART * (PARTS + 1));
        TAP_CHECK_INT(pieces, 2);
}

/* --- places --- */

static const FixtureEntry rich[] = {
        { "one" }, { "two" }, { "theirs", .unit = FIXTURE_OTHER_UNIT }, { "th", .goes_on = true }, { "ree" },
        { "" }, { NULL }, { "five" }, { "s", .goes_on = true }, { "i", .goes_on = true }, { "x" },
};
static const char *const rich_lines[] = { "one", "two", "three", "", "five", "six", NULL };

enum { RICH = ELEMENTSOF(rich_lines) - 1 };

/* The same six lines again: over files, and over boots. */
static void append_rich(JournalFixture *f, unsigned kind) {
        if (kind == 0) {
                journal_fixture_append(f, "a", rich, ELEMENTSOF(rich));
                return;
        }
        /* A rotation falls also into the middle of a line. */
        journal_fixture_append(f, "a", rich, 4);
        if (kind == 2)
                journal_fixture_reboot(f);
        journal_fixture_append(f, "b", rich + 4, 5);
        journal_fixture_append(f, "c", rich + 9, ELEMENTSOF(rich) - 9);
}

static void check_every_cursor(const JournalFixture *f) {
        READER;
        char cursors[RICH][LOG_LINE_CURSOR_SIZE];
        LogLine line;

        if (!open_reader(f, &r))
                return;
        for (unsigned i = 0; i < RICH; i++) {
                TAP_CHECK_INT(journal_reader_next(r, &line), 1);
                CHECK_LINE(&line, rich_lines[i]);
                snprintf(cursors[i], sizeof(cursors[i]), "%s", line.cursor);
        }
        CHECK_NEXT(r, NULL);
        for (unsigned i = 0; i < RICH; i++) {
                if (!open_reader(f, &r))
                        return;
                TAP_CHECK_INT(journal_reader_seek_after(r, cursors[i]), 1);
                TAP_CHECK_STRING(journal_reader_cursor(r), cursors[i]);
                check_rest(r, rich_lines + i + 1, __LINE__);
                /* And again with the same handle. */
                TAP_CHECK_INT(journal_reader_seek_after(r, cursors[i]), 1);
                check_rest(r, rich_lines + i + 1, __LINE__);
        }
}

static void check_every_tail(const JournalFixture *f) {
        READER;

        for (unsigned n = 0; n <= RICH + 2; n++) {
                if (!open_reader(f, &r))
                        return;
                TAP_CHECK_INT(seek_tail(r, n), 0);
                check_rest(r, rich_lines + RICH - MIN_OF(n, (unsigned) RICH), __LINE__);
        }
        TAP_CHECK_INT(seek_tail(r, UINT64_MAX), 0);
        check_rest(r, rich_lines, __LINE__);
        TAP_CHECK_INT(journal_reader_seek_head(r), 0);
        check_rest(r, rich_lines, __LINE__);
}

static void test_places_in_one_file(void) {
        FIXTURE;

        append_rich(&f, 0);
        check_every_cursor(&f);
        check_every_tail(&f);
}

static void test_places_in_several_files(void) {
        FIXTURE;

        append_rich(&f, 1);
        check_every_cursor(&f);
        check_every_tail(&f);
}

static void test_places_in_several_boots(void) {
        FIXTURE;

        append_rich(&f, 2);
        check_every_cursor(&f);
        check_every_tail(&f);
}

/* A tail of an open line begins before it. */
static void test_tail_of_an_open_line(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "one" }, { "a", .goes_on = true }, { "b", .goes_on = true });
        if (!open_reader(&f, &r))
                return;
        TAP_CHECK_INT(seek_tail(r, 0), 0);
        CHECK_NEXT(r, NULL);
        JOURNAL_APPEND(&f, "a", { "c" });
        CHECK_REST(r, "abc");
}

static void test_tail_of_nothing(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "theirs", .unit = FIXTURE_OTHER_UNIT });
        if (!open_reader(&f, &r))
                return;
        TAP_CHECK_INT(seek_tail(r, 5), 0);
        TAP_CHECK_STRING(journal_reader_cursor(r), "");
        CHECK_NEXT(r, NULL);
        JOURNAL_APPEND(&f, "a", { "first" });
        CHECK_REST(r, "first");
}

static void test_cursor_of_what_was_vacuumed(void) {
        FIXTURE;
        READER;
        LogLine line;
        char first[LOG_LINE_CURSOR_SIZE];

        JOURNAL_APPEND(&f, "a", { "one" }, { "two" });
        JOURNAL_APPEND(&f, "b", { "three" }, { "four" });
        if (!open_reader(&f, &r))
                return;
        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        snprintf(first, sizeof(first), "%s", line.cursor);
        journal_fixture_remove(&f, "a");
        if (!open_reader(&f, &r))
                return;
        TAP_CHECK_INT(journal_reader_seek_after(r, first), 0);
        CHECK_REST(r, "three", "four");
        /* It stands on an entry now; the next seek forgets that. */
        TAP_CHECK_INT(journal_reader_seek_after(r, first), 0);
        TAP_CHECK_INT(journal_reader_seek_head(r), 0);
        CHECK_REST(r, "three", "four");
        TAP_CHECK_INT(journal_reader_seek_after(r, first), 0);
        TAP_CHECK_INT(seek_tail(r, 1), 0);
        CHECK_REST(r, "four");
        journal_fixture_remove(&f, "b");
        if (!open_reader(&f, &r))
                return;
        TAP_CHECK_INT(journal_reader_seek_after(r, first), 0);
        CHECK_NEXT(r, NULL);
}

static void test_what_is_no_cursor(void) {
        static const char *const texts[] = { "", "x", "s=1", "i=zz", "s=739ad463348b4ceca5a9e69c95a3c93f;i=-", ";;;" };
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "one" });
        if (!open_reader(&f, &r))
                return;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                TAP_CHECK_INT(journal_reader_seek_after(r, texts[i]), -EINVAL);
        TAP_CHECK_INT(journal_reader_seek_head(r), 0);
        CHECK_REST(r, "one");
}

/* --- growing --- */

static void test_reading_while_it_grows(void) {
        FIXTURE;
        READER;

        JOURNAL_APPEND(&f, "a", { "one" });
        if (!open_reader(&f, &r))
                return;
        CHECK_REST(r, "one");
        for (unsigned i = 0; i < 5; i++) {
                JOURNAL_APPEND(&f, "a", { "more" }, { "theirs", .unit = FIXTURE_OTHER_UNIT });
                CHECK_REST(r, "more");
        }
        /* Of a rotation only a new handle knows. */
        JOURNAL_APPEND(&f, "b", { "new" });
        if (open_reader(&f, &r))
                CHECK_REST(r, "one", "more", "more", "more", "more", "more", "new");
}

static void test_nothing_yet(void) {
        FIXTURE;
        READER;
        JournalSource nowhere = { RUNTIME_SCOPE_SYSTEM, scratch_path(&f.scratch, "nowhere") };
        JournalReader *none = NULL;

        TAP_CHECK_INT(journal_reader_open(&nowhere, FIXTURE_UNIT, LOG_SOURCES_ALL, &none), -ENOENT);
        TAP_CHECK(!none && !journal_reader_free(NULL));
        TAP_CHECK(!journal_reader_source_is_readable(&f.source));
        if (!open_reader(&f, &r))
                return;
        CHECK_NEXT(r, NULL);
        JOURNAL_APPEND(&f, "a", { "one" });
        TAP_CHECK(journal_reader_source_is_readable(&f.source));
        TAP_CHECK(!journal_reader_source_is_readable(&nowhere));
        if (open_reader(&f, &r))
                CHECK_REST(r, "one");
}

/* Pages of the journal are let go every so often, also in the middle of a line. */
static void test_many_lines(void) {
        enum { N = 41000 };
        FIXTURE;
        READER;
        _cleanup_free_ FixtureEntry *entries = calloc(N, sizeof(FixtureEntry));
        _cleanup_free_ char *texts = calloc(N, 16);
        LogLine line;
        unsigned n = 0;

        for (unsigned i = 0; i < N; i++) {
                snprintf(texts + 16 * i, 16, "line %u", i);
                entries[i] = (FixtureEntry){ texts + 16 * i, .goes_on = i % 20000 > 19990 };
        }
        journal_fixture_append(&f, "a", entries, N);
        if (!open_reader(&f, &r))
                return;
        for (unsigned i = 0; i < N; n++) {
                _cleanup_(buffer_done) Buffer should = BUFFER_NULL;
                bool goes_on;

                do {
                        goes_on = entries[i].goes_on;
                        TAP_CHECK_INT(buffer_append_string(&should, entries[i++].text), 0);
                } while (goes_on);
                if (!TAP_CHECK_INT(journal_reader_next(r, &line), 1))
                        return;
                if (line.size != should.size || memcmp(line.text, should.data, line.size) != 0)
                        tap_fail(__FILE__, __LINE__, "line %u is \"%.*s\"", n, (int) MIN_OF(line.size, (size_t) 60),
                                 line.text);
        }
        CHECK_NEXT(r, NULL);
}

static const TapTest tests[] = {
        { "the lines of one unit", test_lines_of_one_unit },
        { "what a line tells", test_what_a_line_tells },
        { "any byte", test_any_byte },
        { "long lines are joined", test_long_lines_are_joined },
        { "streams are not mixed", test_streams_are_not_mixed },
        { "marks are taken off", test_marks_are_taken_off },
        { "a line that never ends", test_a_line_that_never_ends },
        { "a line that ends later", test_a_line_that_ends_later },
        { "seeking within a line", test_seeking_within_a_line },
        { "the longest lines", test_the_longest_lines },
        { "every place in one file", test_places_in_one_file },
        { "every place in several files", test_places_in_several_files },
        { "every place in several boots", test_places_in_several_boots },
        { "the tail of an open line", test_tail_of_an_open_line },
        { "the tail of nothing", test_tail_of_nothing },
        { "the cursor of what was vacuumed", test_cursor_of_what_was_vacuumed },
        { "what is no cursor", test_what_is_no_cursor },
        { "reading while it grows", test_reading_while_it_grows },
        { "nothing yet", test_nothing_yet },
        { "many lines", test_many_lines },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

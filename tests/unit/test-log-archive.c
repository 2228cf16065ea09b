/* LogArchive: what was written is read again byte for byte, from wherever. */
#include "../lib/archive-fixture.h"

#include <remote-developer/journal-reader.h>
#include <remote-developer/strings.h>

/* Enough for several frames, with lines of different lengths. */
#define MANY 20000

/* --- round trips --- */

#define TEXT(s) { s, sizeof(s) - 1 }

static const struct {
        const char *text;
        size_t size;
} texts[] = {
        TEXT(""), TEXT("plain"), TEXT(" "), TEXT("\""), TEXT("\\"), TEXT("\\u001b"), TEXT("\"}\n"), TEXT("\n"),
        TEXT("tab\tand\rreturn\n"), TEXT("\x1b[31mred\x1b[0m"), TEXT("\0"), TEXT("a\0b\0"), TEXT("\x01\x7f"),
        TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), TEXT("\xff"), TEXT("a\xff"), TEXT("\xc3"), TEXT("\xe2\x82"),
        TEXT("\x80\x0a\x64\xff\x00"), TEXT("\xed\xa0\x80"), TEXT("{\"lines\":3}"), TEXT("]"), TEXT("[1,2]"),
};

static void test_every_text_comes_back(void) {
        IN_BOTH_FORMS(f) {
                bool good = fixture_begin(&f);

                for (unsigned i = 0; good && i < ELEMENTSOF(texts); i++)
                        good = fixture_append(&f, i, texts[i].text, texts[i].size);
                if (!good || !fixture_finish(&f) || !TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                TAP_CHECK_INT(log_archive_reader_lines(f.reader), ELEMENTSOF(texts));
                for (unsigned i = 0; i < ELEMENTSOF(texts); i++)
                        if (!fixture_check_next(&f, i, texts[i].text, texts[i].size))
                                printf("# row %u, %s\n", i, f.compress ? "compressed" : "plain");
                fixture_check_end(&f);
        }
}

static uint32_t next_random(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static size_t random_text(uint32_t *seed, char *text, size_t max) {
        size_t size = next_random(seed) % max;
        uint32_t kind = next_random(seed) % 3;

        for (size_t i = 0; i < size; i++)
                text[i] = (char) (kind == 0 ? next_random(seed) : kind == 1 ? ' ' + next_random(seed) % 64 : 'a');
        return size;
}

static void test_random_bytes_come_back(void) {
        static char text[3000];

        IN_BOTH_FORMS(f) {
                uint32_t seed = 1;

                if (!fixture_begin(&f))
                        return;
                for (unsigned i = 0; i < 3000; i++)
                        fixture_append(&f, i, text, random_text(&seed, text, sizeof(text)));
                if (!fixture_finish(&f) || !TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                seed = 1;
                for (unsigned i = 0; i < 3000; i++)
                        if (!fixture_check_next(&f, i, text, random_text(&seed, text, sizeof(text))))
                                break;
                fixture_check_end(&f);
        }
}

static void test_lines_of_16_mib_come_back(void) {
        static const unsigned char bytes[] = { 'a', 0x1b, 0xff };
        _cleanup_free_ char *text = malloc(JOURNAL_LINE_MAX);

        if (!TAP_CHECK(text))
                return;
        IN_BOTH_FORMS(f) {
                if (!fixture_begin(&f))
                        return;
                for (unsigned i = 0; i < ELEMENTSOF(bytes); i++) {
                        memset(text, bytes[i], JOURNAL_LINE_MAX);
                        fixture_append(&f, 2 * i, text, JOURNAL_LINE_MAX);
                        fixture_append(&f, 2 * i + 1, "short", 5);
                }
                if (!fixture_finish(&f) || !TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                for (unsigned i = 0; i < ELEMENTSOF(bytes); i++) {
                        memset(text, bytes[i], JOURNAL_LINE_MAX);
                        fixture_check_next(&f, 2 * i, text, JOURNAL_LINE_MAX);
                        fixture_check_next(&f, 2 * i + 1, "short", 5);
                }
                fixture_check_end(&f);
                TAP_CHECK_INT(log_archive_reader_seek_tail(f.reader, 2), 0);
                fixture_check_next(&f, 4, text, JOURNAL_LINE_MAX);
        }
}

/* A few bytes of the file that stand for more than may be in memory: three hundred megabytes in one frame's reach. */
static void test_what_compresses_well_is_read_piece_by_piece(void) {
        const unsigned n = 20;
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};
        _cleanup_free_ char *text = malloc(JOURNAL_LINE_MAX);
        struct stat st;

        if (!TAP_CHECK(text) || !archive_fixture_init(&f, true) || !fixture_begin(&f))
                return;
        memset(text, 'a', JOURNAL_LINE_MAX);
        for (unsigned i = 0; i < n; i++)
                fixture_append(&f, i, text, JOURNAL_LINE_MAX);
        if (!fixture_finish(&f) || !TAP_CHECK_INT(fixture_open(&f), 0))
                return;
        TAP_CHECK_INT(stat(scratch_path(&f.scratch, STEM ".log.zst"), &st), 0);
        TAP_CHECK(st.st_size < 64 * 1024);
        for (unsigned i = 0; i < n; i++)
                fixture_check_next(&f, i, text, JOURNAL_LINE_MAX);
        fixture_check_end(&f);
}

static void test_an_archive_of_nothing(void) {
        IN_BOTH_FORMS(f) {
                if (!fixture_begin(&f) || !fixture_finish(&f) || !TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                TAP_CHECK_INT(log_archive_reader_lines(f.reader), 0);
                fixture_check_end(&f);
                TAP_CHECK_INT(log_archive_reader_seek_tail(f.reader, 5), 0);
                fixture_check_end(&f);
                TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, fixture_cursor(1)), -ENOENT);
        }
}

/* --- places --- */

static void test_seeking_behind_each_line(void) {
        IN_BOTH_FORMS(f) {
                /* All of them where that is cheap. */
                const unsigned step = f.compress ? 13 : 499;

                if (!fixture_write(&f, MANY) || !TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                for (unsigned i = 0; i < MANY - 1; i += step)
                        if (!TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, fixture_cursor(i)), 0) ||
                            !fixture_check_line(&f, i + 1))
                                return;
                TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, fixture_cursor(MANY - 1)), 0);
                fixture_check_end(&f);
                TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, fixture_cursor(MANY)), -ENOENT);
                TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, ""), -ENOENT);
                TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, "s=f40b1ea5"), -ENOENT);
                TAP_CHECK_INT(log_archive_reader_seek_head(f.reader), 0);
                for (unsigned i = 0; i < MANY && fixture_check_line(&f, i); i++)
                        ;
                fixture_check_end(&f);
        }
}

/* Most of a frame's lines have a check that other cursors have as well. */
static void test_cursors_with_the_same_check(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};

        if (!archive_fixture_init(&f, true) || !fixture_write(&f, MANY) || !TAP_CHECK_INT(fixture_open(&f), 0))
                return;
        for (unsigned i = MANY; i < MANY + 3000; i++)
                if (!TAP_CHECK_INT(log_archive_reader_seek_after(f.reader, fixture_cursor(i)), -ENOENT))
                        return;
}

static void test_seeking_the_last_lines(void) {
        static const unsigned tails[] = { 0, 1, 2, 100, 1000, 1001, 1499, 5000, 12345, MANY - 1, MANY, MANY + 1 };

        IN_BOTH_FORMS(f) {
                if (!fixture_write(&f, MANY) || !TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                for (unsigned t = 0; t < ELEMENTSOF(tails); t++) {
                        TAP_CHECK_INT(log_archive_reader_seek_tail(f.reader, tails[t]), 0);
                        for (unsigned i = MANY - MIN_OF(tails[t], (unsigned) MANY);
                                        i < MANY && fixture_check_line(&f, i); i++)
                                ;
                        fixture_check_end(&f);
                }
                TAP_CHECK_INT(log_archive_reader_seek_tail(f.reader, UINT64_MAX), 0);
                fixture_check_line(&f, 0);
        }
}

/* Each number of last lines where frames end within the log. */
static void test_last_lines_at_the_edges_of_frames(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};

        if (!archive_fixture_init(&f, true) || !fixture_write(&f, 5000) || !TAP_CHECK_INT(fixture_open(&f), 0))
                return;
        for (unsigned t = 1; t <= 5000; t++)
                if (!TAP_CHECK_INT(log_archive_reader_seek_tail(f.reader, t), 0) || !fixture_check_line(&f, 5000 - t))
                        return;
}

static const TapTest tests[] = {
        { "every text comes back", test_every_text_comes_back },
        { "random bytes come back", test_random_bytes_come_back },
        { "lines of 16 MiB come back", test_lines_of_16_mib_come_back },
        { "what compresses well is read piece by piece", test_what_compresses_well_is_read_piece_by_piece },
        { "an archive of nothing", test_an_archive_of_nothing },
        { "seeking behind each line", test_seeking_behind_each_line },
        { "cursors with the same check", test_cursors_with_the_same_check },
        { "seeking the last lines", test_seeking_the_last_lines },
        { "last lines at the edges of frames", test_last_lines_at_the_edges_of_frames },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

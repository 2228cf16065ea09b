/* LogArchive: what is not whole is said to be so, and a new archive is there whole or not at all. */
#include "../lib/archive-fixture.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <sys/resource.h>

/* --- what is not whole --- */

static const char *file_of(const ArchiveFixture *f) {
        return scratch_path(&f->scratch, f->compress ? STEM ".log.zst" : STEM ".log");
}

static off_t size_of(const ArchiveFixture *f) {
        struct stat st;

        return TAP_CHECK_INT(stat(file_of(f), &st), 0) ? st.st_size : 0;
}

static void test_a_cut_file_is_noticed_wherever_it_is_cut(void) {
        IN_BOTH_FORMS(f) {
                off_t size;

                if (!fixture_write(&f, 40))
                        return;
                size = size_of(&f);
                while (size-- > 0)
                        if (!TAP_CHECK_INT(truncate(file_of(&f), size), 0) ||
                                        !TAP_CHECK_INT(fixture_open(&f), -EBADMSG))
                                return;
        }
}

/* Between two frames, where each of them is whole. */
static void test_a_file_cut_between_frames_is_noticed(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};
        off_t size, end = 32;

        if (!archive_fixture_init(&f, true) || !fixture_write(&f, 5000))
                return;
        size = size_of(&f) - end;
        TAP_CHECK_INT(truncate(file_of(&f), size), 0);
        TAP_CHECK_INT(fixture_open(&f), -EBADMSG);
}

/* 1: as written; 0: an error was told; -1: something else came back. */
static int read_all(ArchiveFixture *f, unsigned n) {
        char text[256];
        LogLine line;
        int r = 0;

        if (fixture_open(f) < 0)
                return 0;
        for (unsigned i = 0; i < n; i++) {
                LogLine should;

                r = log_archive_reader_next(f->reader, &line);
                if (r < 0)
                        return 0;
                should = fixture_line(i, text, fixture_text(i, text));
                if (r == 0 || !fixture_lines_equal(&line, &should))
                        return -1;
        }
        r = log_archive_reader_next(f->reader, &line);
        return r == 0 ? 1 : r < 0 ? 0 : -1;
}

static void flip(const ArchiveFixture *f, off_t place) {
        int fd = open(file_of(f), O_RDWR | O_CLOEXEC);
        unsigned char c = 0;

        TAP_CHECK_INT(pread(fd, &c, 1, place), 1);
        c ^= 0x10;
        TAP_CHECK_INT(pwrite(fd, &c, 1, place), 1);
        close(fd);
}

static void test_a_damaged_byte_never_gives_other_lines(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};
        unsigned noticed = 0;
        off_t size;

        if (!archive_fixture_init(&f, true) || !fixture_write(&f, 60))
                return;
        size = size_of(&f);
        for (off_t i = 0; i < size; i++) {
                int r;

                flip(&f, i);
                r = read_all(&f, 60);
                noticed += r == 0;
                flip(&f, i);
                if (!TAP_CHECK(r >= 0))
                        return;
        }
        /* What is left are the checks of the index and where it says to be. */
        TAP_CHECK(noticed > (unsigned) size / 2);
        TAP_CHECK_INT(read_all(&f, 60), 1);
}

static void put_file(const ArchiveFixture *f, const char *name, const char *text) {
        FILE *to = fopen(scratch_path(&f->scratch, name), "we");

        if (!TAP_CHECK(to))
                return;
        fputs(text, to);
        TAP_CHECK_INT(fclose(to), 0);
}

#define HEAD "{\"cursor\":\"s\",\"time\":\"2026-11-22T12:30:29.123456Z\",\"priority\":6,\"text\":"

static const char *const wrong_rows[] = {
        "",
        "x",
        "{}",
        "{\"cursor\":\"s\"}",
        HEAD "}",
        HEAD "\"a}",
        HEAD "\"a\"",
        HEAD "\"a\"}}",
        HEAD "\"\\",
        HEAD "\"\\u00",
        HEAD "\"\\u00e4\"}",
        HEAD "\"\\u0g00\"}",
        HEAD "\"\\x\"}",
        HEAD "[]}",
        HEAD "[1",
        HEAD "[1,]}",
        HEAD "[256]}",
        HEAD "[1111]}",
        HEAD "[-1]}",
        HEAD "null}",
        "{\"cursor\":\"s\",\"time\":\"today\",\"priority\":6,\"text\":\"\"}",
        "{\"cursor\":\"s\",\"time\":\"2026-11-22T12:30:29Z\",\"priority\":8,\"text\":\"\"}",
        "{\"cursor\":\"s\",\"time\":\"2026-11-22T12:30:29Z\",\"priority\":,\"text\":\"\"}",
        "{\"cursor\":\"s",
        "{\"cursor\":\"s\",\"time\":\"",
};

static void test_rows_that_are_none(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};
        LogLine line;

        if (!archive_fixture_init(&f, false))
                return;
        for (size_t i = 0; i < ELEMENTSOF(wrong_rows); i++) {
                _cleanup_free_ char *text = string_format("%s\n{\"lines\":1}\n", wrong_rows[i]);

                put_file(&f, STEM ".log", text);
                if (!TAP_CHECK_INT(fixture_open(&f), 0) ||
                    !TAP_CHECK_INT(log_archive_reader_next(f.reader, &line), -EBADMSG))
                        printf("# row %zu: %s\n", i, wrong_rows[i]);
        }
        put_file(&f, STEM ".log", HEAD "\"good\"}\n{\"lines\":1}\n");
        TAP_CHECK_INT(fixture_open(&f), 0);
        TAP_CHECK_INT(log_archive_reader_next(f.reader, &line), 1);
}

static void test_ends_that_are_none(void) {
        static const char *const ends[] = { "{\"lines\":}\n", "{\"lines\":1}", "{\"lines\":x}\n", "{\"lines\":1} \n",
                                            "{\"lines\":111111111111111111111111}\n", "\n", "{\"lines\":1}\n\n" };
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};

        if (!archive_fixture_init(&f, false))
                return;
        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                _cleanup_free_ char *text = string_format(HEAD "\"a\"}\n%s", ends[i]);

                put_file(&f, STEM ".log", text);
                if (!TAP_CHECK_INT(fixture_open(&f), -EBADMSG))
                        printf("# %s\n", ends[i]);
        }
}

static void test_a_cursor_that_no_journal_has_is_refused(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};
        LogLine line = { .cursor = "s=\"", .text = "", .size = 0 };

        if (!archive_fixture_init(&f, false) || !fixture_begin(&f))
                return;
        TAP_CHECK_INT(log_archive_writer_append(f.writer, &line), -EINVAL);
}

/* --- files --- */

static void test_nothing_is_there_before_the_end(void) {
        IN_BOTH_FORMS(f) {
                TAP_CHECK_INT(fixture_open(&f), -ENOENT);
                if (!fixture_begin(&f) || !fixture_append(&f, 1, "text", 4))
                        return;
                TAP_CHECK_INT(fixture_open(&f), -ENOENT);
                TAP_CHECK_INT(scratch_count(&f.scratch), 1);
                f.writer = log_archive_writer_free(f.writer);
                TAP_CHECK_INT(scratch_count(&f.scratch), 0);
        }
}

static void test_a_new_archive_takes_the_place_of_either_form(void) {
        for (int before = 0; before < 2; before++)
                IN_BOTH_FORMS(f) {
                        bool form = f.compress;

                        f.compress = before;
                        if (!fixture_write(&f, 10))
                                return;
                        f.compress = form;
                        if (!fixture_write(&f, 20) || !TAP_CHECK_INT(fixture_open(&f), 0))
                                return;
                        TAP_CHECK_INT(log_archive_reader_lines(f.reader), 20);
                        TAP_CHECK_INT(scratch_count(&f.scratch), 1);
                        TAP_CHECK_INT(log_archive_remove(f.scratch.fd, STEM), 0);
                        TAP_CHECK_INT(log_archive_remove(f.scratch.fd, STEM), 0);
                        TAP_CHECK_INT(scratch_count(&f.scratch), 0);
                }
}

/* The moment between the two steps of that. */
static void test_of_two_forms_the_longer_counts(void) {
        for (int longer = 0; longer < 2; longer++) {
                _cleanup_(archive_fixture_done) ArchiveFixture f = {};
                _cleanup_free_ char *kept = NULL;

                if (!archive_fixture_init(&f, !longer) || !fixture_write(&f, 10))
                        return;
                kept = strdup(scratch_path(&f.scratch, "kept"));
                TAP_CHECK_INT(rename(file_of(&f), kept), 0);
                f.compress = longer;
                if (!fixture_write(&f, 20))
                        return;
                f.compress = !longer;
                TAP_CHECK_INT(rename(kept, file_of(&f)), 0);
                if (!TAP_CHECK_INT(fixture_open(&f), 0))
                        return;
                TAP_CHECK_INT(log_archive_reader_lines(f.reader), 20);
                fixture_check_line(&f, 0);
                /* Where one of them is cut the other one is left. */
                f.compress = longer;
                TAP_CHECK_INT(truncate(file_of(&f), 100), 0);
                TAP_CHECK_INT(fixture_open(&f), 0);
                TAP_CHECK_INT(log_archive_reader_lines(f.reader), 10);
        }
}

static void limit_files(rlim_t size) {
        struct rlimit limit;

        signal(SIGXFSZ, SIG_IGN);
        TAP_CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
        TAP_CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Wherever the disk becomes full, the old archive stays and nothing else. */
static void test_a_full_disk_leaves_the_old_archive(void) {
        IN_BOTH_FORMS(f) {
                char text[256];
                off_t size;

                if (!fixture_write(&f, 300))
                        return;
                size = size_of(&f);
                for (off_t room = 0; room < size; room += 97) {
                        int r = fixture_begin(&f) ? 0 : -1;

                        limit_files((rlim_t) room);
                        for (unsigned i = 0; r == 0 && i < 300; i++) {
                                LogLine line = fixture_line(i, text, fixture_text(i, text));

                                r = log_archive_writer_append(f.writer, &line);
                        }
                        if (r == 0)
                                r = log_archive_writer_finish(f.writer);
                        limit_files(RLIM_INFINITY);
                        f.writer = log_archive_writer_free(f.writer);
                        if (!TAP_CHECK_INT(r, -EFBIG) || !TAP_CHECK_INT(scratch_count(&f.scratch), 1) ||
                            !TAP_CHECK_INT(read_all(&f, 300), 1))
                                return;
                }
        }
}

static void test_what_is_no_file_is_no_archive(void) {
        _cleanup_(archive_fixture_done) ArchiveFixture f = {};

        if (!archive_fixture_init(&f, true))
                return;
        TAP_CHECK_INT(mkdir(file_of(&f), 0700), 0);
        TAP_CHECK_INT(fixture_open(&f), -EBADMSG);
        TAP_CHECK_INT(rmdir(file_of(&f)), 0);
        TAP_CHECK_INT(mkfifo(file_of(&f), 0600), 0);
        TAP_CHECK_INT(fixture_open(&f), -EBADMSG);
}

static const TapTest tests[] = {
        { "a cut file is noticed wherever it is cut", test_a_cut_file_is_noticed_wherever_it_is_cut },
        { "a file cut between frames is noticed", test_a_file_cut_between_frames_is_noticed },
        { "a damaged byte never gives other lines", test_a_damaged_byte_never_gives_other_lines },
        { "rows that are none", test_rows_that_are_none },
        { "ends that are none", test_ends_that_are_none },
        { "a cursor that no journal has is refused", test_a_cursor_that_no_journal_has_is_refused },
        { "nothing is there before the end", test_nothing_is_there_before_the_end },
        { "a new archive takes the place of either form", test_a_new_archive_takes_the_place_of_either_form },
        { "of two forms the longer counts", test_of_two_forms_the_longer_counts },
        { "a full disk leaves the old archive", test_a_full_disk_leaves_the_old_archive },
        { "what is no file is no archive", test_what_is_no_file_is_no_archive },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* What is read as a run, without libsystemd, is what libsystemd reads; and where anything else may be, a run ends. In
 * both forms that the journal's files have. */
#include "../lib/journal-fixture.h"

#include "../../src/systemd/journal-run.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#define LONG_TEXT 3000 /* journald packs what is longer than 512 bytes */

static bool compact;
static unsigned n_taken; /* entries of runs */
static unsigned n_reads; /* of pieces of files */

bool __real_journal_run_next(JournalRun *r);
bool __wrap_journal_run_next(JournalRun *r);

bool __wrap_journal_run_next(JournalRun *r) {
        bool taken = __real_journal_run_next(r);

        n_taken += taken;
        return taken;
}

ssize_t __real_pread64(int fd, void *to, size_t size, off_t offset);
ssize_t __wrap_pread64(int fd, void *to, size_t size, off_t offset);

ssize_t __wrap_pread64(int fd, void *to, size_t size, off_t offset) {
        n_reads++;
        return __real_pread64(fd, to, size, offset);
}

static bool begin(JournalFixture *f, RuntimeScope scope) {
        setenv("SYSTEMD_JOURNAL_COMPACT", compact ? "1" : "0", 1);
        if (!journal_fixture_init(f))
                return false;
        f->source.scope = scope;
        return true;
}

static char *file_path(const JournalFixture *f, const char *file) {
        return string_format("%s/%s.journal", f->directory, file);
}

static void check_form(const JournalFixture *f, const char *file) {
        _cleanup_free_ char *path = file_path(f, file);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        unsigned char flags = 0;

        TAP_CHECK_INT(pread(fd, &flags, 1, 12), 1);
        TAP_CHECK_INT((flags & 16) != 0, compact);
}

/* --- the log as libsystemd has it --- */

typedef struct Row {
        char *text;
        size_t size;
        char cursor[LOG_LINE_CURSOR_SIZE];
        usec_t time;
} Row;

typedef struct Log {
        Row *rows;
        size_t n;
} Log;

static void log_done(Log *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->rows[i].text);
        free(l->rows);
}

/* A reader for each hundred lines, so that none begins a run. */
static void read_log(const JournalFixture *f, Log *l) {
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        LogLine line;

        for (;; l->n++) {
                if (l->n % 100 == 0) {
                        r = journal_reader_free(r);
                        if (!TAP_CHECK_INT(journal_reader_open(&f->source, FIXTURE_UNIT, LOG_SOURCES_ALL, &r), 0))
                                return;
                        if (l->n > 0)
                                TAP_CHECK_INT(journal_reader_seek_after(r, l->rows[l->n - 1].cursor), 1);
                }
                if (journal_reader_next(r, &line) <= 0)
                        return;
                l->rows = reallocarray(l->rows, l->n + 1, sizeof(Row));
                l->rows[l->n] = (Row){ .text = malloc(line.size + 1), .size = line.size, .time = line.realtime_usec };
                memcpy(l->rows[l->n].text, line.text, line.size);
                snprintf(l->rows[l->n].cursor, LOG_LINE_CURSOR_SIZE, "%s", line.cursor);
        }
}

/* How many lines the run behind that one has, each of which is the log's next. */
static size_t check_run(const JournalFixture *f, const Log *l, size_t at) {
        _cleanup_(journal_run_freep) JournalRun *run = NULL;
        char cursor[LOG_LINE_CURSOR_SIZE];
        size_t n = 0, size;

        if (journal_run_begin(&f->source, FIXTURE_UNIT, LOG_SOURCES_ALL, l->rows[at].cursor, &run) <= 0)
                return 0;
        for (; journal_run_next(run); n++) {
                const char *text = journal_run_text(run, &size);
                const Row *row = &l->rows[at + n + 1];

                if (!TAP_CHECK(at + n + 1 < l->n))
                        return n;
                journal_run_cursor(run, cursor);
                TAP_CHECK_STRING(cursor, row->cursor);
                TAP_CHECK_INT(journal_run_realtime(run), row->time);
                TAP_CHECK(size == row->size && memcmp(text, row->text, size) == 0);
        }
        journal_run_cursor(run, cursor);
        TAP_CHECK_STRING(cursor, l->rows[at + n].cursor);
        return n;
}

/* --- cases --- */

static void add_lines(JournalFixture *f, const char *file, unsigned first, unsigned n, const char *fields) {
        FixtureEntry entries[64] = {};
        char texts[64][16];

        for (unsigned i = 0; i < n; i++) {
                snprintf(texts[i], sizeof(texts[i]), "line %u", first + i);
                entries[i] = (FixtureEntry){ texts[i], .stream = 1, .fields = fields };
        }
        journal_fixture_append(f, file, entries, n);
}

/* journald may not be done with the last one. */
static void test_a_run_is_all_but_the_last(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(log_done) Log l = {};

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        add_lines(&f, "a", 0, 50, NULL);
        check_form(&f, "a");
        read_log(&f, &l);
        TAP_CHECK_INT(l.n, 50);
        for (size_t i = 0; i < l.n; i++)
                TAP_CHECK_INT(check_run(&f, &l, i), i < 48 ? 48 - i : 0);
}

static void test_what_is_no_obstacle(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(log_done) Log l = {};
        char text[LONG_TEXT + 1] = {};

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        memset(text, 'x', LONG_TEXT);
        JOURNAL_APPEND(&f, "a", { "one", .stream = 1 }, { "two", .stream = 1 }, { "one", .stream = 1 },
                       { "theirs", .unit = FIXTURE_OTHER_UNIT, .stream = 2 }, { text, .stream = 1 },
                       { "one", .stream = 1 }, { "", .stream = 1 }, { "\0\xff", 2, .stream = 1 },
                       { text, .stream = 1 }, { "theirs", .unit = FIXTURE_OTHER_UNIT, .kind = FIXTURE_MANAGER },
                       { "behind", .stream = 1 }, { "end", .stream = 1 });
        read_log(&f, &l);
        TAP_CHECK_INT(l.n, 10);
        TAP_CHECK_INT(check_run(&f, &l, 0), 8);
}

/* In the same file or another one. */
static void test_where_it_ends(void) {
        static const FixtureEntry between[] = {
                { "from systemd", .kind = FIXTURE_MANAGER },
                { NULL, .kind = FIXTURE_SUPPRESSED, .dropped = 7 },
                { "of a child's", .stream = 2 },
                { "in pieces", .stream = 1, .goes_on = true },
                { "more", .stream = 1, .fields = "_PID=7\n" },
        };
        static const char *const files[] = { "a", "b" };

        for (size_t i = 0; i < ELEMENTSOF(between); i++)
                for (size_t j = 0; j < ELEMENTSOF(files); j++) {
                        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
                        _cleanup_(log_done) Log l = {};

                        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                                return;
                        add_lines(&f, "a", 0, 20, NULL);
                        journal_fixture_append(&f, files[j], &between[i], 1);
                        add_lines(&f, "a", 20, 20, NULL);
                        read_log(&f, &l);
                        TAP_CHECK_INT(check_run(&f, &l, 0), 19);
                        TAP_CHECK_INT(check_run(&f, &l, 18), 1);
                        TAP_CHECK_INT(check_run(&f, &l, 19), 0);
                        TAP_CHECK_INT(check_run(&f, &l, l.n - 20), 18);
                }
}

/* The clock of the day was put back: what counts within a boot is the other one, as for libsystemd. */
static void test_another_file_and_another_time(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(log_done) Log l = {};

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        add_lines(&f, "a", 0, 20, NULL);
        JOURNAL_APPEND(&f, "b", { "between", .stream = 2 });
        f.realtime_usec -= 3600 * USEC_PER_SEC;
        add_lines(&f, "a", 20, 20, NULL);
        read_log(&f, &l);
        TAP_CHECK_INT(l.n, 41);
        TAP_CHECK_STRING(l.rows[20].text[0] == 'b' ? "between" : "not", "between");
        TAP_CHECK_INT(check_run(&f, &l, 0), 19);
}

/* A user's journald does not know the unit of a writer that is gone; the line is found by its stream's name. */
static void test_of_a_user(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(log_done) Log l = {};
        const char *fields = "SYSLOG_IDENTIFIER=" FIXTURE_TASK "\nSYSLOG_FACILITY=21\n";

        if (!begin(&f, RUNTIME_SCOPE_USER))
                return;
        add_lines(&f, "a", 0, 20, fields);
        JOURNAL_APPEND(&f, "a", { "of no unit", .unit = "", .stream = 1, .fields = fields });
        add_lines(&f, "a", 20, 20, fields);
        read_log(&f, &l);
        TAP_CHECK_INT(l.n, 41);
        TAP_CHECK_INT(check_run(&f, &l, 0), 19);
        TAP_CHECK_INT(check_run(&f, &l, 20), 0);
        TAP_CHECK_INT(check_run(&f, &l, 21), 18);
}

static void test_a_file_that_goes(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(journal_run_freep) JournalRun *run = NULL;
        _cleanup_(log_done) Log l = {};
        unsigned n = 0;

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        for (unsigned i = 0; i < 20; i++)
                add_lines(&f, "a", i * 50, 50, NULL);
        read_log(&f, &l);
        TAP_CHECK_INT(journal_run_begin(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, l.rows[0].cursor, &run), 1);
        TAP_CHECK(journal_run_next(run));
        journal_fixture_remove(&f, "a");
        while (journal_run_next(run))
                n++;
        /* What it has read before it may give. */
        TAP_CHECK(n < 200);
}

/* Texts lie with the entries or, the same ones again and again, together: few pieces have them all. */
static void test_how_often_is_read(void) {
        for (unsigned again = 0; again < 2; again++) {
                _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
                _cleanup_(journal_run_freep) JournalRun *run = NULL;
                _cleanup_(log_done) Log l = {};
                unsigned n = 0;

                if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                        return;
                for (unsigned i = 0; i < 50; i++)
                        add_lines(&f, "a", again ? 0 : i * 10, 10, NULL);
                read_log(&f, &l);
                TAP_CHECK_INT(journal_run_begin(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, l.rows[0].cursor, &run), 1);
                for (n_reads = 0; journal_run_next(run);)
                        n++;
                TAP_CHECK_INT(n, 498);
                TAP_CHECK(n_reads <= 20); /* 26 when entries and texts are read apart */
        }
}

/* Damage ends it, and never takes it where there is nothing. */
static void test_damage(void) {
        enum { TIMES = 400 };
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_free_ unsigned char *data = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_(log_done) Log l = {};
        _cleanup_close_ int fd = -EBADF;
        unsigned at[TIMES];
        size_t size = 512 * 1024, from;
        struct stat st;

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        add_lines(&f, "a", 0, 60, NULL);
        read_log(&f, &l);
        path = file_path(&f, "a");
        fd = open(path, O_RDWR | O_CLOEXEC);
        TAP_CHECK_INT(getrandom(at, sizeof(at), 0), sizeof(at));
        if (!TAP_CHECK_INT(fstat(fd, &st), 0) || !(data = malloc(size)))
                return;
        /* The hash tables come first; entries and lists are behind them. */
        for (from = 0; from + 8 < (size_t) st.st_size && pread(fd, data, 8, (off_t) from) == 8 &&
                       memcmp(data, "\3\0\0\0\0\0\0\0", 8) != 0; from += 8)
                ;
        size = MIN_OF(size, (size_t) st.st_size - from);
        for (unsigned i = 0; i < TIMES; i++) {
                _cleanup_(journal_run_freep) JournalRun *run = NULL;
                off_t place = (off_t) (from + at[i] % MIN_OF(size, (size_t) 20000));
                unsigned char was, is = (unsigned char) (at[i] >> 24);
                unsigned n = 0;

                TAP_CHECK_INT(pread(fd, &was, 1, place), 1);
                TAP_CHECK_INT(pwrite(fd, &is, 1, place), 1);
                if (journal_run_begin(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, l.rows[0].cursor, &run) > 0)
                        while (n <= 60 && journal_run_next(run))
                                n++;
                TAP_CHECK(n <= 60);
                TAP_CHECK_INT(pwrite(fd, &was, 1, place), 1);
        }
}

/* --- a reader that goes into runs and out of them --- */

enum { BATCHES = 24, BATCH = 400 };

typedef struct Model {
        char (*texts)[24];
        size_t n;
        unsigned random;
} Model;

static unsigned draw(Model *m, unsigned below) {
        m->random = m->random * 1103515245 + 12345;
        return (m->random >> 16) % below;
}

static void expect(Model *m, const char *text) {
        snprintf(m->texts[m->n++], sizeof(m->texts[0]), "%s", text);
}

/* Lines, and now and then something else; what belongs to the log is noted. */
static void add_batch(Model *m, JournalFixture *f, const char *file) {
        FixtureEntry entries[BATCH] = {};
        char (*texts)[24] = calloc(BATCH, sizeof(*texts));
        bool calm = draw(m, 3) > 0;

        for (size_t i = 0; i < BATCH; i++) {
                unsigned what = calm ? 20 : draw(m, 40);

                snprintf(texts[i], sizeof(texts[i]), "%zu %u", m->n, draw(m, 9));
                entries[i] = (FixtureEntry){ texts[i], .stream = 1 };
                if (what == 0)
                        entries[i].kind = FIXTURE_MANAGER;
                else if (what == 1)
                        entries[i].stream = 2;
                else if (what == 2)
                        entries[i].fields = "_PID=9\n";
                else if (what < 8)
                        entries[i].unit = FIXTURE_OTHER_UNIT;
                if (what < 3 || what >= 8)
                        expect(m, texts[i]);
        }
        journal_fixture_append(f, file, entries, BATCH);
        free(texts);
}

static void check_reading(const JournalFixture *f, const Model *m, unsigned sources, size_t from, const char *cursor,
                          char (*cursors)[LOG_LINE_CURSOR_SIZE]) {
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        size_t at = from;
        LogLine line;

        if (!TAP_CHECK_INT(journal_reader_open(&f->source, FIXTURE_UNIT, sources, &r), 0))
                return;
        if (cursor)
                TAP_CHECK_INT(journal_reader_seek_after(r, cursor), 1);
        for (; journal_reader_next(r, &line) > 0; at++) {
                if (!TAP_CHECK(at < m->n) || line.size != strlen(m->texts[at]) ||
                    memcmp(line.text, m->texts[at], line.size) != 0) {
                        tap_fail(__FILE__, __LINE__, "from %zu, line %zu is %.*s, should be %s", from, at,
                                 (int) line.size, line.text, at < m->n ? m->texts[at] : "none");
                        return;
                }
                if (!cursor && cursors)
                        snprintf(cursors[at], LOG_LINE_CURSOR_SIZE, "%s", journal_reader_cursor(r));
                else if (cursors)
                        TAP_CHECK_STRING(journal_reader_cursor(r), cursors[at]);
        }
        TAP_CHECK_INT(at, m->n);
}

static void test_a_reader(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_free_ char (*cursors)[LOG_LINE_CURSOR_SIZE] = calloc(BATCHES * BATCH, sizeof(*cursors));
        Model m = { calloc(BATCHES * BATCH, sizeof(*m.texts)), 0, 0 };

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        TAP_CHECK_INT(getrandom(&m.random, sizeof(m.random), 0), sizeof(m.random));
        printf("# seed %u\n", m.random);
        for (unsigned i = 0; i < BATCHES; i++)
                add_batch(&m, &f, (const char *[]){ "a", "a", "a", "b" }[draw(&m, i < BATCHES / 2 ? 3 : 4)]);
        n_taken = 0;
        check_reading(&f, &m, LOG_SOURCES_ALL, 0, NULL, cursors);
        printf("# %u of %zu entries taken of runs\n", n_taken, m.n);
        TAP_CHECK(n_taken > 0);
        check_reading(&f, &m, LOG_SOURCES_ALL | LOG_WITHOUT_CURSORS, 0, NULL, NULL);
        for (size_t at = 0; at + 1 < m.n; at += 701)
                check_reading(&f, &m, LOG_SOURCES_ALL, at + 1, cursors[at], cursors);
        free(m.texts);
}

/* To another place amid a run. */
static void test_a_reader_that_seeks(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        char cursor[LOG_LINE_CURSOR_SIZE];
        LogLine line;

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        for (unsigned i = 0; i < 16; i++)
                add_lines(&f, "a", i * 50, 50, NULL);
        TAP_CHECK_INT(journal_reader_open(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, &r), 0);
        n_taken = 0;
        for (unsigned i = 0; i < 600; i++) {
                TAP_CHECK_INT(journal_reader_next(r, &line), 1);
                if (i == 99)
                        snprintf(cursor, sizeof(cursor), "%s", line.cursor);
        }
        CHECK_LINE(&line, "line 599");
        TAP_CHECK(n_taken > 0);
        TAP_CHECK_INT(journal_reader_seek_after(r, cursor), 1);
        TAP_CHECK_STRING(journal_reader_cursor(r), cursor);
        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        CHECK_LINE(&line, "line 100");
        TAP_CHECK_INT(journal_reader_seek_head(r), 0);
        TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        CHECK_LINE(&line, "line 0");
}

/* Reading on while it is written. */
static void test_a_reader_that_waits(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        Model m = { calloc(BATCHES * BATCH, sizeof(*m.texts)), 0, 1 };
        size_t at = 0;
        LogLine line;

        if (!begin(&f, RUNTIME_SCOPE_SYSTEM))
                return;
        for (unsigned i = 0; i < 6; i++) {
                add_batch(&m, &f, i < 4 ? "a" : "b");
                if (!r)
                        TAP_CHECK_INT(journal_reader_open(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, &r), 0);
                for (; journal_reader_next(r, &line) > 0; at++)
                        if (line.size != strlen(m.texts[at]) || memcmp(line.text, m.texts[at], line.size) != 0)
                                tap_fail(__FILE__, __LINE__, "line %zu is %.*s, should be %s", at, (int) line.size,
                                         line.text, m.texts[at]);
                TAP_CHECK_INT(at, m.n);
        }
        free(m.texts);
}

#define IN_BOTH_FORMS(test)                                                                                  \
        static void test##_compact(void) {                                                                   \
                compact = true;                                                                              \
                test();                                                                                      \
                compact = false;                                                                             \
        }

IN_BOTH_FORMS(test_a_run_is_all_but_the_last)
IN_BOTH_FORMS(test_what_is_no_obstacle)
IN_BOTH_FORMS(test_where_it_ends)
IN_BOTH_FORMS(test_of_a_user)
IN_BOTH_FORMS(test_damage)
IN_BOTH_FORMS(test_a_reader)

static const TapTest tests[] = {
        { "a run is all but the last entry", test_a_run_is_all_but_the_last },
        { "a run is all but the last entry, compact", test_a_run_is_all_but_the_last_compact },
        { "what is no obstacle", test_what_is_no_obstacle },
        { "what is no obstacle, compact", test_what_is_no_obstacle_compact },
        { "where it ends", test_where_it_ends },
        { "where it ends, compact", test_where_it_ends_compact },
        { "another file and another time", test_another_file_and_another_time },
        { "of a user", test_of_a_user },
        { "of a user, compact", test_of_a_user_compact },
        { "a file that goes", test_a_file_that_goes },
        { "how often is read", test_how_often_is_read },
        { "damage", test_damage },
        { "damage, compact", test_damage_compact },
        { "a reader goes into runs and out of them", test_a_reader },
        { "a reader goes into runs and out of them, compact", test_a_reader_compact },
        { "a reader that seeks", test_a_reader_that_seeks },
        { "a reader that waits for more", test_a_reader_that_waits },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

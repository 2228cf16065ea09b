/* JournalReader and JournalFollower while the journal's files are cut, emptied and removed under them, as journald
 * does when it makes room: nothing is passed over without a gap before what follows, nothing comes twice, and nobody
 * dies. */
#include "../lib/journal-patch.h"

#include <remote-developer/journal-follower.h>
#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

enum { LINES = 300 };

int __real_sd_journal_next(sd_journal *j);
int __wrap_sd_journal_next(sd_journal *j);

/* Calls until libsystemd gives up once; 0: it does not. The linker puts this in the place of its own. */
static unsigned gives_up;
static unsigned given_up;

int __wrap_sd_journal_next(sd_journal *j) {
        int r = __real_sd_journal_next(j);

        if (gives_up == 0 || --gives_up > 0)
                return r;
        given_up++;
        abort();
}

typedef struct Vacuum {
        JournalFixture journal;
        JournalReader *reader;
        unsigned lines, gaps, next;
        bool backwards; /* a line came again */
        bool told;      /* of a gap, and no line has come since */
        bool silent;    /* something was passed over that was not told */
} Vacuum;

static void vacuum_done(Vacuum *v) {
        journal_reader_free(v->reader);
        journal_fixture_done(&v->journal);
}

/* So many lines of one number each in each of three files. */
static bool vacuum_init(Vacuum *v, unsigned sources) {
        static char texts[3 * LINES][8];
        static FixtureEntry entries[3 * LINES];
        static const char *const files[] = { "a", "b", "c" };

        v->journal = JOURNAL_FIXTURE_NULL;
        if (!journal_fixture_init(&v->journal))
                return false;
        for (unsigned i = 0; i < 3 * LINES; i++) {
                snprintf(texts[i], sizeof(texts[i]), "%u", i);
                entries[i] = (FixtureEntry){ texts[i] };
        }
        for (unsigned i = 0; i < 3; i++)
                journal_fixture_append(&v->journal, files[i], entries + i * LINES, LINES);
        TAP_CHECK_INT(journal_memory_catch_faults(), 0);
        return TAP_CHECK_INT(journal_reader_open(&v->journal.source, FIXTURE_UNIT, sources, &v->reader), 0);
}

#define VACUUM(sources)                                                                                      \
        _cleanup_(vacuum_done) Vacuum v = {};                                                                \
        if (!vacuum_init(&v, sources))                                                                       \
                return

static void take_line(Vacuum *v, const LogLine *line) {
        unsigned n;

        if (line->source == LOG_SOURCE_GAP) {
                TAP_CHECK_INT(line->gap.reason, LOG_GAP_VACUUMED);
                TAP_CHECK_STRING(line->cursor, "");
                v->gaps++;
                v->told = true;
                return;
        }
        n = (unsigned) strtoul(line->text, NULL, 10);
        v->backwards |= n < v->next;
        v->silent |= n > v->next && !v->told;
        v->told = false;
        v->lines++;
        v->next = n + 1;
}

static void take(Vacuum *v, unsigned max) {
        LogLine line;

        while (max-- > 0 && journal_reader_next(v->reader, &line) > 0)
                take_line(v, &line);
}

/* As vacuuming does it: the name goes, and then what is in the file; where holes cannot be punched it is cut. */
static void vacuum(Vacuum *v, const char *file, bool cut) {
        _cleanup_free_ char *path = string_format("%s/%s.journal", v->journal.directory, file);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        off_t size = lseek(fd, 0, SEEK_END);

        TAP_CHECK_INT(unlink(path), 0);
        if (cut)
                TAP_CHECK_INT(ftruncate(fd, 0), 0);
        else
                TAP_CHECK_INT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), 0);
        close(fd);
}

static void check_vacuum_amid(unsigned sources, bool cut, unsigned read) {
        VACUUM(sources);
        unsigned before = journal_memory_faults();

        take(&v, read);
        TAP_CHECK_INT(v.lines, read);
        vacuum(&v, "a", cut);
        take(&v, UINT32_MAX);
        TAP_CHECK(!v.backwards && !v.silent);
        TAP_CHECK(!cut || journal_memory_faults() > before);
        TAP_CHECK_INT(v.next, 3 * LINES);
        TAP_CHECK_INT(v.gaps, 1);
        TAP_CHECK(v.lines >= 2 * LINES + read);
}

static void test_the_file_that_is_read_goes(void) {
        for (unsigned cut = 0; cut < 2; cut++) {
                check_vacuum_amid(LOG_SOURCES_ALL, cut, 1);
                check_vacuum_amid(LOG_SOURCES_ALL, cut, 63);
                check_vacuum_amid(LOG_SOURCES_ALL, cut, 100);
                check_vacuum_amid(LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS, cut, 1);
                check_vacuum_amid(LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS, cut, 100);
        }
}

static void test_what_was_read_goes(void) {
        for (unsigned cut = 0; cut < 2; cut++) {
                VACUUM(LOG_SOURCES_ALL);

                take(&v, LINES + 70);
                vacuum(&v, "a", cut);
                take(&v, UINT32_MAX);
                TAP_CHECK_INT(v.lines, 3 * LINES);
                TAP_CHECK_INT(v.gaps, 0);
                TAP_CHECK(!v.backwards);
        }
}

/* journald numbers what it writes: the first entry that is there says whether there was one before it. */
static void check_goes_on(unsigned read, bool comes_back) {
        VACUUM(LOG_SOURCES_ALL);
        char cursor[LOG_LINE_CURSOR_SIZE];

        journal_patch_continue(&v.journal, "a", "b");
        TAP_CHECK_INT(journal_reader_seek_head(v.reader), 0);
        take(&v, read);
        snprintf(cursor, sizeof(cursor), "%s", journal_reader_cursor(v.reader));
        vacuum(&v, "a", false);
        if (comes_back)
                TAP_CHECK_INT(journal_reader_seek_after(v.reader, cursor), read == LINES);
        take(&v, UINT32_MAX);
        TAP_CHECK_INT(v.lines, read + 2 * LINES);
        TAP_CHECK_INT(v.gaps, read < LINES && !comes_back);
        TAP_CHECK(!v.backwards && (comes_back || !v.silent));
}

static void test_what_is_there_goes_on(void) {
        for (unsigned comes_back = 0; comes_back < 2; comes_back++) {
                check_goes_on(LINES, comes_back);
                check_goes_on(LINES - 1, comes_back);
                check_goes_on(LINES - 60, comes_back);
        }
}

static void test_a_rotation_amid(void) {
        static const unsigned sources[] = { LOG_SOURCES_ALL, LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS };

        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                VACUUM(sources[i]);

                for (unsigned n = 0; n < 3 * LINES; n += 50) {
                        _cleanup_free_ char *file = string_format("r%u", n);

                        take(&v, 50);
                        JOURNAL_APPEND(&v.journal, file, { "900", .unit = FIXTURE_OTHER_UNIT });
                }
                JOURNAL_APPEND(&v.journal, "z", { "900" });
                take(&v, UINT32_MAX);
                TAP_CHECK_INT(v.lines, 3 * LINES + 1);
                TAP_CHECK_INT(v.gaps, 0);
                TAP_CHECK(!v.backwards);
        }
}

/* Somebody who comes back reads on behind a cursor, whose file goes before the first line is read. */
static void test_the_file_goes_behind_a_cursor(void) {
        static const unsigned sources[] = { LOG_SOURCES_ALL, LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS };

        for (size_t i = 0; i < 2 * ELEMENTSOF(sources); i++) {
                VACUUM(sources[i / 2]);
                char cursor[LOG_LINE_CURSOR_SIZE];

                take(&v, 100);
                snprintf(cursor, sizeof(cursor), "%s", journal_reader_cursor(v.reader));
                TAP_CHECK_INT(journal_reader_seek_after(v.reader, cursor), 1);
                vacuum(&v, "a", i % 2 == 0);
                take(&v, 1);
                TAP_CHECK_INT(v.gaps, 1);
                vacuum(&v, "b", i % 2 == 0);
                take(&v, UINT32_MAX);
                TAP_CHECK_INT(v.lines, 100 + LINES);
                TAP_CHECK(!v.backwards && !v.silent);
                TAP_CHECK_INT(v.gaps, 1);
        }
}

/* The kernel gives two changes of a directory one time where they come within one tick. */
static void test_two_changes_at_one_time(void) {
        VACUUM(LOG_SOURCES_ALL);
        struct stat before;

        take(&v, 10);
        TAP_CHECK_INT(stat(v.journal.directory, &before), 0);
        vacuum(&v, "a", false);
        TAP_CHECK_INT(utimensat(AT_FDCWD, v.journal.directory,
                                (struct timespec[]){ before.st_atim, before.st_mtim }, 0), 0);
        take(&v, UINT32_MAX);
        TAP_CHECK_INT(v.lines, 10 + 2 * LINES);
        TAP_CHECK(!v.backwards && !v.silent);
}

/* Of two files that are read in turns one goes, all of which was read. */
static void test_one_of_two_goes(void) {
        VACUUM(LOG_SOURCES_ALL);
        static char texts[100][8];
        FixtureEntry entries[100];

        for (const char *file = "abc"; *file; file++)
                vacuum(&v, (char[]){ *file, 0 }, false);
        for (unsigned i = 0; i < ELEMENTSOF(entries); i++) {
                snprintf(texts[i], sizeof(texts[i]), "%u", i);
                entries[i] = (FixtureEntry){ texts[i] };
        }
        journal_fixture_append(&v.journal, "user", entries, 10);
        journal_fixture_append(&v.journal, "system", entries + 10, 10);
        journal_fixture_append(&v.journal, "user", entries + 20, 80);
        TAP_CHECK_INT(journal_reader_seek_head(v.reader), 0);
        take(&v, 60);
        vacuum(&v, "system", false);
        take(&v, UINT32_MAX);
        TAP_CHECK_INT(v.lines, ELEMENTSOF(entries));
        TAP_CHECK_INT(v.gaps, 0);
        TAP_CHECK(!v.backwards && !v.silent);
}

static void test_all_goes(void) {
        VACUUM(LOG_SOURCES_ALL);

        take(&v, 10);
        vacuum(&v, "a", true);
        vacuum(&v, "b", false);
        vacuum(&v, "c", true);
        take(&v, UINT32_MAX);
        TAP_CHECK_INT(v.gaps, 1);
        TAP_CHECK(v.lines < LINES);
}

/* libsystemd takes for its own mistake what journald does to a file that it reads, at any moment. */
static void test_libsystemd_gives_up(void) {
        static const unsigned sources[] = { LOG_SOURCES_ALL, LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS };

        for (unsigned n = 1; n < 400; n += 7) {
                VACUUM(sources[n % 2]);
                char cursor[LOG_LINE_CURSOR_SIZE];

                given_up = 0;
                gives_up = n;
                take(&v, 100);
                snprintf(cursor, sizeof(cursor), "%s", journal_reader_cursor(v.reader));
                TAP_CHECK_INT(journal_reader_seek_after(v.reader, cursor), 1);
                take(&v, UINT32_MAX);
                TAP_CHECK_INT(given_up, 1);
                TAP_CHECK_INT(v.lines, 3 * LINES);
                TAP_CHECK_INT(v.gaps, 0);
                TAP_CHECK(!v.backwards && !v.silent);
        }
}

/* --- the follower --- */

static void count(void *userdata, const char *unit _unused_, const LogLine *line _unused_) {
        unsigned *n = userdata;

        (*n)++;
}

static void test_the_followers_file_is_cut(void) {
        VACUUM(LOG_SOURCES_ALL);
        _cleanup_(journal_follower_freep) JournalFollower *follower = NULL;
        sd_event *event = NULL;
        unsigned n = 0;

        if (!TAP_CHECK_INT(sd_event_new(&event), 0))
                return;
        if (TAP_CHECK_INT(journal_follower_new(event, &v.journal.source, TASK_SLICE, 1000, count, &n, &follower), 0)) {
                for (const char *file = "abc"; *file; file++)
                        vacuum(&v, (char[]){ *file, 0 }, true);
                for (unsigned i = 0; i < 3; i++)
                        (void) journal_follower_pump(follower, 1000);
                JOURNAL_APPEND(&v.journal, "d", { "900" }, { "901" });
                for (unsigned i = 0; i < 3; i++)
                        (void) journal_follower_pump(follower, 1000);
                TAP_CHECK_INT(n, 2);
        }
        follower = journal_follower_free(follower);
        sd_event_unref(event);
}

static void follow_and_vacuum(void *userdata, const char *unit _unused_, const LogLine *line) {
        Vacuum *v = userdata;

        take_line(v, line);
        if (v->lines == 50 && v->gaps == 0)
                vacuum(v, "d", false);
}

static void number_entries(FixtureEntry *entries, char (*texts)[8], unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                snprintf(texts[i], sizeof(texts[i]), "%u", i);
                entries[i] = (FixtureEntry){ texts[i] };
        }
}

/* journald is another process: it does not wait until the follower has looked at the files again. */
static void test_the_followers_file_goes_amid(void) {
        VACUUM(LOG_SOURCES_ALL);
        _cleanup_(journal_follower_freep) JournalFollower *follower = NULL;
        FixtureEntry entries[100];
        char texts[100][8];
        sd_event *event = NULL;

        number_entries(entries, texts, ELEMENTSOF(entries));
        if (!TAP_CHECK_INT(sd_event_new(&event), 0))
                return;
        if (TAP_CHECK_INT(journal_follower_new(event, &v.journal.source, TASK_SLICE, 1000, follow_and_vacuum, &v,
                                               &follower), 0)) {
                journal_fixture_append(&v.journal, "d", entries, 70);
                journal_fixture_append(&v.journal, "e", entries + 70, 30);
                TAP_CHECK_INT(journal_follower_pump(follower, 1000), 0);
                TAP_CHECK_INT(v.lines, 80);
                TAP_CHECK_INT(v.gaps, 1);
                TAP_CHECK_INT(v.next, ELEMENTSOF(entries));
                TAP_CHECK(!v.backwards && !v.silent);
        }
        follower = journal_follower_free(follower);
        sd_event_unref(event);
}

static void test_libsystemd_gives_up_on_the_follower(void) {
        VACUUM(LOG_SOURCES_ALL);
        _cleanup_(journal_follower_freep) JournalFollower *follower = NULL;
        static char texts[60][8];
        FixtureEntry entries[60];
        sd_event *event = NULL;

        number_entries(entries, texts, ELEMENTSOF(entries));
        if (!TAP_CHECK_INT(sd_event_new(&event), 0))
                return;
        if (TAP_CHECK_INT(journal_follower_new(event, &v.journal.source, TASK_SLICE, 1000, follow_and_vacuum, &v,
                                               &follower), 0)) {
                given_up = 0;
                v.gaps = 1; /* nothing is to be removed */
                for (unsigned n = 0; n < ELEMENTSOF(entries); n += 6) {
                        gives_up = n / 6 + 1;
                        journal_fixture_append(&v.journal, "d", entries + n, 6);
                        TAP_CHECK_INT(journal_follower_pump(follower, 1000), 0);
                }
                gives_up = 0;
                TAP_CHECK(given_up > 3);
                TAP_CHECK_INT(v.lines, ELEMENTSOF(entries));
                TAP_CHECK_INT(v.gaps, 1);
                TAP_CHECK(!v.backwards && !v.silent);
        }
        follower = journal_follower_free(follower);
        sd_event_unref(event);
}

static const TapTest tests[] = {
        { "the file that is being read goes", test_the_file_that_is_read_goes },
        { "what was read goes", test_what_was_read_goes },
        { "what is there goes on", test_what_is_there_goes_on },
        { "a rotation amid", test_a_rotation_amid },
        { "the file goes behind a cursor", test_the_file_goes_behind_a_cursor },
        { "two changes at one time", test_two_changes_at_one_time },
        { "one of two goes", test_one_of_two_goes },
        { "all goes", test_all_goes },
        { "libsystemd gives up", test_libsystemd_gives_up },
        { "the follower's file is cut", test_the_followers_file_is_cut },
        { "the follower's file goes amid", test_the_followers_file_goes_amid },
        { "libsystemd gives up on the follower", test_libsystemd_gives_up_on_the_follower },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

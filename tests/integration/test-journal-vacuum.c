/* JournalReader and JournalFollower while the journal's files are cut, emptied and removed under them, as journald
 * does when it makes room: nothing is passed over without a gap, nothing comes twice, and nobody dies. */
#include "../lib/journal-fixture.h"

#include <remote-developer/journal-follower.h>
#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <systemd/sd-event.h>

enum { LINES = 300 };

typedef struct Vacuum {
        JournalFixture journal;
        JournalReader *reader;
        unsigned lines, gaps, next;
        bool backwards; /* a line came again */
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

static void take(Vacuum *v, unsigned max) {
        LogLine line;

        while (max-- > 0 && journal_reader_next(v->reader, &line) > 0) {
                unsigned n;

                if (line.source == LOG_SOURCE_GAP) {
                        TAP_CHECK_INT(line.gap.reason, LOG_GAP_VACUUMED);
                        TAP_CHECK_STRING(line.cursor, "");
                        v->gaps++;
                        continue;
                }
                n = (unsigned) strtoul(line.text, NULL, 10);
                v->backwards |= n < v->next;
                /* What is passed over was announced, or is announced within the next few entries. */
                v->lines++;
                v->next = n + 1;
        }
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
        TAP_CHECK(!v.backwards);
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

static const TapTest tests[] = {
        { "the file that is being read goes", test_the_file_that_is_read_goes },
        { "what was read goes", test_what_was_read_goes },
        { "a rotation amid", test_a_rotation_amid },
        { "all goes", test_all_goes },
        { "the follower's file is cut", test_the_followers_file_is_cut },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

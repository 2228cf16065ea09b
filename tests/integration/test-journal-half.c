/* What libsystemd shows of an entry that journald has half written: it is not passed over, by the follower or by a
 * reader. */
#include "../lib/viewing.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

usec_t __wrap_clock_realtime_usec(void);

/* The linker puts this clock in the place of the real one. */
static usec_t now_usec;

usec_t __wrap_clock_realtime_usec(void) {
        return now_usec;
}

/* A value in the journal's file: https://systemd.io/JOURNAL_FILE_FORMAT, "Data Objects". */
#define N_ENTRIES_OFFSET 56
#define COMPACT_PAYLOAD_OFFSET 72
#define PAYLOAD_OFFSET 64
#define INCOMPATIBLE_FLAGS_OFFSET 12
#define FLAG_COMPACT (1 << 4)

static off_t find_value(int fd, const char *value) {
        _cleanup_free_ char *data = NULL;
        const char *found;
        struct stat st;

        if (!TAP_CHECK_INT(fstat(fd, &st), 0) || !(data = malloc((size_t) st.st_size)) ||
            !TAP_CHECK_INT(pread(fd, data, (size_t) st.st_size, 0), st.st_size))
                return -1;
        found = memmem(data, (size_t) st.st_size, value, strlen(value));
        if (!TAP_CHECK(found))
                return -1;
        return found - data -
               (data[INCOMPATIBLE_FLAGS_OFFSET] & FLAG_COMPACT ? COMPACT_PAYLOAD_OFFSET : PAYLOAD_OFFSET);
}

/* As between two stores of journald's: where the entry is is there, but not yet that there is one. */
static void set_linked(const JournalFixture *f, const char *file, const char *value, bool linked) {
        _cleanup_free_ char *path = string_format("%s/%s.journal", f->directory, file);
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
        unsigned char n[8] = { linked };
        off_t offset = find_value(fd, value);

        if (offset >= 0)
                TAP_CHECK_INT(pwrite(fd, n, sizeof(n), offset + N_ENTRIES_OFFSET), sizeof(n));
}

/* The values that the last line has alone. By the last one a reader finds its entries: it sees nothing of this one. */
static const char *const values[] = { "MESSAGE=two", "_TRANSPORT=stdout",
                                      "_STREAM_ID=00000000000000000000000000000002", "_SYSTEMD_UNIT=" FIXTURE_UNIT };

static void append_half(JournalFixture *f, const char *value) {
        JOURNAL_APPEND(f, "a", { "one", .unit = FIXTURE_OTHER_UNIT, .kind = FIXTURE_MANAGER });
        JOURNAL_APPEND(f, "b", { "two", .stream = 2 });
        now_usec = f->realtime_usec + USEC_PER_SEC / 2;
        set_linked(f, "b", value, false);
}

static void test_follower_waits(void) {
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                VIEWING(10, true);

                viewing_follow(&v);
                viewing_open(&v, 0);
                append_half(&v.journal, values[i]);
                viewing_pump(&v);
                CHECK_NEXT(&v, 0, NULL);
                TAP_CHECK_INT(journal_follower_look_afresh(v.follower), 0);
                viewing_pump(&v);
                CHECK_NEXT(&v, 0, NULL);
                set_linked(&v.journal, "b", values[i], true);
                JOURNAL_APPEND(&v.journal, "b", { "three", .stream = 2 });
                viewing_pump(&v);
                CHECK_VIEW(&v, 0, "two", "three");
        }
}

static void test_reader_waits(void) {
        for (size_t i = 0; i < ELEMENTSOF(values) - 1; i++) {
                VIEWING(10, false);
                _cleanup_(journal_reader_freep) JournalReader *r = NULL;
                uint64_t lines = 1;
                LogLine line;

                append_half(&v.journal, values[i]);
                if (!TAP_CHECK_INT(journal_reader_open(&v.journal.source, FIXTURE_UNIT, LOG_SOURCES_ALL, &r), 0))
                        return;
                TAP_CHECK_INT(journal_reader_next(r, &line), 0);
                TAP_CHECK_INT(journal_reader_next(r, &line), 0);
                set_linked(&v.journal, "b", values[i], true);
                if (TAP_CHECK_INT(journal_reader_next(r, &line), 1))
                        CHECK_LINE(&line, "two");
                TAP_CHECK_INT(journal_reader_next(r, &line), 0);
                /* Backwards it is behind the last line. */
                set_linked(&v.journal, "b", values[i], false);
                TAP_CHECK_INT(journal_reader_seek_end(r), 0);
                TAP_CHECK_INT(journal_reader_go_back(r, LOG_SOURCES_ALL, "", 10, &lines), 1);
                TAP_CHECK_INT(lines, 1);
        }
}

/* One that is told no cursors asks for its place, to go on there with another reader. */
static void test_a_reader_stays_before_it(void) {
        VIEWING(10, false);
        _cleanup_(journal_reader_freep) JournalReader *r = NULL;
        const unsigned sources = LOG_SOURCES_OUTPUT | LOG_WITHOUT_CURSORS;
        char cursor[LOG_LINE_CURSOR_SIZE];
        LogLine line;

        JOURNAL_APPEND(&v.journal, "b", { "zero", .stream = 1 }, { "one", .stream = 1 });
        append_half(&v.journal, "MESSAGE=two");
        if (!TAP_CHECK_INT(journal_reader_open(&v.journal.source, FIXTURE_UNIT, sources, &r), 0))
                return;
        for (unsigned i = 0; i < 2; i++)
                TAP_CHECK_INT(journal_reader_next(r, &line), 1);
        for (unsigned i = 0; i < 2; i++)
                TAP_CHECK_INT(journal_reader_next(r, &line), 0);
        snprintf(cursor, sizeof(cursor), "%s", journal_reader_cursor(r));
        set_linked(&v.journal, "b", "MESSAGE=two", true);
        if (TAP_CHECK_INT(journal_reader_next(r, &line), 1))
                CHECK_LINE(&line, "two");
        TAP_CHECK_INT(journal_reader_seek_after(r, cursor), 1);
        if (TAP_CHECK_INT(journal_reader_next(r, &line), 1))
                CHECK_LINE(&line, "two");
}

/* One that stays as it is was never finished: what comes behind it is not kept waiting for more than a second. */
static void test_nobody_waits_for_ever(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        append_half(&v.journal, "MESSAGE=two");
        JOURNAL_APPEND(&v.journal, "b", { "three", .stream = 2 });
        viewing_pump(&v);
        TAP_CHECK(journal_follower_is_waiting(v.follower));
        CHECK_NEXT(&v, 0, NULL);
        now_usec += USEC_PER_SEC;
        viewing_pump(&v);
        TAP_CHECK(!journal_follower_is_waiting(v.follower));
        CHECK_VIEW(&v, 0, "three");
}

/* The clock was set back: an entry of the future is not waited for. */
static void test_an_entry_of_the_future(void) {
        VIEWING(10, true);

        viewing_follow(&v);
        viewing_open(&v, 0);
        append_half(&v.journal, "MESSAGE=two");
        now_usec -= 3600 * USEC_PER_SEC;
        JOURNAL_APPEND(&v.journal, "b", { "three", .stream = 2 });
        viewing_pump(&v);
        CHECK_VIEW(&v, 0, "three");
}

static const TapTest tests[] = {
        { "the follower waits for the rest of an entry", test_follower_waits },
        { "so does a reader", test_reader_waits },
        { "a reader stays before it", test_a_reader_stays_before_it },
        { "nobody waits for ever", test_nobody_waits_for_ever },
        { "an entry of the future", test_an_entry_of_the_future },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Any bytes as a file of the journal, as our own readers of it take it: the header, the first and the last entry, any
 * entry by its number, and a run of lines from each of the first entries on, in both scopes. What they give is bounded
 * and in order. Seeds are in corpus/journal-file, written by seeds.py.
 *
 * To be linked with libsystemd's reader wrapped, which has a fuzzer of its own and is asked here for nothing: it finds
 * no entry that would end a run. */
#include "replay.h"

#include "fuzz-file.h"

#include "../../src/systemd/journal-run.h"
#include "../../src/systemd/journal-headers.h"
#include "../../src/systemd/journal-window.h"

#include <remote-developer/task.h>

#define UNIT TASK_UNIT_PREFIX "task-1700000000-abcdef" TASK_UNIT_SUFFIX
#define FILE_NAME "system.journal"
#define SEQNUMS_MAX 3
#define LINES_MAX 200

typedef struct sd_journal sd_journal;
int __wrap_sd_journal_open_files(sd_journal **ret, const char **paths, int flags);
int __wrap_sd_journal_add_match(sd_journal *j, const void *data, size_t size);
int __wrap_sd_journal_add_disjunction(sd_journal *j);
int __wrap_sd_journal_add_conjunction(sd_journal *j);
int __wrap_sd_journal_seek_cursor(sd_journal *j, const char *cursor);
int __wrap_sd_journal_next(sd_journal *j);

int __wrap_sd_journal_open_files(sd_journal **ret, const char **paths _unused_, int flags _unused_) {
        *ret = NULL;
        return 0;
}

int __wrap_sd_journal_add_match(sd_journal *j _unused_, const void *data _unused_, size_t size _unused_) {
        return 0;
}

int __wrap_sd_journal_add_disjunction(sd_journal *j _unused_) {
        return 0;
}

int __wrap_sd_journal_add_conjunction(sd_journal *j _unused_) {
        return 0;
}

int __wrap_sd_journal_seek_cursor(sd_journal *j _unused_, const char *cursor _unused_) {
        return 0;
}

int __wrap_sd_journal_next(sd_journal *j _unused_) {
        return 0;
}

static void check_image(const JournalImage *i) {
        JournalEntryId first, last;
        bool linked;

        if (journal_image_read_first(i, &first) >= 0)
                assert(journal_entry_id_is_same(&first, &first));
        if (journal_image_read_last(i, &last, &linked) >= 0)
                assert(i->header.n_entries > 0);
}

/* As many lines as it gives; every byte of a text is there. */
static void check_run(JournalRun *r) {
        char cursor[LOG_LINE_CURSOR_SIZE];
        JournalPlace place;
        uint64_t seqnum = 0;

        for (unsigned n = 0; n < LINES_MAX && journal_run_next(r); n++) {
                _cleanup_free_ char *copy = NULL;
                size_t size;
                const char *text = journal_run_text(r, &size);

                assert(size <= JOURNAL_WINDOW_MAX);
                copy = malloc(size + 1);
                assert(copy);
                memcpy(copy, text, size);
                journal_run_cursor(r, cursor);
                assert(strlen(cursor) < sizeof(cursor) && journal_place_parse(cursor, &place));
                assert(place.seqnum > seqnum);
                seqnum = place.seqnum;
                (void) journal_run_realtime(r);
        }
}

static void write_cursor(const JournalImageHeader *h, uint64_t seqnum, char ret[static LOG_LINE_CURSOR_SIZE]) {
        int n = 2;

        strcpy(ret, "s=");
        for (size_t i = 0; i < JOURNAL_ID_SIZE; i++)
                n += sprintf(ret + n, "%02x", h->seqnum_id[i]);
        sprintf(ret + n, ";i=%llx;b=00;m=1;t=1;x=1", (unsigned long long) seqnum);
}

static void check_runs(const JournalImageHeader *h, const JournalSource *source) {
        for (uint64_t i = 0; i < SEQNUMS_MAX; i++) {
                _cleanup_(journal_run_freep) JournalRun *r = NULL;
                char cursor[LOG_LINE_CURSOR_SIZE];

                write_cursor(h, h->head_seqnum + i, cursor);
                if (journal_run_begin(source, UNIT, LOG_SOURCES_ALL, cursor, &r) > 0)
                        check_run(r);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const FuzzFile *f = fuzz_file_write(FILE_NAME, data, size);
        _cleanup_(journal_image_done) JournalImage i = JOURNAL_IMAGE_NULL;
        _cleanup_free_ char *path = string_format("%s/" FILE_NAME, f->directory);

        assert(path);
        if (journal_image_open(path, &i) < 0)
                return 0;
        check_image(&i);
        (void) journal_find_entry(&i, i.header.head_seqnum);
        (void) journal_find_entry(&i, i.header.tail_seqnum);
        check_runs(&i.header, &(JournalSource){ RUNTIME_SCOPE_SYSTEM, f->directory });
        check_runs(&i.header, &(JournalSource){ RUNTIME_SCOPE_USER, f->directory });
        return 0;
}

REPLAY_MAIN("journal-file")

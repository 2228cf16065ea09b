/* JournalReader: see journal-reader.h. Where one line of output comes behind the other they are read as a JournalRun,
 * meanwhile the handle stays behind.
 *
 * What will surprise you: libsystemd maps the journal's files in windows of 8 MiB and keeps dozens of them, which
 * counts as this process's memory. What a long replay has touched is therefore let go from time to time. */
#include "journal-reader-internal.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include "journal-doubles.h"
#include "journal-guard.h"

#include <stdio.h>
#include <syslog.h>

/* Entries between two places that are noted. To ask for an entry's place costs a third of reading it. */
#define NOTE_ENTRIES 64

/* New handles in a row, where the journal's files change all the time. */
#define HANDLES_MAX 32

/* So many lines of output behind each other are thought to go on; where they do not, more are wanted the next time. A
 * run pays when it has as many. */
#define RUN_AFTER 256
#define RUN_AFTER_MAX 65536

int journal_reader_match(JournalReader *r) {
        return journal_match_unit(r->journal, &r->source, r->unit, r->sources);
}

int journal_reader_open_handle(JournalReader *r) {
        int e;

        sd_journal_close(r->journal);
        r->journal = NULL;
        r->positioned = false;
        r->files = journal_files_now(&r->source);
        e = journal_open(&r->source, &r->journal);
        if (e < 0)
                return e;
        journal_doubles_refresh(&r->source);
        return journal_reader_match(r);
}

int journal_reader_open(const JournalSource *source, const char *unit, unsigned sources, JournalReader **ret) {
        _cleanup_(journal_reader_freep) JournalReader *r = calloc(1, sizeof(JournalReader));
        int e;

        if (!r)
                return -ENOMEM;
        r->source = *source;
        r->sources = sources;
        r->run_after = RUN_AFTER;
        r->joiner.keep_max = LINE_JOINER_KEEP_ALL;
        e = string_replace(&r->unit, unit);
        if (e >= 0)
                e = journal_reader_open_handle(r);
        if (e >= 0)
                e = journal_reader_seek_head(r);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(r);
        return 0;
}

JournalReader *journal_reader_free(JournalReader *r) {
        if (!r)
                return NULL;
        sd_journal_close(r->journal);
        journal_run_free(r->run);
        line_joiner_done(&r->joiner);
        journal_entry_done(&r->entry);
        buffer_done(&r->sentence);
        free(r->unit);
        free(r);
        return NULL;
}

/* --- places --- */

int journal_reader_copy_cursor(const JournalReader *r, char ret[static LOG_LINE_CURSOR_SIZE]) {
        _cleanup_free_ char *cursor = NULL;
        int e;

        e = sd_journal_get_cursor(r->journal, &cursor);
        if (e < 0)
                return e;
        if (strlen(cursor) >= LOG_LINE_CURSOR_SIZE)
                return -E2BIG;
        memcpy(ret, cursor, strlen(cursor) + 1);
        return 0;
}

const char *journal_reader_cursor(JournalReader *r) {
        if (r->cursor_is_old && r->run) {
                journal_run_cursor(r->run, r->cursor);
                r->cursor_is_old = false;
        }
        if (r->cursor_is_old && journal_reader_copy_cursor(r, r->cursor) >= 0)
                r->cursor_is_old = false;
        return r->cursor;
}

void journal_reader_note_place(JournalReader *r) {
        snprintf(r->noted, sizeof(r->noted), "%s", journal_reader_cursor(r));
        r->since_noted = 0;
        r->gone = false;
}

/* --- reading --- */

int journal_reader_read_entry(JournalReader *r) {
        return journal_entry_read(&r->entry, r->journal, &r->source, NULL);
}

static int next_entry(JournalReader *r) {
        if (r->positioned) {
                r->positioned = false;
                return 1;
        }
        return journal_next(r->journal, &r->source, r->source.split ? journal_reader_cursor(r) : "");
}

/* Where other entries came between, what this entry's line began with lies before the place where reading began. */
static int find_start(JournalReader *r) {
        char here[LOG_LINE_CURSOR_SIZE];
        bool stands;
        int e;

        e = journal_reader_copy_cursor(r, here);
        if (e >= 0)
                e = stream_starts_find(&r->starts, r->journal, &r->source, &r->entry, &r->joiner);
        sd_journal_flush_matches(r->journal);
        if (e >= 0)
                e = journal_reader_match(r);
        if (e >= 0)
                e = journal_seek(r->journal, here, &stands);
        if (e == 0)
                e = -ESTALE; /* it went meanwhile */
        if (e >= 0)
                e = journal_reader_read_entry(r);
        if (e >= 0)
                return e;
        line_joiner_forget(&r->joiner);
        stream_starts_forget(&r->starts);
        return e;
}

static int join(JournalReader *r, LogLine *ret) {
        const char *cursor = r->sources & LOG_WITHOUT_CURSORS ? "" : journal_reader_cursor(r);

        return line_joiner_take(&r->joiner, &r->entry, cursor, ret);
}

/* Asking for it costs a third of reading an entry. */
static bool is_place_wanted(const JournalReader *r) {
        return !(r->sources & LOG_WITHOUT_CURSORS) || !*r->noted || r->gone || r->since_noted + 1 >= NOTE_ENTRIES;
}

/* Where a file went meanwhile, what was read may be what is left of it, and what it had before that was passed over:
 * that must be known before anything is given out. */
static int read_unchanged(JournalReader *r) {
        char place[LOG_LINE_CURSOR_SIZE];
        bool wanted = is_place_wanted(r);
        int e;

        e = journal_reader_read_entry(r);
        if (e >= 0 && r->entry.is_half)
                return -EAGAIN;
        if (e >= 0 && wanted)
                e = journal_reader_copy_cursor(r, place);
        if (e >= 0 && journal_files_have_changed(&r->files, &r->source))
                e = -ESTALE;
        if (e < 0)
                return e;
        r->cursor_is_old = !wanted;
        if (wanted)
                memcpy(r->cursor, place, sizeof(place));
        return 0;
}

static int take_entry(JournalReader *r, LogLine *ret) {
        int e;

        e = read_unchanged(r);
        if (e < 0 || !journal_entry_belongs(&r->entry, r->unit))
                return e;
        if (!stream_starts_is_known(&r->starts, &r->entry)) {
                e = find_start(r);
                if (e < 0)
                        return e;
        }
        if (r->entry.source == LOG_SOURCE_GAP)
                return journal_entry_gap(&r->entry, journal_reader_cursor(r), ret);
        return join(r, ret);
}

/* --- runs --- */

/* Whether it may be the first of many that differ in their text alone. */
static bool is_plain(const JournalReader *r) {
        const JournalEntry *e = &r->entry;

        return *e->stream_id && !e->goes_on && (e->source == LOG_SOURCE_STDOUT || e->source == LOG_SOURCE_STDERR) &&
               r->joiner.n == 0 && r->sources & LOG_SOURCES_OUTPUT && journal_entry_belongs(e, r->unit);
}

/* The handle stands on the entry that was taken last. */
static void begin_run(JournalReader *r) {
        if (r->run || r->positioned || r->plain < r->run_after)
                return;
        r->plain = r->run_size = 0;
        if (journal_run_begin(&r->source, r->unit, r->sources, journal_reader_cursor(r), &r->run) <= 0)
                r->run_after = MIN_OF(2 * r->run_after, (unsigned) RUN_AFTER_MAX);
        /* What another file has in between ends it, and that file may be gone. */
        if (r->run && journal_files_have_changed(&r->files, &r->source))
                r->run = journal_run_free(r->run);
}

/* The handle goes to the entry that was taken last, of the run. */
static int leave_run(JournalReader *r) {
        bool stands;
        int e;

        if (!r->run)
                return 0;
        r->run_after = r->run_size < RUN_AFTER ? MIN_OF(2 * r->run_after, (unsigned) RUN_AFTER_MAX) : RUN_AFTER;
        (void) journal_reader_cursor(r);
        r->run = journal_run_free(r->run);
        e = journal_seek(r->journal, r->cursor, &stands);
        return e == 0 ? -EIO : MIN_OF(e, 0);
}

/* 1: a line; 0: none yet; -EAGAIN: the entry is one for the handle, which stands on it. */
static int take_of_run(JournalReader *r, LogLine *ret) {
        const char *text;
        size_t size;
        int e;

        text = journal_run_text(r->run, &size);
        e = journal_entry_take_text(&r->entry, text, size, journal_run_realtime(r->run));
        if (e < 0)
                return e;
        r->run_size++;
        r->cursor_is_old = true;
        if (stream_starts_is_known(&r->starts, &r->entry))
                return join(r, ret);
        e = leave_run(r);
        r->positioned = e >= 0;
        return e < 0 ? e : -EAGAIN;
}

/* --- files that change --- */

/* What was behind the noted place is gone, or what of it was taken is not known any more. */
static int give_gap(JournalReader *r, LogLine *ret) {
        LogGap gap = { .reason = LOG_GAP_VACUUMED, .lines = LOG_GAP_LINES_UNKNOWN,
                       .since = log_cursor_realtime(r->noted) };
        int e;

        buffer_clear(&r->sentence);
        e = log_line_describe_gap(&gap, &r->sentence);
        if (e < 0)
                return e;
        line_joiner_forget(&r->joiner);
        stream_starts_forget(&r->starts);
        r->gone = true;
        *ret = (LogLine){ .cursor = "", .realtime_usec = gap.since, .priority = LOG_INFO, .source = LOG_SOURCE_GAP,
                          .text = r->sentence.data, .size = r->sentence.size, .gap = gap };
        return 1;
}

/* From the noted place over what was taken since, as far as it is still there; `ahead`: the handle stands on the first
 * entry behind that place. */
static int go_on(JournalReader *r, bool ahead) {
        unsigned n = r->since_noted;
        uint64_t written;
        int e = 1;

        while (n > 0 && (ahead || (e = journal_guard_next(r->journal)) > 0)) {
                ahead = true;
                e = sd_journal_get_realtime_usec(r->journal, &written);
                if (e < 0)
                        return e;
                if (written > r->taken_realtime_usec)
                        break;
                e = journal_reader_copy_cursor(r, r->cursor);
                if (e < 0)
                        return e;
                ahead = false;
                n--;
        }
        r->positioned = ahead;
        if (n < r->since_noted)
                journal_reader_note_place(r);
        return MIN_OF(e, 0);
}

/* 1: a gap; 0: nothing is missing. */
static int find_place(JournalReader *r, LogLine *ret) {
        bool found = false, stands = false;
        int e, there;

        if (!*r->noted)
                return sd_journal_seek_head(r->journal);
        there = journal_reader_stand_at(r, r->noted, &found, &stands);
        e = there < 0 ? there : go_on(r, stands && !found);
        if (e < 0 || there > 0 || r->gone)
                return e;
        return give_gap(r, ret);
}

/* The same place with a new handle; the one before may stand anywhere. */
static int renew(JournalReader *r, LogLine *ret) {
        int e;

        if (r->run)
                (void) journal_reader_cursor(r);
        if (!r->cursor_is_old && *r->cursor && !r->gone)
                journal_reader_note_place(r);
        r->run = journal_run_free(r->run);
        r->plain = 0;
        snprintf(r->cursor, sizeof(r->cursor), "%s", r->noted);
        r->cursor_is_old = false;
        e = journal_reader_open_handle(r);
        if (e >= 0)
                e = find_place(r, ret);
        if (e >= 0)
                return e;
        sd_journal_close(r->journal);
        r->journal = NULL;
        return e;
}

static bool is_to_be_renewed(const JournalReader *r) {
        return !r->journal || journal_files_have_changed(&r->files, &r->source);
}

/* Not all of the entry is there yet: the place is still that of the one before. */
static void stay_before(JournalReader *r) {
        r->positioned = !r->cursor_is_old || journal_guard_previous(r->journal) <= 0;
        if (!r->positioned)
                (void) journal_reader_cursor(r);
        r->cursor_is_old = false;
}

/* As take_of_run(), of the handle's next entry; -ENODATA: there is none. */
static int take_of_handle(JournalReader *r, LogLine *ret) {
        int e;

        e = leave_run(r);
        if (e >= 0)
                e = next_entry(r);
        if (e <= 0)
                return e < 0 ? e : -ENODATA;
        e = take_entry(r, ret);
        if (e == -EAGAIN) {
                stay_before(r);
                return -ENODATA;
        }
        r->plain = e >= 0 && is_plain(r) ? r->plain + 1 : 0;
        return e;
}

static bool is_note_due(const JournalReader *r) {
        return r->since_noted >= NOTE_ENTRIES;
}

/* 1: a line; 0: none is there; -EAGAIN: the place is to be noted before the next entry. */
static int read_line(JournalReader *r, LogLine *ret) {
        int e;

        do {
                e = -EAGAIN;
                if (r->run && journal_run_next(r->run))
                        e = take_of_run(r, ret);
                if (e == -EAGAIN)
                        e = take_of_handle(r, ret);
                if (e < 0)
                        return e == -ENODATA ? 0 : e; /* not counted: it is read again with a new handle */
                r->since_noted++;
                r->taken_realtime_usec = r->entry.realtime_usec;
                if (!*r->noted || r->gone)
                        journal_reader_note_place(r);
        } while (e == 0 && !is_note_due(r));
        return e == 0 ? -EAGAIN : e;
}

/* An end, or an error, is believed only of files that are as they were. */
int journal_reader_next(JournalReader *r, LogLine *ret) {
        unsigned handles = 0;
        int e;

        for (;;) {
                if (is_note_due(r)) {
                        journal_reader_note_place(r);
                        begin_run(r);
                }
                e = r->journal ? read_line(r, ret) : -ESTALE;
                if (e == -EAGAIN)
                        continue;
                if (e > 0 || !is_to_be_renewed(r))
                        return e;
                do {
                        if (e < 0 && ++handles > HANDLES_MAX)
                                return e;
                        e = renew(r, ret);
                } while (e < 0 && journal_files_have_changed(&r->files, &r->source));
                if (e != 0)
                        return e;
        }
}

int journal_reader_flush(JournalReader *r, LogLine *ret) {
        return line_joiner_flush(&r->joiner, r->unit, ret);
}

bool journal_reader_is_within_line(const JournalReader *r) {
        return r->joiner.n > 0;
}

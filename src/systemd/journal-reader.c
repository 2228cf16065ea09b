/* JournalReader: see journal-reader.h. Where one line of output comes behind the other they are read as a JournalRun,
 * meanwhile the handle stays behind.
 *
 * What will surprise you: libsystemd maps the journal's files in windows of 8 MiB and keeps dozens of them, which
 * counts as this process's memory. What a long replay has touched is therefore let go from time to time. */
#include <remote-developer/journal-reader.h>

#include <remote-developer/journal-memory.h>
#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include "journal-doubles.h"
#include "journal-entry.h"
#include "journal-files.h"
#include "journal-run.h"
#include "line-joiner.h"
#include "stream-starts.h"

#include <stdio.h>
#include <syslog.h>

/* Entries between two looks at whether the files are still the same. */
#define CHECK_ENTRIES 64

/* So many lines of output behind each other are thought to go on; where they do not, more are wanted the next time. A
 * run pays when it has as many. */
#define RUN_AFTER 256
#define RUN_AFTER_MAX 65536

struct JournalReader {
        JournalSource source;
        char *unit;
        unsigned sources;
        sd_journal *journal;
        JournalEntry entry;
        LineJoiner joiner;
        StreamStarts starts;
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last entry taken; "" at first */
        bool cursor_is_old;                /* ... it is that of the journal's current entry */
        bool positioned;                   /* a seek was made; the current entry is the wanted one */
        unsigned entries;                  /* read so far */

        JournalRun *run;    /* NULL: the handle reads */
        unsigned run_size;  /* entries taken of it */
        unsigned run_after; /* so many plain entries before the next one */
        unsigned plain;     /* entries of output behind each other */

        JournalFiles files; /* that the handle has */
        char checked[LOG_LINE_CURSOR_SIZE]; /* the place where they were last seen to be the same; "": none yet */
        unsigned since_check; /* entries that were read behind it */
        usec_t taken_realtime_usec; /* of the last of them */
        Buffer sentence;      /* of a gap */
};

static int match(JournalReader *r) {
        return journal_match_unit(r->journal, &r->source, r->unit, r->sources);
}

static int open_handle(JournalReader *r) {
        int e;

        sd_journal_close(r->journal);
        r->journal = NULL;
        r->positioned = false;
        r->files = journal_files_now(&r->source);
        e = journal_open(&r->source, &r->journal);
        if (e < 0)
                return e;
        journal_doubles_refresh(&r->source);
        return match(r);
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
                e = open_handle(r);
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

/* What was kept of lines belongs to the old place, and what streams have begun before the new one is not known. */
static void forget_place(JournalReader *r) {
        r->run = journal_run_free(r->run);
        r->plain = 0;
        line_joiner_forget(&r->joiner);
        stream_starts_forget(&r->starts);
        r->positioned = r->cursor_is_old = false;
        r->cursor[0] = r->checked[0] = 0;
        r->since_check = 0;
}

static int copy_cursor(sd_journal *j, char ret[static LOG_LINE_CURSOR_SIZE]) {
        _cleanup_free_ char *cursor = NULL;
        int e;

        e = sd_journal_get_cursor(j, &cursor);
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
        if (r->cursor_is_old && copy_cursor(r->journal, r->cursor) >= 0)
                r->cursor_is_old = false;
        return r->cursor;
}

int journal_reader_seek_head(JournalReader *r) {
        forget_place(r);
        stream_starts_know_all(&r->starts);
        return sd_journal_seek_head(r->journal);
}

int journal_reader_seek_end(JournalReader *r) {
        forget_place(r);
        return sd_journal_seek_tail(r->journal);
}

/* Stands on the entry that was sought: the place before it is that of the entry before. */
static int stand_before(JournalReader *r) {
        int e;

        e = sd_journal_previous(r->journal);
        if (e == 0)
                return journal_reader_seek_head(r);
        return e < 0 ? e : copy_cursor(r->journal, r->cursor);
}

int journal_reader_seek_since(JournalReader *r, usec_t realtime_usec) {
        int e;

        forget_place(r);
        e = sd_journal_seek_realtime_usec(r->journal, realtime_usec);
        if (e >= 0)
                e = sd_journal_next(r->journal);
        if (e > 0)
                return stand_before(r);
        return e < 0 ? e : journal_reader_seek_end(r);
}

/* An entry of another source than is read here is there as well. */
static int is_there_unmatched(JournalReader *r, const char *cursor) {
        int found, e;
        bool stands;

        found = journal_has_cursor(r->journal, cursor);
        if (found < 0)
                return found;
        sd_journal_flush_matches(r->journal);
        e = match(r);
        if (e >= 0)
                e = journal_seek(r->journal, cursor, &stands);
        return e < 0 ? e : found;
}

/* As journal_seek(); what was kept of the old place is forgotten if there is a new one. */
static int leave_for(JournalReader *r, const char *cursor, bool *ret_stands) {
        int found = journal_seek(r->journal, cursor, ret_stands);

        if (found >= 0)
                forget_place(r);
        return found;
}

int journal_reader_seek_after(JournalReader *r, const char *cursor) {
        bool stands = false;
        int found;

        found = leave_for(r, cursor, &stands);
        if (found < 0)
                return found;
        r->positioned = stands && found == 0;
        snprintf(r->cursor, sizeof(r->cursor), "%s", cursor);
        return found > 0 ? 1 : is_there_unmatched(r, cursor);
}

int journal_reader_seek_before(JournalReader *r, const char *cursor) {
        bool stands = false;
        int found;

        found = leave_for(r, cursor, &stands);
        return found < 0 || stands ? found : journal_reader_seek_end(r);
}

static int read_entry(JournalReader *r) {
        if (++r->entries % JOURNAL_MEMORY_ENTRIES == 0)
                journal_memory_release();
        return journal_entry_read(&r->entry, r->journal, &r->source, NULL);
}

int journal_reader_go_back(JournalReader *r, unsigned sources, const char *floor, unsigned max, uint64_t *lines) {
        int e;

        for (unsigned i = 0; i < max && *lines > 0; i++) {
                e = sd_journal_previous(r->journal);
                if (e == 0)
                        return journal_reader_seek_head(r) < 0 ? -EIO : 1;
                if (e < 0)
                        return e;
                if (*floor && sd_journal_test_cursor(r->journal, floor) > 0)
                        return journal_reader_seek_after(r, floor) < 0 ? -EIO : 1;
                e = read_entry(r);
                if (e < 0)
                        return e;
                if (r->entry.is_half)
                        continue; /* it is behind the last line */
                if (journal_entry_ends_line(&r->entry, r->unit, sources))
                        --*lines;
        }
        if (*lines > 0)
                return 0;
        e = stand_before(r);
        return e < 0 ? e : 1;
}

/* --- reading --- */

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

        e = copy_cursor(r->journal, here);
        if (e >= 0)
                e = stream_starts_find(&r->starts, r->journal, &r->source, &r->entry, &r->joiner);
        sd_journal_flush_matches(r->journal);
        if (e >= 0)
                e = match(r);
        if (e >= 0)
                e = journal_seek(r->journal, here, &stands);
        if (e == 0)
                e = -ESTALE; /* it went meanwhile */
        return e < 0 ? e : read_entry(r);
}

static int join(JournalReader *r, LogLine *ret) {
        const char *cursor = r->sources & LOG_WITHOUT_CURSORS ? "" : journal_reader_cursor(r);

        return line_joiner_take(&r->joiner, &r->entry, cursor, ret);
}

static int take_entry(JournalReader *r, LogLine *ret) {
        int e;

        e = read_entry(r);
        if (e >= 0 && r->entry.is_half)
                return -EAGAIN;
        if (e >= 0 && r->files.faults != journal_memory_faults())
                e = -EBADMSG;
        if (e < 0 || !journal_entry_belongs(&r->entry, r->unit))
                return MIN_OF(e, 0);
        if (!stream_starts_is_known(&r->starts, &r->entry)) {
                e = find_start(r);
                if (e < 0)
                        return e;
        }
        r->cursor_is_old = true;
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

static void note_check(JournalReader *r) {
        snprintf(r->checked, sizeof(r->checked), "%s", journal_reader_cursor(r));
        r->since_check = 0;
}

/* What was read since the last check came from a file that was just removed, or was passed over with it. */
static int give_gap(JournalReader *r, LogLine *ret) {
        LogGap gap = { .reason = LOG_GAP_VACUUMED, .lines = LOG_GAP_LINES_UNKNOWN,
                       .since = log_cursor_realtime(r->checked) };
        int e;

        buffer_clear(&r->sentence);
        e = log_line_describe_gap(&gap, &r->sentence);
        if (e >= 0)
                e = sd_journal_seek_realtime_usec(r->journal, r->taken_realtime_usec + 1);
        if (e < 0)
                return e;
        line_joiner_forget(&r->joiner);
        stream_starts_forget(&r->starts);
        r->positioned = r->cursor_is_old = false;
        r->checked[0] = 0;
        r->since_check = 0;
        *ret = (LogLine){ .cursor = "", .realtime_usec = gap.since, .priority = LOG_INFO, .source = LOG_SOURCE_GAP,
                          .text = r->sentence.data, .size = r->sentence.size, .gap = gap };
        return 1;
}

/* From the place where all was well over what was read since; `ahead`: it stands on the first entry of that. */
static int go_on(JournalReader *r, bool ahead) {
        unsigned n = r->since_check;
        int e = 1;

        r->positioned = ahead && n == 0;
        if (ahead && n > 0)
                n--;
        while (n-- > 0 && (e = sd_journal_next(r->journal)) > 0)
                ;
        return MIN_OF(e, 0);
}

/* The same place with a new handle. 1: a gap; 0: nothing is missing. */
static int renew(JournalReader *r, LogLine *ret) {
        int e, found, there;
        bool stands;

        if (!*r->checked)
                note_check(r);
        (void) journal_reader_cursor(r);
        r->run = journal_run_free(r->run);
        r->plain = 0;
        e = open_handle(r);
        if (e < 0 || !*r->checked)
                return e < 0 ? e : sd_journal_seek_head(r->journal);
        found = there = journal_seek(r->journal, r->checked, &stands);
        if (found == 0)
                there = is_there_unmatched(r, r->checked);
        if (there < 0)
                return there;
        return there > 0 ? go_on(r, found == 0) : give_gap(r, ret);
}

static bool is_check_due(const JournalReader *r) {
        return r->since_check >= CHECK_ENTRIES;
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
                r->positioned = true; /* until it is all there */
                return -ENODATA;
        }
        r->plain = e >= 0 && is_plain(r) ? r->plain + 1 : 0;
        return e;
}

/* 1: a line; 0: none is there; -EAGAIN: a check is due before the next entry. */
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
                r->since_check++;
                r->taken_realtime_usec = r->entry.realtime_usec;
                if (!*r->checked)
                        note_check(r);
        } while (e == 0 && !is_check_due(r));
        return e == 0 ? -EAGAIN : e;
}

int journal_reader_next(JournalReader *r, LogLine *ret) {
        bool due = is_check_due(r), changed;
        int e;

        for (;; due = e == -EAGAIN) {
                changed = due && journal_files_have_changed(&r->files, &r->source);
                if (due && !changed) {
                        note_check(r);
                        begin_run(r);
                }
                e = changed ? renew(r, ret) : 0;
                if (e == 0)
                        e = read_line(r, ret);
                if (e == -EAGAIN)
                        continue;
                /* An end, or an error, is believed only of files that are as they were. */
                if (e > 0 || !journal_files_have_changed(&r->files, &r->source))
                        return e;
                e = renew(r, ret);
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

/* JournalEntry: what one entry of the journal is to the log of a task. One pass over its fields reads it, since each
 * question to libsystemd for a single field looks at half of them.
 */
#pragma once

#include "journal-internal.h"

#define JOURNAL_FIELD_SIZE 128

typedef struct JournalEntry {
        char unit[JOURNAL_FIELD_SIZE]; /* the task's unit to whose log it belongs; "": none */
        bool of_all;                   /* ... but to those of all tasks */
        LogSource source;
        char stream_id[ID128_TEXT_SIZE];
        usec_t realtime_usec;
        int priority;

        bool has_text;
        bool is_half; /* journald is about to write it: if no later one was seen, not all of it may be there yet */
        bool is_marked; /* by the relay, as every line of its stream is that began before */
        bool is_whole; /* nothing before it belongs to its line; false: who knows */
        bool goes_on;  /* its line goes on in the next entry of the same stream and source */
        bool maybe_cut; /* for whoever sets it: the line may have begun earlier */
        bool ends_nul; /* ... with a NUL byte between them */
        Buffer text;   /* MESSAGE=, copied: libsystemd may let go of it with the next field */

        uint64_t dropped; /* LOG_SOURCE_GAP: how many messages journald suppressed */
} JournalEntry;

#define JOURNAL_ENTRY_NULL ((JournalEntry){})
void journal_entry_done(JournalEntry *e);

/* Reads the current entry into `e`, whose memory is used again. `cursor`: of the entry, where it is known; NULL. One
 * that journald has written twice has no text the first time, and so belongs to nobody. */
int journal_entry_read(JournalEntry *e, sd_journal *j, const JournalSource *source, const char *cursor);

/* Makes an entry that was read, of a stream's line, another one of the same stream with that text, which is copied. */
int journal_entry_take_text(JournalEntry *e, const char *text, size_t size, usec_t realtime_usec);

/* Makes the entry's gap a line, whose text is a sentence in the entry. 1, or negative errno. */
int journal_entry_gap(JournalEntry *e, const char *cursor, LogLine *ret);

bool journal_entry_belongs(const JournalEntry *e, const char *unit);

/* The last byte of a line, of those that belong into a log of these sources: the end of a line, or a gap. */
bool journal_entry_ends_line(const JournalEntry *e, const char *unit, unsigned sources);

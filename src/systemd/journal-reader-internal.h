/* What the files of a JournalReader share: journal-reader.c reads on, journal-reader-seek.c changes the place. */
#pragma once

#include <remote-developer/journal-reader.h>

#include "journal-entry.h"
#include "journal-files.h"
#include "journal-run.h"
#include "line-joiner.h"
#include "stream-starts.h"

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

        JournalRun *run;    /* NULL: the handle reads */
        unsigned run_size;  /* entries taken of it */
        unsigned run_after; /* so many plain entries before the next one */
        unsigned plain;     /* entries of output behind each other */

        JournalFiles files; /* that the handle has */
        char noted[LOG_LINE_CURSOR_SIZE]; /* a place up to which all was taken; "": none yet */
        bool gone;                        /* ... its entry is gone, which was told */
        unsigned since_noted;             /* entries that were taken behind it */
        usec_t taken_realtime_usec;       /* of the last of them */
        Buffer sentence;                  /* of a gap */
};

int journal_reader_open_handle(JournalReader *r);

/* Has the handle see what is read here. */
int journal_reader_match(JournalReader *r);

/* Takes the handle's current entry apart. */
int journal_reader_read_entry(JournalReader *r);
int journal_reader_copy_cursor(const JournalReader *r, char ret[static LOG_LINE_CURSOR_SIZE]);

/* All up to the reader's cursor was taken. */
void journal_reader_note_place(JournalReader *r);

/* As journal_seek(), and then whether the entry of that cursor is there, also of a source that is not read here, or
 * the one that was written next. 1 or 0; `ret_found`: the handle stands on it. */
int journal_reader_stand_at(JournalReader *r, const char *cursor, bool *ret_found, bool *ret_stands);

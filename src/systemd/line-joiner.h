/* LineJoiner: makes lines of journal entries. journald cuts a line longer than its LineMax=, and one that several
 * processes wrote, into entries that are marked _LINE_BREAK=line-max or pid-change and have one _STREAM_ID=; a joiner
 * keeps what each stream has begun. Null is complete, but keeps nothing of a line in pieces: see `keep_max`.
 *
 * A line longer than JOURNAL_LINE_MAX is given out in pieces of that size (LogLine.partial), which begin and end at
 * the same entries for everybody who reads it.
 */
#pragma once

#include "journal-entry.h"

typedef struct OpenLine {
        char stream_id[ID128_TEXT_SIZE];
        char unit[JOURNAL_FIELD_SIZE];
        LogSource source;
        uint64_t size;   /* so far, kept or not */
        Buffer parts;    /* as long as it is kept */
        bool dropped;    /* it is not */
        LogLine position; /* of the last entry taken; neither text nor cursor is set */
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of that entry, or "" where the reader needs none */
} OpenLine;

#define LINE_JOINER_KEEP_ALL (SIZE_MAX / 8)

typedef struct LineJoiner {
        size_t keep_max; /* a longer line is given out without its text (NULL), and so is one when all together are
                          * longer than the fourfold of this; LINE_JOINER_KEEP_ALL */
        OpenLine *open;
        size_t n, allocated;
        size_t bytes; /* of all parts */
        Buffer given; /* what the last line given out borrows */
        char given_cursor[LOG_LINE_CURSOR_SIZE];
} LineJoiner;

/* Begins anew. */
void line_joiner_forget(LineJoiner *l);
void line_joiner_done(LineJoiner *l);

/* Takes an entry that has a text, with the cursor of it (borrowed as long as the entry). 1: `ret` is a line, borrowed
 * until the next call or until the entry is read anew; 0: the line goes on. */
int line_joiner_take(LineJoiner *l, const JournalEntry *e, const char *cursor, LogLine *ret);

/* A line of this unit that was begun and will not be ended: 1, or 0 when there is none. */
int line_joiner_flush(LineJoiner *l, const char *unit, LogLine *ret);

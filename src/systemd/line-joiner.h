/* LineJoiner: makes lines of journal entries. journald cuts a line longer than its LineMax=, and one that several
 * processes wrote, into entries that are marked _LINE_BREAK=line-max or pid-change and have one _STREAM_ID=; a joiner
 * keeps what each stream has begun. Null is complete.
 *
 * Bounds: a line is given out in pieces when it, or all that is kept together, grows past JOURNAL_LINE_MAX.
 */
#pragma once

#include <remote-developer/journal-reader.h>

#include <systemd/sd-journal.h>

typedef struct OpenLine {
        char stream_id[ID128_TEXT_SIZE];
        char unit[128];
        LogLine position; /* of the last entry taken; its text is not set */
        Buffer parts;
} OpenLine;

typedef struct LineJoiner {
        OpenLine *open;
        size_t n, allocated;
        size_t bytes;  /* of all parts */
        Buffer given;  /* what the last line given out borrows */
} LineJoiner;

#define LINE_JOINER_NULL ((LineJoiner){})
void line_joiner_done(LineJoiner *l);

/* Takes the journal's current entry, which `unit` wrote. 1: `ret` is a line (borrowed until the next call or until the
 * journal moves); 0: the line goes on, or the entry has none; `ret`'s cursor is set in both cases. */
int line_joiner_take(LineJoiner *l, sd_journal *j, const char *unit, LogLine *ret);

/* A line of this unit that was begun and will not be ended: 1, or 0 when there is none. */
int line_joiner_flush(LineJoiner *l, const char *unit, LogLine *ret);

/* JournalDoubles: which entries of the journal journald has written, or is about to write, a second time.
 *
 *      E is linked ──┬──▶ all of its fields are ──────────────────────────────▶ whole
 *     into its file  │
 *                    └──▶ the file is full amid them ──▶ rotation ──▶ E' ─────▶ E is a double: E' is the line
 *                                                  (pending)
 *
 * When a file reaches its largest size while an entry is appended, the entry stays in it, as the last one, but not
 * every field leads to it; journald rotates and appends it to the new file anew, as the first one (systemd 252,
 * journal_file_link_entry() and write_to_journal()). Both have the same times and hash. So have two equal lines that
 * journald took together, of which a rotation may come between: those were both linked to the end.
 *
 * E may be seen by one match and not by another; E' is seen by all. So it is E that nobody takes, neither its line nor
 * its cursor: as long as it is known to be the last of its file and not to be whole, it is waited for. All readers of
 * a program share what is known, and nothing is read from files but where an entry may be the last of one.
 */
#pragma once

#include <remote-developer/journal-reader.h>

typedef enum JournalWriting {
        JOURNAL_WHOLE,
        JOURNAL_PENDING, /* journald is at it, and writes the rest of it, or all of it anew */
        JOURNAL_DOUBLE,
} JournalWriting;

/* To be called when a handle was opened: what is old by now needs no more than the table of what is known. */
void journal_doubles_refresh(const JournalSource *source);

/* Whether an entry of that time may be anything but whole. For whoever would have to ask for its cursor. */
bool journal_doubles_may_be(const JournalSource *source, usec_t realtime_usec);

JournalWriting journal_doubles_judge(const JournalSource *source, const char *cursor);

/* JournalRun: entries of a unit that lie behind each other in one file of the journal and differ in their text alone,
 * as nearly all do that a program writes. They are read from the file itself: libsystemd looks at each of an entry's
 * two dozen fields, which takes most of the time of reading a log, and here it is seen that they are those of the
 * entry before.
 *
 *      libsystemd ──▶ entry, entry, ... ──▶ run: text, text, ... ──▶ libsystemd, behind the last one
 *
 * A run never goes on over what may be anything else: an entry with another field, of another stream, in pieces; one
 * that belongs to the log and lies in another file; the last entry of the file, of which journald may not be done.
 */
#pragma once

#include <remote-developer/journal-reader.h>

typedef struct JournalRun JournalRun;

/* Behind the entry of this cursor, which is one of the unit's output. 1: there is a run; 0: there is none, for which
 * there are many reasons; negative errno. To find out costs as much as some hundred entries. */
int journal_run_begin(const JournalSource *source, const char *unit, unsigned sources, const char *cursor,
                      JournalRun **ret);
JournalRun *journal_run_free(JournalRun *r);
DEFINE_CLEANUP(JournalRun *, journal_run_free)

/* Whether a further entry is in the run. False: it ends behind the one that was taken last. */
bool journal_run_next(JournalRun *r);

/* Of the entry that was taken last; the text is borrowed until the next one. */
const char *journal_run_text(const JournalRun *r, size_t *ret_size);
usec_t journal_run_realtime(const JournalRun *r);
void journal_run_cursor(const JournalRun *r, char ret[static LOG_LINE_CURSOR_SIZE]);

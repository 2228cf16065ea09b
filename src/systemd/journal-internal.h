/* What the readers of the journal share: opening, matching and taking an entry apart. */
#pragma once

#include <remote-developer/journal-reader.h>

#include <systemd/sd-journal.h>

int journal_open(const JournalSource *source, sd_journal **ret);

/* So long after the time it is stamped with, journald has written an entry, and all that came before it. */
#define JOURNAL_SETTLED_USEC USEC_PER_SEC

/* Adds "FIELD=value". */
int journal_add_match(sd_journal *j, const char *field, const char *value);

/* Matches what belongs into this task's log, of these sources; or into that of any unit of the slice, of all sources.
 * Also what a unit wrote where journald could not place the writer any more (unit-spec.h). More may match than
 * belongs: journal_entry_belongs() tells. */
int journal_match_unit(sd_journal *j, const JournalSource *source, const char *unit, unsigned sources);
int journal_match_slice(sd_journal *j, const JournalSource *source, const char *slice);

/* As sd_journal_next() from the entry with that cursor, where it stands; "": from the begin. Over a split journal it
 * sees no entry before one that was written earlier. */
int journal_next(sd_journal *j, const JournalSource *source, const char *cursor);

/* To the entry of this cursor. 1: it stands there; 0: the entry is not there, and it stands on the next one, if
 * `ret_stands`. */
int journal_seek(sd_journal *j, const char *cursor, bool *ret_stands);

/* Whether the entry of this cursor is there at all, matched or not. Moves the handle and forgets its matches. */
int journal_has_cursor(sd_journal *j, const char *cursor);

/* Borrowed value of a field of the current entry, without its name; -ENOENT. */
int journal_get_data(sd_journal *j, const char *field, const char **ret, size_t *ret_size);

/* As above, copied as a string, cut at `size` - 1; "" when it is not there. */
void journal_get_text(sd_journal *j, const char *field, char *ret, size_t size);

/* The unit that wrote the current entry; "" when it is no task's. */
void journal_get_unit(sd_journal *j, RuntimeScope scope, char *ret, size_t size);

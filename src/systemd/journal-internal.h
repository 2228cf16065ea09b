/* What the readers of the journal share: opening, matching and taking an entry apart. */
#pragma once

#include <remote-developer/journal-reader.h>

#include <systemd/sd-journal.h>

int journal_open(const JournalSource *source, sd_journal **ret);

/* The unit that wrote the current entry; "" when it is no task's. */
void journal_get_unit(sd_journal *j, RuntimeScope scope, char *ret, size_t size);

/* Matches what this task's unit wrote, or what any unit of the slice did; also where journald could not place the
 * writer any more (unit-spec.h). */
int journal_match_unit(sd_journal *j, const JournalSource *source, const char *unit);
int journal_match_slice(sd_journal *j, const JournalSource *source, const char *slice);

/* Adds "FIELD=value". */
int journal_add_match(sd_journal *j, const char *field, const char *value);

/* Whether the entry ends without the end of its line: it was as long as LineMax=, or another process wrote on. */
bool journal_entry_goes_on(sd_journal *j);

/* Borrowed value of a field of the current entry, without its name; -ENOENT. */
int journal_get_data(sd_journal *j, const char *field, const char **ret, size_t *ret_size);

/* As above, copied as a string, cut at `size` - 1; "" when it is not there. */
void journal_get_text(sd_journal *j, const char *field, char *ret, size_t size);

/* What the readers of the journal share: opening, matching and taking an entry apart. */
#pragma once

#include <remote-developer/journal-reader.h>

#include <systemd/sd-journal.h>

int journal_open(const JournalSource *source, sd_journal **ret);

/* The names of journald's trusted fields, which differ between the system's and a user's units. */
const char *journal_unit_field(RuntimeScope scope);
const char *journal_slice_field(RuntimeScope scope);

/* Adds "FIELD=value". */
int journal_add_match(sd_journal *j, const char *field, const char *value);

/* Borrowed value of a field of the current entry, without its name; -ENOENT. */
int journal_get_data(sd_journal *j, const char *field, const char **ret, size_t *ret_size);

/* As above, copied as a string, cut at `size` - 1; "" when it is not there. */
void journal_get_text(sd_journal *j, const char *field, char *ret, size_t size);

/* Joins entries to lines. Null is a complete joiner. */
typedef struct LineJoiner {
        Buffer parts;
        char stream_id[ID128_TEXT_SIZE]; /* of the parts; "" when there are none */
} LineJoiner;

#define LINE_JOINER_NULL ((LineJoiner){})
void line_joiner_done(LineJoiner *l);

/* Takes the current entry. 1: `ret` is a line (borrowed until the next call); 0: the line goes on. */
int line_joiner_take(LineJoiner *l, sd_journal *j, JournalLine *ret);

/* JournalPatch: makes the files of a JournalFixture what journald leaves behind at a rotation, by writing into them:
 * https://systemd.io/JOURNAL_FILE_FORMAT. */
#pragma once

#include "journal-fixture.h"

/* The file has reached its largest size: nothing can be appended. */
void journal_patch_fill(const JournalFixture *f, const char *file);

/* `to` goes on with the numbers of `from`, as a rotation makes it do. */
void journal_patch_continue(const JournalFixture *f, const char *from, const char *to);

/* The value ("FIELD=...") does not lead to the last of its entries, since the list of them could not grow. */
void journal_patch_unlink(const JournalFixture *f, const char *file, const char *value);

/* journald has begun to write a further entry: the header tells its number, and nobody is woken. */
void journal_patch_begin_entry(const JournalFixture *f, const char *file);

/* journald tells all who wait that it has written something. */
void journal_patch_announce(const JournalFixture *f, const char *file);

/* JournalFiles: whether the journal's files are still those that a handle has mapped. journald makes room for what
 * is new by removing the oldest file, and leaves zeros in the maps of whoever reads it, where libsystemd then finds
 * nothing more and goes on with the next file. Null is no state of any journal.
 */
#pragma once

#include <remote-developer/journal-reader.h>

typedef struct JournalFiles {
        uint64_t stamp;  /* of the directories */
        unsigned faults; /* journal-memory.h, journal-guard.h */
} JournalFiles;

/* The directories that they are in, borrowed; how many. */
#define JOURNAL_PLACES_MAX 2
size_t journal_files_places(const JournalSource *source, const char *ret[static JOURNAL_PLACES_MAX]);

/* As they are now. */
JournalFiles journal_files_now(const JournalSource *source);

/* A file came, went, was renamed or cut since, or libsystemd gave up amid it: one system call, nearly always. What was
 * read before this said no is believed, and that nothing was passed over. */
bool journal_files_have_changed(const JournalFiles *f, const JournalSource *source);

/* What libsystemd keeps mapped of the journal's files counts as this process's memory, though it is the page cache's.
 */
#pragma once

#include <stddef.h>

/* So many bytes of the journal's files stay mapped at most, about, however many readers there are. */
#define JOURNAL_MEMORY_MAX ((size_t) 10 * 1024 * 1024)

/* Lets go of the pages (they are read again from the page cache when they are wanted). At rest. */
void journal_memory_release(void);

/* An entry with so many bytes of text is being read; lets go of the pages when it is time. */
void journal_memory_touch(size_t size);

/* journald may cut a file that is mapped here, when it archives or vacuums it; to touch what is gone is SIGBUS. From
 * now on zeros are read there instead, which libsystemd takes for a damaged file, or for its own mistake, and ends the
 * program: that is an error from now on as well. To be called once, by a program. */
int journal_memory_catch_faults(void);

/* How often that has happened. What was read since it last changed is not to be believed. */
unsigned journal_memory_faults(void);

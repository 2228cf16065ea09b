/* LogRing: the last lines of one task's log, numbered from 0 since the ring began; old ones give way to new ones.
 *
 * Invariants: the ring holds the lines first..end-1; at most `lines_max` of them and about `bytes_max` bytes.
 * A line longer than `bytes_max` empties the ring, but still counts.
 */
#pragma once

#include <remote-developer/journal-reader.h>

typedef struct LogRing LogRing;

int log_ring_new(size_t lines_max, size_t bytes_max, LogRing **ret);
LogRing *log_ring_free(LogRing *r);

uint64_t log_ring_first(const LogRing *r);
uint64_t log_ring_end(const LogRing *r);

int log_ring_append(LogRing *r, const LogLine *line);

/* first <= position < end. The text is borrowed until the next append. */
void log_ring_get(const LogRing *r, uint64_t position, LogLine *ret);

/* The position behind the line with this cursor, which is found only while the ring holds it, or when it was the
 * very last line appended. False: not found. */
bool log_ring_find_after(const LogRing *r, const char *cursor, uint64_t *ret_position);

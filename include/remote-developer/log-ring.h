/* LogRing: the last lines of one task's log, numbered from 0 since the ring began; old ones give way to new ones.
 *
 * Invariants: the ring holds the lines first..end-1; at most `lines_max` of them and about `bytes_max` bytes.
 * A line longer than `bytes_max`, or one whose text was not kept (NULL), empties the ring, but still counts.
 */
#pragma once

#include <remote-developer/log-line.h>

typedef struct LogRing LogRing;

int log_ring_new(size_t lines_max, size_t bytes_max, LogRing **ret);
LogRing *log_ring_free(LogRing *r);

uint64_t log_ring_first(const LogRing *r);
uint64_t log_ring_end(const LogRing *r);

/* Behind the last line that has a cursor: what follows are gaps, which no reader of the journal comes across. */
uint64_t log_ring_last(const LogRing *r);

int log_ring_append(LogRing *r, const LogLine *line);

/* first <= position < end. The line is borrowed until the next append. */
void log_ring_get(const LogRing *r, uint64_t position, LogLine *ret);

/* The position behind the line with this cursor, which is found only while the ring holds it, or when it was the last
 * one appended that has a cursor. False: not found, as "" never is. */
bool log_ring_find_after(const LogRing *r, const char *cursor, uint64_t *ret_position);

/* The position from which on there are so many lines of these sources. False: the ring does not hold them. */
bool log_ring_find_tail(const LogRing *r, unsigned sources, uint64_t lines, uint64_t *ret_position);

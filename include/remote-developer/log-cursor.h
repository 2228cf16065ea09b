/* The cursor that clients get: opaque, fit for a header and a URL, and bound to its task.
 *
 * It is the journal's own cursor with ';' and '=' written as '.' and '_', and behind it a check over the task's id
 * and the rest, so that a mangled one or another task's is refused. The check guards against mistakes, not against
 * malice: whoever may ask for a cursor's place may read the log anyway.
 */
#pragma once

#include <remote-developer/clock.h>

#define LOG_CURSOR_SIZE 280

/* -E2BIG: the journal's cursor is longer than any seen. */
int log_cursor_encode(const char *task_id, const char *journal_cursor, char ret[static LOG_CURSOR_SIZE]);

/* The same for many of one task, which mostly begin alike: the check over that is computed once. It goes byte by byte,
 * each waiting for the one before, and took a sixth of the time of a replay. */
typedef struct LogCursorEncoder {
        const char *task_id; /* borrowed */
        char begin[64];      /* of the cursor encoded last: with the id of its sequence */
        size_t size;         /* of that; 0: none */
        uint32_t hash;       /* over the task's id and that */
} LogCursorEncoder;

#define LOG_CURSOR_ENCODER(id) ((LogCursorEncoder){ .task_id = (id) })

/* As log_cursor_encode(). */
int log_cursor_encoder_encode(LogCursorEncoder *e, const char *journal_cursor, char ret[static LOG_CURSOR_SIZE]);

/* -EINVAL: mangled, or of another task. */
int log_cursor_decode(const char *task_id, const char *cursor, char ret[static LOG_CURSOR_SIZE]);

/* When the entry of the journal's own cursor was written; 0: it does not tell. */
usec_t log_cursor_realtime(const char *journal_cursor);

/* Stands for an entry of that time which is gone: no entry has this cursor. */
void log_cursor_of_time(usec_t realtime_usec, char ret[static LOG_CURSOR_SIZE]);

/* Which of two of the journal's own cursors is earlier, as the journal orders entries: less than, equal to or
 * greater than 0. By sequence number where both are of one sequence, else by the clock of the boot, else by the time
 * of day. */
int log_cursor_compare(const char *a, const char *b);

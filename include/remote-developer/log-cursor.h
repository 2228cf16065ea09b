/* The cursor that clients get: opaque, fit for a header and a URL, and bound to its task.
 *
 * It is the journal's own cursor with ';' and '=' written as '.' and '_', and behind it a check over the task's id
 * and the rest, so that a mangled one or another task's is refused. The check guards against mistakes, not against
 * malice: whoever may ask for a cursor's place may read the log anyway.
 */
#pragma once

#include <remote-developer/buffer.h>

#define LOG_CURSOR_SIZE 280

/* -E2BIG: the journal's cursor is longer than any seen. */
int log_cursor_encode(const char *task_id, const char *journal_cursor, char ret[static LOG_CURSOR_SIZE]);

/* -EINVAL: mangled, or of another task. */
int log_cursor_decode(const char *task_id, const char *cursor, char ret[static LOG_CURSOR_SIZE]);

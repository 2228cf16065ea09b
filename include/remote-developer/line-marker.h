/* LineMarker: what a program writes on one stream, in the form in which journald keeps it whole (see line-mark.h).
 *
 * Bytes go in as they were read and come out as vectors for writev(2), nearly all of them unchanged and in one piece:
 *
 *   room ──▶ read(2) ──▶ add ──▶ give ──▶ writev(2)
 *                                 ▲________│ until it gives none
 *   at the end of file: end
 *
 * Marked are lines that journald would spoil, lines longer than LINE_MARKER_PIECE_MAX at each cut, and of stderr all.
 * A NUL byte is an end of line to journald, and so it is here; the reader puts it back.
 */
#pragma once

#include <remote-developer/line-mark.h>

#include <sys/uio.h>

/* Below journald's default LineMax= of 48 KiB, which counts the newline, with room for a mark. */
#define LINE_MARKER_PIECE_MAX ((size_t) 32 * 1024)
#define LINE_MARKER_SIZE (2 * LINE_MARKER_PIECE_MAX)

/* Null is complete: stdout. Memory is touched as it is needed. */
typedef struct LineMarker {
        bool is_stderr; /* and to be told from stdout */
        /* Another one writes to the same stream of journald's: a line is given when it, or a piece of it, is whole.
         * Else its begin is given at once, so that it is safe with journald. */
        bool holds_back;
        bool within_line;       /* the line at `begin` was begun in an earlier piece */
        size_t begin, end, passed; /* of what is in `data`; `passed` bytes from `begin` on have been given */
        char data[LINE_MARKER_SIZE];
} LineMarker;

/* Where to read to, and at most how much; never 0. What was given before is no longer valid. */
char *line_marker_room(LineMarker *m, size_t *ret_size);
void line_marker_add(LineMarker *m, size_t size);

/* How many of the at most `n` >= 4 vectors were filled; 0: nothing more before the next bytes come. */
size_t line_marker_give(LineMarker *m, struct iovec *v, size_t n);

/* Whether there is the begin of a line. */
bool line_marker_is_within_line(const LineMarker *m);

/* The last line, which has no newline; `closed`: it gets one, since the stream of journald's goes on without it. */
size_t line_marker_end(LineMarker *m, bool closed, struct iovec v[static 3]);

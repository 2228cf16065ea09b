/* LineMark: one invisible character at the end of a line in the journal that says what journald would have lost.
 *
 * journald drops empty lines and blanks at a line's end, and cuts what is longer than its LineMax=. The relay between
 * a task's program and journald (LineMarker, src/relay.c) therefore ends such a line with a mark, and only such a one;
 * whoever reads the journal takes it off again:
 *
 *   text = MESSAGE= of the entry, of all entries that _LINE_BREAK=line-max joins
 *   mark = line_mark_take(text, &size)
 *   line_mark_is_stderr(mark)          the stream that it belongs to; each is a sequence of its own
 *   line_mark_goes_on(mark)            the next entry of this _STREAM_ID= and source is the rest of this line
 *   _LINE_BREAK=nul                    so it is here, whatever the mark says, with a NUL byte between
 *   _LINE_BREAK=eof                    the line is the last one and had no newline
 */
#pragma once

#include <remote-developer/macros.h>

#define LINE_MARK_SIZE 3

typedef enum LineMark {
        LINE_MARK_NONE,          /* a line of stdout as it is */
        LINE_MARK_OUTPUT_END,    /* stdout: a whole line */
        LINE_MARK_OUTPUT_GOES_ON,
        LINE_MARK_OUTPUT_LAST,   /* the rest of a line that went on */
        LINE_MARK_ERROR_END,     /* stderr, where it is told from stdout; every line of it is marked */
        LINE_MARK_ERROR_GOES_ON,
        LINE_MARK_ERROR_LAST,
        LINE_MARK_COUNT,
} LineMark;

/* In UTF-8, "" for NONE. Terminals and journalctl show nothing for them. */
extern const char *const line_mark_texts[LINE_MARK_COUNT];

/* What the end of this text says; takes it off, by making `size` smaller. */
LineMark line_mark_take(const char *text, size_t *size);

bool line_mark_is_stderr(LineMark m);
bool line_mark_goes_on(LineMark m);

/* Nothing before this entry belongs to its line. NONE does not tell: old logs have no marks. */
bool line_mark_is_whole(LineMark m);

/* Whether a line of stdout must be marked to come back as it is. */
bool line_mark_is_needed(const char *text, size_t size);

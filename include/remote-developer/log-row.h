/* room: api
 *
 * LogRow: one line of a log as clients get it: a row of JSON (pages, application/x-ndjson), a server-sent event, or
 * plain text. README.md, "The log", shows all three. Written straight into a Buffer, since there may be hundreds of
 * thousands a second.
 *
 *         LogRowWriter w = LOG_ROW_WRITER(id);
 *
 *         r = log_row_append_json(&w, &line, &buffer);
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/log-cursor.h>
#include <remote-developer/log-line.h>

typedef struct LogRowWriter {
        LogCursorEncoder cursors;
        usec_t second; /* whose text `time` holds */
        char time[CLOCK_TEXT_SIZE];
        size_t text_begin, text_end; /* of the row of JSON written last: where in the Buffer its text is */
} LogRowWriter;

/* The id is borrowed. */
#define LOG_ROW_WRITER(id) ((LogRowWriter){ .cursors = LOG_CURSOR_ENCODER(id), .second = USEC_INFINITY })

/* All append and return 0 or negative errno; after an error something of the row may have been appended. */
typedef int (*LogRowAppend)(LogRowWriter *w, const LogLine *line, Buffer *to);

/* {"cursor","time","source","text"} with what is special of the line behind it, no newline. */
int log_row_append_json(LogRowWriter *w, const LogLine *line, Buffer *to);
int log_row_append_ndjson(LogRowWriter *w, const LogLine *line, Buffer *to); /* with a newline */

/* The bytes as they were written and a newline, which one that goes on does not get; a gap as "-- sentence --". */
int log_row_append_text(LogRowWriter *w, const LogLine *line, Buffer *to);

/* The unnamed event of the original service for output, named ones for the rest. */
int log_row_append_event(LogRowWriter *w, const LogLine *line, Buffer *to);

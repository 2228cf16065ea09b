/* room: model
 *
 * LogLine: one whole line of a task's log, wherever it was read.
 */
#pragma once

#include <remote-developer/clock.h>

#define LOG_LINE_CURSOR_SIZE 256

typedef struct LogLine {
        char cursor[LOG_LINE_CURSOR_SIZE]; /* the journal's own */
        usec_t realtime_usec;
        int priority; /* as syslog's; stdout and stderr are both LOG_INFO */
        const char *text; /* borrowed until the next call to who gave it; may hold any byte */
        size_t size;
} LogLine;

/* Log: the sink, its default and the line. See log.h. */
#include <remote-developer/log.h>

#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_MAX 2048

static void sink_stderr(int priority, const char *task_id, const char *text) {
        if (task_id)
                fprintf(stderr, "<%d>%s: %s\n", priority, task_id, text);
        else
                fprintf(stderr, "<%d>%s\n", priority, text);
}

static LogSink log_sink = sink_stderr;
static int log_max_priority = LOG_INFO;

void log_set_sink(LogSink sink) {
        log_sink = sink ?: sink_stderr;
}

void log_set_max_priority(int priority) {
        log_max_priority = priority;
}

void log_line(int priority, const char *task_id, const char *format, ...) {
        char text[LOG_LINE_MAX];
        va_list ap;

        if (priority > log_max_priority)
                return;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        log_sink(priority, task_id, text);
}

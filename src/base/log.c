/* Log: the sink, its default and the line. See log.h. */
#include <remote-developer/log.h>

#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_MAX 2048

static void sink_stderr(int priority, const LogAbout *about, const char *text) {
        const char *id = about->task_id, *actor = about->actor;

        fprintf(stderr, "<%d>%s%s%s%s%s%s\n", priority, id ?: "", id ? ": " : "", text, actor ? " (" : "", actor ?: "",
                actor ? ")" : "");
}

static LogSink log_sink = sink_stderr;
static int log_max_priority = LOG_INFO;

void log_set_sink(LogSink sink) {
        log_sink = sink ?: sink_stderr;
}

void log_set_max_priority(int priority) {
        log_max_priority = priority;
}

void log_line(int priority, const LogAbout *about, const char *format, ...) {
        char text[LOG_LINE_MAX];
        va_list ap;

        if (priority > log_max_priority)
                return;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        log_sink(priority, about, text);
}

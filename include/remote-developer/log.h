/* Log: the service's own lines.
 *
 * A line goes to the sink: by default standard error in systemd's "<6>text" form; the daemon puts the journal
 * in its place (journal-log.h), where the task id becomes the field REMOTE_DEVELOPER_TASK=, and who asked for what
 * is logged REMOTE_DEVELOPER_ACTOR=. A function either
 * logs an error or returns it, never both. No secret is ever given to a log function.
 */
#pragma once

#include <remote-developer/macros.h>

#include <syslog.h>

/* What a line is about; each may be NULL. */
typedef struct LogAbout {
        const char *task_id;
        const char *actor; /* who asked for what was done: "user:1000(name)", "token:NAME"; NULL: the service itself */
} LogAbout;

/* `text` is one line without its newline. */
typedef void (*LogSink)(int priority, const LogAbout *about, const char *text);

void log_set_sink(LogSink sink);
void log_set_max_priority(int priority);

void log_line(int priority, const LogAbout *about, const char *format, ...) _printf_(3, 4);

#define log_error(...) log_line(LOG_ERR, &(const LogAbout){}, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, &(const LogAbout){}, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, &(const LogAbout){}, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, &(const LogAbout){}, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, &(const LogAbout){}, __VA_ARGS__)
#define log_task(priority, id, ...) log_line(priority, &(const LogAbout){ .task_id = (id) }, __VA_ARGS__)

/* Something was done because somebody asked for it. */
#define log_action(id, who, ...) log_line(LOG_INFO, &(const LogAbout){ .task_id = (id), .actor = (who) }, __VA_ARGS__)

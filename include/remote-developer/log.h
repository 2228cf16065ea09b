/* Log: the service's own lines.
 *
 * A line goes to the sink: by default standard error in systemd's "<6>text" form; the daemon puts the journal
 * in its place (journal-log.h), where the task id becomes the field REMOTE_DEVELOPER_TASK=. A function either
 * logs an error or returns it, never both. No secret is ever given to a log function.
 */
#pragma once

#include <remote-developer/macros.h>

#include <syslog.h>

/* `task_id` may be NULL. `text` is one line without its newline. */
typedef void (*LogSink)(int priority, const char *task_id, const char *text);

void log_set_sink(LogSink sink);
void log_set_max_priority(int priority);

void log_line(int priority, const char *task_id, const char *format, ...) _printf_(3, 4);

#define log_error(...) log_line(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_task(priority, task_id, ...) log_line(priority, task_id, __VA_ARGS__)

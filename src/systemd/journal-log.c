/* The journal as the sink of the service's own lines. See journal-log.h. */
#include <remote-developer/journal-log.h>

#include <remote-developer/log.h>
#include <remote-developer/task.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Code position fields would all name this file: they are left out. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

/* Under which journalctl -u, and --user -u, look for the lines that others write about a unit: of root's or of the
 * user's own, so nobody else can put lines there. */
static const char *const object_fields[] = {
        [RUNTIME_SCOPE_SYSTEM] = "OBJECT_SYSTEMD_UNIT=" TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX,
        [RUNTIME_SCOPE_USER] = "OBJECT_SYSTEMD_USER_UNIT=" TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX,
};

static RuntimeScope sink_scope;

/* An action is always one on a task. Who asked for it is a field that no request can write: the kernel or our list of
 * tokens said it. Any program may send journald such a field; which unit sent it journald says itself. */
static void send_action(const LogAbout *about, int priority, const char *text) {
        sd_journal_send("MESSAGE=%s: %s", about->task_id, text, "PRIORITY=%i", priority,
                        "SYSLOG_IDENTIFIER=remote-developerd", "REMOTE_DEVELOPER_TASK=%s", about->task_id,
                        object_fields[sink_scope], about->task_id, "REMOTE_DEVELOPER_ACTOR=%s", about->actor, NULL);
}

static void sink_journal(int priority, const LogAbout *about, const char *text) {
        const char *task_id = about->task_id;

        if (task_id && about->actor) {
                send_action(about, priority, text);
                return;
        }
        if (task_id)
                sd_journal_send("MESSAGE=%s: %s", task_id, text, "PRIORITY=%i", priority,
                                "SYSLOG_IDENTIFIER=remote-developerd", "REMOTE_DEVELOPER_TASK=%s", task_id,
                                object_fields[sink_scope], task_id, NULL);
        else
                sd_journal_send("MESSAGE=%s", text, "PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=remote-developerd",
                                NULL);
}

/* $JOURNAL_STREAM is device and inode of the stream that journald gave us; standard error may have been redirected
 * since (systemd.exec(5)). */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &st) < 0)
                return false;
        return st.st_dev == device && st.st_ino == inode;
}

void journal_log_open(RuntimeScope scope) {
        sink_scope = scope;
        if (stderr_is_journal())
                log_set_sink(sink_journal);
}

void journal_log_close(void) {
        log_set_sink(NULL);
}

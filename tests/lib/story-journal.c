/* The story's journal: text in the journal's export format, made a file (or appended to it) by systemd-journal-remote.
 * Its time is the moved one, and each entry is later than the one before. */
#include "story.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>

#define MAKER "/lib/systemd/systemd-journal-remote"
#define BOOT_ID "0123456789abcdef0123456789abcdef"

/* What journald adds to a line of a unit's output, for either manager. */
#define OUTPUT                                                                                               \
        "_TRANSPORT=stdout\n_SYSTEMD_INVOCATION_ID={invocation}\nSYSLOG_FACILITY=21\nSYSLOG_IDENTIFIER={id}\n" \
        "_STREAM_ID=00000000000000000000000000000001\n"
#define SYSTEM_OUTPUT "_SYSTEMD_UNIT={unit}\n_SYSTEMD_SLICE=remotedeveloper.slice\n"
#define USER_OUTPUT "_SYSTEMD_USER_UNIT={unit}\n_SYSTEMD_USER_SLICE=remotedeveloper.slice\n"

bool story_has_journal(void) {
        if (access(MAKER, X_OK) == 0)
                return true;
        tap_skip("there is no " MAKER " (package systemd-journal-remote)");
        return false;
}

static void make_journal(const Story *s, const char *text) {
        _cleanup_free_ char *journal = string_format("%s/story.journal", s->journal);
        _cleanup_free_ char *source = strdup(scratch_path(&s->scratch, "export"));
        char *const argv[] = { (char *) MAKER, (char *) "--split-mode=none", (char *) "-o", journal, source, NULL };
        posix_spawn_file_actions_t actions;
        FILE *to = fopen(source, "we");
        int status = -1;
        pid_t pid;

        if (!TAP_CHECK(to))
                return;
        fputs(text, to);
        TAP_CHECK_INT(fclose(to), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (TAP_CHECK_INT(posix_spawn(&pid, MAKER, &actions, NULL, argv, environ), 0))
                TAP_CHECK(waitpid(pid, &status, 0) == pid);
        TAP_CHECK_INT(status, 0);
        posix_spawn_file_actions_destroy(&actions);
}

static void append_entry(Story *s, const char *fields, Buffer *to) {
        static usec_t last;
        _cleanup_free_ char *expanded = story_expand(s, fields);

        last = MAX_OF(last + 1, clock_realtime_usec());
        TAP_CHECK_INT(buffer_append_format(to, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=" BOOT_ID
                                               "\n%s\n",
                                           (unsigned long long) last, (unsigned long long) last, expanded),
                      0);
}

void story_log(Story *s, const char *first, ...) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        va_list ap;

        va_start(ap, first);
        for (const char *line = first; line; line = va_arg(ap, const char *)) {
                _cleanup_free_ char *fields = string_format(
                                OUTPUT "%sMESSAGE=%s\n", s->scope == RUNTIME_SCOPE_SYSTEM ? SYSTEM_OUTPUT : USER_OUTPUT,
                                line);

                append_entry(s, fields, &text);
        }
        va_end(ap);
        make_journal(s, text.data);
}

void story_log_entry(Story *s, const char *fields) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        append_entry(s, fields, &text);
        make_journal(s, text.data);
}

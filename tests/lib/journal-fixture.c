/* JournalFixture: see journal-fixture.h. Text in the journal's export format
 * (https://systemd.io/JOURNAL_EXPORT_FORMATS), in which any field may be binary, is made a file by a program of
 * systemd's, spawned without a shell. */
#include "journal-fixture.h"

#include <remote-developer/strings.h>

#include <endian.h>
#include <spawn.h>
#include <sys/wait.h>

#define MAKER "/lib/systemd/systemd-journal-remote"
#define TICK_USEC USEC_PER_MSEC

bool journal_fixture_init(JournalFixture *f) {
        if (access(MAKER, X_OK) < 0) {
                tap_skip("there is no " MAKER " (package systemd-journal-remote)");
                return false;
        }
        if (!scratch_init(&f->scratch))
                return false;
        snprintf(f->directory, sizeof(f->directory), "%s/journal", f->scratch.path);
        f->source = (JournalSource){ RUNTIME_SCOPE_SYSTEM, f->directory };
        f->realtime_usec = 1700000000 * USEC_PER_SEC;
        f->monotonic_usec = USEC_PER_SEC;
        return TAP_CHECK_INT(mkdir(f->directory, 0700), 0);
}

void journal_fixture_done(JournalFixture *f) {
        scratch_done(&f->scratch);
}

void journal_fixture_reboot(JournalFixture *f) {
        f->boot++;
        f->monotonic_usec = USEC_PER_SEC;
}

static void add_text(Buffer *to, const FixtureEntry *e) {
        size_t size = e->size ?: strlen(e->text);
        uint64_t le = htole64(size);

        /* A binary field that is empty is passed over. */
        if (size == 0) {
                TAP_CHECK_INT(buffer_append_string(to, "MESSAGE=\n"), 0);
                return;
        }
        TAP_CHECK_INT(buffer_append_string(to, "MESSAGE\n"), 0);
        TAP_CHECK_INT(buffer_append(to, &le, sizeof(le)), 0);
        TAP_CHECK_INT(buffer_append(to, e->text, size), 0);
        TAP_CHECK_INT(buffer_append_string(to, "\n"), 0);
}

static void add_entry(JournalFixture *f, const FixtureEntry *e, Buffer *to) {
        const char *unit = e->unit ?: FIXTURE_UNIT;
        bool user = f->source.scope == RUNTIME_SCOPE_USER;

        f->realtime_usec += TICK_USEC;
        f->monotonic_usec += TICK_USEC;
        TAP_CHECK_INT(buffer_append_format(to, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n",
                                           (unsigned long long) f->realtime_usec,
                                           (unsigned long long) f->monotonic_usec), 0);
        TAP_CHECK_INT(buffer_append_format(to, "_BOOT_ID=%032x\n", 0x1000 + f->boot), 0);
        if (*unit)
                TAP_CHECK_INT(buffer_append_format(to, "%s=%s\n%s=" TASK_SLICE "\n",
                                                   user ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", unit,
                                                   user ? "_SYSTEMD_USER_SLICE" : "_SYSTEMD_SLICE"), 0);
        TAP_CHECK_INT(buffer_append_format(to, "_TRANSPORT=stdout\n_STREAM_ID=%032x\n%s%s", e->stream,
                                           e->goes_on ? "_LINE_BREAK=line-max\n" : "", e->fields ?: ""), 0);
        if (e->text)
                add_text(to, e);
        TAP_CHECK_INT(buffer_append_string(to, "\n"), 0);
}

static void make_journal(const JournalFixture *f, const char *file, const Buffer *text) {
        _cleanup_free_ char *journal = string_format("%s/%s.journal", f->directory, file);
        _cleanup_free_ char *export = strdup(scratch_path(&f->scratch, "export"));
        char *const argv[] = { (char *) MAKER, (char *) "--split-mode=none", (char *) "-o", journal, export, NULL };
        posix_spawn_file_actions_t actions;
        FILE *to = fopen(export, "we");
        int status = -1;
        pid_t pid;

        if (!TAP_CHECK(to))
                return;
        TAP_CHECK_INT(fwrite(text->data, 1, text->size, to), text->size);
        TAP_CHECK_INT(fclose(to), 0);
        posix_spawn_file_actions_init(&actions);
        /* It says what it has done; only its status is wanted. */
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (TAP_CHECK_INT(posix_spawn(&pid, MAKER, &actions, NULL, argv, environ), 0))
                TAP_CHECK(waitpid(pid, &status, 0) == pid);
        TAP_CHECK_INT(status, 0);
        posix_spawn_file_actions_destroy(&actions);
}

void journal_fixture_append(JournalFixture *f, const char *file, const FixtureEntry *entries, size_t n) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        for (size_t i = 0; i < n; i++)
                add_entry(f, &entries[i], &text);
        make_journal(f, file, &text);
}

void journal_fixture_remove(JournalFixture *f, const char *file) {
        _cleanup_free_ char *journal = string_format("%s/%s.journal", f->directory, file);

        TAP_CHECK_INT(unlink(journal), 0);
}

void journal_fixture_check_line(const LogLine *line, const char *text, int at) {
        if (line->size != strlen(text) || memcmp(line->text, text, line->size) != 0)
                tap_fail(__FILE__, at, "the line is \"%.*s\", should be \"%s\"",
                         (int) MIN_OF(line->size, (size_t) 100), line->text, text);
}

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

static void add_output(const FixtureEntry *e, const char *unit, bool user, Buffer *to) {
        if (*unit)
                TAP_CHECK_INT(buffer_append_format(to, "%s=%s\n%s=" TASK_SLICE "\n",
                                                   user ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", unit,
                                                   user ? "_SYSTEMD_USER_SLICE" : "_SYSTEMD_SLICE"), 0);
        TAP_CHECK_INT(buffer_append_format(to, "_TRANSPORT=stdout\n_STREAM_ID=%032x\n%s", e->stream,
                                           e->goes_on ? "_LINE_BREAK=line-max\n" : ""), 0);
}

static void add_of_manager(const FixtureEntry *e _unused_, const char *unit, bool user, Buffer *to) {
        unsigned uid = getuid();

        TAP_CHECK_INT(buffer_append_string(to, "_TRANSPORT=journal\nSYSLOG_IDENTIFIER=systemd\n_COMM=systemd\n"), 0);
        if (user)
                TAP_CHECK_INT(buffer_append_format(to, "USER_UNIT=%s\n_SYSTEMD_UNIT=user@%u.service\n_UID=%u\n"
                                                   "_SYSTEMD_USER_UNIT=init.scope\n_SYSTEMD_USER_SLICE=-.slice\n",
                                                   unit, uid, uid), 0);
        else
                TAP_CHECK_INT(buffer_append_format(to, "UNIT=%s\n_SYSTEMD_UNIT=init.scope\n_UID=0\n_PID=1\n"
                                                   "_SYSTEMD_SLICE=-.slice\n", unit), 0);
}

/* Of a user's units journald counts the lines together, and names beside it whoever has written next. */
static void add_suppressed(const FixtureEntry *e, const char *unit, bool user, Buffer *to) {
        _cleanup_free_ char *counted = user ? string_format("user@%u.service", (unsigned) getuid()) : strdup(unit);

        TAP_CHECK_INT(buffer_append_format(to, "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\nN_DROPPED=%u\n"
                                           "OBJECT_SYSTEMD_UNIT=%s\n_TRANSPORT=driver\n_UID=0\n"
                                           "SYSLOG_IDENTIFIER=systemd-journald\nSYSLOG_FACILITY=3\nPRIORITY=6\n"
                                           "_SYSTEMD_UNIT=systemd-journald.service\n_SYSTEMD_SLICE=system.slice\n"
                                           "MESSAGE=Suppressed %u messages from %s\n",
                                           e->dropped, counted, e->dropped, counted), 0);
        if (user)
                TAP_CHECK_INT(buffer_append_string(to, "OBJECT_SYSTEMD_USER_UNIT=dbus.service\n"), 0);
}

static void add_entry(JournalFixture *f, const FixtureEntry *e, Buffer *to) {
        static void (*const add[])(const FixtureEntry *e, const char *unit, bool user, Buffer *to) = {
                [FIXTURE_OUTPUT] = add_output,
                [FIXTURE_MANAGER] = add_of_manager,
                [FIXTURE_SUPPRESSED] = add_suppressed,
        };

        f->realtime_usec += e->at_once ? 0 : TICK_USEC;
        f->monotonic_usec += e->at_once ? 0 : TICK_USEC;
        TAP_CHECK_INT(buffer_append_format(to, "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n",
                                           (unsigned long long) f->realtime_usec,
                                           (unsigned long long) f->monotonic_usec), 0);
        TAP_CHECK_INT(buffer_append_format(to, "_BOOT_ID=%032x\n", 0x1000 + f->boot), 0);
        add[e->kind](e, e->unit ?: FIXTURE_UNIT, f->source.scope == RUNTIME_SCOPE_USER, to);
        TAP_CHECK_INT(buffer_append_string(to, e->fields ?: ""), 0);
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

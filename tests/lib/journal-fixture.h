/* JournalFixture: journals made of a few lines of a test, by systemd-journal-remote: no journald is needed.
 *
 *         _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
 *
 *         if (!journal_fixture_init(&f))
 *                 return;
 *         JOURNAL_APPEND(&f, "a", { "first" }, { "of a long li", .goes_on = true }, { "ne" });
 *
 * Each entry is a millisecond later than the one before unless it says otherwise. Files are appended to while they are
 * being read, as journald does; another name is what a rotation makes.
 */
#pragma once

#include "scratch.h"

#include <remote-developer/journal-reader.h>
#include <remote-developer/task.h>

#define FIXTURE_TASK "task-1700000000-abcdef"
#define FIXTURE_UNIT TASK_UNIT_PREFIX FIXTURE_TASK TASK_UNIT_SUFFIX
#define FIXTURE_OTHER_UNIT TASK_UNIT_PREFIX "task-1700000000-fedcba" TASK_UNIT_SUFFIX

/* Who wrote an entry, with the fields that systemd 252 gives it in either mode (tried). */
typedef enum FixtureKind {
        FIXTURE_OUTPUT,     /* a task */
        FIXTURE_MANAGER,    /* systemd's manager, about the unit */
        FIXTURE_SUPPRESSED, /* journald, that it took no more of the unit's lines */
} FixtureKind;

typedef struct FixtureEntry {
        const char *text;   /* MESSAGE=; NULL: it has none */
        size_t size;        /* of the text; 0: to its 0 */
        const char *unit;   /* NULL: FIXTURE_UNIT; "": of no unit and no slice */
        unsigned stream;    /* _STREAM_ID= */
        bool goes_on;       /* _LINE_BREAK=line-max */
        const char *fields; /* more of them, each "NAME=value\n" */
        FixtureKind kind;
        unsigned dropped;   /* with FIXTURE_SUPPRESSED: how many lines */
        bool at_once;       /* at the very time of the entry before: journald takes a hundred lines at a time */
} FixtureEntry;

typedef struct JournalFixture {
        Scratch scratch;
        JournalSource source; /* to be read */
        char directory[300];
        usec_t realtime_usec, monotonic_usec; /* of the last entry */
        unsigned boot;
} JournalFixture;

#define JOURNAL_FIXTURE_NULL ((JournalFixture){ .scratch = SCRATCH_NULL })

/* False: there is no systemd-journal-remote, and the test is skipped. */
bool journal_fixture_init(JournalFixture *f);
void journal_fixture_done(JournalFixture *f);

void journal_fixture_append(JournalFixture *f, const char *file, const FixtureEntry *entries, size_t n);

#define JOURNAL_APPEND(f, file, ...)                                                                         \
        journal_fixture_append(f, file, (const FixtureEntry[]){ __VA_ARGS__ },                               \
                               ELEMENTSOF(((const FixtureEntry[]){ __VA_ARGS__ })))

/* What follows is of another boot: the monotonic clock begins anew. */
void journal_fixture_reboot(JournalFixture *f);

/* As vacuuming does. */
void journal_fixture_remove(JournalFixture *f, const char *file);

/* Both as a check: the line's text is this one. */
void journal_fixture_check_line(const LogLine *line, const char *text, int at);
#define CHECK_LINE(line, text) journal_fixture_check_line(line, text, __LINE__)

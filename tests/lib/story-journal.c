/* The story's journal: see journal-fixture.h, which makes it. Its time is the moved one. */
#include "journal-fixture.h"
#include "story.h"

#include <remote-developer/strings.h>

#include <limits.h>
#include <stdarg.h>

/* What systemd tells journald of a unit's output. */
#define OUTPUT "SYSLOG_FACILITY=21\nSYSLOG_IDENTIFIER={id}\n_SYSTEMD_INVOCATION_ID={invocation}\n"

/* journald's LineMax=. */
#define LINE_MAX_SIZE ((size_t) 48 * 1024)

bool story_has_journal(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;

        return journal_fixture_init(&f);
}

static void append_entries(Story *s, const FixtureEntry *entries, size_t n) {
        static usec_t last;
        JournalFixture f = { .scratch = s->scratch, .source = { s->scope, f.directory } };

        snprintf(f.directory, sizeof(f.directory), "%s", s->journal);
        last = MAX_OF(last + USEC_PER_MSEC, clock_realtime_usec());
        f.realtime_usec = f.monotonic_usec = last;
        journal_fixture_append(&f, "story", entries, n);
        last = f.realtime_usec;
}

void story_log(Story *s, const char *first, ...) {
        va_list ap;

        va_start(ap, first);
        for (const char *line = first; line; line = va_arg(ap, const char *))
                story_log_many(s, line, 1);
        va_end(ap);
}

/* `step` is from one text to the next; 0: all the same. */
static void log_texts(Story *s, const char *texts, size_t step, size_t n) {
        _cleanup_free_ char *unit = task_unit_name(s->id), *fields = story_expand(s, OUTPUT);
        _cleanup_free_ FixtureEntry *entries = calloc(n, sizeof(FixtureEntry));

        if (!TAP_CHECK(entries))
                return;
        for (size_t i = 0; i < n; i++)
                entries[i] = (FixtureEntry){ texts + i * step, .unit = unit, .fields = fields };
        append_entries(s, entries, n);
}

void story_log_many(Story *s, const char *line, size_t n) {
        log_texts(s, line, 0, n);
}

void story_log_long(Story *s, const char *line) {
        _cleanup_free_ char *unit = task_unit_name(s->id), *fields = story_expand(s, OUTPUT);
        size_t size = strlen(line), n = MAX_OF((size + LINE_MAX_SIZE - 1) / LINE_MAX_SIZE, (size_t) 1);
        _cleanup_free_ FixtureEntry *entries = calloc(n, sizeof(FixtureEntry));

        if (!TAP_CHECK(entries))
                return;
        for (size_t i = 0; i < n; i++)
                entries[i] = (FixtureEntry){ line + i * LINE_MAX_SIZE,
                                             .size = MIN_OF(size - i * LINE_MAX_SIZE, LINE_MAX_SIZE),
                                             .unit = unit, .fields = fields, .goes_on = i + 1 < n };
        append_entries(s, entries, n);
}

void story_log_numbered(Story *s, size_t n) {
        const size_t size = 24;
        _cleanup_free_ char *texts = calloc(n, size);

        if (!TAP_CHECK(texts))
                return;
        for (size_t i = 0; i < n; i++)
                snprintf(texts + size * i, size, "line %zu", i);
        log_texts(s, texts, size, n);
}

static void name_of_story(const Story *s, const char *name, char ret[static PATH_MAX]) {
        snprintf(ret, PATH_MAX, "%s/%s.journal", s->journal, name);
}

void story_rotate_journal(const Story *s) {
        char from[PATH_MAX], to[PATH_MAX];

        name_of_story(s, "story", from);
        name_of_story(s, "rotated", to);
        TAP_CHECK_INT(rename(from, to), 0);
}

void story_vacuum_journal(const Story *s) {
        char path[PATH_MAX];

        name_of_story(s, "rotated", path);
        TAP_CHECK_INT(unlink(path), 0);
}

void story_log_entry(Story *s, const char *fields) {
        _cleanup_free_ char *expanded = story_expand(s, fields);
        FixtureEntry entry = { NULL, .unit = "", .fields = expanded };

        append_entries(s, &entry, 1);
}

/* The story's journal: see journal-fixture.h, which makes it. Its time is the moved one. */
#include "journal-fixture.h"
#include "story.h"

#include <remote-developer/strings.h>

#include <stdarg.h>

/* What systemd tells journald of a unit's output. */
#define OUTPUT "SYSLOG_FACILITY=21\nSYSLOG_IDENTIFIER={id}\n_SYSTEMD_INVOCATION_ID={invocation}\n"

bool story_has_journal(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;

        return journal_fixture_init(&f);
}

static void append_entries(Story *s, const char *unit, const char *fields, const char *text, size_t n) {
        _cleanup_free_ char *expanded = story_expand(s, fields);
        _cleanup_free_ FixtureEntry *entries = calloc(n, sizeof(FixtureEntry));
        static usec_t last;
        JournalFixture f = { .scratch = s->scratch, .source = { s->scope, f.directory } };

        snprintf(f.directory, sizeof(f.directory), "%s", s->journal);
        last = MAX_OF(last + USEC_PER_MSEC, clock_realtime_usec());
        f.realtime_usec = f.monotonic_usec = last;
        for (size_t i = 0; i < n; i++)
                entries[i] = (FixtureEntry){ text, .unit = unit, .fields = expanded };
        journal_fixture_append(&f, "story", entries, n);
        last = f.realtime_usec;
}

void story_log(Story *s, const char *first, ...) {
        _cleanup_free_ char *unit = task_unit_name(s->id);
        va_list ap;

        va_start(ap, first);
        for (const char *line = first; line; line = va_arg(ap, const char *))
                append_entries(s, unit, OUTPUT, line, 1);
        va_end(ap);
}

void story_log_many(Story *s, const char *line, size_t n) {
        _cleanup_free_ char *unit = task_unit_name(s->id);

        append_entries(s, unit, OUTPUT, line, n);
}

void story_log_entry(Story *s, const char *fields) {
        append_entries(s, "", fields, NULL, 1);
}

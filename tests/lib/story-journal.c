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

static void append_entry(Story *s, const char *unit, const char *fields, const char *text) {
        _cleanup_free_ char *expanded = story_expand(s, fields);
        static usec_t last;
        JournalFixture f = { .scratch = s->scratch, .source = { s->scope, f.directory } };

        snprintf(f.directory, sizeof(f.directory), "%s", s->journal);
        last = MAX_OF(last + USEC_PER_MSEC, clock_realtime_usec());
        f.realtime_usec = f.monotonic_usec = last;
        JOURNAL_APPEND(&f, "story", { text, .unit = unit, .fields = expanded });
}

void story_log(Story *s, const char *first, ...) {
        _cleanup_free_ char *unit = task_unit_name(s->id);
        va_list ap;

        va_start(ap, first);
        for (const char *line = first; line; line = va_arg(ap, const char *))
                append_entry(s, unit, OUTPUT, line);
        va_end(ap);
}

void story_log_entry(Story *s, const char *fields) {
        append_entry(s, "", fields, NULL);
}

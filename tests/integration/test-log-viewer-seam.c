/* The moment in which a viewer that reads by itself meets the follower: what is written just then is in the ring
 * before the viewer looks there, and more of it than the ring holds. */
#include "../lib/viewing.h"

#include <remote-developer/strings.h>

#include <stdio.h>

static Viewing *writes; /* NULL: nobody does */
static unsigned meetings;

int __real_journal_follower_pump(JournalFollower *f, unsigned max);
int __wrap_journal_follower_pump(JournalFollower *f, unsigned max);

int __wrap_journal_follower_pump(JournalFollower *f, unsigned max) {
        /* At the first the viewer does not find its place, and opens a fresh reader; at the second it has that. */
        if (writes && ++meetings == 2)
                JOURNAL_APPEND(&writes->journal, "system", { "two" }, { "three" }, { "four" });
        return __real_journal_follower_pump(f, max);
}

/* The next line of output; NULL: none now. */
static const char *next(LogViewer *viewer) {
        static char text[64];
        LogLine line;
        int r;

        while ((r = log_viewer_next(viewer, &line)) == -EAGAIN)
                ;
        if (r == 0)
                return NULL;
        TAP_CHECK_INT(r, 1);
        snprintf(text, sizeof(text), "%.*s", (int) line.size, line.text);
        return text;
}

/* The last line in the ring is none of those that the viewer wants: it does not find its place there, and only a fresh
 * reader knows that it has missed nothing. */
static void test_lines_that_come_when_they_meet(void) {
        VIEWING(1, false);
        LogViewer *viewer;

        JOURNAL_APPEND(&v.journal, "system", { "one" });
        viewing_follow(&v);
        JOURNAL_APPEND(&v.journal, "system", { "Started", .kind = FIXTURE_MANAGER });
        viewing_pump(&v);
        TAP_CHECK_INT(log_viewer_new(v.feed, LOG_SOURCES_OUTPUT, NULL, NULL, &viewer), 0);
        TAP_CHECK_STRING(next(viewer), "one");
        writes = &v;
        TAP_CHECK_STRING(next(viewer), "two");
        TAP_CHECK_STRING(next(viewer), "three");
        TAP_CHECK_STRING(next(viewer), "four");
        TAP_CHECK_STRING(next(viewer), NULL);
        TAP_CHECK(meetings >= 2);
        writes = NULL;
        log_viewer_free(viewer);
}

static const TapTest tests[] = {
        { "lines that come when they meet", test_lines_that_come_when_they_meet },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

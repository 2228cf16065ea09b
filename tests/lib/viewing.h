/* Viewing: a journal, the follower of it, one task's feed and those who look at it, driven by hand.
 *
 *         VIEWING(10, true);
 *
 *         viewing_follow(&v);
 *         viewing_open(&v, 0);
 *         JOURNAL_APPEND(&v.journal, "a", { "one" });
 *         viewing_pump(&v);
 *         CHECK_VIEW(&v, 0, "one");
 */
#pragma once

#include "journal-fixture.h"

#include <remote-developer/log-viewer.h>

#include <systemd/sd-event.h>

#define VIEWERS_MAX 4

typedef struct View {
        LogViewer *viewer;
        unsigned wakes;
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last line */
} View;

typedef struct Viewing {
        JournalFixture journal;
        sd_event *event;
        JournalFollower *follower;
        LogFeed *feed;
        View viewers[VIEWERS_MAX];
} Viewing;

/* False: skipped, or failed. */
bool viewing_init(Viewing *v, size_t lines_max, bool from_start);
void viewing_done(Viewing *v);

#define VIEWING(lines_max, from_start)                                                                       \
        _cleanup_(viewing_done) Viewing v = {};                                                              \
        if (!viewing_init(&v, lines_max, from_start))                                                        \
                return

/* The follower begins at the journal's end of now. */
void viewing_follow(Viewing *v);
void viewing_pump(Viewing *v);

/* As the task's run does it: first what was begun and will not be ended. */
void viewing_finish(Viewing *v);

/* A new viewer in that place, from the log's begin. */
void viewing_open(Viewing *v, unsigned i);

/* As a check: the next line, NULL: there is none now. Asks again where it is told to. */
void viewing_check_next(Viewing *v, unsigned i, const char *text, int at);

/* These lines, and then none. */
void viewing_check_rest(Viewing *v, unsigned i, const char *const *texts, int at);

/* The descriptors whose target has that in its name; "": all. */
unsigned viewing_count_open(const char *name);

#define CHECK_NEXT(v, i, text) viewing_check_next(v, i, text, __LINE__)
#define CHECK_VIEW(v, i, ...) viewing_check_rest(v, i, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)

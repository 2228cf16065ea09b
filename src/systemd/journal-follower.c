/* JournalFollower: see journal-follower.h. Owned by the log of the manager/ floor.
 *
 * What will surprise you: libsystemd learns of a new file of the journal (a rotation) only when its inotify events are
 * processed, so each look does that first. */
#include <remote-developer/journal-follower.h>

#include <remote-developer/journal-memory.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include "journal-internal.h"
#include "line-joiner.h"

#include <stdio.h>
#include <systemd/sd-event.h>

/* Entries a turn: about 1 ms of work, so that requests are answered during a flood. */
#define FOLLOWER_BATCH 256
/* So long without a line, and nobody expects the next one within milliseconds: looking is given up until there is
 * one. */
#define LOOK_QUIET_USEC (5 * USEC_PER_SEC)

struct JournalFollower {
        sd_event *event;
        JournalSource source;
        char *slice;
        JournalOnLine on_line;
        void *userdata;

        sd_journal *journal;
        sd_event_source *io_source;   /* journald's inotify events */
        sd_event_source *more_source; /* there was more than one batch */
        sd_event_source *look_source; /* the closer look */
        usec_t interval_usec;
        usec_t taken_at_usec; /* monotonic; when there was last something to take */

        LineJoiner joiner;
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last entry taken, at first the journal's last; "": none */
        bool positioned;                  /* stands on an entry that is not taken yet */
        unsigned entries;                 /* taken so far */
};

static void take_entry(JournalFollower *f) {
        char unit[128];
        LogLine line;
        int r;

        journal_get_unit(f->journal, f->source.scope, unit, sizeof(unit));
        r = line_joiner_take(&f->joiner, f->journal, unit, &line);
        if (r < 0) {
                log_warning("An entry of the journal could not be read: %s", strerror(-r));
                return;
        }
        memcpy(f->cursor, line.cursor, sizeof(f->cursor));
        if (r > 0)
                f->on_line(f->userdata, unit, &line);
}

void journal_follower_flush(JournalFollower *f, const char *unit) {
        LogLine line;

        while (line_joiner_flush(&f->joiner, unit, &line) > 0)
                f->on_line(f->userdata, unit, &line);
}

static int on_journal_io(sd_event_source *s, int fd, uint32_t events, void *userdata);

static int open_handle(JournalFollower *f) {
        sd_journal *j;
        int r, fd;

        r = journal_open(&f->source, &j);
        if (r < 0)
                return r;
        r = journal_match_slice(j, &f->source, f->slice);
        fd = r < 0 ? r : sd_journal_get_fd(j);
        if (fd < 0) {
                sd_journal_close(j);
                return fd;
        }
        f->journal = j;
        r = sd_event_add_io(f->event, &f->io_source, fd, (uint32_t) sd_journal_get_events(j), on_journal_io, f);
        if (r >= 0)
                r = sd_event_source_set_description(f->io_source, "journal-follower");
        return r;
}

/* Stands on the last entry there is, so that the next one is the first new one. */
static int seek_end(JournalFollower *f) {
        _cleanup_free_ char *cursor = NULL;
        int r;

        r = sd_journal_seek_tail(f->journal);
        if (r >= 0)
                r = sd_journal_previous(f->journal);
        if (r == 0)
                return sd_journal_seek_head(f->journal);
        if (r > 0)
                r = sd_journal_get_cursor(f->journal, &cursor);
        if (r >= 0)
                snprintf(f->cursor, sizeof(f->cursor), "%s", cursor);
        return r;
}

int journal_follower_look_afresh(JournalFollower *f) {
        int r;

        f->positioned = false;
        if (!*f->cursor)
                return sd_journal_seek_head(f->journal);
        r = sd_journal_seek_cursor(f->journal, f->cursor);
        if (r >= 0)
                r = sd_journal_next(f->journal);
        /* Where that entry is gone it stands on the next one there is, which is wanted. */
        f->positioned = r > 0 && sd_journal_test_cursor(f->journal, f->cursor) <= 0;
        return MIN_OF(r, 0);
}

static int next_entry(JournalFollower *f) {
        if (!f->positioned)
                return sd_journal_next(f->journal);
        f->positioned = false;
        return 1;
}

int journal_follower_pump(JournalFollower *f, unsigned max) {
        int r;

        r = sd_journal_process(f->journal);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < max; i++) {
                r = next_entry(f);
                if (r <= 0)
                        return r;
                if (++f->entries % JOURNAL_MEMORY_ENTRIES == 0)
                        journal_memory_release();
                f->taken_at_usec = clock_monotonic_usec();
                take_entry(f);
        }
        return 1;
}

static int pump_turn(JournalFollower *f) {
        int r = journal_follower_pump(f, FOLLOWER_BATCH);

        if (r < 0)
                log_warning("The journal could not be read: %s", strerror(-r));
        (void) sd_event_source_set_enabled(f->more_source, r > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        return 0;
}

static void start_looking(JournalFollower *f) {
        f->taken_at_usec = clock_monotonic_usec();
        (void) sd_event_source_set_time_relative(f->look_source, f->interval_usec);
        (void) sd_event_source_set_enabled(f->look_source, SD_EVENT_ONESHOT);
}

/* journald announces an entry when it is all there. A closer look that came before, between two of its updates of the
 * file, has libsystemd remember an end that is none until a further entry comes: hence afresh. */
static int on_journal_io(sd_event_source *s _unused_, int fd _unused_, uint32_t events _unused_, void *userdata) {
        JournalFollower *f = userdata;

        (void) journal_follower_look_afresh(f);
        if (f->interval_usec > 0) {
                start_looking(f);
                return pump_turn(f);
        }
        /* Nobody watches: at most four times a second, and what was touched is not wanted soon. */
        (void) pump_turn(f);
        journal_memory_release();
        return 0;
}

static int on_more(sd_event_source *s _unused_, void *userdata) {
        return pump_turn(userdata);
}

/* When nothing has come for a while, journald's own announcement of the next line is awaited, which may be late. */
static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        JournalFollower *f = userdata;

        (void) pump_turn(f);
        if (usec > f->taken_at_usec + LOOK_QUIET_USEC) {
                journal_memory_release();
                return sd_event_source_set_enabled(s, SD_EVENT_OFF);
        }
        (void) sd_event_source_set_time_relative(s, f->interval_usec);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int journal_follower_set_interval(JournalFollower *f, usec_t interval_usec) {
        if (interval_usec == f->interval_usec)
                return 0;
        f->interval_usec = interval_usec;
        if (interval_usec == 0)
                return sd_event_source_set_enabled(f->look_source, SD_EVENT_OFF);
        start_looking(f);
        return 0;
}

static int add_sources(JournalFollower *f) {
        int r;

        r = sd_event_add_defer(f->event, &f->more_source, on_more, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->more_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(f->more_source, "journal-more");
        /* Behind everything else that is ready: a flood must not keep requests waiting. */
        if (r >= 0)
                r = sd_event_source_set_priority(f->more_source, SD_EVENT_PRIORITY_NORMAL + 10);
        if (r >= 0)
                r = sd_event_add_time_relative(f->event, &f->look_source, CLOCK_MONOTONIC, 0, 1, on_look, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->look_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(f->look_source, "journal-look");
        return r;
}

int journal_follower_new(sd_event *event, const JournalSource *source, const char *slice, JournalOnLine on_line,
                         void *userdata, JournalFollower **ret) {
        _cleanup_(journal_follower_freep) JournalFollower *f = calloc(1, sizeof(JournalFollower));
        int r;

        if (!f)
                return -ENOMEM;
        f->event = sd_event_ref(event);
        f->source = *source;
        f->on_line = on_line;
        f->userdata = userdata;
        r = string_replace(&f->slice, slice);
        if (r >= 0)
                r = add_sources(f);
        if (r >= 0)
                r = open_handle(f);
        if (r >= 0)
                r = seek_end(f);
        if (r < 0)
                return r;
        journal_memory_release();
        *ret = TAKE_PTR(f);
        return 0;
}

JournalFollower *journal_follower_free(JournalFollower *f) {
        if (!f)
                return NULL;
        sd_event_source_disable_unref(f->io_source);
        sd_event_source_disable_unref(f->more_source);
        sd_event_source_disable_unref(f->look_source);
        sd_journal_close(f->journal);
        line_joiner_done(&f->joiner);
        sd_event_unref(f->event);
        free(f->slice);
        free(f);
        return NULL;
}

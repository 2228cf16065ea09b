/* LogViewer: see log-viewer.h.
 *
 * The seam, step by step. A viewer that reads by itself compares each line's cursor with the ring once the ring's
 * times are reached: found, it is live behind that line. At the journal's end it lets the follower read to the end
 * too, and compares its last cursor. If the ring then holds nothing for this task, nothing was written since the
 * follower began that the viewer has not read: it is live at the ring's end. If the ring holds lines that the viewer
 * has not seen, they lie before it in the journal, and it reads on, with a fresh handle, since an old one does not
 * know of a rotation. */
#include <remote-developer/log-viewer.h>

#include <remote-developer/strings.h>

#include <stdio.h>

/* Entries that the follower may take in one turn for a viewer's sake. */
#define SEAM_PUMP_MAX 1024

struct LogViewer {
        LogFeed *feed;
        LogViewerWake wake;
        void *userdata;

        JournalReader *reader; /* NULL: live */
        uint64_t position;     /* live: the next line in the ring */
        bool meets;            /* goes live at `position` with the next call */
        bool fresh;            /* the reader was opened for this very look at the end */
        bool at_end;           /* of a finished feed's log */
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last line given out; "": none yet */
};

static int open_reader(LogViewer *v) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        int r;

        r = journal_reader_open(log_feed_source(v->feed), log_feed_unit(v->feed), &reader);
        if (r >= 0 && *v->cursor)
                r = journal_reader_seek_after(reader, v->cursor);
        if (r < 0)
                return r;
        journal_reader_free(v->reader);
        v->reader = TAKE_PTR(reader);
        v->fresh = v->meets = false;
        return 0;
}

int log_viewer_new(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret) {
        _cleanup_(log_viewer_freep) LogViewer *v = calloc(1, sizeof(LogViewer));
        int r;

        if (!v)
                return -ENOMEM;
        r = log_feed_add_viewer(feed, v);
        if (r < 0)
                return r;
        v->feed = log_feed_ref(feed);
        v->wake = wake;
        v->userdata = userdata;
        if (!log_feed_is_from_start(feed) || log_ring_first(log_feed_ring(feed)) > 0)
                r = open_reader(v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

LogViewer *log_viewer_free(LogViewer *v) {
        if (!v)
                return NULL;
        if (v->feed)
                log_feed_remove_viewer(v->feed, v);
        log_feed_unref(v->feed);
        journal_reader_free(v->reader);
        free(v);
        return NULL;
}

void log_viewer_wake(LogViewer *v) {
        if (v->wake)
                v->wake(v->userdata);
}

static void go_live(LogViewer *v, uint64_t position) {
        v->reader = journal_reader_free(v->reader);
        v->position = position;
        v->meets = false;
}

int log_viewer_seek_after(LogViewer *v, const char *cursor) {
        uint64_t position;

        if (strlen(cursor) >= sizeof(v->cursor))
                return -EINVAL;
        snprintf(v->cursor, sizeof(v->cursor), "%s", cursor);
        v->at_end = false;
        if (log_ring_find_after(log_feed_ring(v->feed), cursor, &position)) {
                go_live(v, position);
                return 0;
        }
        return open_reader(v);
}

int log_viewer_seek_tail(LogViewer *v, uint64_t lines) {
        int r;

        v->cursor[0] = 0;
        v->at_end = false;
        r = open_reader(v);
        if (r >= 0)
                r = journal_reader_seek_tail(v->reader, lines);
        if (r >= 0)
                snprintf(v->cursor, sizeof(v->cursor), "%s", journal_reader_cursor(v->reader));
        return r;
}

/* 1: given; 0: none; -ESTALE: the ring has moved past the viewer. */
static int next_live(LogViewer *v, LogLine *ret) {
        LogRing *ring = log_feed_ring(v->feed);

        if (v->position < log_ring_first(ring))
                return -ESTALE;
        if (v->position == log_ring_end(ring))
                return 0;
        log_ring_get(ring, v->position++, ret);
        return 1;
}

/* Saves looking through the ring for each line. A clock that was set only delays the meeting to the journal's end,
 * where cursors alone decide. */
static bool ring_has_reached(const LogViewer *v, usec_t realtime_usec) {
        LogRing *ring = log_feed_ring(v->feed);
        LogLine first;

        if (log_ring_first(ring) == log_ring_end(ring))
                return false;
        log_ring_get(ring, log_ring_first(ring), &first);
        return realtime_usec >= first.realtime_usec;
}

static int give_read_line(LogViewer *v, const LogLine *line) {
        uint64_t position;

        v->fresh = false;
        /* Going live frees the reader, whose text the line borrows: that waits for the next call. */
        if (!journal_reader_is_within_line(v->reader) && ring_has_reached(v, line->realtime_usec) &&
            log_ring_find_after(log_feed_ring(v->feed), line->cursor, &position)) {
                v->position = position;
                v->meets = true;
        }
        return 1;
}

static int read_anew(LogViewer *v) {
        int r = open_reader(v);

        v->fresh = r >= 0;
        return r < 0 ? r : 1;
}

/* The begin of a long line is only in the reader as long as its end is not written: the follower may have begun in
 * between. So the viewer goes on reading by itself, which it is woken for; 2 says so. */
static int wait_within_line(LogViewer *v, uint64_t position) {
        if (position < log_ring_end(log_feed_ring(v->feed)) && !v->fresh)
                return read_anew(v);
        v->fresh = false;
        return 2;
}

/* The journal's end was reached: is the follower met? 0: live now, or at the end of a finished log; -EAGAIN: not yet;
 * 1: there is more to read; 2: nothing now. */
static int meet_follower(LogViewer *v) {
        JournalFollower *follower = log_feed_follower(v->feed);
        LogRing *ring = log_feed_ring(v->feed);
        uint64_t position = log_ring_end(ring);
        int r = 0;

        if (follower)
                r = journal_follower_pump(follower, SEAM_PUMP_MAX);
        if (r < 0)
                return r;
        if (r > 0)
                return -EAGAIN;
        if (log_ring_end(ring) > 0 && !log_ring_find_after(ring, v->cursor, &position) && !v->fresh)
                return read_anew(v);
        if (journal_reader_is_within_line(v->reader))
                return wait_within_line(v, position);
        go_live(v, MIN_OF(position, log_ring_end(ring)));
        return 0;
}

/* The end of a finished log: what was begun is given out as it is. Only a fresh handle knows that it is the end. */
static int flush(LogViewer *v, LogLine *ret) {
        int r;

        if (!v->fresh) {
                r = read_anew(v);
                return r < 0 ? r : -ESTALE;
        }
        r = journal_reader_flush(v->reader, ret);
        if (r > 0)
                r = give_read_line(v, ret);
        v->fresh = true;
        return r;
}

static int next_read(LogViewer *v, LogLine *ret) {
        int r;

        if (v->meets) {
                v->meets = false;
                go_live(v, v->position);
                return -ESTALE;
        }
        r = journal_reader_next(v->reader, ret);
        if (r == 0 && log_feed_is_finished(v->feed) && journal_reader_is_within_line(v->reader))
                return flush(v, ret);
        if (r > 0)
                return give_read_line(v, ret);
        if (r < 0)
                return r;
        r = meet_follower(v);
        if (r < 0)
                return r;
        return r == 2 ? 0 : -ESTALE;
}

int log_viewer_next(LogViewer *v, LogLine *ret) {
        int r;

        do {
                r = v->reader ? next_read(v, ret) : next_live(v, ret);
                /* The ring has moved on past a live viewer: it reads by itself again. */
                if (r == -ESTALE && !v->reader && v->position < log_ring_first(log_feed_ring(v->feed))) {
                        int e = open_reader(v);

                        if (e < 0)
                                return e;
                }
        } while (r == -ESTALE);

        if (r > 0)
                memcpy(v->cursor, ret->cursor, sizeof(v->cursor));
        else if (r == 0)
                v->at_end = log_feed_is_finished(v->feed);
        return r;
}

bool log_viewer_is_at_end(const LogViewer *v) {
        return v->at_end;
}

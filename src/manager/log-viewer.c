/* LogViewer: see log-viewer.h.
 *
 * The seam, step by step. A viewer that reads by itself compares each line's cursor with the ring once the ring's
 * times are reached: found, it is live behind that line. At the journal's end it lets the follower read to the end
 * too, and compares its last cursor. If the ring then holds nothing for this task, nothing was written since the
 * follower began that the viewer has not read: it is live at the ring's end. If the ring holds lines that the viewer
 * has not seen, they lie before it in the journal, and it reads on, with a fresh handle, since an old one does not
 * know of a rotation.
 *
 * Where the begin of the log is archived, the viewer reads that first; behind its last line it goes on in the journal,
 * unless the archive has the whole log. */
#include <remote-developer/log-viewer.h>

#include <remote-developer/strings.h>

#include <stdio.h>

/* Entries that the follower may take in one turn for a viewer's sake. */
#define SEAM_PUMP_MAX 1024

struct LogViewer {
        LogFeed *feed;
        bool passes_archive; /* never reads it */
        LogViewerWake wake;
        void *userdata;

        LogArchiveReader *archive; /* NULL: in the journal, or live */
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

/* At the log's begin where nothing is archived, else behind the archive. */
static int begin_journal(LogViewer *v) {
        if (log_feed_is_archived(v->feed))
                return 0;
        if (log_feed_is_from_start(v->feed) && log_ring_first(log_feed_ring(v->feed)) == 0)
                return 0;
        return open_reader(v);
}

static int read_archive(const LogViewer *v, LogArchiveReader **ret) {
        return v->passes_archive ? -ENOENT : log_feed_read_archive(v->feed, ret);
}

static int new_viewer(LogFeed *feed, bool passes_archive, LogViewerWake wake, void *userdata, LogViewer **ret) {
        _cleanup_(log_viewer_freep) LogViewer *v = calloc(1, sizeof(LogViewer));
        int r;

        if (!v)
                return -ENOMEM;
        r = log_feed_add_viewer(feed, v);
        if (r < 0)
                return r;
        v->feed = log_feed_ref(feed);
        v->passes_archive = passes_archive;
        v->wake = wake;
        v->userdata = userdata;
        r = read_archive(v, &v->archive);
        if (r == -ENOENT)
                r = begin_journal(v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

int log_viewer_new(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret) {
        return new_viewer(feed, false, wake, userdata, ret);
}

int log_viewer_new_in_journal(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret) {
        return new_viewer(feed, true, wake, userdata, ret);
}

LogViewer *log_viewer_free(LogViewer *v) {
        if (!v)
                return NULL;
        if (v->feed)
                log_feed_remove_viewer(v->feed, v);
        log_feed_unref(v->feed);
        log_archive_reader_free(v->archive);
        journal_reader_free(v->reader);
        free(v);
        return NULL;
}

void log_viewer_wake(LogViewer *v) {
        if (v->wake)
                v->wake(v->userdata);
}

static void leave_archive(LogViewer *v) {
        v->archive = log_archive_reader_free(v->archive);
}

static void go_live(LogViewer *v, uint64_t position) {
        leave_archive(v);
        v->reader = journal_reader_free(v->reader);
        v->position = position;
        v->meets = false;
}

static void go_archived(LogViewer *v, LogArchiveReader *archive) {
        go_live(v, 0);
        v->archive = archive;
}

static int seek_after_archived(LogViewer *v, const char *cursor) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *archive = NULL;
        int r;

        r = read_archive(v, &archive);
        if (r >= 0)
                r = log_archive_reader_seek_after(archive, cursor);
        if (r >= 0)
                go_archived(v, TAKE_PTR(archive));
        return r;
}

int log_viewer_seek_after(LogViewer *v, const char *cursor) {
        uint64_t position;
        int r;

        if (strlen(cursor) >= sizeof(v->cursor))
                return -EINVAL;
        snprintf(v->cursor, sizeof(v->cursor), "%s", cursor);
        v->at_end = false;
        if (log_ring_find_after(log_feed_ring(v->feed), cursor, &position)) {
                go_live(v, position);
                return 0;
        }
        r = seek_after_archived(v, cursor);
        if (r != -ENOENT)
                return r;
        if (log_feed_is_archived(v->feed))
                return -EINVAL;
        leave_archive(v);
        return open_reader(v);
}

/* From the journal's end back, but not before that cursor. `ret_lines`: so many are from there to the end. */
static int seek_tail_journal(LogViewer *v, const char *cursor, uint64_t lines, uint64_t *ret_lines) {
        int r;

        leave_archive(v);
        r = open_reader(v);
        if (r >= 0)
                r = journal_reader_seek_tail_after(v->reader, cursor, lines, ret_lines);
        if (r >= 0)
                snprintf(v->cursor, sizeof(v->cursor), "%s", journal_reader_cursor(v->reader));
        return r;
}

static int last_archived_cursor(LogArchiveReader *archive, LogLine *ret) {
        int r;

        ret->cursor[0] = 0;
        r = log_archive_reader_seek_tail(archive, 1);
        return r < 0 ? r : MIN_OF(log_archive_reader_next(archive, ret), 0);
}

/* What of the last lines the journal does not have behind the archive is the archive's end. */
static int seek_tail_archived(LogViewer *v, uint64_t lines) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *archive = NULL;
        uint64_t found = 0;
        LogLine last;
        int r;

        r = read_archive(v, &archive);
        if (r >= 0 && !log_feed_is_archived(v->feed)) {
                r = last_archived_cursor(archive, &last);
                if (r >= 0)
                        r = seek_tail_journal(v, last.cursor, lines, &found);
                if (r >= 0 && found == lines)
                        return 0;
        }
        if (r >= 0)
                r = log_archive_reader_seek_tail(archive, lines - found);
        if (r >= 0)
                go_archived(v, TAKE_PTR(archive));
        return r;
}

int log_viewer_seek_tail(LogViewer *v, uint64_t lines) {
        uint64_t found;
        int r;

        v->cursor[0] = 0;
        v->at_end = false;
        r = seek_tail_archived(v, lines);
        if (r != -ENOENT)
                return r;
        if (!log_feed_is_archived(v->feed))
                return seek_tail_journal(v, "", lines, &found);
        go_live(v, 0);
        return 0;
}

static int next_archived(LogViewer *v, LogLine *ret) {
        int r = log_archive_reader_next(v->archive, ret);

        if (r != 0)
                return r;
        leave_archive(v);
        r = begin_journal(v);
        return r < 0 ? r : -ESTALE;
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
                r = v->archive ? next_archived(v, ret) : v->reader ? next_read(v, ret) : next_live(v, ret);
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

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
 * unless the archive has the whole log.
 *
 * What the journal has dropped (it was vacuumed) shows in two ways: a cursor whose entry is not there any more, and a
 * first line of output that is not the one which was counted first. Either becomes a gap before the next line. */
#include "log-viewer-internal.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <syslog.h>

/* Lines that are passed over in one turn. */
#define PASS_MAX 1024

/* A reader that gives no cursors is asked for its place before it goes. */
static void keep_place(LogViewer *v) {
        if (v->reader && v->sources & LOG_WITHOUT_CURSORS && !v->goes_back)
                snprintf(v->cursor, sizeof(v->cursor), "%s", journal_reader_cursor(v->reader));
}

int log_viewer_open_reader(LogViewer *v) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        int r, found = 1;

        keep_place(v);
        r = journal_reader_open(log_feed_source(v->feed), log_feed_unit(v->feed), v->sources, &reader);
        if (r >= 0 && *v->cursor)
                r = found = journal_reader_seek_after(reader, v->cursor);
        if (r < 0)
                return r;
        journal_reader_free(v->reader);
        v->reader = TAKE_PTR(reader);
        v->fresh = v->meets = false;
        /* Behind the last line of a finished log there was nothing. */
        v->gone = found == 0 && !v->begins && !string_equal(log_feed_end_cursor(v->feed), v->cursor);
        return 0;
}

int log_viewer_begin_journal(LogViewer *v) {
        if (log_feed_is_archived(v->feed))
                return 0;
        if (log_feed_is_from_start(v->feed) && log_ring_first(log_feed_ring(v->feed)) == 0)
                return 0;
        v->begins = true;
        return log_viewer_open_reader(v);
}

int log_viewer_read_archive(const LogViewer *v, LogArchiveReader **ret) {
        return v->passes_archive ? -ENOENT : log_feed_read_archive(v->feed, ret);
}

/* One that stands nowhere yet. */
static int make_viewer(LogFeed *feed, unsigned sources, LogViewerWake wake, void *userdata, LogViewer **ret) {
        _cleanup_(log_viewer_freep) LogViewer *v = calloc(1, sizeof(LogViewer));
        int r;

        if (!v)
                return -ENOMEM;
        r = log_feed_add_viewer(feed, v);
        if (r < 0)
                return r;
        v->feed = log_feed_ref(feed);
        v->sources = sources;
        v->back_bytes_max = UINT64_MAX;
        v->wake = wake;
        v->userdata = userdata;
        *ret = TAKE_PTR(v);
        return 0;
}

static int new_viewer(LogFeed *feed, unsigned sources, bool passes_archive, LogViewerWake wake, void *userdata,
                      LogViewer **ret) {
        _cleanup_(log_viewer_freep) LogViewer *v = NULL;
        int r;

        r = make_viewer(feed, sources, wake, userdata, &v);
        if (r < 0)
                return r;
        v->passes_archive = passes_archive;
        r = log_viewer_read_archive(v, &v->archive);
        if (r == -ENOENT)
                r = log_viewer_begin_journal(v);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

int log_viewer_new(LogFeed *feed, unsigned sources, LogViewerWake wake, void *userdata, LogViewer **ret) {
        return new_viewer(feed, sources, false, wake, userdata, ret);
}

int log_viewer_new_in_journal(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret) {
        return new_viewer(feed, LOG_SOURCES_ALL, true, wake, userdata, ret);
}

int log_viewer_new_at_tail(LogFeed *feed, unsigned sources, uint64_t lines, uint64_t bytes, LogViewer **ret) {
        _cleanup_(log_viewer_freep) LogViewer *v = NULL;
        int r;

        r = make_viewer(feed, sources, NULL, NULL, &v);
        if (r < 0)
                return r;
        v->back_bytes_max = bytes;
        r = log_viewer_seek_tail(v, lines);
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
        log_archive_reader_free(v->archive);
        journal_reader_free(v->reader);
        buffer_done(&v->sentence);
        free(v->back_floor);
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

void log_viewer_go_live(LogViewer *v, uint64_t position) {
        leave_archive(v);
        keep_place(v);
        v->reader = journal_reader_free(v->reader);
        v->position = position;
        v->meets = v->goes_back = false;
}

void log_viewer_go_archived(LogViewer *v, LogArchiveReader *archive) {
        log_viewer_go_live(v, 0);
        v->archive = archive;
}

static int next_archived(LogViewer *v, LogLine *ret) {
        int r = log_archive_reader_next(v->archive, ret);

        if (r != 0)
                return r;
        leave_archive(v);
        r = log_viewer_begin_journal(v);
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

/* --- gaps --- */

static int give_gap(LogViewer *v, usec_t since, usec_t until, uint64_t lines, LogLine *ret) {
        LogGap gap = { .reason = LOG_GAP_VACUUMED, .lines = lines, .since = since, .until = until };
        int r;

        v->gone = v->begins = false;
        buffer_clear(&v->sentence);
        r = log_line_describe_gap(&gap, &v->sentence);
        if (r < 0)
                return r;
        *ret = (LogLine){ .cursor = "", .realtime_usec = clock_is_set(until) ? until : since, .priority = LOG_INFO,
                          .source = LOG_SOURCE_GAP, .text = v->sentence.data, .size = v->sentence.size, .gap = gap };
        return 1;
}

/* What systemd said is the last line, and whoever has seen that asks for no more. */
static bool ends_without_output(const LogViewer *v, const LogLine *line) {
        return v->sources & LOG_SOURCES_OUTPUT && !log_line_is_output(line) &&
               string_equal(log_feed_end_cursor(v->feed), journal_reader_cursor(v->reader));
}

/* Whether something is missing before this line, which was just read. */
static bool begins_late(LogViewer *v, const LogLine *line) {
        const char *first = log_feed_first_cursor(v->feed);

        if (!v->begins || !(log_line_is_output(line) || ends_without_output(v, line)))
                return false;
        v->begins = false;
        return first && !string_equal(first, journal_reader_cursor(v->reader));
}

static int hold_behind_gap(LogViewer *v, usec_t since, LogLine *line) {
        bool all_gone = !v->gone && !v->archive && ends_without_output(v, line);
        uint64_t lines = all_gone ? log_feed_lines(v->feed) : LOG_GAP_LINES_UNKNOWN;

        v->held = *line;
        v->holds = true;
        return give_gap(v, since, line->realtime_usec, lines, line);
}

static int find_gap(LogViewer *v, LogLine *line) {
        if (v->gone)
                return hold_behind_gap(v, log_cursor_realtime(v->cursor), line);
        if (begins_late(v, line))
                return hold_behind_gap(v, log_cursor_realtime(log_feed_first_cursor(v->feed)), line);
        return 1;
}

/* There is no line before which to tell it. */
static int find_gap_at_end(LogViewer *v, LogLine *ret) {
        const char *first = log_feed_first_cursor(v->feed);
        bool all = v->begins && first && !v->archive && v->sources & LOG_SOURCES_OUTPUT;

        if (v->gone)
                return give_gap(v, log_cursor_realtime(v->cursor), 0, LOG_GAP_LINES_UNKNOWN, ret);
        if (!all)
                return 0;
        return give_gap(v, log_cursor_realtime(first), 0,
                        log_feed_is_finished(v->feed) ? log_feed_lines(v->feed) : LOG_GAP_LINES_UNKNOWN, ret);
}

/* --- reading --- */

static int give_read_line(LogViewer *v, LogLine *line) {
        uint64_t position;

        v->fresh = false;
        /* Going live frees the reader, whose text the line borrows: that waits for the next call. */
        if (!journal_reader_is_within_line(v->reader) && ring_has_reached(v, line->realtime_usec) &&
            log_ring_find_after(log_feed_ring(v->feed), journal_reader_cursor(v->reader), &position)) {
                v->position = position;
                v->meets = true;
        }
        return find_gap(v, line);
}

static int read_anew(LogViewer *v) {
        int r = log_viewer_open_reader(v);

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
        /* What the follower takes from here on is behind what a fresh reader has seen. */
        uint64_t position = log_ring_last(ring);
        int r = 0;

        keep_place(v);
        if (follower)
                r = journal_follower_pump(follower, LOG_VIEWER_PUMP_MAX);
        if (r < 0)
                return r;
        if (r > 0)
                return -EAGAIN;
        if (log_ring_end(ring) > 0 && !log_ring_find_after(ring, v->cursor, &position) && !v->fresh)
                return read_anew(v);
        if (journal_reader_is_within_line(v->reader))
                return wait_within_line(v, position);
        log_viewer_go_live(v, MIN_OF(position, log_ring_end(ring)));
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
                log_viewer_go_live(v, v->position);
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

static int next_line(LogViewer *v, LogLine *ret) {
        int r;

        do {
                r = v->archive ? next_archived(v, ret) : v->reader ? next_read(v, ret) : next_live(v, ret);
                /* The ring has moved on past a live viewer: it reads by itself again. */
                if (r == -ESTALE && !v->archive && !v->reader &&
                                v->position < log_ring_first(log_feed_ring(v->feed))) {
                        int e = log_viewer_open_reader(v);

                        if (e < 0)
                                return e;
                }
        } while (r == -ESTALE);
        return r == 0 ? find_gap_at_end(v, ret) : r;
}

/* A reader that finds lines gone, a cursor that is gone, and the follower that missed them may all tell. How far a
 * gap goes, where it does not say so itself, the first line behind it tells: what is missing behind that is another
 * one. */
static bool is_told(LogViewer *v, const LogLine *line) {
        const LogGap *gap = &line->gap;
        bool told;

        if (line->source != LOG_SOURCE_GAP || gap->reason != LOG_GAP_VACUUMED) {
                if (v->is_telling)
                        v->told_until = MAX_OF(v->told_until, line->realtime_usec);
                v->is_telling = false;
                return false;
        }
        told = v->is_telling || (clock_is_set(gap->until) ? gap->until <= v->told_until : gap->since < v->told_until);
        if (clock_is_set(gap->until))
                v->told_until = MAX_OF(v->told_until, gap->until);
        else
                v->is_telling = true;
        return told;
}

/* Notes where the viewer stands now. False: the line is none of those that are wanted. */
static bool take_line(LogViewer *v, const LogLine *line) {
        const char *end = log_feed_end_cursor(v->feed);
        /* What journald suppressed of anybody's may be before the begin of this log. */
        bool early = !*v->cursor && line->source == LOG_SOURCE_GAP && line->gap.reason == LOG_GAP_SUPPRESSED;
        bool late = v->past_end && !log_line_is_output(line);

        if (early || is_told(v, line))
                return false;
        if (*line->cursor)
                memcpy(v->cursor, line->cursor, strlen(line->cursor) + 1);
        if (end && string_equal(line->cursor, end))
                v->past_end = true;
        if (log_line_is_output(line))
                v->begins = false;
        if (late)
                return false;
        if (line->source == LOG_SOURCE_GAP)
                return true;
        return v->sources & LOG_SOURCES(line->source) && line->realtime_usec >= v->since;
}

int log_viewer_next(LogViewer *v, LogLine *ret) {
        int r = v->goes_back ? log_viewer_go_back(v) : 0;

        if (r < 0)
                return r;
        for (unsigned i = 0; i < PASS_MAX; i++) {
                if (v->holds) {
                        v->holds = false;
                        *ret = v->held;
                        r = 1;
                } else
                        r = next_line(v, ret);
                if (r == 0)
                        v->at_end = log_feed_is_finished(v->feed);
                if (r <= 0 || take_line(v, ret))
                        return r;
        }
        return -EAGAIN;
}

static bool is_live(const LogViewer *v) {
        return !v->archive && !v->reader && !v->goes_back && !v->holds;
}

bool log_viewer_is_held(const LogViewer *v) {
        const LogRing *ring = log_feed_ring(v->feed);

        return is_live(v) && v->position >= log_ring_first(ring) && v->position < log_ring_end(ring);
}

bool log_viewer_is_at_oldest(const LogViewer *v) {
        return log_viewer_is_held(v) && v->position == log_ring_first(log_feed_ring(v->feed));
}

bool log_viewer_is_at_end(const LogViewer *v) {
        return v->at_end;
}

const char *log_viewer_cursor(LogViewer *v) {
        keep_place(v);
        return v->cursor;
}

/* LogViewer: going to another place of the log. See log-viewer.h.
 *
 * Going back in the journal takes turns, since there may be a million lines on the way: a seek only says how far, and
 * log_viewer_next() goes. What the journal does not have behind the archive is then the archive's end. */
#include "log-viewer-internal.h"

#include <remote-developer/strings.h>

#include <stdio.h>

/* Entries a turn: about a millisecond. */
#define BACK_ENTRIES 512

static void leave_place(LogViewer *v) {
        v->at_end = v->past_end = v->meets = v->begins = v->gone = v->holds = v->goes_back = v->is_telling =
                false;
        v->since = v->told_until = 0;
        v->cursor[0] = 0;
}

/* --- after a cursor --- */

static int seek_after_archived(LogViewer *v, const char *cursor) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *archive = NULL;
        int r;

        r = log_viewer_read_archive(v, &archive);
        if (r >= 0)
                r = log_archive_reader_seek_after(archive, cursor);
        if (r >= 0)
                log_viewer_go_archived(v, TAKE_PTR(archive));
        return r;
}

int log_viewer_seek_after(LogViewer *v, const char *cursor) {
        uint64_t position;
        int r;

        if (strlen(cursor) >= sizeof(v->cursor))
                return -EINVAL;
        leave_place(v);
        snprintf(v->cursor, sizeof(v->cursor), "%s", cursor);
        v->past_end = string_equal(log_feed_end_cursor(v->feed), cursor);
        if (log_ring_find_after(log_feed_ring(v->feed), cursor, &position)) {
                log_viewer_go_live(v, position);
                return 0;
        }
        r = seek_after_archived(v, cursor);
        if (r != -ENOENT)
                return r;
        if (log_feed_is_archived(v->feed))
                return -EINVAL;
        v->archive = log_archive_reader_free(v->archive);
        return log_viewer_open_reader(v);
}

/* --- back from the end, or from a cursor --- */

/* How many of the next `rows` lines are of the viewer's sources. */
static int count_archived(const LogViewer *v, LogArchiveReader *archive, uint64_t rows, uint64_t *ret) {
        uint64_t bytes = 0;
        LogLine line;
        int r = 1;

        *ret = 0;
        while (rows-- > 0 && (r = log_archive_reader_next(archive, &line)) > 0) {
                *ret += (v->counted & LOG_SOURCES(line.source)) != 0;
                bytes += line.size;
                if (bytes > v->back_bytes_max)
                        return -E2BIG;
        }
        return MIN_OF(r, 0);
}

/* The row from which on, up to the row `end`, so many lines count. Nearly all rows do. */
static int find_archived(const LogViewer *v, LogArchiveReader *archive, uint64_t end, uint64_t lines, uint64_t *ret) {
        uint64_t total = log_archive_reader_lines(archive), rows = MIN_OF(lines, end), found;
        int r;

        for (;; rows = MIN_OF(end, 2 * rows + MIN_OF(lines, (uint64_t) 16))) {
                *ret = end - rows;
                if (rows == end || (v->counted & LOG_SOURCES_ALL) == LOG_SOURCES_ALL)
                        return 0;
                r = log_archive_reader_seek_tail(archive, total - *ret);
                if (r >= 0)
                        r = count_archived(v, archive, rows, &found);
                if (r < 0 || found >= lines)
                        break;
        }
        return MIN_OF(r, 0);
}

/* Stands before the last of these rows that are wanted: those in excess are passed over. */
static int go_back_archived(LogViewer *v, LogArchiveReader **archive, uint64_t end, uint64_t lines) {
        uint64_t total = log_archive_reader_lines(*archive), row, found = 0;
        LogLine line;
        int r;

        r = find_archived(v, *archive, end, lines, &row);
        if (r >= 0)
                r = log_archive_reader_seek_tail(*archive, total - row);
        if (r >= 0)
                r = count_archived(v, *archive, end - row, &found);
        if (r >= 0)
                r = log_archive_reader_seek_tail(*archive, total - row);
        while (r >= 0 && found > lines && (r = log_archive_reader_next(*archive, &line)) > 0)
                found -= (v->counted & LOG_SOURCES(line.source)) != 0;
        if (r < 0)
                return r;
        log_viewer_go_archived(v, TAKE_PTR(*archive));
        return 0;
}

static int last_archived_cursor(LogArchiveReader *archive, char **ret) {
        LogLine last = { .cursor = "" };
        int r;

        r = log_archive_reader_seek_tail(archive, 1);
        if (r >= 0)
                r = log_archive_reader_next(archive, &last);
        return r < 0 ? r : string_replace(ret, last.cursor);
}

int log_viewer_go_back(LogViewer *v) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *archive = NULL;
        int r;

        r = journal_reader_go_back(v->reader, v->counted, v->back_floor, BACK_ENTRIES, &v->back_lines);
        if (r <= 0)
                return r == 0 ? -EAGAIN : r;
        v->goes_back = false;
        snprintf(v->cursor, sizeof(v->cursor), "%s", journal_reader_cursor(v->reader));
        v->begins = !*v->cursor || string_equal(v->cursor, v->back_floor);
        if (v->back_lines == 0 || !*v->back_floor)
                return 0;
        r = log_viewer_read_archive(v, &archive);
        return r < 0 ? r : go_back_archived(v, &archive, log_archive_reader_lines(archive), v->back_lines);
}

/* `archive` NULL: there is none. */
static int begin_going_back(LogViewer *v, LogArchiveReader *archive, const char *before, uint64_t lines) {
        int r;

        r = archive ? last_archived_cursor(archive, &v->back_floor) : string_replace(&v->back_floor, "");
        v->archive = log_archive_reader_free(v->archive);
        if (r >= 0)
                r = log_viewer_open_reader(v);
        if (r >= 0)
                r = *before ? journal_reader_seek_before(v->reader, before) : journal_reader_seek_end(v->reader);
        if (r < 0)
                return r;
        v->begins = v->gone = false;
        v->back_lines = lines;
        v->goes_back = true;
        /* Where the end is, is decided now. */
        r = log_viewer_go_back(v);
        return r == -EAGAIN ? 0 : r;
}

/* What follows is live, and the ring holds what is wanted of the rest, or all that there is: no handle is needed. */
static bool go_back_in_ring(LogViewer *v, uint64_t lines) {
        JournalFollower *follower = log_feed_follower(v->feed);
        const LogRing *ring = log_feed_ring(v->feed);
        uint64_t position;
        LogLine before;
        bool is_whole;

        if (!follower || journal_follower_pump(follower, LOG_VIEWER_PUMP_MAX) != 0)
                return false;
        is_whole = log_feed_is_from_start(v->feed) && log_ring_first(ring) == 0;
        if (!log_ring_find_tail(ring, v->counted, lines, &position) && !is_whole)
                return false;
        if (position > log_ring_first(ring)) {
                log_ring_get(ring, position - 1, &before);
                snprintf(v->cursor, sizeof(v->cursor), "%s", before.cursor);
        }
        log_viewer_go_live(v, position);
        return *v->cursor || (is_whole && position == 0);
}

static int seek_back(LogViewer *v, unsigned counted, const char *cursor, uint64_t lines) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *archive = NULL;
        uint64_t row;
        int r;

        if (strlen(cursor) >= sizeof(v->cursor))
                return -EINVAL;
        leave_place(v);
        v->counted = counted;
        if (!*cursor && go_back_in_ring(v, lines))
                return 0;
        r = log_viewer_read_archive(v, &archive);
        if (r < 0 && r != -ENOENT)
                return r;
        if (archive && *cursor) {
                r = log_archive_reader_find(archive, cursor, &row);
                if (r != -ENOENT)
                        return r < 0 ? r : go_back_archived(v, &archive, row, lines);
        }
        if (!log_feed_is_archived(v->feed))
                return begin_going_back(v, archive, cursor, lines);
        if (*cursor)
                return -EINVAL;
        if (archive)
                return go_back_archived(v, &archive, log_archive_reader_lines(archive), lines);
        log_viewer_go_live(v, 0);
        return 0;
}

int log_viewer_seek_before(LogViewer *v, const char *cursor, uint64_t lines) {
        return seek_back(v, v->sources, cursor, lines);
}

/* The last lines of a log are the program's, whatever systemd has said since. */
int log_viewer_seek_tail(LogViewer *v, uint64_t lines) {
        unsigned output = v->sources & LOG_SOURCES_OUTPUT;

        return seek_back(v, output ?: v->sources, "", lines);
}

/* --- from a time on --- */

static int seek_since_archived(LogViewer *v, usec_t realtime_usec) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *archive = NULL;
        LogLine last = {};
        int r;

        r = log_viewer_read_archive(v, &archive);
        if (r >= 0)
                r = log_archive_reader_seek_tail(archive, 1);
        if (r >= 0)
                r = log_archive_reader_next(archive, &last);
        if (r >= 0 && last.realtime_usec < realtime_usec && !log_feed_is_archived(v->feed))
                return -ENOENT;
        if (r >= 0)
                r = log_archive_reader_seek_head(archive);
        if (r >= 0)
                log_viewer_go_archived(v, TAKE_PTR(archive));
        return r;
}

int log_viewer_seek_since(LogViewer *v, usec_t realtime_usec) {
        int r;

        leave_place(v);
        v->since = realtime_usec;
        r = seek_since_archived(v, realtime_usec);
        if (r != -ENOENT)
                return r;
        if (log_feed_is_archived(v->feed)) {
                log_viewer_go_live(v, 0);
                return 0;
        }
        v->archive = log_archive_reader_free(v->archive);
        r = log_viewer_open_reader(v);
        if (r >= 0)
                r = journal_reader_seek_since(v->reader, realtime_usec);
        if (r < 0)
                return r;
        snprintf(v->cursor, sizeof(v->cursor), "%s", journal_reader_cursor(v->reader));
        v->begins = !*v->cursor;
        return 0;
}

/* LogViewer: somebody's place in one task's log. It holds a position, no queue: the journal is the queue.
 *
 *            seek_*()                    meets the follower
 *   ──▶ reading the journal by itself ──────────────────────▶ live: a position in the feed's ring
 *                      ▲                                            │
 *                      └────────── fell behind the ring ────────────┘
 *
 * At the seam no line is lost or doubled: the ring takes over exactly behind the line whose cursor the viewer has
 * read last. Only a viewer that reads by itself holds a handle on the journal.
 */
#pragma once

#include <remote-developer/log-feed.h>

typedef void (*LogViewerWake)(void *userdata);

/* Takes a reference of the feed. At first the viewer stands at the begin of the log. Sees lines of these sources
 * (LOG_SOURCES_..., and LOG_WITHOUT_CURSORS if they are not needed) and gaps. `wake` (NULL: never) is called when
 * there may be something new; it must not free a viewer. */
int log_viewer_new(LogFeed *feed, unsigned sources, LogViewerWake wake, void *userdata, LogViewer **ret);

/* One that passes over what of the log is archived, which may be damaged. Of all sources. */
int log_viewer_new_in_journal(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret);

/* One that nothing wakes and that stands as after log_viewer_seek_tail(): for it alone nothing is opened at the log's
 * begin. -E2BIG: where it takes reading them to find them, which it does in an archive, these lines have more bytes
 * than that. */
int log_viewer_new_at_tail(LogFeed *feed, unsigned sources, uint64_t lines, uint64_t bytes, LogViewer **ret);

LogViewer *log_viewer_free(LogViewer *v);
DEFINE_CLEANUP(LogViewer *, log_viewer_free)

/* Each moves the viewer; cursors are the journal's own. -EINVAL: the cursor is of
 * none of the log's lines, as far as that can be known. */
int log_viewer_seek_after(LogViewer *v, const char *cursor);

/* Before the last lines of now; of output, where the viewer sees any. */
int log_viewer_seek_tail(LogViewer *v, uint64_t lines);

/* Before the line that ends at that cursor (""; the log's end) and so many lines before it that the viewer sees. */
int log_viewer_seek_before(LogViewer *v, const char *cursor, uint64_t lines);

/* Before the first line that is not older, and older ones are passed over also later. */
int log_viewer_seek_since(LogViewer *v, usec_t realtime_usec);

/* 1: a line or a gap, borrowed until the next call; 0: none at the moment (wake will be called), or none any more when
 * log_viewer_is_at_end(); -EAGAIN: none now, but ask again in a later turn, since nothing will wake you; other
 * negative errno: the journal cannot be read. */
int log_viewer_next(LogViewer *v, LogLine *ret);

/* The next line is in memory, where it is the oldest one: with the next but one that comes it may be in the journal
 * alone. And: it is in memory. */
bool log_viewer_is_at_oldest(const LogViewer *v);
bool log_viewer_is_held(const LogViewer *v);

/* The feed is finished and its last line was given out. */
bool log_viewer_is_at_end(const LogViewer *v);

/* Where it stands: the journal's cursor of the line that it has given out or passed over last, also when lines come
 * without theirs; "": at the begin. Borrowed until the next call. */
const char *log_viewer_cursor(LogViewer *v);

/* For log-feed.c. */
void log_viewer_wake(LogViewer *v);

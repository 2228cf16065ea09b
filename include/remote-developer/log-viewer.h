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

/* Takes a reference of the feed. At first the viewer stands at the begin of the log. `wake` (NULL: never) is called
 * when there may be something new; it must not free a viewer. */
int log_viewer_new(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret);

/* One that passes over what of the log is archived, which may be damaged. */
int log_viewer_new_in_journal(LogFeed *feed, LogViewerWake wake, void *userdata, LogViewer **ret);

LogViewer *log_viewer_free(LogViewer *v);
DEFINE_CLEANUP(LogViewer *, log_viewer_free)

/* Each moves the viewer; the cursor is the journal's own. */
int log_viewer_seek_after(LogViewer *v, const char *cursor);
int log_viewer_seek_tail(LogViewer *v, uint64_t lines);

/* 1: a line, borrowed until the next call; 0: none at the moment (wake will be called), or none any more when
 * log_viewer_is_at_end(); -EAGAIN: none now, but ask again in a later turn, since nothing will wake you; other
 * negative errno: the journal cannot be read. */
int log_viewer_next(LogViewer *v, LogLine *ret);

/* The feed is finished and its last line was given out. */
bool log_viewer_is_at_end(const LogViewer *v);

/* For log-feed.c. */
void log_viewer_wake(LogViewer *v);

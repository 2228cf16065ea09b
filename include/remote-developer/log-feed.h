/* LogFeed: one task's log while the task is not finished: the ring that the shared follower fills, and those who
 * look at it. Counted: the task's run and every viewer hold it, so that a viewer can end what it began after the
 * task is finished.
 */
#pragma once

#include <remote-developer/journal-follower.h>
#include <remote-developer/log-ring.h>
#include <remote-developer/task-archive.h>

/* What the lines of one task may take in memory, whatever persistence.max_memory_logs allows: a viewer that needs
 * older ones reads the journal. */
#define LOG_FEED_BYTES_MAX ((size_t) 256 * 1024)

typedef struct LogFeed LogFeed;
typedef struct LogViewer LogViewer;

/* `from_start`: nothing of this log was written before the feed's follower began to follow. */
int log_feed_new(const JournalSource *source, const char *unit, size_t lines_max, bool from_start, LogFeed **ret);
LogFeed *log_feed_ref(LogFeed *f);
LogFeed *log_feed_unref(LogFeed *f);
DEFINE_CLEANUP(LogFeed *, log_feed_unref)

/* The follower that fills this feed, to be pumped at the seam; NULL: there is none (a finished task's feed). Borrowed;
 * whoever frees the follower must set NULL before. */
void log_feed_set_follower(LogFeed *f, JournalFollower *follower);

/* Where the begin of this log may be (borrowed); with `whole` all of it is there and nothing is read from the journal.
 * To be said before there are viewers. */
void log_feed_set_archive(LogFeed *f, const TaskArchive *archive, bool whole);

/* What is known of the log from counting it, so that what the journal has dropped since is noticed: the cursor of the
 * first line of output in the journal (NULL: not known). And where a finished log ends: what systemd says about the
 * unit later does not belong to it; so many `lines` of output
 * are in the journal, or were. */
int log_feed_set_first(LogFeed *f, const char *cursor);
int log_feed_set_end(LogFeed *f, const char *cursor, uint64_t lines);

/* A new line, and waking whoever waits for it. */
void log_feed_append(LogFeed *f, const LogLine *line);

/* Nothing more will come. Wakes everybody. */
void log_feed_finish(LogFeed *f);
bool log_feed_is_finished(const LogFeed *f);

/* Wakes everybody though there is no new line: the task's state changed. */
void log_feed_wake(LogFeed *f);

/* For log-viewer.c. */
const JournalSource *log_feed_source(const LogFeed *f);
const char *log_feed_unit(const LogFeed *f);
LogRing *log_feed_ring(LogFeed *f);
JournalFollower *log_feed_follower(LogFeed *f);
bool log_feed_is_from_start(const LogFeed *f);
const char *log_feed_first_cursor(const LogFeed *f);
const char *log_feed_end_cursor(const LogFeed *f); /* NULL also while it is not finished */
uint64_t log_feed_lines(const LogFeed *f);
int log_feed_read_archive(const LogFeed *f, LogArchiveReader **ret); /* -ENOENT: nothing of it is archived */
bool log_feed_is_archived(const LogFeed *f);
int log_feed_add_viewer(LogFeed *f, LogViewer *v);
void log_feed_remove_viewer(LogFeed *f, LogViewer *v);
size_t log_feed_count_viewers(const LogFeed *f);

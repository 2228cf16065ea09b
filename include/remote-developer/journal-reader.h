/* JournalReader: one task's log, read from the journal in order, a whole line at a time.
 *
 * journald cuts lines longer than its LineMax= (48 KiB) into entries marked _LINE_BREAK=line-max; they are joined
 * again here, up to JOURNAL_LINE_MAX bytes. A line's cursor is that of its last entry, so that "after this cursor"
 * is always the begin of a line; wherever a reader begins, it finds the begin of a line that was cut before that
 * place.
 *
 * A reader looks when it is asked; all of them share one inotify instance, which tells nobody of itself. A reader that
 * stays open across a rotation of the journal may stop seeing new entries; open a new one to be sure.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/log-line.h>
#include <remote-developer/unit-client.h>

/* Longest line that is joined again; a longer one is delivered in pieces of this size. */
#define JOURNAL_LINE_MAX ((size_t) 16 * 1024 * 1024)

/* Beside the sources of log-line.h: lines come without their cursor (""), which costs a third of reading them.
 * journal_reader_cursor() still tells. */
#define LOG_WITHOUT_CURSORS (1U << 31)

/* Which journal: this machine's as the service's user may read it, or the files of a directory (tests). */
typedef struct JournalSource {
        RuntimeScope scope;
        const char *directory; /* NULL: the machine's own */
        bool split; /* what a task writes and what systemd says of it are in files of their own (SplitMode=uid) */
} JournalSource;

typedef struct JournalReader JournalReader;

/* Lines of these sources (LOG_SOURCES_...), and gaps. Stands at the begin of the log. */
int journal_reader_open(const JournalSource *source, const char *unit, unsigned sources, JournalReader **ret);
JournalReader *journal_reader_free(JournalReader *r);
DEFINE_CLEANUP(JournalReader *, journal_reader_free)

/* Where the next line is read. */
int journal_reader_seek_head(JournalReader *r);
int journal_reader_seek_end(JournalReader *r);
int journal_reader_seek_since(JournalReader *r, usec_t realtime_usec); /* the first entry that is not older */

/* 1: the entry is there, or the one that was written next; 0: neither is, and others may be missing: it stands on the
 * next one there is; -EINVAL: the journal does not take it for a cursor. */
int journal_reader_seek_after(JournalReader *r, const char *cursor);

/* As above, but before the line that ends there. */
int journal_reader_seek_before(JournalReader *r, const char *cursor);

/* Goes back by `lines` lines of these sources, but not before the line behind the cursor `floor` ("": none), of which
 * it takes off how many it went; at most `max` entries at a time. 1: it is there; 0: to be called again. In between
 * only this may be called, or another seek. */
int journal_reader_go_back(JournalReader *r, unsigned sources, const char *floor, unsigned max, uint64_t *lines);

/* 1: a line; 0: no more at the moment; negative errno. */
int journal_reader_next(JournalReader *r, LogLine *ret);

/* At the end of a log that will not grow: the line that journald cut and that never ended (a program that wrote just
 * LineMax= bytes and no newline). 1 or 0, as journal_reader_next(). */
int journal_reader_flush(JournalReader *r, LogLine *ret);

/* The begin of a line was taken whose end is not there yet. */
bool journal_reader_is_within_line(const JournalReader *r);

/* Where it stands: of the last entry taken or sought; "" at the begin of the log. Borrowed until the next call. */
const char *journal_reader_cursor(JournalReader *r);

/* Whether there is any file of the journal that this user may read. Where the journal is volatile, an ordinary user
 * has none: his lines are in the system's. */
bool journal_reader_source_is_readable(const JournalSource *source);

/* Whether the machine keeps its journal across a reboot, for health. */
int journal_reader_source_oldest(const JournalSource *source, usec_t *ret); /* when the oldest entry of all is of */
bool journal_reader_source_is_persistent(const JournalSource *source);

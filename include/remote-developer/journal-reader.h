/* JournalReader: one task's log, read from the journal in order, a whole line at a time.
 *
 * journald cuts lines longer than its LineMax= (48 KiB) into entries marked _LINE_BREAK=line-max; they are joined
 * again here, up to JOURNAL_LINE_MAX bytes. A line's cursor is that of its last entry, so that "after this cursor"
 * is always the begin of a line.
 *
 * No inotify instance is held: a reader looks when it is asked. A reader that stays open across a rotation of the
 * journal may stop seeing new entries; open a new one to be sure.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/log-line.h>
#include <remote-developer/unit-client.h>

/* Longest line that is joined again; a longer one is delivered in pieces of this size. */
#define JOURNAL_LINE_MAX ((size_t) 16 * 1024 * 1024)

/* Which journal: this machine's as the service's user may read it, or the files of a directory (tests). */
typedef struct JournalSource {
        RuntimeScope scope;
        const char *directory; /* NULL: the machine's own */
} JournalSource;

typedef struct JournalReader JournalReader;

int journal_reader_open(const JournalSource *source, const char *unit, JournalReader **ret);
JournalReader *journal_reader_free(JournalReader *r);
DEFINE_CLEANUP(JournalReader *, journal_reader_free)

/* Where the next line is read; at first the begin of the log. */
int journal_reader_seek_head(JournalReader *r);
int journal_reader_seek_tail(JournalReader *r, uint64_t lines); /* that many lines before the end */

/* As journal_reader_seek_tail(), but never before the line behind that cursor; "": none. `ret_lines` is how many lines
 * there are from here to the end. */
int journal_reader_seek_tail_after(JournalReader *r, const char *cursor, uint64_t lines, uint64_t *ret_lines);
int journal_reader_seek_after(JournalReader *r, const char *cursor); /* -EINVAL: the journal does not take it */

/* 1: a line; 0: no more at the moment; negative errno. */
int journal_reader_next(JournalReader *r, LogLine *ret);

/* At the end of a log that will not grow: the line that journald cut and that never ended (a program that wrote just
 * LineMax= bytes and no newline). 1 or 0, as journal_reader_next(). */
int journal_reader_flush(JournalReader *r, LogLine *ret);

/* The begin of a line was taken whose end is not there yet. */
bool journal_reader_is_within_line(const JournalReader *r);

/* Where it stands: of the last entry taken or sought; "" at the begin of the log. Borrowed. */
const char *journal_reader_cursor(const JournalReader *r);

/* Whether there is any file of the journal that this user may read. Where the journal is volatile, an ordinary user
 * has none: his lines are in the system's. */
bool journal_reader_source_is_readable(const JournalSource *source);

/* Whether the machine keeps its journal across a reboot, for health. */
bool journal_reader_source_is_persistent(const JournalSource *source);

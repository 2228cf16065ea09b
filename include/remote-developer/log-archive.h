/* room: model
 *
 * LogArchive: one task's whole log in a file of its own, written once and read for ever after.
 *
 *   <stem>.log      rows of JSON, one a line of the log:
 *                   {"cursor":"s=...","time":"2026-11-22T12:30:29.123456Z","priority":6,"text":"..."}
 *                   and at the end how many they are: {"lines":1234}
 *   <stem>.log.zst  the rows alone, compressed: `zstdcat` shows them
 *
 * What is not stdout has a "source", a line too long to be held "partial":true, and a gap its "reason", "lines",
 * "since" and "until". A text that is no valid UTF-8 is an array of its bytes, as `journalctl --output=json` has it;
 * every byte comes back. The compressed form is a row of zstd frames of some 256 KiB of rows each, with a checksum;
 * behind each stands an index of it in a frame that zstd skips, by which a reader finds a cursor, or the last lines,
 * without decompressing what is before them. A file that was cut, anywhere, is no archive: opening it says so.
 *
 * Memory: a writer takes 2 MiB and a reader under 1 MiB, whatever the log's size, and the rows of the longest line:
 * six times its bytes at worst.
 */
#pragma once

#include <remote-developer/log-line.h>

typedef struct LogArchiveWriter LogArchiveWriter;
typedef struct LogArchiveReader LogArchiveReader;

/* `dir_fd` is borrowed for the writer's life. Until it is finished the rows are in a file with a name of unfinished
 * writes (files.h), which freeing the writer removes. */
int log_archive_writer_new(int dir_fd, const char *stem, bool compress, LogArchiveWriter **ret);
LogArchiveWriter *log_archive_writer_free(LogArchiveWriter *w);
DEFINE_CLEANUP(LogArchiveWriter *, log_archive_writer_free)

/* After an error the writer is of no use any more. */
int log_archive_writer_append(LogArchiveWriter *w, const LogLine *line);

uint64_t log_archive_writer_lines(const LogArchiveWriter *w);

/* When this returns 0 the archive is durable under its name, in the place of the one that was there in either form. */
int log_archive_writer_finish(LogArchiveWriter *w);

/* Opens whichever form there is; of two the one with more lines, since the other is the one that was being replaced.
 * -ENOENT: there is none; -EBADMSG: cut, or something else. Stands at the begin. */
int log_archive_reader_open(int dir_fd, const char *stem, LogArchiveReader **ret);
LogArchiveReader *log_archive_reader_free(LogArchiveReader *r);
DEFINE_CLEANUP(LogArchiveReader *, log_archive_reader_free)

uint64_t log_archive_reader_lines(const LogArchiveReader *r);

/* Where the next line is read. After an error it stands nowhere in particular. -ENOENT: the cursor is of none of the
 * lines. In the form that is not compressed all before the cursor is read. */
int log_archive_reader_seek_head(LogArchiveReader *r);
int log_archive_reader_seek_tail(LogArchiveReader *r, uint64_t lines);
int log_archive_reader_seek_after(LogArchiveReader *r, const char *cursor);

/* As above; and how many lines are before that one. */
int log_archive_reader_find(LogArchiveReader *r, const char *cursor, uint64_t *ret_row);

/* 1: a line, borrowed until the next call; 0: that was the last; -EBADMSG: the file is damaged. */
int log_archive_reader_next(LogArchiveReader *r, LogLine *ret);

/* Removes the archive in both forms. None there is no error. */
int log_archive_remove(int dir_fd, const char *stem);

/* What the writer and the reader of an archived log agree on beyond log-archive.h: a line as a row of JSON, and the
 * index behind each frame of the compressed form.
 *
 * An index is a skippable frame of zstd's: its 8 bytes of head, a 16-bit check of each line's cursor, and at its end
 * an IndexFoot, so that a reader walks from index to index backwards. The last one is of no frame: its foot says that
 * the archive is whole. All numbers are little-endian. */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/log-archive.h>

#define ARCHIVE_SUFFIX ".log"
#define ARCHIVE_SUFFIX_COMPRESSED ".log.zst"
#define ARCHIVE_STEM_SIZE 64
#define ARCHIVE_NAME_SIZE 96

/* A frame ends with the line with which its rows reach this size. */
#define ARCHIVE_FRAME_SIZE ((size_t) 256 * 1024)
/* What a frame refers back to: with this a reader's memory is bounded. */
#define ARCHIVE_WINDOW_LOG 18

#define ARCHIVE_INDEX_MAGIC 0x184D2A5AU /* one of the sixteen that zstd leaves to whoever wants to be skipped */
#define ARCHIVE_INDEX_HEAD_SIZE 8

#define ARCHIVE_FOOT_FRAME 0x66474c52U /* "RLGf": of the frame before it */
#define ARCHIVE_FOOT_END 0x65474c52U   /* "RLGe": nothing follows */

typedef struct IndexFoot {
        uint64_t frame_size; /* of the frame before this index, compressed; 0 at the end */
        uint64_t total;      /* lines from the begin of the archive to here */
        uint32_t lines;      /* of that frame */
        uint32_t kind;
} IndexFoot;

/* The check of a cursor in an index. */
uint16_t archive_cursor_check(const char *cursor);

/* The line as a row, with its newline. -EINVAL: a cursor that no journal has. */
int archive_row_append(const LogLine *line, Buffer *to);

/* Reads a row of `size` bytes, without its newline; `ret`'s text takes the place of the row's. -EBADMSG. */
int archive_row_read(char *row, size_t size, LogLine *ret);

/* The row is that of the line with this cursor. */
bool archive_row_has_cursor(const char *row, size_t size, const char *cursor);

/* The end of the form that is not compressed: the number of lines, as a row of at most ARCHIVE_END_SIZE bytes. */
#define ARCHIVE_END_SIZE 32
int archive_end_append(uint64_t lines, Buffer *to);
int archive_end_read(const char *row, size_t size, uint64_t *ret_lines);

/* Reading an archive of a log: see log-archive.h. Bytes of the file become rows (through zstd where it is compressed),
 * rows become lines. `end` is where the rows end in the file, found when it is opened: what tells that the archive is
 * whole stands behind it, and to come to it within a row or a frame means that the file is damaged. */
#include "log-archive-internal.h"

#include <remote-developer/strings.h>

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zstd.h>

#define CHUNK_SIZE ((size_t) 64 * 1024)

struct LogArchiveReader {
        int fd;
        uint64_t end;    /* of the rows, in the file */
        uint64_t lines;
        uint64_t offset; /* of what is read from the file next */
        char *chunk;

        Buffer rows;         /* what was read and is not given out, and before it what was */
        size_t taken, seen;  /* of `rows`: given out; searched for the end of the row */

        ZSTD_DCtx *decompressor; /* NULL: not compressed */
        char *out;
        ZSTD_inBuffer in;   /* the chunk, and how much of it was taken */
        bool within_frame;
};

/* --- opening --- */

static int read_at(int fd, uint64_t offset, void *data, size_t size) {
        ssize_t n = pread(fd, data, size, (off_t) offset);

        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -EBADMSG;
}

/* The foot of the index that ends there. */
static int read_foot(const LogArchiveReader *r, uint64_t index_end, IndexFoot *ret) {
        IndexFoot foot;
        int e;

        if (index_end < ARCHIVE_INDEX_HEAD_SIZE + sizeof(foot))
                return -EBADMSG;
        e = read_at(r->fd, index_end - sizeof(foot), &foot, sizeof(foot));
        if (e < 0)
                return e;
        *ret = (IndexFoot){ le64toh(foot.frame_size), le64toh(foot.total), le32toh(foot.lines), le32toh(foot.kind) };
        return 0;
}

static int find_end_compressed(LogArchiveReader *r, uint64_t size) {
        IndexFoot foot;
        int e;

        e = read_foot(r, size, &foot);
        if (e >= 0 && (foot.kind != ARCHIVE_FOOT_END || foot.lines > 0))
                e = -EBADMSG;
        if (e < 0)
                return e;
        r->end = size - sizeof(foot) - ARCHIVE_INDEX_HEAD_SIZE;
        r->lines = foot.total;
        return 0;
}

static int find_end_plain(LogArchiveReader *r, uint64_t size) {
        size_t n = MIN_OF(size, (uint64_t) ARCHIVE_END_SIZE);
        char tail[ARCHIVE_END_SIZE];
        const char *row = tail + n;
        int e;

        e = n > 0 ? read_at(r->fd, size - n, tail, n) : -EBADMSG;
        if (e < 0)
                return e;
        for (row--; row > tail && row[-1] != '\n';)
                row--;
        e = archive_end_read(row, (size_t) (tail + n - row), &r->lines);
        r->end = size - (size_t) (tail + n - row);
        return e;
}

static int open_file(LogArchiveReader *r, int dir_fd, const char *stem, bool compressed) {
        char name[ARCHIVE_NAME_SIZE];
        struct stat st;

        snprintf(name, sizeof(name), "%s%s", stem, compressed ? ARCHIVE_SUFFIX_COMPRESSED : ARCHIVE_SUFFIX);
        r->fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (r->fd < 0 || fstat(r->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        return compressed ? find_end_compressed(r, (uint64_t) st.st_size) : find_end_plain(r, (uint64_t) st.st_size);
}

static int open_decompressor(LogArchiveReader *r) {
        r->decompressor = ZSTD_createDCtx();
        r->out = malloc(ZSTD_DStreamOutSize());
        if (!r->decompressor || !r->out)
                return -ENOMEM;
        /* A file that wants more memory than any of ours is none. */
        return ZSTD_isError(ZSTD_DCtx_setParameter(r->decompressor, ZSTD_d_windowLogMax, ARCHIVE_WINDOW_LOG)) ? -EINVAL
                                                                                                              : 0;
}

static int open_form(int dir_fd, const char *stem, bool compressed, LogArchiveReader **ret) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *r = calloc(1, sizeof(LogArchiveReader));
        int e;

        if (!r)
                return -ENOMEM;
        e = open_file(r, dir_fd, stem, compressed);
        if (e >= 0 && compressed)
                e = open_decompressor(r);
        if (e < 0)
                return e;
        r->chunk = malloc(CHUNK_SIZE);
        if (!r->chunk)
                return -ENOMEM;
        *ret = TAKE_PTR(r);
        return 0;
}

int log_archive_reader_open(int dir_fd, const char *stem, LogArchiveReader **ret) {
        _cleanup_(log_archive_reader_freep) LogArchiveReader *compressed = NULL, *plain = NULL;
        int e, f;

        e = open_form(dir_fd, stem, true, &compressed);
        f = open_form(dir_fd, stem, false, &plain);
        if (e < 0 && f < 0)
                return e == -ENOENT ? f : e;
        *ret = e < 0 || (plain && plain->lines > compressed->lines) ? TAKE_PTR(plain) : TAKE_PTR(compressed);
        return 0;
}

LogArchiveReader *log_archive_reader_free(LogArchiveReader *r) {
        if (!r)
                return NULL;
        closep(&r->fd);
        ZSTD_freeDCtx(r->decompressor);
        buffer_done(&r->rows);
        free(r->chunk);
        free(r->out);
        free(r);
        return NULL;
}

uint64_t log_archive_reader_lines(const LogArchiveReader *r) {
        return r->lines;
}

/* --- rows --- */

/* What was given out makes room; the memory of a line of megabytes is not kept. */
static int drop_taken(LogArchiveReader *r) {
        size_t rest = r->rows.size - r->taken;
        Buffer smaller = BUFFER_NULL;
        int e;

        if (r->taken == 0)
                return 0;
        if (r->rows.allocated <= 4 * ARCHIVE_FRAME_SIZE || rest > ARCHIVE_FRAME_SIZE)
                buffer_consume(&r->rows, r->taken);
        else {
                e = buffer_append(&smaller, r->rows.data + r->taken, rest);
                if (e < 0)
                        return e;
                buffer_done(&r->rows);
                r->rows = smaller;
        }
        r->seen -= r->taken;
        r->taken = 0;
        return 0;
}

/* 1: read; 0: the rows' end in the file was reached before. */
static int read_chunk(LogArchiveReader *r) {
        size_t n = MIN_OF((uint64_t) CHUNK_SIZE, r->end - r->offset);
        int e;

        if (n == 0)
                return 0;
        e = read_at(r->fd, r->offset, r->chunk, n);
        if (e < 0)
                return e;
        r->offset += n;
        r->in = (ZSTD_inBuffer){ r->chunk, n, 0 };
        return 1;
}

/* One piece, since a few bytes may stand for very many. What zstd still holds back when it has taken all of the chunk
 * comes with the next one: behind every frame there is at least its index. */
static int decompress(LogArchiveReader *r) {
        ZSTD_outBuffer out = { r->out, ZSTD_DStreamOutSize(), 0 };
        size_t left = ZSTD_decompressStream(r->decompressor, &out, &r->in);

        if (ZSTD_isError(left))
                return -EBADMSG;
        r->within_frame = left > 0;
        return buffer_append(&r->rows, r->out, out.pos);
}

static int take_chunk(LogArchiveReader *r) {
        r->in.pos = r->in.size;
        return buffer_append(&r->rows, r->in.src, r->in.size);
}

/* 1: there may be more bytes now; 0: the end. */
static int read_more(LogArchiveReader *r) {
        int e;

        e = drop_taken(r);
        if (e < 0)
                return e;
        if (r->in.pos == r->in.size) {
                e = read_chunk(r);
                if (e == 0 && (r->within_frame || r->rows.size > 0))
                        return -EBADMSG;
                if (e <= 0)
                        return e;
        }
        e = r->decompressor ? decompress(r) : take_chunk(r);
        return e < 0 ? e : 1;
}

/* 1: a row without its newline, valid until the next call; 0: that was the last. */
static int next_row(LogArchiveReader *r, char **ret, size_t *ret_size) {
        char *newline;
        int e;

        while (!(newline = r->rows.size > r->seen ? memchr(r->rows.data + r->seen, '\n', r->rows.size - r->seen)
                                                  : NULL)) {
                r->seen = r->rows.size;
                e = read_more(r);
                if (e <= 0)
                        return e;
        }
        *ret = r->rows.data + r->taken;
        *ret_size = (size_t) (newline - *ret);
        r->taken = r->seen = (size_t) (newline + 1 - r->rows.data);
        return 1;
}

int log_archive_reader_next(LogArchiveReader *r, LogLine *ret) {
        size_t size;
        char *row;
        int e;

        e = next_row(r, &row, &size);
        if (e <= 0)
                return e;
        e = archive_row_read(row, size, ret);
        return e < 0 ? e : 1;
}

/* --- seeking --- */

static int seek_offset(LogArchiveReader *r, uint64_t offset) {
        buffer_clear(&r->rows);
        r->taken = r->seen = 0;
        r->offset = offset;
        r->in = (ZSTD_inBuffer){};
        r->within_frame = false;
        if (!r->decompressor)
                return 0;
        return ZSTD_isError(ZSTD_DCtx_reset(r->decompressor, ZSTD_reset_session_only)) ? -EIO : 0;
}

int log_archive_reader_seek_head(LogArchiveReader *r) {
        return seek_offset(r, 0);
}

static int skip_rows(LogArchiveReader *r, uint64_t n) {
        size_t size;
        char *row;
        int e = 1;

        while (e > 0 && n-- > 0)
                e = next_row(r, &row, &size);
        return MIN_OF(e, 0);
}

/* Stands behind that line, if it is one of the next `n`. 1: it is, behind `ret_before` others; 0: it is not. */
static int seek_row(LogArchiveReader *r, const char *cursor, uint64_t n, uint64_t *ret_before) {
        size_t size;
        char *row;
        int e = 1;

        for (uint64_t i = 0; i < n && (e = next_row(r, &row, &size)) > 0; i++)
                if (archive_row_has_cursor(row, size, cursor)) {
                        *ret_before = i;
                        return 1;
                }
        return MIN_OF(e, 0);
}

/* A frame of the compressed form and its index, from the last one backwards. */
typedef struct FrameWalk {
        uint64_t begin; /* of the frame in the file; at first the end of the rows */
        uint64_t checks; /* where its index has them */
        IndexFoot foot;
} FrameWalk;

/* 1: the frame before; 0: there is none. */
static int previous_frame(const LogArchiveReader *r, FrameWalk *w) {
        uint64_t end = w->begin, size;
        int e;

        if (end == 0)
                return 0;
        e = read_foot(r, end, &w->foot);
        if (e < 0)
                return e;
        size = ARCHIVE_INDEX_HEAD_SIZE + (uint64_t) w->foot.lines * sizeof(uint16_t) + sizeof(IndexFoot);
        if (w->foot.kind != ARCHIVE_FOOT_FRAME || w->foot.frame_size == 0 || w->foot.frame_size > end ||
            size > end - w->foot.frame_size)
                return -EBADMSG;
        w->begin = end - size - w->foot.frame_size;
        w->checks = end - size + ARCHIVE_INDEX_HEAD_SIZE;
        return 1;
}

static int frame_may_have(LogArchiveReader *r, const FrameWalk *w, uint16_t check) {
        uint16_t checks[512];
        int e;

        for (uint32_t i = 0, n; i < w->foot.lines; i += n) {
                n = MIN_OF(w->foot.lines - i, (uint32_t) ELEMENTSOF(checks));
                e = read_at(r->fd, w->checks + i * sizeof(uint16_t), checks, n * sizeof(uint16_t));
                if (e < 0)
                        return e;
                for (uint32_t k = 0; k < n; k++)
                        if (checks[k] == htole16(check))
                                return 1;
        }
        return 0;
}

static int seek_after_compressed(LogArchiveReader *r, const char *cursor, uint64_t *ret_row) {
        uint16_t check = archive_cursor_check(cursor);
        FrameWalk w = { .begin = r->end };
        int e;

        while ((e = previous_frame(r, &w)) > 0) {
                e = frame_may_have(r, &w, check);
                if (e > 0)
                        e = seek_offset(r, w.begin) < 0 ? -EIO : seek_row(r, cursor, w.foot.lines, ret_row);
                if (e > 0)
                        *ret_row += w.foot.total - w.foot.lines;
                if (e != 0)
                        return e;
        }
        return e;
}

int log_archive_reader_find(LogArchiveReader *r, const char *cursor, uint64_t *ret_row) {
        int e;

        if (r->decompressor)
                e = seek_after_compressed(r, cursor, ret_row);
        else {
                (void) seek_offset(r, 0);
                e = seek_row(r, cursor, UINT64_MAX, ret_row);
        }
        return e == 0 ? -ENOENT : MIN_OF(e, 0);
}

int log_archive_reader_seek_after(LogArchiveReader *r, const char *cursor) {
        uint64_t row;

        return log_archive_reader_find(r, cursor, &row);
}

static int seek_tail_compressed(LogArchiveReader *r, uint64_t lines) {
        FrameWalk w = { .begin = r->end };
        uint64_t found = 0;
        int e = 1;

        while (found < lines && (e = previous_frame(r, &w)) > 0)
                found += w.foot.lines;
        if (e >= 0)
                e = seek_offset(r, w.begin);
        return e < 0 ? e : skip_rows(r, found > lines ? found - lines : 0);
}

/* Where the last `lines` rows begin: behind the newline that has as many behind it. */
static int find_tail_plain(LogArchiveReader *r, uint64_t lines, uint64_t *ret) {
        uint64_t at = r->end, newlines = 0;

        while (at > 0) {
                size_t n = MIN_OF((uint64_t) CHUNK_SIZE, at);
                int e = read_at(r->fd, at - n, r->chunk, n);

                if (e < 0)
                        return e;
                for (const char *p = r->chunk + n; (p = memrchr(r->chunk, '\n', (size_t) (p - r->chunk)));)
                        if (newlines++ == lines) {
                                *ret = at - n + (size_t) (p + 1 - r->chunk);
                                return 0;
                        }
                at -= n;
        }
        *ret = 0;
        return 0;
}

int log_archive_reader_seek_tail(LogArchiveReader *r, uint64_t lines) {
        uint64_t offset;
        int e;

        if (r->decompressor)
                return seek_tail_compressed(r, lines);
        e = find_tail_plain(r, lines, &offset);
        return e < 0 ? e : seek_offset(r, offset);
}

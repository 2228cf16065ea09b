/* Writing an archive of a log: see log-archive.h. Rows go to a file with an unfinished write's name, through zstd
 * where that is wanted, and get their name when all of them are on the disk. Memory does not grow with the log: of a
 * frame only its index is kept, of the archive its number of lines. */
#include "log-archive-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zstd.h>

#define COMPRESSION_LEVEL 3
/* The kernel is asked to begin with the disk's work each time so much was written, so that what waits for it at the
 * end is not the whole. */
#define WRITE_BACK_SIZE ((uint64_t) 4 * 1024 * 1024)

struct LogArchiveWriter {
        int dir_fd, fd;
        char stem[ARCHIVE_STEM_SIZE];
        uint64_t lines;
        Buffer row;
        uint64_t unsynced;

        ZSTD_CCtx *compressor; /* NULL: not compressed */
        char *out;
        size_t frame_rows; /* bytes of the rows in the frame that is open; 0: none is */
        uint64_t frame_size;
        uint32_t frame_lines;
        Buffer checks; /* of the frame's cursors */
};

static const char *archive_name(char name[static ARCHIVE_NAME_SIZE], const char *prefix, const char *stem,
                                bool compressed) {
        snprintf(name, ARCHIVE_NAME_SIZE, "%s%s%s", prefix, stem,
                 compressed ? ARCHIVE_SUFFIX_COMPRESSED : ARCHIVE_SUFFIX);
        return name;
}

static const char *temporary_name(const LogArchiveWriter *w, char name[static ARCHIVE_NAME_SIZE]) {
        return archive_name(name, FILE_TEMPORARY_PREFIX, w->stem, w->compressor);
}

/* --- life cycle --- */

static int open_compressor(LogArchiveWriter *w) {
        static const struct {
                ZSTD_cParameter parameter;
                int value;
        } rows[] = {
                { ZSTD_c_compressionLevel, COMPRESSION_LEVEL },
                { ZSTD_c_windowLog, ARCHIVE_WINDOW_LOG },
                { ZSTD_c_checksumFlag, 1 },
        };

        w->compressor = ZSTD_createCCtx();
        w->out = malloc(ZSTD_CStreamOutSize());
        if (!w->compressor || !w->out)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (ZSTD_isError(ZSTD_CCtx_setParameter(w->compressor, rows[i].parameter, rows[i].value)))
                        return -EINVAL;
        return 0;
}

int log_archive_writer_new(int dir_fd, const char *stem, bool compress, LogArchiveWriter **ret) {
        _cleanup_(log_archive_writer_freep) LogArchiveWriter *w = calloc(1, sizeof(LogArchiveWriter));
        char name[ARCHIVE_NAME_SIZE];
        int r;

        if (!w)
                return -ENOMEM;
        w->dir_fd = dir_fd;
        w->fd = -EBADF;
        if (strlen(stem) >= sizeof(w->stem))
                return -ENAMETOOLONG;
        memcpy(w->stem, stem, strlen(stem) + 1);
        r = compress ? open_compressor(w) : 0;
        if (r < 0)
                return r;
        w->fd = openat(dir_fd, temporary_name(w, name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (w->fd < 0)
                return -errno;
        *ret = TAKE_PTR(w);
        return 0;
}

LogArchiveWriter *log_archive_writer_free(LogArchiveWriter *w) {
        char name[ARCHIVE_NAME_SIZE];

        if (!w)
                return NULL;
        if (w->fd >= 0) {
                close(w->fd);
                (void) unlinkat(w->dir_fd, temporary_name(w, name), 0);
        }
        ZSTD_freeCCtx(w->compressor);
        free(w->out);
        buffer_done(&w->row);
        buffer_done(&w->checks);
        free(w);
        return NULL;
}

uint64_t log_archive_writer_lines(const LogArchiveWriter *w) {
        return w->lines;
}

/* --- writing --- */

static int write_out(LogArchiveWriter *w, const void *data, size_t size) {
        int r;

        r = file_write_all(w->fd, data, size);
        if (r < 0)
                return r;
        w->unsynced += size;
        if (w->unsynced >= WRITE_BACK_SIZE) {
                (void) sync_file_range(w->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
                w->unsynced = 0;
        }
        return 0;
}

static int compress(LogArchiveWriter *w, const void *data, size_t size, ZSTD_EndDirective directive) {
        ZSTD_inBuffer in = { data, size, 0 };
        size_t left;

        do {
                ZSTD_outBuffer out = { w->out, ZSTD_CStreamOutSize(), 0 };
                int r;

                left = ZSTD_compressStream2(w->compressor, &out, &in, directive);
                if (ZSTD_isError(left))
                        return -EIO;
                r = write_out(w, w->out, out.pos);
                if (r < 0)
                        return r;
                w->frame_size += out.pos;
        } while (in.pos < in.size || (directive == ZSTD_e_end && left > 0));
        return 0;
}

static int write_index(LogArchiveWriter *w, uint32_t kind) {
        IndexFoot foot = { .frame_size = htole64(w->frame_size), .total = htole64(w->lines),
                           .lines = htole32(w->frame_lines), .kind = htole32(kind) };
        uint32_t head[] = { htole32(ARCHIVE_INDEX_MAGIC), htole32((uint32_t) (w->checks.size + sizeof(foot))) };
        int r;

        static_assert(sizeof(head) == ARCHIVE_INDEX_HEAD_SIZE);
        r = write_out(w, head, sizeof(head));
        if (r >= 0 && w->checks.size > 0)
                r = write_out(w, w->checks.data, w->checks.size);
        return r < 0 ? r : write_out(w, &foot, sizeof(foot));
}

static int end_frame(LogArchiveWriter *w) {
        int r;

        if (w->frame_rows == 0)
                return 0;
        r = compress(w, NULL, 0, ZSTD_e_end);
        if (r >= 0)
                r = write_index(w, ARCHIVE_FOOT_FRAME);
        w->frame_rows = w->frame_size = w->frame_lines = 0;
        buffer_clear(&w->checks);
        return r;
}

static int append_compressed(LogArchiveWriter *w, const char *cursor) {
        uint16_t check = htole16(archive_cursor_check(cursor));
        int r;

        r = buffer_append(&w->checks, &check, sizeof(check));
        if (r >= 0)
                r = compress(w, w->row.data, w->row.size, ZSTD_e_continue);
        if (r < 0)
                return r;
        w->frame_rows += w->row.size;
        w->frame_lines++;
        return w->frame_rows >= ARCHIVE_FRAME_SIZE ? end_frame(w) : 0;
}

int log_archive_writer_append(LogArchiveWriter *w, const LogLine *line) {
        int r;

        /* The memory of a line of megabytes is not kept for the many short ones. */
        if (w->row.allocated > ARCHIVE_FRAME_SIZE)
                buffer_done(&w->row);
        buffer_clear(&w->row);
        r = archive_row_append(line, &w->row);
        if (r < 0)
                return r;
        w->lines++;
        return w->compressor ? append_compressed(w, line->cursor) : write_out(w, w->row.data, w->row.size);
}

/* --- the end --- */

static int write_end(LogArchiveWriter *w) {
        int r;

        if (w->compressor) {
                r = end_frame(w);
                return r < 0 ? r : write_index(w, ARCHIVE_FOOT_END);
        }
        buffer_clear(&w->row);
        r = archive_end_append(w->lines, &w->row);
        return r < 0 ? r : write_out(w, w->row.data, w->row.size);
}

int log_archive_writer_finish(LogArchiveWriter *w) {
        char name[ARCHIVE_NAME_SIZE], temporary[ARCHIVE_NAME_SIZE];
        int r;

        r = write_end(w);
        if (r < 0)
                return r;
        archive_name(name, "", w->stem, w->compressor);
        if (fsync(w->fd) < 0 || renameat(w->dir_fd, temporary_name(w, temporary), w->dir_fd, name) < 0)
                return -errno;
        closep(&w->fd);
        w->fd = -EBADF;
        if (fsync(w->dir_fd) < 0)
                return -errno;
        return file_remove_durable(w->dir_fd, archive_name(name, "", w->stem, !w->compressor));
}

int log_archive_remove(int dir_fd, const char *stem) {
        char name[ARCHIVE_NAME_SIZE];
        int r;

        r = file_remove_durable(dir_fd, archive_name(name, "", stem, true));
        return r < 0 ? r : file_remove_durable(dir_fd, archive_name(name, "", stem, false));
}

/* Scratch: a directory of a test's own, and all that is in it gone at the end.
 *
 *         _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
 *
 *         if (!scratch_init(&s))
 *                 return;
 *         file_write_durable(s.fd, "name", ...);
 */
#pragma once

#include "tap.h"

#include <remote-developer/macros.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

typedef struct Scratch {
        char path[256];
        int fd;
} Scratch;

#define SCRATCH_NULL ((Scratch){ .fd = -EBADF })

/* A failed check, and false, when there is none. */
static inline bool scratch_init(Scratch *s) {
        snprintf(s->path, sizeof(s->path), "%s/remote-developer-test-XXXXXX", getenv("TMPDIR") ?: "/tmp");
        if (!TAP_CHECK(mkdtemp(s->path))) {
                s->path[0] = 0;
                return false;
        }
        s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return TAP_CHECK(s->fd >= 0);
}

static inline int scratch_on_entry(const char *path, const struct stat *st _unused_, int type _unused_,
                                   struct FTW *ftw _unused_) {
        return remove(path);
}

static inline void scratch_done(Scratch *s) {
        closep(&s->fd);
        if (*s->path)
                nftw(s->path, scratch_on_entry, 16, FTW_DEPTH | FTW_PHYS);
        *s = SCRATCH_NULL;
}

/* "<path>/<name>", valid until the next call. */
static inline const char *scratch_path(const Scratch *s, const char *name) {
        static char path[512];

        snprintf(path, sizeof(path), "%s/%s", s->path, name);
        return path;
}

/* Weak: one counter for a program, in however many of its files this header is read. */
__attribute__((weak)) unsigned scratch_counted;

static inline int scratch_count_entry(const char *path _unused_, const struct stat *st _unused_, int type,
                                      struct FTW *ftw _unused_) {
        scratch_counted += type != FTW_D;
        return 0;
}

/* How many files there are, in whatever directory below. */
static inline unsigned scratch_count(const Scratch *s) {
        scratch_counted = 0;
        TAP_CHECK_INT(nftw(s->path, scratch_count_entry, 16, FTW_PHYS), 0);
        return scratch_counted;
}

/* FuzzFile: the bytes of a fuzzer as a file in a directory of its own in memory, which goes when the program ends. */
#pragma once

#include "replay.h"

#include <sys/stat.h>

typedef struct FuzzFile {
        char directory[64];
        int dir_fd;
        const char *name; /* of the file; the one of all */
} FuzzFile;

static FuzzFile fuzz_file = { .dir_fd = -EBADF };

static void fuzz_file_remove(void) {
        (void) unlinkat(fuzz_file.dir_fd, fuzz_file.name, 0);
        (void) rmdir(fuzz_file.directory);
}

static inline void fuzz_file_begin(const char *name) {
        snprintf(fuzz_file.directory, sizeof(fuzz_file.directory), "%s/remote-developer-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert(mkdtemp(fuzz_file.directory));
        fuzz_file.name = name;
        fuzz_file.dir_fd = open(fuzz_file.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert(fuzz_file.dir_fd >= 0);
        assert(atexit(fuzz_file_remove) == 0);
}

/* 0600, with those bytes and no more; always of the same name. */
static inline const FuzzFile *fuzz_file_write(const char *name, const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = -EBADF;

        if (fuzz_file.dir_fd < 0)
                fuzz_file_begin(name);
        fd = openat(fuzz_file.dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t) size);
        return &fuzz_file;
}

/* Replay: gives the files of a corpus to a fuzz target, where there is no libFuzzer to do so.
 *
 * A fuzz target defines LLVMFuzzerTestOneInput() and ends with REPLAY_MAIN("name"). Built by tests/fuzz/run it is a
 * fuzzer; built by any compiler without that it is a test that prints TAP: each file of tests/fuzz/corpus/name once,
 * or of the folders and files in argv. A target aborts when something is not as it should be; the last line before
 * names the file.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLAY_SIZE_MAX ((size_t) 16 * 1024 * 1024)

static inline int replay_file(const char *path, unsigned *n) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_free_ uint8_t *exact = NULL;
        int r;

        r = file_read(AT_FDCWD, path, REPLAY_SIZE_MAX, &b);
        if (r < 0) {
                printf("not ok %u - %s: %s\n", ++*n, path, strerror(-r));
                return r;
        }
        /* A copy without the 0 behind it, so that a sanitizer sees who reads too far. */
        exact = malloc(MAX_OF(b.size, (size_t) 1));
        assert(exact);
        memcpy(exact, b.data, b.size);

        printf("# %s, %zu bytes\n", path, b.size);
        fflush(stdout);
        LLVMFuzzerTestOneInput(exact, b.size);
        printf("ok %u - %s\n", ++*n, path);
        return 0;
}

static inline int replay_is_visible(const struct dirent *entry) {
        return entry->d_name[0] != '.';
}

static inline int replay_folder(const char *path, unsigned *n) {
        struct dirent **entries = NULL;
        int k = scandir(path, &entries, replay_is_visible, alphasort), r = 0;

        if (k < 0)
                return errno == ENOTDIR ? replay_file(path, n) : -errno;
        for (int i = 0; i < k; i++) {
                _cleanup_free_ char *file = string_format("%s/%s", path, entries[i]->d_name);

                if (replay_file(file, n) < 0)
                        r = -EIO;
                free(entries[i]);
        }
        free(entries);
        return k == 0 ? -ENOENT : r;
}

/* 0, or 1 when a file could not be read or there was none. */
static inline int replay_main(int argc, char **argv, const char *corpus) {
        const char *root = getenv("SOURCE_ROOT") ?: ".";
        _cleanup_free_ char *folder = string_format("%s/tests/fuzz/corpus/%s", root, corpus);
        unsigned n = 0;
        int r = 0;

        for (int i = 1; i < argc; i++)
                if (replay_folder(argv[i], &n) < 0)
                        r = 1;
        if (argc < 2 && replay_folder(folder, &n) < 0)
                r = 1;
        printf("1..%u\n", n);
        return r;
}

#ifdef WITH_LIBFUZZER
#  define REPLAY_MAIN(corpus)
#else
#  define REPLAY_MAIN(corpus)                                                                                \
          int main(int argc, char **argv) {                                                                  \
                  return replay_main(argc, argv, corpus);                                                    \
          }
#endif

/* Step: see step.h. What all verbs need of this kind stands here, and no verb. */
#include "step.h"

#include <remote-developer/files.h>

#include <string.h>

#define DIRECTORY_MODE 0750

int step_fail(Step *s, int error, const char *what) {
        return problem_set(&s->problem, error, NULL, "%s: %s", what, strerror(-error));
}

int step_open_directory(Step *s, const char *path) {
        int fd = file_open_directory(path, DIRECTORY_MODE);

        return fd < 0 ? step_fail(s, fd, path) : fd;
}

int step_read_input(Step *s, Buffer *ret) {
        char chunk[65536];
        ssize_t n = 0;
        int r = 0;

        while (r >= 0 && (n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
                r = ret->size + (size_t) n > STEP_INPUT_MAX ? -EFBIG : buffer_append(ret, chunk, (size_t) n);
        if (n < 0)
                r = -errno;
        if (r >= 0)
                r = buffer_append(ret, "", 0);
        return r < 0 ? step_fail(s, r, "The standard input") : 0;
}

/* Credential: see credential.h. */
#include "credential.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <fcntl.h>

int credential_read(const char *name, Buffer *ret) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_close_ int fd = -EBADF;

        if (string_is_empty(name) || strchr(name, '/') || name[0] == '.')
                return -EINVAL;
        if (string_is_empty(directory))
                return -ENOENT;
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : file_read(fd, name, CREDENTIAL_SIZE_MAX, ret);
}

int credential_read_line(const char *name, char **ret) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        int r = credential_read(name, &b);

        if (r < 0)
                return r;
        while (b.size > 0 && (b.data[b.size - 1] == '\n' || b.data[b.size - 1] == '\r'))
                buffer_cut(&b, b.size - 1);
        if (b.size == 0 || memchr(b.data, '\n', b.size) || memchr(b.data, 0, b.size))
                return -EINVAL;
        *ret = buffer_take(&b);
        return 0;
}

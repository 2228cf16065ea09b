/* TaskStore: the secrets of tasks, as files that systemd reads. See task-store.h.
 *
 * A directory counts only beside a document that is not finished and names its files. So it is written whole before
 * the document, and what a crash leaves of one without the other is found at the next start. */
#include "task-store-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define NAME_SIZE 64

static const char *directory_name(char buffer[static NAME_SIZE], const char *id) {
        snprintf(buffer, NAME_SIZE, "%s" TASK_STORE_CREDENTIALS, id);
        return buffer;
}

static int write_value(int dir_fd, const char *name, const char *value) {
        _cleanup_close_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return -errno;
        r = file_write_all(fd, value, strlen(value));
        return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

static int write_pair(int dir_fd, const char *pair) {
        size_t n = strcspn(pair, "=");
        _cleanup_free_ char *name = strndup(pair, n);

        return name ? write_value(dir_fd, name, pair + n + 1) : -ENOMEM;
}

static int write_directory(TaskStore *s, const char *name, char *const *pairs) {
        _cleanup_close_ int fd = -EBADF;
        int r = 0;

        if (mkdirat(s->dir_fd, name, 0700) < 0)
                return -errno;
        fd = openat(s->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (; r >= 0 && *pairs; pairs++)
                r = write_pair(fd, *pairs);
        return r < 0 ? r : fsync(fd) < 0 || fsync(s->dir_fd) < 0 ? -errno : 0;
}

int task_store_write_credentials(TaskStore *s, const char *id, const Secrets *secrets) {
        char name[NAME_SIZE];
        int r;

        r = task_store_lock(s);
        if (r >= 0)
                r = task_store_remove_credentials(s, id);
        if (r < 0 || !secrets || !secrets->pairs)
                return r;
        r = write_directory(s, directory_name(name, id), secrets->pairs);
        if (r < 0)
                (void) task_store_remove_credentials(s, id);
        return r;
}

static int remove_files(int dir_fd) {
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *e;
        int r = 0;

        if (!d) {
                r = -errno;
                closep(&fd);
                return r;
        }
        while (r >= 0 && (errno = 0, e = readdir(d)))
                if (!string_equal(e->d_name, ".") && !string_equal(e->d_name, ".."))
                        r = unlinkat(fd, e->d_name, 0) < 0 ? -errno : 0;
        if (r >= 0)
                r = -errno;
        (void) closedir(d);
        return r;
}

/* What is no directory there, a link above all, is removed as what it is. */
int task_store_remove_credentials(TaskStore *s, const char *id) {
        _cleanup_close_ int fd = -EBADF;
        char name[NAME_SIZE];
        int r = 0;

        fd = openat(s->dir_fd, directory_name(name, id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
                return -errno;
        if (fd >= 0)
                r = remove_files(fd);
        if (r >= 0 && unlinkat(s->dir_fd, name, fd >= 0 ? AT_REMOVEDIR : 0) < 0)
                r = -errno;
        return r < 0 ? r : fsync(s->dir_fd) < 0 ? -errno : 0;
}

static int read_pair(int dir_fd, const char *name, char ***pairs) {
        _cleanup_(buffer_done) Buffer value = BUFFER_SECRET, pair = BUFFER_SECRET;
        int r;

        r = file_read(dir_fd, name, SECRETS_SIZE_MAX, &value);
        if (r >= 0)
                r = buffer_append_format(&pair, "%s=%s", name, value.data);
        return r < 0 ? r : strv_append(pairs, pair.data);
}

int task_store_read_credentials(TaskStore *s, const char *id, char *const *names, Secrets *ret) {
        _cleanup_(secrets_done) Secrets secrets = SECRETS_NULL;
        _cleanup_close_ int fd = -EBADF;
        char directory[NAME_SIZE];
        int r = 0;

        if (names && *names)
                fd = openat(s->dir_fd, directory_name(directory, id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && names && *names)
                return -errno;
        for (; r >= 0 && names && *names; names++)
                r = read_pair(fd, *names, &secrets.pairs);
        if (r < 0)
                return r;
        *ret = secrets;
        secrets = SECRETS_NULL;
        return 0;
}

char *task_store_credential(const TaskStore *s, const char *id, const char *name) {
        return string_format("%s:%s/%s" TASK_STORE_CREDENTIALS "/%s", name, s->path, id, name);
}

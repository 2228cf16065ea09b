/* Files: see files.h. The order write, fsync, rename, fsync of the directory is what makes a file survive a power
 * cut whole: rename alone may reach the disk before the bytes do. */
#include <remote-developer/files.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/stat.h>

static int make_parents(const char *path, mode_t mode) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        if (!*copy)
                return -ENOENT;
        for (char *p = copy + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = 0;
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
                return -errno;
        return 0;
}

int file_open_directory(const char *path, mode_t mode) {
        int fd, r;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 || errno != ENOENT)
                return fd >= 0 ? fd : -errno;

        r = make_parents(path, mode);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd : -errno;
}

int file_read(int dir_fd, const char *name, size_t max, Buffer *ret) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_(buffer_done) Buffer b = { .secret = ret->secret };
        char chunk[16384];
        struct stat st;
        ssize_t n;
        int r;

        /* O_NONBLOCK: a FIFO under this name must not hold the service up before fstat() unmasks it. */
        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
                if (b.size + (size_t) n > max)
                        return -EFBIG;
                r = buffer_append(&b, chunk, (size_t) n);
                if (r < 0)
                        return r;
                /* What the kernel makes up (/proc) has no size. */
                if (st.st_size > 0 && b.size >= (size_t) st.st_size) {
                        n = 0;
                        break;
                }
        }
        if (n < 0)
                return -errno;
        r = buffer_append(&b, "", 0);
        if (r < 0)
                return r;

        buffer_done(ret);
        *ret = b;
        b = BUFFER_NULL;
        return 0;
}

int file_write_all(int fd, const void *bytes, size_t size) {
        const char *data = bytes;

        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                data += n;
                size -= (size_t) n;
        }
        return 0;
}

static int write_temporary(int dir_fd, const char *target, const char *data, size_t size, mode_t mode,
                           char name[static NAME_MAX + 1]) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t random = 0;
        int r;

        if (getrandom(&random, sizeof(random), 0) < 0)
                return -errno;
        if (snprintf(name, NAME_MAX + 1, FILE_TEMPORARY_PREFIX "%s-%016llx", target, (unsigned long long) random) >
            NAME_MAX)
                return -ENAMETOOLONG;

        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;

        r = file_write_all(fd, data, size);
        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(dir_fd, name, 0);
        return r;
}

static int sync_directory(int dir_fd) {
        return fsync(dir_fd) < 0 ? -errno : 0;
}

int file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        char temporary[NAME_MAX + 1];
        int r;

        r = write_temporary(dir_fd, name, data, size, mode, temporary);
        if (r < 0)
                return r;
        if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
                r = -errno;
                unlinkat(dir_fd, temporary, 0);
                return r;
        }
        return sync_directory(dir_fd);
}

int file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        char temporary[NAME_MAX + 1];
        int r;

        r = write_temporary(dir_fd, name, data, size, mode, temporary);
        if (r < 0)
                return r;
        if (linkat(dir_fd, temporary, dir_fd, name, 0) < 0)
                r = -errno;
        unlinkat(dir_fd, temporary, 0);
        if (r < 0)
                return r;
        r = sync_directory(dir_fd);
        if (r < 0)
                unlinkat(dir_fd, name, 0); /* whoever is told of the error must not find it later */
        return r;
}

int file_remove_durable(int dir_fd, const char *name) {
        if (unlinkat(dir_fd, name, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        return sync_directory(dir_fd);
}

int file_act_as_owner(int dir_fd) {
        struct stat st;

        if (fstat(dir_fd, &st) < 0)
                return -errno;
        if (geteuid() != 0)
                return 0;
        /* The group first: that needs the user's power. Each tells only what was before. */
        (void) setfsgid(st.st_gid);
        (void) setfsuid(st.st_uid);
        return (gid_t) setfsgid((gid_t) -1) == st.st_gid && (uid_t) setfsuid((uid_t) -1) == st.st_uid ? 0 : -EPERM;
}

/* A library that the tests preload into the service: it kills the process before or after the n-th of its calls that
 * change something on disk, at systemd or at a client. Nothing of the service knows of it, and it is never installed.
 *
 * What is to happen and what did happen is in the file $FAULT_POINT, mapped by this library and by the test at once
 * (struct Plan; tests/system/fault.py has its other half). Calls are counted in it for ever, across all the lives of
 * the service. Of the words there, each has one writer: `faults` are the test's, all others are written here, by the
 * service's only thread. Without the variable or the file nothing happens. */
#undef _FORTIFY_SOURCE /* its inline functions would stand where ours shall */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define FAULTS_MAX 8

/* The kinds of calls, in the order of the plan's rows. */
typedef enum Call {
        CALL_NONE = -1,
        CALL_CREATE,
        CALL_WRITE,
        CALL_FSYNC,
        CALL_TRUNCATE,
        CALL_RENAME,
        CALL_LINK,
        CALL_UNLINK,
        CALL_MKDIR,
        CALL_BUS,
        CALL_NOTIFY,
        CALL_REPLY,
        CALL_COUNT,
} Call;

static const char *const call_names[CALL_COUNT] = { "create", "write", "fsync", "truncate", "rename", "link",
                                                    "unlink", "mkdir", "bus",   "notify",   "reply" };

typedef struct Plan {
        uint32_t pid;   /* of the service that is alive or was last */
        uint32_t calls; /* so far */
        uint32_t n_rows;
        struct {
                uint32_t call; /* the number of the call that is the last one; 0: none */
                uint32_t after;
        } faults[FAULTS_MAX];
        struct {
                char name[16];
                uint32_t calls;
                uint32_t deaths_before, deaths_after;
        } rows[CALL_COUNT];
} Plan;

static Plan *plan;

static void open_plan(void) {
        const char *path = getenv("FAULT_POINT");
        void *map;
        int fd;

        fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0)
                return;
        map = mmap(NULL, sizeof(Plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (map == MAP_FAILED)
                return;
        plan = map;
        for (size_t i = 0; i < CALL_COUNT; i++)
                strncpy(plan->rows[i].name, call_names[i], sizeof(plan->rows[i].name));
        plan->n_rows = CALL_COUNT;
        __atomic_store_n(&plan->pid, (uint32_t) getpid(), __ATOMIC_SEQ_CST);
}

/* What they run for the Doctor has the same environment. */
__attribute__((constructor)) static void load(void) {
        static const char *const names[] = { "remote-developerd", "remote-developer-launcher" };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(program_invocation_short_name, names[i]) == 0)
                        open_plan();
}

static void die(uint32_t *deaths) {
        ++*deaths;
        kill(getpid(), SIGKILL);
}

/* Counts the call; true when it is to be the last one and has to be made first. */
static bool enter(Call call) {
        uint32_t n;

        if (!plan || call == CALL_NONE)
                return false;
        plan->rows[call].calls++;
        n = __atomic_add_fetch(&plan->calls, 1, __ATOMIC_SEQ_CST);
        for (size_t i = 0; i < FAULTS_MAX; i++) {
                if (plan->faults[i].call != n)
                        continue;
                if (plan->faults[i].after)
                        return true;
                die(&plan->rows[call].deaths_before);
        }
        return false;
}

static void leave(Call call, bool last) {
        if (last)
                die(&plan->rows[call].deaths_after);
}

/* A stream to a unix socket is the bus (or systemd itself), any other a client of the API; datagrams go to systemd or
 * to journald, and what the service logs changes nothing. */
static Call call_of_socket(int fd, const struct msghdr *message) {
        int type = 0, domain = 0;
        socklen_t size = sizeof(int);
        const struct sockaddr_un *to = message ? message->msg_name : NULL;

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
                return CALL_NONE;
        if (type == SOCK_STREAM)
                return domain == AF_UNIX ? CALL_BUS : CALL_REPLY;
        return to && memmem(to->sun_path, sizeof(to->sun_path), "notify", 6) ? CALL_NOTIFY : CALL_NONE;
}

static Call call_of_descriptor(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return CALL_NONE;
        if (S_ISSOCK(st.st_mode))
                return call_of_socket(fd, NULL);
        return S_ISREG(st.st_mode) ? CALL_WRITE : CALL_NONE;
}

/* Calls the real function, with the service's death before or behind it if this is the one. */
#define AROUND(call_kind, function, ...)                                                                              \
        ({                                                                                                            \
                static typeof(&function) real_function;                                                               \
                Call kind_ = (call_kind);                                                                             \
                bool last_ = enter(kind_);                                                                            \
                if (!real_function)                                                                                   \
                        real_function = (typeof(&function)) dlsym(RTLD_NEXT, #function);                              \
                typeof(real_function(__VA_ARGS__)) result_ = real_function(__VA_ARGS__);                              \
                leave(kind_, last_);                                                                                  \
                result_;                                                                                              \
        })

#pragma GCC visibility push(default)

int openat(int dir_fd, const char *path, int flags, ...) {
        mode_t mode = 0;
        va_list ap;

        va_start(ap, flags);
        if (flags & O_CREAT)
                mode = va_arg(ap, mode_t);
        va_end(ap);
        return AROUND(flags & O_CREAT ? CALL_CREATE : CALL_NONE, openat, dir_fd, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t size) {
        return AROUND(call_of_descriptor(fd), write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
        return AROUND(call_of_descriptor(fd), writev, fd, parts, n);
}

/* dprintf() writes by itself; in a build with _FORTIFY_SOURCE it has another name. */
static int print(int fd, const char *format, va_list ap) {
        return AROUND(call_of_descriptor(fd), vdprintf, fd, format, ap);
}

int dprintf(int fd, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = print(fd, format, ap);
        va_end(ap);
        return r;
}

int __dprintf_chk(int fd, int flag, const char *format, ...);

int __dprintf_chk(int fd, int flag, const char *format, ...) {
        va_list ap;
        int r;

        (void) flag;
        va_start(ap, format);
        r = print(fd, format, ap);
        va_end(ap);
        return r;
}

int fsync(int fd) {
        return AROUND(CALL_FSYNC, fsync, fd);
}

int fdatasync(int fd) {
        return AROUND(CALL_FSYNC, fdatasync, fd);
}

int ftruncate(int fd, off_t size) {
        return AROUND(CALL_TRUNCATE, ftruncate, fd, size);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
        return AROUND(CALL_RENAME, renameat, from_fd, from, to_fd, to);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
        return AROUND(CALL_LINK, linkat, from_fd, from, to_fd, to, flags);
}

int unlinkat(int dir_fd, const char *path, int flags) {
        return AROUND(CALL_UNLINK, unlinkat, dir_fd, path, flags);
}

int mkdir(const char *path, mode_t mode) {
        return AROUND(CALL_MKDIR, mkdir, path, mode);
}

int mkdirat(int dir_fd, const char *path, mode_t mode) {
        return AROUND(CALL_MKDIR, mkdirat, dir_fd, path, mode);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
        return AROUND(call_of_socket(fd, NULL), send, fd, data, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        return AROUND(call_of_socket(fd, message), sendmsg, fd, message, flags);
}

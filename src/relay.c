/* Relay: see relay.h. All signals are blocked in it, from before it exists: nothing interrupts it. */
#include "relay.h"

#include <remote-developer/journal-socket.h>
#include <remote-developer/line-marker.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define TITLE "remote-developer-relay"
#define NAME "rd-relay" /* of which the kernel takes 15 letters */
#define VECTORS_MAX 256

/* Its only descriptors. */
enum { OUTPUT, JOURNAL, ERROR };

/* Between tries to reach a journald that is not there. The program waits meanwhile, as it would have to if journald
 * were slow; the unit's own limits are the bound. */
#define PAUSE_MSEC 100

/* One stream of the program. */
typedef struct Source {
        LineMarker marker;
        MaskStream mask;
} Source;

typedef struct Relay {
        char unit[256], identifier[64];
        Source output, error;
        const Mask *mask;        /* NULL: there is nothing to hide */
        char read[LINE_MARKER_SIZE]; /* to be masked */
        char *masked;
} Relay;

static void renew_stream(const Relay *r) {
        int fd;

        while ((fd = journal_socket_open_stream(r->identifier, r->unit)) < 0)
                (void) poll(NULL, 0, PAUSE_MSEC);
        (void) dup2(fd, JOURNAL);
        (void) close(fd);
}

static void skip_bytes(struct iovec **v, size_t *n, size_t size) {
        for (; *n > 0 && size >= (*v)->iov_len; (*v)++, (*n)--)
                size -= (*v)->iov_len;
        if (*n == 0)
                return;
        (*v)->iov_base = (char *) (*v)->iov_base + size;
        (*v)->iov_len -= size;
}

/* To the last byte. journald's streams outlive its restarts; one that is broken nevertheless is replaced. */
static void send_vectors(const Relay *r, struct iovec *v, size_t n) {
        while (n > 0) {
                ssize_t size = writev(JOURNAL, v, (int) n);

                if (size >= 0)
                        skip_bytes(&v, &n, (size_t) size);
                else if (errno == ENOMEM || errno == ENOBUFS)
                        (void) poll(NULL, 0, PAUSE_MSEC);
                else
                        renew_stream(r);
        }
}

static void send_marked(const Relay *r, LineMarker *m, size_t size) {
        struct iovec v[VECTORS_MAX];
        size_t n;

        line_marker_add(m, size);
        while ((n = line_marker_give(m, v, ELEMENTSOF(v))) > 0)
                send_vectors(r, v, n);
}

static void send_masked(const Relay *r, LineMarker *m, const char *data, size_t size) {
        while (size > 0) {
                size_t n;
                char *to = line_marker_room(m, &n);

                n = MIN_OF(n, size);
                memcpy(to, data, n);
                send_marked(r, m, n);
                data += n;
                size -= n;
        }
}

/* False at the end of file. */
static bool pass_on_as_it_is(Relay *r, int fd, Source *s) {
        size_t room;
        char *to = line_marker_room(&s->marker, &room);
        ssize_t size = read(fd, to, room);

        if (size > 0)
                send_marked(r, &s->marker, (size_t) size);
        return size > 0;
}

/* The same where there is something to hide. What may be the begin of a secret is held back for as long as it takes:
 * nobody would see it before its line ends. */
static bool pass_masked_on(Relay *r, int fd, Source *s) {
        ssize_t size = read(fd, r->read, sizeof(r->read));

        if (size > 0)
                send_masked(r, &s->marker, r->masked, mask_stream_put(&s->mask, r->read, (size_t) size, r->masked));
        else
                send_masked(r, &s->marker, r->masked, mask_stream_end(&s->mask, r->masked));
        return size > 0;
}

/* Only the last line of all can be left without a newline. */
static void pass_ends_on(Relay *r) {
        struct iovec v[3];

        send_vectors(r, v, line_marker_end(&r->error.marker, line_marker_is_within_line(&r->output.marker), v));
        send_vectors(r, v, line_marker_end(&r->output.marker, false, v));
}

static void run(Relay *r, bool separate_stderr) {
        struct pollfd polls[] = { { OUTPUT, POLLIN, 0 }, { separate_stderr ? ERROR : -1, POLLIN, 0 } };
        Source *sources[] = { &r->output, &r->error };

        r->output.marker.holds_back = r->error.marker.holds_back = separate_stderr;
        r->error.marker.is_stderr = true;
        while (polls[0].fd >= 0 || polls[1].fd >= 0) {
                (void) poll(polls, ELEMENTSOF(polls), -1);
                for (size_t i = 0; i < ELEMENTSOF(polls); i++)
                        if (polls[i].fd >= 0 && polls[i].revents != 0 &&
                            !(r->mask ? pass_masked_on : pass_on_as_it_is)(r, polls[i].fd, sources[i]))
                                polls[i].fd = -1;
        }
        pass_ends_on(r);
}

/* For ps(1) and systemctl status. To the kernel argv ends at the first 0 once its last byte is none. */
static void take_title(const RelayParameters *p) {
        (void) prctl(PR_SET_NAME, NAME);
        memset(p->words, 0, (size_t) (p->words_end - p->words));
        if (p->argv_size <= sizeof(TITLE))
                return;
        memcpy(p->words, TITLE, sizeof(TITLE));
        p->words[p->argv_size - 1] = '.';
}

static int prepare(Relay *r, const RelayParameters *p) {
        int e;

        (void) snprintf(r->unit, sizeof(r->unit), "%s", p->unit);
        (void) snprintf(r->identifier, sizeof(r->identifier), "%s", p->identifier);
        r->mask = p->mask;
        if (!r->mask)
                return 0;
        e = mask_stream_init(&r->output.mask, r->mask);
        if (e >= 0)
                e = mask_stream_init(&r->error.mask, r->mask);
        r->masked = malloc(mask_room(r->mask, sizeof(r->read)));
        return e < 0 ? e : r->masked ? 0 : -ENOMEM;
}

static _Noreturn void become_relay(Relay *relay, const RelayParameters *p, int output_fd, int error_fd) {
        /* What is to be hidden is neither for the program, which is of the same user, nor for a core of this one. */
        if (relay->mask)
                (void) prctl(PR_SET_DUMPABLE, 0);
        take_title(p);
        (void) setsid(); /* the program's `kill 0` is for its own */
        if (chdir("/") < 0 || dup2(output_fd, OUTPUT) < 0 || (p->separate_stderr && dup2(error_fd, ERROR) < 0))
                _exit(EXIT_FAILURE);
        (void) close_range(p->separate_stderr ? ERROR + 1 : ERROR, UINT_MAX, 0);
        run(relay, p->separate_stderr);
        _exit(EXIT_SUCCESS);
}

/* With the signals blocked there is no moment in which one could end the relay, or be lost to the program. */
static int fork_relay(Relay *relay, const RelayParameters *p, int output_fd, int error_fd) {
        sigset_t all, before;
        long pid;
        int r;

        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);
        r = pid < 0 ? -errno : 0;
        if (pid == 0)
                become_relay(relay, p, output_fd, error_fd);
        if (pid > 0 && p->ret_pidfd)
                *p->ret_pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static void close_pipe(int (*fds)[2]) {
        closep(&(*fds)[0]);
        closep(&(*fds)[1]);
}

/* Until the relay has a session of its own, and has closed what it does not need: the other end of this pipe, too. */
static void wait_ready(int ready[2]) {
        char none;

        (void) close(TAKE_FD(ready[1]));
        while (read(ready[0], &none, 1) < 0 && errno == EINTR)
                ;
}

int relay_start(const RelayParameters *p) {
        static Relay relay; /* zeroed memory that is not there until it is used */
        _cleanup_(close_pipe) int output[2] = { -EBADF, -EBADF };
        _cleanup_(close_pipe) int error[2] = { -EBADF, -EBADF };
        _cleanup_(close_pipe) int ready[2] = { -EBADF, -EBADF };
        int r;

        r = prepare(&relay, p);
        if (r < 0)
                return r;
        if (pipe2(output, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0 ||
            (p->separate_stderr && pipe2(error, O_CLOEXEC) < 0))
                return -errno;
        r = fork_relay(&relay, p, output[0], error[0]);
        if (r < 0)
                return r;
        wait_ready(ready);
        if (dup2(output[1], STDOUT_FILENO) < 0 || dup2(p->separate_stderr ? error[1] : output[1], STDERR_FILENO) < 0)
                return -errno;
        return 0;
}

/* What waits in the sockets of a journald: here of a name space of its own, where a socket of that name is none of the
 * machine's. Needs root; skipped without. */
#include "../lib/tap.h"

#include <remote-developer/journal-drain.h>
#include <remote-developer/journal-socket.h>
#include <remote-developer/strings.h>

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* What the child found, as it comes over the pipe. */
typedef struct Found {
        bool is_there; /* the sockets are; false: no name space of its own could be had */
        int quiet, waiting, ended, message;
} Found;

static struct sockaddr_un address(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
        return a;
}

static int open_socket(const char *path, int type) {
        struct sockaddr_un a = address(path);
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (void *) &a, sizeof(a)) < 0 || (type == SOCK_STREAM && listen(fd, 1) < 0))
                return -1;
        return fd;
}

static bool enter_machine(void) {
        return unshare(CLONE_NEWNS) >= 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) >= 0 &&
               mount("none", "/run", "tmpfs", 0, NULL) >= 0 && mkdir("/run/systemd", 0755) >= 0 &&
               mkdir("/run/systemd/journal", 0755) >= 0;
}

/* As journald does: it takes up a stream, and shuts down its own sending side. */
static void look_around(Found *f) {
        struct sockaddr_un stream = address(JOURNAL_SOCKET_STREAM), messages = address(JOURNAL_SOCKET_DATAGRAM);
        int listener = open_socket(JOURNAL_SOCKET_STREAM, SOCK_STREAM);
        int datagrams = open_socket(JOURNAL_SOCKET_DATAGRAM, SOCK_DGRAM), writer, sender, accepted;

        writer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        f->is_there = listener >= 0 && datagrams >= 0;
        f->quiet = journal_drain_look();
        if (connect(writer, (void *) &stream, sizeof(stream)) < 0)
                return;
        f->waiting = journal_drain_look();
        accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        (void) shutdown(accepted, SHUT_WR);
        (void) close(writer);
        f->ended = journal_drain_look();
        (void) close(accepted);
        if (sendto(sender, "x", 1, 0, (void *) &messages, sizeof(messages)) < 0)
                return;
        f->message = journal_drain_look();
}

/* A machine of its own; when it is there and has a stream to read, it tells, and waits for the other end to close. */
static _Noreturn void be_machine(int found_fd, int wait_fd) {
        Found f = {};
        char none;

        if (enter_machine())
                look_around(&f);
        if (write(found_fd, &f, sizeof(f)) != sizeof(f) || read(wait_fd, &none, 1) < 0)
                _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
}

static void test_what_waits(void) {
        int found[2], wait[2], status;
        Found f = {};
        pid_t pid;

        if (!TAP_CHECK(pipe(found) == 0 && pipe(wait) == 0))
                return;
        pid = fork();
        if (pid == 0) {
                (void) close(wait[1]);
                be_machine(found[1], wait[0]);
        }
        (void) close(found[1]);
        if (TAP_CHECK_INT(read(found[0], &f, sizeof(f)), sizeof(f)) && !f.is_there)
                tap_skip("no name space of its own");
        else {
                TAP_CHECK_INT(f.quiet, 0);
                TAP_CHECK_INT(f.waiting, JOURNAL_WAITS_MESSAGES);
                TAP_CHECK_INT(f.ended, JOURNAL_WAITS_STREAM);
                TAP_CHECK_INT(f.message, JOURNAL_WAITS_MESSAGES);
                /* Seen from here it is a socket of that name and none of this machine's journald. */
                TAP_CHECK(access(JOURNAL_SOCKET_STREAM, F_OK) == 0 || journal_drain_look() == 0);
        }
        (void) close(wait[1]);
        TAP_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
}

static const TapTest tests[] = {
        { "what waits", test_what_waits },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

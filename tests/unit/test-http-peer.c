/* Who is at the other end of a connection: real sockets of this process and of a child that is another user. What
 * needs another user needs root; skipped without. */
#include "http-fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define STRANGER ((uid_t) 12345)
#define OVERFLOWN ((uid_t) 65534) /* /proc/sys/kernel/overflowuid */

typedef union Address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
} Address;

/* --- pairs of connected sockets --- */

typedef struct Pair {
        int listener, client, accepted;
        Address address; /* of the listener */
        socklen_t size;
        char directory[32];
} Pair;

#define PAIR_NULL ((Pair){ .listener = -1, .client = -1, .accepted = -1 })

static void pair_done(Pair *p) {
        int fds[] = { p->listener, p->client, p->accepted };

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                if (fds[i] >= 0)
                        (void) close(fds[i]);
        if (p->address.any.sa_family == AF_UNIX) {
                (void) unlink(p->address.un.sun_path);
                (void) rmdir(p->directory);
        }
}

static void fill_address(Pair *p, int family) {
        p->address = (Address){ .any.sa_family = (sa_family_t) family };
        if (family == AF_INET) {
                p->address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                p->size = sizeof(p->address.in);
        } else if (family == AF_INET6) {
                p->address.in6.sin6_addr = in6addr_loopback;
                p->size = sizeof(p->address.in6);
        } else {
                strcpy(p->directory, "/tmp/http-peer-XXXXXX");
                TAP_CHECK(mkdtemp(p->directory) && chmod(p->directory, 0755) == 0);
                snprintf(p->address.un.sun_path, sizeof(p->address.un.sun_path), "%s/socket", p->directory);
                p->size = sizeof(p->address.un);
        }
}

static bool pair_listen(Pair *p) {
        p->listener = socket(p->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (p->listener < 0 || bind(p->listener, &p->address.any, p->size) < 0 || listen(p->listener, 8) < 0)
                return false;
        if (p->address.any.sa_family == AF_UNIX)
                return chmod(p->address.un.sun_path, 0666) == 0;
        return getsockname(p->listener, &p->address.any, &p->size) == 0;
}

static bool pair_accept(Pair *p) {
        p->accepted = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        return p->accepted >= 0;
}

static int connect_to(const Address *a, socklen_t size) {
        int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd >= 0 && connect(fd, &a->any, size) == 0)
                return fd;
        if (fd >= 0)
                (void) close(fd);
        return -1;
}

static bool pair_open(Pair *p, int family) {
        fill_address(p, family);
        if (!pair_listen(p))
                return false;
        p->client = connect_to(&p->address, p->size);
        return p->client >= 0 && pair_accept(p);
}

static void check_peer(int fd, uid_t uid) {
        HttpPeer peer = http_peer_find(fd);

        if (TAP_CHECK(peer.is_known))
                TAP_CHECK_INT(peer.uid, uid);
}

static void check_unknown(int fd) {
        TAP_CHECK(!http_peer_find(fd).is_known);
}

static const int families[] = { AF_INET, AF_INET6, AF_UNIX };

static void test_this_process_is_its_user(void) {
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                _cleanup_(pair_done) Pair p = PAIR_NULL;

                if (!pair_open(&p, families[i])) {
                        tap_skip("a family of addresses is missing here");
                        continue;
                }
                check_peer(p.accepted, geteuid());
                check_peer(p.client, geteuid()); /* and the other way round */
        }
}

/* A child of that user connects, and stays until it is told to end. */
static pid_t connect_as(const Pair *p, uid_t uid, int *ret_hold) {
        int hold[2];
        pid_t pid;
        char c;

        if (pipe(hold) < 0)
                return -1;
        pid = fork();
        if (pid == 0) {
                (void) close(hold[1]);
                if (setgid(uid) < 0 || setuid(uid) < 0 || connect_to(&p->address, p->size) < 0)
                        _exit(1);
                (void) !read(hold[0], &c, 1);
                _exit(0);
        }
        (void) close(hold[0]);
        *ret_hold = hold[1];
        return pid;
}

static void test_a_child_is_the_user_that_it_has_become(void) {
        if (geteuid() != 0) {
                tap_skip("needs root, to have another user connect");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                _cleanup_(pair_done) Pair p = PAIR_NULL;
                int hold = -1, status;
                pid_t pid;

                fill_address(&p, families[i]);
                if (!pair_listen(&p))
                        continue;
                pid = connect_as(&p, STRANGER, &hold);
                if (TAP_CHECK(pair_accept(&p)))
                        check_peer(p.accepted, STRANGER);
                (void) close(hold);
                TAP_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
                /* Over TCP nobody is there any more; a unix socket tells who connected. */
                if (families[i] == AF_UNIX)
                        check_peer(p.accepted, STRANGER);
                else
                        check_unknown(p.accepted);
        }
}

/* As a child of another user would: made by root, used by whoever it was given to. Who made it is what counts. */
/* The kernel's word for a user whom our user name space does not know; it may be anybody. */
static void test_an_overflown_user_is_nobody(void) {
        if (geteuid() != 0) {
                tap_skip("needs root, to have another user connect");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                _cleanup_(pair_done) Pair p = PAIR_NULL;
                int hold = -1;
                pid_t pid;

                fill_address(&p, families[i]);
                if (!pair_listen(&p))
                        continue;
                pid = connect_as(&p, OVERFLOWN, &hold);
                if (TAP_CHECK(pair_accept(&p)))
                        check_unknown(p.accepted);
                (void) close(hold);
                TAP_CHECK(waitpid(pid, NULL, 0) == pid);
        }
}

static void test_a_passed_socket_is_its_makers(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;
        pid_t pid;
        int status;

        if (geteuid() != 0) {
                tap_skip("needs root, to become another user");
                return;
        }
        if (!TAP_CHECK(pair_open(&p, AF_INET)))
                return;
        pid = fork();
        if (pid == 0)
                _exit(setuid(STRANGER) < 0 || send(p.client, "x", 1, 0) != 1);
        TAP_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        check_peer(p.accepted, 0);
}

static void test_an_ipv6_socket_may_speak_ipv4(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;
        Address to = { .in6 = { .sin6_family = AF_INET6, .sin6_addr.s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 127,
                                                                                [15] = 1 } } };

        fill_address(&p, AF_INET);
        if (!TAP_CHECK(pair_listen(&p)))
                return;
        to.in6.sin6_port = p.address.in.sin_port;
        p.client = connect_to(&to, sizeof(to.in6));
        if (p.client < 0) {
                tap_skip("there is no IPv6 here");
                return;
        }
        if (TAP_CHECK(pair_accept(&p)))
                check_peer(p.accepted, geteuid());
}

/* A listener for both, whose own address is a mapped one then. */
static void test_an_ipv6_listener_may_serve_ipv4(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;
        Address to = { .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };

        fill_address(&p, AF_INET6);
        p.address.in6.sin6_addr = in6addr_any;
        if (!pair_listen(&p)) {
                tap_skip("there is no IPv6 here");
                return;
        }
        to.in.sin_port = p.address.in6.sin6_port;
        p.client = connect_to(&to, sizeof(to.in));
        if (TAP_CHECK(p.client >= 0) && TAP_CHECK(pair_accept(&p)))
                check_peer(p.accepted, geteuid());
}

static void test_a_peer_that_only_reads_on_is_known(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;

        if (!TAP_CHECK(pair_open(&p, AF_INET)))
                return;
        TAP_CHECK_INT(shutdown(p.client, SHUT_WR), 0);
        check_peer(p.accepted, geteuid());
}

/* The kernel would say "uid 0" of all these. */
static void test_a_closed_peer_is_not_root(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;

        if (!TAP_CHECK(pair_open(&p, AF_INET)))
                return;
        (void) close(p.client);
        p.client = -1;
        check_unknown(p.accepted);
}

static void test_a_reset_peer_is_not_root(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;
        struct linger linger = { .l_onoff = 1 };

        if (!TAP_CHECK(pair_open(&p, AF_INET)))
                return;
        TAP_CHECK_INT(setsockopt(p.client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        (void) close(p.client);
        p.client = -1;
        check_unknown(p.accepted);
}

/* Takes the address as soon as the kernel has forgotten the connection from there; no option says "at once". */
static int listen_where_peer_was(const Address *a, socklen_t size) {
        usec_t end = clock_monotonic_usec() + 20 * USEC_PER_SEC;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        while (bind(fd, &a->any, size) < 0) {
                if (errno != EADDRINUSE || clock_monotonic_usec() > end)
                        return -1;
                (void) usleep(20 * 1000);
        }
        return listen(fd, 1) < 0 ? -1 : fd;
}

static void test_who_listens_where_a_peer_was_is_not_the_peer(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;
        Address peer = {};
        socklen_t size = sizeof(peer);
        int listener, one = 1;

        if (!TAP_CHECK(pair_open(&p, AF_INET)) || !TAP_CHECK(getsockname(p.client, &peer.any, &size) == 0))
                return;
        TAP_CHECK_INT(setsockopt(p.client, IPPROTO_TCP, TCP_LINGER2, &one, sizeof(one)), 0);
        (void) close(p.client);
        p.client = -1;
        listener = listen_where_peer_was(&peer, size);
        if (!TAP_CHECK(listener >= 0))
                return;
        check_unknown(p.accepted);
        (void) close(listener);
}

static void test_what_is_no_connection_has_no_peer(void) {
        _cleanup_(pair_done) Pair p = PAIR_NULL;
        int fds[2];

        check_unknown(-1);
        if (!TAP_CHECK(pair_open(&p, AF_INET)) || !TAP_CHECK(pipe(fds) == 0))
                return;
        check_unknown(p.listener);
        check_unknown(fds[0]);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

/* --- of a request --- */

typedef struct Seen {
        unsigned n;
        HttpPeer peer;
        HttpRequest *kept; /* to be answered later */
        bool keep;
} Seen;

static void on_request(HttpRequest *r, void *userdata) {
        Seen *seen = userdata;

        seen->n++;
        seen->peer = http_request_peer(r);
        if (seen->keep)
                seen->kept = r;
        else
                http_request_reply(r, 204, NULL, NULL);
}

static void test_a_request_tells_who_asks(void) {
        for (HttpOver over = HTTP_OVER_TCP; over <= HTTP_OVER_UNIX; over++) {
                Seen seen = {};
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};

                if (!http_fixture_start(&f, NULL, on_request, &seen) || !http_client_open(&c, &f, over))
                        return;
                for (unsigned i = 1; i <= 2; i++) {
                        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "HTTP/1.1 204") == i));
                        TAP_CHECK(seen.n == i && seen.peer.is_known);
                        TAP_CHECK_INT(seen.peer.uid, geteuid());
                }
        }
}

static void test_a_request_whose_client_left_is_still_its(void) {
        Seen seen = { .keep = true };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request, &seen) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_fixture_settle(&f); /* it is accepted */
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        http_client_done(&c);
        if (!TAP_CHECK(HTTP_WAIT(&f, seen.kept)))
                return;
        TAP_CHECK(seen.peer.is_known);
        TAP_CHECK_INT(seen.peer.uid, geteuid());
        http_request_reply(seen.kept, 204, NULL, NULL);
}

static const TapTest tests[] = {
        { "this process is its user", test_this_process_is_its_user },
        { "a child is the user that it has become", test_a_child_is_the_user_that_it_has_become },
        { "an overflown user is nobody", test_an_overflown_user_is_nobody },
        { "a passed socket is its maker's", test_a_passed_socket_is_its_makers },
        { "an IPv6 socket may speak IPv4", test_an_ipv6_socket_may_speak_ipv4 },
        { "an IPv6 listener may serve IPv4", test_an_ipv6_listener_may_serve_ipv4 },
        { "a peer that only reads on is known", test_a_peer_that_only_reads_on_is_known },
        { "a closed peer is not root", test_a_closed_peer_is_not_root },
        { "a reset peer is not root", test_a_reset_peer_is_not_root },
        { "who listens where a peer was is not the peer", test_who_listens_where_a_peer_was_is_not_the_peer },
        { "what is no connection has no peer", test_what_is_no_connection_has_no_peer },
        { "a request tells who asks", test_a_request_tells_who_asks },
        { "a request whose client left is still its", test_a_request_whose_client_left_is_still_its },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

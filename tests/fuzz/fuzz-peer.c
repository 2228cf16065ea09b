/* Any bytes as what the kernel says of a peer's socket: the peer is known only by an answer about this very
 * connection, which stands and which a process holds. The first four bytes say who sent it. Seeds are in corpus/peer.
 *
 * To be linked with socket(), send() and recvfrom() wrapped. */
#include "replay.h"

#include <remote-developer/http-peer.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct {
        const uint8_t *data;
        size_t size;
        struct sockaddr_in peer, own;
        int fd;
} answer = { .fd = -EBADF };

int __real_socket(int domain, int type, int protocol);
ssize_t __real_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from, socklen_t *from_size);
int __wrap_socket(int domain, int type, int protocol);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *from, socklen_t *from_size);

int __wrap_socket(int domain, int type, int protocol) {
        return domain == AF_NETLINK ? dup(answer.fd) : __real_socket(domain, type, protocol);
}

ssize_t __wrap_send(int fd _unused_, const void *data _unused_, size_t size, int flags _unused_) {
        return (ssize_t) size;
}

ssize_t __wrap_recvfrom(int fd _unused_, void *to, size_t size, int flags _unused_, struct sockaddr *from,
                        socklen_t *from_size) {
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
        size_t n = MIN_OF(size, answer.size);

        assert(*from_size >= sizeof(nl));
        if (n < sizeof(nl.nl_pid))
                return -1;
        memcpy(&nl.nl_pid, answer.data, sizeof(nl.nl_pid));
        memcpy(from, &nl, sizeof(nl));
        *from_size = sizeof(nl);
        n -= sizeof(nl.nl_pid);
        memcpy(to, answer.data + sizeof(nl.nl_pid), n);
        return (ssize_t) n;
}

/* A connection of this process with itself: from a port to the same one, so that the seeds may name it. */
static void connect_once(void) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);

        answer.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(answer.fd >= 0);
        assert(bind(answer.fd, (struct sockaddr *) &a, sizeof(a)) == 0);
        assert(getsockname(answer.fd, (struct sockaddr *) &a, &size) == 0);
        assert(connect(answer.fd, (struct sockaddr *) &a, sizeof(a)) == 0);
        answer.own = answer.peer = a;
}

/* Ports differ from run to run: the seed's 0xffff stands for ours. */
static void put_ports(uint8_t *data, size_t size) {
        size_t at = sizeof(uint32_t) + NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id);
        size_t ports[] = { at + offsetof(struct inet_diag_sockid, idiag_sport),
                           at + offsetof(struct inet_diag_sockid, idiag_dport) };

        for (size_t i = 0; i < ELEMENTSOF(ports); i++)
                if (ports[i] + 2 <= size && data[ports[i]] == 0xff && data[ports[i] + 1] == 0xff)
                        memcpy(data + ports[i], &answer.own.sin_port, 2);
}

/* What is said of the peer was said by the kernel, in this answer, of a socket that a process holds. */
static void check_known(HttpPeer peer, const uint8_t *data, size_t size) {
        struct inet_diag_msg m;

        assert(size >= sizeof(uint32_t) + NLMSG_HDRLEN + sizeof(m));
        assert(data[0] == 0 && data[1] == 0 && data[2] == 0 && data[3] == 0);
        memcpy(&m, data + sizeof(uint32_t) + NLMSG_HDRLEN, sizeof(m));
        assert(m.idiag_uid == peer.uid && m.idiag_inode != 0);
        assert(m.id.idiag_sport == answer.peer.sin_port && m.id.idiag_dport == answer.own.sin_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ uint8_t *copy = malloc(MAX_OF(size, (size_t) 1));
        HttpPeer peer;

        if (answer.fd < 0)
                connect_once();
        assert(copy);
        memcpy(copy, data, size);
        put_ports(copy, size);
        answer.data = copy;
        answer.size = size;
        peer = http_peer_find(answer.fd);
        if (peer.is_known)
                check_known(peer, copy, size);
        return 0;
}

REPLAY_MAIN("peer")

/* HttpPeer: see http-peer.h.
 *
 * The question names the peer's socket by its four numbers (ours turned round) and needs no privilege; the kernel has
 * answered when it has been sent.
 *
 * What will surprise you: the kernel says "uid 0" of whatever no process holds. So these are not believed:
 * - a socket that was closed and is not gone yet (FIN-WAIT, TIME-WAIT): it has no inode;
 * - what merely listens at the peer's address, to which the kernel's look-up falls back when the connection is gone,
 *   and what begins to connect from there: another user's. Only a connection that stands is the peer's. */
#include <remote-developer/http-peer.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* What the kernel says of a user who does not exist in our user name space (/proc/sys/kernel/overflowuid), and of
 * none. */
#define UID_OVERFLOW ((uid_t) 65534)
#define UID_NONE ((uid_t) -1)

/* The peer may have said all it has to say, and still read. */
#define STATES_OF_A_PEER (1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2)

typedef union Address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
} Address;

/* IPv4 as a mapped address: an IPv6 socket may be the one end of an IPv4 connection. */
typedef struct Endpoint {
        struct in6_addr address;
        in_port_t port;
} Endpoint;

static struct in6_addr mapped(uint32_t address) {
        struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

        memcpy(&a.s6_addr[12], &address, sizeof(address));
        return a;
}

static HttpPeer user(uid_t uid) {
        return (HttpPeer){ .is_known = uid != UID_OVERFLOW && uid != UID_NONE, .uid = uid };
}

static HttpPeer find_unix(int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer) || peer.pid == 0)
                return (HttpPeer){};
        return user(peer.uid);
}

static bool endpoint_from(const Address *a, Endpoint *ret) {
        if (a->any.sa_family == AF_INET)
                *ret = (Endpoint){ mapped(a->in.sin_addr.s_addr), a->in.sin_port };
        else if (a->any.sa_family == AF_INET6)
                *ret = (Endpoint){ a->in6.sin6_addr, a->in6.sin6_port };
        return a->any.sa_family == AF_INET || a->any.sa_family == AF_INET6;
}

static Endpoint endpoint_told(uint8_t family, const uint32_t address[4], in_port_t port) {
        Endpoint e = { .port = port };

        if (family == AF_INET)
                e.address = mapped(address[0]);
        else
                memcpy(&e.address, address, sizeof(e.address));
        return e;
}

static bool endpoint_equal(const Endpoint *a, const Endpoint *b) {
        return a->port == b->port && IN6_ARE_ADDR_EQUAL(&a->address, &b->address);
}

static void write_endpoint(const Endpoint *e, bool mapped_ones, uint32_t address[4], uint16_t *port) {
        if (mapped_ones)
                memcpy(&address[0], &e->address.s6_addr[12], sizeof(address[0]));
        else
                memcpy(address, &e->address, sizeof(e->address));
        *port = e->port;
}

static int ask(int fd, const Endpoint *peer, const Endpoint *own) {
        bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(&peer->address);
        struct {
                struct nlmsghdr header;
                struct inet_diag_req_v2 request;
        } m = {
                .header = { .nlmsg_len = sizeof(m), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
                .request = { .sdiag_family = is_ipv4 ? AF_INET : AF_INET6, .sdiag_protocol = IPPROTO_TCP,
                             .idiag_states = STATES_OF_A_PEER,
                             .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
        };
        struct inet_diag_sockid *id = &m.request.id;

        write_endpoint(peer, is_ipv4, id->idiag_src, &id->idiag_sport);
        write_endpoint(own, is_ipv4, id->idiag_dst, &id->idiag_dport);
        return send(fd, &m, sizeof(m), 0) < 0 ? -errno : 0;
}

static HttpPeer judge(const struct inet_diag_msg *m, const Endpoint *peer, const Endpoint *own) {
        Endpoint source = endpoint_told(m->idiag_family, m->id.idiag_src, m->id.idiag_sport);
        Endpoint destination = endpoint_told(m->idiag_family, m->id.idiag_dst, m->id.idiag_dport);

        if (m->idiag_state >= 32 || !(STATES_OF_A_PEER & 1U << m->idiag_state) || m->idiag_inode == 0)
                return (HttpPeer){};
        if (!endpoint_equal(&source, peer) || !endpoint_equal(&destination, own))
                return (HttpPeer){};
        return user(m->idiag_uid);
}

static HttpPeer read_answer(int fd, const Endpoint *peer, const Endpoint *own) {
        _Alignas(struct nlmsghdr) char data[4096];
        struct sockaddr_nl from = {};
        socklen_t from_size = sizeof(from);
        const struct nlmsghdr *h = (const void *) data;
        ssize_t n;

        n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *) &from, &from_size);
        if (n < 0 || from.nl_pid != 0 || !NLMSG_OK(h, (size_t) n) || h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
            h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
                return (HttpPeer){};
        return judge(NLMSG_DATA(h), peer, own);
}

static HttpPeer find_inet(const Endpoint *peer, const Endpoint *own) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

        if (fd < 0 || ask(fd, peer, own) < 0)
                return (HttpPeer){};
        return read_answer(fd, peer, own);
}

HttpPeer http_peer_find(int fd) {
        Address peer_address = {}, own_address = {};
        socklen_t peer_size = sizeof(peer_address), own_size = sizeof(own_address);
        Endpoint peer, own;

        if (getsockname(fd, &own_address.any, &own_size) < 0)
                return (HttpPeer){};
        if (own_address.any.sa_family == AF_UNIX)
                return find_unix(fd);
        if (getpeername(fd, &peer_address.any, &peer_size) < 0)
                return (HttpPeer){};
        if (!endpoint_from(&peer_address, &peer) || !endpoint_from(&own_address, &own))
                return (HttpPeer){};
        return find_inet(&peer, &own);
}

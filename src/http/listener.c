/* Listener: see listener.h. */
#include <remote-developer/listener.h>

#include <remote-developer/strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 1024

typedef union SocketAddress {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
} SocketAddress;

static int parse_port(const char *text, in_port_t *ret) {
        uint64_t port;

        if (string_to_uint64(text, &port) < 0 || port == 0 || port > UINT16_MAX)
                return -EINVAL;
        *ret = htons((uint16_t) port);
        return 0;
}

static int parse_unix(const char *text, SocketAddress *ret, socklen_t *ret_size) {
        if (strlen(text) >= sizeof(ret->un.sun_path))
                return -ENAMETOOLONG;
        ret->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->un.sun_path, text, strlen(text) + 1);
        *ret_size = sizeof(ret->un);
        return 0;
}

static int parse_inet6(const char *text, SocketAddress *ret, socklen_t *ret_size) {
        if (!string_has_prefix(text, "[::1]:"))
                return -EINVAL;
        ret->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
        *ret_size = sizeof(ret->in6);
        return parse_port(text + strlen("[::1]:"), &ret->in6.sin6_port);
}

static int parse_inet(const char *text, SocketAddress *ret, socklen_t *ret_size) {
        char host[INET_ADDRSTRLEN];
        const char *colon = strrchr(text, ':');

        if (!colon || (size_t) (colon - text) >= sizeof(host))
                return -EINVAL;
        snprintf(host, sizeof(host), "%.*s", (int) (colon - text), text);
        ret->in = (struct sockaddr_in){ .sin_family = AF_INET };
        if (inet_pton(AF_INET, host, &ret->in.sin_addr) != 1 || (ntohl(ret->in.sin_addr.s_addr) >> 24) != 127)
                return -EINVAL;
        *ret_size = sizeof(ret->in);
        return parse_port(colon + 1, &ret->in.sin_port);
}

static int parse_address(const char *text, SocketAddress *ret, socklen_t *ret_size) {
        if (text[0] == '/')
                return parse_unix(text, ret, ret_size);
        if (text[0] == '[')
                return parse_inet6(text, ret, ret_size);
        return parse_inet(text, ret, ret_size);
}

static int bind_socket(int fd, const SocketAddress *a, socklen_t size) {
        static const int on = 1;
        mode_t mask;
        int r;

        if (a->any.sa_family != AF_UNIX) {
                if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
                        return -errno;
                return bind(fd, &a->any, size) < 0 ? -errno : 0;
        }
        /* Whoever may use the API may run programs: nobody but this user and group. */
        mask = umask(0117);
        (void) unlink(a->un.sun_path);
        r = bind(fd, &a->any, size) < 0 ? -errno : 0;
        umask(mask);
        return r;
}

int listener_open(const char *address, Problem *problem) {
        _cleanup_close_ int fd = -EBADF;
        SocketAddress a;
        socklen_t size;
        int r;

        r = parse_address(address, &a, &size);
        if (r < 0)
                return problem_set(problem, r, "listen",
                                   "\"%s\" cannot be listened on; give a loopback address and port such as "
                                   "127.0.0.1:15001 or [::1]:15001, or the path of a unix socket",
                                   address);
        fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return problem_set(problem, -errno, "listen", "no socket for %s: %s", address, strerror(errno));
        r = bind_socket(fd, &a, size);
        if (r >= 0 && listen(fd, BACKLOG) < 0)
                r = -errno;
        if (r < 0)
                return problem_set(problem, r, "listen", "cannot listen on %s: %s", address, strerror(-r));
        return TAKE_FD(fd);
}

static bool is_loopback(const SocketAddress *a) {
        const struct in6_addr *in6 = &a->in6.sin6_addr;

        switch (a->any.sa_family) {
        case AF_UNIX:
                return true;
        case AF_INET:
                return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
        case AF_INET6:
                return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
        default:
                return false;
        }
}

int listener_look(int fd, char text[static LISTENER_TEXT_SIZE]) {
        SocketAddress a = {};
        socklen_t size = sizeof(a);

        snprintf(text, LISTENER_TEXT_SIZE, "another family of addresses");
        if (getsockname(fd, &a.any, &size) < 0)
                return -errno;
        if (a.any.sa_family == AF_UNIX)
                snprintf(text, LISTENER_TEXT_SIZE, "a unix socket");
        else if (a.any.sa_family == AF_INET)
                (void) inet_ntop(AF_INET, &a.in.sin_addr, text, LISTENER_TEXT_SIZE);
        else if (a.any.sa_family == AF_INET6)
                (void) inet_ntop(AF_INET6, &a.in6.sin6_addr, text, LISTENER_TEXT_SIZE);
        else
                return -EAFNOSUPPORT;
        return is_loopback(&a);
}

/* An abstract name ("@") is of this machine as well; we open none. */
bool listener_is_local(const char *address) {
        SocketAddress a;
        socklen_t size;

        return address[0] == '@' || parse_address(address, &a, &size) >= 0;
}

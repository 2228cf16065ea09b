/* Accepting: the listening sockets of an HttpServer. See http-server.h.
 *
 * We accept by ourselves, because MHD would hang up on clients at its limit without a word: ours are told. To leave
 * them in the backlog, where nobody can tell one from the other, would have all wait behind whoever filled the house.
 * One rule says whether the sources of the listening sockets are enabled (http_server_update_accepting()), and is
 * asked again whenever something that it depends on has changed.
 *
 * What will surprise you: a listening socket for whose connection there is no descriptor stays readable. And MHD
 * announces a connection from inside MHD_add_connection(); MHD 1.0 does so only with MHD_USE_NO_THREAD_SAFETY. */
#include "http-internal.h"

#include <remote-developer/log.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ACCEPT_MAX 16 /* connections a turn, so that a flood of them does not starve the others */
#define ACCEPT_RETRY_USEC (100 * USEC_PER_MSEC)

/* That somebody is refused is said in the log so often. */
#define REFUSING_TOLD_USEC (60 * USEC_PER_SEC)

struct HttpListener {
        HttpServer *server;
        HttpListener *next;
        int fd;
        sd_event_source *source;
};

void http_server_update_accepting(HttpServer *s) {
        bool wanted = !s->draining && !s->starved;

        for (HttpListener *l = s->listeners; l; l = l->next)
                sd_event_source_set_enabled(l->source, wanted ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* There is no descriptor or no memory for another connection, and the listening socket stays readable: to try
 * again at once would be a busy loop. The end of a connection ends the pause early. */
static void server_starve(HttpServer *s, int error) {
        if (!s->starving_told)
                log_warning("Accepting connections pauses: %s", strerror(error));

        s->starved = s->starving_told = true;
        sd_event_source_set_time_relative(s->retry, ACCEPT_RETRY_USEC);
        sd_event_source_set_enabled(s->retry, SD_EVENT_ONESHOT);
}

void http_server_retry_accepting(HttpServer *s) {
        s->starved = false;
        http_server_update_accepting(s);
}

static int server_on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        http_server_retry_accepting(userdata);
        return 0;
}

int http_server_add_retry(HttpServer *s) {
        int r;

        r = sd_event_add_time(s->event, &s->retry, CLOCK_MONOTONIC, 0, HTTP_TIMER_ACCURACY_USEC, server_on_retry, s);
        if (r < 0)
                return r;

        sd_event_source_set_enabled(s->retry, SD_EVENT_OFF);
        http_event_source_dress(s->retry, "http-accept-retry");
        return 0;
}

/* --- refusing --- */

static void tell_refusing(HttpServer *s, HttpPeer peer, int error) {
        usec_t now = clock_monotonic_usec();

        if (s->refusing_told_usec > 0 && now - s->refusing_told_usec < REFUSING_TOLD_USEC)
                return;
        s->refusing_told_usec = now;
        if (error == -EDQUOT && peer.is_known)
                log_warning("Connections of the user %u are refused: it has %zu", (unsigned) peer.uid,
                            s->limits.connections.peer);
        else
                log_warning("Connections are refused: there are %u", s->n_connections);
}

/* The client is told at once, and what it has sent is read once, so that closing does not throw the answer away. Over
 * TLS nothing can be said before a handshake, which is what is spared here. */
static void say_refused(const HttpServer *s, int fd, int error) {
        static const char *const answers[] = {
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n" HTTP_BARE_HEADERS
                "Content-Length: 73\r\n\r\n"
                "{\"error\":\"There are too many connections; try again later\",\"status\":503}\n",
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n" HTTP_BARE_HEADERS
                "Content-Length: 75\r\n\r\n"
                "{\"error\":\"You have too many connections at once: close some\",\"status\":429}\n",
        };
        const char *answer = answers[error == -EDQUOT];
        char sent[4096];

        if (s->is_tls)
                return;
        (void) send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
        (void) shutdown(fd, SHUT_WR);
        (void) recv(fd, sent, sizeof(sent), MSG_DONTWAIT);
}

/* --- taking --- */

/* Takes the descriptor. */
static int server_refuse(HttpServer *s, HttpPeer peer, int fd, int error) {
        if (error != -ENOMEM) {
                tell_refusing(s, peer, error);
                say_refused(s, fd, error);
        }
        close(fd);
        return error == -ENOMEM ? error : 0;
}

/* Takes the descriptor. */
static int server_hand_over(HttpServer *s, HttpConnection *c, const struct sockaddr *address, socklen_t size) {
        s->accepting = c;
        /* MHD closes the descriptor in any case, and has taken `accepting` if it got as far as announcing it. */
        if (MHD_add_connection(s->daemon, c->fd, address, size) == MHD_YES)
                return 0;
        if (s->accepting) {
                http_share_give(s->accepting->share, HTTP_CONNECTIONS, 1);
                free(TAKE_PTR(s->accepting));
        }
        return -ENOMEM;
}

/* Takes the descriptor. */
static int server_add_connection(HttpServer *s, int fd, const struct sockaddr *address, socklen_t size) {
        HttpPeer peer = s->is_tls ? (HttpPeer){} : http_peer_find(fd);
        HttpShare *share = http_share_find(s, peer, address);
        HttpConnection *c;
        int r;

        r = share ? http_share_take(share, HTTP_CONNECTIONS, 1) : -ENOMEM;
        if (r < 0) {
                if (share)
                        http_share_give(share, HTTP_CONNECTIONS, 0);
                return server_refuse(s, peer, fd, r);
        }
        c = calloc(1, sizeof(HttpConnection));
        if (!c) {
                http_share_give(share, HTTP_CONNECTIONS, 1);
                return server_refuse(s, peer, fd, -ENOMEM);
        }
        *c = (HttpConnection){ .server = s, .fd = fd, .peer = peer, .share = share };
        r = server_hand_over(s, c, address, size);
        if (r < 0)
                return r;
        s->starving_told = false;
        return 0;
}

/* What accept4() said: 0 when there may be more to accept, -EAGAIN when not, -EMFILE when there is no room, other
 * errors when the listening socket is broken. What befell the one connection that waited is no error of ours. */
static int accept_error(int error) {
        switch (error) {
        case EAGAIN:
                return -EAGAIN;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
                return -EMFILE;
        case EBADF:
        case EFAULT:
        case EINVAL:
        case ENOTSOCK:
                return -error;
        default:
                return 0;
        }
}

static int listener_accept(HttpListener *l) {
        union {
                struct sockaddr any;
                struct sockaddr_storage storage;
        } address;
        socklen_t size = sizeof(address);
        int fd;

        fd = accept4(l->fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
                return accept_error(errno);
        return server_add_connection(l->server, fd, &address.any, size);
}

static int listener_on_incoming(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                                void *userdata) {
        HttpListener *l = userdata;
        HttpServer *s = l->server;
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < ACCEPT_MAX; i++)
                r = listener_accept(l);
        if (r == -EMFILE || r == -ENOMEM)
                server_starve(s, -r);

        http_server_update_accepting(s);
        return r == -EAGAIN || s->starved ? 0 : r;
}

static HttpListener *listener_free(HttpListener *l) {
        if (!l)
                return NULL;

        sd_event_source_disable_unref(l->source);
        close(l->fd);
        free(l);
        return NULL;
}
DEFINE_CLEANUP(HttpListener *, listener_free)

int http_server_take_listener(HttpServer *s, int fd) {
        _cleanup_(listener_freep) HttpListener *l = NULL;
        int r, flags, on = 1;

        l = malloc(sizeof(*l));
        if (!l) {
                close(fd);
                return -ENOMEM;
        }
        *l = (HttpListener){ .server = s, .fd = fd };

        flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;

        /* Inherited by what is accepted; a unix socket refuses it and needs it not. */
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

        r = sd_event_add_io(s->event, &l->source, fd, EPOLLIN, listener_on_incoming, l);
        if (r < 0)
                return r;
        http_event_source_dress(l->source, "http-listener");

        l->next = s->listeners;
        s->listeners = TAKE_PTR(l);
        http_server_update_accepting(s);
        return 0;
}

void http_server_free_listeners(HttpServer *s) {
        HttpListener *next;

        for (HttpListener *l = s->listeners; l; l = next) {
                next = l->next;
                listener_free(l);
        }
        s->listeners = NULL;
        s->retry = sd_event_source_disable_unref(s->retry);
}

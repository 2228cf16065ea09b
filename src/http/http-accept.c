/* Accepting: the listening sockets of an HttpServer. See http-server.h.
 *
 * We accept by ourselves, because MHD would refuse clients at its limit: ours wait in the backlog. One rule says
 * whether the sources of the listening sockets are enabled (http_server_update_accepting()), and is asked again
 * whenever something that it depends on has changed.
 *
 * What will surprise you: a listening socket for whose connection there is no descriptor stays readable. And MHD
 * announces a connection from inside MHD_add_connection(); MHD 1.0 does so only with MHD_USE_NO_THREAD_SAFETY. */
#include "http-internal.h"

#include <remote-developer/log.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ACCEPT_MAX 16 /* connections a turn, so that a flood of them does not starve the others */
#define ACCEPT_RETRY_USEC (100 * USEC_PER_MSEC)

struct HttpListener {
        HttpServer *server;
        HttpListener *next;
        int fd;
        sd_event_source *source;
};

void http_server_update_accepting(HttpServer *s) {
        bool wanted = !s->draining && !s->starved && s->n_connections < s->limits.connections_max;

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

/* Takes the descriptor. */
static int server_add_connection(HttpServer *s, int fd, const struct sockaddr *address, socklen_t size) {
        s->accepting = calloc(1, sizeof(HttpConnection));
        if (!s->accepting) {
                close(fd);
                return -ENOMEM;
        }
        s->accepting->server = s;
        s->accepting->fd = fd;
        s->accepting->peer = http_peer_find(fd);

        /* MHD closes the descriptor in any case, and has taken `accepting` if it got as far as announcing it. */
        if (MHD_add_connection(s->daemon, fd, address, size) != MHD_YES) {
                free(TAKE_PTR(s->accepting));
                return -ENOMEM;
        }
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

        for (unsigned i = 0; r >= 0 && i < ACCEPT_MAX && s->n_connections < s->limits.connections_max; i++)
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

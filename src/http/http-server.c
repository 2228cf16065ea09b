/* HttpServer: libmicrohttpd (MHD) inside the caller's sd-event loop, its connections, draining. See http-server.h;
 * the objects and their invariants are in http-internal.h.
 *
 * One MHD daemon without threads and without a listening socket: its epoll descriptor is one io source, its next
 * deadline one timer, what it wants to do in the next turn another io source, whose descriptor can always be read.
 *
 * What will surprise you:
 * - MHD_resume_connection() wakes nobody and MHD_get_timeout() does not count what was resumed (before 1.0): every
 *   resume is followed by http_server_kick().
 * - The timer is lazy: while MHD's deadline only moves away it is left where it is, so that a busy keep-alive
 *   connection costs no timerfd_settime() a request, but one needless look per idle period.
 * - A defer source that its own handler enables again comes before all others of its priority for ever (systemd 252):
 *   what MHD itself wants to do in the next turn waits in line with the others, as what comes from a descriptor does.
 *   A timer that is due does so too, but costs more than all else of a turn in which a chunk of a stream is sent.
 * - MHD wants to run at once, and does nothing, while the begin of a chunk does not fit in its memory, and while a
 *   handshake of TLS waits for the client (before 1.0).
 * - MHD drives on the connections with a timeout of their own before it reads from sockets, the others behind. A
 *   late answer depends on it, see http_connection_set_timeout(). */
#include "http-internal.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* The header lines of the request and those of the answer share it, and the chunks of a stream leave in pieces of
 * what remains. Large enough for the cookies that all programs on localhost share, small enough for a thousand
 * sleeping streams. */
#define CONNECTION_MEMORY ((size_t) 16 * 1024)

/* MHD multiplies seconds by 1000 in an unsigned int. */
#define TIMEOUT_SECONDS_MAX 4000000U

/* MHD reads CLOCK_MONOTONIC_COARSE, which lags by up to one tick: a timer that comes sooner than this behind a
 * deadline would find that nothing is due yet. */
#define MHD_CLOCK_TICK_USEC (10 * USEC_PER_MSEC)

/* So often MHD may want to run at once without anything coming of it, as far as can be told: a long header is read in
 * pieces of a kilobyte. From then on it has to wait a little, and after half a second each time twice as long. What
 * comes from a socket wakes it all the same. */
#define FRUITLESS_MAX 16
#define FRUITLESS_PAUSES 50
#define FRUITLESS_PAUSE_USEC (10 * USEC_PER_MSEC)
#define FRUITLESS_DOUBLINGS 5

void http_event_source_dress(sd_event_source *source, const char *description) {
        sd_event_source_set_exit_on_failure(source, true);
        sd_event_source_set_description(source, description);
}

/* --- connections --- */

HttpConnection *http_connection_of(struct MHD_Connection *mhd) {
        return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* A suspended connection must have a timeout of its own (anything but HTTP_TIMEOUT_IDLE): only those are driven on
 * *before* their sockets are read. MHD would else read first when a late answer resumes the connection, and take
 * the end of file of a client that has shut down its sending side for the end of the connection.
 *
 * And a connection may go back to HTTP_TIMEOUT_IDLE only when its next request begins: MHD looks at no more than
 * the oldest of those, and would forget one that it has closed but not cleaned up yet. */
void http_connection_set_timeout(HttpConnection *c, HttpTimeout timeout) {
        unsigned idle = c->server->idle_seconds;
        unsigned seconds[] = {
                [HTTP_TIMEOUT_IDLE] = idle,
                [HTTP_TIMEOUT_IDLE_APART] = idle > 0 ? idle + 1 : TIMEOUT_SECONDS_MAX,
                [HTTP_TIMEOUT_STALL] = c->server->stall_seconds,
        };

        MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT, seconds[timeout]);
        c->own_timeout = timeout != HTTP_TIMEOUT_IDLE;
}

void http_connection_suspend(HttpConnection *c) {
        assert(!c->suspended && c->own_timeout);

        MHD_suspend_connection(c->mhd);
        c->suspended = true;
}

void http_connection_resume(HttpConnection *c) {
        if (!c->suspended)
                return;

        MHD_resume_connection(c->mhd);
        c->suspended = false;
        http_server_kick(c->server);
}

static void connection_link(HttpConnection *c) {
        HttpServer *s = c->server;

        c->next = s->connections;
        if (c->next)
                c->next->previous = c;
        s->connections = c;
        s->n_connections++;
}

static void connection_unlink(HttpConnection *c) {
        HttpServer *s = c->server;

        if (c->next)
                c->next->previous = c->previous;
        if (c->previous)
                c->previous->next = c->next;
        else
                s->connections = c->next;
        s->n_connections--;
}

/* --- draining --- */

/* Ends the connections that wait for another request. What such a client has sent already is still read and
 * answered, and only then the end of file met; which a plain close would have thrown away. */
static void server_end_idle(HttpServer *s) {
        for (HttpConnection *c = s->connections; c; c = c->next)
                if (c->begun && !c->busy && !c->ending) {
                        c->ending = true;
                        shutdown(c->fd, SHUT_RD);
                }
}

static void server_check_drained(HttpServer *s) {
        if (s->draining && s->n_connections == 0 && s->drain_timer)
                sd_event_source_set_time(s->drain_timer, 0);
}

static int server_on_drain_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        HttpServer *s = userdata;

        s->drain_timer = sd_event_source_disable_unref(s->drain_timer);
        s->on_drained(s->drained_userdata); /* may free the server */
        return 0;
}

int http_server_drain(HttpServer *s, usec_t timeout_usec, HttpOnDrained on_drained, void *userdata) {
        usec_t now = clock_monotonic_usec();
        int r;

        if (s->draining)
                return -EALREADY;

        r = sd_event_add_time(s->event, &s->drain_timer, CLOCK_MONOTONIC,
                              timeout_usec < USEC_INFINITY - now ? now + timeout_usec : USEC_INFINITY,
                              HTTP_TIMER_ACCURACY_USEC, server_on_drain_timer, s);
        if (r < 0)
                return r;
        http_event_source_dress(s->drain_timer, "http-drain");

        s->on_drained = on_drained;
        s->drained_userdata = userdata;
        s->draining = true;
        http_server_update_accepting(s);
        http_room_open(s);
        server_end_idle(s);
        server_check_drained(s);
        return 0;
}

/* --- MHD in the loop --- */

void http_server_kick(HttpServer *s) {
        if (s->running)
                s->again = true;
        else
                sd_event_source_set_enabled(s->kick, SD_EVENT_ONESHOT);
}

static void server_arm(HttpServer *s, usec_t due) {
        int enabled = SD_EVENT_OFF;

        sd_event_source_get_enabled(s->timer, &enabled);
        if (enabled != SD_EVENT_OFF && s->timer_usec <= due)
                return;
        s->timer_usec = due;
        sd_event_source_set_time(s->timer, due);
        sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static usec_t fruitless_pause(unsigned n) {
        unsigned doublings = n > FRUITLESS_MAX + FRUITLESS_PAUSES ? n - FRUITLESS_MAX - FRUITLESS_PAUSES : 0;

        return FRUITLESS_PAUSE_USEC << MIN_OF(doublings, (unsigned) FRUITLESS_DOUBLINGS);
}

static void server_run_again(HttpServer *s) {
        s->n_fruitless = s->again ? 0 : s->n_fruitless + 1;
        if (s->n_fruitless < FRUITLESS_MAX) {
                sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT);
                return;
        }
        server_arm(s, clock_monotonic_usec() + fruitless_pause(s->n_fruitless));
}

static void server_rearm(HttpServer *s) {
        unsigned long long msec = 0;
        bool waits = MHD_get_timeout(s->daemon, &msec) == MHD_YES;

        if (s->again || (waits && msec == 0)) {
                server_run_again(s);
                return;
        }
        s->n_fruitless = 0;
        if (waits)
                server_arm(s, clock_monotonic_usec() + msec * USEC_PER_MSEC + MHD_CLOCK_TICK_USEC);
        else
                sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
}

static int server_run(HttpServer *s) {
        s->running = true;
        s->again = false;
        s->spent_usec = 0;
        (void) MHD_run(s->daemon);
        s->running = false;

        if (s->draining)
                server_end_idle(s);
        server_rearm(s);
        return 0;
}

static int server_on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                        void *userdata) {
        return server_run(userdata);
}

static int server_on_kick(sd_event_source *source _unused_, void *userdata) {
        return server_run(userdata);
}

static int server_on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        return server_run(userdata);
}

static void server_on_connection(void *userdata, struct MHD_Connection *mhd, void **context,
                                 enum MHD_ConnectionNotificationCode code) {
        HttpServer *s = userdata;
        HttpConnection *c;

        s->n_fruitless = 0;
        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                c = TAKE_PTR(s->accepting);
                c->mhd = mhd;
                *context = c;
                connection_link(c);
                http_connection_set_deadline(c, HTTP_DEADLINE_REQUEST);
                return;
        }

        c = *context;
        connection_unlink(c);
        http_share_give(c->share, HTTP_CONNECTIONS, 1);
        free(c);
        http_server_retry_accepting(s);
        server_check_drained(s);
}

static void server_on_completed(void *userdata _unused_, struct MHD_Connection *mhd, void **con_cls _unused_,
                                enum MHD_RequestTerminationCode code _unused_) {
        http_request_on_completed(http_connection_of(mhd));
}

/* --- life cycle --- */

static unsigned timeout_seconds(usec_t usec) {
        return (unsigned) MIN_OF(usec / USEC_PER_SEC + (usec % USEC_PER_SEC > 0), TIMEOUT_SECONDS_MAX);
}

/* Nothing older than TLS 1.2, and of it and what follows what GnuTLS takes for secure at 128 bits. */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

static int server_start_daemon(HttpServer *s, const TlsIdentity *identity) {
        struct MHD_OptionItem tls[] = {
                { MHD_OPTION_HTTPS_MEM_CERT, 0, identity ? (char *) tls_identity_certificate(identity) : NULL },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, identity ? (char *) tls_identity_key(identity) : NULL },
                { MHD_OPTION_HTTPS_PRIORITIES, 0, (char *) TLS_PRIORITIES },
                { MHD_OPTION_END, 0, NULL },
        };

        s->daemon = MHD_start_daemon(
                        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                                (identity ? (unsigned) MHD_USE_TLS : 0),
                        0, NULL, NULL, http_request_on_access, s,
                        MHD_OPTION_ARRAY, identity ? tls : &tls[ELEMENTSOF(tls) - 1],
                        MHD_OPTION_CONNECTION_LIMIT, (unsigned) MIN_OF(s->limits.connections.all, UINT_MAX),
                        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                        MHD_OPTION_CONNECTION_TIMEOUT, s->idle_seconds,
                        MHD_OPTION_NOTIFY_CONNECTION, server_on_connection, s,
                        MHD_OPTION_NOTIFY_COMPLETED, server_on_completed, s,
                        MHD_OPTION_URI_LOG_CALLBACK, http_request_on_uri, s,
                        MHD_OPTION_UNESCAPE_CALLBACK, http_request_on_unescape, s,
                        MHD_OPTION_END);
        return s->daemon ? 0 : identity ? -EBADMSG : -ENOMEM;
}

int http_server_add_ready(HttpServer *s, const char *description, sd_event_io_handler_t handler,
                          sd_event_source **ret) {
        int fd = eventfd(1, EFD_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        r = sd_event_add_io(s->event, ret, fd, EPOLLIN, handler, s);
        if (r < 0) {
                close(fd);
                return r;
        }
        sd_event_source_set_io_fd_own(*ret, true);
        sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
        http_event_source_dress(*ret, description);
        return 0;
}

static int server_add_sources(HttpServer *s) {
        int r;

        r = sd_event_add_io(s->event, &s->io, MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                            EPOLLIN, server_on_io, s);
        if (r < 0)
                return r;
        r = sd_event_add_defer(s->event, &s->kick, server_on_kick, s);
        if (r < 0)
                return r;
        r = sd_event_add_time(s->event, &s->timer, CLOCK_MONOTONIC, 0, HTTP_TIMER_ACCURACY_USEC, server_on_timer, s);
        if (r < 0)
                return r;

        sd_event_source_set_enabled(s->kick, SD_EVENT_OFF);
        sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        http_event_source_dress(s->io, "http-daemon");
        http_event_source_dress(s->kick, "http-kick");
        http_event_source_dress(s->timer, "http-timer");
        r = http_server_add_ready(s, "http-turn", server_on_io, &s->turn);
        if (r >= 0)
                r = http_queue_add_source(s);
        if (r >= 0)
                r = http_server_add_deadlines(s);
        return r < 0 ? r : http_server_add_retry(s);
}

static int server_new(sd_event *event, const HttpLimits *limits, const TlsIdentity *identity,
                      HttpOnRequest on_request, void *userdata, HttpServer **ret) {
        _cleanup_(http_server_freep) HttpServer *s = NULL;
        int r;

        if (limits->connections.all == 0)
                return -EINVAL;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->limits = *limits;
        s->on_request = on_request;
        s->userdata = userdata;
        s->idle_seconds = clock_is_set(limits->idle_usec) ? timeout_seconds(limits->idle_usec) : 0;
        s->stall_seconds = clock_is_set(limits->stream_stall_usec) ? timeout_seconds(limits->stream_stall_usec)
                                                                   : TIMEOUT_SECONDS_MAX;
        if (s->stall_seconds == s->idle_seconds)
                s->stall_seconds++;

        s->is_tls = identity;
        r = server_start_daemon(s, identity);
        if (r < 0)
                return r;
        r = server_add_sources(s);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

int http_server_new(sd_event *event, const HttpLimits *limits, HttpOnRequest on_request, void *userdata,
                    HttpServer **ret) {
        return server_new(event, limits, NULL, on_request, userdata, ret);
}

int http_server_new_tls(sd_event *event, const HttpLimits *limits, const TlsIdentity *identity,
                        HttpOnRequest on_request, void *userdata, HttpServer **ret) {
        return server_new(event, limits, identity, on_request, userdata, ret);
}

void http_server_set_guests(HttpServer *s, HttpIsGuest is_guest, void *userdata) {
        s->is_guest = is_guest;
        s->guest_userdata = userdata;
}

/* MHD demands that no connection is suspended when it stops. It then tells us of each one's end, which ends the
 * requests and streams; so our sources live until that is over. */
static void server_stop_daemon(HttpServer *s) {
        s->stopping = true;
        for (HttpConnection *c = s->connections; c; c = c->next)
                http_connection_resume(c);
        if (s->daemon)
                MHD_stop_daemon(s->daemon);
        assert(s->n_connections == 0);
}

HttpServer *http_server_free(HttpServer *s) {
        if (!s)
                return NULL;
        assert(!s->running);

        server_stop_daemon(s);
        http_server_free_listeners(s);
        sd_event_source_disable_unref(s->io);
        sd_event_source_disable_unref(s->kick);
        sd_event_source_disable_unref(s->turn);
        sd_event_source_disable_unref(s->queue_turn);
        sd_event_source_disable_unref(s->timer);
        sd_event_source_disable_unref(s->deadline_timer);
        sd_event_source_disable_unref(s->drain_timer);
        buffer_done(&s->spare);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

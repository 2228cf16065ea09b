/* HttpFixture: see http-fixture.h. */
#include "http-fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TURN_USEC (20 * USEC_PER_MSEC)

const HttpLimits http_fixture_limits = {
        .body_max = 64 * 1024,
        .connections.all = 64,
        .idle_usec = 30 * USEC_PER_SEC,
        .stream_stall_usec = 60 * USEC_PER_SEC,
};

typedef union Address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
} Address;

static socklen_t fixture_address(const HttpFixture *f, HttpOver over, Address *ret) {
        *ret = (Address){};
        if (over != HTTP_OVER_UNIX) {
                ret->in.sin_family = AF_INET;
                ret->in.sin_port = htons(over == HTTP_OVER_TLS ? f->tls_port : f->port);
                ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                return sizeof(ret->in);
        }

        ret->un.sun_family = AF_UNIX;
        snprintf(ret->un.sun_path, sizeof(ret->un.sun_path), "%s/socket", f->directory);
        return sizeof(ret->un);
}

static bool fixture_listen(HttpFixture *f, HttpOver over) {
        Address address;
        socklen_t size = fixture_address(f, over, &address);
        int fd;

        fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!TAP_CHECK(fd >= 0) || !TAP_CHECK(bind(fd, &address.any, size) == 0) || !TAP_CHECK(listen(fd, 1024) == 0))
                return false;
        if (over != HTTP_OVER_UNIX) {
                if (!TAP_CHECK(getsockname(fd, &address.any, &size) == 0))
                        return false;
                *(over == HTTP_OVER_TLS ? &f->tls_port : &f->port) = ntohs(address.in.sin_port);
        }
        return TAP_CHECK_INT(http_server_take_listener(over == HTTP_OVER_TLS ? f->tls : f->server, fd), 0);
}

static bool fixture_start_tls(HttpFixture *f, const HttpLimits *limits, HttpOnRequest on_request, void *userdata) {
        f->identity = tls_files_identity(f->directory);
        return f->identity &&
               TAP_CHECK_INT(http_server_new_tls(f->event, limits ?: &http_fixture_limits, f->identity, on_request,
                                                 userdata, &f->tls),
                             0) &&
               fixture_listen(f, HTTP_OVER_TLS);
}

bool http_fixture_start_server(HttpFixture *f, const HttpLimits *limits, HttpOnRequest on_request, void *userdata) {
        if (!TAP_CHECK_INT(http_server_new(f->event, limits ?: &http_fixture_limits, on_request, userdata, &f->server),
                           0))
                return false;
        return fixture_listen(f, HTTP_OVER_TCP) && fixture_listen(f, HTTP_OVER_UNIX) &&
               (!f->with_tls || fixture_start_tls(f, limits, on_request, userdata));
}

bool http_fixture_start(HttpFixture *f, const HttpLimits *limits, HttpOnRequest on_request, void *userdata) {
        strcpy(f->directory, "/tmp/http-test-XXXXXX");
        if (!TAP_CHECK(mkdtemp(f->directory)))
                return false;
        if (!TAP_CHECK_INT(sd_event_new(&f->event), 0))
                return false;
        return http_fixture_start_server(f, limits, on_request, userdata);
}

void http_fixture_stop_server(HttpFixture *f) {
        Address address;

        f->server = http_server_free(f->server);
        f->tls = http_server_free(f->tls);
        f->identity = tls_identity_free(f->identity);
        f->port = f->tls_port = 0;
        fixture_address(f, HTTP_OVER_UNIX, &address);
        (void) unlink(address.un.sun_path);
}

void http_fixture_done(HttpFixture *f) {
        http_fixture_stop_server(f);
        f->event = sd_event_unref(f->event);
        if (*f->directory)
                (void) rmdir(f->directory);
}

bool http_fixture_turn(HttpFixture *f) {
        return TAP_CHECK(sd_event_run(f->event, TURN_USEC) >= 0);
}

void http_fixture_pass(HttpFixture *f, usec_t usec) {
        usec_t end = clock_monotonic_usec() + usec;

        while (clock_monotonic_usec() < end && http_fixture_turn(f))
                ;
}

void http_fixture_settle(HttpFixture *f) {
        TAP_CHECK(HTTP_WAIT(f, http_fixture_rests(f, 50 * USEC_PER_MSEC)));
}

bool http_fixture_rests(HttpFixture *f, usec_t usec) {
        return sd_event_run(f->event, usec) == 0;
}

/* --- clients --- */

static void client_end(HttpClient *c, int error) {
        c->ended = true;
        c->error = error;
        sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
}

/* As errno says it of a socket. A connection that ends without TLS's own farewell has ended all the same. */
static ssize_t tls_result(ssize_t n) {
        if (n >= 0 || n == GNUTLS_E_PREMATURE_TERMINATION)
                return MAX_OF(n, 0);
        errno = n == GNUTLS_E_AGAIN ? EAGAIN : EPROTO;
        return -1;
}

static ssize_t client_receive(HttpClient *c, char *data, size_t size) {
        if (c->tls.session)
                return tls_result(gnutls_record_recv(c->tls.session, data, size));
        return recv(c->fd, data, size, MSG_DONTWAIT);
}

static ssize_t client_send(HttpClient *c, const char *data, size_t size) {
        if (c->tls.session)
                return tls_result(gnutls_record_send(c->tls.session, data, size));
        return send(c->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void client_read(HttpClient *c) {
        char data[64 * 1024];
        ssize_t n;

        n = client_receive(c, data, c->read_max > 0 ? MIN_OF(c->read_max, sizeof(data)) : sizeof(data));
        if (n > 0 && c->on_data)
                c->on_data(c, data, (size_t) n);
        else if (n > 0)
                TAP_CHECK_INT(buffer_append(&c->received, data, (size_t) n), 0);
        else if (n == 0 || errno != EAGAIN)
                client_end(c, n == 0 ? 0 : errno);
}

/* What GnuTLS has read already makes no socket readable. */
static int client_on_readable(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                              void *userdata) {
        HttpClient *c = userdata;

        do
                client_read(c);
        while (c->tls.session && !c->ended && gnutls_record_check_pending(c->tls.session) > 0);
        return 0;
}

bool http_client_connect(HttpClient *c, HttpFixture *f, HttpOver over) {
        Address address;
        socklen_t size = fixture_address(f, over, &address);

        c->fixture = f;
        c->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!TAP_CHECK(c->fd >= 0) || !TAP_CHECK(connect(c->fd, &address.any, size) == 0))
                return false;
        return TAP_CHECK(sd_event_add_io(f->event, &c->source, c->fd, EPOLLIN, client_on_readable, c) >= 0);
}

int http_client_shake_hands(HttpClient *c, const char *priorities) {
        usec_t end = clock_monotonic_usec() + 20 * USEC_PER_SEC;
        int r = GNUTLS_E_AGAIN;

        http_client_stop_reading(c);
        if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0 ||
            !tls_session_begin(&c->tls, c->fd, tls_identity_certificate(c->fixture->identity), priorities))
                return GNUTLS_E_INTERNAL_ERROR;
        while (r < 0 && !gnutls_error_is_fatal(r) && clock_monotonic_usec() < end && http_fixture_turn(c->fixture))
                r = gnutls_handshake(c->tls.session);
        http_client_read_on(c);
        return r;
}

bool http_client_open(HttpClient *c, HttpFixture *f, HttpOver over) {
        return http_client_connect(c, f, over) &&
               (over != HTTP_OVER_TLS || TAP_CHECK_INT(http_client_shake_hands(c, NULL), 0));
}

void http_client_done(HttpClient *c) {
        c->source = sd_event_source_disable_unref(c->source);
        tls_session_end(&c->tls);
        if (c->fixture && c->fd >= 0)
                close(c->fd);
        c->fd = -EBADF;
        buffer_done(&c->received);
}

bool http_client_send_bytes(HttpClient *c, const char *data, size_t size) {
        ssize_t n;

        while (size > 0) {
                n = client_send(c, data, size);
                if (n < 0 && errno != EAGAIN)
                        return false;
                if (n < 0) {
                        if (!http_fixture_turn(c->fixture))
                                return false;
                        continue;
                }
                data += n;
                size -= (size_t) n;
        }
        return true;
}

bool http_client_send(HttpClient *c, const char *text) {
        return http_client_send_bytes(c, text, strlen(text));
}

void http_client_stop_reading(HttpClient *c) {
        sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
}

void http_client_read_on(HttpClient *c) {
        sd_event_source_set_enabled(c->source, SD_EVENT_ON);
}

bool http_client_got(const HttpClient *c, const char *text) {
        return http_client_count(c, text) > 0;
}

unsigned http_client_count(const HttpClient *c, const char *text) {
        const char *s = c->received.data ?: "", *end = s + c->received.size;
        size_t size = strlen(text);
        unsigned n = 0;

        while ((s = memmem(s, (size_t) (end - s), text, size))) {
                s += size;
                n++;
        }
        return n;
}

/* --- streams --- */

static HttpFill source_fill(void *userdata, Buffer *to) {
        HttpSource *s = userdata;

        TAP_CHECK_INT(to->size, 0);
        TAP_CHECK(s->stream);
        s->fills++;
        if (s->text)
                TAP_CHECK_INT(buffer_append_string(to, s->text), 0);
        s->text = NULL;
        return s->then;
}

void http_source_closed(void *userdata) {
        HttpSource *s = userdata;

        s->closed++;
        s->stream = NULL;
        s->then = HTTP_FILL_SLEEP;
}

static void source_half_closed(void *userdata) {
        HttpSource *s = userdata;

        s->half_closed++;
        if (s->heartbeat_when_half_closed)
                http_source_say(s, ":\n\n", HTTP_FILL_SLEEP);
}

void http_source_say(HttpSource *s, const char *text, HttpFill then) {
        if (!TAP_CHECK(s->stream))
                return;
        s->text = text;
        s->then = then;
        http_stream_wake(s->stream);
}

void http_source_on_request(HttpRequest *r, void *userdata) {
        static const HttpStreamSource source = {
                .fill = source_fill,
                .closed = http_source_closed,
                .half_closed = source_half_closed,
        };
        HttpSource *s = userdata;
        unsigned fills = s->fills;

        TAP_CHECK_INT(http_request_reply_stream(r, 200, "text/event-stream", &source, s, &s->stream), 0);
        TAP_CHECK_INT(s->fills, fills);
}

bool http_source_open(HttpSource *s, HttpFixture *f, HttpClient *c, HttpOver over, const char *version) {
        char request[64];

        *s = (HttpSource){ .then = HTTP_FILL_SLEEP };
        if ((!f->server && !http_fixture_start(f, NULL, http_source_on_request, s)) || !http_client_open(c, f, over))
                return false;
        snprintf(request, sizeof(request), "GET /s %s\r\nHost: x\r\n\r\n", version);
        http_client_send(c, request);
        return TAP_CHECK(HTTP_WAIT(f, http_client_got(c, "\r\n\r\n") && s->fills > 0));
}

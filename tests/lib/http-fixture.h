/* HttpFixture: an HttpServer on a loopback port and on a unix socket, if it is asked for one that speaks TLS on a port
 * of its own, and clients of them, all in one loop.
 *
 *         _cleanup_(http_fixture_done) HttpFixture f = {};
 *         _cleanup_(http_client_done) HttpClient c = {};
 *
 *         if (!http_fixture_start(&f, NULL, on_request, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
 *                 return;
 *         http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
 *         TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "200 OK")));
 *
 * Clients read by themselves whatever comes, into `received`. Those declared after the fixture are done before it,
 * as they must be. */
#pragma once

#include <remote-developer/http-server.h>

#include "tap.h"
#include "tls-fixture.h"

#include <systemd/sd-event.h>

typedef struct HttpFixture {
        sd_event *event;
        HttpServer *server;
        uint16_t port;
        char directory[32]; /* of the unix socket */

        bool with_tls; /* to be set before it is started */
        TlsIdentity *identity;
        HttpServer *tls;
        uint16_t tls_port;
} HttpFixture;

/* What a test gets when it gives no limits: nothing that it would run into. */
extern const HttpLimits http_fixture_limits;

/* Both check for themselves that all went well, and say so. */
bool http_fixture_start(HttpFixture *f, const HttpLimits *limits, HttpOnRequest on_request, void *userdata);
void http_fixture_done(HttpFixture *f);

/* As a service that dies, connections and all; and its next life, on another port. */
void http_fixture_stop_server(HttpFixture *f);
bool http_fixture_start_server(HttpFixture *f, const HttpLimits *limits, HttpOnRequest on_request, void *userdata);

/* A turn of the loop, at most 20 ms long. False when the loop is broken, which is a failed check. */
bool http_fixture_turn(HttpFixture *f);

/* Turns the loop until the condition holds, at most 20 s: a value. */
#define HTTP_WAIT(f, condition)                                                                              \
        ({                                                                                                   \
                usec_t _end = clock_monotonic_usec() + 20 * USEC_PER_SEC;                                    \
                bool _met;                                                                                   \
                while (!(_met = (condition)) && clock_monotonic_usec() < _end && http_fixture_turn(f))       \
                        ;                                                                                    \
                _met;                                                                                        \
        })

/* Turns the loop for that long, for what must not happen. */
void http_fixture_pass(HttpFixture *f, usec_t usec);

/* Turns the loop until it has had nothing to do for a while. A loop that never rests is a failed check. */
void http_fixture_settle(HttpFixture *f);

/* Whether the loop has nothing at all to do for that long. */
bool http_fixture_rests(HttpFixture *f, usec_t usec);

typedef enum HttpOver {
        HTTP_OVER_TCP,
        HTTP_OVER_UNIX,
        HTTP_OVER_TLS,
} HttpOver;

typedef struct HttpClient {
        HttpFixture *fixture;
        int fd;
        TlsSession tls;
        sd_event_source *source;
        Buffer received;
        bool ended; /* the server closed; `error` says how: 0 or an errno */
        int error;

        /* Instead of `received`, when not NULL. */
        void (*on_data)(struct HttpClient *c, const char *data, size_t size);
        void *userdata;
        size_t read_max; /* bytes at a time; 0: as they come */
} HttpClient;

bool http_client_open(HttpClient *c, HttpFixture *f, HttpOver over);
void http_client_done(HttpClient *c);

/* The same in two steps: without a word of TLS, and the handshake: a value, GnuTLS's error. */
bool http_client_connect(HttpClient *c, HttpFixture *f, HttpOver over);
int http_client_shake_hands(HttpClient *c, const char *priorities);

/* Sends all of it, turning the loop while there is no room. False when the server has closed. */
bool http_client_send(HttpClient *c, const char *text);
bool http_client_send_bytes(HttpClient *c, const char *data, size_t size);

/* Both may also be called while the loop runs. */
void http_client_stop_reading(HttpClient *c);
void http_client_read_on(HttpClient *c);

bool http_client_got(const HttpClient *c, const char *text);
unsigned http_client_count(const HttpClient *c, const char *text);

/* --- streams --- */

/* A stream's source as a test wants it: `text` goes out once for each wake, then `then` is what fill says. It
 * checks that it is never asked before http_request_reply_stream() has returned, nor after the stream's end. */
typedef struct HttpSource {
        HttpStream *stream;
        const char *text; /* NULL: nothing */
        HttpFill then;
        unsigned fills, closed, half_closed;
        bool heartbeat_when_half_closed;
} HttpSource;

/* Answers every request with the stream of the HttpSource that is the userdata. */
void http_source_on_request(HttpRequest *r, void *userdata);

/* Starts the fixture if that has not been done, and opens a client that has the header of a stream, which is then
 * asleep, filled once. `version` is the request's, "HTTP/1.1". */
bool http_source_open(HttpSource *s, HttpFixture *f, HttpClient *c, HttpOver over, const char *version);

void http_source_say(HttpSource *s, const char *text, HttpFill then);

/* For a handler of one's own. */
void http_source_closed(void *userdata);

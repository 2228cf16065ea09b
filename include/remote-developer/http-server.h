/* HttpServer: HTTP/1.1 over sockets that were given to it, inside the caller's sd-event loop. The only place that
 * knows libmicrohttpd.
 *
 * It accepts by itself on any number of listening sockets (TCP and unix alike), reads each request whole, its body
 * up to `body_max` bytes, and then calls `on_request` once. The request stays valid until it is answered, even if
 * the server is freed before; it is answered exactly once (http-request.h). A stream whose peer stops reading
 * is dropped after `stream_stall_usec` without progress (http-stream.h).
 *
 * Bounds: beyond the quota of `connections` a client is answered 429 (its own peer has too many) or 503 (all have),
 * with Retry-After, and its connection closed; whoever has connections is served on. A connection without traffic for
 * `idle_usec` is closed, and one whose request takes longer than `request_usec` to come, however busy, answered 408. A
 * body up to 16 times `body_max` is read to its end and thrown away, so that the client hears why, as is one for which
 * the quota of `bodies` has no room; one that announces more is answered unread, one that turns out longer is cut.
 * Where the quota of `answers` has no room, an answer above 64 KiB becomes a 503 with Retry-After, and a stream waits
 * until there is some; short answers always have it.
 *
 * A burst of requests does not keep the loop: when handlers and `fill` have taken 20 ms of a turn, others wait for
 * later turns, in which the peers are served one request after the other.
 */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/http-request.h>
#include <remote-developer/tls-identity.h>

typedef struct sd_event sd_event;
typedef struct HttpServer HttpServer;

/* How much there may be at once: in all, of one peer (a user of this machine; where none is known, an address), and of
 * all guests together (see http_server_set_guests()). 0: no limit. */
typedef struct HttpQuota {
        size_t all, peer, guests;
} HttpQuota;

typedef struct HttpLimits {
        size_t body_max;       /* bytes */
        HttpQuota bodies;      /* bytes of bodies that have come and are not answered yet */
        HttpQuota answers;     /* bytes of answers that clients have not taken yet */
        HttpQuota connections; /* `all` is not 0 */
        usec_t idle_usec;      /* rounded up to whole seconds, as is stream_stall_usec; not set: no limit */
        usec_t request_usec;   /* not set: no limit */
        usec_t stream_stall_usec;
} HttpLimits;

typedef void (*HttpOnRequest)(HttpRequest *request, void *userdata);
typedef bool (*HttpIsGuest)(HttpPeer peer, void *userdata);
typedef void (*HttpOnDrained)(void *userdata);

int http_server_new(sd_event *event, const HttpLimits *limits, HttpOnRequest on_request, void *userdata,
                    HttpServer **ret);

/* The same over TLS 1.2 and 1.3, for sockets of other addresses than this machine's own. Nobody is known there,
 * whoever it is; and who is refused before the handshake is hung up on, since nothing can be said. The identity is
 * borrowed for the server's life. -EBADMSG: it cannot be used. */
int http_server_new_tls(sd_event *event, const HttpLimits *limits, const TlsIdentity *identity,
                        HttpOnRequest on_request, void *userdata, HttpServer **ret);

/* Who is a guest is asked for each connection; before, nobody is. */
void http_server_set_guests(HttpServer *s, HttpIsGuest is_guest, void *userdata);

/* Closes every connection and listening socket; every stream is ended, its `closed` called. Requests that are not
 * answered yet must still be, which then has no effect but to free them; all that was read is gone but the body.
 * Not to be called from inside `on_request`, `fill` or `closed`. Accepts NULL, returns NULL. */
HttpServer *http_server_free(HttpServer *s);
DEFINE_CLEANUP(HttpServer *, http_server_free)

/* Takes a listening stream socket, which is closed with the server, or at once on error. Made non-blocking here. */
int http_server_take_listener(HttpServer *s, int fd);

/* Stops accepting (what waits in the backlogs is the next process's), answers what was begun with "Connection:
 * close", ends idle connections, and calls `on_drained` once from the loop (where the server may be freed) when no
 * connection is left or after `timeout_usec`. Streams are the caller's to end before. -EALREADY the second time. */
int http_server_drain(HttpServer *s, usec_t timeout_usec, HttpOnDrained on_drained, void *userdata);

/* HttpServer: HTTP/1.1 over sockets that were given to it, inside the caller's sd-event loop. The only place that
 * knows libmicrohttpd.
 *
 * It accepts by itself on any number of listening sockets (TCP and unix alike), reads each request whole, its body
 * up to `body_max` bytes, and then calls `on_request` once. The request stays valid until it is answered, even if
 * the server is freed before; it is answered exactly once, at once or later from anywhere in the loop, by
 * http_reply() or http_reply_stream().
 *
 * Bounds: at `connections_max` it stops accepting, so that further clients wait in the socket's backlog and are
 * not refused; a connection without traffic for `idle_usec` is closed. A body up to 16 times `body_max` is read to
 * its end and thrown away, so that the client hears why; one that announces more is answered unread, one that turns
 * out longer is cut.
 *
 * A stream is pulled: `fill` is asked for bytes when the peer has room for them. A peer that stops reading thus
 * costs nothing but its socket, and is dropped after `stream_stall_usec` without progress.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/clock.h>

typedef struct sd_event sd_event;
typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;
typedef struct HttpStream HttpStream;

typedef struct HttpLimits {
        size_t body_max;          /* bytes */
        unsigned connections_max;
        usec_t idle_usec;         /* both rounded up to whole seconds; not set: no limit */
        usec_t stream_stall_usec;
} HttpLimits;

typedef void (*http_on_request_t)(HttpRequest *request, void *userdata);
typedef void (*http_on_drained_t)(void *userdata);

int http_server_new(sd_event *event, const HttpLimits *limits, http_on_request_t on_request, void *userdata,
                    HttpServer **ret);

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
int http_server_drain(HttpServer *s, usec_t timeout_usec, http_on_drained_t on_drained, void *userdata);

/* The request. All that is returned is borrowed and valid until the reply. */
const char *http_request_method(const HttpRequest *r);
const char *http_request_path(const HttpRequest *r); /* percent-decoded once; without the query; starts with '/' */
const char *http_request_query(const HttpRequest *r, const char *name);  /* NULL: not there; "" without value */
const char *http_request_header(const HttpRequest *r, const char *name); /* names compared without case */
const char *http_request_body(const HttpRequest *r, size_t *ret_size);   /* never NULL */

/* The body was longer than `body_max` and has been thrown away; the reply should be 413. */
bool http_request_body_is_too_large(const HttpRequest *r);

/* The path or the query held a NUL or a broken percent escape, or the path does not start with '/'; what could not
 * be decoded is then as it was sent and the reply should be 400. */
bool http_request_is_malformed(const HttpRequest *r);

/* For the handler's own use, NULL at first. */
void http_request_set_userdata(HttpRequest *r, void *userdata);
void *http_request_userdata(const HttpRequest *r);

/* To be called before the reply. 0 or -ENOMEM, -EINVAL for a value that is empty or has a line break, and for
 * Connection, Content-Length and Transfer-Encoding, which are the server's own. */
int http_request_add_header(HttpRequest *r, const char *name, const char *value);

/* Answers; takes the bytes out of `body` (NULL: no body). HEAD gets the headers alone. Should memory be short the
 * connection is closed. The request is gone afterwards. */
void http_reply(HttpRequest *r, unsigned status, const char *content_type, Buffer *body);

/* What a stream's `fill` says beside the bytes that it appended to `to` (about HTTP_STREAM_CHUNK at most). */
typedef enum HttpFill {
        HTTP_FILL_MORE,  /* ask again as soon as these are written; at least one byte was appended */
        HTTP_FILL_SLEEP, /* nothing more until http_stream_wake() */
        HTTP_FILL_END,   /* the last bytes: the response ends behind them */
        HTTP_FILL_ABORT, /* cut the connection, so that the client sees that it is not whole (not over HTTP/1.0) */
} HttpFill;

#define HTTP_STREAM_CHUNK ((size_t) 32 * 1024)

typedef struct HttpStreamSource {
        HttpFill (*fill)(void *userdata, Buffer *to);
        void (*closed)(void *userdata); /* always called once, at the end of the stream, whatever ended it */

        /* The peer has closed its sending side. Over TCP it may still read or be gone, and only a byte written to
         * it tells, so this is the time for a heartbeat: one that is gone ends the stream then at once. A peer on a
         * unix socket still reads. At most once; NULL: no interest. */
        void (*half_closed)(void *userdata);
} HttpStreamSource;

/* Answers with a stream of unknown length. The request is gone afterwards; `*ret_stream` (may be NULL) is valid
 * until `closed` was called. `fill` is never called from inside http_reply_stream() or http_stream_wake(). On error
 * `closed` has been called, and the connection is cut. */
int http_reply_stream(HttpRequest *r, unsigned status, const char *content_type, const HttpStreamSource *source,
                      void *userdata, HttpStream **ret_stream);

/* There is something to fill again. May be called at any time and any number of times. */
void http_stream_wake(HttpStream *stream);

/* HttpStream: an answer of unknown length that is pulled: `fill` is asked for bytes when the peer has room for them. A
 * peer that stops reading thus costs nothing but its socket. Belongs to its connection; begun by
 * http_request_reply_stream().
 */
#pragma once

#include <remote-developer/buffer.h>

typedef struct HttpStream HttpStream;

/* What a stream's `fill` says beside the bytes that it appended to `to` (about HTTP_STREAM_CHUNK at most). */
typedef enum HttpFill {
        HTTP_FILL_MORE,  /* ask again as soon as these are written; without any, in the next turn of the loop */
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

/* There is something to fill again. May be called at any time and any number of times. */
void http_stream_wake(HttpStream *stream);

/* A field behind the body, for what is known only then; to be announced in the header ("Trailer"). From inside `fill`
 * that says END, and without effect over HTTP/1.0. `name` and `value` as in http_request_add_header(). */
void http_stream_add_trailer(HttpStream *stream, const char *name, const char *value);

/* HttpStream: an answer of unknown length that is pulled from its source. See http-server.h.
 *
 * Owned by the MHD response that reads it and freed with that, which is where `closed` is called. `pending` holds
 * what the source gave and MHD had no room for yet; when that is gone its memory is the next stream's.
 *
 *              ┌──────── fill: MORE ────────┐
 *              ▼                            │
 *         ask the source ──────▶ write what is pending ──▶ fill: END or ABORT ──▶ closed
 *              ▲                            │
 *              └── wake ── asleep ◀─────────┘ fill: SLEEP
 *
 * One that would fill where there is no room for answers sleeps, too, until there is some (http-room.c);
 * and one that would where others have spent the turn waits for its own (http-queue.c).
 *
 * What will surprise you: while a stream sleeps MHD does not look at its socket, so an io source of ours does. A
 * peer that has hung up ends the stream at once. A peer that has only closed its sending side may be one that still
 * reads (nc does it); over TCP one that is gone looks the same until something is written to it, hence the
 * `half_closed` of the source. */
#include "http-internal.h"

#include <string.h>
#include <sys/epoll.h>

struct HttpStream {
        HttpConnection *connection;
        HttpStreamSource source;
        void *userdata;
        struct MHD_Response *response; /* whose this is */

        Buffer pending;
        size_t sent; /* bytes of `pending` */

        HttpFill next;          /* when all is sent: what the last fill said; a wake turns SLEEP into MORE */
        bool filling, woken;    /* inside `fill`; and woken from there */
        bool gone;              /* the peer has hung up */
        sd_event_source *watch; /* tells of that */
};

static HttpStream *stream_free(HttpStream *stream) {
        if (!stream)
                return NULL;

        sd_event_source_disable_unref(stream->watch);
        buffer_done(&stream->pending);
        free(stream);
        return NULL;
}
DEFINE_CLEANUP(HttpStream *, stream_free)

/* --- the peer --- */

static int stream_on_peer(sd_event_source *source, int fd _unused_, uint32_t events, void *userdata) {
        HttpStream *stream = userdata;

        if (events & (EPOLLHUP | EPOLLERR)) {
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
                stream->gone = true;
                http_connection_resume(stream->connection);
                return 0;
        }

        /* Told once; hanging up and errors are always told. */
        sd_event_source_set_io_events(source, 0);
        if (stream->source.half_closed)
                stream->source.half_closed(stream->userdata);
        return 0;
}

static int stream_watch_peer(HttpStream *stream) {
        HttpConnection *c = stream->connection;
        int r;

        r = sd_event_add_io(c->server->event, &stream->watch, c->fd, EPOLLRDHUP, stream_on_peer, stream);
        if (r < 0)
                return r;
        http_event_source_dress(stream->watch, "http-stream");
        return 0;
}

/* --- pulling --- */

/* A thousand streams that wake for one line would each allocate its bytes and give them back: what one has done with
 * is kept for the next. */
static void stream_take_spare(HttpStream *stream) {
        HttpServer *s = stream->connection->server;

        if (stream->pending.data)
                return;
        stream->pending = s->spare;
        s->spare = BUFFER_NULL;
}

static void stream_give_spare(HttpStream *stream) {
        HttpServer *s = stream->connection->server;

        if (s->spare.data || stream->pending.allocated > 2 * HTTP_STREAM_CHUNK)
                buffer_done(&stream->pending);
        else
                s->spare = stream->pending;
        stream->pending = BUFFER_NULL;
        stream->sent = 0;
        http_room_give(stream->connection);
}

static void stream_fill(HttpStream *stream) {
        usec_t begin = clock_monotonic_usec();

        stream_take_spare(stream);
        buffer_clear(&stream->pending);

        stream->filling = true;
        stream->woken = false;
        stream->next = stream->source.fill(stream->userdata, &stream->pending);
        stream->filling = false;
        http_room_overdraw(stream->connection, stream->pending.size);
        http_queue_spend(stream->connection->server, begin);

        if (stream->next == HTTP_FILL_SLEEP && stream->woken)
                stream->next = HTTP_FILL_MORE;
}

static ssize_t stream_send(HttpStream *stream, char *to, size_t max) {
        size_t size = MIN_OF(max, stream->pending.size - stream->sent);

        memcpy(to, stream->pending.data + stream->sent, size);
        stream->sent += size;
        if (stream->sent == stream->pending.size)
                stream_give_spare(stream);
        return (ssize_t) size;
}

/* A source that has nothing and yet wants to be asked again is asked in the next turn: the loop goes on. */
static ssize_t stream_sleep(HttpStream *stream) {
        if (stream->pending.data)
                stream_give_spare(stream);
        http_connection_suspend(stream->connection);
        if (stream->next == HTTP_FILL_MORE)
                http_connection_resume(stream->connection);
        return 0;
}

/* For room, or for its turn. */
static bool stream_has_to_wait(HttpStream *stream) {
        HttpConnection *c = stream->connection;

        if (!http_room_is_left(c))
                http_room_await(c);
        else if (http_queue_is_due(c, HTTP_WORK_FILL))
                http_queue_add(c, HTTP_WORK_FILL);
        return c->suspended;
}

/* MHD asks again for what there is now; for nothing, where there was nothing to say. */
void http_stream_serve(HttpStream *stream) {
        HttpConnection *c = stream->connection;

        if (!stream->gone && http_room_is_left(c))
                stream_fill(stream);
        http_connection_resume(c);
}

/* MHD wants at most `max` bytes. To return 0 without being suspended would be a busy loop. */
static ssize_t stream_on_read(void *userdata, uint64_t position _unused_, char *to, size_t max) {
        HttpStream *stream = userdata;

        stream->connection->server->n_fruitless = 0;
        stream->connection->awaits_room = false;
        if (stream->gone)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (stream->sent == stream->pending.size && stream->next == HTTP_FILL_MORE) {
                if (stream_has_to_wait(stream))
                        return 0;
                stream_fill(stream);
        }
        if (stream->sent < stream->pending.size)
                return stream_send(stream, to, max);

        switch (stream->next) {
        case HTTP_FILL_MORE:
        case HTTP_FILL_SLEEP:
                return stream_sleep(stream);
        case HTTP_FILL_END:
                return MHD_CONTENT_READER_END_OF_STREAM;
        case HTTP_FILL_ABORT:
                break;
        }
        return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* MHD may have closed the connection without cleaning it up: another turn does that. */
static void stream_on_end(void *userdata) {
        HttpStream *stream = userdata;

        http_server_kick(stream->connection->server);
        stream->connection->stream = NULL;
        stream->source.closed(stream->userdata);
        stream_free(stream);
}

/* --- verbs --- */

/* A response over HTTP/1.0 has no chunks and passes through a block of the response's own, which MHD allocates
 * with it whether it is needed or not. */
static struct MHD_Response *stream_new_response(HttpStream *stream, bool http_1_0) {
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, http_1_0 ? HTTP_STREAM_CHUNK : 1, stream_on_read,
                                                 stream, stream_on_end);
}

static HttpStream *stream_new(HttpConnection *c, const HttpStreamSource *source, void *userdata) {
        _cleanup_(stream_freep) HttpStream *stream = NULL;

        stream = calloc(1, sizeof(*stream));
        if (!stream)
                return NULL;
        stream->connection = c;
        stream->source = *source;
        stream->userdata = userdata;
        stream->next = HTTP_FILL_MORE;
        return stream_watch_peer(stream) < 0 ? NULL : TAKE_PTR(stream);
}

int http_request_reply_stream(HttpRequest *r,
                unsigned status,
                const char *content_type,
                const HttpStreamSource *source,
                void *userdata,
                HttpStream **ret_stream) {
        HttpConnection *c = r->connection;
        struct MHD_Response *response = NULL;
        HttpStream *stream;
        int error;

        /* MHD 0.9.75 sends the last chunk also where there are no others, and the client would take it for the begin
         * of the next answer. */
        if (strcmp(r->method, "HEAD") == 0) {
                source->closed(userdata);
                http_request_reply(r, status, content_type, NULL);
                return 0;
        }
        stream = c ? stream_new(c, source, userdata) : NULL;
        if (stream) {
                c->stream = stream;
                http_connection_set_timeout(c, HTTP_TIMEOUT_STALL);
                response = stream->response = stream_new_response(stream, r->http_1_0);
        }
        if (!response) {
                if (c)
                        c->stream = NULL;
                stream_free(stream);
                source->closed(userdata);
                return http_request_answer(r, status, content_type, NULL);
        }

        error = http_request_answer(r, status, content_type, response);
        if (error >= 0 && ret_stream)
                *ret_stream = stream;
        return error;
}

void http_stream_wake(HttpStream *stream) {
        stream->woken = true;
        if (stream->filling || stream->next != HTTP_FILL_SLEEP)
                return;

        stream->next = HTTP_FILL_MORE;
        http_connection_resume(stream->connection);
}

void http_stream_add_trailer(HttpStream *stream, const char *name, const char *value) {
        (void) MHD_add_response_footer(stream->response, name, value);
}

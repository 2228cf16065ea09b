/* HttpQueue: what has to wait for a later turn of the loop. MHD serves all connections that are ready in one run, and
 * a burst of requests that take long would keep the rest of the loop from its turns until the watchdog ends it all.
 *
 * So once handlers and the filling of streams have spent TURN_USEC of a turn, further connections are suspended and
 * queued. A source of the loop serves them in turns as long, in line with all others. The peers take turns, request by
 * request, so that who has one waits for one of each, however many they have; of one peer requests take turns with
 * streams, so that downloads do not keep its requests waiting. A connection is in it once at most. */
#include "http-internal.h"

#define TURN_USEC (20 * USEC_PER_MSEC)

static bool share_is_queued(const HttpShare *share) {
        for (HttpWork work = 0; work < HTTP_WORKS; work++)
                if (!TAILQ_EMPTY(&share->queues[work]))
                        return true;
        return false;
}

/* Who comes while others of the same peer wait goes behind them. */
bool http_queue_is_due(const HttpConnection *c, HttpWork work) {
        return c->server->spent_usec >= TURN_USEC || !TAILQ_EMPTY(&c->share->queues[work]);
}

void http_queue_add(HttpConnection *c, HttpWork work) {
        HttpServer *s = c->server;

        http_connection_suspend(c);
        if (!share_is_queued(c->share))
                TAILQ_INSERT_TAIL(&s->queued, c->share, queue);
        TAILQ_INSERT_TAIL(&c->share->queues[work], c, queue);
        c->queued = true;
        c->work = work;
        sd_event_source_set_enabled(s->queue_turn, SD_EVENT_ONESHOT);
}

void http_queue_remove(HttpConnection *c) {
        if (!c->queued)
                return;
        TAILQ_REMOVE(&c->share->queues[c->work], c, queue);
        c->queued = false;
        if (!share_is_queued(c->share))
                TAILQ_REMOVE(&c->server->queued, c->share, queue);
}

void http_queue_spend(HttpServer *s, usec_t begin_usec) {
        s->spent_usec += clock_monotonic_usec() - begin_usec;
}

/* Of the peer whose turn it is, which goes behind the others. */
static HttpConnection *choose(HttpServer *s) {
        HttpShare *share = TAILQ_FIRST(&s->queued);
        HttpWork work = share->next_work;

        if (TAILQ_EMPTY(&share->queues[work]))
                work = (work + 1) % HTTP_WORKS;
        share->next_work = (work + 1) % HTTP_WORKS;
        TAILQ_REMOVE(&s->queued, share, queue);
        TAILQ_INSERT_TAIL(&s->queued, share, queue);
        return TAILQ_FIRST(&share->queues[work]);
}

static void serve(HttpConnection *c) {
        http_queue_remove(c);
        if (c->work == HTTP_WORK_REQUEST)
                http_request_serve(c->request);
        else
                http_stream_serve(c->stream);
}

static int server_on_queue(sd_event_source *source, int fd _unused_, uint32_t events _unused_, void *userdata) {
        HttpServer *s = userdata;

        s->spent_usec = 0;
        while (!TAILQ_EMPTY(&s->queued) && s->spent_usec < TURN_USEC)
                serve(choose(s));
        return TAILQ_EMPTY(&s->queued) ? 0 : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int http_queue_add_source(HttpServer *s) {
        TAILQ_INIT(&s->queued);
        return http_server_add_ready(s, "http-queue", server_on_queue, &s->queue_turn);
}

/* HttpRoom: room for answers that their clients have not taken yet. The server has a quota of it, shared out among
 * peers as connections are (http-share.c), for a client that asks and does not read costs its bytes for minutes.
 *
 * An answer of known length is refused where there is no room. How much a stream will have to say is known only when
 * it has said it, and then its source is past it: so it is filled only where some room is left, and waits else. What
 * goes beyond is the last filling of all, which is a chunk or, where that is longer, a line: and one that is longer
 * than the quota gets through alone. A stream that waits holds no bytes, and its source stays where it is.
 *
 * Short ones are neither counted nor do they ask, which is nearly all: what is short is bounded by the connections. */
#include "http-internal.h"

int http_room_take(HttpConnection *c, size_t n) {
        int r;

        if (n <= HTTP_ROOM_FREE)
                return 0;
        r = http_share_take(c->share, HTTP_ANSWER_BYTES, n);
        if (r < 0)
                return r;
        c->held += n;
        c->server->held += n;
        return 0;
}

/* A byte would have room. While nothing is held, which is the rule, nobody is asked. */
bool http_room_is_left(const HttpConnection *c) {
        if (c->server->held == 0 || c->server->draining)
                return true;
        if (http_share_take(c->share, HTTP_ANSWER_BYTES, 1) < 0)
                return false;
        http_share_give(c->share, HTTP_ANSWER_BYTES, 1);
        return true;
}

void http_room_overdraw(HttpConnection *c, size_t n) {
        if (n <= HTTP_ROOM_FREE)
                return;
        http_share_overdraw(c->share, HTTP_ANSWER_BYTES, n);
        c->held += n;
        c->server->held += n;
}

void http_room_await(HttpConnection *c) {
        c->awaits_room = true;
        http_connection_suspend(c);
}

/* Who finds it taken by another when he is asked waits again. */
void http_room_open(HttpServer *s) {
        for (HttpConnection *c = s->connections; c; c = c->next)
                if (c->awaits_room && http_room_is_left(c)) {
                        c->awaits_room = false;
                        http_connection_resume(c);
                }
}

void http_room_give(HttpConnection *c) {
        if (c->held == 0)
                return;
        http_share_give(c->share, HTTP_ANSWER_BYTES, c->held);
        c->server->held -= c->held;
        c->held = 0;
        http_room_open(c->server);
}

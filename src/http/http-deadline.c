/* Slow clients. MHD closes a connection on which nothing moves; who sends or takes a byte now and then would hold it
 * for ever. So each connection has a time by which what it is at must be over:
 *
 *      a request's header   request_usec from the connection's begin; from the answer before it idle_usec more
 *      a request's body     request_usec from its header's end
 *      an answer            none while it is awaited; ANSWER_FACTOR times request_usec to take it. A stream has a
 *                           limit of its own (stream_stall_usec), since it may last for days
 *
 * One timer for all, which is only ever set earlier: it looks at every connection when it comes. */
#include "http-internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_FACTOR 5

/* So that connections that began one after the other do not each wake the server. */
#define TOGETHER_USEC (100 * USEC_PER_MSEC)

static const char too_slow[] =
        "HTTP/1.1 408 Request Timeout\r\n" HTTP_BARE_HEADERS
        "Content-Length: 74\r\n\r\n"
        "{\"error\":\"The request took too long to come: send it again\",\"status\":408}\n";

static void arm(HttpServer *s, usec_t at) {
        int enabled = SD_EVENT_OFF;

        sd_event_source_get_enabled(s->deadline_timer, &enabled);
        if (enabled != SD_EVENT_OFF && s->deadline_timer_usec <= at)
                return;
        s->deadline_timer_usec = at;
        sd_event_source_set_time(s->deadline_timer, at);
        sd_event_source_set_enabled(s->deadline_timer, SD_EVENT_ONESHOT);
}

void http_connection_set_deadline(HttpConnection *c, HttpDeadline deadline) {
        const HttpLimits *l = &c->server->limits;
        bool idle_ends = clock_is_set(l->idle_usec);
        usec_t after[] = {
                [HTTP_DEADLINE_NONE] = 0,
                [HTTP_DEADLINE_REQUEST] = l->request_usec,
                [HTTP_DEADLINE_NEXT_REQUEST] = idle_ends ? l->request_usec + l->idle_usec : 0,
                [HTTP_DEADLINE_ANSWER] = l->request_usec * ANSWER_FACTOR,
        };

        c->deadline_usec = 0;
        if (!clock_is_set(l->request_usec) || after[deadline] == 0)
                return;
        c->deadline_usec = clock_monotonic_usec() + after[deadline];
        arm(c->server, c->deadline_usec);
}

static bool is_reading(const HttpConnection *c) {
        return !c->busy || (c->request && !c->request->dispatched);
}

/* Not a byte of an answer is under way, so the client can be told by ourselves; MHD cannot in the middle of a request.
 * It then finds the connection closed. */
static void connection_cut(HttpConnection *c) {
        c->deadline_usec = 0;
        c->aborted = true;
        if (is_reading(c) && !c->server->is_tls)
                (void) send(c->fd, too_slow, strlen(too_slow), MSG_DONTWAIT | MSG_NOSIGNAL);
        shutdown(c->fd, SHUT_RDWR);
}

static int server_on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        HttpServer *s = userdata;
        usec_t now = clock_monotonic_usec(), next = USEC_INFINITY;

        for (HttpConnection *c = s->connections; c; c = c->next) {
                if (c->deadline_usec == 0)
                        continue;
                if (c->deadline_usec <= now)
                        connection_cut(c);
                else
                        next = MIN_OF(next, c->deadline_usec);
        }
        if (next != USEC_INFINITY)
                arm(s, next + TOGETHER_USEC);
        return 0;
}

int http_server_add_deadlines(HttpServer *s) {
        int r;

        r = sd_event_add_time(s->event, &s->deadline_timer, CLOCK_MONOTONIC, 0, HTTP_TIMER_ACCURACY_USEC,
                              server_on_deadline, s);
        if (r < 0)
                return r;
        sd_event_source_set_enabled(s->deadline_timer, SD_EVENT_OFF);
        http_event_source_dress(s->deadline_timer, "http-deadline");
        return 0;
}

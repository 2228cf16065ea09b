/* Bursts of requests that take long: the loop goes on, and who has one request is served between those of who has
 * many. The handler and the streams burn real time; what is counted is what was served in between. Who the peer of a
 * connection is says `peer` here instead of the kernel. */
#include "http-fixture.h"
#include "told-peer.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <string.h>

#define BURST 100
#define BURN_USEC (5 * USEC_PER_MSEC)

/* As many of those as may be served before another has his turn: a turn of them, begun twice, and the odd one. */
#define FEW (2 * 4 + 2)

typedef struct Burst {
        unsigned served, fills, streams; /* slow requests; fillings of streams, of which so many are open */
        unsigned before;  /* slow ones that were served when the quick one was */
        unsigned fills_before; /* likewise */
        unsigned quick;
        unsigned ticks, ticks_at_end; /* of a timer of the loop; when the last slow one was served */
        size_t body;                  /* bytes, of all slow ones */
        bool ending;
        sd_event_source *timer;
} Burst;

static void burst_done(Burst *b) {
        sd_event_source_disable_unref(b->timer);
}

static void burn(usec_t usec) {
        usec_t end = clock_monotonic_usec() + usec;

        while (clock_monotonic_usec() < end)
                ;
}

static HttpFill fill(void *userdata, Buffer *to) {
        Burst *b = userdata;

        burn(2 * USEC_PER_MSEC);
        b->fills++;
        TAP_CHECK_INT(buffer_append_string(to, "line\n"), 0);
        return b->ending ? HTTP_FILL_END : HTTP_FILL_MORE;
}

static void closed(void *userdata) {
        Burst *b = userdata;

        b->streams--;
}

static void reply(HttpRequest *r, const char *text) {
        _cleanup_(buffer_done) Buffer body = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append_string(&body, text), 0);
        http_request_reply(r, 200, "text/plain", &body);
}

static void serve_slow(Burst *b, HttpRequest *r) {
        size_t size;

        burn(BURN_USEC);
        TAP_CHECK_STRING(http_request_query(r, "a"), "b");
        TAP_CHECK_STRING(http_request_body(r, &size), "body");
        b->body += size;
        b->served++;
        b->ticks_at_end = b->ticks;
        reply(r, "slow");
}

static void on_request(HttpRequest *r, void *userdata) {
        static const HttpStreamSource source = { .fill = fill, .closed = closed };
        Burst *b = userdata;

        if (string_equal(http_request_path(r), "/slow")) {
                serve_slow(b, r);
                return;
        }
        if (string_equal(http_request_path(r), "/stream")) {
                b->streams++;
                http_request_reply_stream(r, 200, "text/plain", &source, b, NULL);
                return;
        }
        b->quick++;
        b->before = b->served;
        b->fills_before = b->fills;
        reply(r, "quick");
}

static int on_tick(sd_event_source *source, uint64_t usec _unused_, void *userdata) {
        Burst *b = userdata;

        b->ticks++;
        (void) sd_event_source_set_time_relative(source, 0);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static const char slow[] = "POST /slow?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
static const char quick[] = "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n";
static const char stream[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";

static bool start(HttpFixture *f, Burst *b) {
        static const HttpLimits limits = { .connections.all = 256, .body_max = 1000 };

        return http_fixture_start(f, &limits, on_request, b);
}

static bool open_as(HttpFixture *f, HttpClient *c, HttpPeer who) {
        peer = who;
        if (!http_client_open(c, f, HTTP_OVER_UNIX))
                return false;
        http_fixture_settle(f);
        return true;
}

static bool open_many(HttpFixture *f, HttpClient *c, unsigned n) {
        peer = ANNA;
        for (unsigned i = 0; i < n; i++)
                if (!http_client_open(&c[i], f, HTTP_OVER_UNIX))
                        return false;
        http_fixture_settle(f);
        return true;
}

static void close_many(HttpClient *c, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                http_client_done(&c[i]);
}

/* In one turn of the loop all are ready. */
static void send_all(HttpClient *c, unsigned n, const char *request) {
        for (unsigned i = 0; i < n; i++)
                TAP_CHECK(http_client_send(&c[i], request));
}

#define BURST_OF(f, b)                                                                                       \
        _cleanup_(burst_done) Burst b = {};                                                                  \
        _cleanup_(http_fixture_done) HttpFixture f = {};                                                     \
        HttpClient c[BURST] = {};                                                                            \
        if (!start(&f, &b) || !open_many(&f, c, BURST))                                                      \
        return

/* --- requests --- */

/* Whether he asks before them, with them or behind. */
static void test_others_are_served_between(void) {
        for (unsigned when = 0; when < 3; when++) {
                BURST_OF(f, b);
                _cleanup_(http_client_done) HttpClient bert = {};
                unsigned asked;

                if (!open_as(&f, &bert, BERT))
                        return;
                if (when == 0)
                        http_client_send(&bert, quick);
                send_all(c, BURST, slow);
                if (when == 2)
                        TAP_CHECK(HTTP_WAIT(&f, b.served > 0));
                asked = b.served;
                if (when > 0)
                        http_client_send(&bert, quick);
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&bert, "quick")));
                printf("# behind %u of them\n", b.before - asked);
                TAP_CHECK(b.before - asked <= FEW);
                TAP_CHECK(HTTP_WAIT(&f, b.served == BURST));
                for (unsigned i = 0; i < BURST; i++)
                        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c[i], "slow")));
                TAP_CHECK_INT(b.body, BURST * strlen("body"));
                close_many(c, BURST);
        }
}

static void test_the_loop_goes_on(void) {
        BURST_OF(f, b);

        TAP_CHECK(sd_event_add_time_relative(f.event, &b.timer, CLOCK_MONOTONIC, 0, 1, on_tick, &b) >= 0);
        send_all(c, BURST, slow);
        TAP_CHECK(HTTP_WAIT(&f, b.served > 0));
        b.ticks = 0;
        TAP_CHECK(HTTP_WAIT(&f, b.served == BURST));
        printf("# %u turns of the timer between\n", b.ticks_at_end);
        TAP_CHECK(b.ticks_at_end >= BURST / FEW / 2);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c[BURST - 1], "slow")));
        close_many(c, BURST);
}

/* Each with a burst of its own: neither is served more than a turn ahead of the other. */
static void test_two_bursts_take_turns(void) {
        BURST_OF(f, b);
        HttpClient others[BURST / 2] = {};
        unsigned of_anna = 0, of_bert = 0;

        peer = BERT;
        for (unsigned i = 0; i < ELEMENTSOF(others); i++)
                if (!http_client_open(&others[i], &f, HTTP_OVER_UNIX))
                        return;
        http_fixture_settle(&f);
        send_all(c, BURST, slow);
        send_all(others, ELEMENTSOF(others), slow);
        TAP_CHECK(HTTP_WAIT(&f, b.served >= BURST));
        http_fixture_pass(&f, 0);
        for (unsigned i = 0; i < BURST; i++)
                of_anna += http_client_count(&c[i], "slow");
        for (unsigned i = 0; i < ELEMENTSOF(others); i++)
                of_bert += http_client_count(&others[i], "slow");
        printf("# %u of hers, %u of his\n", of_anna, of_bert);
        TAP_CHECK(of_bert + 2 * FEW >= ELEMENTSOF(others) && of_anna <= BURST / 2 + 2 * FEW);
        TAP_CHECK(HTTP_WAIT(&f, b.served == BURST + ELEMENTSOF(others)));
        close_many(c, BURST);
        close_many(others, ELEMENTSOF(others));
}

/* Who leaves while it waits is not served, and leaves nothing behind. */
static void test_a_client_leaves_while_it_waits(void) {
        BURST_OF(f, b);
        unsigned served;

        send_all(c, BURST, slow);
        TAP_CHECK(HTTP_WAIT(&f, b.served > 0));
        served = b.served;
        close_many(c, BURST);
        http_fixture_settle(&f);
        TAP_CHECK(b.served < served + FEW);
        if (open_many(&f, c, BURST)) {
                send_all(c, 1, quick);
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c[0], "quick")));
        }
        close_many(c, BURST);
}

static void on_drained(void *userdata) {
        ++*(unsigned *) userdata;
}

static void test_those_that_wait_are_served_before_the_end(void) {
        BURST_OF(f, b);
        unsigned drained = 0;

        send_all(c, BURST, slow);
        TAP_CHECK(HTTP_WAIT(&f, b.served > 0));
        TAP_CHECK_INT(http_server_drain(f.server, 60 * USEC_PER_SEC, on_drained, &drained), 0);
        TAP_CHECK(HTTP_WAIT(&f, drained == 1));
        TAP_CHECK_INT(b.served, BURST);
        close_many(c, BURST);
}

static void test_a_server_goes_while_they_wait(void) {
        BURST_OF(f, b);
        unsigned served;

        send_all(c, BURST / 2, slow);
        send_all(c + BURST / 2, BURST / 2, stream);
        TAP_CHECK(HTTP_WAIT(&f, b.served > 0 && b.fills > 0));
        served = b.served;
        http_fixture_stop_server(&f);
        TAP_CHECK_INT(b.served, served);
        TAP_CHECK_INT(b.streams, 0);
        close_many(c, BURST);
}

/* --- streams --- */

/* A request of the same peer is served between, too. */
static void test_many_streams_share_a_turn(void) {
        BURST_OF(f, b);
        _cleanup_(http_client_done) HttpClient anna = {}, bert = {};
        HttpClient *who[] = { &anna, &bert };

        if (!open_as(&f, &anna, ANNA) || !open_as(&f, &bert, BERT))
                return;
        send_all(c, BURST, stream);
        TAP_CHECK(HTTP_WAIT(&f, b.streams == BURST && b.fills > 2 * BURST));
        for (unsigned i = 0; i < ELEMENTSOF(who); i++) {
                unsigned fills = b.fills;

                http_client_send(who[i], quick);
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(who[i], "quick")));
                printf("# behind %u fillings\n", b.fills_before - fills);
                TAP_CHECK(b.fills_before - fills <= BURST / 2);
        }
        for (unsigned i = 0; i < BURST; i++)
                TAP_CHECK(http_client_count(&c[i], "line") > 0);
        b.ending = true;
        TAP_CHECK(HTTP_WAIT(&f, b.streams == 0));
        for (unsigned i = 0; i < BURST; i++)
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c[i], "\r\n0\r\n\r\n")));
        close_many(c, BURST);
}

/* Of one peer: the one does not wait for the end of the other. */
static void test_requests_and_streams_take_turns(void) {
        BURST_OF(f, b);
        unsigned fills;

        send_all(c, BURST / 2, stream);
        TAP_CHECK(HTTP_WAIT(&f, b.fills > BURST));
        fills = b.fills;
        send_all(c + BURST / 2, BURST / 2, slow);
        TAP_CHECK(HTTP_WAIT(&f, b.served == BURST / 2));
        printf("# %u fillings between\n", b.fills - fills);
        TAP_CHECK(b.fills - fills >= BURST / FEW && b.fills - fills <= 2 * BURST);
        close_many(c, BURST);
        TAP_CHECK(HTTP_WAIT(&f, b.streams == 0));
}

static void test_a_stream_goes_while_it_waits(void) {
        BURST_OF(f, b);

        send_all(c, BURST, stream);
        TAP_CHECK(HTTP_WAIT(&f, b.streams == BURST && b.fills > 2 * BURST));
        close_many(c, BURST / 2);
        TAP_CHECK(HTTP_WAIT(&f, b.streams == BURST / 2));
        close_many(c, BURST);
        TAP_CHECK(HTTP_WAIT(&f, b.streams == 0));
        http_fixture_settle(&f);
}

static const TapTest tests[] = {
        { "others are served between", test_others_are_served_between },
        { "the loop goes on", test_the_loop_goes_on },
        { "two bursts take turns", test_two_bursts_take_turns },
        { "a client leaves while it waits", test_a_client_leaves_while_it_waits },
        { "those that wait are served before the end", test_those_that_wait_are_served_before_the_end },
        { "a server goes while they wait", test_a_server_goes_while_they_wait },
        { "many streams share a turn", test_many_streams_share_a_turn },
        { "requests and streams take turns", test_requests_and_streams_take_turns },
        { "a stream goes while it waits", test_a_stream_goes_while_it_waits },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

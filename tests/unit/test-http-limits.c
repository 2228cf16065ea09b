/* What one client may take of the server, and how long: each limit, and beside it somebody who is served as before.
 * Who the peer of a connection is says `peer` here instead of the kernel. */
#include "http-fixture.h"
#include "told-peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST_9 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
#define DRIP_USEC (50 * USEC_PER_MSEC)

#define GUEST ((HttpPeer){ true, 2000 })
#define OTHER_GUEST ((HttpPeer){ true, 2001 })
#define NOBODY ((HttpPeer){})

/* What the handler saw. */
typedef struct Seen {
        unsigned n, refused_bodies;
        bool keep; /* the next request is not answered */
        size_t answer_size;
        HttpRequest *kept;
} Seen;

static void reply(HttpRequest *r, size_t size) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        for (size_t i = 0; i < size; i++)
                TAP_CHECK_INT(buffer_append(&b, "x", 1), 0);
        buffer_append_string(&b, "hello");
        http_request_reply(r, http_request_body_is_refused(r) ? 503 : 200, "text/plain", &b);
}

static void on_request(HttpRequest *r, void *userdata) {
        Seen *seen = userdata;

        seen->n++;
        seen->refused_bodies += http_request_body_is_refused(r);
        if (seen->keep) {
                seen->keep = false;
                seen->kept = r;
                return;
        }
        reply(r, seen->answer_size);
}

static bool is_guest(HttpPeer who, void *userdata _unused_) {
        return !who.is_known || who.uid >= 2000;
}

static bool start(HttpFixture *f, const HttpLimits *limits, Seen *seen) {
        peer = ANNA;
        if (!http_fixture_start(f, limits, on_request, seen))
                return false;
        http_server_set_guests(f->server, is_guest, NULL);
        return true;
}

/* As that peer; returns when it is accepted or refused. */
static bool open_as(HttpFixture *f, HttpClient *c, HttpPeer who) {
        peer = who;
        if (!http_client_open(c, f, HTTP_OVER_TCP))
                return false;
        http_fixture_settle(f);
        return true;
}

/* A connection that is there is served. */
static void check_served(HttpFixture *f, HttpClient *c) {
        unsigned n = http_client_count(c, "hello");

        TAP_CHECK(http_client_send(c, GET));
        TAP_CHECK(HTTP_WAIT(f, http_client_count(c, "hello") == n + 1));
}

static void check_new_one_is_served(HttpFixture *f, HttpPeer who) {
        _cleanup_(http_client_done) HttpClient c = {};

        if (open_as(f, &c, who))
                check_served(f, &c);
}

static void check_headers(const HttpClient *c) {
        static const char *const headers[] = {
                "X-Content-Type-Options: nosniff",
                "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
                "X-Frame-Options: DENY", "Referrer-Policy: no-referrer", "Cross-Origin-Resource-Policy: same-origin",
                "Cache-Control: no-store", "Content-Type: application/json",
        };

        for (size_t i = 0; i < ELEMENTSOF(headers); i++)
                TAP_CHECK(http_client_got(c, headers[i]));
}

/* It hears why, and when to come again; what it had sent does no harm. */
static void check_new_one_is_refused(HttpFixture *f, HttpPeer who, const char *status) {
        for (HttpOver over = HTTP_OVER_TCP; over <= HTTP_OVER_UNIX; over++) {
                _cleanup_(http_client_done) HttpClient c = {};

                peer = who;
                if (!http_client_open(&c, f, over))
                        return;
                http_client_send(&c, GET);
                TAP_CHECK(HTTP_WAIT(f, c.ended));
                TAP_CHECK_INT(c.error, 0);
                TAP_CHECK(http_client_got(&c, status));
                TAP_CHECK(http_client_got(&c, "\r\nRetry-After: 5\r\n"));
                TAP_CHECK(http_client_got(&c, "\"error\":"));
                check_headers(&c);
                TAP_CHECK(c.received.size > 0 && c.received.data[c.received.size - 1] == '\n');
        }
}

/* --- connections --- */

static void test_one_peer_may_have_so_many(void) {
        static const HttpLimits limits = { .connections = { .all = 8, .peer = 3 } };
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[3] = {};

        if (!start(&f, &limits, &seen))
                return;
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                if (!open_as(&f, &c[i], ANNA))
                        return;
        check_new_one_is_refused(&f, ANNA, "HTTP/1.1 429 ");
        TAP_CHECK_INT(seen.n, 0);
        check_new_one_is_served(&f, BERT);
        check_new_one_is_served(&f, NOBODY);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                check_served(&f, &c[i]);

        http_client_done(&c[1]);
        http_fixture_settle(&f);
        check_new_one_is_served(&f, ANNA);
        http_client_done(&c[0]);
        http_client_done(&c[2]);
}

static void test_all_may_have_so_many(void) {
        static const HttpLimits limits = { .connections = { .all = 4, .peer = 3 } };
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[4] = {};

        if (!start(&f, &limits, &seen))
                return;
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                if (!open_as(&f, &c[i], i < 2 ? ANNA : BERT))
                        return;
        check_new_one_is_refused(&f, ANNA, "HTTP/1.1 503 ");
        check_new_one_is_refused(&f, GUEST, "HTTP/1.1 503 ");
        TAP_CHECK(http_fixture_rests(&f, 200 * USEC_PER_MSEC));
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                check_served(&f, &c[i]);

        http_client_done(&c[0]);
        http_fixture_settle(&f);
        check_new_one_is_served(&f, GUEST);
        for (unsigned i = 1; i < ELEMENTSOF(c); i++)
                http_client_done(&c[i]);
}

static void test_guests_leave_room_for_the_others(void) {
        static const HttpLimits limits = { .connections = { .all = 4, .peer = 2, .guests = 3 } };
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[3] = {};

        if (!start(&f, &limits, &seen) || !open_as(&f, &c[0], GUEST) || !open_as(&f, &c[1], GUEST) ||
            !open_as(&f, &c[2], NOBODY))
                return;
        check_new_one_is_refused(&f, GUEST, "HTTP/1.1 429 ");
        check_new_one_is_refused(&f, OTHER_GUEST, "HTTP/1.1 503 ");
        check_new_one_is_refused(&f, NOBODY, "HTTP/1.1 503 ");
        check_new_one_is_served(&f, ANNA);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                http_client_done(&c[i]);
}

/* --- bodies --- */

static void test_bodies_have_so_much_room(void) {
        static const HttpLimits limits = { .body_max = 100, .bodies = { .all = 24, .peer = 12 },
                                           .connections = { .all = 8 } };
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient half = {}, c = {}, other = {};

        if (!start(&f, &limits, &seen) || !open_as(&f, &half, ANNA) || !open_as(&f, &c, ANNA) ||
            !open_as(&f, &other, BERT))
                return;
        http_client_send(&half, POST_9 "12345678");
        http_fixture_settle(&f);
        http_client_send(&c, POST_9 "123456789");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "HTTP/1.1 503 ")));
        TAP_CHECK_INT(seen.refused_bodies, 1);
        http_client_send(&other, POST_9 "123456789");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&other, "HTTP/1.1 200 ")));
        check_served(&f, &c); /* what has no body needs no room */

        http_client_send(&half, "9");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&half, "HTTP/1.1 200 ")));
        http_client_send(&c, POST_9 "123456789");
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "HTTP/1.1 200 ") == 2));
        TAP_CHECK_INT(seen.refused_bodies, 1);
}

static void test_all_bodies_have_so_much_room(void) {
        static const HttpLimits limits = { .body_max = 100, .bodies = { .all = 20 }, .connections = { .all = 8 } };
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient half[2] = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!start(&f, &limits, &seen) || !open_as(&f, &half[0], ANNA) || !open_as(&f, &half[1], BERT) ||
            !open_as(&f, &c, GUEST))
                return;
        http_client_send(&half[0], POST_9 "12345678");
        http_client_send(&half[1], POST_9 "12345678");
        http_fixture_settle(&f);
        http_client_send(&c, POST_9 "123456789");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "HTTP/1.1 503 ")));
        /* Who leaves in the middle gives its part back. */
        http_client_done(&half[0]);
        http_fixture_settle(&f);
        http_client_send(&c, POST_9 "123456789");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "HTTP/1.1 200 ")));
        http_client_done(&half[1]);
}

/* --- time --- */

static const HttpLimits slow_limits = { .body_max = 1000, .connections = { .all = 8 }, .idle_usec = 2 * USEC_PER_SEC,
                                        .request_usec = USEC_PER_SEC, .stream_stall_usec = 60 * USEC_PER_SEC };

/* Sends `text` byte by byte, over and over, until the server hangs up; in usec how long that took. */
static usec_t drip(HttpFixture *f, HttpClient *c, const char *text, HttpClient *beside) {
        usec_t begin = clock_monotonic_usec();

        for (const char *p = text; !c->ended && clock_monotonic_usec() < begin + 15 * USEC_PER_SEC; p++) {
                if (!*p)
                        p = text;
                (void) http_client_send_bytes(c, p, 1);
                http_fixture_pass(f, DRIP_USEC);
                check_served(f, beside);
        }
        return clock_monotonic_usec() - begin;
}

static void check_is_cut(const HttpClient *c, usec_t took, usec_t least) {
        TAP_CHECK(c->ended);
        TAP_CHECK(http_client_got(c, "HTTP/1.1 408 Request Timeout\r\n"));
        check_headers(c);
        TAP_CHECK(took >= least && took < least + 8 * USEC_PER_SEC);
        printf("# cut after %llu ms\n", (unsigned long long) (took / USEC_PER_MSEC));
}

static void test_a_slow_header_is_cut(void) {
        static const char *const begins[] = { "", "GET /", "GET / HTTP/1.1\r\nHost: x\r\n" };

        for (size_t i = 0; i < ELEMENTSOF(begins); i++) {
                Seen seen = {};
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient slow = {}, beside = {};
                usec_t took;

                if (!start(&f, &slow_limits, &seen) || !open_as(&f, &slow, ANNA) || !open_as(&f, &beside, ANNA))
                        return;
                http_client_send(&slow, begins[i]);
                took = drip(&f, &slow, i == 2 ? "A: b\r\n" : "a", &beside);
                check_is_cut(&slow, took, 500 * USEC_PER_MSEC);
                TAP_CHECK_INT(seen.n, http_client_count(&beside, "hello"));
        }
}

static void test_a_slow_body_is_cut(void) {
        static const char *const heads[] = { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
                                             "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" };

        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                Seen seen = {};
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient slow = {}, beside = {};
                usec_t took;

                if (!start(&f, &slow_limits, &seen) || !open_as(&f, &slow, ANNA) || !open_as(&f, &beside, ANNA))
                        return;
                http_client_send(&slow, heads[i]);
                took = drip(&f, &slow, "1\r\na\r\n", &beside);
                check_is_cut(&slow, took, 500 * USEC_PER_MSEC);
                TAP_CHECK_INT(seen.n, http_client_count(&beside, "hello"));
        }
}

/* What comes with the last moment of its time is not half carried out: the client was told that it was too late. */
static void test_a_slow_second_request_is_cut(void) {
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient slow = {}, beside = {};
        usec_t took;

        if (!start(&f, &slow_limits, &seen) || !open_as(&f, &slow, ANNA) || !open_as(&f, &beside, ANNA))
                return;
        check_served(&f, &slow);
        took = drip(&f, &slow, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &beside);
        check_is_cut(&slow, took, 2500 * USEC_PER_MSEC);
        TAP_CHECK_INT(http_client_count(&slow, "hello"), 1);
}

static void test_an_answer_that_is_not_taken_is_cut(void) {
        static const HttpLimits limits = { .connections = { .all = 8 }, .idle_usec = 30 * USEC_PER_SEC,
                                           .request_usec = 300 * USEC_PER_MSEC };
        Seen seen = { .answer_size = 16 * 1024 * 1024 };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient slow = {};
        usec_t begin;

        if (!start(&f, &limits, &seen) || !open_as(&f, &slow, ANNA))
                return;
        slow.read_max = 4096;
        http_client_send(&slow, GET);
        begin = clock_monotonic_usec();
        while (!slow.ended && clock_monotonic_usec() < begin + 10 * USEC_PER_SEC) {
                http_fixture_turn(&f);
                http_client_stop_reading(&slow);
                http_fixture_pass(&f, 20 * USEC_PER_MSEC);
                if (clock_monotonic_usec() > begin + 2 * USEC_PER_SEC)
                        slow.read_max = 0;
                http_client_read_on(&slow);
        }
        TAP_CHECK(slow.ended);
        TAP_CHECK(slow.received.size < seen.answer_size);
        TAP_CHECK(!http_client_got(&slow, "408"));
}

static void test_what_is_not_slow_is_left_alone(void) {
        Seen seen = { .keep = true };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient kept = {}, busy = {};
        usec_t begin = clock_monotonic_usec();

        if (!start(&f, &slow_limits, &seen) || !open_as(&f, &kept, ANNA) || !open_as(&f, &busy, ANNA))
                return;
        http_client_send(&kept, GET);
        TAP_CHECK(HTTP_WAIT(&f, seen.kept));
        while (clock_monotonic_usec() < begin + 4 * USEC_PER_SEC) {
                http_fixture_pass(&f, 200 * USEC_PER_MSEC);
                check_served(&f, &busy);
        }
        TAP_CHECK(!kept.ended && !busy.ended);
        reply(seen.kept, 0);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&kept, "hello")));
}

static void test_a_stream_lasts(void) {
        HttpSource source;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        peer = ANNA;
        if (!http_fixture_start(&f, &slow_limits, http_source_on_request, &source) ||
            !http_source_open(&source, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        http_fixture_settle(&f);
        TAP_CHECK(http_fixture_rests(&f, 4 * USEC_PER_SEC) || http_fixture_rests(&f, 4 * USEC_PER_SEC));
        http_source_say(&source, "still there", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "still there")));
}

/* MHD would run for ever, and our loop with it. */
static void test_a_chunk_without_a_begin_does_not_spin(void) {
        static const HttpLimits limits = { .body_max = 100, .connections = { .all = 8 } };
        static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;";
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, beside = {};
        char filler[32 * 1024];
        unsigned turns = 0;
        usec_t end;

        memset(filler, 'x', sizeof(filler));
        if (!start(&f, &limits, &seen) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, head);
        http_client_send_bytes(&c, filler, sizeof(filler));
        for (end = clock_monotonic_usec() + USEC_PER_SEC; clock_monotonic_usec() < end; turns++)
                sd_event_run(f.event, 100 * USEC_PER_MSEC);
        printf("# %u turns in a second\n", turns);
        TAP_CHECK(turns < 300);
        if (http_client_open(&beside, &f, HTTP_OVER_TCP))
                check_served(&f, &beside);
}

static const TapTest tests[] = {
        { "one peer may have so many connections", test_one_peer_may_have_so_many },
        { "all may have so many connections", test_all_may_have_so_many },
        { "guests leave room for the others", test_guests_leave_room_for_the_others },
        { "bodies of one peer have so much room", test_bodies_have_so_much_room },
        { "all bodies have so much room", test_all_bodies_have_so_much_room },
        { "a slow header is cut", test_a_slow_header_is_cut },
        { "a slow body is cut", test_a_slow_body_is_cut },
        { "a slow second request is cut", test_a_slow_second_request_is_cut },
        { "an answer that is not taken is cut", test_an_answer_that_is_not_taken_is_cut },
        { "what is not slow is left alone", test_what_is_not_slow_is_left_alone },
        { "a stream lasts", test_a_stream_lasts },
        { "a chunk without a begin does not spin", test_a_chunk_without_a_begin_does_not_spin },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Answers that clients have not taken: how much of them is held, and that what has no room loses nothing. Over unix
 * sockets, whose kernel buffers are small. Who the peer of a connection is says `peer` here instead of the kernel. */
#include "http-fixture.h"
#include "told-peer.h"

#include <remote-developer/http-answer.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define MIB ((size_t) 1024 * 1024)
#define LINES 3

/* What the handler gives. */
typedef struct Giver {
        size_t size; /* of an answer, or of a line of a stream */
        HttpAnswer *kept;
        unsigned fills, streams; /* in all; that are open */
} Giver;

typedef struct Lines {
        Giver *giver;
        unsigned n;
} Lines;

static void append(Buffer *b, unsigned n, size_t size) {
        static char filler[8 * MIB];

        memset(filler, 'x', sizeof(filler));
        TAP_CHECK_INT(buffer_append_format(b, "<%u>", n), 0);
        TAP_CHECK_INT(buffer_append(b, filler, size), 0);
        TAP_CHECK_INT(buffer_append_format(b, "</%u>", n), 0);
}

static HttpFill fill(void *userdata, Buffer *to) {
        Lines *l = userdata;

        append(to, l->n, l->giver->size);
        l->giver->fills++;
        return ++l->n == LINES ? HTTP_FILL_END : HTTP_FILL_MORE;
}

static void closed(void *userdata) {
        Lines *l = userdata;

        l->giver->streams--;
        free(l);
}

static void on_request(HttpRequest *r, void *userdata) {
        static const HttpStreamSource source = { .fill = fill, .closed = closed };
        _cleanup_(buffer_done) Buffer body = BUFFER_NULL;
        const char *path = http_request_path(r);
        Giver *g = userdata;

        if (string_equal(path, "/stream")) {
                Lines *lines = calloc(1, sizeof(Lines));

                *lines = (Lines){ .giver = g };
                g->streams++;
                http_request_reply_stream(r, 200, "text/plain", &source, lines, NULL);
                return;
        }
        append(&body, 0, string_equal(path, "/short") ? 60 * 1024 : g->size);
        if (string_equal(path, "/kept")) {
                http_answer_keep(r, 200, "text/plain", &body, &g->kept);
                return;
        }
        TAP_CHECK_INT(http_request_add_header(r, "X-Own", "yes"), 0);
        http_request_reply(r, 200, "text/plain", &body);
}

#define ANSWERS_OF(all_, peer_, size_)                                                                       \
        static const HttpLimits limits = { .connections.all = 16, .answers = { .all = all_, .peer = peer_ } }; \
        Giver giver = { .size = size_ };                                                                     \
        _cleanup_(http_fixture_done) HttpFixture f = {};                                                     \
        if (!http_fixture_start(&f, &limits, on_request, &giver))                                            \
        return

/* Asks, and reads nothing; returns when the server has done what it can. */
static void ask(HttpFixture *f, HttpClient *c, HttpPeer who, const char *request) {
        peer = who;
        if (!c->fixture && !http_client_open(c, f, HTTP_OVER_UNIX))
                return;
        http_client_stop_reading(c);
        http_client_send(c, request);
        http_fixture_settle(f);
}

/* `n` whole answers in all. */
static void check_gets(HttpFixture *f, HttpClient *c, const char *begin, const char *end, unsigned n) {
        http_client_read_on(c);
        TAP_CHECK(HTTP_WAIT(f, http_client_count(c, end) == n));
        TAP_CHECK_INT(http_client_count(c, begin), n);
}

static void check_refused(HttpFixture *f, HttpClient *c) {
        unsigned n = http_client_count(c, "HTTP/1.1 503 ");

        http_client_read_on(c);
        TAP_CHECK(HTTP_WAIT(f, http_client_count(c, "\"status\":503}\n") == n + 1));
        TAP_CHECK(http_client_got(c, "\r\nRetry-After: 5\r\n"));
        TAP_CHECK(http_client_got(c, "\r\nContent-Type: application/json\r\n"));
        TAP_CHECK(!http_client_got(c, "X-Own"));
        TAP_CHECK(!c->ended);
}

/* --- answers --- */

static void test_one_peer_may_leave_so_much(void) {
        ANSWERS_OF(8 * MIB, 2 * MIB + MIB / 2, MIB);
        _cleanup_(http_client_done) HttpClient a = {}, b = {}, c = {}, bert = {};

        ask(&f, &a, ANNA, GET("/"));
        ask(&f, &b, ANNA, GET("/"));
        ask(&f, &c, ANNA, GET("/"));
        check_refused(&f, &c);
        ask(&f, &bert, BERT, GET("/"));
        check_gets(&f, &bert, "<0>", "</0>", 1);
        ask(&f, &c, ANNA, GET("/short"));
        check_gets(&f, &c, "<0>", "</0>", 1);

        /* One takes it, and one leaves: each makes room. */
        check_gets(&f, &a, "<0>", "</0>", 1);
        ask(&f, &c, ANNA, GET("/"));
        check_gets(&f, &c, "<0>", "</0>", 2);
        http_client_done(&b);
        http_fixture_settle(&f);
        ask(&f, &a, ANNA, GET("/"));
        ask(&f, &c, ANNA, GET("/"));
        check_gets(&f, &a, "<0>", "</0>", 2);
        check_gets(&f, &c, "<0>", "</0>", 3);
}

static void test_all_may_leave_so_much(void) {
        ANSWERS_OF(2 * MIB + MIB / 2, 2 * MIB, MIB);
        _cleanup_(http_client_done) HttpClient anna = {}, bert = {}, other = {};

        ask(&f, &anna, ANNA, GET("/"));
        ask(&f, &bert, BERT, GET("/"));
        ask(&f, &other, BERT, GET("/"));
        check_refused(&f, &other);
        check_gets(&f, &anna, "<0>", "</0>", 1);
        ask(&f, &other, BERT, GET("/short"));
        check_gets(&f, &other, "<0>", "</0>", 1);
}

static void test_an_answer_beyond_all_gets_through_alone(void) {
        ANSWERS_OF(MIB, MIB / 2, 2 * MIB);
        _cleanup_(http_client_done) HttpClient a = {}, b = {};

        ask(&f, &a, ANNA, GET("/"));
        ask(&f, &b, ANNA, GET("/"));
        check_refused(&f, &b);
        check_gets(&f, &a, "<0>", "</0>", 1);
        ask(&f, &b, ANNA, GET("/"));
        check_gets(&f, &b, "<0>", "</0>", 1);
}

/* A long one is counted for who gets it, and not kept for others. */
static void test_a_long_answer_is_not_kept(void) {
        ANSWERS_OF(2 * MIB, 2 * MIB, MIB + MIB / 2);
        _cleanup_(http_client_done) HttpClient a = {}, b = {};

        ask(&f, &a, ANNA, GET("/kept"));
        TAP_CHECK(!giver.kept);
        ask(&f, &b, ANNA, GET("/kept"));
        check_refused(&f, &b);
        check_gets(&f, &a, "<0>", "</0>", 1);
        giver.size = 1000;
        ask(&f, &b, ANNA, GET("/kept"));
        TAP_CHECK(giver.kept);
        check_gets(&f, &b, "<0>", "</0>", 1);
        http_answer_free(giver.kept);
}

/* --- streams --- */

static void check_gets_lines(HttpFixture *f, HttpClient *c) {
        http_client_read_on(c);
        TAP_CHECK(HTTP_WAIT(f, http_client_got(c, "\r\n0\r\n\r\n")));
        for (unsigned n = 0; n < LINES; n++) {
                char begin[16], end[16];

                snprintf(begin, sizeof(begin), "<%u>", n);
                snprintf(end, sizeof(end), "</%u>", n);
                TAP_CHECK_INT(http_client_count(c, begin), 1);
                TAP_CHECK_INT(http_client_count(c, end), 1);
        }
        TAP_CHECK(!c->ended);
}

static void test_a_stream_waits_for_room_and_loses_nothing(void) {
        ANSWERS_OF(8 * MIB, MIB + MIB / 2, MIB);
        _cleanup_(http_client_done) HttpClient bert = {};
        HttpClient c[4] = {};

        /* The second one's first line is the last for which something was left. */
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                ask(&f, &c[i], ANNA, GET("/stream"));
        TAP_CHECK_INT(giver.streams, 4);
        TAP_CHECK_INT(giver.fills, 2);
        TAP_CHECK(http_fixture_rests(&f, 300 * USEC_PER_MSEC));
        ask(&f, &bert, BERT, GET("/stream"));
        check_gets_lines(&f, &bert);

        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                http_client_read_on(&c[i]);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                check_gets_lines(&f, &c[i]);
                http_client_done(&c[i]);
        }
        TAP_CHECK_INT(giver.fills, 5 * LINES);
        TAP_CHECK_INT(giver.streams, 0);
}

static void test_a_line_beyond_all_gets_through_alone(void) {
        ANSWERS_OF(MIB / 2, MIB / 4, 2 * MIB);
        _cleanup_(http_client_done) HttpClient a = {}, b = {};

        ask(&f, &a, ANNA, GET("/stream"));
        ask(&f, &b, BERT, GET("/stream"));
        TAP_CHECK_INT(giver.fills, 1);
        http_client_read_on(&b);
        check_gets_lines(&f, &a);
        check_gets_lines(&f, &b);
}

static void test_short_lines_need_no_room(void) {
        ANSWERS_OF(MIB / 2, 0, 60 * 1024);
        HttpClient c[12] = {};

        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                ask(&f, &c[i], ANNA, GET("/stream"));
        TAP_CHECK(giver.fills >= ELEMENTSOF(c));
        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                check_gets_lines(&f, &c[i]);
                http_client_done(&c[i]);
        }
}

static void on_drained(void *userdata) {
        ++*(unsigned *) userdata;
}

/* Its client leaves, the server drains, or goes. */
static void test_a_stream_that_waits_ends(void) {
        ANSWERS_OF(MIB / 2, 0, MIB);
        _cleanup_(http_client_done) HttpClient holder = {}, leaves = {}, stays = {}, other = {};
        unsigned drained = 0;

        ask(&f, &holder, ANNA, GET("/stream"));
        ask(&f, &leaves, ANNA, GET("/stream"));
        ask(&f, &stays, ANNA, GET("/stream"));
        ask(&f, &other, ANNA, GET("/stream"));
        TAP_CHECK_INT(giver.streams, 4);
        http_client_done(&leaves);
        TAP_CHECK(HTTP_WAIT(&f, giver.streams == 3));
        TAP_CHECK_INT(giver.fills, 1);

        TAP_CHECK_INT(http_server_drain(f.server, 60 * USEC_PER_SEC, on_drained, &drained), 0);
        check_gets_lines(&f, &stays);
        TAP_CHECK_INT(giver.streams, 2);
        http_fixture_stop_server(&f);
        TAP_CHECK_INT(giver.streams, 0);
}

static void test_a_server_goes_while_one_waits(void) {
        ANSWERS_OF(MIB / 2, 0, MIB);
        _cleanup_(http_client_done) HttpClient holder = {}, waits = {};

        ask(&f, &holder, ANNA, GET("/stream"));
        ask(&f, &waits, ANNA, GET("/stream"));
        TAP_CHECK_INT(giver.fills, 1);
        http_fixture_stop_server(&f);
        TAP_CHECK_INT(giver.streams, 0);
}

static const TapTest tests[] = {
        { "one peer may leave so much", test_one_peer_may_leave_so_much },
        { "all may leave so much", test_all_may_leave_so_much },
        { "an answer beyond all gets through alone", test_an_answer_beyond_all_gets_through_alone },
        { "a long answer is not kept", test_a_long_answer_is_not_kept },
        { "a stream waits for room and loses nothing", test_a_stream_waits_for_room_and_loses_nothing },
        { "a line beyond all gets through alone", test_a_line_beyond_all_gets_through_alone },
        { "short lines need no room", test_short_lines_need_no_room },
        { "a stream that waits ends", test_a_stream_that_waits_ends },
        { "a server goes while one waits", test_a_server_goes_while_one_waits },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

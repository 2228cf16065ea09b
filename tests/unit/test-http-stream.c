/* Streams: pulled, asleep, woken, ended and cut, and how soon what they say arrives. */
#include "http-fixture.h"

#include <stdio.h>
#include <string.h>

static void test_a_stream_goes_on_with_each_wake(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        TAP_CHECK_CONTAINS(c.received.data, "Transfer-Encoding: chunked\r\n");
        TAP_CHECK_CONTAINS(c.received.data, "Content-Type: text/event-stream\r\n");

        http_source_say(&s, "one", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "3\r\none\r\n")));
        http_source_say(&s, "two", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "3\r\ntwo\r\n")));

        http_source_say(&s, "three", HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "5\r\nthree\r\n0\r\n\r\n")));
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK(!c.ended);
}

static void test_the_connection_is_kept_behind_a_stream(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_UNIX, "HTTP/1.1"))
                return;
        /* The second request waits in the socket while the first one's stream sleeps. */
        http_client_send(&c, "GET /s HTTP/1.1\r\nHost: x\r\n\r\n");
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK_INT(s.fills, 1);
        http_source_say(&s, NULL, HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));

        TAP_CHECK(HTTP_WAIT(&f, s.stream || s.closed > 1));
        http_source_say(&s, "second", HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "second\r\n0\r\n\r\n")));
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 2));
}

static void test_more_is_asked_until_there_is_no_more(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        http_source_say(&s, "x", HTTP_FILL_MORE);
        TAP_CHECK(HTTP_WAIT(&f, s.fills == 3)); /* asleep, x, and again: which has nothing */
        s.then = HTTP_FILL_SLEEP;
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "1\r\nx\r\n")));
        TAP_CHECK_INT(s.closed, 0);
}

static void test_waking_often_does_not_fill_often(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        for (unsigned i = 0; i < 100; i++)
                http_stream_wake(s.stream);
        TAP_CHECK_INT(s.fills, 1);
        http_fixture_pass(&f, 100 * USEC_PER_MSEC);
        TAP_CHECK_INT(s.fills, 2);
}

static HttpFill fill_and_wake(void *userdata, Buffer *to) {
        HttpSource *s = userdata;

        if (s->fills < 1000)
                http_stream_wake(s->stream);
        buffer_append_string(to, s->fills % 2 == 0 ? "even" : "");
        return ++s->fills <= 1000 ? HTTP_FILL_SLEEP : HTTP_FILL_END;
}

static void on_request_self_waking(HttpRequest *r, void *userdata) {
        static const HttpStreamSource ops = { .fill = fill_and_wake, .closed = http_source_closed };
        HttpSource *s = userdata;

        http_request_reply_stream(r, 200, NULL, &ops, s, &s->stream);
}

static void test_a_wake_inside_fill_is_not_lost(void) {
        HttpSource s = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_self_waking, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n0\r\n\r\n")));
        TAP_CHECK_INT(http_client_count(&c, "even"), 501);
        TAP_CHECK_INT(s.fills, 1001);
}

static void test_abort_is_seen_as_broken(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        http_source_say(&s, "part", HTTP_FILL_ABORT);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK(http_client_got(&c, "4\r\npart\r\n"));
        TAP_CHECK(!http_client_got(&c, "\r\n0\r\n"));
        TAP_CHECK_INT(s.closed, 1);
}

/* Even if the client keeps its end open. */
static void test_a_connection_cut_makes_room_at_once(void) {
        static const HttpLimits limits = { .connections.all = 1, .idle_usec = 60 * USEC_PER_SEC };

        static const struct {
                const char *version, *text;
                HttpFill end;
        } cases[] = {
                { "HTTP/1.0", NULL, HTTP_FILL_END },   { "HTTP/1.0", "part", HTTP_FILL_END },
                { "HTTP/1.0", NULL, HTTP_FILL_ABORT }, { "HTTP/1.0", "part", HTTP_FILL_ABORT },
                { "HTTP/1.1", NULL, HTTP_FILL_ABORT }, { "HTTP/1.1", "part", HTTP_FILL_ABORT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HttpSource s;
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {}, d = {};

                if (!http_fixture_start(&f, &limits, http_source_on_request, &s) ||
                    !http_source_open(&s, &f, &c, HTTP_OVER_TCP, cases[i].version))
                        return;
                http_client_stop_reading(&c);
                http_source_say(&s, cases[i].text, cases[i].end);
                http_fixture_settle(&f);
                if (!http_client_open(&d, &f, HTTP_OVER_TCP))
                        return;
                http_client_send(&d, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&d, "HTTP/1.1 200 OK")));
        }
}

static void on_request_bad_status(HttpRequest *r, void *userdata) {
        static const HttpStreamSource source = { .fill = fill_and_wake, .closed = http_source_closed };
        HttpSource *s = userdata;

        TAP_CHECK_INT(http_request_reply_stream(r, 7, NULL, &source, s, &s->stream), -EINVAL);
        TAP_CHECK_INT(s->closed, 1);
}

static void test_a_stream_that_cannot_begin_is_closed(void) {
        HttpSource s = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_bad_status, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK(!s.stream && s.closed == 1 && s.fills == 0);
        TAP_CHECK_INT(c.received.size, 0);
}

static void on_drained(void *userdata) {
        ++*(unsigned *) userdata;
}

static void test_drain_waits_for_the_stream_that_its_owner_ends(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        unsigned drained = 0;

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        TAP_CHECK_INT(http_server_drain(f.server, 10 * USEC_PER_SEC, on_drained, &drained), 0);
        http_fixture_settle(&f);
        TAP_CHECK(!c.ended && drained == 0);
        http_source_say(&s, "bye", HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, c.ended && drained == 1));
        TAP_CHECK(http_client_got(&c, "bye\r\n0\r\n\r\n"));
}

static void test_http_1_0_streams_end_with_the_connection(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.0"))
                return;
        TAP_CHECK(!http_client_got(&c, "chunked"));
        http_source_say(&s, "one", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n\r\none")));
        http_source_say(&s, NULL, HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_INT(c.error, 0);
        TAP_CHECK_INT(s.closed, 1);
        http_fixture_settle(&f);
}

static void test_head_of_a_stream_closes_it(void) {
        HttpSource s = { .then = HTTP_FILL_SLEEP };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, http_source_on_request, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n\r\n") && s.closed == 1));
        TAP_CHECK_INT(s.fills, 0);
        TAP_CHECK(!c.ended);
}

/* --- time --- */

static int compare_usec(const void *a, const void *b) {
        usec_t x = *(const usec_t *) a, y = *(const usec_t *) b;

        return x < y ? -1 : x > y;
}

/* Nagle's algorithm against delayed acknowledgements, or a corked socket, would make it 40 ms or 200 ms. */
static void check_latency(HttpOver over) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        usec_t took[21], start;

        start = clock_monotonic_usec();
        if (!http_source_open(&s, &f, &c, over, "HTTP/1.1"))
                return;
        printf("# header after %llu us\n", (unsigned long long) (clock_monotonic_usec() - start));

        for (unsigned i = 0; i < ELEMENTSOF(took); i++) {
                http_fixture_pass(&f, 5 * USEC_PER_MSEC);
                start = clock_monotonic_usec();
                http_source_say(&s, "tick", HTTP_FILL_SLEEP);
                if (!TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "tick") == i + 1)))
                        return;
                took[i] = clock_monotonic_usec() - start;
        }
        qsort(took, ELEMENTSOF(took), sizeof(took[0]), compare_usec);
        printf("# an event arrives after %llu us (median), %llu us (longest)\n",
               (unsigned long long) took[ELEMENTSOF(took) / 2],
               (unsigned long long) took[ELEMENTSOF(took) - 1]);
        TAP_CHECK(took[ELEMENTSOF(took) / 2] < 20 * USEC_PER_MSEC);
}

static void test_single_events_leave_at_once(void) {
        check_latency(HTTP_OVER_TCP);
        check_latency(HTTP_OVER_UNIX);
}

static void test_sleeping_streams_cost_no_wake_up(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[10] = {};

        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                if (!http_source_open(&s, &f, &c[i], i % 2 ? HTTP_OVER_TCP : HTTP_OVER_UNIX, "HTTP/1.1"))
                        return;
        http_fixture_settle(&f);
        TAP_CHECK(http_fixture_rests(&f, 3 * USEC_PER_SEC));
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                http_client_done(&c[i]);
}

static const TapTest tests[] = {
        { "a stream goes on with each wake", test_a_stream_goes_on_with_each_wake },
        { "the connection is kept behind a stream", test_the_connection_is_kept_behind_a_stream },
        { "more is asked until there is no more", test_more_is_asked_until_there_is_no_more },
        { "waking often does not fill often", test_waking_often_does_not_fill_often },
        { "a wake inside fill is not lost", test_a_wake_inside_fill_is_not_lost },
        { "abort is seen as broken", test_abort_is_seen_as_broken },
        { "a connection that is cut makes room at once", test_a_connection_cut_makes_room_at_once },
        { "a stream that cannot begin is closed", test_a_stream_that_cannot_begin_is_closed },
        { "drain waits for the stream that its owner ends", test_drain_waits_for_the_stream_that_its_owner_ends },
        { "HTTP/1.0 streams end with the connection", test_http_1_0_streams_end_with_the_connection },
        { "HEAD of a stream closes it", test_head_of_a_stream_closes_it },
        { "single events leave at once", test_single_events_leave_at_once },
        { "sleeping streams cost no wake-up", test_sleeping_streams_cost_no_wake_up },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

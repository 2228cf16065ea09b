/* Accepting and its limits, late answers, time, draining and the server's end. */
#include "http-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void reply_text(HttpRequest *r, const char *text) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        buffer_append_string(&b, text);
        http_request_reply(r, 200, "text/plain", &b);
}

static void on_request_hello(HttpRequest *r, void *userdata _unused_) {
        reply_text(r, "hello");
}

/* Keeps the requests, for the test to answer. */
typedef struct Kept {
        HttpRequest *requests[8];
        unsigned n;
} Kept;

static void on_request_keep(HttpRequest *r, void *userdata) {
        Kept *kept = userdata;

        if (kept->n < ELEMENTSOF(kept->requests))
                kept->requests[kept->n++] = r;
        else
                reply_text(r, "too many");
}

/* --- late answers --- */

static void test_an_answer_may_come_late(void) {
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        size_t size;

        if (!http_fixture_start(&f, NULL, on_request_keep, &kept) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST /late?a=%41 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
        if (!TAP_CHECK(HTTP_WAIT(&f, kept.n == 1)))
                return;
        http_fixture_settle(&f);
        TAP_CHECK(http_fixture_rests(&f, 200 * USEC_PER_MSEC));

        TAP_CHECK_STRING(http_request_path(kept.requests[0]), "/late");
        TAP_CHECK_STRING(http_request_query(kept.requests[0], "a"), "A");
        TAP_CHECK_STRING(http_request_body(kept.requests[0], &size), "abc");
        reply_text(kept.requests[0], "at last");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "at last")));

        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, kept.n == 2));
        reply_text(kept.requests[1], "again");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "again")));
}

static void test_late_answers_keep_the_order_of_pipelined_requests(void) {
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_keep, &kept) || !http_client_open(&c, &f, HTTP_OVER_UNIX))
                return;
        http_client_send(&c, GET GET GET);
        for (unsigned i = 0; i < 3; i++) {
                if (!TAP_CHECK(HTTP_WAIT(&f, kept.n == i + 1)))
                        return;
                http_fixture_pass(&f, 20 * USEC_PER_MSEC);
                TAP_CHECK_INT(kept.n, i + 1);
                reply_text(kept.requests[i], "late");
        }
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "late") == 3));
        TAP_CHECK(!c.ended);
}

/* The idle one beside it is what MHD would look at first, instead of this one. */
static void test_a_half_closed_client_gets_its_late_answer(void) {
        for (HttpOver over = HTTP_OVER_TCP; over <= HTTP_OVER_UNIX; over++) {
                Kept kept = {};
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient idle = {}, c = {};

                if (!http_fixture_start(&f, NULL, on_request_keep, &kept) || !http_client_open(&idle, &f, over) ||
                    !http_client_open(&c, &f, over))
                        return;
                http_client_send(&c, GET);
                shutdown(c.fd, SHUT_WR);
                if (!TAP_CHECK(HTTP_WAIT(&f, kept.n == 1)))
                        return;
                http_fixture_pass(&f, 20 * USEC_PER_MSEC);
                reply_text(kept.requests[0], "for you");
                TAP_CHECK(HTTP_WAIT(&f, c.ended));
                TAP_CHECK(http_client_got(&c, "for you"));
        }
}

static void test_a_late_answer_to_a_body_far_too_long(void) {
        static const HttpLimits limits = { .body_max = 10, .connections.all = 4 };
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, &limits, on_request_keep, &kept) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
        if (!TAP_CHECK(HTTP_WAIT(&f, kept.n == 1)))
                return;
        TAP_CHECK(http_request_body_is_too_large(kept.requests[0]));
        http_fixture_pass(&f, 20 * USEC_PER_MSEC);
        reply_text(kept.requests[0], "late");
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK(http_client_got(&c, "late"));
}

static void test_a_late_answer_that_cannot_be_sent_cuts_the_connection(void) {
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_keep, &kept) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, GET);
        if (!TAP_CHECK(HTTP_WAIT(&f, kept.n == 1)))
                return;
        http_request_reply(kept.requests[0], 7, NULL, NULL);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_INT(c.received.size, 0);
}

static void test_a_client_that_left_does_no_harm(void) {
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};

        if (!http_fixture_start(&f, NULL, on_request_keep, &kept))
                return;
        TAP_CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
        for (unsigned i = 0; i < 4; i++) {
                HttpClient c = {};

                if (!http_client_open(&c, &f, i % 2 ? HTTP_OVER_TCP : HTTP_OVER_UNIX))
                        return;
                http_client_send(&c, GET);
                TAP_CHECK(HTTP_WAIT(&f, kept.n == i + 1));
                http_client_done(&c);
        }
        for (unsigned i = 0; i < kept.n; i++)
                reply_text(kept.requests[i], "nobody hears");
        http_fixture_settle(&f);
}

/* --- limits --- */

static void test_at_the_limit_clients_are_told(void) {
        static const HttpLimits limits = { .connections.all = 2 };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[5] = {};

        if (!http_fixture_start(&f, &limits, on_request_hello, NULL))
                return;
        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                if (!http_client_open(&c[i], &f, i % 2 ? HTTP_OVER_TCP : HTTP_OVER_UNIX))
                        return;
                http_client_send(&c[i], GET);
                http_fixture_turn(&f);
        }
        http_fixture_settle(&f);
        TAP_CHECK(http_client_got(&c[0], "hello") && http_client_got(&c[1], "hello"));
        for (unsigned i = 2; i < ELEMENTSOF(c); i++)
                TAP_CHECK(c[i].ended && http_client_got(&c[i], "HTTP/1.1 503 "));
        TAP_CHECK(http_fixture_rests(&f, 300 * USEC_PER_MSEC));

        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                http_client_done(&c[i]);
        http_fixture_settle(&f);
        if (!http_client_open(&c[0], &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c[0], GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c[0], "hello")));
        http_client_done(&c[0]);
}

/* From here on this process can open no more than `n` further descriptors. */
static void limit_descriptors(struct rlimit *old, unsigned n) {
        struct rlimit limit;
        int fd;

        getrlimit(RLIMIT_NOFILE, old);
        fd = fcntl(STDIN_FILENO, F_DUPFD, 3);
        limit = *old;
        limit.rlim_cur = (rlim_t) fd + n;
        close(fd);
        setrlimit(RLIMIT_NOFILE, &limit);
}

/* It keeps to the limit by closing what the kernel has accepted: the client is lost. */
static bool is_valgrind(void) {
        return strstr(getenv("LD_PRELOAD") ?: "", "vgpreload") != NULL;
}

static void test_too_many_open_files_do_not_spin(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, d = {};
        unsigned turns = 0;
        struct rlimit old;
        usec_t end;

        if (is_valgrind()) {
                tap_skip("valgrind's limit of descriptors is not the kernel's");
                return;
        }
        if (!http_fixture_start(&f, NULL, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP) ||
            !http_client_open(&d, &f, HTTP_OVER_UNIX))
                return;
        http_client_send(&c, GET);
        http_client_send(&d, GET);
        limit_descriptors(&old, 0);

        end = clock_monotonic_usec() + USEC_PER_SEC;
        for (; clock_monotonic_usec() < end; turns++)
                sd_event_run(f.event, 100 * USEC_PER_MSEC);
        printf("# %u turns in a second without descriptors\n", turns);
        TAP_CHECK(turns <= 60);
        TAP_CHECK_INT(c.received.size + d.received.size, 0);

        setrlimit(RLIMIT_NOFILE, &old);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello") && http_client_got(&d, "hello")));
}

static void test_an_idle_connection_is_closed_and_wakes_nobody_before(void) {
        static const HttpLimits limits = { .connections.all = 4, .idle_usec = 1500 * USEC_PER_MSEC };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        unsigned turns = 0;
        usec_t start;

        if (!http_fixture_start(&f, &limits, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello")));
        http_fixture_settle(&f);

        start = clock_monotonic_usec();
        for (; !c.ended && clock_monotonic_usec() < start + 10 * USEC_PER_SEC; turns++)
                sd_event_run(f.event, 10 * USEC_PER_SEC);
        TAP_CHECK(c.ended);
        TAP_CHECK(clock_monotonic_usec() - start >= 1900 * USEC_PER_MSEC);
        TAP_CHECK(clock_monotonic_usec() - start < 3 * USEC_PER_SEC);
        printf("# %u turns until it was closed\n", turns);
        TAP_CHECK(turns <= 6);
}

static void test_a_server_without_connections_sleeps(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello")));
        http_client_done(&c);
        http_fixture_settle(&f);
        TAP_CHECK(http_fixture_rests(&f, USEC_PER_SEC));
}

/* --- draining --- */

static void on_drained(void *userdata) {
        ++*(unsigned *) userdata;
}

static void test_drain_of_an_idle_server_ends_at_once(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        unsigned drained = 0;

        if (!http_fixture_start(&f, NULL, on_request_hello, NULL))
                return;
        TAP_CHECK_INT(http_server_drain(f.server, 10 * USEC_PER_SEC, on_drained, &drained), 0);
        TAP_CHECK_INT(drained, 0);
        TAP_CHECK_INT(http_server_drain(f.server, 10 * USEC_PER_SEC, on_drained, &drained), -EALREADY);
        TAP_CHECK(HTTP_WAIT(&f, drained == 1));
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK_INT(drained, 1);
}

static void test_drain_answers_what_was_begun(void) {
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient idle = {}, begun = {}, silent = {}, late = {};
        unsigned drained = 0;

        if (!http_fixture_start(&f, NULL, on_request_keep, &kept) || !http_client_open(&idle, &f, HTTP_OVER_TCP) ||
            !http_client_open(&begun, &f, HTTP_OVER_UNIX) || !http_client_open(&silent, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&idle, GET);
        TAP_CHECK(HTTP_WAIT(&f, kept.n == 1));
        reply_text(kept.requests[0], "done");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&idle, "done")));
        http_client_send(&begun, GET);
        TAP_CHECK(HTTP_WAIT(&f, kept.n == 2));

        TAP_CHECK_INT(http_server_drain(f.server, 10 * USEC_PER_SEC, on_drained, &drained), 0);
        if (!http_client_open(&late, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&late, GET);
        TAP_CHECK(HTTP_WAIT(&f, idle.ended));
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK(!begun.ended && !silent.ended && !late.ended && drained == 0);

        reply_text(kept.requests[1], "as promised");
        TAP_CHECK(HTTP_WAIT(&f, begun.ended));
        TAP_CHECK(http_client_got(&begun, "Connection: close\r\n"));
        TAP_CHECK(http_client_got(&begun, "as promised"));

        http_client_send(&silent, GET);
        TAP_CHECK(HTTP_WAIT(&f, kept.n == 3));
        TAP_CHECK_INT(drained, 0);
        reply_text(kept.requests[2], "you too");
        TAP_CHECK(HTTP_WAIT(&f, silent.ended && drained == 1));
        TAP_CHECK(http_client_got(&silent, "you too"));
        TAP_CHECK(!late.ended && late.received.size == 0);
}

/* What a client has sent on a connection that we take for idle is not lost. */
static void test_drain_answers_what_waits_in_the_socket(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, d = {};
        unsigned drained = 0;

        if (!http_fixture_start(&f, NULL, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP) ||
            !http_client_open(&d, &f, HTTP_OVER_UNIX))
                return;
        http_client_send(&c, GET);
        http_client_send(&d, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello") && http_client_got(&d, "hello")));

        http_client_send(&c, GET GET);
        http_client_send(&d, GET);
        TAP_CHECK_INT(http_server_drain(f.server, 10 * USEC_PER_SEC, on_drained, &drained), 0);
        TAP_CHECK(HTTP_WAIT(&f, c.ended && d.ended && drained == 1));
        TAP_CHECK_INT(http_client_count(&c, "hello"), 2); /* the third is behind "Connection: close" */
        TAP_CHECK_INT(http_client_count(&d, "hello"), 2);
        TAP_CHECK_INT(http_client_count(&c, "Connection: close"), 1);
}

static void test_drain_ends_after_its_time(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        unsigned drained = 0;
        usec_t start;

        if (!http_fixture_start(&f, NULL, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_fixture_pass(&f, 20 * USEC_PER_MSEC);
        start = clock_monotonic_usec();
        TAP_CHECK_INT(http_server_drain(f.server, 300 * USEC_PER_MSEC, on_drained, &drained), 0);
        TAP_CHECK(HTTP_WAIT(&f, drained == 1));
        TAP_CHECK(clock_monotonic_usec() - start >= 300 * USEC_PER_MSEC);
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK_INT(drained, 1);
}

static void on_drained_free(void *userdata) {
        HttpFixture *f = userdata;

        f->server = http_server_free(f->server);
}

static void test_the_server_may_be_freed_when_drained(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello")));
        TAP_CHECK_INT(http_server_drain(f.server, 5 * USEC_PER_SEC, on_drained_free, &f), 0);
        TAP_CHECK(HTTP_WAIT(&f, !f.server));
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
}

/* --- the end --- */

static HttpFill fill_once(void *userdata _unused_, Buffer *to) {
        buffer_append_string(to, "data");
        return HTTP_FILL_SLEEP;
}

static const HttpStreamSource source_ops = { .fill = fill_once, .closed = on_drained /* it counts */ };

static void test_free_ends_what_is_left(void) {
        Kept kept = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[4] = {};
        unsigned closed = 0, kept_closed = 0;
        HttpStream *stream = NULL;

        if (!http_fixture_start(&f, NULL, on_request_keep, &kept))
                return;
        for (unsigned i = 0; i < 4; i++) {
                if (!http_client_open(&c[i], &f, i % 2 ? HTTP_OVER_TCP : HTTP_OVER_UNIX))
                        return;
                http_client_send(&c[i], i == 3 ? "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf" : GET);
                http_fixture_pass(&f, 20 * USEC_PER_MSEC);
        }
        if (!TAP_CHECK_INT(kept.n, 3))
                return;
        TAP_CHECK_INT(http_request_reply_stream(kept.requests[0], 200, NULL, &source_ops, &closed, &stream), 0);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c[0], "data")));
        http_stream_wake(stream);

        f.server = http_server_free(f.server);
        TAP_CHECK_INT(closed, 1);
        TAP_CHECK(HTTP_WAIT(&f, c[0].ended && c[1].ended && c[2].ended && c[3].ended));

        /* Who was given a request answers it, be the server there or not. */
        TAP_CHECK(http_request_header(kept.requests[1], "Host") == NULL);
        TAP_CHECK(http_request_query(kept.requests[1], "a") == NULL);
        reply_text(kept.requests[1], "too late");
        TAP_CHECK_INT(http_request_reply_stream(kept.requests[2], 200, NULL, &source_ops, &kept_closed, NULL),
                        -ESHUTDOWN);
        TAP_CHECK_INT(kept_closed, 1);
        for (unsigned i = 0; i < 4; i++)
                http_client_done(&c[i]);
}

static void test_odd_limits_are_refused_or_mean_none(void) {
        static const HttpLimits none = {};
        static const HttpLimits vast = {
                .body_max = SIZE_MAX,
                .connections.all = 1,
                .idle_usec = USEC_INFINITY,
                .stream_stall_usec = USEC_INFINITY - 1,
        };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        HttpServer *server = NULL;

        if (!http_fixture_start(&f, &vast, on_request_hello, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        TAP_CHECK_INT(http_server_new(f.event, &none, on_request_hello, NULL, &server), -EINVAL);
        TAP_CHECK(!server);
        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello")));
}

static const TapTest tests[] = {
        { "an answer may come late", test_an_answer_may_come_late },
        { "late answers keep the order of pipelined requests",
          test_late_answers_keep_the_order_of_pipelined_requests },
        { "a half-closed client gets its late answer", test_a_half_closed_client_gets_its_late_answer },
        { "a late answer to a body far too long", test_a_late_answer_to_a_body_far_too_long },
        { "a late answer that cannot be sent cuts the connection",
          test_a_late_answer_that_cannot_be_sent_cuts_the_connection },
        { "a client that left does no harm", test_a_client_that_left_does_no_harm },
        { "at the limit clients are told", test_at_the_limit_clients_are_told },
        { "too many open files do not spin", test_too_many_open_files_do_not_spin },
        { "an idle connection is closed and wakes nobody before",
          test_an_idle_connection_is_closed_and_wakes_nobody_before },
        { "a server without connections sleeps", test_a_server_without_connections_sleeps },
        { "drain of an idle server ends at once", test_drain_of_an_idle_server_ends_at_once },
        { "drain answers what was begun", test_drain_answers_what_was_begun },
        { "drain answers what waits in the socket", test_drain_answers_what_waits_in_the_socket },
        { "drain ends after its time", test_drain_ends_after_its_time },
        { "the server may be freed when drained", test_the_server_may_be_freed_when_drained },
        { "free ends what is left", test_free_ends_what_is_left },
        { "odd limits are refused or mean none", test_odd_limits_are_refused_or_mean_none },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

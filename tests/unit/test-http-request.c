/* What a handler sees of a request, and how its answer arrives. */
#include "http-fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Answers with all that the getters say. */
static void on_request_echo(HttpRequest *r, void *userdata _unused_) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        size_t size;
        const char *body = http_request_body(r, &size);

        buffer_append_format(&b, "method=%s;path=%s;", http_request_method(r), http_request_path(r));
        buffer_append_format(&b, "a=%s;", http_request_query(r, "a") ?: "(none)");
        buffer_append_format(&b, "b=%s;", http_request_query(r, "b") ?: "(none)");
        buffer_append_format(&b, "x=%s;", http_request_header(r, "x-test") ?: "(none)");
        buffer_append_format(&b, "large=%d;malformed=%d;", http_request_body_is_too_large(r),
                             http_request_fault(r) != NULL);
        buffer_append_format(&b, "size=%zu;body=%.*s;", size, (int) MIN_OF(size, (size_t) 100), body);
        http_request_reply(r, http_request_body_is_too_large(r) ? 413 : 200, "text/plain", &b);
}

typedef struct EchoCase {
        const char *request; /* up to the version */
        const char *should;  /* stands in the answer */
} EchoCase;

static void check_echoes(const EchoCase *cases, size_t n) {
        _cleanup_(http_fixture_done) HttpFixture f = {};

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL))
                return;
        for (size_t i = 0; i < n; i++) {
                _cleanup_(http_client_done) HttpClient c = {};

                if (!http_client_open(&c, &f, i % 2 == 0 ? HTTP_OVER_TCP : HTTP_OVER_UNIX))
                        return;
                http_client_send(&c, cases[i].request);
                http_client_send(&c, " HTTP/1.1\r\nHost: x\r\n\r\n");
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "body=") || c.ended));
                TAP_CHECK_CONTAINS(c.received.data, cases[i].should);
        }
}

static void test_path_and_query_are_decoded_once(void) {
        static const EchoCase cases[] = {
                { "GET /", "method=GET;path=/;a=(none);b=(none);x=(none);large=0;malformed=0;size=0;body=;" },
                { "GET /api/a%20b%2525?a=1&b=2", "path=/api/a b%25;a=1;b=2;" },
                { "GET /a+b?a=c+d%2B", "path=/a+b;a=c d+;" },
                { "GET /%c3%BC?%61=%3D%26", "path=/\xc3\xbc;a==&;" },
                { "GET /?a&b=", "a=;b=;" },
                { "GET /?&&a==x&a=second", "a==x;b=(none);" },
                { "GET /?A=1&b=2?3", "a=(none);b=2?3;" },
                { "DELETE http://host:1/x?a=1", "method=DELETE;path=/x;a=1;" },
                { "GET http://host", "path=/;" },
        };

        check_echoes(cases, ELEMENTSOF(cases));
}

static void test_malformed_targets_are_flagged_and_kept(void) {
        static const EchoCase cases[] = {
                { "GET /%zz", "path=/%zz;a=(none);b=(none);x=(none);large=0;malformed=1;" },
                { "GET /x%", "path=/x%;a=(none);b=(none);x=(none);large=0;malformed=1;" },
                { "GET /x%4", "malformed=1;" },
                { "GET /x%00y", "path=/x%00y;a=(none);b=(none);x=(none);large=0;malformed=1;" },
                { "GET /?a=%0", "a=%0;b=(none);x=(none);large=0;malformed=1;" },
                { "GET /?a=%00&b=%41", "a=%00;b=A;x=(none);large=0;malformed=1;" },
                { "GET /?%g0=1", "malformed=1;" },
                { "OPTIONS *", "malformed=1;" },
                { "GET x", "malformed=1;" },
        };

        check_echoes(cases, ELEMENTSOF(cases));
}

/* What could be read in two ways is read in none: the rest of the connection is thrown away with it. */
static void test_a_doubtful_header_is_refused(void) {
        static const char *const fields[] = {
                "Host: x\r\nHost: x", "Host: x\r\nhost: y", "A: b",
                "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
                "Host: x\r\nTransfer-Encoding: identity", "Host: x\r\nTransfer-Encoding: chunked, chunked",
                "Host: x\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked",
                "Host: x\r\nContent-Length: 3\r\nContent-Length: 3", "Host: x\r\nA b: c", "Host: x\r\nA: b\x1b",
                "Host: x\r\nContent-Length : 3", "Host: x\r\nOrigin: http://x\r\nOrigin: http://x",
                "Host: x\r\nAuthorization: a\r\nAuthorization: b", "Host: x\r\nContent-Type: a\r\nContent-Type: b",
        };

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};

                if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                        return;
                http_client_send(&c, "POST / HTTP/1.1\r\n");
                http_client_send(&c, fields[i]);
                http_client_send(&c, "\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
                TAP_CHECK(HTTP_WAIT(&f, c.ended));
                if (http_client_count(&c, "HTTP/1.1 ") != 1 || !http_client_got(&c, "malformed=1") ||
                    !http_client_got(&c, "Connection: close"))
                        tap_fail(__FILE__, __LINE__, "%s: %.*s", fields[i], (int) c.received.size, c.received.data);
        }
}

static void test_so_many_fields_may_a_header_have(void) {
        for (unsigned n = 100; n <= 101; n++) {
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};

                if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                        return;
                http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n");
                for (unsigned i = 1; i < n; i++)
                        http_client_send(&c, "A: b\r\n");
                http_client_send(&c, "\r\n");
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "body=")));
                TAP_CHECK(http_client_got(&c, n == 100 ? "malformed=0" : "malformed=1"));
        }
}

static void test_a_raw_nul_in_the_target_is_malformed(void) {
        static const char nul_in_path[] = "GET /a\0b?a=1 HTTP/1.1\r\nHost: x\r\n\r\n";
        static const char nul_in_query[] = "GET /a?a=1\0&b=2 HTTP/1.1\r\nHost: x\r\n\r\n";
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send_bytes(&c, nul_in_path, sizeof(nul_in_path) - 1);
        http_client_send_bytes(&c, nul_in_query, sizeof(nul_in_query) - 1);
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "malformed=1;") == 2));

        /* The flag is the request's, not the connection's. */
        http_client_send(&c, "GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "path=/good;")));
        TAP_CHECK(http_client_got(&c, "malformed=0;"));
}

static void test_headers_are_found_without_case(void) {
        static const EchoCase cases[] = {
                { "GET / HTTP/1.1\r\nX-TeSt: some value\r\nX-Test: second\r\nX-Ignore:", "x=some value;" },
        };

        check_echoes(cases, ELEMENTSOF(cases));
}

static void test_bodies_arrive_whole(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        static char large[64 * 1024 + 1];

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK_INT(c.received.size, 0);
        http_client_send(&c, "llo");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "method=POST;path=/p;")));
        TAP_CHECK(http_client_got(&c, "size=5;body=hello;"));

        http_client_send(&c, "PUT /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "size=7;body=abcdefg;")));

        memset(large, 'x', sizeof(large) - 1);
        http_client_send(&c, "POST /l HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
        http_client_send(&c, large);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "large=0;malformed=0;size=65536;")));
        TAP_CHECK(!c.ended);
}

/* The connection stays in use: the body was read to its end. */
static void test_a_body_that_is_too_long_is_thrown_away_and_told(void) {
        static const HttpLimits limits = { .body_max = 10, .connections.all = 4 };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, &limits, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n01234567890");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "path=/1;")));
        TAP_CHECK(http_client_got(&c, "HTTP/1.1 413 "));
        TAP_CHECK(http_client_got(&c, "large=1;malformed=0;size=0;body=;"));

        http_client_send(&c, "POST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "9\r\n012345678\r\n3\r\nabc\r\n0\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "large=1;") == 2));

        http_client_send(&c, "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "large=0;malformed=0;size=10;body=0123456789;")));
}

static void test_a_body_announced_far_too_long_is_answered_unread(void) {
        static const HttpLimits limits = { .body_max = 10, .connections.all = 4 };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, &limits, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 161\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK(http_client_got(&c, "HTTP/1.1 413 "));
        TAP_CHECK(http_client_got(&c, "path=/x;"));
        TAP_CHECK(http_client_got(&c, "large=1;"));
}

static void test_an_endless_body_is_cut(void) {
        static const HttpLimits limits = { .body_max = 10, .connections.all = 4 };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, &limits, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (unsigned i = 0; i < 50 && !c.ended; i++) {
                http_client_send(&c, "4\r\nabcd\r\n");
                http_fixture_turn(&f);
        }
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_INT(c.received.size, 0);
}

static void test_expect_continue_is_answered(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, d = {};

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "HTTP/1.1 100 Continue\r\n\r\n")));
        TAP_CHECK(!http_client_got(&c, "path="));
        http_client_send(&c, "ok");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "size=2;body=ok;")));

        /* No "continue" where nobody would read on. */
        if (!http_client_open(&d, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&d, "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                             "Content-Length: 9999999999\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, d.ended));
        TAP_CHECK_CONTAINS(d.received.data, "HTTP/1.1 413 ");
        TAP_CHECK(!http_client_got(&d, "100 Continue"));
}

static void test_head_gets_the_headers_alone(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "path=/y;")));
        TAP_CHECK_INT(http_client_count(&c, "Content-Length: "), 2);
        TAP_CHECK_INT(http_client_count(&c, "path="), 1);
}

static void test_pipelined_requests_are_answered_in_order(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        char text[32];

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_UNIX))
                return;
        http_client_send(&c, "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n"
                             "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                             "GET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "path=/3;")));
        TAP_CHECK_INT(http_client_count(&c, "HTTP/1.1 200 OK"), 4);
        for (unsigned i = 0; i + 1 < 4; i++) {
                snprintf(text, sizeof(text), "path=/%u;", i);
                TAP_CHECK(strstr(c.received.data, text) < strstr(c.received.data, "path=/3;"));
        }
        TAP_CHECK(http_client_got(&c, "size=3;body=abc;"));
        TAP_CHECK(!c.ended);
}

static void test_http_1_0_and_close_end_the_connection(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, d = {};

        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP) ||
            !http_client_open(&d, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET /x HTTP/1.0\r\n\r\n");
        http_client_send(&d, "GET /y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, c.ended && d.ended));
        TAP_CHECK(http_client_got(&c, "path=/x;"));
        TAP_CHECK(http_client_got(&d, "path=/y;"));
}

static void test_headers_that_are_too_long_are_refused(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, d = {};
        static char large[32 * 1024];

        memset(large, 'x', sizeof(large) - 1);
        if (!http_fixture_start(&f, NULL, on_request_echo, NULL) || !http_client_open(&c, &f, HTTP_OVER_UNIX) ||
            !http_client_open(&d, &f, HTTP_OVER_UNIX))
                return;
        http_client_send(&c, "GET /");
        http_client_send(&c, large);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_CONTAINS(c.received.data, "HTTP/1.1 414 ");

        http_client_send(&d, "GET / HTTP/1.1\r\nHost: x\r\nX-Test: ");
        http_client_send(&d, large);
        TAP_CHECK(HTTP_WAIT(&f, d.ended));
        TAP_CHECK_CONTAINS(d.received.data, "HTTP/1.1 431 ");
}

static void on_request_with_headers(HttpRequest *r, void *userdata _unused_) {
        Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(http_request_add_header(r, "X-One", "1"), 0);
        TAP_CHECK_INT(http_request_add_header(r, "Link", "</a?b=c>; rel=\"next\""), 0);
        TAP_CHECK_INT(http_request_add_header(r, "X-Bad", "a\r\nX-Smuggled: 1"), -EINVAL);
        TAP_CHECK_INT(http_request_add_header(r, "X-Bad", "a\nb"), -EINVAL);
        TAP_CHECK_INT(http_request_add_header(r, "X-Bad", ""), -EINVAL);
        TAP_CHECK_INT(http_request_add_header(r, "X Bad", "a"), -EINVAL);
        TAP_CHECK_INT(http_request_add_header(r, "content-length", "7"), -EINVAL);

        TAP_CHECK(http_request_userdata(r) == NULL);
        http_request_set_userdata(r, &b);
        TAP_CHECK(http_request_userdata(r) == &b);

        buffer_append_string(&b, "{}");
        http_request_reply(r, 404, "application/json", &b);
        TAP_CHECK(b.data == NULL && b.size == 0);
}

static void test_the_answer_has_status_type_and_headers(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_with_headers, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n\r\n{}")));
        TAP_CHECK_CONTAINS(c.received.data, "HTTP/1.1 404 Not Found\r\n");
        TAP_CHECK_CONTAINS(c.received.data, "Content-Type: application/json\r\n");
        TAP_CHECK_CONTAINS(c.received.data, "X-One: 1\r\n");
        TAP_CHECK_CONTAINS(c.received.data, "Link: </a?b=c>; rel=\"next\"\r\n");
        TAP_CHECK(!http_client_got(&c, "Smuggled"));
        TAP_CHECK(!http_client_got(&c, "Bad"));
}

static void on_request_no_body(HttpRequest *r, void *userdata _unused_) {
        Buffer empty = BUFFER_NULL;

        if (strcmp(http_request_path(r), "/none") == 0)
                http_request_reply(r, 204, NULL, NULL);
        else
                http_request_reply(r, 200, "text/plain", &empty);
}

static void test_an_answer_may_be_empty(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_no_body, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /empty HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "Content-Length: 0\r\n")));
        TAP_CHECK(http_client_got(&c, "HTTP/1.1 204 No Content\r\n"));
        TAP_CHECK(http_client_got(&c, "HTTP/1.1 200 OK\r\n"));
}

static void on_request_bad_status(HttpRequest *r, void *userdata _unused_) {
        http_request_reply(r, 7, NULL, NULL);
}

static void test_an_answer_that_cannot_be_sent_cuts_the_connection(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request_bad_status, NULL) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_INT(c.received.size, 0);
}

static const TapTest tests[] = {
        { "path and query are decoded once", test_path_and_query_are_decoded_once },
        { "malformed targets are flagged and kept as sent", test_malformed_targets_are_flagged_and_kept },
        { "a doubtful header is refused", test_a_doubtful_header_is_refused },
        { "so many fields may a header have", test_so_many_fields_may_a_header_have },
        { "a raw NUL in the target is malformed", test_a_raw_nul_in_the_target_is_malformed },
        { "headers are found without case", test_headers_are_found_without_case },
        { "bodies arrive whole, plain and chunked", test_bodies_arrive_whole },
        { "a body that is too long is thrown away and told",
          test_a_body_that_is_too_long_is_thrown_away_and_told },
        { "a body announced far too long is answered unread",
          test_a_body_announced_far_too_long_is_answered_unread },
        { "an endless body is cut", test_an_endless_body_is_cut },
        { "Expect: 100-continue is answered", test_expect_continue_is_answered },
        { "HEAD gets the headers alone", test_head_gets_the_headers_alone },
        { "pipelined requests are answered in order", test_pipelined_requests_are_answered_in_order },
        { "HTTP/1.0 and Connection: close end the connection", test_http_1_0_and_close_end_the_connection },
        { "headers that are too long are refused", test_headers_that_are_too_long_are_refused },
        { "the answer has its status, type and headers", test_the_answer_has_status_type_and_headers },
        { "an answer may be empty", test_an_answer_may_be_empty },
        { "an answer that cannot be sent cuts the connection",
          test_an_answer_that_cannot_be_sent_cuts_the_connection },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Headers that every answer has, and an answer that is given again. */
#include "http-fixture.h"

#include <remote-developer/http-answer.h>
#include <remote-developer/strings.h>

#include <stdio.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static const HttpHeader defaults[] = { { "X-Default", "yes" }, { "X-Other", "too" }, {} };

typedef struct Keeper {
        HttpAnswer *answer;
        unsigned made, again;
} Keeper;

static void keeper_done(Keeper *k) {
        http_answer_free(k->answer);
}

/* /own has a header of its own. */
static void on_request(HttpRequest *r, void *userdata) {
        _cleanup_(buffer_done) Buffer body = BUFFER_NULL;
        Keeper *k = userdata;

        http_request_set_defaults(r, defaults);
        if (string_equal(http_request_path(r), "/own"))
                TAP_CHECK_INT(http_request_add_header(r, "x-default", "mine"), 0);
        if (k->answer && http_answer_again(k->answer, r)) {
                k->again++;
                return;
        }
        TAP_CHECK_INT(buffer_append_format(&body, "body %u", ++k->made), 0);
        http_answer_free(k->answer);
        http_answer_keep(r, 201, "text/x-test", &body, &k->answer);
        TAP_CHECK(!body.data);
}

#define KEEPER                                                                                               \
        _cleanup_(keeper_done) Keeper k = {};                                                                \
        _cleanup_(http_fixture_done) HttpFixture f = {}

/* What came for one request. */
static void check_answer(HttpFixture *f, HttpOver over, const char *request, const char *const *parts, bool has_body) {
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_client_open(&c, f, over))
                return;
        http_client_send(&c, request);
        TAP_CHECK(HTTP_WAIT(f, http_client_got(&c, "\r\n\r\n")));
        http_fixture_settle(f);
        for (; *parts; parts++)
                TAP_CHECK_CONTAINS(c.received.data, *parts);
        TAP_CHECK_INT(http_client_got(&c, "\r\n\r\nbody"), has_body);
        TAP_CHECK_INT(http_client_count(&c, "X-Default: ") + http_client_count(&c, "x-default: "), 1);
}

#define CHECK_ANSWER(f, over, request, ...)                                                                  \
        check_answer(f, over, request, (const char *const[]){ __VA_ARGS__, NULL }, true)

static void test_it_is_the_same_again(void) {
        KEEPER;

        if (!http_fixture_start(&f, NULL, on_request, &k))
                return;
        for (unsigned i = 0; i < 3; i++)
                CHECK_ANSWER(&f, i == 1 ? HTTP_OVER_UNIX : HTTP_OVER_TCP, GET, "HTTP/1.1 201 Created\r\n",
                             "Content-Type: text/x-test\r\n", "X-Default: yes\r\n", "X-Other: too\r\n",
                             "Content-Length: 6\r\n", "\r\n\r\nbody 1");
        check_answer(&f, HTTP_OVER_TCP, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
                     (const char *const[]){ "HTTP/1.1 201 Created\r\n", "Content-Length: 6\r\n", NULL }, false);
        TAP_CHECK_INT(k.made, 1);
        TAP_CHECK_INT(k.again, 3);
}

/* Many at once, over connections that go on, and one that goes while it is answered. */
static void test_many_have_it(void) {
        KEEPER;
        HttpClient c[20] = {};

        if (!http_fixture_start(&f, NULL, on_request, &k))
                return;
        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                TAP_CHECK(http_client_open(&c[i], &f, HTTP_OVER_TCP));
        for (size_t i = 0; i < ELEMENTSOF(c); i++)
                http_client_send(&c[i], GET GET);
        http_client_done(&c[7]);
        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                if (i != 7)
                        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c[i], "body 1") == 2));
                http_client_done(&c[i]);
        }
        TAP_CHECK_INT(k.made, 1);
}

/* The header of one request is no other's, whichever of the two comes first. */
static void test_an_answer_of_its_own(void) {
        static const char own[] = "GET /own HTTP/1.1\r\nHost: x\r\n\r\n";
        KEEPER;

        if (!http_fixture_start(&f, NULL, on_request, &k))
                return;
        CHECK_ANSWER(&f, HTTP_OVER_TCP, own, "x-default: mine\r\n", "X-Other: too\r\n", "body 1");
        TAP_CHECK(!k.answer);
        CHECK_ANSWER(&f, HTTP_OVER_TCP, GET, "X-Default: yes\r\n", "body 2");
        CHECK_ANSWER(&f, HTTP_OVER_TCP, own, "x-default: mine\r\n", "body 3");
        TAP_CHECK_INT(k.again, 0);
}

static void test_each_server_has_its_own(void) {
        KEEPER;

        f.with_tls = true;
        if (!http_fixture_start(&f, NULL, on_request, &k))
                return;
        CHECK_ANSWER(&f, HTTP_OVER_TLS, GET, "body 1");
        CHECK_ANSWER(&f, HTTP_OVER_TLS, GET, "body 1");
        CHECK_ANSWER(&f, HTTP_OVER_TCP, GET, "body 2");
        CHECK_ANSWER(&f, HTTP_OVER_TLS, GET, "body 3");
        TAP_CHECK_INT(k.again, 1);
}

static void on_drained(void *userdata) {
        bool *drained = userdata;

        *drained = true;
}

/* What says that the connection ends is for this time alone. */
static void test_not_at_the_end(void) {
        KEEPER;
        _cleanup_(http_client_done) HttpClient c = {};
        bool drained = false;

        if (!http_fixture_start(&f, NULL, on_request, &k) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        CHECK_ANSWER(&f, HTTP_OVER_TCP, GET, "body 1");
        http_client_send(&c, "GET / HTTP/1.1\r\n");
        http_fixture_settle(&f);
        TAP_CHECK_INT(http_server_drain(f.server, 10 * USEC_PER_SEC, on_drained, &drained), 0);
        http_client_send(&c, "Host: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_CONTAINS(c.received.data, "Connection: close\r\n");
        TAP_CHECK_CONTAINS(c.received.data, "body 2");
        TAP_CHECK(!k.answer);
        TAP_CHECK(HTTP_WAIT(&f, drained));
}

/* It may be freed while it is on its way, and outlives the server. */
static void test_it_is_freed_at_any_time(void) {
        KEEPER;
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, NULL, on_request, &k) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        CHECK_ANSWER(&f, HTTP_OVER_TCP, GET, "body 1");
        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, k.again == 1));
        k.answer = http_answer_free(k.answer);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "body 1")));
        CHECK_ANSWER(&f, HTTP_OVER_TCP, GET, "body 2");
        http_fixture_stop_server(&f);
        TAP_CHECK(k.answer);
}

static const TapTest tests[] = {
        { "it is the same again", test_it_is_the_same_again },
        { "many have it", test_many_have_it },
        { "an answer of its own", test_an_answer_of_its_own },
        { "each server has its own", test_each_server_has_its_own },
        { "not at the end", test_not_at_the_end },
        { "it is freed at any time", test_it_is_freed_at_any_time },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

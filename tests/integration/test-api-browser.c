/* Requests as browsers send them for pages that are not ours: links, pictures, forms, scripts, frames, names that lead
 * here. What is expected of each was written down from the Fetch and the HTML standard, not from the code. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#define OWN "Host: localhost:15001\r\nOrigin: http://localhost:15001\r\n"
#define HOST "Host: localhost:15001\r\n"
#define FOREIGN "Host: localhost:15001\r\nOrigin: http://example.org\r\n"
#define CROSS "Sec-Fetch-Site: cross-site\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define CREATE "/api/create-task"
#define COMMAND "{\"command\":[\"make\"]}"

static const struct {
        const char *what, *method, *path, *headers, *body;
        unsigned status;
} rows[] = {
        /* Programs, and our own page. */
        { "curl -X POST without a body", "POST", "/api/task/{id}/cancel", HOST, NULL, 200 },
        { "our page's fetch() without a body", "POST", "/api/task/{id}/cancel",
          OWN "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n", NULL, 200 },
        { "our page's fetch() with JSON", "POST", CREATE,
          OWN "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n", COMMAND, 200 },
        { "JSON in UTF-8", "POST", CREATE, HOST "Content-Type: application/json; charset=utf-8\r\n", COMMAND, 200 },
        { "a typed address", "GET", "/api/tasks",
          HOST "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", NULL, 200 },
        { "a link that is followed", "GET", "/",
          HOST CROSS "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", NULL, 200 },
        { "GET with a type and no body", "GET", "/api/tasks", HOST FORM, NULL, 200 },

        /* Forms. */
        { "a foreign form", "POST", CREATE, FOREIGN FORM, "command=make", 403 },
        { "a foreign form as text", "POST", CREATE, FOREIGN "Content-Type: text/plain\r\n", COMMAND, 403 },
        { "a foreign empty form", "POST", "/api/task/{id}/cancel", FOREIGN FORM, "", 403 },
        { "a form of a browser that says no origin", "POST", "/api/task/{id}/cancel", HOST FORM, "", 415 },
        { "... with the type text/plain", "POST", "/api/task/{id}/cancel", HOST "Content-Type: text/plain\r\n", "",
          415 },
        { "... with a file", "POST", "/api/task/{id}/cancel",
          HOST "Content-Type: multipart/form-data; boundary=x\r\n", "", 415 },
        { "... and no body at all", "POST", "/api/task/{id}/cancel", HOST FORM, NULL, 415 },
        { "... JSON that a form made", "POST", CREATE, HOST "Content-Type: text/plain\r\n", COMMAND, 415 },
        { "a type that only begins so", "POST", CREATE, HOST "Content-Type: application/jsonp\r\n", COMMAND, 415 },
        { "a form that only Sec-Fetch-Site tells of", "POST", "/api/task/{id}/cancel", HOST CROSS, NULL, 403 },
        { "a form as a navigation", "POST", "/api/task/{id}/cancel",
          HOST CROSS "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", NULL, 403 },
        { "a form in a sandboxed frame", "POST", "/api/task/{id}/cancel", HOST "Origin: null\r\n", NULL, 403 },

        /* Scripts. */
        { "a foreign fetch() without CORS", "POST", "/api/task/{id}/cancel",
          FOREIGN CROSS "Sec-Fetch-Mode: no-cors\r\n", NULL, 403 },
        { "a foreign fetch() with JSON", "POST", CREATE, FOREIGN "Content-Type: application/json\r\n", COMMAND, 403 },
        { "another port of this machine", "POST", CREATE,
          HOST "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\nContent-Type: application/json\r\n",
          COMMAND, 403 },
        { "... that says no origin", "GET", "/api/tasks", HOST "Sec-Fetch-Site: same-site\r\n", NULL, 403 },
        { "another scheme", "POST", CREATE,
          HOST "Origin: https://localhost:15001\r\nContent-Type: application/json\r\n", COMMAND, 403 },
        { "an extension of the browser", "GET", "/api/tasks", HOST "Origin: moz-extension://localhost:15001\r\n", NULL,
          403 },
        { "a foreign DELETE", "DELETE", "/api/task/{id}", FOREIGN, NULL, 403 },
        { "what asks first", "OPTIONS", CREATE, OWN "Access-Control-Request-Method: POST\r\n", NULL, 405 },
        { "... from elsewhere", "OPTIONS", CREATE, FOREIGN "Access-Control-Request-Method: POST\r\n", NULL, 403 },

        /* What is embedded. */
        { "a picture", "GET", "/api/tasks",
          HOST CROSS "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n", NULL, 403 },
        { "a script", "GET", "/api/tasks",
          HOST CROSS "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n", NULL, 403 },
        { "a frame", "GET", "/", HOST CROSS "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", NULL, 403 },
        { "an unknown site", "GET", "/api/tasks", HOST "Sec-Fetch-Site: elsewhere\r\n", NULL, 403 },

        /* Names that lead here. */
        { "DNS rebinding", "GET", "/api/tasks", "Host: rebound.example.org:15001\r\n", NULL, 403 },
        { "... with its own origin", "POST", CREATE,
          "Host: a.example:15001\r\nOrigin: http://a.example:15001\r\nSec-Fetch-Site: same-origin\r\n"
          "Content-Type: application/json\r\n", COMMAND, 403 },
        { "... to look like ours", "GET", "/api/tasks", "Host: localhost:15001@example.org\r\n", NULL, 403 },
        { "... by a port that is none", "GET", "/api/tasks", "Host: 127.0.0.1:15001.example.org\r\n", NULL, 403 },
        { "a name with a dot behind", "GET", "/api/tasks", "Host: localhost.:15001\r\n", NULL, 403 },
};

static void test_whose_page_it_is(void) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(api_fixture_done) ApiFixture f = {};
                bool refused = rows[i].status >= 400;

                if (!api_fixture_begin(&f) || !api_create(&f, COMMAND))
                        return;
                api_ask(&f, rows[i].method, rows[i].path, rows[i].headers, rows[i].body);
                if (f.status != rows[i].status)
                        tap_fail(__FILE__, __LINE__, "%s: %u, should be %u", rows[i].what, f.status, rows[i].status);
                if (refused && (story_task(&f.story)->cancel_requested || manager_index(f.story.manager)->n != 1))
                        tap_fail(__FILE__, __LINE__, "%s: it had an effect", rows[i].what);
                if (api_header(&f, "Access-Control-Allow-Origin"))
                        tap_fail(__FILE__, __LINE__, "%s: it is allowed to read", rows[i].what);
        }
}

#define NAMED "Host: build.example.com:15443\r\n"

/* The names of connection.hosts are ours over either transport, and our page's scheme is that of its transport. */
static const struct {
        HttpOver over;
        const char *headers;
        unsigned status;
} named_rows[] = {
        { HTTP_OVER_TCP, NAMED, 200 },
        { HTTP_OVER_TCP, "Host: BUILD.example.com\r\n", 200 },
        { HTTP_OVER_TCP, "Host: [2001:db8::7]:15443\r\n", 200 },
        { HTTP_OVER_TCP, "Host: build.example.com.evil.example\r\n", 403 },
        { HTTP_OVER_TCP, "Host: build.example.co\r\n", 403 },
        { HTTP_OVER_TCP, "Host: 2001:db8::7\r\n", 403 },
        { HTTP_OVER_TCP, "Host: localhost\r\n", 200 },
        { HTTP_OVER_TCP, NAMED "Origin: http://build.example.com:15443\r\n", 200 },
        { HTTP_OVER_TCP, NAMED "Origin: https://build.example.com:15443\r\n", 403 },
        { HTTP_OVER_TLS, NAMED, 200 },
        { HTTP_OVER_TLS, NAMED "Origin: https://build.example.com:15443\r\n", 200 },
        { HTTP_OVER_TLS, NAMED "Origin: http://build.example.com:15443\r\n", 403 },
        { HTTP_OVER_TLS, NAMED "Origin: https://build.example.com\r\n", 403 },
        { HTTP_OVER_TLS, "Host: other.example.com\r\n", 403 },
};

static void test_other_names_of_this_machine(void) {
        char *const hosts[] = { (char *) "build.example.com", (char *) "[2001:db8::7]", NULL };
        _cleanup_(api_fixture_done) ApiFixture f = { .http.with_tls = true };

        if (!api_fixture_begin(&f))
                return;
        api_ask(&f, "GET", "/", NAMED, NULL);
        api_check_error(&f, 403, "Host", "connection.hosts");
        api_set_hosts(f.api, hosts);
        for (size_t i = 0; i < ELEMENTSOF(named_rows); i++) {
                f.over = named_rows[i].over;
                api_ask(&f, "GET", "/", named_rows[i].headers, NULL);
                if (f.status != named_rows[i].status)
                        tap_fail(__FILE__, __LINE__, "%zu: %u, should be %u", i, f.status, named_rows[i].status);
        }
}

/* HTTP/1.0 has no Host: then no origin is ours. */
static void test_an_origin_without_a_host_is_foreign(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!api_fixture_begin(&f) || !http_client_open(&c, &f.http, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET /api/tasks HTTP/1.0\r\nOrigin: http://example.org\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f.http, c.ended));
        TAP_CHECK(http_client_got(&c, " 403 "));
}

static const char *const usual[][2] = {
        { "X-Content-Type-Options", "nosniff" },
        { "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cache-Control", "no-store" },
};

static void check_usual(ApiFixture *f, unsigned status) {
        TAP_CHECK_INT(f->status, status);
        for (size_t i = 0; i < ELEMENTSOF(usual); i++)
                TAP_CHECK_STRING(api_header(f, usual[i][0]), usual[i][1]);
}

static void test_every_reply_has_the_headers(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !api_create(&f, COMMAND))
                return;
        check_usual(&f, 200);
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        check_usual(&f, 200);
        api_ask(&f, "HEAD", "/api/dashboard", NULL, NULL);
        check_usual(&f, 200);
        api_ask(&f, "GET", "/api/task/{id}/logs", "Accept: text/plain\r\n", NULL);
        check_usual(&f, 200);
        api_ask(&f, "GET", "/nothing", NULL, NULL);
        check_usual(&f, 404);
        api_ask(&f, "PUT", "/api/tasks", NULL, NULL);
        check_usual(&f, 405);
        api_ask(&f, "GET", "/%zz", NULL, NULL);
        check_usual(&f, 400);
        api_ask(&f, "GET", "/api/tasks", "Host: example.org\r\n", NULL);
        check_usual(&f, 403);
        api_ask(&f, "GET", "/api/tasks", "Authorization: Bearer x\r\n", NULL);
        check_usual(&f, 401);
        api_ask(&f, "POST", CREATE, "Content-Type: text/plain\r\n", "x");
        check_usual(&f, 415);
}

/* The page has a policy of its own; nothing is said twice. */
static void test_the_page_has_its_own_policy(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        const char *first;

        if (!api_fixture_begin(&f))
                return;
        api_ask(&f, "GET", "/", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_CONTAINS(api_header(&f, "Content-Security-Policy"), "script-src 'sha256-");
        TAP_CHECK_STRING(api_header(&f, "X-Frame-Options"), "DENY");
        first = strcasestr(f.head, "Content-Security-Policy:");
        TAP_CHECK(first && !strcasestr(first + 1, "Content-Security-Policy:"));
}

static const TapTest tests[] = {
        { "whose page it is", test_whose_page_it_is },
        { "other names of this machine", test_other_names_of_this_machine },
        { "an origin without a host is foreign", test_an_origin_without_a_host_is_foreign },
        { "every reply has the headers", test_every_reply_has_the_headers },
        { "the page has its own policy", test_the_page_has_its_own_policy },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Tokens at the API: what each scope may, and that making, revoking and expiring them takes effect at once. Who asks
 * is not known here (`http_peer_find` is replaced, see meson.build), so that only a token lets anybody in. */
#include "api-fixture.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/token.h>

#include <fcntl.h>

static HttpPeer peer;

HttpPeer __wrap_http_peer_find(int fd);
HttpPeer __wrap_http_peer_find(int fd _unused_) {
        return peer;
}

static int state_directory(const ApiFixture *f) {
        return open(f->story.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* As remote-developerd --new-token does. */
static void make_token(const ApiFixture *f, const char *name, AccessScope scope, usec_t expires_at,
                       char text[static TOKEN_TEXT_SIZE]) {
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        _cleanup_close_ int fd = state_directory(f);

        TAP_CHECK_INT(token_list_read(fd, &l, NULL), 0);
        TAP_CHECK_INT(token_list_add(&l, name, scope, expires_at, text, NULL), 0);
        TAP_CHECK_INT(token_list_write(fd, &l), 0);
}

static void revoke_token(const ApiFixture *f, const char *name) {
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        _cleanup_close_ int fd = state_directory(f);

        TAP_CHECK_INT(token_list_read(fd, &l, NULL), 0);
        TAP_CHECK_INT(token_list_remove(&l, name), 0);
        TAP_CHECK_INT(token_list_write(fd, &l), 0);
}

static void ask_with(ApiFixture *f, const char *token, const char *method, const char *path, const char *body) {
        _cleanup_free_ char *header = string_format("Authorization: Bearer %s\r\n", token);

        api_ask(f, method, path, header, body);
}

/* One route of each scope; what is named is not there. */
static const struct {
        AccessScope scope;
        const char *method, *path;
        unsigned status; /* of who is let in */
} rows[] = {
        { ACCESS_READ, "GET", "/api/tasks", 200 },
        { ACCESS_RUN, "POST", "/api/task/task-1700000000-000000/cancel", 404 },
        { ACCESS_ADMIN, "DELETE", "/api/task/task-1700000000-000000", 404 },
};

static void test_each_scope_may_so_much(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        peer = (HttpPeer){};
        if (!api_fixture_begin(&f))
                return;
        for (AccessScope scope = ACCESS_READ; scope <= ACCESS_ADMIN; scope++) {
                char text[TOKEN_TEXT_SIZE];

                make_token(&f, access_scope_words[scope], scope, 0, text);
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        ask_with(&f, text, rows[i].method, rows[i].path, NULL);
                        TAP_CHECK_INT(f.status, rows[i].scope <= scope ? rows[i].status : 403);
                }
        }
}

static void test_a_scope_that_does_not_suffice_is_named(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char text[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){};
        if (!api_fixture_begin(&f))
                return;
        make_token(&f, "watcher", ACCESS_READ, 0, text);
        ask_with(&f, text, "POST", "/api/create-task", "{\"command\": [\"true\"]}");
        api_check_error(&f, 403, "Authorization", "needs the scope run, and token:watcher has the scope read");
        TAP_CHECK_STRING(api_header(&f, "WWW-Authenticate"), "Bearer error=\"insufficient_scope\", scope=\"run\"");
        TAP_CHECK_INT(story_count_files(&f.story, "task-"), 0);
}

/* Also of root: whoever gives a token wants to be what it says. */
static void test_a_token_counts_whoever_gives_it(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char text[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){ true, 0 };
        if (!api_fixture_begin(&f))
                return;
        make_token(&f, "watcher", ACCESS_READ, 0, text);
        ask_with(&f, text, "DELETE", "/api/task/task-1700000000-000000", NULL);
        TAP_CHECK_INT(f.status, 403);
        peer = (HttpPeer){ true, 4000000001 };
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
}

static void test_made_and_revoked_while_the_service_runs(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char text[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){};
        if (!api_fixture_begin(&f))
                return;
        ask_with(&f, "rdt_0000", "GET", "/api/tasks", NULL);
        api_check_error(&f, 401, "Authorization", "token");
        make_token(&f, "one", ACCESS_READ, 0, text);
        make_token(&f, "two", ACCESS_READ, 0, other);
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
        revoke_token(&f, "one");
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 401);
        TAP_CHECK_STRING(api_header(&f, "WWW-Authenticate"), "Bearer error=\"invalid_token\"");
        ask_with(&f, other, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
        make_token(&f, "one", ACCESS_READ, 0, text);
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
}

static void test_an_expired_token_is_refused(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char text[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){};
        if (!api_fixture_begin(&f))
                return;
        make_token(&f, "short", ACCESS_READ, clock_realtime_usec() + 60 * USEC_PER_SEC, text);
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
        test_clock_advance(61 * USEC_PER_SEC);
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 401);
}

static void test_a_broken_file_lets_nobody_in_and_is_told(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char text[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){};
        if (!api_fixture_begin(&f))
                return;
        make_token(&f, "x", ACCESS_ADMIN, 0, text);
        ask_with(&f, text, "GET", "/api/health", NULL);
        TAP_CHECK_CONTAINS(f.body, "\"tokens_error\":null");
        story_write(&f.story, TOKEN_FILE, "{\"version\":1,\"tokens\":[{}]}");
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 401);
        TAP_CHECK_INT(story_told("no token is valid"), 1);
        test_clock_advance(USEC_PER_SEC);
        peer = (HttpPeer){ true, geteuid() };
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK_CONTAINS(api_string(&f, "tokens_error"), "no token is valid");
        api_ask(&f, "GET", "/api/tasks", NULL, NULL); /* the owner needs none */
        TAP_CHECK_INT(f.status, 200);
        peer = (HttpPeer){ true, 4000000001 };
        api_ask(&f, "GET", "/api/health", NULL, NULL);
        TAP_CHECK(!strstr(f.body, "tokens"));
}

/* The scheme's name is written as one likes; nothing else is. */
static void test_how_a_token_is_given(void) {
        static const struct {
                const char *before, *behind;
                unsigned status;
        } forms[] = { { "Bearer ", "", 200 }, { "bearer ", "", 200 }, { "BEARER  ", "", 200 }, { "", "", 401 },
                      { "Basic ", "", 401 }, { "Bearer", "", 401 }, { "Bearer ", "x", 401 }, { "Bearer ", " x", 401 },
                      { "Bearer token=", "", 401 } };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char text[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){};
        if (!api_fixture_begin(&f))
                return;
        make_token(&f, "x", ACCESS_READ, 0, text);
        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_free_ char *header = string_format("Authorization: %s%s%s\r\n", forms[i].before, text,
                                                            forms[i].behind);

                api_ask(&f, "GET", "/api/tasks", header, NULL);
                if (f.status != forms[i].status)
                        tap_fail(__FILE__, __LINE__, "\"%sTOKEN%s\": %u", forms[i].before, forms[i].behind, f.status);
        }
        _cleanup_free_ char *query = string_format("/api/tasks?access_token=%s", text);
        api_ask(&f, "GET", query, NULL, NULL); /* it would be in logs and histories */
        TAP_CHECK_INT(f.status, 401);
}

/* The streams of one token and of one user of this machine; who of them may not read any more is cut, the others are
 * not, and what is over is not taken up again. */
static void test_a_stream_ends_when_its_token_does(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient revoked = {}, other = {}, user = {}, anew = {};
        _cleanup_free_ char *one = NULL, *two = NULL, *again = NULL;
        char text[TOKEN_TEXT_SIZE], other_text[TOKEN_TEXT_SIZE];

        peer = (HttpPeer){ true, geteuid() };
        if (!story_has_journal() || !api_fixture_begin(&f) || !api_create(&f, "{\"command\":[\"make\"]}"))
                return;
        fake_unit_start(story_unit(&f.story));
        make_token(&f, "one", ACCESS_READ, 0, text);
        make_token(&f, "two", ACCESS_READ, 0, other_text);
        one = string_format("Authorization: Bearer %s\r\n", text);
        two = string_format("Authorization: Bearer %s\r\n", other_text);
        api_send(&f, &other, "GET", "/api/task-logs/{id}/stream", two, NULL);
        api_send(&f, &user, "GET", "/api/task-logs/{id}/stream", NULL, NULL);
        api_send(&f, &revoked, "GET", "/api/task-logs/{id}/stream", one, NULL);
        story_log(&f.story, "up", NULL);
        TAP_CHECK(STORY_UNTIL(&f.story, http_client_got(&revoked, "up") && http_client_got(&other, "up") &&
                                                http_client_got(&user, "up")));
        api_review_callers(f.api);
        story_settle(&f.story);
        TAP_CHECK(!revoked.ended && !other.ended && !user.ended);

        revoke_token(&f, "one");
        make_token(&f, "one", ACCESS_READ, 0, text); /* another one of that name, whose stream is the next one's */
        again = string_format("Authorization: Bearer %s\r\n", text);
        api_send(&f, &anew, "GET", "/api/task-logs/{id}/stream", again, NULL);
        TAP_CHECK(STORY_UNTIL(&f.story, http_client_got(&anew, "up")));
        api_review_callers(f.api);
        TAP_CHECK(STORY_UNTIL(&f.story, revoked.ended));
        TAP_CHECK_INT(http_client_count(&revoked, "\"final\""), 0);
        api_review_callers(f.api);
        story_log(&f.story, "still", NULL);
        TAP_CHECK(STORY_UNTIL(&f.story, http_client_got(&other, "still") && http_client_got(&user, "still")));
        TAP_CHECK(!other.ended && !user.ended && !anew.ended);
        peer = (HttpPeer){};
}

/* Root of this machine too: over TLS it is somebody on the network. */
static void test_over_tls_a_token_is_needed_whoever_it_is(void) {
        _cleanup_(api_fixture_done) ApiFixture f = { .http.with_tls = true };
        char text[TOKEN_TEXT_SIZE];
        size_t n_valid;

        if (!api_fixture_begin(&f))
                return;
        peer = (HttpPeer){ true, 0 };
        TAP_CHECK_INT(access_count_tokens(f.access, &n_valid), 0);
        make_token(&f, "past", ACCESS_READ, 1, text);
        make_token(&f, "there", ACCESS_READ, 0, text);
        TAP_CHECK_INT(access_count_tokens(f.access, &n_valid), 2);
        TAP_CHECK_INT(n_valid, 1);
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        f.over = HTTP_OVER_TLS;
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        api_check_error(&f, 401, "Authorization", "Whoever comes from elsewhere needs a token");
        TAP_CHECK_STRING(api_header(&f, "WWW-Authenticate"), "Bearer");
        ask_with(&f, text, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
        ask_with(&f, text, "POST", "/api/create-task", "{\"command\":[\"true\"]}");
        api_check_error(&f, 403, "Authorization", "needs the scope run");
        peer = (HttpPeer){};
}

static const TapTest tests[] = {
        { "each scope may so much", test_each_scope_may_so_much },
        { "a scope that does not suffice is named", test_a_scope_that_does_not_suffice_is_named },
        { "a token counts, whoever gives it", test_a_token_counts_whoever_gives_it },
        { "made and revoked while the service runs", test_made_and_revoked_while_the_service_runs },
        { "an expired token is refused", test_an_expired_token_is_refused },
        { "a broken file lets nobody in, and is told", test_a_broken_file_lets_nobody_in_and_is_told },
        { "how a token is given", test_how_a_token_is_given },
        { "over TLS a token is needed whoever it is", test_over_tls_a_token_is_needed_whoever_it_is },
        { "a stream ends when its token does", test_a_stream_ends_when_its_token_does },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

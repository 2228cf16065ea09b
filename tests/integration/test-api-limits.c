/* What is refused because there is too much of it already: the answer says so and when to come again, and others are
 * served meanwhile. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#define MAKE "{\"command\": [\"make\"]}"
#define STREAM "/api/task-logs/{id}/stream"
#define LOGS "/api/task/{id}/logs"
#define WHOLE "Accept: text/plain\r\n"

static HttpPeer peer;

/* In the place of http_peer_find() (see meson.build). */
HttpPeer __wrap_http_peer_find(int fd);
HttpPeer __wrap_http_peer_find(int fd _unused_) {
        return peer;
}

/* Root, and the owner: two who may use it. */
static const HttpPeer root = { true, 0 }, owner = { true, 1 };

static bool begin(ApiFixture *f, unsigned max_streams) {
        static const AccessOptions options = { .scope = RUNTIME_SCOPE_USER, .owner = 1 };

        if (!story_has_journal())
                return false;
        f->access_options = &options;
        peer = root;
        if (!api_fixture_begin(f) || !api_create(f, MAKE))
                return false;
        fake_unit_start(story_unit(&f->story));
        f->story.config.max_streams = max_streams;
        story_log(&f->story, "a line", NULL);
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING)));
}

static bool open_stream(ApiFixture *f, HttpClient *c, HttpPeer who) {
        peer = who;
        return api_send(f, c, "GET", STREAM, NULL, NULL) &&
               TAP_CHECK(STORY_UNTIL(&f->story, http_client_got(c, "a line")));
}

static void check_refused(ApiFixture *f, HttpPeer who, const char *path, const char *headers, unsigned status,
                          const char *part) {
        peer = who;
        api_ask(f, "GET", path, headers, NULL);
        api_check_error(f, status, NULL, part);
        TAP_CHECK_STRING(api_header(f, "Retry-After"), "5");
}

static void test_one_caller_streams_half_of_them(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient a = {}, b = {}, c = {};

        if (!begin(&f, 5) || !open_stream(&f, &a, root) || !open_stream(&f, &b, root))
                return;
        check_refused(&f, root, STREAM, NULL, 429, "For you 2 logs");
        check_refused(&f, root, LOGS, WHOLE, 429, "connection.max_streams");
        api_ask(&f, "GET", LOGS, NULL, NULL);
        TAP_CHECK_INT(f.status, 200); /* a page is none */
        if (!open_stream(&f, &c, owner))
                return;
        story_log(&f.story, "for all", NULL);
        TAP_CHECK(STORY_UNTIL(&f.story, http_client_got(&a, "for all") && http_client_got(&b, "for all") &&
                              http_client_got(&c, "for all")));

        http_client_done(&a);
        story_settle(&f.story);
        a = (HttpClient){};
        TAP_CHECK(open_stream(&f, &a, root));
}

static void test_all_callers_stream_so_many(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient a = {}, b = {}, c = {};

        if (!begin(&f, 4) || !open_stream(&f, &a, root) || !open_stream(&f, &b, owner) || !open_stream(&f, &c, owner))
                return;
        f.story.config.max_streams = 3;
        peer = root;
        check_refused(&f, root, STREAM, NULL, 429, "For you 1 logs");
        f.story.config.max_streams = 2;
        http_client_done(&a);
        story_settle(&f.story);
        a = (HttpClient){};
        check_refused(&f, root, LOGS, WHOLE, 503, "In all 2 logs");
        TAP_CHECK(!b.ended && !c.ended);
}

/* A download that has ended, one that was refused, and a stream that never began hold no place. */
static void test_places_are_given_back(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, 2))
                return;
        for (unsigned i = 0; i < 3; i++) {
                api_ask(&f, "GET", LOGS, WHOLE, NULL);
                TAP_CHECK_INT(f.status, 200);
                api_ask(&f, "HEAD", STREAM, NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
                api_ask(&f, "GET", STREAM "?after=nonsense", NULL, NULL);
                TAP_CHECK_INT(f.status, 400);
        }
}

static void test_tasks_that_find_no_room(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, 2))
                return;
        f.story.config.max_running_tasks = 1;
        f.story.config.max_queued_tasks = 0;
        api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
        api_check_error(&f, 503, NULL, "max_queued_tasks");
        TAP_CHECK_STRING(api_header(&f, "Retry-After"), "5");
        f.story.config.max_tasks = 1;
        f.story.config.max_queued_tasks = 5;
        api_ask(&f, "POST", "/api/create-task", NULL, MAKE);
        api_check_error(&f, 503, NULL, "persistence.max_tasks");
        TAP_CHECK_STRING(api_header(&f, "Retry-After"), "5");
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

static const TapTest tests[] = {
        { "one caller streams half of them", test_one_caller_streams_half_of_them },
        { "all callers stream so many", test_all_callers_stream_so_many },
        { "places are given back", test_places_are_given_back },
        { "tasks that find no room", test_tasks_that_find_no_room },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Who may use the API: users of this machine, as the connection tells them, and strangers. Whose connection it is says
 * `peer` here instead of the kernel (test-http-peer.c asks that). The users are of those that every Debian has, and
 * the group of those who may is `daemon`'s. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <pwd.h>

#define ROOT { true, 0 }
#define DAEMON { true, 1 } /* the owner; a member */
#define BIN { true, 2 }    /* neither */
#define SYS { true, 3 }    /* runs the tasks */
#define UNKNOWN { false, 0 }

static HttpPeer peer;

/* In the place of http_peer_find() (see meson.build). */
HttpPeer __wrap_http_peer_find(int fd);
HttpPeer __wrap_http_peer_find(int fd _unused_) {
        return peer;
}

static const AccessOptions system_mode = { .scope = RUNTIME_SCOPE_SYSTEM, .tasks_user = "sys", .group = "daemon" };
static const AccessOptions user_mode = { .scope = RUNTIME_SCOPE_USER, .owner = 1, .tasks_user = "sys" };

static bool begin(ApiFixture *f, const AccessOptions *options) {
        if (!getpwnam("daemon") || !getpwnam("sys")) {
                tap_skip("the usual users are missing here");
                return false;
        }
        f->access_options = options;
        return api_fixture_begin(f);
}

static void ask_as(ApiFixture *f, HttpPeer who, const char *method, const char *path, const char *body) {
        peer = who;
        api_ask(f, method, path, NULL, body);
}

/* --- every route, and what it takes --- */

#define ID "task-1700000000-000000"

/* What is asked for is not there: who is let in gets 404 or 400. The same rows as routes.c. */
static const struct {
        const char *method, *path, *body;
        AccessScope scope;
} routes[] = {
        { "GET", "/", NULL, ACCESS_NONE },
        { "POST", "/api/create-task", "{}", ACCESS_RUN },
        { "GET", "/api/tasks", NULL, ACCESS_READ },
        { "GET", "/api/tasks/by-repo", NULL, ACCESS_READ },
        { "GET", "/api/tasks/repo/a/b", NULL, ACCESS_READ },
        { "GET", "/api/repository-stats", NULL, ACCESS_READ },
        { "GET", "/api/task-status/" ID, NULL, ACCESS_READ },
        { "GET", "/api/task/" ID "/check-alive", NULL, ACCESS_READ },
        { "GET", "/api/task/" ID "/logs", NULL, ACCESS_READ },
        { "GET", "/api/task-logs/" ID "/stream", NULL, ACCESS_READ },
        { "GET", "/api/task/" ID "/diff", NULL, ACCESS_READ },
        { "POST", "/api/task/" ID "/commit", "{}", ACCESS_RUN },
        { "POST", "/api/task/" ID "/create-pr", "{}", ACCESS_RUN },
        { "POST", "/api/create-pr", "{}", ACCESS_RUN },
        { "POST", "/api/task/" ID "/cancel", NULL, ACCESS_RUN },
        { "POST", "/api/task/" ID "/continue", NULL, ACCESS_RUN },
        { "POST", "/api/task/" ID "/resume", NULL, ACCESS_RUN },
        { "DELETE", "/api/task/" ID, NULL, ACCESS_ADMIN },
        { "GET", "/api/dashboard", NULL, ACCESS_READ },
        { "GET", "/api/health", NULL, ACCESS_NONE },
};

/* Who is refused gets `status` for whatever is no secret of nobody's. */
static void check_all_routes(ApiFixture *f, HttpPeer who, unsigned status) {
        for (size_t i = 0; i < ELEMENTSOF(routes); i++) {
                bool refused, should = status > 0 && routes[i].scope > ACCESS_NONE;

                ask_as(f, who, routes[i].method, routes[i].path, routes[i].body);
                refused = f->status == 401 || f->status == 403;
                if (refused != should || (refused && f->status != status))
                        tap_fail(__FILE__, __LINE__, "%s %s: uid %d gets %u", routes[i].method, routes[i].path,
                                 who.is_known ? (int) who.uid : -1, f->status);
        }
}

static void test_no_route_is_forgotten_here(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        unsigned n = 0;

        if (!begin(&f, &system_mode))
                return;
        /* The source is the list; the table must have a row for each. */
        FILE *source = fopen("src/api/routes.c", "re");
        char line[512];

        if (!TAP_CHECK(source))
                return;
        while (fgets(line, sizeof(line), source))
                n += strstr(line, ", ACCESS_") && strstr(line, "{ \"");
        (void) fclose(source);
        TAP_CHECK_INT(n, ELEMENTSOF(routes));
}

static void test_system_mode(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &system_mode))
                return;
        check_all_routes(&f, (HttpPeer) ROOT, 0);
        check_all_routes(&f, (HttpPeer) DAEMON, 0);
        check_all_routes(&f, (HttpPeer) BIN, 403);
        check_all_routes(&f, (HttpPeer) SYS, 403);
        check_all_routes(&f, (HttpPeer) UNKNOWN, 401);
}

static void test_user_mode(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &user_mode))
                return;
        check_all_routes(&f, (HttpPeer) ROOT, 0);
        check_all_routes(&f, (HttpPeer) DAEMON, 0);
        check_all_routes(&f, (HttpPeer) BIN, 403);
        check_all_routes(&f, (HttpPeer) UNKNOWN, 401);
}

/* --- one by one --- */

static void test_the_tasks_user_is_refused_as_a_member_too(void) {
        static const AccessOptions options = { .scope = RUNTIME_SCOPE_SYSTEM, .tasks_user = "daemon",
                                               .group = "daemon" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &options))
                return;
        ask_as(&f, (HttpPeer) DAEMON, "GET", "/api/tasks", NULL);
        api_check_error(&f, 403, NULL, "user:1(daemon) is who runs the tasks");
}

/* Root can do all of that without us. */
static void test_root_may_even_where_it_runs_the_tasks(void) {
        static const AccessOptions options = { .scope = RUNTIME_SCOPE_SYSTEM, .tasks_user = "0", .group = "daemon" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &options))
                return;
        ask_as(&f, (HttpPeer) ROOT, "GET", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 200);
}

static void test_without_the_group_root_alone_is_let_in(void) {
        static const AccessOptions options = { .scope = RUNTIME_SCOPE_SYSTEM, .tasks_user = "no-such-user",
                                               .group = "no-such-group" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &options))
                return;
        check_all_routes(&f, (HttpPeer) ROOT, 0);
        check_all_routes(&f, (HttpPeer) DAEMON, 403);
        check_all_routes(&f, (HttpPeer) SYS, 403);
}

static void test_the_refusal_says_what_to_do(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &system_mode))
                return;
        ask_as(&f, (HttpPeer) BIN, "POST", "/api/create-task", "{\"command\": [\"true\"]}");
        api_check_error(&f, 403, NULL, "user:2(bin) may not use this service: let root say \"usermod -aG daemon ");
        TAP_CHECK_STRING(api_header(&f, "WWW-Authenticate"), NULL);
        ask_as(&f, (HttpPeer) UNKNOWN, "POST", "/api/create-task", "{\"command\": [\"true\"]}");
        api_check_error(&f, 401, "Authorization", "--new-token");
        TAP_CHECK_STRING(api_header(&f, "WWW-Authenticate"), "Bearer");
        TAP_CHECK_INT(story_count_files(&f.story, "task-"), 0);
}

/* Who is not let in does not learn what there is, nor whether the request was well made. */
static void test_a_stranger_learns_nothing_of_tasks(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &user_mode))
                return;
        peer = (HttpPeer) DAEMON;
        if (!api_create(&f, "{\"command\": [\"make\"]}"))
                return;
        ask_as(&f, (HttpPeer) BIN, "GET", "/api/task-status/{id}", NULL);
        TAP_CHECK_INT(f.status, 403);
        ask_as(&f, (HttpPeer) BIN, "POST", "/api/create-task", "no JSON");
        TAP_CHECK_INT(f.status, 403);
        ask_as(&f, (HttpPeer) BIN, "DELETE", "/api/task/{id}", NULL);
        TAP_CHECK_INT(f.status, 403);
        ask_as(&f, (HttpPeer) BIN, "POST", "/api/task/{id}/cancel", NULL);
        TAP_CHECK_INT(f.status, 403);
        TAP_CHECK(!story_task(&f.story)->cancel_requested);
        ask_as(&f, (HttpPeer) BIN, "HEAD", "/api/tasks", NULL);
        TAP_CHECK_INT(f.status, 403);
}

static void test_a_stranger_sees_whether_the_service_is_well(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &user_mode))
                return;
        ask_as(&f, (HttpPeer) DAEMON, "GET", "/api/health", NULL);
        TAP_CHECK_CONTAINS(f.body, "state_directory");
        if (f.status == 200) {
                ask_as(&f, (HttpPeer) BIN, "GET", "/api/health", NULL);
                TAP_CHECK_INT(f.status, 200);
                TAP_CHECK_STRING(f.body, "{\"status\":\"ok\"}\n");
        }
        fake_drop_connection(&f.story.systemd);
        story_settle(&f.story);
        ask_as(&f, (HttpPeer) UNKNOWN, "GET", "/api/health", NULL);
        TAP_CHECK_INT(f.status, 503);
        TAP_CHECK_STRING(f.body, "{\"status\":\"degraded\"}\n");
}

/* What the databases said is believed for five seconds, of the sixteen who asked last. */
static void test_many_strangers_cost_nobody_the_entrance(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &system_mode))
                return;
        for (uid_t uid = 5000; uid < 5040; uid++) {
                ask_as(&f, (HttpPeer){ true, uid }, "GET", "/api/tasks", NULL);
                TAP_CHECK_INT(f.status, 403);
                ask_as(&f, (HttpPeer) DAEMON, "GET", "/api/tasks", NULL);
                TAP_CHECK_INT(f.status, 200);
                test_clock_advance(USEC_PER_SEC);
        }
}

static void test_an_authorization_that_is_no_token_is_refused(void) {
        static const char *const values[] = { "Basic cm9vdDpyb290", "Bearer", "Bearer ", "bearer x", "Bearer root",
                                              "Negotiate abc", "Bearer a b", "x" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f, &user_mode))
                return;
        peer = (HttpPeer) ROOT;
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_free_ char *header = string_format("Authorization: %s\r\n", values[i]);

                api_ask(&f, "GET", "/api/tasks", header, NULL);
                api_check_error(&f, 401, "Authorization", "token");
                TAP_CHECK_CONTAINS(api_header(&f, "WWW-Authenticate"), "Bearer error=\"invalid_token\"");
                /* Also where none is needed, so that a client notices. */
                api_ask(&f, "GET", "/api/health", header, NULL);
                api_check_error(&f, 401, "Authorization", "token");
        }
}

static const TapTest tests[] = {
        { "no route is forgotten here", test_no_route_is_forgotten_here },
        { "system mode: root and the members of the group", test_system_mode },
        { "user mode: the owner and root", test_user_mode },
        { "the tasks' user is refused, as a member too", test_the_tasks_user_is_refused_as_a_member_too },
        { "root may, even where it runs the tasks", test_root_may_even_where_it_runs_the_tasks },
        { "without the group root alone is let in", test_without_the_group_root_alone_is_let_in },
        { "the refusal says what to do", test_the_refusal_says_what_to_do },
        { "a stranger learns nothing of tasks", test_a_stranger_learns_nothing_of_tasks },
        { "a stranger sees whether the service is well", test_a_stranger_sees_whether_the_service_is_well },
        { "many strangers cost nobody the entrance", test_many_strangers_cost_nobody_the_entrance },
        { "an authorization that is no token is refused", test_an_authorization_that_is_no_token_is_refused },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

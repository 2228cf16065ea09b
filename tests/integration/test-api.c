/* The surface of the API over a real socket: what every route refuses and how it says so. What the routes do is in
 * test-api-tasks.c and test-api-stream.c. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <stdio.h>

#define MAKE "{\"command\": [\"make\"]}"
#define NO_TASK "task-1700000000-abcdef"

static const struct {
        const char *method, *path;
        bool takes_json;
} routes[] = {
        { "POST", "/api/create-task", true },
        { "GET", "/", false },
        { "GET", "/api/tasks", false },
        { "GET", "/api/tasks/by-repo", false },
        { "GET", "/api/tasks/repo/owner/name", false },
        { "GET", "/api/repository-stats", false },
        { "POST", "/api/task/{id}/continue", false },
        { "POST", "/api/task/{id}/resume", false },
        { "GET", "/api/task-status/{id}", false },
        { "GET", "/api/task/{id}/check-alive", false },
        { "GET", "/api/task/{id}/logs", false },
        { "GET", "/api/task-logs/{id}/stream", false },
        { "POST", "/api/task/{id}/cancel", false },
        { "DELETE", "/api/task/{id}", false },
        { "GET", "/api/dashboard", false },
        { "GET", "/api/health", false },
};

/* Whatever was refused left nothing behind. */
static void check_nothing_happened(ApiFixture *f) {
        story_settle(&f->story);
        TAP_CHECK_INT(story_count_files(&f->story, "task-"), 0);
        TAP_CHECK_INT(manager_index(f->story.manager)->n, 0);
        TAP_CHECK_INT(fake_count_calls(&f->story.systemd, "StartTransientUnit"), 0);
}

/* --- paths and methods --- */

static void test_wrong_methods(void) {
        static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        snprintf(f.story.id, sizeof(f.story.id), NO_TASK);
        for (size_t i = 0; i < ELEMENTSOF(routes); i++)
                for (size_t k = 0; k < ELEMENTSOF(methods); k++) {
                        bool get = string_equal(routes[i].method, "GET");

                        if (string_equal(methods[k], routes[i].method) || (get && string_equal(methods[k], "HEAD")))
                                continue;
                        api_ask(&f, methods[k], routes[i].path, NULL, NULL);
                        TAP_CHECK_INT(f.status, 405);
                        TAP_CHECK_STRING(api_header(&f, "Allow"), get ? "GET, HEAD" : routes[i].method);
                        if (!string_equal(methods[k], "HEAD"))
                                api_check_error(&f, 405, NULL, routes[i].method);
                }
        check_nothing_happened(&f);
}

static void test_unknown_routes(void) {
        static const char *const paths[] = {
                "/x",
                "/api",
                "/api/",
                "/api/tasks/repo",
                "/api/tasks/repo/",
                "/api/tasks/",
                "/api/task",
                "/api/task/",
                "/api/task//cancel",
                "/API/tasks",
                "/api/task/{id}/cancel/",
                "/api/task/{id}/",
                "/api/task-status/{id}/x",
                "/api/task-logs/{id}",
                "/api/healthy",
                "//api/tasks",
                "/api/create-task/x",
                "/favicon.ico",
                "/api/task/a/b/cancel",
                "/api/task/a%2fb/cancel",
                "/api/task-status/..%2f..%2fetc%2fpasswd",
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        snprintf(f.story.id, sizeof(f.story.id), NO_TASK);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                api_ask(&f, "GET", paths[i], NULL, NULL);
                api_check_error(&f, 404, NULL, "There is no such route");
                TAP_CHECK_STRING(api_header(&f, "Allow"), NULL);
        }
}

static void test_unknown_tasks(void) {
        static const char *const ids[] = {
                NO_TASK, "x", "..", "%2e%2e", "task-1700000000-ABCDEF", "task-1700000000-abcdef0", "%20", "*",
                "task-1700000000-abcdef%00", "0123456789012345678901234567890123456789012345678901234567890123456789",
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(routes); i++)
                for (size_t k = 0; k < ELEMENTSOF(ids) && strstr(routes[i].path, "{id}"); k++) {
                        bool malformed = strstr(ids[k], "%00");
                        const char *hole = strstr(routes[i].path, "{id}");
                        _cleanup_free_ char *path = NULL;

                        path = string_format("%.*s%s%s", (int) (hole - routes[i].path), routes[i].path, ids[k],
                                             hole + strlen("{id}"));
                        api_ask(&f, routes[i].method, path, NULL, NULL);
                        api_check_error(&f, malformed ? 400 : 404, NULL, malformed ? "NUL" : "Task not found");
                }
        check_nothing_happened(&f);
}

static void test_malformed_targets(void) {
        static const char *const targets[] = { "/api/tasks%", "/api/tasks%4", "/api/%zz", "/api/tasks?limit=%",
                                               "/api/tasks?a%00=1", "*", "api/tasks" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                api_ask(&f, "GET", targets[i], NULL, NULL);
                TAP_CHECK_INT(f.status, 400);
        }
}

/* HEAD is GET without the body. */
static void test_head(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char size[32];

        if (!api_fixture_begin(&f) || !api_create(&f, MAKE))
                return;
        for (size_t i = 0; i < ELEMENTSOF(routes); i++) {
                unsigned status;

                if (!string_equal(routes[i].method, "GET") || strstr(routes[i].path, "stream"))
                        continue;
                api_ask(&f, "GET", routes[i].path, NULL, NULL);
                status = f.status;
                snprintf(size, sizeof(size), "%zu", strlen(f.body ?: ""));
                TAP_CHECK_STRING(api_header(&f, "Content-Length"), size);
                api_ask(&f, "HEAD", routes[i].path, NULL, NULL);
                TAP_CHECK_INT(f.status, status);
                TAP_CHECK_STRING(f.body, "");
                TAP_CHECK_STRING(api_header(&f, "Content-Type"),
                                 string_equal(routes[i].path, "/") ? "text/html; charset=utf-8" : "application/json");
                TAP_CHECK(api_header(&f, "Content-Length"));
        }
}

/* --- who may ask --- */

static void test_hosts(void) {
        static const struct {
                const char *headers;
                unsigned status;
                const char *field;
        } rows[] = {
                { "Host: localhost\r\n", 200, NULL },
                { "Host: LocalHost:15001\r\n", 200, NULL },
                { "Host: 127.0.0.1:15001\r\n", 200, NULL },
                { "Host: [::1]:15001\r\n", 200, NULL },
                { "Host: example.org\r\n", 403, "Host" },
                { "Host: localhost.example.org\r\n", 403, "Host" },
                { "Host: 127.0.0.1.example.org\r\n", 403, "Host" },
                { "Host: 127.0.0.2\r\n", 403, "Host" },
                { "Host: localhost:15001\r\nOrigin: http://localhost:15001\r\n", 200, NULL },
                { "Host: localhost:15001\r\nOrigin: http://LOCALHOST:15001\r\n", 200, NULL },
                { "Host: localhost:15001\r\nOrigin: http://localhost:8080\r\n", 403, "Origin" },
                { "Host: localhost:15001\r\nOrigin: http://example.org\r\n", 403, "Origin" },
                { "Host: localhost:15001\r\nOrigin: null\r\n", 403, "Origin" },
                { "Host: localhost:15001\r\nOrigin: localhost:15001\r\n", 403, "Origin" },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "GET", "/api/tasks", rows[i].headers, NULL);
                TAP_CHECK_INT(f.status, rows[i].status);
                if (rows[i].field)
                        api_check_error(&f, 403, rows[i].field, "");
                if (rows[i].field) {
                        api_ask(&f, "POST", "/api/create-task", rows[i].headers, MAKE);
                        api_check_error(&f, 403, rows[i].field, "");
                }
        }
        check_nothing_happened(&f);
}

static void test_both_sockets(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (HttpOver over = HTTP_OVER_TCP; over <= HTTP_OVER_UNIX; over++) {
                f.over = over;
                TAP_CHECK(api_create(&f, MAKE));
                api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
                TAP_CHECK_STRING(api_string(&f, "task_id"), f.story.id);
        }
}

/* --- bodies --- */

static void test_bodies_must_be_json(void) {
        static const char *const types[] = { "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                                             "application", "multipart/form-data; boundary=application/json" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        snprintf(f.story.id, sizeof(f.story.id), NO_TASK);
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                _cleanup_free_ char *header = string_format("Content-Type: %s\r\n", types[i]);

                for (size_t k = 0; k < ELEMENTSOF(routes); k++) {
                        api_ask(&f, routes[k].method, routes[k].path, header, MAKE);
                        api_check_error(&f, 415, "Content-Type", "application/json");
                }
        }
        /* Only where a body is wanted. */
        for (size_t k = 0; k < ELEMENTSOF(routes); k++) {
                api_ask(&f, routes[k].method, routes[k].path, NULL, NULL);
                TAP_CHECK_INT(f.status == 415, routes[k].takes_json);
        }
        check_nothing_happened(&f);
        api_ask(&f, "POST", "/api/create-task", "Content-Type: Application/JSON; charset=utf-8\r\n", MAKE);
        TAP_CHECK_INT(f.status, 200);
}

static void test_large_bodies(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *body = malloc(API_BODY_MAX + 2);

        if (!TAP_CHECK(body) || !api_fixture_begin(&f))
                return;
        snprintf(body, API_BODY_MAX, MAKE);
        memset(body + strlen(MAKE), ' ', API_BODY_MAX + 1 - strlen(MAKE));
        body[API_BODY_MAX + 1] = 0;
        api_ask(&f, "POST", "/api/create-task", NULL, body);
        api_check_error(&f, 413, NULL, "longer than");
        check_nothing_happened(&f);
        body[API_BODY_MAX] = 0;
        api_ask(&f, "POST", "/api/create-task", NULL, body);
        TAP_CHECK_INT(f.status, 200);
}

static void test_bad_requests_for_tasks(void) {
        static const struct {
                const char *body, *field, *part;
        } rows[] = {
                { "", NULL, "" },
                { "{", NULL, "" },
                { "{} {}", NULL, "" },
                { "[]", NULL, "" },
                { "null", NULL, "" },
                { "\"x\"", NULL, "" },
                { "{\"command\": [\"a\\u0000b\"]}", "command", "" },
                { "{\"command\": [\"\xff\"]}", NULL, "" },
                { "{\"command\": \"make\"}", "command", "" },
                { "{\"command\": [1]}", "command", "" },
                { "{\"command\": []}", "command", "non-empty" },
                { "{\"command\": [\"\"]}", "command", "non-empty" },
                { "{\"command\": [\"./x\"]}", "command", "working_directory" },
                { "{\"command\": [\"x\"], \"comand\": 1}", "comand", "" },
                { "{\"command\": [\"x\"], \"task_id\": \"y\"}", "task_id", "" },
                { "{\"command\": [\"x\"], \"working_directory\": \"tmp\"}", "working_directory", "absolute" },
                { "{\"command\": [\"x\"], \"working_directory\": \"/tmp/../etc\"}", "working_directory", "" },
                { "{\"command\": [\"x\"], \"timeout\": 0}", "timeout", "7200" },
                { "{\"command\": [\"x\"], \"timeout\": 7201}", "timeout", "7200" },
                { "{\"command\": [\"x\"], \"timeout\": -1}", "timeout", "" },
                { "{\"command\": [\"x\"], \"timeout\": \"10\"}", "timeout", "" },
                { "{\"command\": [\"x\"], \"environment\": {\"A B\": \"1\"}}", "environment", "A B" },
                { "{\"command\": [\"x\"], \"environment\": {\"A\": 1}}", "environment", "" },
                { "{\"command\": [\"x\"], \"environment\": [\"A=1\"]}", "environment", "" },
                { "{\"command\": [\"x\"], \"labels\": {\"a\": null}}", "labels", "" },
                { "{}", "task_description", "Missing required field: task_description" },
                { "{\"task_description\": \"d\"}", "github_repo", "working_directory" },
                { "{\"recipe\": \"x\"}", "recipe", "there are command, claude, codex" },
                { "{\"command\": [\"x\"], \"github_repo\": \"-x\"}", "github_repo", "dash" },
                { "{\"devpod_name\": \"a\"}", "github_repo", "Missing required field: github_repo" },
                { "{\"devpod_name\": \"a\", \"github_repo\": \"b\", \"task_description\": \"d\"}", "github_token",
                  "Missing required field: github_token" },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "POST", "/api/create-task", NULL, rows[i].body);
                api_check_error(&f, 400, rows[i].field, rows[i].part);
                if (f.status != 400)
                        printf("# %s\n", rows[i].body);
        }
        check_nothing_happened(&f);
}

static void test_bad_queries(void) {
        static const struct {
                const char *path, *field;
        } rows[] = {
                { "/api/tasks?limit=-1", "limit" },          { "/api/tasks?limit=x", "limit" },
                { "/api/tasks?limit=", "limit" },            { "/api/tasks?limit=1001", "limit" },
                { "/api/tasks?after=x", "after" },           { "/api/tasks?after=", "after" },
                { "/api/task/{id}/logs?limit=x", "limit" },  { "/api/task/{id}/logs?limit=10001", "limit" },
                { "/api/task/{id}/logs?after=x", "after" },  { "/api/task/{id}/logs?grep=(", "grep" },
                { "/api/task/{id}/logs?before=x", "before" }, { "/api/task/{id}/logs?order=up", "order" },
                { "/api/task/{id}/logs?since=x", "since" },  { "/api/task/{id}/logs?until=x", "until" },
                { "/api/task/{id}/logs?source=", "source" }, { "/api/task/{id}/logs?source=stdout,gap", "source" },
                { "/api/task/{id}/logs?order=", "order" },   { "/api/task/{id}/logs?limit=", "limit" },
                { "/api/task/{id}/logs?after=", "after" },   { "/api/task/{id}/logs?before=", "before" },
                { "/api/task/{id}/logs?since=@", "since" },  { "/api/task/{id}/logs?since=@-1", "since" },
                { "/api/task/{id}/logs?until=@99999999999999999999", "until" },
                { "/api/task/{id}/logs?since=@2&until=@1", "since" },
                { "/api/task/{id}/logs?tail=x", "tail" },    { "/api/task/{id}/logs?tail=1", "tail" },
                { "/api/task/{id}/logs?tail=1&limit=1", "tail" },
                { "/api/task/{id}/logs?tail=1&since=@1", "tail" },
                { "/api/task/{id}/logs?grep=%ff", "grep" },  { "/api/task/{id}/logs?grep=(*UTF)x", "grep" },
                { "/api/task-logs/{id}/stream?tail=x", "tail" }, { "/api/task-logs/{id}/stream?tail=-1", "tail" },
                { "/api/task-logs/{id}/stream?after=x", "after" },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !api_create(&f, MAKE))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "GET", rows[i].path, NULL, NULL);
                api_check_error(&f, 400, rows[i].field, rows[i].field);
                if (f.status != 400)
                        printf("# %s\n", rows[i].path);
        }
        for (size_t i = 0; i < 2; i++) {
                static const char *const paths[] = { "/api/task/{id}/logs?tail=1000001",
                                                     "/api/task-logs/{id}/stream?tail=1000001" };

                api_ask(&f, "GET", paths[i], "Accept: text/plain, text/event-stream\r\n", NULL);
                api_check_error(&f, 400, "tail", "tail must be a whole number up to 1000000");
        }
        api_ask(&f, "GET", "/api/task-logs/{id}/stream", "Last-Event-ID: x\r\n", NULL);
        api_check_error(&f, 400, "Last-Event-ID", "cursor");
}

/* --- the page --- */

static void test_page(void) {
        static const struct {
                const char *name, *value;
        } headers[] = {
                { "Content-Type", "text/html; charset=utf-8" }, { "X-Content-Type-Options", "nosniff" },
                { "Referrer-Policy", "no-referrer" },           { "Cache-Control", "no-cache" },
        };
        static const char *const parts[] = {
                "default-src 'none';", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self';",
                "base-uri 'none';", "form-action 'none';", "frame-ancestors 'none'",
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        const char *policy;

        if (!api_fixture_begin(&f))
                return;
        api_ask(&f, "GET", "/", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_CONTAINS(f.body, "<title>Remote Developer</title>");
        TAP_CHECK_CONTAINS(f.body, "</html>");
        for (size_t i = 0; i < ELEMENTSOF(headers); i++)
                TAP_CHECK_STRING(api_header(&f, headers[i].name), headers[i].value);
        policy = api_header(&f, "Content-Security-Policy");
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                TAP_CHECK_CONTAINS(policy, parts[i]);
        TAP_CHECK(!strstr(policy, "unsafe"));
        api_ask(&f, "HEAD", "/", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

static const TapTest tests[] = {
        { "the page", test_page },
        { "wrong methods are told the right ones", test_wrong_methods },
        { "unknown routes", test_unknown_routes },
        { "unknown tasks", test_unknown_tasks },
        { "malformed targets", test_malformed_targets },
        { "HEAD is GET without the body", test_head },
        { "only this machine's programs may ask", test_hosts },
        { "both sockets", test_both_sockets },
        { "bodies must be JSON", test_bodies_must_be_json },
        { "large bodies", test_large_bodies },
        { "bad requests for tasks leave nothing behind", test_bad_requests_for_tasks },
        { "bad queries name their field", test_bad_queries },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

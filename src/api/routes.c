/* The whole surface of the API, and the way from a request to its row. README.md's table of routes equals this one;
 * a test compares them. */
#include "log-page.h"

#include <remote-developer/strings.h>

#include <strings.h>

static const ApiRoute routes[] = {
        { "GET", "/", api_get_page, ACCESS_NONE, false },
        { "POST", "/api/create-task", api_post_create_task, ACCESS_RUN, true },
        { "GET", "/api/tasks", api_get_tasks, ACCESS_READ, false },
        { "GET", "/api/tasks/by-repo", api_get_tasks_by_repo, ACCESS_READ, false },
        { "GET", "/api/tasks/repo/{owner/name}", api_get_tasks_of_repo, ACCESS_READ, false },
        { "GET", "/api/repository-stats", api_get_repository_stats, ACCESS_READ, false },
        { "GET", "/api/task-status/{id}", api_get_task_status, ACCESS_READ, false },
        { "GET", "/api/task/{id}/check-alive", api_get_check_alive, ACCESS_READ, false },
        { "GET", "/api/task/{id}/logs", api_get_logs, ACCESS_READ, false },
        { "GET", "/api/task-logs/{id}/stream", api_get_stream, ACCESS_READ, false },
        { "GET", "/api/task/{id}/diff", api_get_diff, ACCESS_READ, false },
        { "POST", "/api/task/{id}/commit", api_post_commit, ACCESS_RUN, false },
        { "POST", "/api/task/{id}/create-pr", api_post_create_pr, ACCESS_RUN, false },
        { "POST", "/api/create-pr", api_post_create_pr_of_pod, ACCESS_RUN, true },
        { "POST", "/api/task/{id}/cancel", api_post_cancel, ACCESS_RUN, false },
        { "POST", "/api/task/{id}/continue", api_post_continue, ACCESS_RUN, false },
        { "POST", "/api/task/{id}/resume", api_post_resume, ACCESS_RUN, false },
        { "DELETE", "/api/task/{id}", api_delete_task, ACCESS_ADMIN, false },
        { "GET", "/api/dashboard", api_get_dashboard, ACCESS_READ, false },
        { "GET", "/api/health", api_get_health, ACCESS_NONE, false },
};

/* The longest is the name of a repository, which may be a path. */
#define PARAMETER_SIZE 4096

/* Whether the path is the row's; what stands for the placeholder goes into `parameter`: {id} is one word of the path,
 * {owner/name} the rest of it. One too long for anything is cut, and thus names nothing. */
static bool path_matches(const char *pattern, const char *path, char parameter[static PARAMETER_SIZE]) {
        const char *hole = strchr(pattern, '{'), *end = hole ? strchr(hole, '}') : NULL;
        size_t before, n;

        parameter[0] = 0;
        if (!end)
                return string_equal(pattern, path);
        before = (size_t) (hole - pattern);
        if (strncmp(pattern, path, before) != 0)
                return false;
        n = memchr(hole, '/', (size_t) (end - hole)) ? strlen(path + before) : strcspn(path + before, "/");
        if (n == 0 || !string_equal(path + before + n, end + 1))
                return false;
        n = MIN_OF(n, (size_t) PARAMETER_SIZE - 1);
        memcpy(parameter, path + before, n);
        parameter[n] = 0;
        return true;
}

static bool method_matches(const ApiRoute *route, const char *method) {
        return string_equal(route->method, method) ||
               (string_equal(route->method, "GET") && string_equal(method, "HEAD"));
}

static bool check_body(HttpRequest *r, const ApiRoute *route) {
        size_t size;

        if (http_request_body_is_too_large(r)) {
                reply_error(r, 413, NULL, "The request's body is longer than 1 MiB");
                return false;
        }
        if (http_request_body_is_refused(r)) {
                (void) http_request_add_header(r, "Retry-After", "5");
                reply_error(r, 503, NULL, "Too many bodies of requests are being read at the moment; try again later");
                return false;
        }
        http_request_body(r, &size);
        return origin_check_type(r, route->takes_json || size > 0);
}

static void call_route(Api *a, HttpRequest *r, const ApiRoute *route, const char *parameter) {
        Caller caller;

        if (!access_admit(a->access, r, route->scope, &caller) || !check_body(r, route))
                return;
        a->caller = &caller;
        route->handler(a, r, parameter);
        a->caller = NULL;
        if (!string_equal(route->method, "GET"))
                answers_forget(a);
}

static int append_method(Buffer *allow, const char *method) {
        int e = 0;

        if (allow->size > 0)
                e = buffer_append_string(allow, ", ");
        if (e >= 0)
                e = buffer_append_string(allow, method);
        if (e >= 0 && string_equal(method, "GET"))
                e = buffer_append_string(allow, ", HEAD");
        return e;
}

static void reply_no_route(HttpRequest *r, const Buffer *allow) {
        if (allow->size == 0) {
                reply_error(r, 404, NULL, "There is no such route; the README lists them");
                return;
        }
        (void) http_request_add_header(r, "Allow", allow->data);
        reply_error(r, 405, NULL, "This route takes %s", allow->data);
}

static void dispatch(Api *a, HttpRequest *r) {
        _cleanup_(buffer_done) Buffer allow = BUFFER_NULL;
        char parameter[PARAMETER_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(routes); i++) {
                if (!path_matches(routes[i].path, http_request_path(r), parameter))
                        continue;
                if (method_matches(&routes[i], http_request_method(r))) {
                        call_route(a, r, &routes[i], parameter);
                        return;
                }
                (void) append_method(&allow, routes[i].method);
        }
        reply_no_route(r, &allow);
}

void api_on_request(HttpRequest *request, void *api) {
        answers_note_turn(api);
        origin_add_headers(request);
        if (http_request_fault(request))
                reply_error(request, 400, NULL, "%s", http_request_fault(request));
        else if (origin_check(api, request))
                dispatch(api, request);
}

int api_new(sd_event *event, Manager *manager, Access *access, Api **ret) {
        Api *a = calloc(1, sizeof(Api));

        if (!a)
                return -ENOMEM;
        a->event = event;
        a->manager = manager;
        a->access = access;
        *ret = a;
        return 0;
}

void api_set_hosts(Api *a, char *const *hosts) {
        a->hosts = hosts;
}

void api_set_doctor(Api *a, Doctor *doctor) {
        a->doctor = doctor;
}

Api *api_free(Api *a) {
        if (!a)
                return NULL;
        assert(LIST_EMPTY(&a->streams) && LIST_EMPTY(&a->downloads));
        log_pages_free(a);
        answers_done(a);
        health_answers_done(a);
        operation_waits_end(a);
        free(a);
        return NULL;
}

/* What the files of api/ share: the Api, a route, and replying.
 *
 *   routes.c          the table of the whole surface, and dispatch
 *   reply.c           JSON replies, problems as replies
 *   task-handlers.c   create, look, cancel, resume, forget
 *   task-lists.c      lists and the dashboard
 *   log-handlers.c    the log as pages
 *   log-stream.c      the log as a stream of events
 *   health.c          how the service itself is
 */
#pragma once

#include <remote-developer/api.h>
#include <remote-developer/json.h>

typedef struct LogStream LogStream;

struct Api {
        sd_event *event;
        Manager *manager;
        LogStream *streams; /* every open one */
        bool ending;
};

/* `parameter`: what stands in the place of {id}; NULL where the path has none. */
typedef void (*ApiHandler)(Api *a, HttpRequest *request, const char *parameter);

/* One row of the table. */
typedef struct ApiRoute {
        const char *method;
        const char *path;
        ApiHandler handler;
        bool takes_json; /* the body must be JSON */
} ApiRoute;

void api_post_create_task(Api *a, HttpRequest *r, const char *parameter);
void api_get_task_status(Api *a, HttpRequest *r, const char *id);
void api_get_check_alive(Api *a, HttpRequest *r, const char *id);
void api_post_cancel(Api *a, HttpRequest *r, const char *id);
void api_post_resume(Api *a, HttpRequest *r, const char *id);
void api_delete_task(Api *a, HttpRequest *r, const char *id);
void api_get_tasks(Api *a, HttpRequest *r, const char *parameter);
void api_get_dashboard(Api *a, HttpRequest *r, const char *parameter);
void api_get_logs(Api *a, HttpRequest *r, const char *id);
void api_get_stream(Api *a, HttpRequest *r, const char *id);
void api_get_health(Api *a, HttpRequest *r, const char *parameter);

/* Replying. All answer the request. `body` is taken. */
void reply_json(HttpRequest *r, unsigned status, Json *body);
void reply_error(HttpRequest *r, unsigned status, const char *field, const char *format, ...) _printf_(4, 5);
void reply_problem(HttpRequest *r, const Problem *problem);
void reply_not_found(HttpRequest *r);
void reply_errno(HttpRequest *r, int error);

/* The query's whole number; absent: `fallback`. Answers with 400 and returns false when it is none in the range. */
bool query_number(HttpRequest *r, const char *name, uint64_t fallback, uint64_t max, uint64_t *ret);

/* The last lines of a task's log as an array of strings. */
int log_tail(Api *a, const char *id, uint64_t lines, Json **ret);

/* Puts the viewer behind the client's cursor, or answers with 400 and returns false. */
bool seek_client_cursor(HttpRequest *r, LogViewer *viewer, const char *id, const char *field, const char *cursor);

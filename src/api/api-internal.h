/* What the files of api/ share: the Api, a route, and replying.
 *
 *   routes.c          the table of the whole surface, and dispatch
 *   access.c          who may use it
 *   origin.c          requests from browsers: whose page they are from
 *   reply.c           JSON replies, problems as replies
 *   answer-cache.c    replies that are given again
 *   task-handlers.c   create, look, cancel, resume, forget
 *   operation-handlers.c  commits and pull requests
 *   task-lists.c      lists and the dashboard
 *   repository-lists.c  tasks and totals by repository
 *   log-handlers.c    the log: which form of it
 *   log-query.c       what part of it a request asks for; log-scan.c reads that
 *   log-page.c        a page of it; log-collector.c collects it, log-rows.c holds its rows
 *   log-download.c    the whole of it
 *   log-row.c         a line of it
 *   log-tail.c        its last lines, in answers about a task
 *   log-place.c       how many are read at once
 *   media-type.c      the form that a client would rather have
 *   log-stream.c      the log as a stream of events
 *   health.c          how the service itself is
 *   page.c            the page for people
 */
#pragma once

#include <remote-developer/access.h>
#include <remote-developer/api.h>
#include <remote-developer/http-answer.h>
#include <remote-developer/json.h>

#include <sys/queue.h>

typedef struct sd_event_source sd_event_source;
typedef struct LogStream LogStream;
typedef struct LogPage LogPage;
typedef struct LogDownload LogDownload;
typedef struct OperationWait OperationWait;

/* Of the streams and downloads that are open, one's. */
typedef struct LogPlace {
        LIST_ENTRY(LogPlace) list;
        bool is_taken;
        bool is_lost; /* its caller may not read any more; to be cut */
        Caller caller;
        HttpStream *const *stream; /* the owner's; NULL as long as there is none */
} LogPlace;

/* `parameter`: what stands in the place of the braces; "" where the path has none. */
typedef void (*ApiHandler)(Api *a, HttpRequest *request, const char *parameter);

/* An answer of 200 that may be given again; see answer-cache.c. */
#define ANSWERS_KEPT 16
typedef struct KeptAnswer {
        ApiHandler route; /* NULL: none yet */
        char id[TASK_ID_SIZE + 1];
        uint64_t mark, log_mark;
        usec_t made_usec; /* monotonic; 0: there is none */
        HttpAnswer *answer; /* NULL: it could not be kept */
} KeptAnswer;

/* Of GET /api/health; see health.c. */
typedef struct HealthAnswer {
        usec_t made_usec; /* monotonic; 0: there is none */
        ManagerPulse pulse; /* ... as it was then */
        unsigned status;
        Buffer body;
        HttpAnswer *answer; /* of it, to be given again; NULL: none could be kept yet */
} HealthAnswer;

struct Api {
        sd_event *event;
        Manager *manager;
        Access *access;
        const Caller *caller; /* of the request whose handler is being called */
        Doctor *doctor; /* NULL: none */
        char *const *hosts; /* by which we are called besides localhost; NULL: none */
        LIST_HEAD(, LogStream) streams;     /* every open one */
        LIST_HEAD(, LogDownload) downloads; /* likewise */
        LIST_HEAD(, LogPlace) places;       /* of both */
        LIST_HEAD(, OperationWait) waits;   /* requests whose operation is under way */
        LogPage *pages;         /* not answered yet, the one whose turn is next first */
        unsigned n_pages, n_waiting_pages;
        KeptAnswer answers[ANSWERS_KEPT];
        uint64_t answers_mark; /* another one: none of them is true any more */
        uint64_t turn;         /* of the loop, in which the last request came */
        HealthAnswer health[2]; /* for those who may look at tasks; for strangers */
        sd_event_source *page_source, *page_timer;
        bool ending;
};

/* One row of the table. */
typedef struct ApiRoute {
        const char *method;
        const char *path;
        ApiHandler handler;
        AccessScope scope; /* what it takes to be let in */
        bool takes_json; /* the body must be JSON */
} ApiRoute;

void api_post_create_task(Api *a, HttpRequest *r, const char *parameter);
void api_post_commit(Api *a, HttpRequest *r, const char *id);
void api_post_create_pr(Api *a, HttpRequest *r, const char *id);
void api_post_create_pr_of_pod(Api *a, HttpRequest *r, const char *parameter);
void api_get_diff(Api *a, HttpRequest *r, const char *id);
void api_get_task_status(Api *a, HttpRequest *r, const char *id);
void api_get_check_alive(Api *a, HttpRequest *r, const char *id);
void api_post_cancel(Api *a, HttpRequest *r, const char *id);
void api_post_continue(Api *a, HttpRequest *r, const char *id);
void api_post_resume(Api *a, HttpRequest *r, const char *id);
void api_delete_task(Api *a, HttpRequest *r, const char *id);
void api_get_tasks(Api *a, HttpRequest *r, const char *parameter);
void api_get_tasks_by_repo(Api *a, HttpRequest *r, const char *parameter);
void api_get_tasks_of_repo(Api *a, HttpRequest *r, const char *repository);
void api_get_repository_stats(Api *a, HttpRequest *r, const char *parameter);
void api_get_dashboard(Api *a, HttpRequest *r, const char *parameter);
void api_get_logs(Api *a, HttpRequest *r, const char *id);
void api_get_stream(Api *a, HttpRequest *r, const char *id);
void api_get_page(Api *a, HttpRequest *r, const char *parameter);
void api_get_health(Api *a, HttpRequest *r, const char *parameter);

/* answer-cache.c. */
void answers_note_turn(Api *a);
void answers_forget(Api *a);
void answers_done(Api *a);
/* Answers with what that route last answered to that id, if it is still so; else false. */
bool answer_again(Api *a, HttpRequest *r, ApiHandler route, const char *id);
/* Answers 200 with `body`, which stays the caller's. */
void reply_and_keep(Api *a, HttpRequest *r, ApiHandler route, const char *id, Json *body);

void health_answers_done(Api *a);
void operation_waits_end(Api *a); /* operation-handlers.c: answers those that wait */

/* origin.c. Both checks answer the request where they return false. */
void origin_add_headers(HttpRequest *r); /* of every reply; a handler may give one of them another value */
bool origin_check(const Api *a, HttpRequest *r);
bool origin_check_type(HttpRequest *r, bool needs_json);

/* A place among the logs that are read at once; false: there is none, and the request was answered. `*stream` is woken
 * when the place is lost. */
bool log_place_take(Api *a, HttpRequest *r, HttpStream *const *stream, LogPlace *p);
void log_place_leave(LogPlace *p);

/* The text of a reply; false: there is no memory for it. */
bool reply_write(const Json *body, Buffer *to);

/* Replying. All answer the request. `body` is taken. */
void reply_json(HttpRequest *r, unsigned status, Json *body);
void reply_error(HttpRequest *r, unsigned status, const char *field, const char *format, ...) _printf_(4, 5);
void reply_problem(HttpRequest *r, const Problem *problem);
void reply_not_found(HttpRequest *r);
void reply_errno(HttpRequest *r, int error);

/* The body, which may be missing: 1, and to be erased by the caller; 0: there is none. */
int request_json(const HttpRequest *r, Json **ret, Problem *problem);

/* The query's whole number; absent: `fallback`. Answers with 400 and returns false when it is none in the range. */
bool query_number(HttpRequest *r, const char *name, uint64_t fallback, uint64_t max, uint64_t *ret);

/* Tasks' documents one behind the other, written as they come: so much text, and the task with which it is reached,
 * are a list; others come with the next page. */
#define LIST_TEXT_MAX ((size_t) 4 * 1024 * 1024)

typedef struct TaskList {
        Buffer text;
        size_t n;
} TaskList;

#define TASK_LIST_NULL ((TaskList){ .text = BUFFER_NULL })

static inline void task_list_done(TaskList *l) {
        buffer_done(&l->text);
}

static inline bool task_list_is_full(const TaskList *l, uint64_t limit) {
        return l->n >= limit || l->text.size >= LIST_TEXT_MAX;
}

/* What tasks are wanted; NULL: any. */
typedef struct TaskFilter {
        const char *status, *label, *repo;
} TaskFilter;

/* Appends the task's document, as lists have it, unless it does not match or is gone. */
int task_list_append(Api *a, const TaskFilter *f, const char *id, TaskList *to);

/* Tells where the list goes on behind that task. */
void task_list_link(HttpRequest *r, const TaskFilter *f, uint64_t limit, const char *last);
void task_list_reply(HttpRequest *r, TaskList *l);

/* As overviews have it: its first LIST_DESCRIPTION_MAX bytes. */
#define LIST_DESCRIPTION_MAX ((size_t) 4096)
int task_list_set_description(const Task *t, Json *to);

/* A string of bytes that may be no UTF-8; of a longer text than `max` bytes the begin, with "…" behind it. */
Json *text_to_json(const char *text, size_t size, size_t max);

/* The last lines of a task's log as an array of strings: of each line and of all of them so much as is bounded, and
 * fewer lines where they are long. */
#define LOG_TAIL_LINES_MAX 100
int log_tail(Api *a, const char *id, uint64_t lines, Json **ret);

/* Puts the viewer behind the client's cursor, or answers with 400 and returns false. */
bool seek_client_cursor(HttpRequest *r, LogViewer *viewer, const char *id, const char *field, const char *cursor);

/* The log of one task as server-sent events: GET /api/task-logs/{id}/stream.
 *
 * A LogStream belongs to its HTTP response and is on the Api's list; its place in the log is a LogViewer's. Every log
 * event carries its cursor as id; control events (status, heartbeat, final) carry none, so that a client's
 * Last-Event-ID always names the last line it has. Payloads on the unnamed event are the original's four; what the
 * original did not know of has names (warning, stalled), which its clients do not listen to. */
#include "log-download.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <systemd/sd-event.h>

/* When neither a line nor a wake-up is to be had: the follower is still behind (log-viewer.h, -EAGAIN). */
#define RETRY_USEC (2 * USEC_PER_MSEC)

struct LogStream {
        LIST_ENTRY(LogStream) list; /* the Api's */
        LogPlace place;
        Api *api;
        char id[TASK_ID_SIZE + 1];
        LogViewer *viewer;
        LogRowWriter writer;
        HttpStream *http;
        sd_event_source *timer; /* the heartbeat, or a retry before it */
        usec_t timer_usec;      /* monotonic; when it comes; 0: it does not */
        usec_t sent_at_usec;    /* monotonic */
        bool watches;           /* counted among those for whom the journal is looked at closely */
        bool heartbeat_due;
        char status[32]; /* the last one told */
        int attempt;     /* the last one told */
        usec_t warned_at, stalled_at; /* of the task, as told last */
};

static LogStream *stream_free(LogStream *s) {
        if (!s)
                return NULL;
        if (s->api)
                LIST_REMOVE(s, list);
        log_place_leave(&s->place);
        if (s->watches)
                manager_count_watchers(s->api->manager, -1);
        sd_event_source_disable_unref(s->timer);
        log_viewer_free(s->viewer);
        free(s);
        return NULL;
}

DEFINE_CLEANUP(LogStream *, stream_free)

static void on_closed(void *userdata) {
        stream_free(userdata);
}

static void on_viewer_wake(void *userdata) {
        LogStream *s = userdata;

        if (s->http)
                http_stream_wake(s->http);
}

/* --- frames --- */

/* The original's bytes, blanks and all. The words need no quoting: they are ours. */
static int append_status(LogStream *s, const Task *t, Buffer *to) {
        const char *agent = task_claude_status(t);

        if (string_equal(s->status, task_status(t)))
                return 0;
        snprintf(s->status, sizeof(s->status), "%s", task_status(t));
        return buffer_append_format(to, "data: {\"status\": \"%s\", \"claude_status\": %s%s%s, \"progress\": %u}\n\n",
                        task_status(t), agent ? "\"" : "", agent ?: "null", agent ? "\"" : "", task_progress(t));
}

/* A named event, which the original's clients do not see: a later attempt than the first one is under way. */
static int append_attempt(LogStream *s, const Task *t, Buffer *to) {
        int told = MAX_OF(s->attempt, 1);

        s->attempt = t->attempt;
        if (t->attempt == told || task_is_finished(t))
                return 0;
        return buffer_append_format(to, "event: attempt\ndata: {\"attempt\": %d}\n\n", t->attempt);
}

static int append_warning(LogStream *s, const Task *t, Buffer *to) {
        char deadline[CLOCK_TEXT_SIZE];
        TimeWarning warning;
        int r;

        if (t->warned_at == s->warned_at || !manager_get_time_warning(s->api->manager, s->id, &warning))
                return 0;
        s->warned_at = t->warned_at;
        r = buffer_append_string(to, "event: warning\ndata: {\"warning\": ");
        if (r >= 0)
                r = buffer_append_json_string(to, warning.sentence, strlen(warning.sentence));
        if (r < 0)
                return r;
        return buffer_append_format(to, ", \"deadline\": \"%s\", \"remaining_seconds\": %llu}\n\n",
                                    clock_format(warning.deadline, deadline),
                                    (unsigned long long) warning.remaining_seconds);
}

static int append_stall(LogStream *s, const Task *t, Buffer *to) {
        bool stalled = clock_is_set(t->stalled_at), spoke = clock_is_set(t->last_output_at);
        char last[CLOCK_TEXT_SIZE];

        if (t->stalled_at == s->stalled_at)
                return 0;
        s->stalled_at = t->stalled_at;
        if (!stalled)
                return buffer_append_string(to, "event: stalled\ndata: {\"stalled\": false}\n\n");
        return buffer_append_format(
                        to, "event: stalled\ndata: {\"stalled\": true, \"last_output_at\": %s%s%s, "
                        "\"stall_timeout\": %llu}\n\n",
                        spoke ? "\"" : "", spoke ? clock_format(t->last_output_at, last) : "null", spoke ? "\"" : "",
                        (unsigned long long) (t->spec.stall_timeout_usec / USEC_PER_SEC));
}

static int append_final(const Task *t, Buffer *to) {
        return buffer_append_format(to, "data: {\"status\": \"%s\", \"complete\": true, \"final\": true}\n\n",
                                    task_status(t));
}

/* --- filling --- */

/* Lines until the chunk is full or there are none. As log_viewer_next(). */
static int append_lines(LogStream *s, Buffer *to) {
        LogLine line;
        int r = 1;

        while (to->size < HTTP_STREAM_CHUNK) {
                r = log_viewer_next(s->viewer, &line);
                if (r <= 0)
                        return r;
                r = log_row_append_event(&s->writer, &line, to);
                if (r < 0)
                        return r;
        }
        return 1;
}

/* Of the index, since the document of a finished task is read from the disk: not for each chunk of a long log. */
static bool is_finished(const LogStream *s) {
        const TaskSummary *summary = task_index_find(manager_index(s->api->manager), s->id);

        return summary && !summary->run;
}

/* Status and final event stand where the log stands: running before the lines, the end behind them. */
static int append_status_of(LogStream *s, bool at_end, Buffer *to) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int r;

        if (!at_end && is_finished(s))
                return 0;
        r = manager_get_task(s->api->manager, s->id, &ref);
        if (r < 0)
                return r;
        r = append_attempt(s, ref.task, to);
        if (r >= 0)
                r = append_status(s, ref.task, to);
        /* Where a further attempt has begun meanwhile, the client comes again for that one's log. */
        if (at_end)
                return r >= 0 && task_is_finished(ref.task) ? append_final(ref.task, to) : r;
        if (r >= 0)
                r = append_warning(s, ref.task, to);
        return r < 0 ? r : append_stall(s, ref.task, to);
}

/* One that comes earlier is left: the stream then asks again. So a line does not cost a heartbeat's delay. */
static void arm_timer(LogStream *s, usec_t at_usec) {
        usec_t now;

        if (s->timer_usec > 0 && s->timer_usec <= at_usec)
                return;
        s->timer_usec = at_usec;
        now = clock_monotonic_usec();
        (void) sd_event_source_set_time_relative(s->timer, at_usec > now ? at_usec - now : 0);
        (void) sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static int fill_stream(LogStream *s, Buffer *to) {
        int r;

        r = append_status_of(s, false, to);
        if (r >= 0)
                r = append_lines(s, to);
        if (r == 0 && log_viewer_is_at_end(s->viewer))
                return append_status_of(s, true, to);
        if (r == 0 && s->heartbeat_due && to->size == 0)
                r = buffer_append_string(to, "data: {\"heartbeat\": true}\n\n");
        s->heartbeat_due = false;
        return r;
}

static HttpFill on_fill(void *userdata, Buffer *to) {
        LogStream *s = userdata;
        usec_t heartbeat = manager_config(s->api->manager)->sse_heartbeat_interval_usec;
        int r;

        if (s->api->ending)
                return HTTP_FILL_END;
        if (s->place.is_lost)
                return HTTP_FILL_ABORT;
        r = fill_stream(s, to);
        if (r < 0 && r != -EAGAIN) {
                log_task(LOG_WARNING, s->id, "A stream of the log was cut: %s", strerror(-r));
                return HTTP_FILL_ABORT;
        }
        if (log_viewer_is_at_end(s->viewer))
                return HTTP_FILL_END;
        if (to->size > 0)
                s->sent_at_usec = clock_monotonic_usec();
        if (r > 0 || (r == -EAGAIN && to->size > 0))
                return HTTP_FILL_MORE;
        arm_timer(s, r == -EAGAIN ? clock_monotonic_usec() + RETRY_USEC : s->sent_at_usec + heartbeat);
        return HTTP_FILL_SLEEP;
}

/* A heartbeat now finds out whether the peer is gone or only has nothing more to say. */
static void on_half_closed(void *userdata) {
        LogStream *s = userdata;

        s->heartbeat_due = true;
        on_viewer_wake(s);
}

static const HttpStreamSource stream_source = { .fill = on_fill, .closed = on_closed, .half_closed = on_half_closed };

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        LogStream *s = userdata;
        usec_t heartbeat = manager_config(s->api->manager)->sse_heartbeat_interval_usec;

        s->timer_usec = 0;
        s->heartbeat_due = clock_monotonic_usec() - s->sent_at_usec >= heartbeat - USEC_PER_MSEC;
        http_stream_wake(s->http);
        return 0;
}

/* --- opening --- */

static bool place_viewer(LogStream *s, HttpRequest *r, const char *cursor, const char *field) {
        uint64_t tail;
        int e;

        if (cursor)
                return seek_client_cursor(r, s->viewer, s->id, field, cursor);
        if (!query_number(r, "tail", UINT64_MAX, TAIL_MAX, &tail))
                return false;
        if (tail == UINT64_MAX)
                return true;
        e = log_viewer_seek_tail(s->viewer, tail);
        if (e < 0)
                reply_errno(r, e);
        return e >= 0;
}

/* Somebody comes back who has everything: 204 tells an EventSource not to come again. */
static bool nothing_is_left(LogStream *s, const char *cursor) {
        LogLine line;

        return cursor && log_viewer_next(s->viewer, &line) == 0 && log_viewer_is_at_end(s->viewer);
}

static bool is_streamed(const Api *a, const char *id) {
        const LogStream *s;

        LIST_FOREACH(s, &a->streams, list)
                if (string_equal(s->id, id))
                        return true;
        return false;
}

static int new_stream(Api *a, const char *id, LogStream **ret) {
        _cleanup_(stream_freep) LogStream *s = calloc(1, sizeof(LogStream));
        const TaskSummary *summary = task_index_find(manager_index(a->manager), id);
        int e;

        if (!s)
                return -ENOMEM;
        if (!summary)
                return -ENOENT;
        s->api = a;
        LIST_INSERT_HEAD(&a->streams, s, list);
        memcpy(s->id, summary->id, sizeof(s->id));
        s->writer = LOG_ROW_WRITER(s->id);
        e = manager_open_log(a->manager, id, LOG_SOURCES_ALL, on_viewer_wake, s, &s->viewer);
        if (e >= 0)
                e = sd_event_add_time_relative(a->event, &s->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, s);
        if (e >= 0)
                e = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (e >= 0)
                e = sd_event_source_set_description(s->timer, "log-stream");
        if (e < 0)
                return e;
        *ret = TAKE_PTR(s);
        return 0;
}

static void begin_stream(LogStream *s, HttpRequest *r) {
        s->sent_at_usec = clock_monotonic_usec();
        if (task_index_find(manager_index(s->api->manager), s->id)->run) {
                s->watches = true;
                manager_count_watchers(s->api->manager, 1);
        }
        (void) http_request_add_header(r, "Cache-Control", "no-cache");
        (void) http_request_add_header(r, "X-Accel-Buffering", "no");
        (void) http_request_reply_stream(r, 200, "text/event-stream", &stream_source, s, &s->http);
}

void api_get_stream(Api *a, HttpRequest *r, const char *id) {
        const char *last = http_request_header(r, "Last-Event-ID"), *after = http_request_query(r, "after");
        const char *cursor = string_is_empty(last) ? after : last;
        _cleanup_(stream_freep) LogStream *s = NULL;
        int e;

        if (!manager_config(a->manager)->allow_multiple_connections && is_streamed(a, id)) {
                reply_error(r, 409, NULL,
                            "The log is being streamed to somebody else (connection.allow_multiple_connections)");
                return;
        }
        e = new_stream(a, id, &s);
        if (e < 0) {
                reply_errno(r, e);
                return;
        }
        if (!log_place_take(a, r, &s->http, &s->place))
                return;
        if (!place_viewer(s, r, cursor, cursor == after ? "after" : "Last-Event-ID"))
                return;
        if (nothing_is_left(s, cursor)) {
                http_request_reply(r, 204, NULL, NULL);
                return;
        }
        if (cursor && !place_viewer(s, r, cursor, "after"))
                return;
        begin_stream(TAKE_PTR(s), r);
}

void api_end_streams(Api *a) {
        LogStream *s;

        a->ending = true;
        LIST_FOREACH(s, &a->streams, list)
                if (s->http)
                        http_stream_wake(s->http);
        log_downloads_end(a);
        operation_waits_end(a);
}

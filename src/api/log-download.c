/* LogDownload: see log-download.h.
 *
 *      finding the end ──▶ seeking the begin ──▶ rows ──▶ the end, with the trailer Log-Next
 *
 * The end is found first, since a program may write faster than its log is sent. It is the last line of now, or the
 * window's own. Belongs to its HTTP response and is on the Api's list. */
#include "log-download.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <systemd/sd-event.h>

/* As long as the follower is given when it has not read what the log ends with. */
#define RETRY_USEC (2 * USEC_PER_MSEC)

struct LogDownload {
        LIST_ENTRY(LogDownload) list; /* the Api's */
        LogPlace place;
        Api *api;
        HttpStream *http;
        sd_event_source *retry;
        char id[TASK_ID_SIZE + 1];
        LogQuery query;
        LogRowAppend append;
        LogRowWriter writer;

        int (*step)(LogDownload *d, Buffer *to); /* as log_scan_next() */
        LogViewer *viewer;
        bool without_cursors; /* its lines, but for gaps and what comes from an archive */
        LogScan scan;
};

static LogDownload *download_free(LogDownload *d) {
        if (!d)
                return NULL;
        if (d->api)
                LIST_REMOVE(d, list);
        log_place_leave(&d->place);
        sd_event_source_disable_unref(d->retry);
        log_viewer_free(d->viewer);
        log_query_done(&d->query);
        free(d);
        return NULL;
}

DEFINE_CLEANUP(LogDownload *, download_free)

static void on_closed(void *userdata) {
        download_free(userdata);
}

/* --- steps --- */

static int step_rows(LogDownload *d, Buffer *to) {
        LogLine line;
        int r;

        r = log_scan_next(&d->scan, &line);
        if (r != LOG_SCAN_LINE)
                return r;
        r = d->append(&d->writer, &line, to);
        return r < 0 ? r : LOG_SCAN_LINE;
}

static int step_seek(LogDownload *d, Buffer *to _unused_) {
        const LogQuery *q = &d->query;
        int r;

        d->step = step_rows;
        if (q->tail != UINT64_MAX)
                r = log_viewer_seek_before(d->viewer, q->before, q->tail);
        else if (*q->after)
                r = log_viewer_seek_after(d->viewer, q->after);
        else
                r = log_viewer_seek_since(d->viewer, q->since);
        return r < 0 ? r : LOG_SCAN_PASSED;
}

static int step_end(LogDownload *d, Buffer *to _unused_) {
        int r;

        r = log_scan_find_end(&d->scan);
        if (r == LOG_SCAN_END)
                d->step = step_seek;
        return r < 0 ? r : LOG_SCAN_PASSED;
}

/* --- filling --- */

/* At most a chunk, and no longer than a turn. As log_scan_next(). */
static int fill(LogDownload *d, Buffer *to) {
        usec_t begin = clock_monotonic_usec();
        int r;

        do {
                r = d->step(d, to);
        } while (r > 0 && to->size < HTTP_STREAM_CHUNK && clock_monotonic_usec() - begin < LOG_DOWNLOAD_TURN_USEC);
        return r;
}

/* As text a line needs no cursor, which to ask for costs a tenth of the time, but where it is compared with others:
 * those of the window, of the log's end (log_scan_needs_end()) and, for what systemd says, of its last line. */
static bool needs_cursors(const LogQuery *q, LogForm form) {
        return form != LOG_FORM_TEXT || *q->after || *q->before || clock_is_set(q->until) || q->tail == 0 ||
               q->sources & LOG_SOURCES(LOG_SOURCE_SYSTEM);
}

/* Behind which line a client goes on that comes again. */
static void add_trailer(LogDownload *d) {
        const char *looked = d->without_cursors ? log_viewer_cursor(d->viewer) : d->scan.looked;
        const char *last = *looked ? looked : d->query.after;
        char cursor[LOG_CURSOR_SIZE];

        if (*last && log_cursor_encode(d->id, last, cursor) >= 0)
                http_stream_add_trailer(d->http, "Log-Next", cursor);
}

static HttpFill on_fill(void *userdata, Buffer *to) {
        LogDownload *d = userdata;
        int r;

        if (d->api->ending || d->place.is_lost)
                return HTTP_FILL_ABORT;
        r = fill(d, to);
        if (r < 0 && r != -EAGAIN) {
                log_task(LOG_WARNING, d->id, "A download of the log was cut: %s", strerror(-r));
                return HTTP_FILL_ABORT;
        }
        if (r == -EAGAIN && to->size == 0) {
                (void) sd_event_source_set_time_relative(d->retry, RETRY_USEC);
                (void) sd_event_source_set_enabled(d->retry, SD_EVENT_ONESHOT);
                return HTTP_FILL_SLEEP;
        }
        if (r != LOG_SCAN_END)
                return HTTP_FILL_MORE;
        add_trailer(d);
        return HTTP_FILL_END;
}

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        LogDownload *d = userdata;

        http_stream_wake(d->http);
        return 0;
}

static const HttpStreamSource download_source = { .fill = on_fill, .closed = on_closed };

/* --- opening --- */

/* Tells the client of a cursor that is none before anything is sent. */
static int place(LogDownload *d) {
        int r = 0;

        if (*d->query.after)
                r = log_viewer_seek_after(d->viewer, d->query.after);
        if (r < 0)
                return r;
        d->step = step_seek;
        if (!log_scan_needs_end(d->api, d->id))
                return 0;
        d->step = step_end;
        return log_viewer_seek_before(d->viewer, "", 1);
}

static int download_new(Api *a, const char *id, LogQuery *query, LogForm form, LogDownload **ret) {
        _cleanup_(download_freep) LogDownload *d = calloc(1, sizeof(LogDownload));
        unsigned sources = log_query_viewed_sources(query);
        int r;

        if (!d)
                return -ENOMEM;
        d->api = a;
        LIST_INSERT_HEAD(&a->downloads, d, list);
        d->without_cursors = !needs_cursors(query, form) && !log_scan_needs_end(a, id);
        if (d->without_cursors)
                sources |= LOG_WITHOUT_CURSORS;
        snprintf(d->id, sizeof(d->id), "%s", id);
        d->query = *query;
        query->grep = NULL;
        d->append = log_form_rows[form];
        d->writer = LOG_ROW_WRITER(d->id);
        r = manager_open_log(a->manager, id, sources, NULL, NULL, &d->viewer);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(a->event, &d->retry, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_retry, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->retry, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(d->retry, "log-download");
        if (r < 0)
                return r;
        log_scan_init(&d->scan, d->viewer, &d->query);
        r = place(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

void log_download_begin(Api *a, HttpRequest *r, const char *task_id, LogQuery *query, LogForm form) {
        LogDownload *d;
        int e;

        e = download_new(a, task_id, query, form, &d);
        if (e >= 0 && !log_place_take(a, r, &d->http, &d->place)) {
                download_free(d);
                return;
        }
        if (e == -EINVAL)
                reply_error(r, 400, "after", "after is no cursor of this task's log");
        else if (e < 0)
                reply_errno(r, e);
        if (e < 0)
                return;
        (void) http_request_add_header(r, "Trailer", "Log-Next");
        (void) http_request_add_header(r, "Vary", "Accept");
        (void) http_request_reply_stream(r, 200, log_form_types[form], &download_source, d, &d->http);
}

void log_downloads_end(Api *a) {
        LogDownload *d;

        LIST_FOREACH(d, &a->downloads, list)
                if (d->http)
                        http_stream_wake(d->http);
}

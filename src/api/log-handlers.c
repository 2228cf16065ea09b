/* The log of one task as pages. */
#include "api-internal.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#define PAGE_LIMIT_MAX 10000

/* What the design promises for pages and this version does not do yet: better refused than taken no notice of. */
static const char *const unknown_yet[] = { "before", "order", "since", "until", "grep" };

/* A JSON string of bytes that may be no UTF-8. */
static Json *text_to_json(const char *text, size_t size) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        Json *j = NULL;

        if (buffer_append_json_string(&b, text, size) < 0 || json_parse(b.data, b.size, &j, NULL) < 0)
                return NULL;
        return j;
}

int log_tail(Api *a, const char *id, uint64_t lines, Json **ret) {
        _cleanup_(log_viewer_freep) LogViewer *viewer = NULL;
        _cleanup_json_ Json *array = json_new_array();
        LogLine line;
        int e;

        if (!array)
                return -ENOMEM;
        e = manager_open_log(a->manager, id, NULL, NULL, &viewer);
        if (e >= 0)
                e = log_viewer_seek_tail(viewer, lines);
        while (e >= 0 && json_length(array) < lines && (e = log_viewer_next(viewer, &line)) > 0)
                e = json_push(array, text_to_json(line.text, line.size));
        /* A damaged archive of the log, which the log's own routes tell of, does not hide the task. */
        if (e < 0 && e != -EAGAIN && e != -EBADMSG)
                return e;
        *ret = TAKE_PTR(array);
        return 0;
}

bool seek_client_cursor(HttpRequest *r, LogViewer *viewer, const char *id, const char *field, const char *cursor) {
        char decoded[LOG_CURSOR_SIZE];
        int e;

        e = log_cursor_decode(id, cursor, decoded);
        if (e >= 0)
                e = log_viewer_seek_after(viewer, decoded);
        if (e >= 0)
                return true;
        if (e == -EBADMSG)
                reply_errno(r, e);
        else
                reply_error(r, 400, field, "%s is no cursor of this task's log", field);
        return false;
}

static int make_entry(const char *id, const LogLine *line, Json **ret) {
        _cleanup_json_ Json *entry = json_new_object();
        char cursor[LOG_CURSOR_SIZE];
        int e;

        if (!entry)
                return -ENOMEM;
        e = log_cursor_encode(id, line->cursor, cursor);
        if (e >= 0)
                e = json_set_string(entry, "cursor", cursor);
        if (e >= 0)
                e = json_set(entry, "time", json_new_time(line->realtime_usec));
        if (e >= 0)
                e = json_set(entry, "text", text_to_json(line->text, line->size));
        if (e < 0)
                return e;
        *ret = TAKE_PTR(entry);
        return 0;
}

typedef struct LogPage {
        Json *logs, *entries; /* owned */
        char next[LOG_CURSOR_SIZE];
} LogPage;

static void log_page_done(LogPage *p) {
        json_free(p->logs);
        json_free(p->entries);
}

static int append_line(LogPage *p, const char *id, const LogLine *line) {
        Json *entry = NULL;
        int e;

        e = make_entry(id, line, &entry);
        if (e >= 0)
                e = json_push(p->logs, json_share(json_get(entry, "text")));
        if (e < 0) {
                json_free(entry);
                return e;
        }
        memcpy(p->next, json_get_string(entry, "cursor"), strlen(json_get_string(entry, "cursor")) + 1);
        return json_push(p->entries, entry);
}

static int read_page(LogViewer *viewer, const char *id, uint64_t limit, LogPage *p) {
        LogLine line;
        int e = 0;

        while (json_length(p->logs) < limit && (e = log_viewer_next(viewer, &line)) > 0) {
                e = append_line(p, id, &line);
                if (e < 0)
                        return e;
        }
        return e < 0 && e != -EAGAIN ? e : 0;
}

static void reply_page(Api *a, HttpRequest *r, const char *id, LogPage *p) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_json_ Json *body = json_new_object();
        int e;

        e = body ? manager_get_task(a->manager, id, &ref) : -ENOMEM;
        if (e >= 0)
                e = json_set_string(body, "task_id", id);
        if (e >= 0)
                e = json_set(body, "logs", TAKE_PTR(p->logs));
        if (e >= 0)
                e = json_set_uint64(body, "total", ref.task->log_lines);
        if (e >= 0)
                e = json_set(body, "entries", TAKE_PTR(p->entries));
        if (e >= 0)
                e = json_set_string(body, "next", *p->next ? p->next : NULL);
        if (e < 0)
                reply_errno(r, e);
        else
                reply_json(r, 200, TAKE_PTR(body));
}

static bool check_page_query(HttpRequest *r) {
        for (size_t i = 0; i < ELEMENTSOF(unknown_yet); i++)
                if (http_request_query(r, unknown_yet[i])) {
                        reply_error(r, 400, unknown_yet[i], "%s is not supported by this version; after and limit are",
                                    unknown_yet[i]);
                        return false;
                }
        return true;
}

void api_get_logs(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(log_page_done) LogPage page = { json_new_array(), json_new_array(), "" };
        _cleanup_(log_viewer_freep) LogViewer *viewer = NULL;
        const char *after = http_request_query(r, "after");
        uint64_t limit;
        int e;

        if (!check_page_query(r) ||
            !query_number(r, "limit", manager_config(a->manager)->max_memory_logs, PAGE_LIMIT_MAX, &limit))
                return;
        e = manager_open_log(a->manager, id, NULL, NULL, &viewer);
        if (e >= 0 && after && !seek_client_cursor(r, viewer, id, "after", after))
                return;
        if (e >= 0 && !after)
                e = log_viewer_seek_tail(viewer, limit);
        if (e >= 0)
                e = page.logs && page.entries ? read_page(viewer, id, limit, &page) : -ENOMEM;
        if (e < 0)
                reply_errno(r, e);
        else
                reply_page(a, r, id, &page);
}

/* The log of one task, and its last lines in other answers: which of its forms, and whether a page or the whole. */
#include "log-download.h"

#include <remote-developer/media-type.h>

/* Each goes back over some hundred entries of the journal: the last lines of a document may be long ones. */
#define TAIL_TURNS_MAX 32

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
        unsigned turns = 0;
        LogLine line;
        int e;

        if (!array)
                return -ENOMEM;
        e = manager_open_log_tail(a->manager, id, lines, &viewer);
        while (e >= 0 && json_length(array) < lines) {
                e = log_viewer_next(viewer, &line);
                /* On its way back over long lines. */
                if (e == -EAGAIN && turns++ < TAIL_TURNS_MAX)
                        e = 0;
                else if (e <= 0)
                        break;
                else if (log_line_is_output(&line))
                        e = json_push(array, text_to_json(line.text, line.size));
        }
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

/* Without a word of the client's: what it gets by default is output as plain text, and in the other forms what systemd
 * says of the task beside it. */
static unsigned default_sources(LogForm form) {
        return form == LOG_FORM_TEXT ? LOG_SOURCES_OUTPUT : LOG_SOURCES_ALL;
}

/* JSON is a page always; of the other forms, what has a limit or comes newest first. */
static bool is_page(const LogQuery *q, LogForm form) {
        return form == LOG_FORM_JSON || q->limit != UINT64_MAX || q->order == LOG_ORDER_DESC;
}

static void reply_logs(Api *a, HttpRequest *r, const char *id, LogQuery *q, LogForm form) {
        if (q->sources == 0)
                q->sources = default_sources(form);
        if (!is_page(q, form)) {
                log_download_begin(a, r, id, q, form);
                return;
        }
        if (q->tail != UINT64_MAX) {
                reply_error(r, 400, "tail", "tail is for a whole log; a page has limit");
                return;
        }
        if (q->limit == UINT64_MAX)
                q->limit = MIN_OF(manager_config(a->manager)->max_memory_logs, (uint64_t) PAGE_LIMIT_MAX);
        log_page_begin(a, r, id, q, form);
}

void api_get_logs(Api *a, HttpRequest *r, const char *id) {
        int form = media_type_choose(http_request_header(r, "Accept"), log_form_types, LOG_FORM_MAX);
        _cleanup_(log_query_done) LogQuery query = LOG_QUERY_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        if (!task_index_find(manager_index(a->manager), id))
                reply_not_found(r);
        else if (form < 0)
                reply_error(r, 406, "Accept", "A log is application/json, application/x-ndjson or text/plain");
        else if (log_query_read(r, id, &query, &problem) < 0)
                reply_problem(r, &problem);
        else
                reply_logs(a, r, id, &query, (LogForm) form);
}

/* The log of one task: which of its forms, and whether a page or the whole. */
#include "log-download.h"

#include <remote-developer/media-type.h>

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

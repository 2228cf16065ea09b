/* LogPage: see log-page.h. The answer, and taking turns. */
#include "log-page.h"

#include <systemd/sd-event.h>

/* As long as the follower is given when it has not read what the log ends with. */
#define RETRY_USEC (2 * USEC_PER_MSEC)

struct LogPage {
        LogPage *next;
        Api *api;
        HttpRequest *request; /* to be answered; NULL: was */
        LogCollector c;
};

static void refuse_busy(HttpRequest *r) {
        (void) http_request_add_header(r, "Retry-After", "1");
        reply_error(r, 503, NULL, "Too many pages of logs are being read at the moment; ask again");
}

static LogPage *page_free(LogPage *p) {
        if (!p)
                return NULL;
        if (p->request)
                http_request_reply(p->request, 503, NULL, NULL);
        log_collector_done(&p->c);
        free(p);
        return NULL;
}

DEFINE_CLEANUP(LogPage *, page_free)

/* --- the answer --- */

/* ,"name":"cursor" or null */
static int append_cursor(const LogPage *p, const char *name, const char *cursor, Buffer *to) {
        char encoded[LOG_CURSOR_SIZE];
        int r;

        if (!*cursor)
                return buffer_append_format(to, ",\"%s\":null", name);
        r = log_cursor_encode(p->c.id, cursor, encoded);
        return r < 0 ? r : buffer_append_format(to, ",\"%s\":\"%s\"", name, encoded);
}

static int write_json(const LogPage *p, bool turned, Buffer *to) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int r;

        r = manager_get_task(p->api->manager, p->c.id, &ref);
        if (r >= 0)
                r = buffer_append_format(to, "{\"task_id\":\"%s\",\"logs\":[", p->c.id);
        if (r >= 0)
                r = log_rows_write_texts(&p->c.rows, turned, to);
        if (r >= 0)
                r = buffer_append_format(to, "],\"total\":%llu,\"entries\":[",
                                         (unsigned long long) ref.task->log_lines);
        if (r >= 0)
                r = log_rows_write(&p->c.rows, turned, p->c.form, to);
        if (r >= 0)
                r = buffer_append(to, "]", 1);
        if (r >= 0)
                r = append_cursor(p, "next", p->c.newest, to);
        if (r >= 0)
                r = append_cursor(p, "prev", p->c.oldest, to);
        return r < 0 ? r : buffer_append_format(to, ",\"partial\":%s}\n", p->c.partial ? "true" : "false");
}

/* Where the rows are all that the body has room for. */
static void add_headers(const LogPage *p) {
        char cursor[LOG_CURSOR_SIZE];

        if (*p->c.newest && log_cursor_encode(p->c.id, p->c.newest, cursor) >= 0)
                (void) http_request_add_header(p->request, "Log-Next", cursor);
        if (*p->c.oldest && log_cursor_encode(p->c.id, p->c.oldest, cursor) >= 0)
                (void) http_request_add_header(p->request, "Log-Prev", cursor);
        (void) http_request_add_header(p->request, "Log-Partial", p->c.partial ? "true" : "false");
}

static void answer(LogPage *p) {
        _cleanup_(buffer_done) Buffer body = BUFFER_NULL;
        bool turned = p->c.backwards && p->c.query.order != LOG_ORDER_DESC;
        int r;

        if (p->c.form == LOG_FORM_JSON)
                r = write_json(p, turned, &body);
        else
                r = log_rows_write(&p->c.rows, turned, p->c.form, &body);
        if (r < 0) {
                reply_errno(TAKE_PTR(p->request), r);
                return;
        }
        if (p->c.form != LOG_FORM_JSON)
                add_headers(p);
        (void) http_request_add_header(p->request, "Vary", "Accept");
        http_request_reply(TAKE_PTR(p->request), 200, log_form_types[p->c.form], &body);
}

static void refuse(LogPage *p, int error) {
        const char *field = p->c.backwards ? "before" : "after";

        if (error == -EINVAL)
                reply_error(TAKE_PTR(p->request), 400, field, "%s is no cursor of this task's log", field);
        else
                reply_errno(TAKE_PTR(p->request), error);
}

/* Answers when the work is over. As log_collector_work(), but 0 also after an error. */
static int take_turn(LogPage *p) {
        int r;

        if (http_request_is_abandoned(p->request))
                return 0;
        if (p->api->ending && p->c.begin_usec == 0) {
                refuse_busy(TAKE_PTR(p->request));
                return 0;
        }
        r = log_collector_work(&p->c);
        if (r == -EAGAIN || r == -EINPROGRESS)
                return r;
        if (r < 0)
                refuse(p, r);
        else
                answer(p);
        return 0;
}

/* --- taking turns --- */

static void enqueue(Api *a, LogPage *p, unsigned place) {
        LogPage **at = &a->pages;

        while (*at && place-- > 0)
                at = &(*at)->next;
        p->next = *at;
        *at = p;
}

/* When all that are worked on wait for others, they do so for a while: the source would always be ready. */
static int rest(Api *a, int result) {
        int r;

        a->n_waiting_pages = result == -EAGAIN ? a->n_waiting_pages + 1 : 0;
        if (a->n_waiting_pages < MIN_OF(a->n_pages, (unsigned) PAGES_WORKED))
                return 0;
        a->n_waiting_pages = 0;
        r = sd_event_source_set_enabled(a->page_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_time_relative(a->page_timer, RETRY_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(a->page_timer, SD_EVENT_ONESHOT);
}

static int on_turn(sd_event_source *source, void *userdata) {
        Api *a = userdata;
        LogPage *p = a->pages;
        int r;

        a->pages = p->next;
        r = take_turn(p);
        if (r < 0)
                enqueue(a, p, PAGES_WORKED - 1);
        else {
                a->n_pages--;
                page_free(p);
        }
        return a->pages ? rest(a, r) : sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Api *a = userdata;

        return sd_event_source_set_enabled(a->page_source, a->pages ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* Not of a lower priority than the rest: a download would then keep every page waiting. */
static int add_sources(Api *a) {
        int r;

        r = sd_event_add_defer(a->event, &a->page_source, on_turn, a);
        if (r >= 0)
                r = sd_event_add_time_relative(a->event, &a->page_timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer,
                                               a);
        if (r >= 0)
                r = sd_event_source_set_enabled(a->page_timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(a->page_source, "log-pages");
        if (r >= 0)
                r = sd_event_source_set_description(a->page_timer, "log-pages-wait");
        return r < 0 ? r : sd_event_source_set_exit_on_failure(a->page_source, true);
}

static int need_turns(Api *a) {
        int r = a->page_source ? 0 : add_sources(a);

        return r < 0 ? r : sd_event_source_set_enabled(a->page_source, SD_EVENT_ON);
}

void log_pages_free(Api *a) {
        while (a->pages) {
                LogPage *p = a->pages;

                a->pages = p->next;
                page_free(p);
        }
        a->page_source = sd_event_source_disable_unref(a->page_source);
        a->page_timer = sd_event_source_disable_unref(a->page_timer);
}

void log_page_begin(Api *a, HttpRequest *r, const char *task_id, LogQuery *query, LogForm form) {
        _cleanup_(page_freep) LogPage *p = NULL;
        int e;

        if (a->n_pages >= PAGES_MAX) {
                refuse_busy(r);
                return;
        }
        p = calloc(1, sizeof(LogPage));
        if (!p) {
                reply_errno(r, -ENOMEM);
                return;
        }
        p->api = a;
        p->request = r;
        log_collector_init(&p->c, a, task_id, query, form);
        /* Most are done within a turn. */
        if (a->n_pages < PAGES_WORKED && take_turn(p) >= 0)
                return;
        e = need_turns(a);
        if (e < 0) {
                reply_errno(TAKE_PTR(p->request), e);
                return;
        }
        enqueue(a, TAKE_PTR(p), PAGES_MAX);
        a->n_pages++;
}

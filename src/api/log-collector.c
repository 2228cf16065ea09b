/* LogCollector: see log-page.h.
 *
 * A page from the window's begin reads forward. One from its end goes back in chunks, since a journal is read forward
 * best: some lines back from the bound, then forward up to the bound, and what they begin with is the next bound.
 * Chunks grow, as one that is begun must be read to its end to be of use, and the lines may be of 16 MiB each. */
#include "log-page.h"

#include <remote-developer/strings.h>

#define CHUNK_MIN 32
#define CHUNK_MAX 512

static void copy_cursor(char to[static LOG_LINE_CURSOR_SIZE], const char *from) {
        size_t n = strnlen(from, LOG_LINE_CURSOR_SIZE - 1);

        memcpy(to, from, n);
        to[n] = 0;
}

static bool is_late(const LogCollector *c) {
        return clock_monotonic_usec() - c->begin_usec >= PAGE_USEC_MAX;
}

static int append_line(LogCollector *c, const LogLine *line) {
        return log_rows_append(&c->rows, &c->writer, c->form, &c->query, line);
}

/* As log_scan_next(), but an end that does not come is waited for only as long as the page may last. */
static int next_line(LogCollector *c, LogLine *ret) {
        int r = log_scan_next(&c->scan, ret);

        return r == -EAGAIN && *c->scan.end && is_late(c) ? LOG_SCAN_END : r;
}

/* --- forward --- */

static void finish_forward(LogCollector *c, bool partial) {
        c->step = NULL;
        c->partial = partial;
        /* Where nothing is newer there is no next page, and who goes from page to page is done. */
        copy_cursor(c->newest, partial && !*c->last ? c->query.after : c->last);
        copy_cursor(c->oldest, c->first);
}

static int step_forward(LogCollector *c) {
        LogLine line;
        int r;

        r = next_line(c, &line);
        if (r < 0)
                return r;
        if (r == LOG_SCAN_END) {
                finish_forward(c, false);
                return 0;
        }
        copy_cursor(c->last, c->scan.looked);
        if (!*c->first)
                copy_cursor(c->first, c->scan.looked);
        if (r == LOG_SCAN_LINE)
                r = append_line(c, &line);
        if (r < 0)
                return r;
        if (c->rows.counted >= c->query.limit)
                finish_forward(c, false);
        else if (*c->last && (c->rows.bytes >= PAGE_TEXT_MAX || is_late(c)))
                finish_forward(c, true);
        return 0;
}

/* --- backwards --- */

static int step_chunk(LogCollector *c);

static int step_seek(LogCollector *c) {
        /* What is picked from needs longer chunks than what is taken as it is. */
        bool picks = c->query.grep || !(c->query.sources & LOG_SOURCES_OUTPUT);
        uint64_t wanted = picks ? CHUNK_MAX : c->query.limit - c->rows.counted;

        c->chunk_size = MIN_OF(MAX_OF(c->chunk_size * 2, (uint64_t) CHUNK_MIN), (uint64_t) CHUNK_MAX);
        c->chunk_size = MIN_OF(c->chunk_size, MAX_OF(wanted, (uint64_t) CHUNK_MIN));
        c->first[0] = c->last[0] = 0;
        c->first_before_begin = c->gap_before_first = false;
        log_scan_begin(&c->scan, c->bound, c->bound_inclusive);
        c->step = step_chunk;
        return log_viewer_seek_before(c->viewer, c->bound, c->chunk_size);
}

static void finish_backwards(LogCollector *c, const char *oldest, bool partial) {
        c->step = NULL;
        c->partial = partial;
        copy_cursor(c->oldest, oldest);
}

static int end_chunk(LogCollector *c) {
        const char *cut = log_rows_cut(&c->rows), *oldest = cut ?: c->first;
        bool at_begin = !*c->first || c->first_before_begin;
        bool whole = c->scan.n_looked >= c->chunk_size + c->bound_inclusive || c->gap_before_first;
        char bound[LOG_LINE_CURSOR_SIZE];

        copy_cursor(bound, oldest);
        if (!c->looked)
                copy_cursor(c->newest, c->last);
        c->looked = true;
        log_rows_end_chunk(&c->rows);
        if (!cut && (at_begin || !whole))
                finish_backwards(c, "", false);
        else if (c->rows.counted >= c->query.limit)
                finish_backwards(c, bound, false);
        else if (cut || c->rows.bytes >= PAGE_TEXT_MAX || is_late(c))
                finish_backwards(c, bound, true);
        else {
                copy_cursor(c->bound, bound);
                c->bound_inclusive = false;
                c->step = step_seek;
        }
        return 0;
}

/* The first line of a chunk. A gap in front of it is told of by the chunk before, which reads across it, or, where
 * there is none, by one that finds nothing else. */
static void begin_lines(LogCollector *c) {
        c->gap_before_first = c->rows.n > c->rows.chunk;
        log_rows_drop_chunk(&c->rows);
        copy_cursor(c->first, c->scan.looked);
        c->first_before_begin = c->scan.before_begin;
}

static int step_chunk(LogCollector *c) {
        LogLine line;
        int r;

        if (c->looked && is_late(c)) {
                log_rows_drop_chunk(&c->rows);
                finish_backwards(c, c->bound, true);
                return 0;
        }
        r = next_line(c, &line);
        if (r < 0)
                return r;
        if (r == LOG_SCAN_END)
                return end_chunk(c);
        if (*c->scan.looked && !*c->first)
                begin_lines(c);
        copy_cursor(c->last, c->scan.looked);
        if (r == LOG_SCAN_LINE)
                r = append_line(c, &line);
        if (r >= 0)
                log_rows_shrink(&c->rows, c->query.limit);
        return MIN_OF(r, 0);
}

/* Before the first line that is too late, if that is earlier than the bound that was given. */
static int step_until(LogCollector *c) {
        LogLine line;
        int r;

        r = log_viewer_next(c->viewer, &line);
        if (r < 0 || (r > 0 && !*line.cursor))
                return MIN_OF(r, 0);
        if (r > 0 && (!*c->bound || log_cursor_compare(line.cursor, c->bound) <= 0)) {
                copy_cursor(c->bound, line.cursor);
                c->bound_inclusive = false;
        }
        c->step = step_seek;
        return 0;
}

/* --- the work --- */

static int step_begin(LogCollector *c) {
        const LogQuery *q = &c->query;

        copy_cursor(c->bound, c->scan.end);
        c->bound_inclusive = c->scan.end_inclusive;
        if (c->scan.reached) {
                finish_forward(c, false);
                return 0;
        }
        if (!c->backwards) {
                c->step = step_forward;
                return *q->after ? log_viewer_seek_after(c->viewer, q->after)
                                 : log_viewer_seek_since(c->viewer, q->since);
        }
        c->rows.chunked = c->scan.backwards = true;
        c->step = clock_is_set(q->until) ? step_until : step_seek;
        return c->step == step_until ? log_viewer_seek_since(c->viewer, q->until + 1) : 0;
}

static int step_end(LogCollector *c) {
        int r;

        r = log_scan_find_end(&c->scan);
        if (r == LOG_SCAN_END)
                c->step = step_begin;
        return MIN_OF(r, 0);
}

static int step_open(LogCollector *c) {
        int r;

        if (c->query.limit == 0) {
                c->step = NULL;
                return 0;
        }
        r = manager_open_log(c->api->manager, c->id, log_query_viewed_sources(&c->query), NULL, NULL, &c->viewer);
        if (r < 0)
                return r;
        log_scan_init(&c->scan, c->viewer, &c->query);
        c->step = step_begin;
        if (!log_scan_needs_end(c->api, c->id))
                return 0;
        c->step = step_end;
        return log_viewer_seek_before(c->viewer, "", 1);
}

int log_collector_work(LogCollector *c) {
        usec_t begin = clock_monotonic_usec();
        int r;

        if (c->begin_usec == 0)
                c->begin_usec = begin;
        do {
                r = c->step(c);
                if (r < 0)
                        return r;
        } while (c->step && clock_monotonic_usec() - begin < PAGE_TURN_USEC);
        return c->step ? -EINPROGRESS : 0;
}

void log_collector_init(LogCollector *c, Api *a, const char *task_id, LogQuery *query, LogForm form) {
        *c = (LogCollector){ .api = a, .form = form, .query = *query, .step = step_open };
        query->grep = NULL;
        memcpy(c->id, task_id, strlen(task_id) + 1);
        c->writer = LOG_ROW_WRITER(c->id);
        c->backwards = query->order == LOG_ORDER_DESC || (!*query->after && !clock_is_set(query->since));
}

void log_collector_done(LogCollector *c) {
        log_viewer_free(c->viewer);
        log_rows_done(&c->rows);
        log_query_done(&c->query);
}

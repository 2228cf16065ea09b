/* LogRows: the rows of a page, see log-page.h. They are written once, into one Buffer; the spans say where. */
#include "log-page.h"

#include <remote-developer/strings.h>

/* Bytes of dropped rows that may lie in front of those that are kept. */
#define DEAD_MAX PAGE_TEXT_MAX

const char *const log_form_types[LOG_FORM_MAX] = {
        [LOG_FORM_JSON] = "application/json",
        [LOG_FORM_NDJSON] = "application/x-ndjson",
        [LOG_FORM_TEXT] = "text/plain",
};

const LogRowAppend log_form_rows[LOG_FORM_MAX] = {
        [LOG_FORM_JSON] = log_row_append_json,
        [LOG_FORM_NDJSON] = log_row_append_ndjson,
        [LOG_FORM_TEXT] = log_row_append_text,
};

void log_rows_done(LogRows *rows) {
        buffer_done(&rows->data);
        buffer_done(&rows->cursors);
        free(rows->spans);
        *rows = (LogRows){};
}

static int reserve_span(LogRows *rows) {
        size_t allocated = MAX_OF(rows->allocated * 2, (size_t) 64);
        LogRowSpan *spans;

        if (rows->n < rows->allocated)
                return 0;
        spans = reallocarray(rows->spans, allocated, sizeof(LogRowSpan));
        if (!spans)
                return -ENOMEM;
        rows->spans = spans;
        rows->allocated = allocated;
        return 0;
}

int log_rows_append(LogRows *rows, LogRowWriter *w, LogForm form, const LogQuery *query, const LogLine *line) {
        LogRowSpan span = { .at = rows->data.size, .cursor = rows->cursors.size, .bytes = line->size };
        int r;

        r = reserve_span(rows);
        if (r >= 0)
                r = log_form_rows[form](w, line, &rows->data);
        if (r >= 0 && rows->chunked)
                r = buffer_append(&rows->cursors, line->cursor, strlen(line->cursor) + 1);
        if (r < 0)
                return r;
        span.size = rows->data.size - span.at;
        if (form == LOG_FORM_JSON) {
                span.text = w->text_begin - span.at;
                span.text_size = w->text_end - w->text_begin;
        }
        span.output = log_line_is_output(line);
        span.counts = log_query_counts(query, line);
        span.placed = *line->cursor;
        rows->spans[rows->n++] = span;
        rows->bytes += span.bytes;
        rows->counted += span.counts;
        return 0;
}

/* --- the open chunk --- */

static void drop_first(LogRows *rows) {
        const LogRowSpan *span = &rows->spans[rows->chunk + rows->dropped++];

        rows->bytes -= span->bytes;
        rows->counted -= span->counts;
}

/* Moves what is kept of the chunk's bytes to where the chunk begins. */
static void compact(LogRows *rows) {
        LogRowSpan *first = &rows->spans[rows->chunk + rows->dropped];
        size_t begin = rows->spans[rows->chunk].at, dead = first->at - begin;

        if (dead <= DEAD_MAX)
                return;
        memmove(rows->data.data + begin, rows->data.data + first->at, rows->data.size - first->at + 1);
        rows->data.size -= dead;
        for (LogRowSpan *span = rows->spans + rows->chunk; span < rows->spans + rows->n; span++)
                span->at = span < first ? begin : span->at - dead;
}

void log_rows_shrink(LogRows *rows, uint64_t limit) {
        size_t before = rows->dropped;

        while (rows->chunk + rows->dropped + 1 < rows->n) {
                const LogRowSpan *first = &rows->spans[rows->chunk + rows->dropped];
                bool beyond = rows->counted > limit || rows->bytes - first->bytes >= PAGE_TEXT_MAX;

                /* A gap in front of the oldest row that is kept is told of by the next page. */
                if (!beyond && (rows->dropped == 0 || first->placed))
                        break;
                drop_first(rows);
        }
        if (rows->dropped > before)
                compact(rows);
}

const char *log_rows_cut(const LogRows *rows) {
        return rows->dropped > 0 ? rows->cursors.data + rows->spans[rows->chunk + rows->dropped].cursor : NULL;
}

void log_rows_drop_chunk(LogRows *rows) {
        while (rows->chunk + rows->dropped < rows->n)
                drop_first(rows);
        if (rows->n > rows->chunk)
                rows->data.size = rows->spans[rows->chunk].at;
        rows->n = rows->chunk;
        rows->dropped = 0;
        buffer_clear(&rows->cursors);
}

/* The first `dropped` go, and the others are turned round. */
static void turn(LogRowSpan *to, size_t dropped, size_t n) {
        memmove(to, to + dropped, n * sizeof(LogRowSpan));
        for (size_t i = 0; i < n / 2; i++) {
                LogRowSpan other = to[i];

                to[i] = to[n - 1 - i];
                to[n - 1 - i] = other;
        }
}

void log_rows_end_chunk(LogRows *rows) {
        size_t n = rows->n - rows->chunk - rows->dropped;

        if (n > 0)
                turn(rows->spans + rows->chunk, rows->dropped, n);
        rows->n = rows->chunk += n;
        rows->dropped = 0;
        buffer_clear(&rows->cursors);
}

/* --- the answer --- */

static const LogRowSpan *span_at(const LogRows *rows, bool backwards, size_t i) {
        return &rows->spans[backwards ? rows->n - 1 - i : i];
}

int log_rows_write(const LogRows *rows, bool backwards, LogForm form, Buffer *to) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < rows->n; i++) {
                const LogRowSpan *span = span_at(rows, backwards, i);

                if (form == LOG_FORM_JSON && i > 0)
                        r = buffer_append(to, ",", 1);
                if (r >= 0)
                        r = buffer_append(to, rows->data.data + span->at, span->size);
        }
        return r;
}

int log_rows_write_texts(const LogRows *rows, bool backwards, Buffer *to) {
        size_t before = to->size;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < rows->n; i++) {
                const LogRowSpan *span = span_at(rows, backwards, i);

                if (!span->output)
                        continue;
                if (to->size > before)
                        r = buffer_append(to, ",", 1);
                if (r >= 0)
                        r = buffer_append(to, rows->data.data + span->at + span->text, span->text_size);
        }
        return r;
}

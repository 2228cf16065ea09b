/* LogRow: see log-row.h. */
#include <remote-developer/log-row.h>

#include <remote-developer/strings.h>

#define TIME_FRACTION_AT (sizeof("2026-11-22T12:30:29.") - 1)
#define TIME_SIZE (sizeof("2026-11-22T12:30:29.123456Z") - 1)

#define append_literal(to, literal) buffer_append(to, literal, sizeof(literal) - 1)

/* Most lines are of the second of the one before, whose text then needs only other microseconds. */
static const char *format_time(LogRowWriter *w, usec_t t) {
        uint32_t fraction = (uint32_t) (t % USEC_PER_SEC);

        if (w->second != t / USEC_PER_SEC || strlen(w->time) != TIME_SIZE) {
                w->second = t / USEC_PER_SEC;
                return clock_format(t, w->time);
        }
        for (size_t i = TIME_SIZE - 2; i >= TIME_FRACTION_AT; i--) {
                w->time[i] = (char) ('0' + fraction % 10);
                fraction /= 10;
        }
        return w->time;
}

static int append_time(LogRowWriter *w, usec_t t, Buffer *to) {
        int r;

        if (!clock_is_set(t))
                return append_literal(to, "null");
        r = append_literal(to, "\"");
        if (r >= 0)
                r = buffer_append_string(to, format_time(w, t));
        return r < 0 ? r : append_literal(to, "\"");
}

static int append_cursor(LogRowWriter *w, const LogLine *line, Buffer *to) {
        char cursor[LOG_CURSOR_SIZE];
        int r;

        r = log_cursor_encoder_encode(&w->cursors, line->cursor, cursor);
        return r < 0 ? r : buffer_append_string(to, cursor);
}

/* JSON with blanks, as the original service's events have it, and without. */
typedef struct Style {
        const char *comma, *colon;
} Style;

static const Style spaced = { ", ", ": " }, compact = { ",", ":" };

/* The begin of a further field. */
static int append_name(const Style *style, const char *name, Buffer *to) {
        int r;

        r = buffer_append_string(to, style->comma);
        if (r >= 0)
                r = append_literal(to, "\"");
        if (r >= 0)
                r = buffer_append_string(to, name);
        if (r >= 0)
                r = append_literal(to, "\"");
        return r < 0 ? r : buffer_append_string(to, style->colon);
}

/* What JSON cannot carry goes beside it. */
static int append_bytes(const Style *style, const LogLine *line, Buffer *to) {
        int r;

        r = append_name(style, "encoding", to);
        if (r >= 0)
                r = append_literal(to, "\"base64\"");
        if (r >= 0)
                r = append_name(style, "bytes", to);
        if (r >= 0)
                r = append_literal(to, "\"");
        if (r >= 0)
                r = buffer_append_base64(to, line->text, line->size);
        return r < 0 ? r : append_literal(to, "\"");
}

static int append_gap(LogRowWriter *w, const Style *style, const LogGap *gap, Buffer *to) {
        int r;

        r = append_name(style, "reason", to);
        if (r >= 0)
                r = append_literal(to, "\"");
        if (r >= 0)
                r = buffer_append_string(to, log_gap_words[gap->reason]);
        if (r >= 0)
                r = append_literal(to, "\"");
        if (r >= 0)
                r = append_name(style, "lines", to);
        if (r >= 0)
                r = gap->lines == LOG_GAP_LINES_UNKNOWN
                                    ? append_literal(to, "null")
                                    : buffer_append_format(to, "%llu", (unsigned long long) gap->lines);
        if (r >= 0)
                r = append_name(style, "since", to);
        if (r >= 0)
                r = append_time(w, gap->since, to);
        if (r >= 0)
                r = append_name(style, "until", to);
        return r < 0 ? r : append_time(w, gap->until, to);
}

/* What most lines do not have. */
static int append_rest(LogRowWriter *w, const Style *style, const LogLine *line, Buffer *to) {
        int r = 0;

        if (!string_is_utf8(line->text, line->size))
                r = append_bytes(style, line, to);
        if (r >= 0 && line->partial) {
                r = append_name(style, "partial", to);
                if (r >= 0)
                        r = append_literal(to, "true");
        }
        if (r >= 0 && line->source == LOG_SOURCE_GAP)
                r = append_gap(w, style, &line->gap, to);
        return r < 0 ? r : append_literal(to, "}");
}

int log_row_append_json(LogRowWriter *w, const LogLine *line, Buffer *to) {
        bool has_cursor = *line->cursor;
        int r;

        r = has_cursor ? append_literal(to, "{\"cursor\":\"") : append_literal(to, "{\"cursor\":null");
        if (r >= 0 && has_cursor)
                r = append_cursor(w, line, to);
        if (r >= 0)
                r = has_cursor ? append_literal(to, "\",\"time\":") : append_literal(to, ",\"time\":");
        if (r >= 0)
                r = append_time(w, line->realtime_usec, to);
        if (r >= 0)
                r = append_literal(to, ",\"source\":\"");
        if (r >= 0)
                r = buffer_append_string(to, log_source_words[line->source]);
        if (r >= 0)
                r = append_literal(to, "\",\"text\":");
        if (r < 0)
                return r;
        w->text_begin = to->size;
        r = buffer_append_json_string(to, line->text, line->size);
        w->text_end = to->size;
        return r < 0 ? r : append_rest(w, &compact, line, to);
}

int log_row_append_ndjson(LogRowWriter *w, const LogLine *line, Buffer *to) {
        int r = log_row_append_json(w, line, to);

        return r < 0 ? r : append_literal(to, "\n");
}

int log_row_append_text(LogRowWriter *w _unused_, const LogLine *line, Buffer *to) {
        bool gap = line->source == LOG_SOURCE_GAP;
        int r = 0;

        if (gap)
                r = append_literal(to, "-- ");
        if (r >= 0)
                r = buffer_append(to, line->text, line->size);
        if (r >= 0 && gap)
                r = append_literal(to, " --");
        return r < 0 || line->partial ? r : append_literal(to, "\n");
}

int log_row_append_event(LogRowWriter *w, const LogLine *line, Buffer *to) {
        static const char *const heads[LOG_SOURCE_MAX] = {
                [LOG_SOURCE_STDOUT] = "data: {\"log\": ",
                [LOG_SOURCE_STDERR] = "data: {\"log\": ",
                [LOG_SOURCE_SYSTEM] = "event: system\ndata: {\"system\": ",
                [LOG_SOURCE_GAP] = "event: gap\ndata: {\"gap\": ",
        };
        int r = 0;

        /* A gap has no id: who comes back with that of the line before is told of it again. */
        if (line->source != LOG_SOURCE_GAP) {
                r = append_literal(to, "id: ");
                if (r >= 0)
                        r = append_cursor(w, line, to);
                if (r >= 0)
                        r = append_literal(to, "\n");
        }
        if (r >= 0)
                r = buffer_append_string(to, heads[line->source]);
        if (r >= 0)
                r = buffer_append_json_string(to, line->text, line->size);
        if (r >= 0 && line->source == LOG_SOURCE_STDERR)
                r = append_literal(to, ", \"source\": \"stderr\"");
        if (r >= 0)
                r = append_rest(w, &spaced, line, to);
        return r < 0 ? r : append_literal(to, "\n\n");
}

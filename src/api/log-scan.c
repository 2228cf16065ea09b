/* LogScan: see log-query.h. Time is taken to go forward: the first line that is later than `until` is the window's
 * end, whatever was done to the clock. */
#include "log-query.h"

#include <remote-developer/strings.h>

#include <stdio.h>

void log_scan_begin(LogScan *s, const char *end, bool inclusive) {
        snprintf(s->end, sizeof(s->end), "%s", end);
        s->end_inclusive = inclusive;
        s->looked[0] = 0;
        s->n_looked = 0;
        s->reached = s->before_begin = false;
}

void log_scan_init(LogScan *s, LogViewer *viewer, const LogQuery *query) {
        s->viewer = viewer;
        s->query = query;
        log_scan_begin(s, query->before, false);
        s->reached = query->tail == 0 ||
                     (*query->after && *query->before && log_cursor_compare(query->after, query->before) >= 0);
}

static bool is_too_late(const LogQuery *q, const LogLine *line) {
        return clock_is_set(q->until) && line->realtime_usec > q->until;
}

static bool lies_behind_end(LogScan *s, const LogLine *line) {
        int order;

        if (!s->backwards && is_too_late(s->query, line))
                return true;
        if (!*s->end)
                return false;
        order = log_cursor_compare(line->cursor, s->end);
        s->reached = order >= 0;
        return s->end_inclusive ? order > 0 : order >= 0;
}

static bool lies_before_begin(const LogQuery *q, const LogLine *line) {
        if (clock_is_set(q->since) && line->realtime_usec < q->since)
                return true;
        return *q->after && log_cursor_compare(line->cursor, q->after) <= 0;
}

/* To say nothing of such a line would hide what may have been looked for. */
static void make_unsearched(LogLine *line) {
        static const char sentence[] = "grep gives up on a line here: too many ways to match, or too long; "
                                       "simplify the expression";

        line->source = LOG_SOURCE_GAP;
        line->partial = false;
        line->text = sentence;
        line->size = sizeof(sentence) - 1;
        line->gap = (LogGap){ LOG_GAP_UNSEARCHED, 1, line->realtime_usec, line->realtime_usec };
}

static int judge(const LogQuery *q, LogLine *line) {
        int r;

        if (!(q->sources & LOG_SOURCES(line->source)))
                return LOG_SCAN_PASSED;
        if (!q->grep)
                return LOG_SCAN_LINE;
        r = pattern_match(q->grep, line->text, line->size);
        if (r == 0)
                return LOG_SCAN_PASSED;
        if (r == -E2BIG)
                make_unsearched(line);
        else if (r < 0)
                return r;
        return LOG_SCAN_LINE;
}

int log_scan_next(LogScan *s, LogLine *ret) {
        bool gap;
        int r;

        if (s->reached)
                return LOG_SCAN_END;
        r = log_viewer_next(s->viewer, ret);
        /* The follower, from whose ring the viewer gets its lines by now, has not read that far yet. */
        if (r == 0 && *s->end && !log_viewer_is_at_end(s->viewer))
                return -EAGAIN;
        if (r <= 0)
                return r;
        gap = ret->source == LOG_SOURCE_GAP;
        if (gap && !*ret->cursor)
                return LOG_SCAN_LINE;
        if (lies_behind_end(s, ret))
                return LOG_SCAN_END;
        memcpy(s->looked, ret->cursor, strlen(ret->cursor) + 1);
        s->n_looked += !gap;
        s->before_begin = lies_before_begin(s->query, ret);
        if (s->before_begin || is_too_late(s->query, ret))
                return LOG_SCAN_PASSED;
        return gap ? LOG_SCAN_LINE : judge(s->query, ret);
}

int log_scan_find_end(LogScan *s) {
        const LogQuery *q = s->query;
        LogLine line;
        int r;

        r = log_viewer_next(s->viewer, &line);
        if (r <= 0 || line.source == LOG_SOURCE_GAP)
                return r <= 0 ? r : LOG_SCAN_PASSED;
        if (!*s->end || log_cursor_compare(line.cursor, s->end) < 0) {
                snprintf(s->end, sizeof(s->end), "%s", line.cursor);
                s->end_inclusive = true;
        }
        /* A window that begins behind the end: the line that would end it is never met. */
        if (lies_before_begin(q, &line))
                s->reached = true;
        return LOG_SCAN_END;
}

bool log_scan_needs_end(const Api *a, const char *task_id) {
        const TaskSummary *summary = task_index_find(manager_index(a->manager), task_id);

        return summary && summary->run;
}

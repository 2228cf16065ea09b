/* LogQuery: reading the query, one row a parameter. See log-query.h. */
#include "log-query.h"

#include <remote-developer/strings.h>

void log_query_done(LogQuery *q) {
        q->grep = pattern_free(q->grep);
}

typedef struct QueryReading {
        const char *task_id;
        LogQuery *query;
        Problem *problem;
} QueryReading;

static int read_cursor(
                const QueryReading *reading, const char *name, const char *text, char ret[LOG_LINE_CURSOR_SIZE]) {
        char decoded[LOG_CURSOR_SIZE];

        if (log_cursor_decode(reading->task_id, text, decoded) >= 0 && strlen(decoded) < LOG_LINE_CURSOR_SIZE) {
                memcpy(ret, decoded, strlen(decoded) + 1);
                return 0;
        }
        return problem_set(reading->problem, -EINVAL, name,
                           "%s is no cursor of this task's log; take one from a row or a page of it", name);
}

static int read_after(const QueryReading *reading, const char *name, const char *text) {
        return read_cursor(reading, name, text, reading->query->after);
}

static int read_before(const QueryReading *reading, const char *name, const char *text) {
        return read_cursor(reading, name, text, reading->query->before);
}

/* "@" and seconds since 1970, or RFC 3339. */
static int parse_time(const char *text, usec_t *ret) {
        uint64_t seconds;

        if (*text != '@')
                return clock_parse(text, ret);
        if (string_to_uint64(text + 1, &seconds) < 0 || seconds >= UINT64_MAX / USEC_PER_SEC)
                return -EINVAL;
        *ret = seconds * USEC_PER_SEC;
        return 0;
}

static int read_time(const QueryReading *reading, const char *name, const char *text, usec_t *ret) {
        if (parse_time(text, ret) >= 0) {
                *ret = MAX_OF(*ret, (usec_t) 1); /* 0 would be no bound */
                return 0;
        }
        return problem_set(reading->problem, -EINVAL, name,
                           "%s must be a time, as 2026-11-22T12:30:29Z or @1795350629 (in a URL + is written %%2B)",
                           name);
}

static int read_since(const QueryReading *reading, const char *name, const char *text) {
        return read_time(reading, name, text, &reading->query->since);
}

static int read_until(const QueryReading *reading, const char *name, const char *text) {
        return read_time(reading, name, text, &reading->query->until);
}

static int read_number(const QueryReading *reading, const char *name, const char *text, uint64_t max, uint64_t *ret) {
        uint64_t n;

        if (string_to_uint64(text, &n) < 0 || n > max)
                return problem_set(reading->problem, -EINVAL, name, "%s must be a whole number up to %llu", name,
                                   (unsigned long long) max);
        *ret = n;
        return 0;
}

static int read_limit(const QueryReading *reading, const char *name, const char *text) {
        return read_number(reading, name, text, PAGE_LIMIT_MAX, &reading->query->limit);
}

static int read_tail(const QueryReading *reading, const char *name, const char *text) {
        return read_number(reading, name, text, TAIL_MAX, &reading->query->tail);
}

static int read_order(const QueryReading *reading, const char *name, const char *text) {
        static const char *const words[] = { [LOG_ORDER_ASC] = "asc", [LOG_ORDER_DESC] = "desc" };
        int order = string_table_lookup(words, ELEMENTSOF(words), text);

        if (order < 0)
                return problem_set(reading->problem, -EINVAL, name, "%s must be asc or desc", name);
        reading->query->order = order;
        return 0;
}

static int read_source(const QueryReading *reading, const char *name, const char *text) {
        const char *word = text;

        for (;;) {
                size_t n = strcspn(word, ",");
                _cleanup_free_ char *copy = strndup(word, n);
                int source = copy ? string_table_lookup(log_source_words, LOG_SOURCE_GAP, copy) : -ENOMEM;

                if (source < 0)
                        return problem_set(reading->problem, source, name,
                                        "%s must be one or several of stdout, stderr and system, with commas", name);
                reading->query->sources |= LOG_SOURCES(source);
                if (!word[n])
                        return 0;
                word += n + 1;
        }
}

static int read_grep(const QueryReading *reading, const char *name, const char *text) {
        return pattern_new(text, name, &reading->query->grep, reading->problem);
}

static const struct {
        const char *name;
        int (*read)(const QueryReading *reading, const char *name, const char *text);
} parameters[] = {
        { "after", read_after }, { "before", read_before }, { "since", read_since },   { "until", read_until },
        { "limit", read_limit }, { "order", read_order },   { "source", read_source }, { "grep", read_grep },
        { "tail", read_tail },
};

static int check_together(const LogQuery *q, Problem *problem) {
        if (clock_is_set(q->since) && q->since > q->until)
                return problem_set(problem, -EINVAL, "since", "since must not be later than until");
        if (q->tail == UINT64_MAX)
                return 0;
        if (*q->after || clock_is_set(q->since))
                return problem_set(problem, -EINVAL, "tail", "tail says where to begin, and so do after and since");
        if (q->limit != UINT64_MAX || q->order == LOG_ORDER_DESC)
                return problem_set(problem, -EINVAL, "tail", "tail is for a whole log; a page has limit");
        return 0;
}

int log_query_read(HttpRequest *r, const char *task_id, LogQuery *q, Problem *problem) {
        QueryReading reading = { task_id, q, problem };

        for (size_t i = 0; i < ELEMENTSOF(parameters); i++) {
                const char *text = http_request_query(r, parameters[i].name);
                int e = text ? parameters[i].read(&reading, parameters[i].name, text) : 0;

                if (e < 0)
                        return problem_set(problem, e, NULL, "%s", strerror(-e));
        }
        return check_together(q, problem);
}

bool log_query_counts(const LogQuery *q, const LogLine *line) {
        if (line->source == LOG_SOURCE_GAP)
                return line->gap.reason == LOG_GAP_UNSEARCHED;
        return log_line_is_output(line) || !(q->sources & LOG_SOURCES_OUTPUT);
}

/* A viewer passes over what it need not deliver without a word, however long that takes: so lines of the other stream
 * are passed over here, where there is a turn's time to look at. */
unsigned log_query_viewed_sources(const LogQuery *q) {
        unsigned sources = q->sources & LOG_SOURCES(LOG_SOURCE_SYSTEM);

        return q->sources & LOG_SOURCES_OUTPUT ? sources | LOG_SOURCES_OUTPUT : sources;
}

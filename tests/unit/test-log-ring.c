/* LogRing against a model that keeps every line ever appended and says which of them a ring must hold. */
#include "../lib/tap.h"

#include <remote-developer/log-ring.h>
#include <remote-developer/strings.h>

enum { LINES = 4000, TEXT_MAX = 300 };

static const char *cursor_of(uint64_t i) {
        static char cursor[LOG_LINE_CURSOR_SIZE];

        snprintf(cursor, sizeof(cursor), "s=%llx;i=%llx", (unsigned long long) i * 7919, (unsigned long long) i);
        return cursor;
}

/* The line with that number; its text is any bytes, made from the number. */
static void make_line(LogLine *l, uint64_t i, size_t size, char *text) {
        for (size_t k = 0; k < size; k++)
                text[k] = (char) (i * 31 + k);
        *l = (LogLine){ .cursor = cursor_of(i), .realtime_usec = 1000 + i, .priority = (int) (i % 8), .text = text,
                        .size = size };
}

typedef struct Model {
        size_t lines_max, bytes_max;
        size_t sizes[LINES];
        uint64_t end;
} Model;

/* From the end backwards: as many lines as fit. One that is too long by itself hides all before it. */
static uint64_t model_first(const Model *m) {
        uint64_t first = m->end;
        size_t bytes = 0;

        while (first > 0 && m->end - first < m->lines_max && bytes + m->sizes[first - 1] <= m->bytes_max)
                bytes += m->sizes[--first];
        return first;
}

static void check_line(const LogRing *r, const Model *m, uint64_t i) {
        char text[TEXT_MAX];
        LogLine should, is = {};

        make_line(&should, i, m->sizes[i], text);
        log_ring_get(r, i, &is);
        TAP_CHECK_STRING(is.cursor, should.cursor);
        TAP_CHECK_INT(is.realtime_usec, should.realtime_usec);
        TAP_CHECK_INT(is.priority, should.priority);
        if (is.size != should.size || memcmp(is.text, text, is.size) != 0)
                tap_fail(__FILE__, __LINE__, "line %llu has another text", (unsigned long long) i);
}

static void check_finding(const LogRing *r, const Model *m, uint64_t i) {
        uint64_t first = model_first(m), position = 77;
        bool should = (i >= first && i < m->end) || i + 1 == m->end;

        TAP_CHECK_INT(log_ring_find_after(r, cursor_of(i), &position), should);
        TAP_CHECK_INT(position, should ? i + 1 : 77);
}

static void check_ring(const LogRing *r, const Model *m) {
        uint64_t first = model_first(m);

        TAP_CHECK_INT(log_ring_end(r), m->end);
        if (!TAP_CHECK_INT(log_ring_first(r), first))
                return;
        for (uint64_t i = first; i < m->end; i++)
                check_line(r, m, i);
        for (uint64_t i = first > 3 ? first - 3 : 0; i < m->end + 2; i++)
                check_finding(r, m, i);
}

static void run_model(size_t lines_max, size_t bytes_max, size_t size_max) {
        static Model m;
        char text[TEXT_MAX];
        LogRing *r = NULL;
        LogLine line;

        m = (Model){ .lines_max = lines_max, .bytes_max = bytes_max };
        if (!TAP_CHECK_INT(log_ring_new(lines_max, bytes_max, &r), 0))
                return;
        check_ring(r, &m);
        while (m.end < LINES) {
                /* Mostly short ones, now and then one of the longest. */
                m.sizes[m.end] = (size_t) random() % (random() % 10 ? size_max / 10 + 1 : size_max + 1);
                make_line(&line, m.end, m.sizes[m.end], text);
                TAP_CHECK_INT(log_ring_append(r, &line), 0);
                m.end++;
                if (m.end < 50 || m.end % 37 == 0)
                        check_ring(r, &m);
        }
        check_ring(r, &m);
        log_ring_free(r);
}

static void test_against_the_model(void) {
        static const struct {
                size_t lines_max, bytes_max, size_max;
        } rows[] = {
                { 10, 1000000, 100 }, /* the lines bound it */
                { 1000, 1000, 100 },  /* the bytes do */
                { 20, 400, 100 },     /* now these, now those */
                { 20, 200, 250 },     /* lines that do not fit at all */
                { 1, 100, 120 },
                { 10, 0, 2 },         /* none but empty lines */
                { 10, 50, 50 },
        };

        srandom(7);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                run_model(rows[i].lines_max, rows[i].bytes_max, rows[i].size_max);
}

static void test_empty_ring(void) {
        LogRing *r = NULL;
        uint64_t position = 77;

        TAP_CHECK_INT(log_ring_new(10, 100, &r), 0);
        TAP_CHECK_INT(log_ring_first(r), 0);
        TAP_CHECK_INT(log_ring_end(r), 0);
        TAP_CHECK(!log_ring_find_after(r, "", &position));
        TAP_CHECK(!log_ring_find_after(r, "s=1", &position));
        TAP_CHECK_INT(position, 77);
        TAP_CHECK(!log_ring_free(r) && !log_ring_free(NULL));
}

/* The text is the ring's own: the caller's may go. */
static void test_lines_are_copied(void) {
        LogLine line = { .cursor = "s=1", .text = "before", .size = 6 }, back;
        char text[] = "before";
        LogRing *r = NULL;

        line.text = text;
        TAP_CHECK_INT(log_ring_new(10, 100, &r), 0);
        TAP_CHECK_INT(log_ring_append(r, &line), 0);
        memcpy(text, "behind", sizeof(text));
        log_ring_get(r, 0, &back);
        TAP_CHECK_INT(memcmp(back.text, "before", 6), 0);
        log_ring_free(r);
}

/* It is not held, but whoever has read it is at the ring's end. */
static void test_a_first_line_that_is_too_long(void) {
        LogLine line = { .cursor = "s=1", .text = "0123456789", .size = 10 };
        uint64_t position = 0;
        LogRing *r = NULL;

        TAP_CHECK_INT(log_ring_new(10, 5, &r), 0);
        TAP_CHECK_INT(log_ring_append(r, &line), 0);
        TAP_CHECK_INT(log_ring_first(r), 1);
        TAP_CHECK_INT(log_ring_end(r), 1);
        TAP_CHECK(log_ring_find_after(r, "s=1", &position));
        TAP_CHECK_INT(position, 1);
        log_ring_free(r);
}

/* Each is given its number, though none is held: the first one that is has its place far behind. */
static void test_many_that_are_too_long(void) {
        LogLine line = { .cursor = "s=1", .text = "0123456789", .size = 10 }, back = {};
        LogRing *r = NULL;

        TAP_CHECK_INT(log_ring_new(100000, 5, &r), 0);
        for (unsigned i = 0; i < 99000; i++)
                TAP_CHECK_INT(log_ring_append(r, &line), 0);
        line.size = 1;
        TAP_CHECK_INT(log_ring_append(r, &line), 0);
        TAP_CHECK_INT(log_ring_first(r), 99000);
        log_ring_get(r, 99000, &back);
        TAP_CHECK_INT(back.size, 1);
        log_ring_free(r);
}

static void test_the_longest_cursor(void) {
        char cursor[LOG_LINE_CURSOR_SIZE] = {};
        LogLine line = { .cursor = cursor, .text = "", .size = 0 }, back;
        uint64_t position = 0;
        LogRing *r = NULL;

        memset(cursor, 'x', sizeof(cursor) - 1);
        TAP_CHECK_INT(log_ring_new(10, 100, &r), 0);
        TAP_CHECK_INT(log_ring_append(r, &line), 0);
        log_ring_get(r, 0, &back);
        TAP_CHECK_STRING(back.cursor, line.cursor);
        TAP_CHECK(log_ring_find_after(r, line.cursor, &position));
        TAP_CHECK_INT(position, 1);
        log_ring_free(r);
}

/* A gap that no entry of the journal tells of has no cursor: the place behind a line is before the gap. */
static void test_gaps_without_a_cursor(void) {
        LogLine gap = { .cursor = "", .source = LOG_SOURCE_GAP, .text = "gap", .size = 3 }, line;
        uint64_t position;
        char text[4];
        LogRing *r;

        if (!TAP_CHECK_INT(log_ring_new(3, 1000, &r), 0))
                return;
        TAP_CHECK_INT(log_ring_append(r, &gap), 0);
        TAP_CHECK_INT(log_ring_last(r), 0);
        TAP_CHECK(!log_ring_find_after(r, "", &position));
        make_line(&line, 1, 4, text);
        TAP_CHECK_INT(log_ring_append(r, &line), 0);
        for (unsigned i = 0; i < 4; i++) {
                TAP_CHECK_INT(log_ring_last(r), MAX_OF(2, (int) log_ring_first(r)));
                if (TAP_CHECK(log_ring_find_after(r, cursor_of(1), &position)))
                        TAP_CHECK_INT(position, 2);
                TAP_CHECK_INT(log_ring_append(r, &gap), 0);
        }
        TAP_CHECK_INT(log_ring_first(r), 3);
        log_ring_free(r);
}

static const TapTest tests[] = {
        { "an empty ring", test_empty_ring },
        { "random lines, against a model", test_against_the_model },
        { "lines are copied", test_lines_are_copied },
        { "a first line that is too long", test_a_first_line_that_is_too_long },
        { "many lines that are too long", test_many_that_are_too_long },
        { "the longest cursor", test_the_longest_cursor },
        { "gaps without a cursor", test_gaps_without_a_cursor },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* A line of a log in each of its forms, byte for byte. */
#include "../lib/tap.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/log-row.h>

#include <string.h>

#define TASK "task-1700000000-abcdef"
#define TIME ((usec_t) 1700000000123456)
#define TIME_TEXT "2023-11-14T22:13:20.123456Z"

static LogLine line_of(const char *text) {
        return (LogLine){ .cursor = "s=1;i=2", .realtime_usec = TIME, .text = text, .size = strlen(text) };
}

static LogLine gap(void) {
        LogLine line = line_of("12 lines are missing");

        line.source = LOG_SOURCE_GAP;
        line.gap = (LogGap){ LOG_GAP_SUPPRESSED, 12, TIME, TIME + 1 };
        return line;
}

static LogLine gap_without_anything(void) {
        LogLine line = { .cursor = "", .text = "Lines are missing", .size = 17, .source = LOG_SOURCE_GAP };

        line.gap = (LogGap){ LOG_GAP_VACUUMED, LOG_GAP_LINES_UNKNOWN, 0, USEC_INFINITY };
        return line;
}

/* "%" in what is expected stands for the cursor. */
static void check_row(LogRowAppend append, const LogLine *line, const char *expected, int at) {
        _cleanup_(buffer_done) Buffer row = BUFFER_NULL, with_cursor = BUFFER_NULL;
        LogRowWriter w = LOG_ROW_WRITER(TASK);
        char cursor[LOG_CURSOR_SIZE];

        TAP_CHECK_INT(log_cursor_encode(TASK, "s=1;i=2", cursor), 0);
        for (; *expected; expected++)
                (void) (*expected == '%' ? buffer_append_string(&with_cursor, cursor)
                                         : buffer_append(&with_cursor, expected, 1));
        TAP_CHECK_INT(append(&w, line, &row), 0);
        if (strcmp(row.data ?: "", with_cursor.data ?: "") != 0)
                tap_fail(__FILE__, at, "is %s, should be %s", row.data, with_cursor.data);
}

#define CHECK_ROW(append, line, expected) check_row(append, line, expected, __LINE__)

#define ROW "{\"cursor\":\"%\",\"time\":\"" TIME_TEXT "\",\"source\":"

static void test_json(void) {
        LogLine line = line_of("a\t\"b\" \xc3\xa4\x1b");

        CHECK_ROW(log_row_append_json, &line, ROW "\"stdout\",\"text\":\"a\\t\\\"b\\\" \xc3\xa4\\u001b\"}");
        CHECK_ROW(log_row_append_ndjson, &line, ROW "\"stdout\",\"text\":\"a\\t\\\"b\\\" \xc3\xa4\\u001b\"}\n");
        line = line_of("");
        line.source = LOG_SOURCE_STDERR;
        line.partial = true;
        CHECK_ROW(log_row_append_json, &line, ROW "\"stderr\",\"text\":\"\",\"partial\":true}");
        line = line_of("Started");
        line.source = LOG_SOURCE_SYSTEM;
        CHECK_ROW(log_row_append_json, &line, ROW "\"system\",\"text\":\"Started\"}");
        line = line_of("a\xff" "b");
        line.partial = true;
        CHECK_ROW(log_row_append_json, &line, ROW "\"stdout\",\"text\":\"a\xef\xbf\xbd" "b\",\"encoding\":\"base64\","
                  "\"bytes\":\"Yf9i\",\"partial\":true}");
        line = gap();
        CHECK_ROW(log_row_append_json, &line,
                        ROW "\"gap\",\"text\":\"12 lines are missing\",\"reason\":\"suppressed\","
                            "\"lines\":12,\"since\":\"" TIME_TEXT "\",\"until\":\"2023-11-14T22:13:20.123457Z\"}");
        line = gap_without_anything();
        CHECK_ROW(log_row_append_json, &line, "{\"cursor\":null,\"time\":null,\"source\":\"gap\",\"text\":"
                  "\"Lines are missing\",\"reason\":\"vacuumed\",\"lines\":null,\"since\":null,\"until\":null}");
}

static void test_text(void) {
        LogLine line = line_of("a\xff\r");

        CHECK_ROW(log_row_append_text, &line, "a\xff\r\n");
        line.partial = true;
        CHECK_ROW(log_row_append_text, &line, "a\xff\r");
        line = line_of("");
        CHECK_ROW(log_row_append_text, &line, "\n");
        line = gap();
        CHECK_ROW(log_row_append_text, &line, "-- 12 lines are missing --\n");
}

static void test_events(void) {
        LogLine line = line_of("a \"b\"");

        CHECK_ROW(log_row_append_event, &line, "id: %\ndata: {\"log\": \"a \\\"b\\\"\"}\n\n");
        line.source = LOG_SOURCE_STDERR;
        CHECK_ROW(log_row_append_event, &line, "id: %\ndata: {\"log\": \"a \\\"b\\\"\", \"source\": \"stderr\"}\n\n");
        line = line_of("\xff");
        line.partial = true;
        CHECK_ROW(log_row_append_event, &line, "id: %\ndata: {\"log\": \"\xef\xbf\xbd\", \"encoding\": \"base64\", "
                  "\"bytes\": \"/w==\", \"partial\": true}\n\n");
        line = line_of("Started");
        line.source = LOG_SOURCE_SYSTEM;
        CHECK_ROW(log_row_append_event, &line, "id: %\nevent: system\ndata: {\"system\": \"Started\"}\n\n");
        line = gap();
        CHECK_ROW(log_row_append_event, &line, "event: gap\ndata: {\"gap\": \"12 lines are missing\", \"reason\": "
                  "\"suppressed\", \"lines\": 12, \"since\": \"" TIME_TEXT "\", \"until\": "
                  "\"2023-11-14T22:13:20.123457Z\"}\n\n");
}

/* One writer, times to and fro: the text that is kept for a second is that of another one. */
static void test_times(void) {
        static const usec_t times[] = {
                TIME, TIME + 1, TIME - 123456, TIME + 876543, TIME + 876544, TIME, 1, 999999, 1000000, TIME,
                (usec_t) 253402300799999999, /* the last of the year 9999 */
        };
        LogRowWriter w = LOG_ROW_WRITER(TASK);

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                _cleanup_(buffer_done) Buffer row = BUFFER_NULL;
                char expected[64], text[CLOCK_TEXT_SIZE];
                LogLine line = line_of("x");

                line.realtime_usec = times[i];
                snprintf(expected, sizeof(expected), "\"time\":\"%s\"", clock_format(times[i], text));
                TAP_CHECK_INT(log_row_append_json(&w, &line, &row), 0);
                TAP_CHECK_CONTAINS(row.data, expected);
        }
}

/* How long a row takes, to be seen, not judged: machines differ. */
static void test_pace(void) {
        static const LogRowAppend forms[] = { log_row_append_json, log_row_append_event, log_row_append_text };
        static const char text[] = "2026-11-22 12:30:29 INFO worker-7: compiling module 123 of 456, nothing unusual";
        LogLine line = {
                .cursor = "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c;m=4fc72436e;"
                          "t=4c508a72423d9;x=d3e5610681098c10",
                .realtime_usec = TIME,
                .text = text,
                .size = sizeof(text) - 1,
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_(buffer_done) Buffer rows = BUFFER_NULL;
                LogRowWriter w = LOG_ROW_WRITER(TASK);
                usec_t begin = clock_monotonic_usec();
                const unsigned n = 100000;

                for (unsigned k = 0; k < n; k++) {
                        if (k % 100 == 0)
                                buffer_clear(&rows);
                        line.realtime_usec++;
                        TAP_CHECK_INT(forms[i](&w, &line, &rows), 0);
                }
                printf("# form %zu: %.3f us a row\n", i, (double) (clock_monotonic_usec() - begin) / n);
        }
}

static const TapTest tests[] = {
        { "JSON", test_json }, { "text", test_text }, { "events", test_events }, { "times", test_times },
        { "the pace", test_pace },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* A line of an archived log as a row of JSON, and back. The rows are ours, in one fixed form, so that no parser is
 * needed which would make an object of each of sixteen million bytes; reading turns the text back in the place where
 * it stands, since it never grows by that. */
#include "log-archive-internal.h"

#include <remote-developer/strings.h>

#include <syslog.h>

#define CURSOR_HEAD "{\"cursor\":\""
#define TIME_HEAD "\",\"time\":\""
#define PRIORITY_HEAD "\",\"priority\":"
#define SOURCE_HEAD ",\"source\":\""
#define PARTIAL_WORD ",\"partial\":true"
#define REASON_HEAD ",\"reason\":\""
#define LINES_HEAD ",\"lines\":"
#define SINCE_HEAD ",\"since\":"
#define UNTIL_HEAD ",\"until\":"
#define TEXT_HEAD ",\"text\":"
#define END_HEAD "{\"lines\":"

/* FNV-1a, 32 bits, by its published constants, folded. */
uint16_t archive_cursor_check(const char *cursor) {
        uint32_t hash = 2166136261U;

        for (; *cursor; cursor++)
                hash = (hash ^ (unsigned char) *cursor) * 16777619U;
        return (uint16_t) (hash ^ hash >> 16);
}

/* --- writing --- */

static bool is_utf8(const char *text, size_t size) {
        for (size_t i = 0, n; i < size; i += n) {
                n = string_utf8_length(text + i, size - i);
                if (n == 0)
                        return false;
        }
        return true;
}

/* "[1,22,333]", without printf: there may be sixteen million. */
static int append_bytes(Buffer *to, const char *text, size_t size) {
        char piece[4];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < size; i++) {
                unsigned char c = (unsigned char) text[i];
                size_t n = 0;

                piece[n++] = i == 0 ? '[' : ',';
                if (c >= 100)
                        piece[n++] = (char) ('0' + c / 100);
                if (c >= 10)
                        piece[n++] = (char) ('0' + c / 10 % 10);
                piece[n++] = (char) ('0' + c % 10);
                r = buffer_append(to, piece, n);
        }
        return r < 0 ? r : buffer_append(to, "]", 1);
}

static int append_time(const char *head, usec_t t, Buffer *to) {
        char time[CLOCK_TEXT_SIZE];

        if (!clock_is_set(t))
                return buffer_append_format(to, "%snull", head);
        return buffer_append_format(to, "%s\"%s\"", head, clock_format(t, time));
}

static int append_gap(const LogGap *gap, Buffer *to) {
        int r;

        r = buffer_append_format(to, REASON_HEAD "%s\"" LINES_HEAD, log_gap_words[gap->reason]);
        if (r >= 0 && gap->lines == LOG_GAP_LINES_UNKNOWN)
                r = buffer_append_string(to, "null");
        else if (r >= 0)
                r = buffer_append_format(to, "%llu", (unsigned long long) gap->lines);
        if (r >= 0)
                r = append_time(SINCE_HEAD, gap->since, to);
        return r < 0 ? r : append_time(UNTIL_HEAD, gap->until, to);
}

/* What nearly no line has. */
static int append_marks(const LogLine *line, Buffer *to) {
        int r = 0;

        if (line->source != LOG_SOURCE_STDOUT)
                r = buffer_append_format(to, SOURCE_HEAD "%s\"", log_source_words[line->source]);
        if (r >= 0 && line->partial)
                r = buffer_append_string(to, PARTIAL_WORD);
        return r >= 0 && line->source == LOG_SOURCE_GAP ? append_gap(&line->gap, to) : r;
}

int archive_row_append(const LogLine *line, Buffer *to) {
        char time[CLOCK_TEXT_SIZE];
        int r;

        if (strpbrk(line->cursor, "\"\\\n"))
                return -EINVAL;
        r = buffer_append_format(to, CURSOR_HEAD "%s" TIME_HEAD "%s" PRIORITY_HEAD "%d", line->cursor,
                                 clock_format(line->realtime_usec, time), line->priority & LOG_PRIMASK);
        if (r >= 0)
                r = append_marks(line, to);
        if (r >= 0)
                r = buffer_append_string(to, TEXT_HEAD);
        if (r < 0)
                return r;
        r = is_utf8(line->text, line->size) ? buffer_append_json_string(to, line->text, line->size)
                                            : append_bytes(to, line->text, line->size);
        return r < 0 ? r : buffer_append(to, "}\n", 2);
}

int archive_end_append(uint64_t lines, Buffer *to) {
        return buffer_append_format(to, END_HEAD "%llu}\n", (unsigned long long) lines);
}

/* --- reading: each moves the position behind what it has taken --- */

typedef struct Place {
        char *p, *end;
} Place;

static bool take_word(Place *at, const char *word) {
        size_t n = strlen(word);

        if ((size_t) (at->end - at->p) < n || memcmp(at->p, word, n) != 0)
                return false;
        at->p += n;
        return true;
}

/* Up to the next quote, which is not taken. */
static bool take_plain(Place *at, char *ret, size_t size) {
        const char *quote = memchr(at->p, '"', (size_t) (at->end - at->p));
        size_t n = quote ? (size_t) (quote - at->p) : size;

        if (n >= size)
                return false;
        memcpy(ret, at->p, n);
        ret[n] = 0;
        at->p += n;
        return true;
}

/* "u001b": only what has one byte is ever written so. */
static int take_hexadecimal(Place *at) {
        char digits[5] = {};
        long c;

        if (at->end - at->p < 5)
                return -EBADMSG;
        memcpy(digits, at->p + 1, 4);
        if (strspn(digits, "0123456789abcdef") != 4)
                return -EBADMSG;
        c = strtol(digits, NULL, 16);
        at->p += 5;
        return c < 0x80 ? (int) c : -EBADMSG;
}

/* What follows a backslash. */
static int take_escape(Place *at) {
        static const char letters[] = "\"\\nrt", bytes[] = "\"\\\n\r\t";
        const char *found;

        if (at->p < at->end && *at->p == 'u')
                return take_hexadecimal(at);
        found = at->p < at->end && *at->p ? strchr(letters, *at->p) : NULL;
        if (!found)
                return -EBADMSG;
        at->p++;
        return bytes[found - letters];
}

/* Behind the opening quote. */
static int take_string(Place *at, LogLine *ret) {
        char *to = at->p;

        ret->text = to;
        while (at->p < at->end && *at->p != '"') {
                int c = (unsigned char) *at->p++;

                if (c == '\\')
                        c = take_escape(at);
                if (c < 0)
                        return c;
                *to++ = (char) c;
        }
        ret->size = (size_t) (to - ret->text);
        return take_word(at, "\"") ? 0 : -EBADMSG;
}

static int take_byte(Place *at) {
        char *first = at->p;
        int c = 0;

        while (at->p < at->end && at->p - first < 3 && *at->p >= '0' && *at->p <= '9')
                c = c * 10 + (*at->p++ - '0');
        return at->p > first && c <= UINT8_MAX ? c : -EBADMSG;
}

/* Behind the opening bracket. Never of none: an empty text is UTF-8. */
static int take_bytes(Place *at, LogLine *ret) {
        char *to = at->p;

        ret->text = to;
        do {
                int c = take_byte(at);

                if (c < 0)
                        return c;
                *to++ = (char) c;
        } while (take_word(at, ","));
        ret->size = (size_t) (to - ret->text);
        return take_word(at, "]") ? 0 : -EBADMSG;
}

/* Where it stands, made a string: the quote behind it has been looked at. */
static bool take_cursor(Place *at, LogLine *ret) {
        char *quote = memchr(at->p, '"', (size_t) (at->end - at->p));

        if (!quote || quote - at->p >= LOG_LINE_CURSOR_SIZE)
                return false;
        ret->cursor = at->p;
        at->p = quote;
        if (!take_word(at, TIME_HEAD))
                return false;
        *quote = 0;
        return true;
}

/* A word of ours in quotes, the first of which is taken. Its number, or negative. */
static int take_one_of(Place *at, const char *const *words, int n) {
        char word[16];

        if (!take_plain(at, word, sizeof(word)) || !take_word(at, "\""))
                return -EBADMSG;
        for (int i = 0; i < n; i++)
                if (string_equal(words[i], word))
                        return i;
        return -EBADMSG;
}

static bool take_lines(Place *at, uint64_t *ret) {
        char number[24];
        size_t n = 0;

        *ret = LOG_GAP_LINES_UNKNOWN;
        if (take_word(at, "null"))
                return true;
        while (at->p < at->end && n < sizeof(number) - 1 && *at->p >= '0' && *at->p <= '9')
                number[n++] = *at->p++;
        number[n] = 0;
        return string_to_uint64(number, ret) >= 0;
}

static bool take_time(Place *at, usec_t *ret) {
        char time[CLOCK_TEXT_SIZE];

        *ret = 0;
        if (take_word(at, "null"))
                return true;
        return take_word(at, "\"") && take_plain(at, time, sizeof(time)) && take_word(at, "\"") &&
               clock_parse(time, ret) >= 0;
}

static bool take_gap(Place *at, LogGap *ret) {
        int reason = take_word(at, REASON_HEAD) ? take_one_of(at, log_gap_words, LOG_GAP_REASON_MAX) : -EBADMSG;

        if (reason < 0)
                return false;
        ret->reason = (LogGapReason) reason;
        return take_word(at, LINES_HEAD) && take_lines(at, &ret->lines) && take_word(at, SINCE_HEAD) &&
               take_time(at, &ret->since) && take_word(at, UNTIL_HEAD) && take_time(at, &ret->until);
}

static bool take_marks(Place *at, LogLine *ret) {
        int source = take_word(at, SOURCE_HEAD) ? take_one_of(at, log_source_words, LOG_SOURCE_MAX)
                                                : LOG_SOURCE_STDOUT;

        if (source < 0)
                return false;
        ret->source = (LogSource) source;
        ret->partial = take_word(at, PARTIAL_WORD);
        return ret->source != LOG_SOURCE_GAP || take_gap(at, &ret->gap);
}

int archive_row_read(char *row, size_t size, LogLine *ret) {
        Place at = { row, row + size };
        char time[CLOCK_TEXT_SIZE];
        int r = -EBADMSG;

        *ret = (LogLine){};
        if (!take_word(&at, CURSOR_HEAD) || !take_cursor(&at, ret) || !take_plain(&at, time, sizeof(time)) ||
            !take_word(&at, PRIORITY_HEAD))
                return -EBADMSG;
        ret->priority = take_byte(&at);
        if (ret->priority < 0 || ret->priority > LOG_DEBUG || clock_parse(time, &ret->realtime_usec) < 0 ||
            !take_marks(&at, ret) || !take_word(&at, TEXT_HEAD))
                return -EBADMSG;
        if (take_word(&at, "\""))
                r = take_string(&at, ret);
        else if (take_word(&at, "["))
                r = take_bytes(&at, ret);
        if (r < 0)
                return r;
        return take_word(&at, "}") && at.p == at.end ? 0 : -EBADMSG;
}

bool archive_row_has_cursor(const char *row, size_t size, const char *cursor) {
        size_t head = strlen(CURSOR_HEAD), n = strlen(cursor);

        return size > head + n && memcmp(row + head, cursor, n) == 0 && row[head + n] == '"';
}

int archive_end_read(const char *row, size_t size, uint64_t *ret_lines) {
        size_t head = strlen(END_HEAD);
        char number[ARCHIVE_END_SIZE];

        if (size < head + 3 || size - head >= sizeof(number) || memcmp(row, END_HEAD, head) != 0 ||
            memcmp(row + size - 2, "}\n", 2) != 0)
                return -EBADMSG;
        memcpy(number, row + head, size - head - 2);
        number[size - head - 2] = 0;
        return string_to_uint64(number, ret_lines) < 0 ? -EBADMSG : 0;
}

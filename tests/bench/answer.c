/* Answer: see answer.h. A span of bytes is worked on where it lies; only what ends in the middle of a line is kept
 * until the rest comes. */
#include "answer.h"

#include <remote-developer/strings.h>

#include <stdio.h>

#define HEAD_MAX ((size_t) 16 * 1024)

void answer_begin(Answer *a, bool plain) {
        a->state = plain ? ANSWER_BODY : ANSWER_HEAD;
        a->status = 0;
        a->chunk_left = 0;
        a->is_events = a->is_final = a->has_line = false;
        a->next_id[0] = 0;
        buffer_clear(&a->begun);
}

void answer_done(Answer *a) {
        buffer_done(&a->begun);
}

/* --- lines of the body --- */

static void end_event(Answer *a) {
        if (*a->next_id)
                memcpy(a->id, a->next_id, sizeof(a->id));
        if (a->has_line)
                a->on_line(a->userdata, a->sequence, a->written_nsec);
        a->next_id[0] = 0;
        a->has_line = false;
}

/* The line's end is no part of it; what lies behind it is the line end itself, so that numbers end there. */
static void take_mark(Answer *a, const char *line, size_t size) {
        const char *mark = memmem(line, size, ANSWER_MARK, strlen(ANSWER_MARK));
        char *end;

        if (!mark)
                return;
        a->sequence = strtoull(mark + strlen(ANSWER_MARK), &end, 10);
        a->written_nsec = strtoull(end, NULL, 10);
        a->has_line = true;
}

static void take_line(Answer *a, const char *line, size_t size) {
        if (a->is_events && size == 0) {
                end_event(a);
                return;
        }
        if (a->is_events && size > 4 && memcmp(line, "id: ", 4) == 0) {
                snprintf(a->next_id, sizeof(a->next_id), "%.*s", (int) size - 4, line + 4);
                return;
        }
        take_mark(a, line, size);
        if (!a->is_events)
                end_event(a);
        else if (!a->has_line && memmem(line, size, "\"final\": true", 13))
                a->is_final = true;
}

static int take_body(Answer *a, const char *data, size_t size) {
        const char *end;
        int r;

        for (; size > 0 && (end = memchr(data, '\n', size)); size -= (size_t) (end + 1 - data), data = end + 1) {
                if (a->begun.size == 0) {
                        take_line(a, data, (size_t) (end - data));
                        continue;
                }
                r = buffer_append(&a->begun, data, (size_t) (end + 1 - data));
                if (r < 0)
                        return r;
                take_line(a, a->begun.data, a->begun.size - 1);
                buffer_clear(&a->begun);
        }
        return size > 0 ? buffer_append(&a->begun, data, size) : 0;
}

/* --- HTTP --- */

static int take_head(Answer *a) {
        const char *head = a->begun.data;

        if (sscanf(head, "HTTP/1.1 %d", &a->status) != 1)
                return -EBADMSG;
        a->is_events = strcasestr(head, "\r\nContent-Type: text/event-stream") != NULL;
        a->state = strcasestr(head, "\r\nTransfer-Encoding: chunked") ? ANSWER_CHUNK_SIZE
                   : a->status == 204                                ? ANSWER_WHOLE
                                                                     : ANSWER_BODY;
        return 0;
}

/* Bytes taken; those of a line end that came with the begin of the body are not. */
static ssize_t read_head(Answer *a, const char *data, size_t size) {
        size_t before = a->begun.size;
        const char *end;
        int r;

        if (before > HEAD_MAX)
                return -EBADMSG;
        r = buffer_append(&a->begun, data, size);
        if (r < 0)
                return r;
        end = strstr(a->begun.data, "\r\n\r\n");
        if (!end)
                return (ssize_t) size;
        r = take_head(a);
        size = (size_t) (end + 4 - a->begun.data) - before;
        buffer_clear(&a->begun);
        return r < 0 ? r : (ssize_t) size;
}

/* A chunk's size stands on a line of its own. Lines of the body may be cut by chunks, so it is not kept in `begun`. */
static ssize_t read_chunk_size(Answer *a, const char *data) {
        char c = data[0];

        if (c == '\r')
                return 1;
        if (c == '\n') {
                a->state = a->chunk_left > 0 ? ANSWER_CHUNK : ANSWER_WHOLE;
                return 1;
        }
        if (!strchr("0123456789abcdefABCDEF", c) || a->chunk_left >> 32)
                return -EBADMSG;
        a->chunk_left = a->chunk_left * 16 + (uint64_t) (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        return 1;
}

static ssize_t read_chunk(Answer *a, const char *data, size_t size) {
        int r;

        size = MIN_OF(size, a->chunk_left);
        r = take_body(a, data, size);
        if (r < 0)
                return r;
        a->chunk_left -= size;
        if (a->chunk_left == 0)
                a->state = ANSWER_CHUNK_END;
        return (ssize_t) size;
}

static ssize_t take_some(Answer *a, const char *data, size_t size) {
        int r;

        switch (a->state) {
        case ANSWER_HEAD:
                return read_head(a, data, size);
        case ANSWER_BODY:
                r = take_body(a, data, size);
                return r < 0 ? r : (ssize_t) size;
        case ANSWER_CHUNK_SIZE:
                return read_chunk_size(a, data);
        case ANSWER_CHUNK:
                return read_chunk(a, data, size);
        case ANSWER_CHUNK_END:
                if (data[0] == '\n')
                        a->state = ANSWER_CHUNK_SIZE;
                return 1;
        case ANSWER_WHOLE:
                break;
        }
        return (ssize_t) size;
}

int answer_take(Answer *a, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = take_some(a, data, size);

                if (n < 0)
                        return (int) n;
                data += n;
                size -= (size_t) n;
        }
        return 0;
}

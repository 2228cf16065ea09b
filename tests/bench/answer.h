/* Answer: what a log is answered with, taken apart as it comes, byte for byte: the header, its chunks, and of the body
 * the lines that writer.c wrote. In server-sent events, JSON, journald's export or plain text, such a line is known
 * by its mark, "@@SEQUENCE NANOSECONDS "; of events only those count whose end has come, as in a browser.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/log-cursor.h>

#define ANSWER_MARK "@@"

/* `written_nsec`: CLOCK_REALTIME. */
typedef void (*AnswerOnLine)(void *userdata, uint64_t sequence, uint64_t written_nsec);

typedef enum AnswerState {
        ANSWER_HEAD,
        ANSWER_BODY, /* until the connection ends */
        ANSWER_CHUNK_SIZE,
        ANSWER_CHUNK,
        ANSWER_CHUNK_END,
        ANSWER_WHOLE,
} AnswerState;

typedef struct Answer {
        AnswerState state;
        int status;          /* 0: the header is not there yet */
        bool is_events;      /* text/event-stream */
        bool is_final;       /* the service's event behind the log's last line was seen */
        uint64_t chunk_left; /* bytes of this chunk that are still to come */
        Buffer begun;        /* a header, a line or a chunk's size whose end has not come yet */

        bool has_line; /* of the event being read */
        uint64_t sequence, written_nsec;
        char next_id[LOG_CURSOR_SIZE];
        char id[LOG_CURSOR_SIZE]; /* of the last whole event that had one; kept over answers */

        AnswerOnLine on_line;
        void *userdata;
} Answer;

/* `plain`: there is no HTTP, only lines. */
void answer_begin(Answer *a, bool plain);
void answer_done(Answer *a);

/* 0, -EBADMSG when that is no HTTP that can be understood, -ENOMEM. */
int answer_take(Answer *a, const char *data, size_t size);

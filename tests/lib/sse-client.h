/* SseClient: a client of a stream of events over a real socket, which may hang up at any byte.
 *
 *         _cleanup_(sse_client_done) SseClient c = { .on_event = on_event, .userdata = &mine };
 *
 *         c.hangs_up_after = 1234;
 *         if (!sse_client_open(&c, &fixture, HTTP_OVER_TCP, "/api/task-logs/...", "Last-Event-ID: x\r\n"))
 *                 return;
 *         if (STORY_UNTIL(&story, sse_client_is_over(&c)))
 *                 sse_client_close(&c);
 *
 * Events are handed out when they are whole: what is cut is as if it had never been sent. */
#pragma once

#include "http-fixture.h"

/* NULL: it has none. Ended by 0, and valid within the call. */
typedef struct SseEvent {
        const char *id, *name, *data;
} SseEvent;

typedef struct SseClient {
        void (*on_event)(struct SseClient *c, const SseEvent *e);
        void *userdata;
        uint64_t hangs_up_after; /* bytes of the connection; 0: never */

        HttpClient http;
        bool open;
        unsigned status;  /* 0: not known yet */
        bool ended;       /* properly, with the last chunk */
        uint64_t received;
        Buffer raw, text; /* not yet taken apart: of the connection, of the stream */
} SseClient;

bool sse_client_open(SseClient *c, HttpFixture *f, HttpOver over, const char *path, const char *headers);
void sse_client_close(SseClient *c);
void sse_client_done(SseClient *c);

/* One of the two has hung up. */
bool sse_client_is_over(const SseClient *c);

/* The string behind that key of the event's data, taken out of JSON's quotes: false where there is none. */
bool sse_string(const SseEvent *e, const char *key, Buffer *ret);

/* The same as base64's bytes. */
bool sse_bytes(const SseEvent *e, const char *key, Buffer *ret);

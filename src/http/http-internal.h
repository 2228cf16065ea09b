/* What the files of http/ share: the server, its connections, a request, a stream.
 *
 * HttpServer    owned by the caller; owns its listeners and, through libmicrohttpd, its connections.
 * HttpConnection  one accepted socket; from MHD's "started" to its "closed" notice. MHD owns the socket.
 * HttpRequest   from the first line of its header to its answer. The connection points to it and it to the
 *               connection; the one that goes first clears the other's pointer.
 * HttpStream    owned by the MHD response that pulls it, which ends with the connection at the latest.
 *
 *      accepted ──▶ idle ──▶ busy ──▶ dispatched ──▶ answered ──▶ idle or closed
 *                                         └─ suspended while the answer is awaited
 *
 * Invariants: only a connection that waits for its answer or its turn, or whose stream sleeps, is suspended;
 * `connection->suspended` is true exactly from MHD_suspend_connection() to MHD_resume_connection(), so that
 * neither happens twice; each resume is followed by a kick, for MHD wakes nobody itself.
 */
#pragma once

#include <remote-developer/http-server.h>

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

typedef struct HttpConnection HttpConnection;
typedef struct HttpListener HttpListener;
typedef struct HttpShare HttpShare;

/* What a connection waits for a turn for. */
typedef enum HttpWork {
        HTTP_WORK_REQUEST,
        HTTP_WORK_FILL,
        HTTP_WORKS,
} HttpWork;

/* Of the answers that are written without MHD: as api/origin.c has them for all others. */
#define HTTP_BARE_HEADERS                                                                                  \
        "Connection: close\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"       \
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nX-Frame-Options: DENY\r\n" \
        "Referrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-store\r\n"

struct HttpServer {
        sd_event *event;
        HttpLimits limits;
        HttpOnRequest on_request;
        void *userdata;

        struct MHD_Daemon *daemon;
        sd_event_source *io;    /* MHD's epoll */
        sd_event_source *kick;  /* one-shot: run MHD in the next turn, before all others */
        sd_event_source *turn;  /* one-shot: likewise, in line with the others */
        sd_event_source *timer; /* MHD's next deadline, at `timer_usec` or earlier */
        usec_t timer_usec;
        sd_event_source *deadline_timer; /* the next of ours, likewise */
        usec_t deadline_timer_usec;
        unsigned idle_seconds, stall_seconds; /* as MHD wants them; never equal, see connection_set_timeout() */

        HttpListener *listeners;
        sd_event_source *retry; /* when accepting is tried again after there were too many open files */
        bool starved;           /* ... until then */
        bool starving_told;     /* in the log, since a connection was last accepted */

        HttpShare *shares; /* of the peers that are there */
        size_t held;       /* by all connections */

        sd_event_source *queue_turn; /* as `turn`: to serve the queue */
        TAILQ_HEAD(, HttpShare) queued; /* the one whose turn is next first */
        usec_t spent_usec; /* in this turn, by handlers and by filling streams */
        HttpIsGuest is_guest; /* NULL: nobody is */
        void *guest_userdata;
        usec_t refusing_told_usec; /* monotonic; when the log was last told that connections are refused; 0: never */

        HttpConnection *connections;
        Buffer spare; /* for the next stream that has something to say; at most two chunks */

        HttpConnection *accepting; /* the next connection's, until MHD has announced it */
        unsigned n_connections;

        HttpOnDrained on_drained;
        void *drained_userdata;
        sd_event_source *drain_timer;
        bool draining;

        bool is_tls;
        bool running;  /* inside MHD_run() */
        bool again;    /* there is something to do in the next turn */
        unsigned n_fruitless; /* how often MHD wanted to run again, since something came of it */
        bool stopping; /* inside http_server_free() */
};

struct HttpConnection {
        HttpServer *server;
        HttpConnection *next, *previous;
        struct MHD_Connection *mhd;
        int fd; /* MHD's */
        HttpPeer peer;
        HttpShare *share;
        usec_t deadline_usec; /* monotonic; what it is at is over then, or the connection; 0: there is none */

        HttpRequest *request; /* being read or not answered yet */
        size_t uri_size;      /* of the request line being read */
        bool malformed;       /* a part of it could not be decoded */

        bool own_timeout; /* not the server's */
        bool begun;       /* has ever had a request */
        bool busy;        /* from a request's header to the last byte of its answer */
        bool suspended;
        bool aborted; /* to be cut at MHD's next question */
        bool ending;  /* no further request is read */

        size_t held;      /* bytes of its answer in the peer's share */
        bool awaits_room; /* suspended until there is some */

        HttpStream *stream; /* its answer; NULL: that is none, or there is none */
        TAILQ_ENTRY(HttpConnection) queue; /* its share's */
        bool queued; /* suspended until its turn comes */
        HttpWork work;
};

struct HttpRequest {
        HttpConnection *connection; /* NULL: the server is gone */
        const char *method, *path;  /* in MHD's memory */
        bool http_1_0;

        Buffer body;
        uint64_t received; /* bytes of the body, kept or not */
        size_t counted;    /* bytes of it in the peer's share */
        bool too_large;
        bool refused; /* there was no room for it */
        const char *fault; /* NULL: it is well made */
        char *authority;   /* of the target, in the place of the Host; NULL: none; owned */
        bool dispatched;

        char **headers; /* of the answer: name, value, name, value */
        const HttpHeader *defaults; /* likewise; borrowed; NULL: none */
        void *userdata;
};

#define HTTP_TIMER_ACCURACY_USEC USEC_PER_MSEC

/* --- http-server.c --- */

/* A description, and that the loop ends when its handler fails: sd-event would disable it and go on as if nothing
 * were. */
void http_event_source_dress(sd_event_source *source, const char *description);

/* A source whose descriptor can always be read: enabled once, it has its turn in line with the others. */
int http_server_add_ready(HttpServer *s, const char *description, sd_event_io_handler_t handler,
                          sd_event_source **ret);

/* Runs MHD in the next turn of the loop; others have theirs before it comes again. */
void http_server_kick(HttpServer *s);

/* How long MHD waits on a connection without traffic. */
typedef enum HttpTimeout {
        HTTP_TIMEOUT_IDLE,       /* idle_usec */
        HTTP_TIMEOUT_IDLE_APART, /* the same and a second, see http_connection_set_timeout() */
        HTTP_TIMEOUT_STALL,      /* stream_stall_usec */
} HttpTimeout;

void http_connection_set_timeout(HttpConnection *c, HttpTimeout timeout);
void http_connection_suspend(HttpConnection *c);
void http_connection_resume(HttpConnection *c);
HttpConnection *http_connection_of(struct MHD_Connection *mhd);

/* --- http-share.c --- */

typedef enum HttpGood {
        HTTP_CONNECTIONS,
        HTTP_BODY_BYTES,
        HTTP_ANSWER_BYTES,
        HTTP_GOODS,
} HttpGood;

/* Kept while it has something. */
struct HttpShare {
        HttpServer *server;
        HttpShare *next;
        HttpPeer peer;
        struct in6_addr network; /* where the peer is not known */
        bool is_guest;
        size_t used[HTTP_GOODS];
        TAILQ_ENTRY(HttpShare) queue; /* the server's; while one of these has something */
        TAILQ_HEAD(, HttpConnection) queues[HTTP_WORKS];
        HttpWork next_work; /* if there is such */
};

/* That of the peer; to be taken of and given to, else it stays. NULL: no memory. */
HttpShare *http_share_find(HttpServer *s, HttpPeer peer, const struct sockaddr *address);

/* -EDQUOT: the peer has as much as it may; -EBUSY: all have, or all guests. Of the bytes of answers who has none may
 * have any number: one that is longer than all that is allowed gets through alone. */
int http_share_take(HttpShare *share, HttpGood good, size_t n);

/* What is there already and cannot be refused any more. */
void http_share_overdraw(HttpShare *share, HttpGood good, size_t n);

/* Frees the share when nothing is left. */
void http_share_give(HttpShare *share, HttpGood good, size_t n);

/* --- http-room.c --- */

/* An answer that is no longer needs no room: it is never refused, and not counted. */
#define HTTP_ROOM_FREE ((size_t) 64 * 1024)

/* For the bytes of an answer, until http_room_give(). As http_share_take(). */
int http_room_take(HttpConnection *c, size_t n);

/* Whether a stream may be filled, with what then is to be told by http_room_overdraw(). */
bool http_room_is_left(const HttpConnection *c);
void http_room_overdraw(HttpConnection *c, size_t n);

/* Suspends the connection until there is room. */
void http_room_await(HttpConnection *c);

/* All that the connection has; resumes who waits for it. */
void http_room_give(HttpConnection *c);

/* Nobody is to wait any longer. */
void http_room_open(HttpServer *s);

/* --- http-queue.c --- */

int http_queue_add_source(HttpServer *s);

/* Whether the connection has to wait with that: this turn is spent, or others of its peer wait. */
bool http_queue_is_due(const HttpConnection *c, HttpWork work);

/* Suspends the connection until it is served, or resumed. */
void http_queue_add(HttpConnection *c, HttpWork work);

/* If it is in there. */
void http_queue_remove(HttpConnection *c);

/* What was begun then is over. */
void http_queue_spend(HttpServer *s, usec_t begin_usec);

/* --- http-deadline.c --- */

typedef enum HttpDeadline {
        HTTP_DEADLINE_NONE,
        HTTP_DEADLINE_REQUEST,
        HTTP_DEADLINE_NEXT_REQUEST, /* of a connection that may rest before */
        HTTP_DEADLINE_ANSWER,
} HttpDeadline;

int http_server_add_deadlines(HttpServer *s);
void http_connection_set_deadline(HttpConnection *c, HttpDeadline deadline);

/* --- http-framing.c --- */

/* Of a header that was just read; NULL: it is well made. */
const char *http_framing_fault(const HttpRequest *r);

/* --- http-accept.c --- */

/* To be called when what decides over accepting has changed: draining. */
void http_server_update_accepting(HttpServer *s);

/* A connection has ended: there may be descriptors again. */
void http_server_retry_accepting(HttpServer *s);

int http_server_add_retry(HttpServer *s);
void http_server_free_listeners(HttpServer *s);

/* --- http-records.c --- */

/* Takes the data if it succeeds; NULL: no memory. */
struct MHD_Response *http_records_new(HttpServer *s, char *data, size_t size);

/* --- http-request.c --- */

/* MHD's questions, with the server as closure. */
void *http_request_on_uri(void *userdata, const char *uri, struct MHD_Connection *mhd);
size_t http_request_on_unescape(void *userdata, struct MHD_Connection *mhd, char *s);
enum MHD_Result http_request_on_access(void *userdata, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version, const char *data,
                                       size_t *data_size, void **con_cls);

/* MHD is done with the connection's request, whatever came of it. */
void http_request_on_completed(HttpConnection *c);

HttpRequest *http_request_free(HttpRequest *r);

/* Its turn has come: of one that was queued. */
void http_request_serve(HttpRequest *r);

/* --- http-stream.c --- */

/* Likewise. */
void http_stream_serve(HttpStream *stream);

/* --- http-answer.c --- */

/* Queues `response` (consumed; NULL: memory was short) with the request's headers and frees the request. On error
 * the connection is cut. */
int http_request_answer(HttpRequest *r, unsigned status, const char *content_type, struct MHD_Response *response);

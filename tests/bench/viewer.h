/* Viewer: one client that reads one log, over as many connections as it takes, and checks that every line comes once
 * and in order. A Load owns all viewers, what they share and what they found.
 *
 *      connecting ──▶ reading ──▶ done
 *          ▲           │   ▲
 *          │           ▼   │ the service gave up
 *          └── cut ◀───┘  stalled
 */
#pragma once

#include "answer.h"
#include "latency.h"

#include <sys/socket.h>

typedef struct Viewer Viewer;

typedef struct Load {
        /* what is wanted */
        struct sockaddr_storage address; /* of size 0: the lines come from standard input */
        socklen_t address_size;
        const char *accept;
        uint64_t lines;       /* that each log has; 0: until the answer ends */
        bool endless;         /* the answer does not end by itself: a viewer that has all lines is done */
        uint64_t cut_every;   /* bytes, on an average, after which a viewer breaks its connection; 0: never */
        uint64_t stall_after; /* lines */

        /* what there is */
        int epoll;
        Viewer *viewers;
        unsigned n_viewers, n_answered, n_done;

        /* what was found */
        Latency latency; /* of lines to viewers that were neither cut nor stalled */
        uint64_t n_lines, n_bytes, n_lost, n_doubled, n_refused, n_resumed, n_dropped, n_reads;
        usec_t first_usec, last_usec; /* monotonic; of all lines */
        usec_t dropped_min_usec, dropped_max_usec; /* after how long who stopped reading was dropped */
} Load;

struct Viewer {
        Load *load;
        const char *path;
        int fd;
        Answer answer;
        uint64_t due;    /* the sequence number that comes next */
        uint64_t cut_in; /* bytes */
        bool answered, done;
        bool stalls;   /* will stop reading */
        bool reads_late; /* was cut or stalled: when its lines come says nothing */
        usec_t stalled_at_usec; /* monotonic; 0: it reads */
};

/* The first request. 0 or the error of connecting. */
int viewer_begin(Viewer *v, Load *load, const char *path, bool stalls);

/* Its descriptor has these events. Returns errors that end the whole run: what is received is no answer. */
int viewer_on_events(Viewer *v, uint32_t events);

/* Counts what it has not got, and closes. */
void viewer_end(Viewer *v);

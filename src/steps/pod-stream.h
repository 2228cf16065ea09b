/* PodStream: what a program in a pod writes, as it comes over one connection after the other.
 *
 * A connection carries frames, each begun by a line:
 *
 *         begun        the run is there
 *         out N        N bytes of its standard output follow; so does "err N" for its standard error
 *         tick         there is nothing to say
 *         end N        all has been sent, and that is its exit code
 *         lost         it has ended without leaving one
 *
 * A connection may break at any byte. Bytes are counted as they come, and the next connection begins behind them; so
 * each one is written once, and in order. Both outputs may end up in one log, line by line: standard output is passed
 * on at once, standard error in whole lines and only where no line of the other has begun. */
#pragma once

#include <remote-developer/buffer.h>

typedef enum PodEnd {
        POD_GOES_ON,
        POD_ENDED,
        POD_LOST,
} PodEnd;

typedef struct PodStream {
        uint64_t out, err;     /* bytes that came */
        int out_fd, err_fd;
        void (*noted)(void *userdata); /* after bytes were passed on; may be NULL */
        void *userdata;
        /* Of this connection: */
        bool is_heard; /* a frame came */
        char line[32];
        size_t n_line;
        uint64_t left; /* of the frame */
        bool left_is_err;
        /* Of all: */
        Buffer held; /* standard error that waits */
        bool in_line; /* of standard output */
        bool is_begun;
        PodEnd end;
        int exit_code;
} PodStream;

void pod_stream_done(PodStream *s);

/* Bytes of a connection. -EBADMSG: it is none of ours, break it. */
int pod_stream_take(PodStream *s, const char *data, size_t size);

/* Before the next connection. */
void pod_stream_restart(PodStream *s);

/* What of standard error was passed on. */
uint64_t pod_stream_told(const PodStream *s);

/* A line of our own, where it breaks no other. */
int pod_stream_say(PodStream *s, const char *line);

/* What waits, at the end. */
void pod_stream_flush(PodStream *s);

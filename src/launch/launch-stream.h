/* LaunchStream: one end of the connection between the service and the launcher: JSON messages, each in a line of its
 * own, both ways. Nothing of it blocks, and its memory is overwritten: there may be secrets in a message. */
#pragma once

#include <remote-developer/json.h>

typedef struct sd_event sd_event;
typedef struct sd_event_source sd_event_source;

/* A request's description and a text of an operation have a megabyte at most, and in a message all may be escaped. */
#define LAUNCH_MESSAGE_MAX ((size_t) 16 * 1024 * 1024)

/* `closed` is called once, with -ECONNRESET where the peer went, unless launch_stream_close() came before; it may free
 * the stream's owner. `line` is called for each message; an error that it returns closes the stream, which it must
 * not do itself. */
typedef struct LaunchStreamEvents {
        int (*line)(void *userdata, const char *line, size_t size);
        void (*closed)(void *userdata, int error);
} LaunchStreamEvents;

typedef struct LaunchStream {
        const LaunchStreamEvents *events;
        void *userdata;
        int fd;
        Buffer in, out;
        size_t searched; /* bytes of `in` without the end of a line */
        sd_event_source *source; /* NULL: it is not open */
} LaunchStream;

/* Takes the descriptor, which is closed on error. `s` is {} or was closed. */
int launch_stream_open(LaunchStream *s, sd_event *event, int fd, const LaunchStreamEvents *events, void *userdata);
void launch_stream_close(LaunchStream *s);
bool launch_stream_is_open(const LaunchStream *s);

/* To be sent from the loop, as fast as the peer reads. -E2BIG. */
int launch_stream_send(LaunchStream *s, const Json *message);

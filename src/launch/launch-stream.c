/* LaunchStream: see launch-stream.h. */
#include "launch-stream.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define CHUNK_SIZE ((size_t) 64 * 1024)

/* In one turn, so that a peer that writes without end keeps nothing else waiting. */
#define CHUNKS_MAX 16

static int update_events(LaunchStream *s) {
        return sd_event_source_set_io_events(s->source, s->out.size > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int write_out(LaunchStream *s) {
        while (s->out.size > 0) {
                ssize_t n = send(s->fd, s->out.data, s->out.size, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                buffer_consume(&s->out, (size_t) n);
        }
        return 0;
}

/* 1: there may be more. */
static int read_in(LaunchStream *s) {
        char *chunk = malloc(CHUNK_SIZE);
        int r = 1;

        if (!chunk)
                return -ENOMEM;
        for (unsigned i = 0; r > 0 && i < CHUNKS_MAX; i++) {
                ssize_t n = recv(s->fd, chunk, CHUNK_SIZE, 0);

                if (n == 0)
                        r = -ECONNRESET;
                else if (n < 0)
                        r = errno == EAGAIN ? 0 : errno == EINTR ? 1 : -errno;
                else
                        r = buffer_append(&s->in, chunk, (size_t) n) < 0 ? -ENOMEM : 1;
        }
        explicit_bzero(chunk, CHUNK_SIZE);
        free(chunk);
        return r;
}

static int take_lines(LaunchStream *s) {
        size_t done = 0;
        int r = 0;

        while (r >= 0 && s->in.data) {
                const char *begin = s->in.data + done, *from = begin + s->searched;
                size_t left = s->in.size - done;
                const char *newline = left > s->searched ? memchr(from, '\n', left - s->searched) : NULL;

                if (!newline) {
                        s->searched = left;
                        r = left > LAUNCH_MESSAGE_MAX ? -EMSGSIZE : 0;
                        break;
                }
                s->searched = 0;
                done += (size_t) (newline - begin) + 1;
                r = s->events->line(s->userdata, begin, (size_t) (newline - begin));
        }
        if (done > 0)
                buffer_consume(&s->in, done);
        return r;
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        LaunchStream *s = userdata;
        int r, end;

        end = read_in(s);
        r = take_lines(s);
        if (r >= 0)
                r = end < 0 ? end : write_out(s);
        if (r >= 0)
                r = update_events(s);
        if (r < 0) {
                launch_stream_close(s);
                s->events->closed(s->userdata, r);
        }
        return 0;
}

int launch_stream_open(LaunchStream *s, sd_event *event, int fd, const LaunchStreamEvents *events, void *userdata) {
        int r;

        *s = (LaunchStream){ .events = events, .userdata = userdata, .fd = fd, .in = BUFFER_SECRET,
                             .out = BUFFER_SECRET };
        r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : sd_event_add_io(event, &s->source, fd, EPOLLIN, on_io, s);
        if (r >= 0)
                r = sd_event_source_set_description(s->source, "launch-stream");
        if (r < 0)
                launch_stream_close(s);
        return r;
}

void launch_stream_close(LaunchStream *s) {
        /* The source first: a child that is just being made holds the file, too, which the loop could then no longer
         * take off its list by a descriptor that is closed. */
        s->source = sd_event_source_disable_unref(s->source);
        if (s->fd > 0)
                close(s->fd);
        s->fd = -EBADF;
        buffer_done(&s->in);
        buffer_done(&s->out);
        s->searched = 0;
}

bool launch_stream_is_open(const LaunchStream *s) {
        return s->source;
}

int launch_stream_send(LaunchStream *s, const Json *message) {
        size_t before = s->out.size;
        int r;

        r = json_append(message, &s->out);
        if (r >= 0)
                r = buffer_append(&s->out, "\n", 1);
        if (r >= 0 && s->out.size - before > LAUNCH_MESSAGE_MAX)
                r = -E2BIG;
        if (r < 0) {
                buffer_cut(&s->out, before);
                return r;
        }
        return update_events(s);
}

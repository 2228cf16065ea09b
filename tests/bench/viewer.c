/* Viewer: see viewer.h. A viewer that stops reading has nothing polled but the end of its connection; when that comes,
 * it reads what the kernel had taken for it, and then asks for the rest with the last cursor it has. */
#include "viewer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define READ_MAX ((size_t) 64 * 1024)

static void poll_for(Viewer *v, int operation, uint32_t events) {
        (void) epoll_ctl(v->load->epoll, operation, v->fd, &(struct epoll_event){ events, { .ptr = v } });
}

static uint64_t next_cut(const Load *load) {
        return load->cut_every > 0 ? 1 + (uint64_t) random() % (2 * load->cut_every) : UINT64_MAX;
}

/* --- lines --- */

static void begin_stall(Viewer *v) {
        v->stalls = false;
        v->reads_late = true;
        v->stalled_at_usec = clock_monotonic_usec();
        poll_for(v, EPOLL_CTL_MOD, EPOLLRDHUP);
}

static void on_line(void *userdata, uint64_t sequence, uint64_t written_nsec) {
        Viewer *v = userdata;
        Load *load = v->load;
        usec_t now = clock_realtime_usec(), written = written_nsec / 1000;

        load->last_usec = clock_monotonic_usec();
        if (load->n_lines++ == 0)
                load->first_usec = load->last_usec;
        if (!v->reads_late)
                latency_add(&load->latency, now > written ? now - written : 0);
        if (sequence < v->due) {
                load->n_doubled++;
                return;
        }
        load->n_lost += sequence - v->due;
        v->due = sequence + 1;
        if (v->stalls && v->due >= load->stall_after)
                begin_stall(v);
}

/* --- the connection --- */

static int send_request(Viewer *v) {
        char request[2048];
        int n;

        n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Accept: %s\r\n%s%s%s\r\n",
                     v->path, v->load->accept, *v->answer.id ? "Last-Event-ID: " : "", v->answer.id,
                     *v->answer.id ? "\r\n" : "");
        if ((size_t) n >= sizeof(request))
                return -E2BIG;
        return send(v->fd, request, (size_t) n, MSG_NOSIGNAL) == n ? 0 : -errno;
}

static int open_connection(Viewer *v) {
        const Load *load = v->load;
        int r;

        v->fd = socket(load->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (v->fd < 0)
                return -errno;
        r = connect(v->fd, (const struct sockaddr *) &load->address, load->address_size) < 0 ? -errno : 0;
        if (r >= 0)
                r = send_request(v);
        if (r >= 0 && fcntl(v->fd, F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        return r;
}

static int connect_viewer(Viewer *v) {
        bool plain = v->load->address_size == 0;
        int r = 0;

        answer_begin(&v->answer, plain);
        v->cut_in = next_cut(v->load);
        v->stalled_at_usec = 0;
        if (plain)
                v->fd = STDIN_FILENO;
        else
                r = open_connection(v);
        if (r >= 0)
                poll_for(v, EPOLL_CTL_ADD, EPOLLIN);
        return r;
}

static void close_connection(Viewer *v) {
        if (v->fd >= 0)
                close(v->fd);
        v->fd = -EBADF;
}

int viewer_begin(Viewer *v, Load *load, const char *path, bool stalls) {
        *v = (Viewer){ .load = load, .path = path, .fd = -EBADF, .stalls = stalls,
                       .answer = { .on_line = on_line, .userdata = v } };
        return connect_viewer(v);
}

static void count_answer(Viewer *v) {
        if (v->answered)
                return;
        v->answered = true;
        v->load->n_answered++;
}

void viewer_end(Viewer *v) {
        if (v->done)
                return;
        v->done = true;
        v->load->n_done++;
        if (v->due < v->load->lines)
                v->load->n_lost += v->load->lines - v->due;
        close_connection(v);
        answer_done(&v->answer);
}

/* Who has a cursor asks for the rest; a service that has nothing more says 204. */
static void come_again(Viewer *v) {
        close_connection(v);
        v->load->n_resumed++;
        if (connect_viewer(v) < 0)
                viewer_end(v);
}

static bool has_all(const Viewer *v) {
        const Load *load = v->load;

        return v->answer.is_final || v->answer.state == ANSWER_WHOLE ||
               (load->endless && load->lines > 0 && v->due >= load->lines);
}

/* The connection has ended before the log did. */
static void on_end(Viewer *v) {
        if (v->answer.status == 0 && v->load->address_size > 0)
                v->load->n_refused++;
        count_answer(v);
        if (*v->answer.id)
                come_again(v);
        else
                viewer_end(v);
}

/* --- events --- */

static int take(Viewer *v, const char *data, size_t size) {
        Load *load = v->load;
        bool cut = size >= v->cut_in;
        int r;

        load->n_reads++;
        size = MIN_OF(size, v->cut_in);
        load->n_bytes += size;
        v->cut_in -= v->cut_in == UINT64_MAX ? 0 : size;
        r = answer_take(&v->answer, data, size);
        if (r < 0)
                return r;
        if (v->answer.status > 0 || load->address_size == 0)
                count_answer(v);
        if (v->answer.status >= 300)
                return -EBADMSG;
        if (has_all(v))
                viewer_end(v);
        else if (cut) {
                v->reads_late = true;
                come_again(v);
        }
        return 0;
}

static int read_on(Viewer *v) {
        static char data[READ_MAX];
        ssize_t n;

        n = read(v->fd, data, sizeof(data));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                return take(v, data, (size_t) n);
        on_end(v);
        return 0;
}

static void on_dropped(Viewer *v) {
        Load *load = v->load;
        usec_t after = clock_monotonic_usec() - v->stalled_at_usec;

        load->dropped_min_usec = load->n_dropped == 0 ? after : MIN_OF(load->dropped_min_usec, after);
        load->dropped_max_usec = MAX_OF(load->dropped_max_usec, after);
        load->n_dropped++;
        v->stalled_at_usec = 0;
        poll_for(v, EPOLL_CTL_MOD, EPOLLIN);
}

int viewer_on_events(Viewer *v, uint32_t events) {
        if (v->stalled_at_usec == 0)
                return read_on(v);
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                on_dropped(v);
        return 0;
}

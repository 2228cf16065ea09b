/* requests: asks for the same thing again and again, over keep-alive connections, and tells how soon it is answered.
 *
 *      requests PORT CONNECTIONS REQUESTS PATH [BODY]
 *
 * With BODY it is posted as JSON. Each connection has one request under way. Prints an object: requests a second,
 * median, 99 % and longest in milliseconds, and how many had another status than 200. */
#include "latency.h"

#include <remote-developer/buffer.h>
#include <remote-developer/strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 4096
#define ANSWER_SIZE ((size_t) 256 * 1024)

typedef struct Connection {
        int fd;
        usec_t asked_usec;
        char *answer;
        size_t size;
} Connection;

typedef struct Bench {
        Connection connections[CONNECTIONS_MAX];
        Buffer request;
        Latency latency;
        uint64_t asked, answered, wanted, failed;
        int epoll_fd;
} Bench;

static int ask(Bench *b, Connection *c) {
        if (b->asked == b->wanted)
                return 0;
        b->asked++;
        c->size = 0;
        c->asked_usec = clock_monotonic_usec();
        return send(c->fd, b->request.data, b->request.size, MSG_NOSIGNAL) == (ssize_t) b->request.size ? 0 : -EIO;
}

/* The bytes of the whole answer; 0: it is not known yet. */
static size_t answer_size(const Connection *c) {
        const char *end = memmem(c->answer, c->size, "\r\n\r\n", 4);
        const char *length = end ? memmem(c->answer, (size_t) (end - c->answer), "Content-Length: ", 16) : NULL;

        return length ? (size_t) (end - c->answer) + 4 + strtoull(length + 16, NULL, 10) : 0;
}

static int take(Bench *b, Connection *c) {
        ssize_t n = recv(c->fd, c->answer + c->size, ANSWER_SIZE - c->size, 0);
        size_t whole;

        if (n <= 0)
                return -EIO;
        c->size += (size_t) n;
        whole = answer_size(c);
        if (whole == 0 || c->size < whole)
                return c->size < ANSWER_SIZE ? 0 : -EFBIG;
        latency_add(&b->latency, clock_monotonic_usec() - c->asked_usec);
        b->answered++;
        b->failed += memcmp(c->answer, "HTTP/1.1 200", 12) != 0;
        return ask(b, c);
}

static int add_connection(Bench *b, Connection *c, uint64_t port) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        int on = 1;

        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        c->answer = malloc(ANSWER_SIZE);
        if (c->fd < 0 || !c->answer || connect(c->fd, (const struct sockaddr *) &to, sizeof(to)) < 0 ||
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
                return -errno;
        return epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0 ? -errno : ask(b, c);
}

static int write_request(Bench *b, const char *path, const char *body) {
        int r = buffer_append_format(&b->request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", body ? "POST" : "GET",
                                     path);

        if (r >= 0 && body)
                r = buffer_append_format(&b->request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                                         strlen(body));
        return r < 0 ? r : buffer_append_format(&b->request, "\r\n%s", body ?: "");
}

static int run(Bench *b, uint64_t port, size_t connections) {
        int r = 0;

        b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        for (size_t i = 0; r >= 0 && i < connections; i++)
                r = add_connection(b, &b->connections[i], port);
        while (r >= 0 && b->answered < b->wanted) {
                struct epoll_event events[64];
                int n = epoll_wait(b->epoll_fd, events, ELEMENTSOF(events), -1);

                for (int i = 0; r >= 0 && i < n; i++)
                        r = take(b, events[i].data.ptr);
        }
        return r;
}

int main(int argc, char *argv[]) {
        static Bench bench;
        uint64_t port, connections, began;
        int r = -EINVAL;

        if ((argc == 5 || argc == 6) && string_to_uint64(argv[1], &port) >= 0 &&
            string_to_uint64(argv[2], &connections) >= 0 && connections <= CONNECTIONS_MAX &&
            string_to_uint64(argv[3], &bench.wanted) >= 0)
                r = write_request(&bench, argv[4], argv[5]);
        began = clock_monotonic_usec();
        if (r >= 0)
                r = run(&bench, port, connections);
        if (r < 0) {
                fprintf(stderr, "requests: %s\n", strerror(-r));
                return 1;
        }
        printf("{\"rate\": %.1f, \"median\": %.4f, \"percentile_99\": %.4f, \"longest\": %.4f, \"failed\": %llu}\n",
               (double) bench.answered * USEC_PER_SEC / (double) (clock_monotonic_usec() - began),
               (double) latency_percentile(&bench.latency, 0.5) / 1000,
               (double) latency_percentile(&bench.latency, 0.99) / 1000, (double) bench.latency.longest / 1000,
               (unsigned long long) bench.failed);
        return 0;
}

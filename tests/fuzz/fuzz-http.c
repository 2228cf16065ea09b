/* Any bytes as what a client sends over one connection, to the HTTP server with the whole API's table of routes behind
 * it: request lines, headers, bodies, one request behind the other. Nobody knows the client, so that no handler is
 * called but those that are for everybody; each query is read all the same as one for a log. Whatever comes, the
 * server answers or closes. Seeds are in corpus/http.
 *
 * To be linked with http_peer_find() and api_get_health() wrapped. */
#include "replay.h"

#include "../../src/api/log-query.h"

#include <remote-developer/access.h>
#include <remote-developer/http-server.h>
#include <remote-developer/media-type.h>

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#define TASK "task-1700000000-abcdef"
#define BODY_MAX ((size_t) 4096)
#define TURNS_MAX 1000
#define TURN_USEC (20 * USEC_PER_MSEC)

static struct {
        sd_event *event;
        HttpServer *server;
        Access *access;
        Api *api;
        struct sockaddr_un address;
        socklen_t size;
        unsigned asked; /* requests of this connection */
} f;

HttpPeer __wrap_http_peer_find(int fd);
void __wrap_api_get_health(Api *a, HttpRequest *r, const char *parameter);

HttpPeer __wrap_http_peer_find(int fd _unused_) {
        return (HttpPeer){};
}

void __wrap_api_get_health(Api *a _unused_, HttpRequest *r, const char *parameter _unused_) {
        http_request_reply(r, 200, "application/json", NULL);
}

/* --- a request --- */

static void check_query(HttpRequest *r) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        LogQuery q = LOG_QUERY_NULL;
        int e = log_query_read(r, TASK, &q, &problem);

        if (e < 0)
                assert(e == -ENOMEM || (problem.error == e && problem.sentence && string_is_utf8(problem.sentence,
                                        strlen(problem.sentence))));
        else {
                assert(q.limit == UINT64_MAX || q.limit <= PAGE_LIMIT_MAX);
                assert(q.tail == UINT64_MAX || q.tail <= TAIL_MAX);
                assert(!clock_is_set(q.since) || q.since <= q.until);
                assert(!(q.sources & ~LOG_SOURCES_ALL));
        }
        log_query_done(&q);
}

static void check_accept(const HttpRequest *r) {
        static const char *const types[] = { "application/json", "text/plain", "application/x-ndjson" };
        int chosen = media_type_choose(http_request_header(r, "Accept"), types, ELEMENTSOF(types));

        assert(chosen >= -1 && chosen < (int) ELEMENTSOF(types));
}

static void on_request(HttpRequest *r, void *userdata _unused_) {
        size_t size;

        f.asked++;
        assert(http_request_fault(r) || http_request_path(r)[0] == '/');
        assert(http_request_body(r, &size) && size <= BODY_MAX);
        check_query(r);
        check_accept(r);
        api_on_request(r, f.api);
}

/* --- a connection --- */

static void listen_once(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        f.address.sun_family = AF_UNIX;
        f.size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 +
                              (size_t) snprintf(f.address.sun_path + 1, sizeof(f.address.sun_path) - 1,
                                                "remote-developer-fuzz-%d", (int) getpid()));
        assert(fd >= 0 && bind(fd, (struct sockaddr *) &f.address, f.size) == 0 && listen(fd, 8) == 0);
        assert(http_server_take_listener(f.server, fd) == 0);
}

static void begin(void) {
        const HttpLimits limits = { .body_max = BODY_MAX, .connections.all = 4, .idle_usec = 30 * USEC_PER_SEC,
                                    .stream_stall_usec = 60 * USEC_PER_SEC };
        const AccessOptions options = { .scope = RUNTIME_SCOPE_SYSTEM, .tasks_user = "nobody" };

        assert(sd_event_new(&f.event) >= 0);
        assert(access_new(&options, &f.access) >= 0);
        assert(api_new(f.event, NULL, f.access, &f.api) >= 0);
        assert(http_server_new(f.event, &limits, on_request, NULL, &f.server) >= 0);
        listen_once();
}

/* Reads what is there; false: the server has closed. */
static bool read_some(int fd, Buffer *to) {
        char data[4096];
        ssize_t n;

        while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
                assert(buffer_append(to, data, (size_t) n) >= 0);
        return n < 0 && errno == EAGAIN;
}

static void send_some(int fd, const uint8_t *data, size_t size, size_t *at) {
        ssize_t n = *at < size ? send(fd, data + *at, size - *at, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

        if (n > 0)
                *at += (size_t) n;
        if (*at == size || (n < 0 && errno != EAGAIN)) {
                (void) shutdown(fd, SHUT_WR);
                *at = size;
        }
}

/* Every answer of ours says what it is, and that it is nothing else. libmicrohttpd answers by itself what is no
 * request, and closes; it may close before the answer is out on one who expects 100-continue and sends no more. */
static void check_answers(const Buffer *b) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        const char *s = b->size > 0 ? b->data : "";

        while (string_has_prefix(s, go_on))
                s += strlen(go_on);
        assert(!*s || string_has_prefix(s, "HTTP/1."));
        if (*s && f.asked > 0)
                assert(strstr(s, "X-Content-Type-Options: nosniff\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer received = BUFFER_NULL;
        _cleanup_close_ int fd = -EBADF;
        unsigned turns = 0;
        size_t at = 0;

        if (!f.event)
                begin();
        f.asked = 0;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert(fd >= 0 && connect(fd, (struct sockaddr *) &f.address, f.size) == 0);
        do {
                send_some(fd, data, size, &at);
                assert(sd_event_run(f.event, TURN_USEC) >= 0);
                assert(++turns < TURNS_MAX);
        } while (read_some(fd, &received));
        check_answers(&received);
        return 0;
}

REPLAY_MAIN("http")

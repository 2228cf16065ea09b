/* hello: the least that libmicrohttpd can do in a loop that is not its own: one thread with epoll, which answers
 * everything with the same JSON. For comparison.
 *
 *      hello PORT
 *
 * What will surprise you: MHD's own loop (MHD_USE_EPOLL_INTERNAL_THREAD) takes 128 events, and where there were so
 * many waits for more before it looks at any (0.9.75): with 128 requests under way at once it hangs. */
#include <remote-developer/strings.h>

#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define JSON "{\"status\":\"ok\",\"error\":null,\"hello\":\"world\"}\n"

static enum MHD_Result answer(void *userdata, struct MHD_Connection *c, const char *url _unused_,
                              const char *method _unused_, const char *version _unused_, const char *data _unused_,
                              size_t *size _unused_, void **request) {
        /* Called first with the header alone: an answer then would be the connection's last. */
        if (!*request) {
                *request = userdata;
                return MHD_YES;
        }
        return MHD_queue_response(c, MHD_HTTP_OK, userdata);
}

/* Until whoever started it closes our stdin. */
static int serve(struct MHD_Daemon *daemon) {
        struct pollfd fds[] = {
                { .fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN },
                { .fd = STDIN_FILENO, .events = POLLIN },
        };

        for (;;) {
                unsigned long long msec;

                if (poll(fds, ELEMENTSOF(fds), MHD_get_timeout(daemon, &msec) == MHD_YES ? (int) msec : -1) < 0)
                        return 1;
                if (fds[1].revents != 0)
                        return 0;
                (void) MHD_run(daemon);
        }
}

int main(int argc, char *argv[]) {
        struct MHD_Response *response = MHD_create_response_from_buffer(strlen(JSON), (void *) JSON,
                                                                        MHD_RESPMEM_PERSISTENT);
        struct MHD_Daemon *daemon;
        uint64_t port;

        if (argc != 2 || string_to_uint64(argv[1], &port) < 0 || !response)
                return 2;
        MHD_add_response_header(response, "Content-Type", "application/json");
        daemon = MHD_start_daemon(MHD_USE_EPOLL, (uint16_t) port, NULL, NULL, answer, response,
                                  MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U,
                                  MHD_OPTION_END);
        if (!daemon)
                return 1;
        printf("listening\n");
        fflush(stdout);
        return serve(daemon);
}

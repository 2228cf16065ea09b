/* hello: the least that libmicrohttpd can do: one thread with epoll, which answers everything with the same JSON. For
 * comparison.
 *
 *      hello PORT */
#include <remote-developer/strings.h>

#include <microhttpd.h>
#include <stdio.h>

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

int main(int argc, char *argv[]) {
        struct MHD_Response *response = MHD_create_response_from_buffer(strlen(JSON), (void *) JSON,
                                                                        MHD_RESPMEM_PERSISTENT);
        struct MHD_Daemon *daemon;
        uint64_t port;

        if (argc != 2 || string_to_uint64(argv[1], &port) < 0 || !response)
                return 2;
        MHD_add_response_header(response, "Content-Type", "application/json");
        daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t) port, NULL, NULL, answer, response,
                                  MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U,
                                  MHD_OPTION_END);
        if (!daemon)
                return 1;
        printf("listening\n");
        fflush(stdout);
        return getchar() == EOF ? 0 : 1; /* until whoever started it closes our stdin */
}

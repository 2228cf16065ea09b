/* Front: see front.h. */
#include "front.h"

#include <remote-developer/listener.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/supervision.h>

#include <stdio.h>

#define SOCKETS_MAX 16
#define DEFAULT_ADDRESS "127.0.0.1:15001"

/* The largest request is a task's description; a megabyte is a long book. */
#define BODY_MAX ((size_t) 1024 * 1024)
#define BODIES_MAX (64 * BODY_MAX)

/* What clients have asked for and do not take. */
#define ANSWERS_MAX ((size_t) 256 * 1024 * 1024)

#define IDLE_USEC (60 * USEC_PER_SEC)

typedef struct FrontSocket {
        int fd;
        bool is_local;
} FrontSocket;

struct Front {
        FrontSocket sockets[SOCKETS_MAX]; /* not served yet */
        size_t n_sockets;
        char beyond[LISTENER_TEXT_SIZE]; /* the address of the first that is not local; "": all are */
        TlsIdentity *identity;  /* NULL: all are */
        HttpServer *local, *tls; /* `tls` NULL: all are */

        unsigned n_draining;
        HttpOnDrained on_drained;
        void *drained_userdata;
};

/* --- sockets --- */

static int refuse(const Front *f, const char *cause, const char *remedy, Problem *problem) {
        return problem_set(problem, -EADDRNOTAVAIL, "listen",
                           "a socket for %s was passed, and " FRONT_BEYOND ": %s; %s, or take its ListenStream= out "
                           "of remote-developer.socket, and come from elsewhere by ssh -L 15001:127.0.0.1:15001",
                           f->beyond, cause, remedy);
}

static int take_socket(Front *f, int fd, Problem *problem) {
        char text[LISTENER_TEXT_SIZE];
        int r = listener_look(fd, text);

        f->sockets[f->n_sockets++] = (FrontSocket){ .fd = fd, .is_local = r > 0 };
        if (r < 0)
                return problem_set(problem, -EADDRNOTAVAIL, "listen",
                                   "the API is served over TCP and unix sockets, and a socket for %s was passed: take "
                                   "its ListenStream= out of remote-developer.socket",
                                   text);
        if (r == 0 && !*f->beyond)
                snprintf(f->beyond, sizeof(f->beyond), "%s", text);
        return 0;
}

static int take_sockets(Front *f, Problem *problem) {
        int fds[SOCKETS_MAX], n = supervision_take_sockets(fds, SOCKETS_MAX), r = 0;

        if (n < 0)
                return problem_set(
                                problem, n, NULL, "the sockets that systemd passed cannot be used: %s", strerror(-n));
        for (int i = 0; i < n; i++) {
                int k = take_socket(f, fds[i], problem);

                r = r < 0 ? r : k;
        }
        return r;
}

static int open_socket(Front *f, const char *address, Problem *problem) {
        int fd;

        if (f->n_sockets == SOCKETS_MAX)
                return problem_set(problem, -E2BIG, "listen", "there are more than %d sockets", SOCKETS_MAX);
        fd = listener_open(address, problem);
        return fd < 0 ? fd : take_socket(f, fd, problem);
}

static int read_identity(Front *f, Problem *problem) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_(problem_done) Problem why = PROBLEM_NULL;
        _cleanup_free_ char *certificate = NULL, *key = NULL;
        int r;

        certificate = string_format("%s/" TLS_CERTIFICATE, directory ?: "");
        key = string_format("%s/" TLS_KEY, directory ?: "");
        if (!certificate || !key)
                return -ENOMEM;
        r = directory ? tls_identity_read(certificate, key, &f->identity, &why) : -ENOENT;
        if (r == -ENOENT)
                return refuse(f, FRONT_NO_CERTIFICATE, FRONT_GIVE_CERTIFICATE, problem);
        return r < 0 ? refuse(f, problem_sentence(&why), "mend that", problem) : 0;
}

int front_new(const Options *options, Front **ret, Problem *problem) {
        _cleanup_(front_freep) Front *f = calloc(1, sizeof(Front));
        int r;

        if (!f)
                return -ENOMEM;
        r = take_sockets(f, problem);
        for (size_t i = 0; r >= 0 && i < options->n_listen; i++)
                r = open_socket(f, options->listen[i], problem);
        if (r >= 0 && f->n_sockets == 0)
                r = open_socket(f, DEFAULT_ADDRESS, problem);
        if (r >= 0 && *f->beyond)
                r = read_identity(f, problem);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

/* --- servers --- */

/* One user may have half of what there is, and who needs a token not all of it. */
static HttpQuota share_out(size_t all) {
        return (HttpQuota){ .all = all, .peer = all / 2, .guests = all / 4 * 3 };
}

/* With two servers each has half, so that strangers from elsewhere leave those who are here their own. */
static HttpLimits limits_of(const Front *f, const Config *config) {
        size_t parts = f->identity ? 2 : 1;

        return (HttpLimits){ .body_max = BODY_MAX, .bodies = share_out(BODIES_MAX / parts),
                             .answers = share_out(ANSWERS_MAX / parts),
                             .connections = share_out(config->max_connections / parts), .idle_usec = IDLE_USEC,
                             .request_usec = config->request_timeout_usec,
                             .stream_stall_usec = config->sse_timeout_usec };
}

static int check_tokens(const Front *f, Access *access, Problem *problem) {
        const char *fault = access_token_fault(access);
        size_t n_valid;

        if (fault)
                return refuse(f, fault, "mend that", problem);
        if (access_count_tokens(access, &n_valid) == 0)
                return refuse(f, FRONT_NO_TOKEN, FRONT_MAKE_TOKEN, problem);
        if (n_valid == 0)
                log_warning("Nobody from elsewhere may use the API: every token has expired; " FRONT_MAKE_TOKEN);
        return 0;
}

static int open_tls(Front *f, sd_event *event, const Config *config, Access *access, Api *api, Problem *problem) {
        const HttpLimits limits = limits_of(f, config);
        char sentence[TLS_SENTENCE_SIZE];
        int r;

        r = check_tokens(f, access, problem);
        if (r < 0)
                return r;
        r = http_server_new_tls(event, &limits, f->identity, api_on_request, api, &f->tls);
        if (r == -EBADMSG)
                return refuse(f, "TLS cannot be set up with this certificate", "get another one", problem);
        if (!config->hosts || !*config->hosts)
                log_warning("connection.hosts is empty: what comes from elsewhere is refused unless it calls this "
                            "machine localhost");
        (void) tls_identity_look(f->identity, clock_realtime_usec(), sentence);
        if (*sentence)
                log_warning("%s; when there is a new one, restart the service: tasks go on", sentence);
        return r;
}

int front_open(Front *f, sd_event *event, const Config *config, Access *access, Api *api, Problem *problem) {
        const HttpLimits limits = limits_of(f, config);
        int r;

        r = http_server_new(event, &limits, api_on_request, api, &f->local);
        if (r < 0)
                return r;
        http_server_set_guests(f->local, access_is_guest, access);
        return f->identity ? open_tls(f, event, config, access, api, problem) : 0;
}

int front_serve(Front *f) {
        int r = 0;

        for (; r >= 0 && f->n_sockets > 0; f->n_sockets--) {
                const FrontSocket *s = &f->sockets[f->n_sockets - 1];

                r = http_server_take_listener(s->is_local ? f->local : f->tls, s->fd);
        }
        return r;
}

/* --- the end --- */

static void on_drained(void *userdata) {
        Front *f = userdata;

        if (--f->n_draining == 0)
                f->on_drained(f->drained_userdata);
}

int front_drain(Front *f, usec_t timeout_usec, HttpOnDrained then, void *userdata) {
        int r;

        f->on_drained = then;
        f->drained_userdata = userdata;
        f->n_draining = f->tls ? 2 : 1;
        r = http_server_drain(f->local, timeout_usec, on_drained, f);
        return r >= 0 && f->tls ? http_server_drain(f->tls, timeout_usec, on_drained, f) : r;
}

Front *front_free(Front *f) {
        if (!f)
                return NULL;
        http_server_free(f->local);
        http_server_free(f->tls);
        tls_identity_free(f->identity);
        for (size_t i = 0; i < f->n_sockets; i++)
                close(f->sockets[i].fd);
        free(f);
        return NULL;
}

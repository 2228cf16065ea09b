/* LaunchClient: see launch-client.h. One connection, which is made when something is asked and closed when all is
 * answered and nothing has been asked for a while. */
#include "launch-message.h"
#include "launch-stream.h"

#include <remote-developer/launch-client.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

/* What may wait for the launcher to read it: many of the largest requests. */
#define OUT_MAX ((size_t) 64 * 1024 * 1024)

/* Less than the launcher stays without being asked, so that it is not asked just when it leaves. */
#define IDLE_USEC (2 * USEC_PER_SEC)

typedef struct Call {
        uint64_t number;
        UnitReply callback;
        void *userdata;
        TAILQ_ENTRY(Call) list;
} Call;

struct LaunchClient {
        sd_event *event;
        struct sockaddr_un address;
        LaunchStream stream;
        TAILQ_HEAD(CallList, Call) calls; /* in the order of their numbers */
        uint64_t number; /* of the last one */
        sd_event_source *idle_source;
};

/* --- answers --- */

static void finish_call(LaunchClient *c, Call *call, int error, const char *sentence) {
        Call done = *call;

        TAILQ_REMOVE(&c->calls, call, list);
        free(call);
        if (done.callback)
                done.callback(done.userdata, error, sentence);
}

static Call *find_call(LaunchClient *c, uint64_t number) {
        Call *call;

        TAILQ_FOREACH(call, &c->calls, list)
                if (call->number == number)
                        return call;
        return NULL;
}

static void note_activity(LaunchClient *c) {
        (void) sd_event_source_set_time_relative(c->idle_source, IDLE_USEC);
        (void) sd_event_source_set_enabled(c->idle_source, SD_EVENT_ONESHOT);
}

static int on_idle(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        LaunchClient *c = userdata;

        if (TAILQ_EMPTY(&c->calls))
                launch_stream_close(&c->stream);
        return 0;
}

static int on_line(void *userdata, const char *line, size_t size) {
        _cleanup_json_ Json *message = NULL;
        LaunchClient *c = userdata;
        const char *sentence;
        uint64_t number;
        int r, error;
        Call *call;

        r = json_parse(line, size, &message, NULL);
        if (r >= 0)
                r = launch_reply_parse(message, &number, &error, &sentence);
        if (r < 0)
                return -EBADMSG;
        note_activity(c);
        call = find_call(c, number);
        if (call)
                finish_call(c, call, error, sentence);
        return 0;
}

/* Only those that were asked before: a callback may ask anew, over another connection. */
static void on_closed(void *userdata, int error) {
        LaunchClient *c = userdata;
        uint64_t last = c->number;
        Call *call;

        if (!TAILQ_EMPTY(&c->calls))
                log_debug("The launcher went before it had answered: %s", strerror(-error));
        while ((call = TAILQ_FIRST(&c->calls)) && call->number <= last)
                finish_call(c, call, -ECONNRESET, NULL);
}

static const LaunchStreamEvents stream_events = { .line = on_line, .closed = on_closed };

/* --- questions --- */

static int connect_to(LaunchClient *c) {
        _cleanup_close_ int fd = -EBADF;

        if (launch_stream_is_open(&c->stream))
                return 0;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) &c->address, sizeof(c->address)) < 0) {
                log_error("The launcher cannot be reached (%s); for what systemd says of it: systemctl status "
                          "remote-developer-launcher.socket", strerror(errno));
                return -ENOTCONN;
        }
        return launch_stream_open(&c->stream, c->event, TAKE_FD(fd), &stream_events, c);
}

static int send_request(LaunchClient *c, LaunchRequest *q) {
        _cleanup_(json_erasep) Json *message = NULL;
        int r;

        q->number = c->number + 1;
        r = launch_request_to_json(q, &message);
        if (r >= 0)
                r = connect_to(c);
        if (r >= 0)
                r = launch_stream_send(&c->stream, message);
        return r;
}

/* All of the request is borrowed. */
static int ask(LaunchClient *c, LaunchRequest q, UnitReply callback, void *userdata) {
        Call *call;
        int r;

        if (c->stream.out.size > OUT_MAX)
                return -EAGAIN;
        call = calloc(1, sizeof(Call));
        if (!call)
                return -ENOMEM;
        r = send_request(c, &q);
        if (r < 0) {
                free(call);
                return r;
        }
        *call = (Call){ .number = ++c->number, .callback = callback, .userdata = userdata };
        TAILQ_INSERT_TAIL(&c->calls, call, list);
        note_activity(c);
        return 0;
}

int launch_client_start(LaunchClient *c, const Task *t, const Secrets *secrets, UnitReply callback, void *userdata) {
        return ask(c, (LaunchRequest){ .verb = LAUNCH_START, .whom = -1, .task = (Task *) t, .secrets = *secrets },
                   callback, userdata);
}

int launch_client_operate(LaunchClient *c, const Task *t, const char *text, const Secrets *secrets, UnitReply callback,
                          void *userdata) {
        return ask(c, (LaunchRequest){ .verb = LAUNCH_OPERATE, .whom = -1, .task = (Task *) t, .text = (char *) text,
                                       .secrets = *secrets }, callback, userdata);
}

static int ask_about(LaunchClient *c, LaunchVerb verb, const char *unit, int whom, UnitReply callback,
                     void *userdata) {
        return ask(c, (LaunchRequest){ .verb = (int) verb, .whom = whom, .unit = (char *) unit }, callback, userdata);
}

int launch_client_stop(LaunchClient *c, const char *unit, UnitReply callback, void *userdata) {
        return ask_about(c, LAUNCH_STOP, unit, -1, callback, userdata);
}

int launch_client_kill(LaunchClient *c, const char *unit, const char *whom, UnitReply callback, void *userdata) {
        int row = string_table_lookup(launch_whom_words, LAUNCH_WHOM_COUNT, whom);

        return row < 0 ? row : ask_about(c, LAUNCH_KILL, unit, row, callback, userdata);
}

int launch_client_reset(LaunchClient *c, const char *unit, UnitReply callback, void *userdata) {
        return ask_about(c, LAUNCH_RESET, unit, -1, callback, userdata);
}

int launch_client_probe(LaunchClient *c, UnitReply callback, void *userdata) {
        return ask_about(c, LAUNCH_PROBE, NULL, -1, callback, userdata);
}

/* --- life cycle --- */

int launch_client_new(sd_event *event, const char *path, LaunchClient **ret) {
        _cleanup_(launch_client_freep) LaunchClient *c = NULL;
        int r;

        if (strlen(path) >= sizeof(c->address.sun_path))
                return -ENAMETOOLONG;
        c = calloc(1, sizeof(LaunchClient));
        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->address.sun_family = AF_UNIX;
        memcpy(c->address.sun_path, path, strlen(path) + 1);
        TAILQ_INIT(&c->calls);
        r = sd_event_add_time_relative(event, &c->idle_source, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_idle, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->idle_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(c->idle_source, "launch-idle");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

LaunchClient *launch_client_free(LaunchClient *c) {
        Call *call;

        if (!c)
                return NULL;
        launch_stream_close(&c->stream);
        while ((call = TAILQ_FIRST(&c->calls))) {
                TAILQ_REMOVE(&c->calls, call, list);
                free(call);
        }
        sd_event_source_disable_unref(c->idle_source);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

/* The longest message that goes over the connection between the service and the launcher, either way. */
#include "../../src/launch/launch-stream.h"

#include "tap.h"

#include <remote-developer/strings.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define TURNS_MAX 100000
#define TURN_USEC (20 * USEC_PER_MSEC)

typedef struct Ends {
        sd_event *event;
        LaunchStream sender, receiver;
        int raw; /* the receiver's other end, where there is no sender; else negative */
        size_t lines, size;
        int closed; /* what the receiver was closed with; 0: it was not */
} Ends;

static int on_line(void *userdata, const char *line _unused_, size_t size) {
        Ends *e = userdata;

        e->lines++;
        e->size = size;
        return 0;
}

static void on_closed(void *userdata, int error) {
        Ends *e = userdata;

        e->closed = error;
}

static const LaunchStreamEvents events = { on_line, on_closed };

static void ends_done(Ends *e) {
        launch_stream_close(&e->sender);
        launch_stream_close(&e->receiver);
        if (e->raw > 0)
                close(e->raw);
        sd_event_unref(e->event);
}

static bool begin(Ends *e, bool with_sender) {
        int fds[2];

        if (!TAP_CHECK(sd_event_new(&e->event) >= 0) ||
            !TAP_CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0))
                return false;
        e->raw = -EBADF;
        if (!with_sender)
                e->raw = fds[1];
        else if (!TAP_CHECK(launch_stream_open(&e->sender, e->event, fds[1], &events, e) >= 0))
                return false;
        return TAP_CHECK(launch_stream_open(&e->receiver, e->event, fds[0], &events, e) >= 0);
}

/* A message whose text has so many bytes. */
static Json *make_message(size_t size) {
        _cleanup_free_ char *text = malloc(size + 1);

        memset(text, 'x', size - 2);
        text[size - 2] = 0; /* and its quotation marks */
        return json_new_string(text);
}

static void test_the_longest_message_arrives(void) {
        _cleanup_json_ Json *longest = make_message(LAUNCH_MESSAGE_MAX - 1);
        _cleanup_json_ Json *longer = make_message(LAUNCH_MESSAGE_MAX);
        _cleanup_(ends_done) Ends e = {};

        if (!begin(&e, true))
                return;
        /* With its newline it is longer. Nothing of it is sent. */
        TAP_CHECK_INT(launch_stream_send(&e.sender, longer), -E2BIG);
        TAP_CHECK_INT(e.sender.out.size, 0);
        TAP_CHECK(launch_stream_send(&e.sender, longest) >= 0);
        for (unsigned i = 0; e.lines == 0 && e.closed == 0 && i < TURNS_MAX; i++)
                sd_event_run(e.event, TURN_USEC);
        TAP_CHECK_INT(e.lines, 1);
        TAP_CHECK_INT(e.size, LAUNCH_MESSAGE_MAX - 1);
        TAP_CHECK_INT(e.closed, 0);
}

/* Of one who keeps to no bound: what he sends is not kept without end. */
static void test_a_longer_one_ends_the_connection(void) {
        static char chunk[64 * 1024];
        _cleanup_(ends_done) Ends e = {};
        size_t sent = 0;

        if (!begin(&e, false))
                return;
        memset(chunk, 'x', sizeof(chunk));
        for (unsigned i = 0; e.closed == 0 && sent < 2 * LAUNCH_MESSAGE_MAX && i < TURNS_MAX; i++) {
                ssize_t n = send(e.raw, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL);

                sent += n > 0 ? (size_t) n : 0;
                sd_event_run(e.event, 0);
        }
        TAP_CHECK_INT(e.closed, -EMSGSIZE);
        TAP_CHECK_INT(e.lines, 0);
        TAP_CHECK(sent > LAUNCH_MESSAGE_MAX && sent < LAUNCH_MESSAGE_MAX + LAUNCH_MESSAGE_MAX / 8);
        TAP_CHECK(!launch_stream_is_open(&e.receiver));
}

static const TapTest tests[] = {
        { "the longest message arrives", test_the_longest_message_arrives },
        { "a longer one ends the connection", test_a_longer_one_ends_the_connection },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

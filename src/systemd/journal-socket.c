/* Writing to journald's sockets. See journal-socket.h. */
#include <remote-developer/journal-socket.h>

#include <remote-developer/buffer.h>
#include <remote-developer/unit-spec.h>

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-messages.h>

/* As systemd does: what a program writes waits here, rather than the program. */
#define STREAM_BUFFER_SIZE (8 * 1024 * 1024)
#define SEND_TIMEOUT_SEC 5

/* A socket that was connected to has the name that it was connected by. */
bool journal_socket_is_stream(int fd) {
        struct sockaddr_un peer = {};
        socklen_t size = sizeof(peer);

        if (getpeername(fd, (struct sockaddr *) &peer, &size) < 0 || peer.sun_family != AF_UNIX)
                return false;
        return strncmp(peer.sun_path, JOURNAL_SOCKET_STREAM, sizeof(peer.sun_path)) == 0;
}

static int connect_to(const char *path, int type) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int journal_socket_open_stream(const char *identifier, const char *unit) {
        static const int size = STREAM_BUFFER_SIZE;
        _cleanup_close_ int fd = -EBADF;

        fd = connect_to(JOURNAL_SOCKET_STREAM, SOCK_STREAM);
        if (fd < 0)
                return fd;
        (void) shutdown(fd, SHUT_RD);
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        /* No "<3>" at a line's begin is taken for a priority, and nothing is forwarded. */
        if (dprintf(fd, "%s\n%s\n%d\n0\n0\n0\n0\n", identifier, unit, UNIT_LOG_FACILITY | LOG_INFO) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* In the form that can hold any text. */
static int append_field(Buffer *b, const char *name, const char *value) {
        size_t size = strlen(value);
        uint64_t little = htole64(size);
        int r;

        r = buffer_append_format(b, "%s\n", name);
        if (r >= 0)
                r = buffer_append(b, &little, sizeof(little));
        if (r >= 0)
                r = buffer_append(b, value, size);
        return r < 0 ? r : buffer_append(b, "\n", 1);
}

/* Behind the message: what every record has. */
static int append_common(Buffer *b, const SpawnRecord *r, int priority, const char *message_id) {
        const char *user = r->scope == RUNTIME_SCOPE_USER ? "USER_" : "";

        return buffer_append_format(b,
                                    "MESSAGE_ID=%s\nPRIORITY=%d\nERRNO=%d\nSYSLOG_IDENTIFIER=%s\n%sUNIT=%s\n"
                                    "%sINVOCATION_ID=%s\n",
                                    message_id, priority, r->error, r->identifier, user, r->unit, user,
                                    r->invocation_id);
}

static int write_record(const SpawnRecord *r, Buffer *b) {
        _cleanup_(buffer_done) Buffer message = BUFFER_NULL;
        int e;

        e = buffer_append_format(&message, "%s: Failed at step EXEC spawning %s: %s", r->unit, r->executable,
                                 strerror(r->error));
        if (e >= 0)
                e = append_field(b, "MESSAGE", message.data);
        if (e >= 0)
                e = append_common(b, r, LOG_ERR, SD_MESSAGE_SPAWN_FAILED_STR);
        return e < 0 ? e : append_field(b, "EXECUTABLE", r->executable);
}

const char *const step_event_words[] = {
        [STEP_BEGINS] = "begins",
        [STEP_OVERDUE] = "overdue",
        [STEP_NOT_EXECUTED] = "not-executed",
        NULL,
};

static int append_step_message(const StepRecord *r, Buffer *message) {
        static const char *const sentences[] = {
                [STEP_BEGINS] = "begins", [STEP_OVERDUE] = "was ended at its time limit",
                [STEP_NOT_EXECUTED] = "could not be executed",
        };
        int e = buffer_append_format(message, "%s: Step %u %s: %s", r->of.unit, r->step + 1, sentences[r->event],
                                     r->of.executable);

        return e < 0 || r->of.error == 0 ? e : buffer_append_format(message, ": %s", strerror(r->of.error));
}

static int write_step(const StepRecord *r, Buffer *b) {
        _cleanup_(buffer_done) Buffer message = BUFFER_NULL;
        int e = append_step_message(r, &message);

        if (e >= 0)
                e = append_field(b, "MESSAGE", message.data);
        if (e >= 0)
                e = append_common(b, &r->of, r->event == STEP_BEGINS ? LOG_INFO : LOG_ERR, STEP_MESSAGE_ID);
        if (e >= 0)
                e = buffer_append_format(b, "REMOTE_DEVELOPER_STEP=%u\nREMOTE_DEVELOPER_STEP_EVENT=%s\n", r->step,
                                         step_event_words[r->event]);
        return e < 0 ? e : append_field(b, "EXECUTABLE", r->of.executable);
}

static int send_text(const Buffer *text) {
        static const struct timeval timeout = { .tv_sec = SEND_TIMEOUT_SEC };
        _cleanup_close_ int fd = connect_to(JOURNAL_SOCKET_DATAGRAM, SOCK_DGRAM);

        if (fd < 0)
                return fd;
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
        return send(fd, text->data, text->size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int journal_socket_send_record(const SpawnRecord *r) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int e = write_record(r, &text);

        return e < 0 ? e : send_text(&text);
}

int journal_socket_send_step(const StepRecord *r) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int e = write_step(r, &text);

        return e < 0 ? e : send_text(&text);
}

/* journald's two sockets as whoever writes to them sees them, without libsystemd: for the static starter of tasks.
 * The protocols: sd_journal_stream_fd(3), and https://systemd.io/JOURNAL_NATIVE_PROTOCOL. */
#pragma once

#include <remote-developer/unit-client.h>

#define JOURNAL_SOCKET_STREAM "/run/systemd/journal/stdout"
#define JOURNAL_SOCKET_DATAGRAM "/run/systemd/journal/socket"

/* Whether `fd` is the stdout of a service whose StandardOutput= is journal. */
bool journal_socket_is_stream(int fd);

/* Another such stream, as systemd would open it for a task's unit. journald believes the unit's name only of root, and
 * else looks at where the writer is. A descriptor that is closed on exec, or negative errno. */
int journal_socket_open_stream(const char *identifier, const char *unit);

/* The record that systemd itself writes when it cannot execute a unit's program. */
typedef struct SpawnRecord {
        RuntimeScope scope;
        const char *unit, *invocation_id, *identifier, *executable;
        int error; /* errno, positive */
} SpawnRecord;

/* Blocks while journald's queue is full, for a few seconds at most. */
int journal_socket_send_record(const SpawnRecord *r);

/* What happens to a step before or behind the work: systemd itself writes only that one has failed, and not which. */
#define STEP_MESSAGE_ID "6f0a2c5e9d3b4e1f8a7c4d2b9e6f1a35"

typedef enum StepEvent {
        STEP_BEGINS,
        STEP_OVERDUE,      /* it was ended at its time limit */
        STEP_NOT_EXECUTED, /* its program could not be executed: `error` */
} StepEvent;

extern const char *const step_event_words[]; /* "begins", "overdue", "not-executed", NULL */

typedef struct StepRecord {
        SpawnRecord of;
        unsigned step; /* from 0 */
        StepEvent event;
} StepRecord;

int journal_socket_send_step(const StepRecord *r);

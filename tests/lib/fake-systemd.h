/* FakeSystemd: org.freedesktop.systemd1 in the same process and loop, on one end of a socketpair. It holds units and
 * answers what it is asked; what happens to a unit, and in which order it is heard of, is the test's to say.
 *
 *         FakeUnit *u = fake_unit_add(f, name);
 *         fake_unit_set_state(u, "active", "running");
 *         fake_emit_job_removed(u, "done");
 *         fake_drop_connection(f);
 *
 * The orders of signals in fake_unit_start() and fake_unit_end() are those that `busctl monitor` showed of systemd
 * 252. Every call is noted with its arguments, every property of StartTransientUnit as its signature and value in
 * text. The units outlive a connection, as they do a loss of the bus. */
#pragma once

#include <remote-developer/unit-status.h>

#include "tap.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define FAKE_UNITS_MAX 512
#define FAKE_CALLS_MAX 4096
#define FAKE_HELD_MAX 256
#define FAKE_PROPERTIES_MAX 64

typedef struct FakeSystemd FakeSystemd;

typedef struct FakeProperty {
        char *name;
        char *text; /* "t 7200000000", "as [\"A=1\"]" */
} FakeProperty;

/* What a unit was started with, for a test that did not start it through StartTransientUnit. */
typedef struct FakeCommands {
        const char *const *argv, *const *recorder_argv; /* ended by NULL */
        const char *flag;                               /* of both */
        const char *working_directory;
        uint64_t runtime_max_usec;
        const char *const *step_argv; /* of the one before it; NULL: there is none */
} FakeCommands;

typedef struct FakeUnit {
        FakeSystemd *systemd; /* NULL: a free row */
        char *name, *path;
        UnitStatus status; /* change it, then fake_unit_emit() */
        FakeProperty properties[FAKE_PROPERTIES_MAX];
        size_t n_properties;
        const FakeCommands *commands; /* NULL: it has none to show */
} FakeUnit;

struct FakeSystemd {
        sd_event *event;
        sd_bus *server; /* NULL: not connected */
        usec_t started_usec; /* its UserspaceTimestamp */
        FakeUnit units[FAKE_UNITS_MAX];
        uint32_t jobs, invocations; /* so far */

        char *calls[FAKE_CALLS_MAX]; /* "StopUnit a.service replace", in order */
        size_t n_calls;

        /* What goes wrong. */
        const char *refused_member; /* the next call of it is answered with this error */
        char refusal[128], refusal_message[256];
        const char *delayed_member; /* its answers are held back; "": all answers */
        sd_bus_message *held[FAKE_HELD_MAX];
        size_t n_held;
        const char *dropping_member; /* the connection ends when it comes: */
        bool drops_before;           /* ... and is not carried out */
};

void fake_systemd_init(FakeSystemd *f, sd_event *event);
void fake_systemd_done(FakeSystemd *f);

/* A new connection, the old one being dropped: the client's end, to be unreferenced by the caller. NULL is a failed
 * check. */
sd_bus *fake_connect(FakeSystemd *f);

/* As a bus that dies: what was not read yet is lost, answers held back too. */
void fake_drop_connection(FakeSystemd *f);

/* The connection is dropped at the next call of that member, before or after it has taken effect. */
void fake_drop_at(FakeSystemd *f, const char *member, bool before);

/* The next call of that member is refused. */
void fake_refuse(FakeSystemd *f, const char *member, const char *error, const char *message);

/* Answers to calls of that member ("" for all) wait until the release, or for ever when the connection goes. */
void fake_delay_replies(FakeSystemd *f, const char *member);
void fake_release_replies(FakeSystemd *f);

/* How many calls begin with that text; the last of them, or NULL. */
unsigned fake_count_calls(const FakeSystemd *f, const char *start);
const char *fake_last_call(const FakeSystemd *f, const char *start);

/* A loaded unit, inactive and with a job, of a new invocation; as StartTransientUnit makes it. */
FakeUnit *fake_unit_add(FakeSystemd *f, const char *name);
FakeUnit *fake_unit_find(FakeSystemd *f, const char *name); /* NULL: not loaded */
void fake_unit_remove(FakeUnit *u);                         /* in silence */

/* As text, or NULL when it was not given. */
const char *fake_unit_property(const FakeUnit *u, const char *name);

/* Sets, and emits PropertiesChanged: the service's first, then the unit's. The second only sets. */
void fake_unit_set_state(FakeUnit *u, const char *active_state, const char *sub_state);
void fake_unit_put_state(FakeUnit *u, const char *active_state, const char *sub_state);
void fake_unit_emit(FakeUnit *u);

void fake_emit_job_removed(FakeUnit *u, const char *result); /* the job's end is the unit's, too */
void fake_emit_unit_removed(FakeSystemd *f, const char *unit);
void fake_emit_reloading(FakeSystemd *f, bool begins);
void fake_emit_owner_changed(FakeSystemd *f); /* as the bus says it when systemd has left it */

/* Stories of several signals: from the job to running; from running to the end, after which a unit that was successful
 * is gone. `exit_code` is a CLD_ constant. */
void fake_unit_start(FakeUnit *u);
void fake_unit_end(FakeUnit *u, const char *result, int exit_code, int exit_status);

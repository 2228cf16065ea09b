/* What the files of systemd/ share among themselves: the sd-bus and sd-journal forms that nobody else may see. */
#pragma once

#include <remote-developer/unit-client.h>
#include <remote-developer/unit-description.h>
#include <remote-developer/unit-spec.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_UNIT_PATH "/org/freedesktop/systemd1/unit"
#define SYSTEMD_SERVICE "org.freedesktop.systemd1.Service"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

typedef struct UnitCall UnitCall;

typedef struct UnitCallQueue {
        UnitCall *first, *last;
} UnitCallQueue;

struct UnitClient {
        sd_event *event;
        RuntimeScope scope;
        const UnitClientEvents *events;
        void *userdata;

        sd_bus *bus;
        bool connected; /* matches and subscription are confirmed */
        usec_t manager_started_usec;
        bool reconnects;
        sd_event_source *reconnect_source;
        sd_event_source *lost_source; /* closes the bus outside its own dispatching */

        unsigned n_calls;               /* sent and not answered */
        bool drops_calls;               /* the client is being freed: nobody is to be called back */
        UnitCallQueue queued, patient;  /* waiting for room; waiting until nothing else is to be asked */

        void *watches; /* tsearch(3) tree of UnitWatch by unit */
};

/* NULL: nobody watches that unit. */
UnitWatch *unit_client_find_watch(UnitClient *c, const char *unit);

/* What waits for room when the connection is lost fails, as does what was sent and is not answered. */
void unit_client_fail_queued(UnitClient *c, int error);

/* Appends name, mode, properties and the empty list of auxiliary units: the arguments of StartTransientUnit. */
int unit_spec_append(sd_bus_message *m, const UnitSpec *spec);

/* One property of StartTransientUnit: its name, and its value with the container around both. */
typedef int (*PropertyAppend)(sd_bus_message *m, const void *value);
int unit_property_append(sd_bus_message *m, const char *name, PropertyAppend append, const void *value);

/* The values that more than one table has. Each takes a pointer to what it appends. */
int append_s(sd_bus_message *m, const void *value);    /* const char ** */
int append_t(sd_bus_message *m, const void *value);    /* uint64_t * */
int append_i(sd_bus_message *m, const void *value);    /* int32_t * */
int append_yes(sd_bus_message *m, const void *value);  /* nothing */
int append_strv(sd_bus_message *m, const void *value); /* char *** */

/* unit-sandbox.c: what the fence of a task comes to, as further properties. */
int unit_sandbox_append(sd_bus_message *m, const UnitSandbox *sandbox); /* NULL: none */
int unit_limits_append(sd_bus_message *m, const UnitLimits *limits);

/* A property that somebody wants, and where it goes in the struct that is filled. */
typedef struct UnitProperty {
        const char *name, *signature; /* of what its variant holds */
        int (*read)(sd_bus_message *m, void *target); /* NULL: a number, as it comes */
        size_t offset;
} UnitProperty;

/* Takes what the rows know out of an a{sv}; the rest is passed over. */
int unit_properties_read(const UnitProperty *rows, size_t n, sd_bus_message *m, void *target);

/* Both by rows of their own. */
int unit_status_read_properties(UnitStatus *s, sd_bus_message *m);
int unit_description_read_properties(UnitDescription *d, sd_bus_message *m);

/* room: systemd
 *
 * ServiceUnits: what systemd has been told of the service's own units, drop-ins and all: for who wants to know before
 * they are started whether they will do.
 */
#pragma once

#include <remote-developer/unit-client.h>

typedef struct ServiceUnits {
        char **listen;        /* of remote-developer.socket, as systemd writes addresses; owned, NULL: none */
        char **credentials;   /* of remote-developer.service: name, path, name, path; the path is "" where it is no
                                 file in the clear; owned, NULL: none */
        bool hears_machine_only; /* nothing from other addresses than loopback reaches the service */
        bool is_stale;        /* the files have changed since systemd read them */
} ServiceUnits;

#define SERVICE_UNITS_NULL ((ServiceUnits){})
void service_units_done(ServiceUnits *u);

/* Waits for systemd's answers. Units that are not there have nothing. On error, which is that systemd cannot be asked,
 * `ret` is empty. */
int service_units_read(RuntimeScope scope, ServiceUnits *ret);

/* The path of that credential; NULL: the service is given none of that name. Borrowed. */
const char *service_units_credential(const ServiceUnits *u, const char *name);

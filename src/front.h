/* Front: the sockets that the API is served on, and the HTTP servers behind them: one for this machine, and, where
 * systemd was told to open a socket for others, one that speaks TLS.
 */
#pragma once

#include "options.h"

#include <remote-developer/access.h>
#include <remote-developer/api.h>
#include <remote-developer/config.h>
#include <remote-developer/http-server.h>

/* What a socket that others can reach needs, as front_new(), front_open() and --check-config say it. */
#define FRONT_BEYOND "beyond this machine the API is served over TLS and to tokens alone"
#define FRONT_NO_CERTIFICATE "there is no certificate, or no key for it"
#define FRONT_GIVE_CERTIFICATE                                                                                        \
        "give remote-developer.service LoadCredential=" TLS_CERTIFICATE ":FILE and LoadCredential=" TLS_KEY ":FILE"
#define FRONT_NO_TOKEN "there is no token"
#define FRONT_MAKE_TOKEN "make one with remote-developerd --new-token=NAME"

typedef struct Front Front;

/* Takes the sockets that systemd passed and opens those of --listen; where there are none, that of the loopback
 * address. -EADDRNOTAVAIL: one must not be served, or not without what the problem names. `options` is borrowed. */
int front_new(const Options *options, Front **ret, Problem *problem);
Front *front_free(Front *f);
DEFINE_CLEANUP(Front *, front_free)

/* All are borrowed until the end. -EADDRNOTAVAIL as above: others are to come, and there is no token for them. */
int front_open(Front *f, sd_event *event, const Config *config, Access *access, Api *api, Problem *problem);

/* Begins to accept. */
int front_serve(Front *f);

/* http_server_drain() of all; `on_drained` is called once, from the loop. */
int front_drain(Front *f, usec_t timeout_usec, HttpOnDrained on_drained, void *userdata);

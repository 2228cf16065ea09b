/* LaunchServer: the privileged side of the system's service: it starts, stops, kills and resets the units of tasks and
 * operations, and nothing else, for the one unprivileged user who may ask.
 *
 * It takes nothing from there but a request as any client could make it: it reads root's own configuration, makes the
 * unit by itself (launch.h), and names of units, users, recipes and properties that are not of that are refused. What
 * systemd is to read for a unit (what its programs read, its secrets) comes in the request and lies in a directory of
 * root's own, since systemd follows any link; from the service it takes no path.
 */
#pragma once

#include <remote-developer/launch.h>

typedef struct sd_event sd_event;
typedef struct sd_bus sd_bus;
typedef struct LaunchServer LaunchServer;

typedef struct LaunchServerOptions {
        Launch launch; /* what it borrows lives as long as the server */
        const char *files_directory; /* root's own */
        const char *probe; /* the program that tells what tasks find: see launch_probe(); NULL: none does */
        uid_t peer; /* who may ask, besides root */
        usec_t idle_usec; /* without anything to do for so long it calls `idle` */
        void (*connected)(void *userdata); /* somebody who may ask came: launch_server_configure() if need be */
        void (*idle)(void *userdata);
        void (*lost)(void *userdata); /* the connection to systemd */
        void *userdata;
} LaunchServerOptions;

int launch_server_new(sd_event *event, const LaunchServerOptions *options, LaunchServer **ret, Problem *problem);
LaunchServer *launch_server_free(LaunchServer *s);
DEFINE_CLEANUP(LaunchServer *, launch_server_free)

/* From now on: `launch` as in the options. `fault`: why root's configuration is refused, and nothing is started; NULL:
 * it is not. */
void launch_server_configure(LaunchServer *s, const Launch *launch, const char *fault);

/* Takes a listening socket; connections are accepted from when systemd has answered. */
int launch_server_take_listener(LaunchServer *s, int fd);

int launch_server_start(LaunchServer *s);
int launch_server_start_on_bus(LaunchServer *s, sd_bus *bus); /* for tests */

/* LaunchClient: the service's side of the launcher (launch-server.h): the verbs that change units, for a service that
 * may not ask systemd by itself. The launcher is started by its socket when something is asked, and leaves when
 * nothing is.
 *
 * A verb that returns an error (-ENOTCONN: nobody listens; -EAGAIN: too much waits to be sent) will not call back;
 * else the callback (NULL allowed) is called exactly once, with -ECONNRESET where the launcher went before it had
 * answered: what was asked may then have happened or not. Only launch_client_free() drops callbacks.
 */
#pragma once

#include <remote-developer/secrets.h>
#include <remote-developer/task.h>
#include <remote-developer/unit-client.h>

typedef struct LaunchClient LaunchClient;

/* `path`: of the launcher's socket. */
int launch_client_new(sd_event *event, const char *path, LaunchClient **ret);
LaunchClient *launch_client_free(LaunchClient *c);
DEFINE_CLEANUP(LaunchClient *, launch_client_free)

/* The unit of the task's attempt, with its secrets. */
int launch_client_start(LaunchClient *c, const Task *t, const Secrets *secrets, UnitReply callback, void *userdata);

/* That of the operation that its document names; the step reads `text`. */
int launch_client_operate(LaunchClient *c, const Task *t, const char *text, const Secrets *secrets, UnitReply callback,
                          void *userdata);

int launch_client_stop(LaunchClient *c, const char *unit, UnitReply callback, void *userdata);

/* SIGKILL; `whom`: "main" or "all". */
int launch_client_kill(LaunchClient *c, const char *unit, const char *whom, UnitReply callback, void *userdata);

/* To be asked for every unit that has ended: the launcher keeps no longer what it has kept for it. */
int launch_client_reset(LaunchClient *c, const char *unit, UnitReply callback, void *userdata);

/* Looks at the programs of tasks: the sentence is what it wrote (launch_probe()). */
int launch_client_probe(LaunchClient *c, UnitReply callback, void *userdata);

/* UnitClient: the systemd manager (the system's or the user's), as far as tasks need it, over its D-Bus API.
 *
 * The verbs that change something are five: start, stop, kill, reset, and nothing else; they are the narrow place
 * behind which a privileged launcher can stand. All are asynchronous. A verb that returns an error (-ENOTCONN:
 * there is no bus) will not call back; else the callback (NULL allowed) is called exactly once, also when the bus is
 * lost; only unit_client_free() drops it.
 *
 * Signals keep the `status` of every UnitWatch current (unit-watch.h). Only the usage figures need
 * unit_client_read_watch().
 *
 * Losing the bus is an ordinary event: `disconnected` is called, reconnecting goes on by itself, and `connected` is
 * called when signals flow again (also after the manager was reloaded or re-executed): whoever is told lists the
 * units and compares.
 */
#pragma once

#include <remote-developer/problem.h>
#include <remote-developer/unit-watch.h>

typedef struct sd_event sd_event;
typedef struct sd_bus sd_bus;
typedef struct UnitDescription UnitDescription;
typedef struct UnitSpec UnitSpec;

typedef enum RuntimeScope {
        RUNTIME_SCOPE_SYSTEM,
        RUNTIME_SCOPE_USER,
} RuntimeScope;

typedef struct UnitClientEvents {
        void (*connected)(void *userdata);
        void (*disconnected)(void *userdata, const char *cause);
        bool asks_only; /* there are no watches, and systemd's signals would be read for nothing */
} UnitClientEvents;

/* `error` 0: done. Else negative errno and the manager's own sentence. */
typedef void (*UnitReply)(void *userdata, int error, const char *sentence);

/* One call for each unit, then one with unit NULL: error 0 says that it was the whole list. Of `listed` only the load
 * state, active state, sub state and job are set; valid during the call. */
typedef void (*UnitListed)(void *userdata, int error, const char *unit, const UnitStatus *listed);

/* `error` 0: what it was started with; whoever is called may take what is in it. Else negative errno, and NULL. */
typedef void (*UnitDescribed)(void *userdata, int error, UnitDescription *description);

int unit_client_new(sd_event *event, RuntimeScope scope, const UnitClientEvents *events, void *userdata,
                    UnitClient **ret);
UnitClient *unit_client_free(UnitClient *c); /* every watch must be gone */
DEFINE_CLEANUP(UnitClient *, unit_client_free)

/* Starts to connect, and from then on keeps trying. */
int unit_client_start(UnitClient *c);

/* For tests: the same on a bus that the caller made, of which a reference is taken; a loss of it is final. */
int unit_client_start_on_bus(UnitClient *c, sd_bus *bus);
bool unit_client_is_connected(const UnitClient *c);

/* When the manager itself started (its UserspaceTimestamp): tells it from an earlier one, also in a container, where
 * the boot id may be the host's. 0: was never connected. */
usec_t unit_client_manager_started_usec(const UnitClient *c);

int unit_client_list_units(UnitClient *c, const char *pattern, UnitListed callback, void *userdata);

/* Reads the whole status of the watched unit anew and calls its on_changed, then the callback. A watch that was ended
 * meanwhile gives -ECANCELED. */
int unit_client_read_watch(UnitWatch *w, UnitReply callback, void *userdata);

/* The same, or the answer to a read that is under way: however many ask at once, systemd is asked once. */
int unit_client_join_read(UnitWatch *w, UnitReply callback, void *userdata);

/* The same when nothing else is to be asked, a few at a time: a thousand reads keep no other call waiting. */
int unit_client_read_watch_later(UnitWatch *w);

/* What this unit was started with. */
int unit_client_describe_unit(UnitClient *c, const char *unit, UnitDescribed callback, void *userdata);

int unit_client_start_unit(UnitClient *c, const UnitSpec *spec, UnitReply callback, void *userdata);
int unit_client_stop_unit(UnitClient *c, const char *unit, UnitReply callback, void *userdata);

/* `whom`: "main", which nobody is where the main process is gone; or "all". */
int unit_client_kill_unit(UnitClient *c, const char *unit, const char *whom, int signal, UnitReply callback,
                          void *userdata);
int unit_client_reset_unit(UnitClient *c, const char *unit, UnitReply callback, void *userdata);

/* UnitClient: the connection to the manager, what is heard from it and the verbs. See unit-client.h.
 *
 * Owned by the manager/ floor. The bus object belongs to this client alone. When the connection is lost sd-bus answers
 * every pending call with an error, before it tells of the loss; only unit_client_free() drops calls unanswered.
 * What asks the manager (list, read, start, stop, kill, reset) is in unit-verbs.c.
 *
 * What will surprise you: matches are broad (every unit's signals) and filtered here, since a bus allows a
 * connection only a few hundred rules; and a unit that is not loaded still answers a read, with "not-found". */
#include <remote-developer/unit-client.h>

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include "systemd-internal.h"

#include <search.h>
#include <stdio.h>

#define RECONNECT_USEC (USEC_PER_SEC / 5)

static int compare_watches(const void *a, const void *b) {
        return strcmp(((const UnitWatch *) a)->unit, ((const UnitWatch *) b)->unit);
}

UnitWatch *unit_client_find_watch(UnitClient *c, const char *unit) {
        UnitWatch key = { .unit = (char *) unit };
        UnitWatch **found = tfind(&key, &c->watches, compare_watches);

        return found ? *found : NULL;
}

static void watch_changed(UnitWatch *w) {
        if (w->on_changed)
                w->on_changed(w);
}

/* --- what is heard --- */

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        _cleanup_free_ char *unit = NULL;
        const char *interface;
        UnitWatch *w;

        if (sd_bus_path_decode(sd_bus_message_get_path(m), SYSTEMD_UNIT_PATH, &unit) <= 0)
                return 0;
        w = unit_client_find_watch(userdata, unit);
        if (!w)
                return 0;
        if (sd_bus_message_read(m, "s", &interface) < 0 || unit_status_read_properties(&w->status, m) < 0) {
                log_warning("A signal about %s could not be read; its state is read anew", unit);
                return unit_client_read_watch(w, NULL, NULL);
        }
        /* Only a loaded unit sends signals: that it was not there is overtaken. */
        if (!unit_status_is_loaded(&w->status))
                w->status.load_state[0] = 0;
        /* A command that ended, or that began, is told by a signal of the service without what it is about. */
        if (w->follows_commands && string_equal(interface, SYSTEMD_SERVICE) && !unit_status_is_ended(&w->status))
                (void) unit_client_read_watch(w, NULL, NULL);
        watch_changed(w);
        return 0;
}

/* A job's end is when what no signal carries (the invocation id) is there to be read. */
static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        const char *job, *unit, *result;
        UnitWatch *w;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) < 0)
                return 0;
        w = unit_client_find_watch(userdata, unit);
        if (!w)
                return 0;
        snprintf(w->status.job_result, UNIT_WORD_SIZE, "%s", result);
        return unit_client_read_watch(w, NULL, NULL);
}

/* No proof that the unit is gone: during a reload systemd announces the removal of every unit there is, and none of
 * them has ended (tried with 252). So it is asked. */
static int on_unit_removed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        const char *unit, *path;
        UnitWatch *w;

        if (sd_bus_message_read(m, "so", &unit, &path) < 0)
                return 0;
        w = unit_client_find_watch(userdata, unit);
        if (!w || unit_status_is_ended(&w->status))
                return 0;
        return unit_client_read_watch(w, NULL, NULL);
}

/* After a reload or a re-execution what was heard before may be stale. */
static int on_reloading(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        UnitClient *c = userdata;
        int begins;

        if (sd_bus_message_read(m, "b", &begins) >= 0 && !begins && c->connected)
                c->events->connected(c->userdata);
        return 0;
}

/* --- connecting --- */

static void close_bus(UnitClient *c) {
        sd_bus *bus = TAKE_PTR(c->bus);

        if (!bus)
                return;
        sd_bus_detach_event(bus);
        sd_bus_close_unref(bus);
}

static int on_reconnect_time(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        UnitClient *c = userdata;
        int r = unit_client_start(c);

        if (r < 0)
                log_debug("Still no connection to systemd: %s", strerror(-r));
        return 0;
}

static void connection_lost(UnitClient *c, const char *cause) {
        bool was_connected = c->connected;

        c->connected = false;
        (void) sd_event_source_set_enabled(c->lost_source, SD_EVENT_ONESHOT);
        if (was_connected && c->events->disconnected)
                c->events->disconnected(c->userdata, cause);
}

static int on_lost(sd_event_source *s _unused_, void *userdata) {
        UnitClient *c = userdata;

        close_bus(c);
        unit_client_fail_queued(c, -ECONNRESET);
        if (c->reconnects) {
                (void) sd_event_source_set_time_relative(c->reconnect_source, RECONNECT_USEC);
                (void) sd_event_source_set_enabled(c->reconnect_source, SD_EVENT_ONESHOT);
        }
        return 0;
}

static int on_disconnected(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_) {
        connection_lost(userdata, "the bus closed the connection");
        return 0;
}

/* systemd itself left the bus or came back to it (daemon-reexec; a bus that it had overrun): its subscription to our
 * wish for signals is gone with the old connection, so everything begins anew. */
static int on_owner_changed(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_) {
        connection_lost(userdata, "systemd left the bus");
        return 0;
}

static int on_subscribed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        UnitClient *c = userdata;

        if (!e || sd_bus_error_has_name(e, SYSTEMD_NAME ".AlreadySubscribed"))
                return 0;
        log_debug("No subscription to systemd: %s", e->message ?: e->name);
        connection_lost(c, e->message);
        return 0;
}

/* The last answer that connecting waits for. */
static int on_manager_started(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        UnitClient *c = userdata;

        /* The subscription was refused, and the bus is about to be closed. */
        if (sd_event_source_get_enabled(c->lost_source, NULL) > 0)
                return 0;
        if (e || sd_bus_message_read(m, "v", "t", &c->manager_started_usec) < 0) {
                connection_lost(c, e ? e->message : "systemd does not tell when it started");
                return 0;
        }
        c->connected = true;
        c->events->connected(c->userdata);
        return 0;
}

static const struct {
        const char *path, *interface, *member;
        sd_bus_message_handler_t handler;
} signals[] = {
        { SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", on_job_removed },
        { SYSTEMD_PATH, SYSTEMD_MANAGER, "UnitRemoved", on_unit_removed },
        { SYSTEMD_PATH, SYSTEMD_MANAGER, "Reloading", on_reloading },
};

static int ignore_reply(sd_bus_message *m _unused_, void *userdata _unused_, sd_bus_error *error _unused_) {
        return 0;
}

static int match_units(UnitClient *c) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_bus_match_signal_async(c->bus, NULL, SYSTEMD_NAME, signals[i].path, signals[i].interface,
                                              signals[i].member, signals[i].handler, ignore_reply, c);
        if (r >= 0)
                r = sd_bus_add_match_async(c->bus, NULL,
                                           "type='signal',sender='" SYSTEMD_NAME "',path_namespace='" SYSTEMD_UNIT_PATH
                                           "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                                           on_properties_changed, ignore_reply, c);
        if (r >= 0)
                r = sd_bus_call_method_async(c->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe",
                                             on_subscribed, c, NULL);
        return r;
}

static int match_losses(UnitClient *c) {
        int r;

        r = sd_bus_add_match_async(c->bus, NULL,
                                   "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                   "arg0='" SYSTEMD_NAME "'",
                                   on_owner_changed, ignore_reply, c);
        return r < 0 ? r : sd_bus_match_signal_async(c->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                                     "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                                                     ignore_reply, c);
}

/* Matches first, then the subscription, then a question: its answer proves that all before stands. */
static int install_matches(UnitClient *c) {
        int r;

        r = match_losses(c);
        if (r >= 0 && !c->events->asks_only)
                r = match_units(c);
        if (r >= 0)
                r = sd_bus_call_method_async(c->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH,
                                "org.freedesktop.DBus.Properties", "Get", on_manager_started, c, "ss", SYSTEMD_MANAGER,
                                "UserspaceTimestamp");
        return r;
}

int unit_client_start_on_bus(UnitClient *c, sd_bus *bus) {
        int r;

        close_bus(c);
        c->bus = sd_bus_ref(bus);
        r = sd_bus_attach_event(c->bus, c->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = install_matches(c);
        return r;
}

int unit_client_start(UnitClient *c) {
        sd_bus *bus = NULL;
        int r;

        c->reconnects = true;
        r = c->scope == RUNTIME_SCOPE_SYSTEM ? sd_bus_open_system_with_description(&bus, "system-bus")
                                             : sd_bus_open_user_with_description(&bus, "user-bus");
        if (r >= 0)
                r = unit_client_start_on_bus(c, bus);
        sd_bus_unref(bus);
        if (r < 0)
                connection_lost(c, strerror(-r));
        return r;
}

bool unit_client_is_connected(const UnitClient *c) {
        return c->connected;
}

usec_t unit_client_manager_started_usec(const UnitClient *c) {
        return c->manager_started_usec;
}

/* --- life cycle --- */

int unit_client_new(sd_event *event, RuntimeScope scope, const UnitClientEvents *events, void *userdata,
                    UnitClient **ret) {
        _cleanup_(unit_client_freep) UnitClient *c = calloc(1, sizeof(UnitClient));
        int r;

        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->scope = scope;
        c->events = events;
        c->userdata = userdata;

        r = sd_event_add_time_relative(event, &c->reconnect_source, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                                       on_reconnect_time, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->reconnect_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(c->reconnect_source, "systemd-reconnect");
        if (r >= 0)
                r = sd_event_add_defer(event, &c->lost_source, on_lost, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->lost_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(c->lost_source, "systemd-lost");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

UnitClient *unit_client_free(UnitClient *c) {
        if (!c)
                return NULL;
        assert(!c->watches);
        c->reconnects = false;
        c->drops_calls = true;
        unit_client_fail_queued(c, -ECANCELED);
        close_bus(c);
        sd_event_source_disable_unref(c->reconnect_source);
        sd_event_source_disable_unref(c->lost_source);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

int unit_watch_begin(UnitWatch *w, UnitClient *c, const char *unit) {
        assert(!w->client && !c->events->asks_only);
        if (string_replace(&w->unit, unit) < 0 || !tsearch(w, &c->watches, compare_watches))
                return -ENOMEM;
        w->client = c;
        w->status = (UnitStatus){};
        w->read_at_usec = 0;
        w->reading = NULL;
        return 0;
}

void unit_watch_end(UnitWatch *w) {
        if (w->client)
                tdelete(w, &w->client->watches, compare_watches);
        free(w->unit);
        w->unit = NULL;
        w->client = NULL;
}

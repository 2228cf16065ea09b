/* FakeSystemd: see fake-systemd.h. The connection and the calls; units and signals are in fake-unit.c. One row a
 * method in `methods`. */
#include "fake-systemd.h"

#include "fake-internal.h"

#include <remote-developer/strings.h>

#include <fnmatch.h>
#include <sys/socket.h>

/* --- answering --- */

static bool delays(const FakeSystemd *f, const char *member) {
        return f->delayed_member && (!*f->delayed_member || string_equal(f->delayed_member, member));
}

/* Takes the answer. */
static int answer(FakeSystemd *f, sd_bus_message *call, sd_bus_message *reply) {
        int r = 1;

        if (delays(f, sd_bus_message_get_member(call)) && TAP_CHECK(f->n_held < FAKE_HELD_MAX))
                f->held[f->n_held++] = sd_bus_message_ref(reply);
        else if (f->server)
                r = sd_bus_send(f->server, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int answer_error(FakeSystemd *f, sd_bus_message *call, const char *name, const char *message) {
        sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(name, message);
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_error(call, &reply, &error);

        return r < 0 ? r : answer(f, call, reply);
}

static int answer_not_loaded(FakeSystemd *f, sd_bus_message *call, const char *unit) {
        _cleanup_free_ char *message = string_format("Unit %s not loaded.", unit);

        return answer_error(f, call, "org.freedesktop.systemd1.NoSuchUnit", message);
}

static int answer_empty(FakeSystemd *f, sd_bus_message *call) {
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        return r < 0 ? r : answer(f, call, reply);
}

static int answer_job(FakeSystemd *f, sd_bus_message *call, const FakeUnit *u) {
        _cleanup_free_ char *job = string_format(FAKE_JOB_PATH, u->status.job_id);
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", job);
        return r < 0 ? r : answer(f, call, reply);
}

/* --- the methods: each reads what follows the arguments that were noted --- */

static int on_subscribe(FakeSystemd *f, sd_bus_message *call, const char *unit _unused_) {
        return answer_empty(f, call);
}

/* An array of (sv) as texts of the unit. */
static int read_properties(FakeUnit *u, sd_bus_message *m) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(sv)");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && TAP_CHECK(u->n_properties < FAKE_PROPERTIES_MAX)) {
                        FakeProperty *p = &u->properties[u->n_properties++];

                        *p = (FakeProperty){ strdup(name), fake_variant_text(m) };
                        TAP_CHECK(p->text);
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int on_start_transient(FakeSystemd *f, sd_bus_message *call, const char *unit) {
        const char *mode;
        FakeUnit *u;

        if (fake_unit_find(f, unit)) {
                _cleanup_free_ char *message = string_format("Unit %s was already loaded or has a fragment file.",
                                                             unit);

                return answer_error(f, call, "org.freedesktop.systemd1.UnitExists", message);
        }
        u = fake_unit_add(f, unit);
        TAP_CHECK(sd_bus_message_read(call, "s", &mode) > 0);
        TAP_CHECK_STRING(mode, "fail");
        TAP_CHECK(read_properties(u, call) >= 0);
        TAP_CHECK(sd_bus_message_skip(call, "a(sa(sv))") > 0);
        TAP_CHECK(sd_bus_message_at_end(call, true) > 0);
        return answer_job(f, call, u);
}

static int on_stop(FakeSystemd *f, sd_bus_message *call, const char *unit) {
        FakeUnit *u = fake_unit_find(f, unit);

        if (!u)
                return answer_not_loaded(f, call, unit);
        u->status.job_id = ++f->jobs;
        return answer_job(f, call, u);
}

static int on_kill(FakeSystemd *f, sd_bus_message *call, const char *unit) {
        return fake_unit_find(f, unit) ? answer_empty(f, call) : answer_not_loaded(f, call, unit);
}

static int on_reset(FakeSystemd *f, sd_bus_message *call, const char *unit) {
        FakeUnit *u = fake_unit_find(f, unit);
        int r;

        if (!u)
                return answer_not_loaded(f, call, unit);
        r = answer_empty(f, call);
        if (string_equal(u->status.active_state, "failed")) {
                fake_emit_unit_removed(f, unit);
                fake_unit_remove(u);
        }
        return r;
}

static int append_row(sd_bus_message *reply, const FakeUnit *u) {
        _cleanup_free_ char *job = string_format(FAKE_JOB_PATH, u->status.job_id);

        return sd_bus_message_append(reply, "(ssssssouso)", u->name, "A task", u->status.load_state,
                                     u->status.active_state, u->status.sub_state, "", u->path, u->status.job_id,
                                     u->status.job_id ? "start" : "", u->status.job_id ? job : "/");
}

static int on_list(FakeSystemd *f, sd_bus_message *call, const char *first _unused_) {
        _cleanup_strv_ char **states = NULL, **patterns = NULL;
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_read_strv(call, &states);
        if (r >= 0)
                r = sd_bus_message_read_strv(call, &patterns);
        TAP_CHECK(r >= 0 && strv_length(states) == 0 && strv_length(patterns) == 1);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
        for (FakeUnit *u = f->units; r >= 0 && u < f->units + FAKE_UNITS_MAX; u++)
                if (u->systemd && fnmatch(patterns[0], u->name, 0) == 0)
                        r = append_row(reply, u);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : answer(f, call, reply);
}

/* A unit that is not loaded answers too. */
static int on_get_all(FakeSystemd *f, sd_bus_message *call, const char *interface) {
        sd_bus_message *reply = NULL;
        int r;

        TAP_CHECK_STRING(interface, "");
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = fake_append_properties(reply, fake_unit_at(f, sd_bus_message_get_path(call)), NULL);
        return r < 0 ? r : answer(f, call, reply);
}

static int on_get(FakeSystemd *f, sd_bus_message *call, const char *interface) {
        sd_bus_message *reply = NULL;
        const char *name;
        int r;

        TAP_CHECK_STRING(interface, "org.freedesktop.systemd1.Manager");
        r = sd_bus_message_read(call, "s", &name);
        TAP_CHECK_STRING(name, "UserspaceTimestamp");
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "v", "t", f->started_usec);
        return r < 0 ? r : answer(f, call, reply);
}

/* `names`: the first argument is a name, read for the handler. */
static const struct {
        const char *interface, *member, *signature;
        bool names;
        int (*handle)(FakeSystemd *f, sd_bus_message *call, const char *first);
} methods[] = {
        { FAKE_MANAGER, "Subscribe", "", false, on_subscribe },
        { FAKE_MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", true, on_start_transient },
        { FAKE_MANAGER, "StopUnit", "ss", true, on_stop },
        { FAKE_MANAGER, "KillUnit", "ssi", true, on_kill },
        { FAKE_MANAGER, "ResetFailedUnit", "s", true, on_reset },
        { FAKE_MANAGER, "ListUnitsByPatterns", "asas", false, on_list },
        { "org.freedesktop.DBus.Properties", "GetAll", "s", true, on_get_all },
        { "org.freedesktop.DBus.Properties", "Get", "ss", true, on_get },
};

/* --- dispatching --- */

static int refuse(FakeSystemd *f, sd_bus_message *call) {
        f->refused_member = NULL;
        return answer_error(f, call, f->refusal, f->refusal_message);
}

static int carry_out(FakeSystemd *f, sd_bus_message *call, size_t row) {
        const char *first = NULL;

        if (string_equal(f->refused_member, methods[row].member))
                return refuse(f, call);
        if (methods[row].names && sd_bus_message_read(call, "s", &first) < 0)
                return -EBADMSG;
        return methods[row].handle(f, call, first);
}

static int dispatch(FakeSystemd *f, sd_bus_message *call, size_t row) {
        bool drops = string_equal(f->dropping_member, methods[row].member), before = f->drops_before;
        int r = 1;

        if (drops) {
                f->dropping_member = NULL;
                /* So that the answer is lost, though what was asked has happened. */
                f->delayed_member = methods[row].member;
        }
        if (!drops || !before)
                r = carry_out(f, call, row);
        if (drops)
                fake_drop_connection(f);
        return r < 0 ? r : 1;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        FakeSystemd *f = userdata;

        if (sd_bus_message_is_method_call(m, NULL, NULL) <= 0)
                return 0;
        fake_note_call(f, m);
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (sd_bus_message_is_method_call(m, methods[i].interface, methods[i].member) > 0 &&
                    string_equal(sd_bus_message_get_signature(m, true), methods[i].signature))
                        return dispatch(f, m, i);
        tap_fail(__FILE__, __LINE__, "systemd has no %s(%s)", sd_bus_message_get_member(m),
                 sd_bus_message_get_signature(m, true));
        return 0;
}

/* --- the connection --- */

/* systemd's own name as the sender, as clients match it: between peers nobody else would fill it in. */
static int open_end(int fd, bool server, sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        sd_id128_t id;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = sd_bus_set_fd(bus, fd, fd);
        if (r >= 0)
                r = sd_bus_set_anonymous(bus, true);
        if (r >= 0 && server)
                r = sd_id128_randomize(&id);
        if (r >= 0 && server)
                r = sd_bus_set_server(bus, true, id);
        if (r >= 0 && server)
                r = sd_bus_set_sender(bus, "org.freedesktop.systemd1");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

sd_bus *fake_connect(FakeSystemd *f) {
        sd_bus *client = NULL;
        int fds[2];

        fake_drop_connection(f);
        if (!TAP_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0))
                return NULL;
        if (!TAP_CHECK_INT(open_end(fds[0], true, &f->server), 0)) {
                close(fds[1]);
                return NULL;
        }
        TAP_CHECK_INT(open_end(fds[1], false, &client), 0);
        TAP_CHECK(sd_bus_add_filter(f->server, NULL, on_message, f) >= 0);
        TAP_CHECK(sd_bus_attach_event(f->server, f->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        return client;
}

static void drop_held(FakeSystemd *f) {
        for (size_t i = 0; i < f->n_held; i++)
                sd_bus_message_unref(f->held[i]);
        f->n_held = 0;
        f->delayed_member = NULL;
}

void fake_drop_connection(FakeSystemd *f) {
        if (!f->server)
                return;
        drop_held(f);
        sd_bus_close(f->server);
        f->server = sd_bus_unref(f->server);
}

/* --- life cycle, and what goes wrong --- */

void fake_systemd_init(FakeSystemd *f, sd_event *event) {
        *f = (FakeSystemd){ .event = sd_event_ref(event), .started_usec = 1000000 };
}

void fake_systemd_done(FakeSystemd *f) {
        fake_drop_connection(f);
        for (size_t i = 0; i < FAKE_UNITS_MAX; i++)
                if (f->units[i].systemd)
                        fake_unit_remove(&f->units[i]);
        for (size_t i = 0; i < f->n_calls; i++)
                free(f->calls[i]);
        f->n_calls = 0;
        f->event = sd_event_unref(f->event);
}

void fake_drop_at(FakeSystemd *f, const char *member, bool before) {
        f->dropping_member = member;
        f->drops_before = before;
}

void fake_refuse(FakeSystemd *f, const char *member, const char *error, const char *message) {
        f->refused_member = member;
        snprintf(f->refusal, sizeof(f->refusal), "%s", error);
        snprintf(f->refusal_message, sizeof(f->refusal_message), "%s", message);
}

void fake_delay_replies(FakeSystemd *f, const char *member) {
        f->delayed_member = member;
}

void fake_release_replies(FakeSystemd *f) {
        for (size_t i = 0; i < f->n_held; i++)
                TAP_CHECK(sd_bus_send(f->server, f->held[i], NULL) >= 0);
        drop_held(f);
}

unsigned fake_count_calls(const FakeSystemd *f, const char *start) {
        unsigned n = 0;

        for (size_t i = 0; i < f->n_calls; i++)
                n += string_has_prefix(f->calls[i], start);
        return n;
}

const char *fake_last_call(const FakeSystemd *f, const char *start) {
        for (size_t i = f->n_calls; i > 0; i--)
                if (string_has_prefix(f->calls[i - 1], start))
                        return f->calls[i - 1];
        return NULL;
}

/* UnitClient: what it asks of the manager. The connection is in unit-client.c; see unit-client.h. */
#include <remote-developer/unit-client.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/queue.h>

/* A bus allows a connection only so many calls that are not answered yet (128 on Debian's system bus, beyond which it
 * answers with an error): more than this wait here, in order. */
#define CALLS_MAX 64

/* Patient calls are sent only as long as fewer than this are not answered: systemd takes about half a millisecond for
 * a read, and whoever comes next waits for those before. */
#define PATIENT_CALLS_MAX 4

/* Who waits for the answer to a read that another asked for. */
typedef struct Joined {
        UnitReply callback;
        void *userdata;
        TAILQ_ENTRY(Joined) list;
} Joined;

/* One call, waiting to be sent or to be answered. Sent, it belongs to the sd-bus slot and goes with that. */
struct UnitCall {
        UnitClient *client;
        UnitCall *next; /* in the queue */
        sd_bus_message *message;
        sd_bus_message_handler_t on_reply;
        bool answered, patient;
        char *unit; /* of a read; else NULL */
        UnitReply callback;
        TAILQ_HEAD(, Joined) joined;
        UnitListed list_callback;
        UnitDescribed describe_callback;
        void *userdata;
};

static void call_free(void *userdata) {
        UnitCall *call = userdata;
        Joined *j;

        while ((j = TAILQ_FIRST(&call->joined))) {
                TAILQ_REMOVE(&call->joined, j, list);
                free(j);
        }
        sd_bus_message_unref(call->message);
        free(call->unit);
        free(call);
}

static void message_unrefp(sd_bus_message **m) {
        sd_bus_message_unref(*m);
}

#define _cleanup_message_ _cleanup_(message_unrefp)

static void call_back(UnitCall *call, int error, const char *sentence) {
        Joined *j;

        if (call->callback)
                call->callback(call->userdata, error, sentence);
        while ((j = TAILQ_FIRST(&call->joined))) {
                TAILQ_REMOVE(&call->joined, j, list);
                j->callback(j->userdata, error, sentence);
                free(j);
        }
}

/* From here on nobody joins it. The watch that it reads; NULL: none, or it was ended meanwhile. */
static UnitWatch *end_read(UnitCall *call) {
        UnitWatch *w = call->unit ? unit_client_find_watch(call->client, call->unit) : NULL;

        if (w && w->reading == call)
                w->reading = NULL;
        return w;
}

static void note_read(UnitCall *call) {
        UnitWatch *w = unit_client_find_watch(call->client, call->unit);

        if (w)
                w->reading = call;
}

static void fail_call(UnitCall *call, int error) {
        bool dropped = call->client->drops_calls;

        (void) end_read(call);
        if (call->list_callback && !dropped)
                call->list_callback(call->userdata, error, NULL, NULL);
        else if (call->describe_callback && !dropped)
                call->describe_callback(call->userdata, error, NULL);
        else if (!dropped)
                call_back(call, error, strerror(-error));
        call_free(call);
}

/* The slot goes after the answer; or without one, with a bus that was closed while it was open. */
static void on_slot_freed(void *userdata) {
        UnitCall *call = userdata;

        if (call->answered) {
                call_free(call);
                return;
        }
        call->client->n_calls--;
        fail_call(call, -ECONNRESET);
}

static int send_now(UnitCall *call) {
        UnitClient *c = call->client;
        sd_bus_slot *slot;
        int r;

        r = sd_bus_call_async(c->bus, &slot, call->message, call->on_reply, call, 0);
        if (r < 0)
                return r;
        call->message = sd_bus_message_unref(call->message);
        c->n_calls++;
        (void) sd_bus_slot_set_destroy_callback(slot, on_slot_freed);
        (void) sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        return 0;
}

static void queue_call(UnitCallQueue *q, UnitCall *call) {
        if (q->last)
                q->last->next = call;
        else
                q->first = call;
        q->last = call;
}

static UnitCall *unqueue_call(UnitCallQueue *q) {
        UnitCall *call = q->first;

        if (!call)
                return NULL;
        q->first = call->next;
        if (!q->first)
                q->last = NULL;
        call->next = NULL;
        return call;
}

static void send_queued(UnitClient *c, UnitCallQueue *q, unsigned calls_max) {
        UnitCall *call;
        int r;

        while (c->n_calls < calls_max && (call = unqueue_call(q))) {
                r = send_now(call);
                if (r < 0)
                        fail_call(call, r);
        }
}

/* An answer has come: there is room for the next call. */
static void call_answered(UnitCall *answered) {
        UnitClient *c = answered->client;

        answered->answered = true;
        c->n_calls--;
        send_queued(c, &c->queued, CALLS_MAX);
        send_queued(c, &c->patient, PATIENT_CALLS_MAX);
}

void unit_client_fail_queued(UnitClient *c, int error) {
        UnitCall *call;

        while ((call = unqueue_call(&c->queued) ?: unqueue_call(&c->patient)))
                fail_call(call, error);
}

/* Sends `m` as soon as there is room; `template` is copied, its unit taken, also on error. */
static int send_call(UnitClient *c, sd_bus_message *m, UnitCall template) {
        UnitCallQueue *queue = template.patient ? &c->patient : &c->queued;
        UnitCall *call = malloc(sizeof(UnitCall));
        int r;

        if (!call) {
                free(template.unit);
                return -ENOMEM;
        }
        *call = template;
        TAILQ_INIT(&call->joined);
        call->client = c;
        call->message = sd_bus_message_ref(m);
        if (call->unit && !call->patient)
                note_read(call);
        if (c->n_calls >= (call->patient ? PATIENT_CALLS_MAX : CALLS_MAX)) {
                queue_call(queue, call);
                return 0;
        }
        r = send_now(call);
        if (r < 0) {
                (void) end_read(call);
                call_free(call);
        }
        return r;
}

static int new_call(UnitClient *c, const char *path, const char *interface, const char *member, sd_bus_message **ret) {
        if (!c->connected)
                return -ENOTCONN;
        return sd_bus_message_new_method_call(c->bus, ret, SYSTEMD_NAME, path, interface, member);
}

static int reply_error(sd_bus_message *m, const char **ret_sentence) {
        const sd_bus_error *e = sd_bus_message_get_error(m);

        *ret_sentence = e ? e->message ?: e->name : NULL;
        return e ? -sd_bus_message_get_errno(m) : 0;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        UnitCall *call = userdata;
        const char *sentence;
        int e = reply_error(m, &sentence);

        call_answered(call);
        if (call->callback)
                call->callback(call->userdata, e, sentence);
        return 0;
}

static int call_manager(UnitClient *c, const char *member, UnitReply callback, void *userdata, const char *types,
                        ...) {
        _cleanup_message_ sd_bus_message *m = NULL;
        va_list ap;
        int r;

        r = new_call(c, SYSTEMD_PATH, SYSTEMD_MANAGER, member, &m);
        if (r < 0)
                return r;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        return send_call(c, m, (UnitCall){ .on_reply = on_reply, .callback = callback, .userdata = userdata });
}

int unit_client_start_unit(UnitClient *c, const UnitSpec *spec, UnitReply callback, void *userdata) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = new_call(c, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit", &m);
        if (r >= 0)
                r = unit_spec_append(m, spec);
        if (r < 0)
                return r;
        return send_call(c, m, (UnitCall){ .on_reply = on_reply, .callback = callback, .userdata = userdata });
}

int unit_client_stop_unit(UnitClient *c, const char *unit, UnitReply callback, void *userdata) {
        return call_manager(c, "StopUnit", callback, userdata, "ss", unit, "replace");
}

int unit_client_kill_unit(UnitClient *c, const char *unit, const char *whom, int signal, UnitReply callback,
                          void *userdata) {
        return call_manager(c, "KillUnit", callback, userdata, "ssi", unit, whom, signal);
}

int unit_client_reset_unit(UnitClient *c, const char *unit, UnitReply callback, void *userdata) {
        return call_manager(c, "ResetFailedUnit", callback, userdata, "s", unit);
}

static int list_row(sd_bus_message *m, UnitCall *call) {
        const char *unit, *load_state, *active_state, *sub_state;
        UnitStatus listed = {};
        int r;

        r = sd_bus_message_read(m, "ssssssouso", &unit, NULL, &load_state, &active_state, &sub_state, NULL, NULL,
                                &listed.job_id, NULL, NULL);
        if (r < 0)
                return r;
        snprintf(listed.load_state, UNIT_WORD_SIZE, "%s", load_state);
        snprintf(listed.active_state, UNIT_WORD_SIZE, "%s", active_state);
        snprintf(listed.sub_state, UNIT_WORD_SIZE, "%s", sub_state);
        call->list_callback(call->userdata, 0, unit, &listed);
        return 0;
}

static int list_rows(sd_bus_message *m, UnitCall *call) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "ssssssouso")) > 0) {
                r = list_row(m, call);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int on_list_reply(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        UnitCall *call = userdata;
        const char *sentence;
        int e = reply_error(m, &sentence);

        call_answered(call);
        if (e == 0)
                e = list_rows(m, call);
        call->list_callback(call->userdata, MIN_OF(e, 0), NULL, NULL);
        return 0;
}

int unit_client_list_units(UnitClient *c, const char *pattern, UnitListed callback, void *userdata) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r;

        r = new_call(c, SYSTEMD_PATH, SYSTEMD_MANAGER, "ListUnitsByPatterns", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "asas", 0, 1, pattern);
        if (r < 0)
                return r;
        return send_call(c, m,
                        (UnitCall){ .on_reply = on_list_reply, .list_callback = callback, .userdata = userdata });
}

static int take_status(UnitWatch *w, sd_bus_message *m) {
        UnitStatus status = { .memory_bytes = UNIT_COUNT_UNKNOWN, .cpu_nsec = UNIT_COUNT_UNKNOWN,
                              .tasks = UNIT_COUNT_UNKNOWN, .memory_max = UNIT_COUNT_UNKNOWN,
                              .cpu_quota_usec = UNIT_COUNT_UNKNOWN, .tasks_max = UNIT_COUNT_UNKNOWN,
                              .io_weight = UNIT_COUNT_UNKNOWN };
        int r;

        r = unit_status_read_properties(&status, m);
        if (r < 0)
                return r;
        memcpy(status.job_result, w->status.job_result, UNIT_WORD_SIZE);
        w->status = status;
        w->read_at_usec = clock_monotonic_usec();
        return 0;
}

static int on_read_reply(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        UnitCall *call = userdata;
        const char *sentence;
        int e = reply_error(m, &sentence);
        UnitWatch *w;

        call_answered(call);
        /* Looked for only now: what was sent in the answer's place may have failed, and ended a watch. */
        w = end_read(call);
        if (e == 0)
                e = w ? take_status(w, m) : -ECANCELED;
        if (e == 0 && w->on_changed)
                w->on_changed(w);
        call_back(call, e, sentence);
        return 0;
}

/* All properties of the unit and its kind. */
static int new_read(UnitClient *c, const char *unit, sd_bus_message **ret) {
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = sd_bus_path_encode(SYSTEMD_UNIT_PATH, unit, &path);
        if (r >= 0)
                r = new_call(c, path, "org.freedesktop.DBus.Properties", "GetAll", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static int on_describe_reply(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        _cleanup_(unit_description_done) UnitDescription d = UNIT_DESCRIPTION_NULL;
        UnitCall *call = userdata;
        const char *sentence;
        int e = reply_error(m, &sentence);

        call_answered(call);
        if (e == 0)
                e = unit_description_read_properties(&d, m);
        call->describe_callback(call->userdata, MIN_OF(e, 0), e < 0 ? NULL : &d);
        return 0;
}

int unit_client_describe_unit(UnitClient *c, const char *unit, UnitDescribed callback, void *userdata) {
        _cleanup_message_ sd_bus_message *m = NULL;
        int r = new_read(c, unit, &m);

        if (r < 0)
                return r;
        return send_call(c, m,
                         (UnitCall){ .on_reply = on_describe_reply, .describe_callback = callback,
                                     .userdata = userdata });
}

static int read_watch(UnitWatch *w, UnitCall template) {
        _cleanup_message_ sd_bus_message *m = NULL;
        _cleanup_free_ char *unit = NULL;
        int r;

        r = new_read(w->client, w->unit, &m);
        if (r >= 0)
                r = string_replace(&unit, w->unit);
        if (r < 0)
                return r;
        template.on_reply = on_read_reply;
        template.unit = TAKE_PTR(unit);
        return send_call(w->client, m, template);
}

int unit_client_read_watch(UnitWatch *w, UnitReply callback, void *userdata) {
        return read_watch(w, (UnitCall){ .callback = callback, .userdata = userdata });
}

int unit_client_read_watch_later(UnitWatch *w) {
        return read_watch(w, (UnitCall){ .patient = true });
}

int unit_client_join_read(UnitWatch *w, UnitReply callback, void *userdata) {
        UnitCall *call = w->reading;
        Joined *j = call ? malloc(sizeof(Joined)) : NULL;

        if (!j)
                return unit_client_read_watch(w, callback, userdata);
        *j = (Joined){ .callback = callback, .userdata = userdata };
        TAILQ_INSERT_TAIL(&call->joined, j, list);
        return 0;
}

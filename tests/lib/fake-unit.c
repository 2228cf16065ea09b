/* FakeUnit: units, what is read of them, and the signals. See fake-systemd.h. One row a property. */
#include "fake-internal.h"

#include <remote-developer/strings.h>

#include <signal.h>

/* --- messages as text --- */

static int print_value(sd_bus_message *m, FILE *to);

static int print_basic(sd_bus_message *m, char type, FILE *to) {
        union {
                const char *s;
                int b;
                int32_t i;
                uint32_t u;
                uint64_t t;
        } v = {};
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
                return fprintf(to, "\"%s\"", v.s);
        case 'b':
                return fprintf(to, "%s", v.b ? "true" : "false");
        case 'i':
                return fprintf(to, "%d", v.i);
        case 'u':
                return fprintf(to, "%u", v.u);
        case 't':
                return fprintf(to, "%llu", (unsigned long long) v.t);
        default:
                return -EBADMSG;
        }
}

/* What is bytes on the bus is text here. */
static int print_bytes(sd_bus_message *m, FILE *to) {
        const char *data;
        size_t n;
        int r = sd_bus_message_read_array(m, 'y', (const void **) &data, &n);

        return r < 0 ? r : fprintf(to, "\"%.*s\"", (int) n, data);
}

static int print_container(sd_bus_message *m, char type, const char *contents, FILE *to) {
        const char *before = "";
        int r;

        r = sd_bus_message_enter_container(m, type, contents);
        fputc(type == 'a' ? '[' : '(', to);
        while (r >= 0 && sd_bus_message_at_end(m, false) == 0) {
                fputs(before, to);
                before = ", ";
                r = print_value(m, to);
        }
        fputc(type == 'a' ? ']' : ')', to);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int print_value(sd_bus_message *m, FILE *to) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (type == 'a' && string_equal(contents, "y"))
                return print_bytes(m, to);
        return contents ? print_container(m, type, contents, to) : print_basic(m, type, to);
}

char *fake_variant_text(sd_bus_message *m) {
        const char *signature;
        char *text = NULL, type;
        size_t size;
        FILE *to;
        int r;

        r = sd_bus_message_peek_type(m, &type, &signature);
        if (r <= 0 || type != 'v' || !(to = open_memstream(&text, &size)))
                return NULL;
        fprintf(to, "%s ", signature);
        r = sd_bus_message_enter_container(m, 'v', signature);
        if (r >= 0)
                r = print_value(m, to);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        fclose(to);
        if (r >= 0)
                return text;
        free(text);
        return NULL;
}

static void print_arguments(sd_bus_message *m, FILE *to) {
        const char *contents, *s;
        int32_t i;
        char type;

        while (sd_bus_message_peek_type(m, &type, &contents) > 0 && (type == 's' || type == 'i'))
                if (type == 's' && sd_bus_message_read(m, "s", &s) > 0)
                        fprintf(to, " %s", s);
                else if (type == 'i' && sd_bus_message_read(m, "i", &i) > 0)
                        fprintf(to, " %d", i);
}

void fake_note_call(FakeSystemd *f, sd_bus_message *m) {
        _cleanup_free_ char *unit = NULL;
        size_t size;
        FILE *to;

        if (!TAP_CHECK(f->n_calls < FAKE_CALLS_MAX))
                return;
        to = open_memstream(&f->calls[f->n_calls], &size);
        if (!TAP_CHECK(to))
                return;
        fprintf(to, "%s", sd_bus_message_get_member(m));
        if (sd_bus_path_decode(sd_bus_message_get_path(m), FAKE_UNIT_PATH, &unit) > 0)
                fprintf(to, " %s", unit);
        print_arguments(m, to);
        fclose(to);
        f->n_calls++;
        TAP_CHECK(sd_bus_message_rewind(m, true) >= 0);
}

/* --- units as properties --- */

static int append_word(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "s", value);
}

static int append_u(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "u", *(const uint32_t *) value);
}

static int append_i(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "i", *(const int32_t *) value);
}

static int append_t(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "t", *(const uint64_t *) value);
}

static int append_id128(sd_bus_message *m, const void *value) {
        sd_id128_t id = SD_ID128_NULL;
        int r;

        (void) sd_id128_from_string(value, &id);
        r = sd_bus_message_open_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', &id, *(const char *) value ? sizeof(id) : 0);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_job(sd_bus_message *m, const void *value) {
        uint32_t id = *(const uint32_t *) value;
        _cleanup_free_ char *path = string_format(FAKE_JOB_PATH, id);

        return sd_bus_message_append(m, "v", "(uo)", id, id ? path : "/");
}

static int append_strings(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "as", 2, "a", "b");
}

/* Those of a list that have begun; the ones before the last have ended well. */
static int append_begun(sd_bus_message *m, const void *value) {
        const UnitCommands *c = value;
        int r;

        r = sd_bus_message_open_container(m, 'v', "a(sasbttttuii)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasbttttuii)");
        for (unsigned i = 1; r >= 0 && i <= c->begun; i++) {
                bool ended = i < c->begun || c->exit_code != 0;

                r = sd_bus_message_append(m, "(sasbttttuii)", "/x", 1, "x", 0, c->begun_usec ?: UINT64_C(1),
                                          UINT64_C(1), (uint64_t) ended, (uint64_t) ended, 7,
                                          i < c->begun ? CLD_EXITED : c->exit_code, i < c->begun ? 0 : c->exit_status);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* `signals`: PropertiesChanged carries it. The last row is one that nobody here asks for. */
static const struct {
        const char *interface, *name;
        int (*append)(sd_bus_message *m, const void *value);
        size_t offset;
        bool signals;
} rows[] = {
        { "Unit", "LoadState", append_word, offsetof(UnitStatus, load_state), false },
        { "Unit", "ActiveState", append_word, offsetof(UnitStatus, active_state), true },
        { "Unit", "SubState", append_word, offsetof(UnitStatus, sub_state), true },
        { "Unit", "Wants", append_strings, 0, false },
        { "Unit", "InvocationID", append_id128, offsetof(UnitStatus, invocation_id), true },
        { "Unit", "Job", append_job, offsetof(UnitStatus, job_id), true },
        { "Unit", "ActiveEnterTimestamp", append_t, offsetof(UnitStatus, active_enter_usec), true },
        { "Unit", "ActiveEnterTimestampMonotonic", append_t, offsetof(UnitStatus, active_enter_monotonic_usec), true },
        { "Unit", "InactiveEnterTimestamp", append_t, offsetof(UnitStatus, inactive_enter_usec), true },
        { "Service", "MainPID", append_u, offsetof(UnitStatus, main_pid), true },
        { "Service", "Result", append_word, offsetof(UnitStatus, result), true },
        { "Service", "ExecMainCode", append_i, offsetof(UnitStatus, exec_main_code), true },
        { "Service", "ExecMainStatus", append_i, offsetof(UnitStatus, exec_main_status), true },
        { "Service", "ExecMainStartTimestamp", append_t, offsetof(UnitStatus, exec_main_start_usec), true },
        { "Service", "ExecMainExitTimestamp", append_t, offsetof(UnitStatus, exec_main_exit_usec), true },
        { "Service", "ExecStartPre", append_begun, offsetof(UnitStatus, prepare), false },
        { "Service", "ExecStopPost", append_begun, offsetof(UnitStatus, after), false },
        { "Service", "MemoryCurrent", append_t, offsetof(UnitStatus, memory_bytes), false },
        { "Service", "CPUUsageNSec", append_t, offsetof(UnitStatus, cpu_nsec), false },
        { "Service", "TasksCurrent", append_t, offsetof(UnitStatus, tasks), false },
        { "Service", "MemoryMax", append_t, offsetof(UnitStatus, memory_max), false },
        { "Service", "CPUQuotaPerSecUSec", append_t, offsetof(UnitStatus, cpu_quota_usec), false },
        { "Service", "TasksMax", append_t, offsetof(UnitStatus, tasks_max), false },
        { "Service", "IOWeight", append_t, offsetof(UnitStatus, io_weight), false },
        { "Service", "ExecSearchPath", append_strings, 0, true },
};

static int append_command(sd_bus_message *m, const char *name, const char *const *argv, const char *flag) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sasasttttuii)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasasttttuii)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasasttttuii");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", argv[0]);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) argv);
        if (r >= 0)
                r = sd_bus_message_append(m, "asttttuii", flag ? 1 : 0, flag, UINT64_C(1), UINT64_C(1), UINT64_C(0),
                                          UINT64_C(0), 7, 0, 0);
        for (unsigned i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_commands(sd_bus_message *m, const FakeCommands *c) {
        int r;

        r = append_command(m, "ExecStartEx", c->argv, c->flag);
        if (r >= 0)
                r = append_command(m, "ExecStopPostEx", c->recorder_argv, c->flag);
        if (r >= 0 && c->step_argv)
                r = append_command(m, "ExecStartPreEx", c->step_argv, c->flag);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "WorkingDirectory", "s", c->working_directory);
        return r < 0 ? r : sd_bus_message_append(m, "{sv}", "RuntimeMaxUSec", "t", c->runtime_max_usec);
}

static int append_rows(sd_bus_message *m, const UnitStatus *s, const FakeCommands *commands, const char *interface) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && commands)
                r = append_commands(m, commands);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++) {
                if (interface && (!rows[i].signals || !string_equal(rows[i].interface, interface)))
                        continue;
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", rows[i].name);
                if (r >= 0)
                        r = rows[i].append(m, (const char *) s + rows[i].offset);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int fake_append_properties(sd_bus_message *m, const FakeUnit *u, const char *interface) {
        static const UnitStatus unknown = { .load_state = "not-found", .active_state = "inactive", .sub_state = "dead",
                                            .result = "success", .memory_bytes = UINT64_MAX, .cpu_nsec = UINT64_MAX,
                                            .tasks = UINT64_MAX };

        return append_rows(m, u ? &u->status : &unknown, u && !interface ? u->commands : NULL, interface);
}

/* --- units --- */

FakeUnit *fake_unit_find(FakeSystemd *f, const char *name) {
        for (size_t i = 0; i < FAKE_UNITS_MAX; i++)
                if (f->units[i].systemd && string_equal(f->units[i].name, name))
                        return &f->units[i];
        return NULL;
}

FakeUnit *fake_unit_at(FakeSystemd *f, const char *path) {
        for (size_t i = 0; i < FAKE_UNITS_MAX; i++)
                if (f->units[i].systemd && string_equal(f->units[i].path, path))
                        return &f->units[i];
        return NULL;
}

FakeUnit *fake_unit_add(FakeSystemd *f, const char *name) {
        FakeUnit *u = f->units;

        while (u < f->units + FAKE_UNITS_MAX && u->systemd)
                u++;
        assert(u < f->units + FAKE_UNITS_MAX);
        *u = (FakeUnit){ .systemd = f, .name = strdup(name), .status = { .job_id = ++f->jobs } };
        TAP_CHECK(sd_bus_path_encode(FAKE_UNIT_PATH, name, &u->path) >= 0);
        snprintf(u->status.load_state, UNIT_WORD_SIZE, "loaded");
        snprintf(u->status.result, UNIT_WORD_SIZE, "success");
        snprintf(u->status.invocation_id, ID128_TEXT_SIZE, "%032x", ++f->invocations);
        fake_unit_put_state(u, "inactive", "dead");
        return u;
}

void fake_unit_remove(FakeUnit *u) {
        for (size_t i = 0; i < u->n_properties; i++) {
                free(u->properties[i].name);
                free(u->properties[i].text);
        }
        free(u->name);
        free(u->path);
        *u = (FakeUnit){};
}

const char *fake_unit_property(const FakeUnit *u, const char *name) {
        for (size_t i = 0; i < u->n_properties; i++)
                if (string_equal(u->properties[i].name, name))
                        return u->properties[i].text;
        return NULL;
}

/* --- signals --- */

static sd_bus_message *new_signal(FakeSystemd *f, const char *path, const char *interface, const char *member) {
        sd_bus_message *m = NULL;

        TAP_CHECK(f->server && sd_bus_message_new_signal(f->server, &m, path, interface, member) >= 0);
        return m;
}

static void send_signal(FakeSystemd *f, sd_bus_message *m) {
        TAP_CHECK(sd_bus_send(f->server, m, NULL) >= 0);
        sd_bus_message_unref(m);
}

static void emit_properties(FakeUnit *u, const char *interface) {
        _cleanup_free_ char *whole = string_format("org.freedesktop.systemd1.%s", interface);
        sd_bus_message *m = new_signal(u->systemd, u->path, "org.freedesktop.DBus.Properties", "PropertiesChanged");
        int r;

        if (!m)
                return;
        r = sd_bus_message_append(m, "s", whole);
        if (r >= 0)
                r = fake_append_properties(m, u, interface);
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 1, "ExecStart");
        TAP_CHECK(r >= 0);
        send_signal(u->systemd, m);
}

void fake_unit_emit(FakeUnit *u) {
        emit_properties(u, "Service");
        emit_properties(u, "Unit");
}

void fake_unit_put_state(FakeUnit *u, const char *active_state, const char *sub_state) {
        snprintf(u->status.active_state, UNIT_WORD_SIZE, "%s", active_state);
        snprintf(u->status.sub_state, UNIT_WORD_SIZE, "%s", sub_state);
        if (string_equal(active_state, "active") && u->status.active_enter_usec == 0)
                u->status.active_enter_usec = clock_realtime_usec();
        if (string_equal(active_state, "active") && u->status.active_enter_monotonic_usec == 0)
                u->status.active_enter_monotonic_usec = clock_monotonic_usec();
}

void fake_unit_set_state(FakeUnit *u, const char *active_state, const char *sub_state) {
        fake_unit_put_state(u, active_state, sub_state);
        fake_unit_emit(u);
}

void fake_emit_job_removed(FakeUnit *u, const char *result) {
        _cleanup_free_ char *job = string_format(FAKE_JOB_PATH, u->status.job_id);
        sd_bus_message *m = new_signal(u->systemd, FAKE_PATH, FAKE_MANAGER, "JobRemoved");

        if (!m)
                return;
        TAP_CHECK(sd_bus_message_append(m, "uoss", u->status.job_id, job, u->name, result) >= 0);
        u->status.job_id = 0;
        send_signal(u->systemd, m);
}

void fake_emit_unit_removed(FakeSystemd *f, const char *unit) {
        sd_bus_message *m = new_signal(f, FAKE_PATH, FAKE_MANAGER, "UnitRemoved");
        _cleanup_free_ char *path = NULL;

        if (!m)
                return;
        TAP_CHECK(sd_bus_path_encode(FAKE_UNIT_PATH, unit, &path) >= 0);
        TAP_CHECK(sd_bus_message_append(m, "so", unit, path) >= 0);
        send_signal(f, m);
}

void fake_emit_reloading(FakeSystemd *f, bool begins) {
        sd_bus_message *m = new_signal(f, FAKE_PATH, FAKE_MANAGER, "Reloading");

        if (!m)
                return;
        TAP_CHECK(sd_bus_message_append(m, "b", begins) >= 0);
        send_signal(f, m);
}

void fake_emit_owner_changed(FakeSystemd *f) {
        static const char bus[] = "org.freedesktop.DBus";
        sd_bus_message *m = new_signal(f, "/org/freedesktop/DBus", bus, "NameOwnerChanged");

        if (!m)
                return;
        TAP_CHECK(sd_bus_message_append(m, "sss", "org.freedesktop.systemd1", ":1.0", "") >= 0);
        TAP_CHECK(sd_bus_message_set_sender(m, bus) >= 0);
        send_signal(f, m);
}

/* --- stories --- */

void fake_unit_start(FakeUnit *u) {
        u->status.main_pid = 4711;
        fake_unit_emit(u);
        fake_unit_set_state(u, "activating", "start");
        fake_unit_set_state(u, "active", "running");
        fake_emit_job_removed(u, "done");
        fake_unit_emit(u);
}

void fake_unit_end(FakeUnit *u, const char *result, int exit_code, int exit_status) {
        bool success = string_equal(result, "success");

        u->status.main_pid = 0;
        u->status.exec_main_code = exit_code;
        u->status.exec_main_status = exit_status;
        u->status.exec_main_exit_usec = clock_realtime_usec();
        snprintf(u->status.result, UNIT_WORD_SIZE, "%s", result);
        fake_unit_set_state(u, "deactivating", "stop-post");
        u->status.inactive_enter_usec = clock_realtime_usec();
        fake_unit_set_state(u, success ? "inactive" : "failed", success ? "dead" : "failed");
        if (u->status.job_id > 0) {
                fake_emit_job_removed(u, "done");
                fake_unit_emit(u);
        }
        if (success) {
                fake_emit_unit_removed(u->systemd, u->name);
                fake_unit_remove(u);
        }
}

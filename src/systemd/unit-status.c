/* UnitStatus: see unit-status.h. One row a property; signals and full reads go through the same rows. */
#include <remote-developer/unit-status.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

#include <stdio.h>

typedef int (*PropertyRead)(sd_bus_message *m, void *target);

static int read_word(sd_bus_message *m, void *target) {
        const char *s;
        int r = sd_bus_message_read(m, "s", &s);

        if (r >= 0)
                snprintf(target, UNIT_WORD_SIZE, "%s", s);
        return r;
}

static int read_u(sd_bus_message *m, void *target) {
        return sd_bus_message_read(m, "u", target);
}

static int read_i(sd_bus_message *m, void *target) {
        return sd_bus_message_read(m, "i", target);
}

static int read_t(sd_bus_message *m, void *target) {
        return sd_bus_message_read(m, "t", target);
}

static int read_id128(sd_bus_message *m, void *target) {
        const uint8_t *bytes;
        char *text = target;
        size_t n;
        int r = sd_bus_message_read_array(m, 'y', (const void **) &bytes, &n);

        if (r < 0)
                return r;
        text[0] = 0;
        for (size_t i = 0; n == 16 && i < n; i++)
                snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int read_job(sd_bus_message *m, void *target) {
        const char *path;

        return sd_bus_message_read(m, "(uo)", target, &path);
}

#define PROPERTY(name, signature, read, member) { name, signature, read, offsetof(UnitStatus, member) }

static const struct {
        const char *name, *signature;
        PropertyRead read;
        size_t offset;
} properties[] = {
        PROPERTY("LoadState", "s", read_word, load_state),
        PROPERTY("ActiveState", "s", read_word, active_state),
        PROPERTY("SubState", "s", read_word, sub_state),
        PROPERTY("InvocationID", "ay", read_id128, invocation_id),
        PROPERTY("Job", "(uo)", read_job, job_id),
        PROPERTY("ActiveEnterTimestamp", "t", read_t, active_enter_usec),
        PROPERTY("ActiveEnterTimestampMonotonic", "t", read_t, active_enter_monotonic_usec),
        PROPERTY("InactiveEnterTimestamp", "t", read_t, inactive_enter_usec),
        PROPERTY("Result", "s", read_word, result),
        PROPERTY("MainPID", "u", read_u, main_pid),
        PROPERTY("ExecMainCode", "i", read_i, exec_main_code),
        PROPERTY("ExecMainStatus", "i", read_i, exec_main_status),
        PROPERTY("ExecMainStartTimestamp", "t", read_t, exec_main_start_usec),
        PROPERTY("ExecMainExitTimestamp", "t", read_t, exec_main_exit_usec),
        PROPERTY("MemoryCurrent", "t", read_t, memory_bytes),
        PROPERTY("CPUUsageNSec", "t", read_t, cpu_nsec),
        PROPERTY("TasksCurrent", "t", read_t, tasks),
};

static int read_property(UnitStatus *s, sd_bus_message *m, const char *name) {
        int r;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                if (!string_equal(properties[i].name, name))
                        continue;
                r = sd_bus_message_enter_container(m, 'v', properties[i].signature);
                if (r >= 0)
                        r = properties[i].read(m, (char *) s + properties[i].offset);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                return r;
        }
        return sd_bus_message_skip(m, "v");
}

int unit_status_read_properties(UnitStatus *s, sd_bus_message *m) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_property(s, m, name);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

bool unit_status_is_loaded(const UnitStatus *s) {
        /* A running unit whose file a reload could not read again ("bad-setting") is still there. */
        return *s->load_state && !string_equal(s->load_state, "not-found");
}

bool unit_status_is_ended(const UnitStatus *s) {
        if (!*s->load_state)
                return false;
        if (!unit_status_is_loaded(s))
                return true;
        return s->job_id == 0 &&
               (string_equal(s->active_state, "inactive") || string_equal(s->active_state, "failed"));
}

/* UnitStatus: see unit-status.h. One row a property; signals and full reads go through the same rows. */
#include <remote-developer/unit-status.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

#include <stdio.h>

static int read_word(sd_bus_message *m, void *target) {
        const char *s;
        int r = sd_bus_message_read(m, "s", &s);

        if (r >= 0)
                snprintf(target, UNIT_WORD_SIZE, "%s", s);
        return r;
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

/* path, argv, ignore_errors, when it began and ended by two clocks, pid, code, status */
static int read_command(sd_bus_message *m, unsigned number, UnitCommands *c) {
        uint64_t begun, ended, monotonic;
        int32_t code, status;
        uint32_t pid;
        int r;

        r = sd_bus_message_skip(m, "sasb");
        if (r >= 0)
                r = sd_bus_message_read(m, "ttttuii", &begun, &monotonic, &ended, &monotonic, &pid, &code, &status);
        if (r >= 0 && (begun > 0 || ended > 0))
                *c = (UnitCommands){ number, begun, ended > 0 ? code : 0, ended > 0 ? status : 0 };
        return r;
}

static int read_commands(sd_bus_message *m, void *target) {
        UnitCommands c = {};
        int r = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");

        for (unsigned n = 1; r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sasbttttuii")) > 0; n++) {
                r = read_command(m, n, &c);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        *(UnitCommands *) target = c;
        return sd_bus_message_exit_container(m);
}

#define PROPERTY(name, signature, read, member) { name, signature, read, offsetof(UnitStatus, member) }

static const UnitProperty properties[] = {
        PROPERTY("LoadState", "s", read_word, load_state),
        PROPERTY("ActiveState", "s", read_word, active_state),
        PROPERTY("SubState", "s", read_word, sub_state),
        PROPERTY("InvocationID", "ay", read_id128, invocation_id),
        PROPERTY("Job", "(uo)", read_job, job_id),
        PROPERTY("ActiveEnterTimestamp", "t", NULL, active_enter_usec),
        PROPERTY("ActiveEnterTimestampMonotonic", "t", NULL, active_enter_monotonic_usec),
        PROPERTY("InactiveEnterTimestamp", "t", NULL, inactive_enter_usec),
        PROPERTY("Result", "s", read_word, result),
        PROPERTY("MainPID", "u", NULL, main_pid),
        PROPERTY("ExecMainCode", "i", NULL, exec_main_code),
        PROPERTY("ExecMainStatus", "i", NULL, exec_main_status),
        PROPERTY("ExecMainStartTimestamp", "t", NULL, exec_main_start_usec),
        PROPERTY("ExecMainExitTimestamp", "t", NULL, exec_main_exit_usec),
        PROPERTY("ExecStartPre", "a(sasbttttuii)", read_commands, prepare),
        PROPERTY("ExecStopPost", "a(sasbttttuii)", read_commands, after),
        PROPERTY("MemoryCurrent", "t", NULL, memory_bytes),
        PROPERTY("CPUUsageNSec", "t", NULL, cpu_nsec),
        PROPERTY("TasksCurrent", "t", NULL, tasks),
        PROPERTY("MemoryMax", "t", NULL, memory_max),
        PROPERTY("CPUQuotaPerSecUSec", "t", NULL, cpu_quota_usec),
        PROPERTY("TasksMax", "t", NULL, tasks_max),
        PROPERTY("IOWeight", "t", NULL, io_weight),
};

int unit_status_read_properties(UnitStatus *s, sd_bus_message *m) {
        return unit_properties_read(properties, ELEMENTSOF(properties), m, s);
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

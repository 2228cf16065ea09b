/* UnitSpec: see unit-spec.h. One row a property, in the order in which systemctl show would be read; what no task
 * varies is a constant in its row. */
#include <remote-developer/unit-spec.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

/* The rate limit of journald for a unit is lifted by a burst that cannot be reached within an interval that is not 0:
 * in systemd 252 an interval of 0 means "not set" and loses lines. */
#define LOG_INTERVAL_USEC ((uint64_t) USEC_PER_SEC)
#define LOG_BURST ((uint32_t) 4000000000U)

typedef int (*PropertyAppend)(sd_bus_message *m, const void *value);

static int append_s(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "s", *(const char *const *) value);
}

static int append_t(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "t", *(const uint64_t *) value);
}

static int append_u(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "u", *(const uint32_t *) value);
}

static int append_i(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "i", *(const int32_t *) value);
}

static int append_yes(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "b", 1);
}

static int append_no(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "b", 0);
}

static int append_strv(sd_bus_message *m, const void *value) {
        char *const *v = *(char *const *const *) value;
        int r;

        r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_unit_list(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "as", 1, *(const char *const *) value);
}

static int append_log_fields(sd_bus_message *m, const void *value) {
        const char *field = *(const char *const *) value;
        int r;

        r = sd_bus_message_open_container(m, 'v', "aay");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', field, strlen(field));
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* type, trigger, negate, parameter */
static int append_absent_condition(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "a(sbbs)", 1, "ConditionPathExists", 0, 1, *(const char *const *) value);
}

/* "PROGRAM ARGV...", as the launcher understands it. */
static int encode_command(const UnitCommand *c, const char *launcher, char ***ret) {
        _cleanup_strv_ char **v = calloc(strv_length(c->argv) + 3, sizeof(char *));
        size_t n = 0;

        if (!v)
                return -ENOMEM;
        v[n] = strdup(launcher);
        if (v[n++])
                v[n] = string_encode(c->path);
        for (size_t i = 0; v[n] && c->argv[i]; i++)
                v[++n] = string_encode(c->argv[i]);
        if (!v[n])
                return -ENOMEM;
        *ret = TAKE_PTR(v);
        return 0;
}

/* The commands go over twice. In effect are the Ex forms, with their flags. But systemd 252 writes those into the
 * transient unit's file under a name that it does not know when it reads the file again (tried): after a daemon-reload
 * the unit would have lost its commands, the recorder among them. So the plain form goes first, which the file keeps;
 * an empty Ex array then clears the list in memory but not what a reload will find. And the text of the plain form
 * does not survive either (tried: it writes "\$" and "\;" and reads them as backslash and all; a program's name with
 * a blank makes the unit invalid): so it is in the launcher's letters. */
static int append_plain_command(sd_bus_message *m, const UnitCommand *c, const char *launcher) {
        _cleanup_strv_ char **argv = NULL;
        int r;

        r = encode_command(c, launcher, &argv);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasb");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", launcher);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, argv);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", (int) c->ignore_failure);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_plain_main(sd_bus_message *m, const void *value) {
        const UnitSpec *spec = value;

        return append_plain_command(m, &spec->main, spec->launcher);
}

static int append_plain_recorder(sd_bus_message *m, const void *value) {
        const UnitSpec *spec = value;

        return append_plain_command(m, &spec->recorder, spec->launcher);
}

static int append_no_commands(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "a(sasas)", 0);
}

/* Without no-env-expand systemd would replace $NAME in the arguments, which are the user's own text. */
static int append_command(sd_bus_message *m, const void *value) {
        const UnitCommand *c = value;
        const char *flags[] = { "no-env-expand", NULL, NULL, NULL };
        size_t n = 1;
        int r;

        if (c->privileged)
                flags[n++] = "privileged";
        if (c->ignore_failure)
                flags[n++] = "ignore-failure";

        r = sd_bus_message_open_container(m, 'v', "a(sasas)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasas)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasas");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", c->path);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) c->argv);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) flags);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static const char *const type_exec = "exec";
static const char *const journal = "journal";
static const uint64_t log_interval = LOG_INTERVAL_USEC;
static const uint32_t log_burst = LOG_BURST;
static const int32_t log_facility = UNIT_LOG_FACILITY >> 3;

/* A row with a constant has that; else the value at the offset, left out where it is a NULL pointer; or the whole. */
typedef struct Property {
        const char *name;
        PropertyAppend append;
        const void *constant;
        size_t offset;
        bool optional;
} Property;

#define CONSTANT(name, append, constant) { name, append, constant, 0, false }
#define VALUE(name, append, member) { name, append, NULL, offsetof(UnitSpec, member), false }
#define WHOLE(name, append) { name, append, NULL, 0, false }
#define OPTIONAL(name, append, member) { name, append, NULL, offsetof(UnitSpec, member), true }

static const Property properties[] = {
        VALUE("Description", append_s, description),
        CONSTANT("Type", append_s, &type_exec),
        VALUE("Slice", append_s, slice),
        OPTIONAL("User", append_s, user),
        OPTIONAL("WorkingDirectory", append_s, working_directory),
        OPTIONAL("Environment", append_strv, environment),
        OPTIONAL("StandardInputFile", append_s, input_file),
        CONSTANT("StandardOutput", append_s, &journal),
        CONSTANT("StandardError", append_s, &journal),
        WHOLE("ExecStart", append_plain_main),
        CONSTANT("ExecStartEx", append_no_commands, NULL),
        VALUE("ExecStartEx", append_command, main),
        WHOLE("ExecStopPost", append_plain_recorder),
        CONSTANT("ExecStopPostEx", append_no_commands, NULL),
        VALUE("ExecStopPostEx", append_command, recorder),
        /* The recorder's privilege, in the form that a reload keeps. */
        CONSTANT("PermissionsStartOnly", append_yes, NULL),
        /* As in a terminal: `yes | head` ends. */
        CONSTANT("IgnoreSIGPIPE", append_no, NULL),
        VALUE("RuntimeMaxUSec", append_t, runtime_max_usec),
        VALUE("TimeoutStartUSec", append_t, start_timeout_usec),
        VALUE("TimeoutStopUSec", append_t, stop_timeout_usec),
        OPTIONAL("PartOf", append_unit_list, part_of),
        OPTIONAL("Conditions", append_absent_condition, only_without),
        VALUE("SyslogIdentifier", append_s, log_identifier),
        /* A line that begins with "<3>" is the program's own text. */
        CONSTANT("SyslogLevelPrefix", append_no, NULL),
        CONSTANT("SyslogFacility", append_i, &log_facility),
        OPTIONAL("LogExtraFields", append_log_fields, log_field),
        CONSTANT("LogRateLimitIntervalUSec", append_t, &log_interval),
        CONSTANT("LogRateLimitBurst", append_u, &log_burst),
        CONSTANT("CPUAccounting", append_yes, NULL),
        CONSTANT("MemoryAccounting", append_yes, NULL),
        CONSTANT("TasksAccounting", append_yes, NULL),
};

static int append_property(sd_bus_message *m, const Property *p, const UnitSpec *spec) {
        const void *value = p->constant ?: (const char *) spec + p->offset;
        int r;

        if (p->optional && !*(void *const *) value)
                return 0;
        r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", p->name);
        if (r >= 0)
                r = p->append(m, value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int unit_spec_append(sd_bus_message *m, const UnitSpec *spec) {
        int r;

        r = sd_bus_message_append(m, "ss", spec->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(properties); i++)
                r = append_property(m, &properties[i], spec);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "a(sa(sv))", 0);
}

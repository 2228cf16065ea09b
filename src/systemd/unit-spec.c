/* UnitSpec: see unit-spec.h. One row a property, in the order in which systemctl show would be read; what no task
 * varies is a constant in its row. */
#include <remote-developer/unit-spec.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

#include <stdio.h>

/* The rate limit of journald for a unit is lifted by a burst that cannot be reached within an interval that is not 0:
 * in systemd 252 an interval of 0 means "not set" and loses lines. */
#define LOG_INTERVAL_USEC ((uint64_t) USEC_PER_SEC)
#define LOG_BURST ((uint32_t) 4000000000U)

/* One argument of a program, its end included (the kernel's MAX_ARG_STRLEN). */
#define UNIT_WORD_SIZE_MAX ((size_t) 128 * 1024)

int append_s(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "s", *(const char *const *) value);
}

int append_t(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "t", *(const uint64_t *) value);
}

static int append_u(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "u", *(const uint32_t *) value);
}

int append_i(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "i", *(const int32_t *) value);
}

int append_yes(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "b", 1);
}

static int append_no(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "b", 0);
}

int append_strv(sd_bus_message *m, const void *value) {
        char *const *v = *(char *const *const *) value;
        int r;

        r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_limit(sd_bus_message *m, const void *value) {
        return sd_bus_message_append(m, "v", "t", **(const uint64_t *const *) value);
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

/* --- commands --- */

/* One command as systemd is told of it: the main one, the recorder or a step. */
typedef struct Line {
        const UnitSpec *spec;
        const UnitCommand *command;
        const UnitStep *step; /* NULL: it is none */
        bool encoded;
} Line;

static Line main_line(const UnitSpec *spec, bool encoded) {
        return (Line){ spec, &spec->main, NULL, encoded };
}

static Line recorder_line(const UnitSpec *spec) {
        return (Line){ spec, &spec->recorder, NULL, true };
}

static Line step_line(const UnitSpec *spec, const UnitStep *step) {
        return (Line){ spec, &step->command, step, true };
}

static int append_word(sd_bus_message *m, const char *word, bool encoded) {
        _cleanup_free_ char *letters = encoded ? string_encode(word) : NULL;

        if (encoded && !letters)
                return -ENOMEM;
        /* The kernel would refuse it, and systemd after us. */
        if (letters && strlen(letters) >= UNIT_WORD_SIZE_MAX)
                return -E2BIG;
        return sd_bus_message_append(m, "s", letters ?: word);
}

static int append_option(sd_bus_message *m, bool given, const char *name, const char *value) {
        _cleanup_free_ char *option = given ? string_format("--%s%s", name, value) : NULL;

        if (!given)
                return 0;
        return option ? sd_bus_message_append(m, "s", option) : -ENOMEM;
}

static int append_variables(sd_bus_message *m, const Line *l, char *const *variables) {
        int r = 0;

        for (size_t i = 0; r >= 0 && variables && variables[i]; i++) {
                _cleanup_free_ char *letters = l->encoded ? string_encode(variables[i]) : strdup(variables[i]);

                r = letters ? append_option(m, true, "setenv=", letters) : -ENOMEM;
        }
        return r;
}

/* What a step has and the main command has not. */
static int append_step_options(sd_bus_message *m, const UnitStep *s) {
        char number[16], limit[32];
        int r;

        snprintf(number, sizeof(number), "%u", s->number);
        snprintf(limit, sizeof(limit), "%llu", (unsigned long long) s->timeout_usec);
        r = append_option(m, true, "step=", number);
        if (r >= 0)
                r = append_option(m, s->timeout_usec > 0, "timeout-usec=", limit);
        return r < 0 ? r : append_option(m, s->input, "input=", s->input);
}

/* The starter's: it relays the command's output; of the recorder it only decodes the words. */
static int append_options(sd_bus_message *m, const Line *l) {
        const UnitSpec *spec = l->spec;
        bool relays = l->command != &spec->recorder;
        int r;

        r = append_option(m, l->encoded, "encoded", "");
        if (r >= 0)
                r = append_option(m, relays, "task=", spec->log_identifier);
        if (r >= 0)
                r = append_option(m, relays && spec->is_of_user, "user", "");
        if (r >= 0)
                r = append_option(m, relays && spec->separate_stderr, "separate-stderr", "");
        if (r >= 0 && l->step)
                r = append_step_options(m, l->step);
        if (r >= 0 && relays)
                r = append_variables(m, l, l->step ? l->step->environment : spec->main_environment);
        return r < 0 ? r : append_option(m, true, "", "");
}

/* "STARTER OPTION... -- PROGRAM ARGV...", where need be behind the program that finds it. */
static int append_launch(sd_bus_message *m, const Line *l, const char *finder) {
        int r = sd_bus_message_open_container(m, 'a', "s");

        if (r >= 0 && finder)
                r = append_word(m, finder, false);
        if (r >= 0)
                r = append_word(m, l->spec->starter, false);
        if (r >= 0)
                r = append_options(m, l);
        if (r >= 0)
                r = append_word(m, l->command->path, l->encoded);
        for (size_t i = 0; r >= 0 && l->command->argv[i]; i++)
                r = append_word(m, l->command->argv[i], l->encoded);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

#define FINDER "env"

static bool needs_finder(const Line *l) {
        return l->command->privileged && l->spec->is_of_user;
}

/* The starter itself. A privileged command is one to systemd's file only by a "+" before its program, and the plain
 * form writes the program as it was given, if it is a path or a file's name: "+remote-developer-exec" is a name, and
 * when the file is read again the "+" is the prefix, and the rest is searched for (tried). In memory the command must
 * have the same name then, or a reload would break off the list of commands with it.
 *
 * A user's own starter is nowhere where it would be found: env(1) is, and goes there. In memory it is left out, since
 * the task's variables may be such that no program of the machine's runs with them; so a reload of a user's manager
 * within the recorder's moment costs the reviews. */
static int append_path(sd_bus_message *m, const Line *l, bool plain) {
        const char *slash = strrchr(l->spec->starter, '/');
        _cleanup_free_ char *name = NULL;

        if (!l->command->privileged || l->spec->is_of_user || !slash)
                return sd_bus_message_append(m, "s", plain && needs_finder(l) ? "+" FINDER : l->spec->starter);
        name = string_format("%s%s", plain ? "+" : "", slash + 1);
        return name ? sd_bus_message_append(m, "s", name) : -ENOMEM;
}

static int append_plain_line(sd_bus_message *m, const Line *l) {
        int r = sd_bus_message_open_container(m, 'r', "sasb");

        if (r >= 0)
                r = append_path(m, l, true);
        if (r >= 0)
                r = append_launch(m, l, needs_finder(l) ? FINDER : NULL);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", (int) l->command->ignore_failure);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Without no-env-expand systemd would replace $NAME in the arguments, which are the user's own text. */
static int append_flags(sd_bus_message *m, const UnitCommand *c) {
        const char *flags[] = { "no-env-expand", NULL, NULL, NULL };
        size_t n = 1;

        if (c->privileged)
                flags[n++] = "privileged";
        if (c->ignore_failure)
                flags[n++] = "ignore-failure";
        return sd_bus_message_append_strv(m, (char **) flags);
}

static int append_line(sd_bus_message *m, const Line *l) {
        int r = sd_bus_message_open_container(m, 'r', "sasas");

        if (r >= 0)
                r = append_path(m, l, false);
        if (r >= 0)
                r = append_launch(m, l, NULL);
        if (r >= 0)
                r = append_flags(m, l->command);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

typedef int (*LineAppend)(sd_bus_message *m, const Line *l);

static int append_steps(sd_bus_message *m, const UnitSpec *spec, const UnitStep *steps, size_t n, LineAppend append) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                const Line l = step_line(spec, &steps[i]);

                r = append(m, &l);
        }
        return r;
}

static int open_lines(sd_bus_message *m, const char *array, const char *row) {
        int r = sd_bus_message_open_container(m, 'v', array);

        return r < 0 ? r : sd_bus_message_open_container(m, 'a', row);
}

static int close_lines(sd_bus_message *m) {
        int r = sd_bus_message_close_container(m);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The commands go over twice. In effect are the Ex forms, with their flags. But systemd 252 writes those into the
 * transient unit's file under a name that it does not know when it reads the file again (tried): after a daemon-reload
 * the unit would have lost its commands, the recorder among them. So the plain form goes first, which the file keeps;
 * an empty Ex array then clears the list in memory but not what a reload will find. And the text of the plain form
 * does not survive either (tried: it writes "\$" and "\;" and reads them as backslash and all; a program's name with
 * a blank makes the unit invalid): so it is in the starter's letters. For the main command they are no form for both,
 * since an argument may be as long as the kernel allows, and is up to three times as long in letters. The others have
 * only the letters: a list of commands goes on after a reload only where the one that runs is found again, word by
 * word (tried; else the steps behind it are passed over). */
static int append_plain_main(sd_bus_message *m, const void *value) {
        const Line l = main_line(value, true);
        int r = open_lines(m, "a(sasb)", "(sasb)");

        if (r >= 0)
                r = append_plain_line(m, &l);
        return r < 0 ? r : close_lines(m);
}

static int append_main(sd_bus_message *m, const void *value) {
        const Line l = main_line(value, false);
        int r = open_lines(m, "a(sasas)", "(sasas)");

        if (r >= 0)
                r = append_line(m, &l);
        return r < 0 ? r : close_lines(m);
}

/* There is nothing in them that systemd would expand, so that the plain form is enough. */
static int append_plain_steps(sd_bus_message *m, const void *value) {
        const UnitSpec *spec = value;
        int r = open_lines(m, "a(sasb)", "(sasb)");

        if (r >= 0)
                r = append_steps(m, spec, spec->steps, spec->n_steps, append_plain_line);
        return r < 0 ? r : close_lines(m);
}

static int append_after(sd_bus_message *m, const UnitSpec *spec, LineAppend append) {
        const Line l = recorder_line(spec);
        int r = spec->recorder.argv ? append(m, &l) : 0;

        return r < 0 ? r : append_steps(m, spec, spec->reviews, spec->n_reviews, append);
}

static int append_plain_after(sd_bus_message *m, const void *value) {
        int r = open_lines(m, "a(sasb)", "(sasb)");

        if (r >= 0)
                r = append_after(m, value, append_plain_line);
        return r < 0 ? r : close_lines(m);
}

static int append_all_after(sd_bus_message *m, const void *value) {
        int r = open_lines(m, "a(sasas)", "(sasas)");

        if (r >= 0)
                r = append_after(m, value, append_line);
        return r < 0 ? r : close_lines(m);
}

static int append_no_commands(sd_bus_message *m, const void *value _unused_) {
        return sd_bus_message_append(m, "v", "a(sasas)", 0);
}

/* "name:path" each */
static int append_credentials(sd_bus_message *m, const void *value) {
        char *const *v = *(char *const *const *) value;
        int r = open_lines(m, "a(ss)", "(ss)");

        for (size_t i = 0; r >= 0 && v[i]; i++) {
                size_t size = strcspn(v[i], ":");
                _cleanup_free_ char *name = strndup(v[i], size);

                r = name && v[i][size] ? sd_bus_message_append(m, "(ss)", name, v[i] + size + 1) : -ENOMEM;
        }
        return r < 0 ? r : close_lines(m);
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
        OPTIONAL("LoadCredential", append_credentials, credentials),
        OPTIONAL("LimitCORESoft", append_limit, core_limit),
        OPTIONAL("LimitCORE", append_limit, core_limit),
        OPTIONAL("StandardInputFile", append_s, input_file),
        CONSTANT("StandardOutput", append_s, &journal),
        CONSTANT("StandardError", append_s, &journal),
        WHOLE("ExecStartPre", append_plain_steps),
        WHOLE("ExecStart", append_plain_main),
        CONSTANT("ExecStartEx", append_no_commands, NULL),
        WHOLE("ExecStartEx", append_main),
        WHOLE("ExecStopPost", append_plain_after),
        CONSTANT("ExecStopPostEx", append_no_commands, NULL),
        WHOLE("ExecStopPostEx", append_all_after),
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

int unit_property_append(sd_bus_message *m, const char *name, PropertyAppend append, const void *value) {
        int r = sd_bus_message_open_container(m, 'r', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = append(m, value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_property(sd_bus_message *m, const Property *p, const UnitSpec *spec) {
        const void *value = p->constant ?: (const char *) spec + p->offset;

        if (p->optional && !*(void *const *) value)
                return 0;
        return unit_property_append(m, p->name, p->append, value);
}

int unit_spec_append(sd_bus_message *m, const UnitSpec *spec) {
        int r;

        r = sd_bus_message_append(m, "ss", spec->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(properties); i++)
                r = append_property(m, &properties[i], spec);
        if (r >= 0)
                r = unit_limits_append(m, &spec->limits);
        if (r >= 0)
                r = unit_sandbox_append(m, spec->sandbox);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "a(sa(sv))", 0);
}

/* UnitDescription: see unit-description.h. One row a property; what is not in it is passed over. */
#include <remote-developer/unit-description.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

void unit_description_done(UnitDescription *d) {
        strv_free(d->argv);
        strv_free(d->recorder_argv);
        strv_free(d->environment);
        strv_free(d->part_of);
        free(d->working_directory);
        *d = UNIT_DESCRIPTION_NULL;
}

static int read_strv(sd_bus_message *m, void *target) {
        char **v = NULL;
        int r = sd_bus_message_read_strv(m, &v);

        if (r < 0)
                return r;
        strv_free(*(char ***) target);
        *(char ***) target = v;
        return 0;
}

static int read_string(sd_bus_message *m, void *target) {
        const char *s;
        int r = sd_bus_message_read(m, "s", &s);

        return r < 0 ? r : string_replace(target, *s ? s : NULL);
}

static int read_t(sd_bus_message *m, void *target) {
        return sd_bus_message_read(m, "t", target);
}

/* A daemon-reload leaves the unit the plain form of its commands (unit-spec.c): the launcher, the program, and the
 * arguments from argv[0] on, encoded. */
static int undo_reload(char **argv) {
        size_t n = strv_length(argv);
        int r = 0;

        if (n < 3)
                return -EBADMSG;
        free(argv[0]);
        free(argv[1]);
        memmove(argv, argv + 2, (n - 1) * sizeof(char *));
        for (size_t i = 0; r >= 0 && argv[i]; i++)
                r = string_decode(argv[i]);
        return r;
}

static bool holds_word(char *const *v, const char *word) {
        for (size_t i = 0; v && v[i]; i++)
                if (string_equal(v[i], word))
                        return true;
        return false;
}

/* path, argv, flags, and when it ran. */
static int read_command(sd_bus_message *m, char ***argv) {
        _cleanup_strv_ char **flags = NULL;
        int r;

        r = sd_bus_message_skip(m, "s");
        if (r >= 0)
                r = read_strv(m, argv);
        if (r >= 0)
                r = read_strv(m, &flags);
        if (r >= 0 && !holds_word(flags, "no-env-expand"))
                r = undo_reload(*argv);
        return r < 0 ? r : sd_bus_message_skip(m, "ttttuii");
}

/* The first command of the array; a task's unit has one of each kind. */
static int read_first_command(sd_bus_message *m, void *target) {
        int r = sd_bus_message_enter_container(m, 'a', "(sasasttttuii)");

        for (bool first = true; r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sasasttttuii")) > 0;
             first = false) {
                r = first ? read_command(m, target) : sd_bus_message_skip(m, "sasasttttuii");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

#define PROPERTY(name, signature, read, member) { name, signature, read, offsetof(UnitDescription, member) }

static const struct {
        const char *name, *signature;
        int (*read)(sd_bus_message *m, void *target);
        size_t offset;
} properties[] = {
        PROPERTY("ExecStartEx", "a(sasasttttuii)", read_first_command, argv),
        PROPERTY("ExecStopPostEx", "a(sasasttttuii)", read_first_command, recorder_argv),
        PROPERTY("Environment", "as", read_strv, environment),
        PROPERTY("PartOf", "as", read_strv, part_of),
        PROPERTY("WorkingDirectory", "s", read_string, working_directory),
        PROPERTY("RuntimeMaxUSec", "t", read_t, runtime_max_usec),
};

static int read_property(UnitDescription *d, sd_bus_message *m, const char *name) {
        int r;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                if (!string_equal(properties[i].name, name))
                        continue;
                r = sd_bus_message_enter_container(m, 'v', properties[i].signature);
                if (r >= 0)
                        r = properties[i].read(m, (char *) d + properties[i].offset);
                return r < 0 ? r : sd_bus_message_exit_container(m);
        }
        return sd_bus_message_skip(m, "v");
}

int unit_description_read_properties(UnitDescription *d, sd_bus_message *m) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_property(d, m, name);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* UnitDescription: see unit-description.h. One row a property; what is not in it is passed over. */
#include <remote-developer/unit-description.h>

#include <remote-developer/strings.h>

#include "systemd-internal.h"

void unit_description_done(UnitDescription *d) {
        strv_free(d->argv);
        for (size_t i = 0; i < d->n_steps; i++)
                strv_free(d->steps[i]);
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

/* Words of ours before "--", that of the starter itself passed over. */
static bool has_option(char *const *argv, const char *word) {
        for (size_t i = 1; argv && argv[0] && argv[i] && !string_equal(argv[i], "--"); i++)
                if (string_equal(argv[i], word))
                        return true;
        return false;
}

/* The starter becomes the command, whose words may be encoded (unit-spec.c): what stands behind "--" is the program
 * and the arguments from argv[0] on. */
static int undo_launch(char **argv, bool encoded) {
        size_t n = strv_length(argv), skip = 1;
        int r = 0;

        while (skip < n && !string_equal(argv[skip], "--"))
                skip++;
        skip += 2;
        if (skip >= n)
                return -ENODATA;
        for (size_t i = 0; i < skip; i++)
                free(argv[i]);
        memmove(argv, argv + skip, (n - skip + 1) * sizeof(char *));
        for (size_t i = 0; r >= 0 && encoded && argv[i]; i++)
                r = string_decode(argv[i]);
        return r;
}

/* path, argv, flags, and when it ran. */
static int read_command(sd_bus_message *m, char ***argv) {
        int r;

        r = sd_bus_message_skip(m, "s");
        if (r >= 0)
                r = read_strv(m, argv);
        return r < 0 ? r : sd_bus_message_skip(m, "asttttuii");
}

static int take_main(sd_bus_message *m, UnitDescription *d) {
        int r = read_command(m, &d->argv);

        if (r < 0)
                return r;
        d->separate_stderr |= has_option(d->argv, "--separate-stderr");
        return undo_launch(d->argv, has_option(d->argv, "--encoded"));
}

/* A service before this one started the recorder without the starter. */
static int take_recorder(sd_bus_message *m, UnitDescription *d) {
        int r = read_command(m, &d->recorder_argv);

        return r >= 0 && has_option(d->recorder_argv, "--encoded") ? undo_launch(d->recorder_argv, true) : r;
}

static int take_step(sd_bus_message *m, UnitDescription *d) {
        char ***argv = &d->steps[d->n_steps++];
        int r = read_command(m, argv);

        return r < 0 ? r : undo_launch(*argv, has_option(*argv, "--encoded"));
}

/* The first `max` commands of the array. */
static int read_commands(sd_bus_message *m, UnitDescription *d, size_t max,
                         int (*take)(sd_bus_message *m, UnitDescription *d)) {
        int r = sd_bus_message_enter_container(m, 'a', "(sasasttttuii)");

        for (size_t n = 0; r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sasasttttuii")) > 0; n++) {
                r = n < max ? take(m, d) : sd_bus_message_skip(m, "sasasttttuii");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_main(sd_bus_message *m, void *description) {
        return read_commands(m, description, 1, take_main);
}

static int read_recorder(sd_bus_message *m, void *description) {
        return read_commands(m, description, 1, take_recorder);
}

static int read_steps(sd_bus_message *m, void *description) {
        UnitDescription *d = description;

        return read_commands(m, d, UNIT_DESCRIPTION_STEPS_MAX - d->n_steps, take_step);
}

/* "!/path" where it need not be there. */
static int read_directory(sd_bus_message *m, void *description) {
        UnitDescription *d = description;
        const char *s;
        int r = sd_bus_message_read(m, "s", &s);

        if (r < 0)
                return r;
        d->makes_directory = *s == '!';
        s += d->makes_directory;
        return string_replace(&d->working_directory, *s ? s : NULL);
}

#define WHOLE(name, signature, read) { name, signature, read, 0 }
#define PROPERTY(name, signature, read, member) { name, signature, read, offsetof(UnitDescription, member) }

static const UnitProperty properties[] = {
        WHOLE("ExecStartEx", "a(sasasttttuii)", read_main),
        WHOLE("ExecStartPreEx", "a(sasasttttuii)", read_steps),
        WHOLE("ExecStopPostEx", "a(sasasttttuii)", read_recorder),
        PROPERTY("Environment", "as", read_strv, environment),
        PROPERTY("PartOf", "as", read_strv, part_of),
        WHOLE("WorkingDirectory", "s", read_directory),
        PROPERTY("ExecMainStartTimestamp", "t", NULL, main_started_usec),
        PROPERTY("RuntimeMaxUSec", "t", NULL, runtime_max_usec),
};

int unit_description_read_properties(UnitDescription *d, sd_bus_message *m) {
        return unit_properties_read(properties, ELEMENTSOF(properties), m, d);
}

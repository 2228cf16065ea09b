/* The properties of a unit as systemd tells them, in signals and in answers: an a{sv}, walked by rows. */
#include <remote-developer/strings.h>

#include "systemd-internal.h"

static int read_value(const UnitProperty *p, sd_bus_message *m, void *target) {
        int r;

        r = sd_bus_message_enter_container(m, 'v', p->signature);
        if (r >= 0)
                r = p->read ? p->read(m, target) : sd_bus_message_read_basic(m, *p->signature, target);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_property(const UnitProperty *rows, size_t n, sd_bus_message *m, void *target) {
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (string_equal(rows[i].name, name))
                        return read_value(&rows[i], m, (char *) target + rows[i].offset);
        return sd_bus_message_skip(m, "v");
}

int unit_properties_read(const UnitProperty *rows, size_t n, sd_bus_message *m, void *target) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(rows, n, m, target);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* The manager's state, asked for synchronously: see manager-state.h. */
#include <remote-developer/manager-state.h>

#include "systemd-internal.h"

#include <stdio.h>

#define ASK_LIMIT_USEC USEC_PER_SEC

int manager_state_read(bool system, char *ret, size_t size) {
        _cleanup_free_ char *state = NULL;
        sd_bus *bus = NULL;
        int r;

        r = system ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, ASK_LIMIT_USEC);
        if (r >= 0)
                r = sd_bus_get_property_string(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "SystemState", NULL,
                                               &state);
        if (r >= 0)
                snprintf(ret, size, "%s", state);
        sd_bus_close_unref(bus);
        return r;
}

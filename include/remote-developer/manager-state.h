/* What systemd says of itself: "running", "degraded", "starting", "stopping", ... (systemctl is-system-running).
 */
#pragma once

#include <remote-developer/macros.h>

/* Asks the system's manager (`system`) or the user's, waiting a second at most. For small programs that have no
 * event loop. */
int manager_state_read(bool system, char *ret, size_t size);

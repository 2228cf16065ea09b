/* Supervision: the service's side of being run by systemd: the sockets it is given, and telling how it is.
 *
 * All of it is nothing without systemd: no sockets, no watchdog, and notes that nobody reads.
 */
#pragma once

#include <remote-developer/clock.h>

/* The listening stream sockets that were passed (sd_listen_fds(3)), up to `max`; they are the caller's to close.
 * Returns how many, or negative errno. To be called once. */
int supervision_take_sockets(int *fds, size_t max);

/* How often supervision_keep_alive() is expected at the latest; 0: not at all. */
usec_t supervision_watchdog_usec(void);

void supervision_ready(void);
void supervision_stopping(void);
void supervision_keep_alive(void);

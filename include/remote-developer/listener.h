/* Listener: a listening socket for who runs the service without socket activation.
 */
#pragma once

#include <remote-developer/problem.h>

/* "127.0.0.1:15001", "[::1]:15001" or "/path/of/a/socket". Only loopback addresses: there is no authentication that
 * would make another one safe. Returns the descriptor; a stale unix socket is replaced. */
int listener_open(const char *address, Problem *problem);

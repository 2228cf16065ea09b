/* Listener: the sockets that the API is served on: loopback addresses and unix sockets, and no others, since beyond
 * this machine nobody could tell who asks, nor hide what is sent.
 */
#pragma once

#include <remote-developer/problem.h>

/* For who runs the service without socket activation: "127.0.0.1:15001", "[::1]:15001" or "/path/of/a/socket". Returns
 * the descriptor; a stale unix socket is replaced. */
int listener_open(const char *address, Problem *problem);

/* Whether a socket that somebody else opened is such a one: 0, or -EADDRNOTAVAIL with its address and what to do. */
int listener_check(int fd, Problem *problem);

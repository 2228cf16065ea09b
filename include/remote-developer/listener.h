/* Listener: the sockets that the API is served on. Those that can be reached from this machine alone, by a loopback
 * address or a path, are told from the others: beyond it nobody can tell who asks, and who listens in.
 */
#pragma once

#include <remote-developer/problem.h>

/* For who runs the service without socket activation: "127.0.0.1:15001", "[::1]:15001" or "/path/of/a/socket". Returns
 * the descriptor; a stale unix socket is replaced. */
int listener_open(const char *address, Problem *problem);

/* 1: the listening socket can be reached from this machine alone; 0: it is for TCP from elsewhere; -EAFNOSUPPORT: it
 * is neither. `text` is for people: its address, without the port. */
#define LISTENER_TEXT_SIZE 64
int listener_look(int fd, char text[static LISTENER_TEXT_SIZE]);

/* The same of an address as ListenStream= has it, before anything listens there. */
bool listener_is_local(const char *address);

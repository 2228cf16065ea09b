/* HttpPeer: which user of this machine is at the other end of a connection. It is looked up once, when the connection
 * is accepted, for a peer that has closed its socket cannot be found any more.
 *
 *   unix socket   the user who connected (SO_PEERCRED)
 *   TCP           the user who made the socket at the other end, asked of the kernel (NETLINK_SOCK_DIAG); there is
 *                 one only where both ends are on this machine, in the same network name space
 *
 * What cannot be found out is nobody known, which is what the zero value says; it is never taken for root. The user is
 * the one who made the socket, not the one who writes to it: who passes an open connection on speaks for its holder.
 */
#pragma once

#include <remote-developer/macros.h>

#include <sys/types.h>

typedef struct HttpPeer {
        bool is_known;
        uid_t uid; /* where it is known */
} HttpPeer;

/* Of a connected socket. Never waits; costs a descriptor for the moment. */
HttpPeer http_peer_find(int fd);

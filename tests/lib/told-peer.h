/* Who the peer of a connection is says `peer` here instead of the kernel: in the place of http_peer_find(), for
 * programs that are linked with --wrap=http_peer_find. To be included by the test itself. */
#pragma once

#include <remote-developer/http-peer.h>

#define ANNA ((HttpPeer){ true, 1000 })
#define BERT ((HttpPeer){ true, 1001 })

static HttpPeer peer;

HttpPeer __wrap_http_peer_find(int fd);
HttpPeer __wrap_http_peer_find(int fd _unused_) {
        return peer;
}

/* HttpShare: what one peer has of the server at the moment: see http-internal.h.
 *
 * A peer is a user of this machine, or where none is known an address: all that is on the machine has one address, so
 * that there the user is what tells peers apart. Of IPv6 it is the network (/64), of which one machine has as many
 * addresses as it likes; but who comes over IPv4 to a listener that serves both has an address of his own there, too
 * (::ffff:192.0.2.1). Shares are few, those of the peers who are there: they are a list. */
#include "http-internal.h"

#include <netinet/in.h>
#include <string.h>

static struct in6_addr network_of(const struct sockaddr *address) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *) (const void *) address)->sin6_addr;
        struct in6_addr network = {};

        if (address->sa_family == AF_INET)
                memcpy(&network.s6_addr[12], &((const struct sockaddr_in *) (const void *) address)->sin_addr, 4);
        else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(in6))
                memcpy(&network.s6_addr[12], &in6->s6_addr[12], 4);
        else if (address->sa_family == AF_INET6)
                memcpy(&network, in6, 8);
        return network;
}

static bool share_is(const HttpShare *share, HttpPeer peer, const struct in6_addr *network) {
        if (share->peer.is_known != peer.is_known)
                return false;
        return peer.is_known ? share->peer.uid == peer.uid : IN6_ARE_ADDR_EQUAL(&share->network, network);
}

HttpShare *http_share_find(HttpServer *s, HttpPeer peer, const struct sockaddr *address) {
        struct in6_addr network = network_of(address);
        HttpShare *share = s->shares;

        while (share && !share_is(share, peer, &network))
                share = share->next;
        if (!share) {
                share = calloc(1, sizeof(HttpShare));
                if (!share)
                        return NULL;
                *share = (HttpShare){ .server = s, .next = s->shares, .peer = peer, .network = network };
                for (HttpWork work = 0; work < HTTP_WORKS; work++)
                        TAILQ_INIT(&share->queues[work]);
                s->shares = share;
        }
        share->is_guest = s->is_guest && s->is_guest(peer, s->guest_userdata);
        return share;
}

/* Of what all have, or all guests. */
static uint64_t sum(const HttpServer *s, HttpGood good, bool of_guests) {
        uint64_t n = 0;

        for (const HttpShare *share = s->shares; share; share = share->next)
                if (share->is_guest || !of_guests)
                        n += share->used[good];
        return n;
}

static const HttpQuota *quota_of(const HttpServer *s, HttpGood good) {
        const HttpQuota *quotas[HTTP_GOODS] = {
                [HTTP_CONNECTIONS] = &s->limits.connections,
                [HTTP_BODY_BYTES] = &s->limits.bodies,
                [HTTP_ANSWER_BYTES] = &s->limits.answers,
        };

        return quotas[good];
}

static bool is_above(uint64_t n, size_t more, size_t max, HttpGood good) {
        return max > 0 && n + more > max && (n > 0 || good != HTTP_ANSWER_BYTES);
}

int http_share_take(HttpShare *share, HttpGood good, size_t n) {
        const HttpServer *s = share->server;
        const HttpQuota *quota = quota_of(s, good);

        if (is_above(share->used[good], n, quota->peer, good))
                return -EDQUOT;
        if (is_above(sum(s, good, false), n, quota->all, good))
                return -EBUSY;
        if (share->is_guest && is_above(sum(s, good, true), n, quota->guests, good))
                return -EBUSY;
        share->used[good] += n;
        return 0;
}

void http_share_overdraw(HttpShare *share, HttpGood good, size_t n) {
        share->used[good] += n;
}

static void share_free(HttpShare *share) {
        HttpShare **at = &share->server->shares;

        while (*at != share)
                at = &(*at)->next;
        *at = share->next;
        free(share);
}

void http_share_give(HttpShare *share, HttpGood good, size_t n) {
        share->used[good] -= n;
        for (HttpGood g = 0; g < HTTP_GOODS; g++)
                if (share->used[g] > 0)
                        return;
        share_free(share);
}

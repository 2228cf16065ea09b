/* Who counts as one peer of the HTTP server, whose connections and bodies are bounded together. */
#include "../../src/http/http-internal.h"
#include "tap.h"

#include <arpa/inet.h>

typedef union Address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} Address;

static Address address_of(const char *text) {
        Address a = { .in6.sin6_family = AF_INET6 };

        if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1)
                return a;
        a = (Address){ .in.sin_family = AF_INET };
        TAP_CHECK_INT(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
        return a;
}

static bool is_one(HttpPeer a, const char *a_text, HttpPeer b, const char *b_text) {
        Address a_address = address_of(a_text), b_address = address_of(b_text);
        HttpServer s = {};
        HttpShare *first = http_share_find(&s, a, &a_address.any), *second;
        bool one;

        if (!TAP_CHECK(first))
                return false;
        TAP_CHECK_INT(http_share_take(first, HTTP_CONNECTIONS, 1), 0);
        second = http_share_find(&s, b, &b_address.any);
        if (!TAP_CHECK(second)) {
                http_share_give(first, HTTP_CONNECTIONS, 1);
                return false;
        }
        one = first == second;
        TAP_CHECK_INT(http_share_take(second, HTTP_CONNECTIONS, 1), 0);
        http_share_give(first, HTTP_CONNECTIONS, 1);
        http_share_give(second, HTTP_CONNECTIONS, 1);
        TAP_CHECK(!s.shares);
        return one;
}

static void test_addresses(void) {
        static const struct {
                const char *a, *b;
                bool is_one;
        } rows[] = {
                { "192.0.2.1", "192.0.2.1", true },
                { "192.0.2.1", "192.0.2.2", false },
                { "2001:db8:1:1::1", "2001:db8:1:1::2", true },
                { "2001:db8:1:1::1", "2001:db8:1:1:ffff:ffff:ffff:ffff", true },
                { "2001:db8:1:1::1", "2001:db8:1:2::1", false },
                { "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
                { "::ffff:192.0.2.1", "192.0.2.1", true },
                { "::ffff:192.0.2.1", "::1", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!TAP_CHECK(is_one((HttpPeer){}, rows[i].a, (HttpPeer){}, rows[i].b) == rows[i].is_one))
                        printf("# %s and %s\n", rows[i].a, rows[i].b);
}

static void test_users(void) {
        const HttpPeer anna = { .is_known = true, .uid = 1000 }, bert = { .is_known = true, .uid = 1001 };
        const HttpPeer root = { .is_known = true }, nobody = {};

        TAP_CHECK(is_one(anna, "127.0.0.1", anna, "::1"));
        TAP_CHECK(!is_one(anna, "127.0.0.1", bert, "127.0.0.1"));
        TAP_CHECK(!is_one(root, "127.0.0.1", nobody, "127.0.0.1"));
}

static const TapTest tests[] = {
        { "addresses, and networks of IPv6", test_addresses },
        { "users of this machine, wherever they come from", test_users },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Requests from browsers. A browser runs pages that are not its user's, and the service knows the user, not the page:
 * so it looks at what browsers say of the page, which no page can change.
 *
 *   Host             must be a name of ours, or a page could make a name of its own lead here (DNS rebinding)
 *   Origin           if there, ours: that of every request by which a page of another origin could change something
 *   Sec-Fetch-Site   if there, says the same of those too that have no Origin: pictures, scripts, frames
 *   Content-Type     what a form or a simple fetch() can send is refused, also without a body
 *
 * There is no CORS: no reply allows another origin anything, and a request that asks first (OPTIONS) gets 405. */
#include "api-internal.h"

#include <remote-developer/strings.h>

#include <strings.h>

/* Of every reply: what it is says Content-Type alone, it is no page with rights of ours, stands in no frame and in no
 * other origin's page, and is kept nowhere. */
static const HttpHeader headers[] = {
        { "X-Content-Type-Options", "nosniff" },
        { "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cache-Control", "no-store" },
        {},
};

void origin_add_headers(HttpRequest *r) {
        http_request_set_defaults(r, headers);
}

/* With a port, or without. */
static bool host_is(const char *host, const char *name) {
        size_t n = strlen(name);

        if (strncasecmp(host, name, n) != 0)
                return false;
        host += n;
        return *host == 0 || (*host == ':' && host[1 + strspn(host + 1, "0123456789")] == 0);
}

static bool host_is_own(const Api *a, const char *host) {
        static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (host_is(host, names[i]))
                        return true;
        for (char *const *name = a->hosts; name && *name; name++)
                if (host_is(host, *name))
                        return true;
        return false;
}

/* "null" is no page of ours. */
static bool origin_is_own(const HttpRequest *r, const char *origin, const char *host) {
        const char *const scheme = http_request_is_tls(r) ? "https://" : "http://";

        return host && strncasecmp(origin, scheme, strlen(scheme)) == 0 &&
               strcasecmp(origin + strlen(scheme), host) == 0;
}

static bool is_safe(const HttpRequest *r) {
        return string_equal(http_request_method(r), "GET") || string_equal(http_request_method(r), "HEAD");
}

/* A link on another page that is followed shows a page, or JSON, to the user alone; a frame would to its page, too. */
static bool is_navigation(const HttpRequest *r) {
        return is_safe(r) && string_equal(http_request_header(r, "Sec-Fetch-Mode"), "navigate") &&
               string_equal(http_request_header(r, "Sec-Fetch-Dest"), "document");
}

/* "none": somebody typed the address. Another port of this machine is "same-site", and as foreign as any other. */
static bool site_is_own(const HttpRequest *r) {
        const char *site = http_request_header(r, "Sec-Fetch-Site");

        return !site || string_equal(site, "same-origin") || string_equal(site, "none") || is_navigation(r);
}

static void refuse_host(HttpRequest *r, bool knows_others) {
        if (knows_others)
                reply_error(r, 403, "Host", "This service answers to localhost, 127.0.0.1 and what the configuration "
                            "lists in connection.hosts only");
        else
                reply_error(r, 403, "Host", "This service answers to localhost and 127.0.0.1 only; other names of "
                            "this machine are listed in the configuration, in connection.hosts");
}

bool origin_check(const Api *a, HttpRequest *r) {
        const char *host = http_request_host(r), *origin = http_request_header(r, "Origin");
        const char *field = NULL;

        if (host && !host_is_own(a, host)) {
                refuse_host(r, a->hosts && *a->hosts);
                return false;
        }
        if (origin && !origin_is_own(r, origin, host))
                field = "Origin";
        else if (!site_is_own(r))
                field = "Sec-Fetch-Site";
        if (field)
                reply_error(r, 403, field, "Pages of other origins may not use this service");
        return !field;
}

/* Without a body there need be no type, as of `curl -X POST`; one that is there says what the client meant. */
bool origin_check_type(HttpRequest *r, bool needs_json) {
        const char *type = http_request_header(r, "Content-Type");
        size_t n = type ? strcspn(type, "; \t") : 0;

        if (!needs_json && (!type || is_safe(r)))
                return true;
        if (n == strlen("application/json") && strncasecmp(type, "application/json", n) == 0)
                return true;
        reply_error(r, 415, "Content-Type", "%s: Content-Type: application/json",
                    needs_json ? "The body must be JSON" : "What changes something has no body, or JSON");
        return false;
}

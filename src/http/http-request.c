/* HttpRequest: reading a request, the getters. See http-server.h; the answer is in http-answer.c.
 *
 * MHD asks on_access() once when the header is there, once for each piece of the body and once at the end; only
 * then on_request is called. When the handler has not answered by its return, the connection is suspended until it
 * does; as it is while the handler cannot be called yet (http-queue.c). What MHD found in the header is not copied: it
 * lives in the connection's memory until the answer.
 *
 * What will surprise you:
 * - A body that is announced far too long, and one whose header is in doubt, is dispatched without being read; MHD
 *   then closes the connection behind the answer. A body that turns out far too long without having been announced is
 *   cut: MHD takes no answer in the middle of one.
 * - The request may outlive the connection, when the server is freed before it was answered. */
#include "http-internal.h"

#include <remote-developer/strings.h>

#include <poll.h>
#include <strings.h>

/* How much of a body that is too long is read and thrown away, so that the client is there to hear the answer. */
#define BODY_DISCARD_FACTOR 16

/* What it holds of its peer's share. */
static void request_uncount(HttpRequest *r) {
        if (r->counted > 0)
                http_share_give(r->connection->share, HTTP_BODY_BYTES, r->counted);
        r->counted = 0;
}

HttpRequest *http_request_free(HttpRequest *r) {
        if (!r)
                return NULL;

        request_uncount(r);
        if (r->connection)
                r->connection->request = NULL;
        buffer_done(&r->body);
        strv_free(r->headers);
        free(r->authority);
        free(r);
        return NULL;
}

/* --- decoding --- */

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* The byte that "%XX" stands for; -1 when it is broken or a NUL. The second digit is only looked at when there is
 * a first, so it never reads behind the end. */
static int escaped_byte(const char *s) {
        int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);

        return low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

static bool is_decodable(const char *s) {
        for (; *s; s++)
                if (*s == '%' && escaped_byte(s) < 0)
                        return false;
        return true;
}

/* MHD calls this once for the path and for each name and value of the query, where '+' is a blank already. */
size_t http_request_on_unescape(void *userdata _unused_, struct MHD_Connection *mhd, char *s) {
        char *to = s;

        if (!is_decodable(s)) {
                http_connection_of(mhd)->malformed = true;
                return strlen(s);
        }

        for (const char *from = s; *from; from++) {
                if (*from == '%') {
                        *to++ = (char) escaped_byte(from);
                        from += 2;
                } else
                        *to++ = *from;
        }
        *to = 0;
        return (size_t) (to - s);
}

/* The request line's target before MHD takes it apart. Its length tells later whether it held a NUL, which would
 * otherwise silently cut it. */
void *http_request_on_uri(void *userdata _unused_, const char *uri, struct MHD_Connection *mhd) {
        HttpConnection *c = http_connection_of(mhd);

        c->server->n_fruitless = 0;
        c->uri_size = uri ? strlen(uri) : 0;
        c->malformed = false;
        return NULL; /* the request's closure, see on_access() */
}

/* "http://host/path" is what proxies send, and every server must understand it: the host in it counts. */
static int request_take_target(HttpRequest *r, const char *url) {
        const char *host, *path;

        r->path = url;
        if (!string_has_prefix(url, "http://") && !string_has_prefix(url, "https://"))
                return 0;
        host = strstr(url, "//") + 2;
        path = strchrnul(host, '/');
        r->path = *path ? path : "/";
        r->authority = strndup(host, (size_t) (path - host));
        return r->authority ? 0 : -ENOMEM;
}

/* --- reading --- */

static uint64_t body_discard_max(const HttpServer *s) {
        return s->limits.body_max > UINT64_MAX / BODY_DISCARD_FACTOR ? UINT64_MAX
                                                                     : s->limits.body_max * BODY_DISCARD_FACTOR;
}

static bool request_announces_too_much(const HttpRequest *r) {
        const char *length = http_request_header(r, "Content-Length");
        uint64_t n;

        return length && string_to_uint64(length, &n) >= 0 && n > body_discard_max(r->connection->server);
}

static int request_new(HttpConnection *c, const char *url, const char *method, const char *version) {
        HttpRequest *r;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;

        r->connection = c;
        r->body = BUFFER_SECRET; /* MHD's own memory, where it came by, is not ours to overwrite */
        r->method = method;
        r->http_1_0 = string_equal(version, "HTTP/1.0");
        c->request = r;
        if (request_take_target(r, url) < 0)
                return -ENOMEM;
        /* MHD puts the version right behind the target's end. */
        if (c->malformed || url + c->uri_size + 1 != version || r->path[0] != '/')
                r->fault = "The path or the query holds a broken percent escape or a NUL";
        return 0;
}

static int request_collect(HttpRequest *r, const char *data, size_t size) {
        const HttpServer *s = r->connection->server;

        r->received += size;
        if (r->received > body_discard_max(s))
                return -E2BIG;

        r->too_large |= r->received > s->limits.body_max;
        if (!r->too_large && !r->refused)
                r->refused = http_share_take(r->connection->share, HTTP_BODY_BYTES, size) < 0;
        if (r->too_large || r->refused) {
                request_uncount(r);
                buffer_done(&r->body);
                return 0;
        }
        r->counted += size;
        return buffer_append(&r->body, data, size);
}

/* The handler may answer at once, which frees the request. */
static void request_handle(HttpRequest *r) {
        HttpServer *s = r->connection->server;
        usec_t begin = clock_monotonic_usec();

        r->dispatched = true;
        s->on_request(r, s->userdata);
        http_queue_spend(s, begin);
}

static void request_dispatch(HttpRequest *r) {
        HttpConnection *c = r->connection;

        http_connection_set_deadline(c, HTTP_DEADLINE_NONE);
        if (http_queue_is_due(c, HTTP_WORK_REQUEST)) {
                http_connection_set_timeout(c, HTTP_TIMEOUT_IDLE_APART);
                http_queue_add(c, HTTP_WORK_REQUEST);
                return;
        }
        request_handle(r);
        if (!c->request)
                return;

        http_connection_set_timeout(c, HTTP_TIMEOUT_IDLE_APART);
        http_connection_suspend(c);
}

/* The connection is suspended, which it stays until the answer comes. */
void http_request_serve(HttpRequest *r) {
        HttpConnection *c = r->connection;

        if (!http_request_is_abandoned(r)) {
                request_handle(r);
                return;
        }
        http_request_free(r);
        c->aborted = true;
        http_connection_resume(c);
}

static enum MHD_Result connection_begin(HttpConnection *c, const char *url, const char *method,
                                        const char *version) {
        const char *framing;

        c->begun = c->busy = true;
        if (c->own_timeout)
                http_connection_set_timeout(c, HTTP_TIMEOUT_IDLE);

        if (request_new(c, url, method, version) < 0)
                return MHD_NO;
        http_connection_set_deadline(c, HTTP_DEADLINE_REQUEST);
        framing = http_framing_fault(c->request);
        if (framing)
                c->request->fault = framing;
        c->request->too_large = !framing && request_announces_too_much(c->request);
        if (framing || c->request->too_large)
                request_dispatch(c->request);
        return c->aborted ? MHD_NO : MHD_YES;
}

/* MHD_NO cuts the connection. */
enum MHD_Result http_request_on_access(void *userdata _unused_, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version, const char *data,
                                       size_t *data_size, void **con_cls) {
        HttpConnection *c = http_connection_of(mhd);

        c->server->n_fruitless = 0;
        if (c->aborted)
                return MHD_NO;
        if (!*con_cls) {
                *con_cls = c;
                return connection_begin(c, url, method, version);
        }
        if (!c->request)
                return MHD_NO;

        if (*data_size > 0) {
                if (request_collect(c->request, data, *data_size) < 0)
                        return MHD_NO;
                *data_size = 0;
                return MHD_YES;
        }

        request_dispatch(c->request);
        return c->aborted ? MHD_NO : MHD_YES;
}

/* Who was given the request still holds it, and will answer: that must find something. */
static void request_orphan(HttpRequest *r) {
        request_uncount(r);
        r->connection->request = NULL;
        r->connection = NULL;
        r->method = "";
        r->path = "/";
}

void http_request_on_completed(HttpConnection *c) {
        c->server->n_fruitless = 0;
        c->busy = false;
        http_room_give(c);
        http_queue_remove(c);
        http_connection_set_deadline(c, HTTP_DEADLINE_NEXT_REQUEST);
        if (c->own_timeout)
                http_connection_set_timeout(c, HTTP_TIMEOUT_IDLE_APART);

        if (c->request && c->request->dispatched)
                request_orphan(c->request);
        else
                http_request_free(c->request);
}

/* --- getters --- */

const char *http_request_method(const HttpRequest *r) {
        return r->method;
}

const char *http_request_path(const HttpRequest *r) {
        return r->path;
}

typedef struct QuerySearch {
        const char *name, *value;
} QuerySearch;

static enum MHD_Result query_compare(void *userdata, enum MHD_ValueKind kind _unused_, const char *name,
                                     const char *value) {
        QuerySearch *search = userdata;

        if (!string_equal(name, search->name))
                return MHD_YES;
        search->value = value ?: "";
        return MHD_NO;
}

/* MHD's own look-up would not tell "After" from "after". */
const char *http_request_query(const HttpRequest *r, const char *name) {
        QuerySearch search = { .name = name };

        if (r->connection)
                MHD_get_connection_values(r->connection->mhd, MHD_GET_ARGUMENT_KIND, query_compare, &search);
        return search.value;
}

const char *http_request_header(const HttpRequest *r, const char *name) {
        return r->connection ? MHD_lookup_connection_value(r->connection->mhd, MHD_HEADER_KIND, name) : NULL;
}

const char *http_request_body(const HttpRequest *r, size_t *ret_size) {
        *ret_size = r->body.size;
        return r->body.data ?: "";
}

bool http_request_body_is_too_large(const HttpRequest *r) {
        return r->too_large;
}

bool http_request_body_is_refused(const HttpRequest *r) {
        return r->refused;
}

const char *http_request_fault(const HttpRequest *r) {
        return r->fault;
}

const char *http_request_host(const HttpRequest *r) {
        return r->authority ?: http_request_header(r, "Host");
}

bool http_request_is_abandoned(const HttpRequest *r) {
        struct pollfd peer = { .fd = r->connection ? r->connection->fd : -EBADF };

        return !r->connection || (poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLERR)));
}

HttpPeer http_request_peer(const HttpRequest *r) {
        return r->connection ? r->connection->peer : (HttpPeer){};
}

bool http_request_is_tls(const HttpRequest *r) {
        return r->connection && r->connection->server->is_tls;
}

void http_request_set_userdata(HttpRequest *r, void *userdata) {
        r->userdata = userdata;
}

void *http_request_userdata(const HttpRequest *r) {
        return r->userdata;
}

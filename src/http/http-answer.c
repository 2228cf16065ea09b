/* The answer to a request: its headers and body; and HttpAnswer, one that is given again (see http-answer.h). Streams
 * are in http-stream.c. */
#include "http-internal.h"

#include <remote-developer/http-answer.h>
#include <remote-developer/strings.h>

#include <string.h>
#include <strings.h>

/* --- headers --- */

/* What only the server can know; MHD would refuse them at a time when nobody can be told any more. */
static bool header_is_reserved(const char *name) {
        static const char *const names[] = { "Connection", "Content-Length", "Transfer-Encoding" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcasecmp(name, names[i]) == 0)
                        return true;
        return false;
}

static char **find_value(const HttpRequest *r, const char *name) {
        for (char **h = r->headers; h && *h; h += 2)
                if (strcasecmp(h[0], name) == 0)
                        return h + 1;
        return NULL;
}

int http_request_add_header(HttpRequest *r, const char *name, const char *value) {
        char **old;
        int error;

        if (!*name || strpbrk(name, " \t\r\n:") || !*value || strpbrk(value, "\r\n") || header_is_reserved(name))
                return -EINVAL;
        old = find_value(r, name);
        if (old)
                return string_replace(old, value);

        error = strv_append(&r->headers, name);
        if (error < 0)
                return error;
        error = strv_append(&r->headers, value);
        if (error < 0) {
                size_t last = strv_length(r->headers) - 1;

                free(r->headers[last]);
                r->headers[last] = NULL;
        }
        return error;
}

void http_request_set_defaults(HttpRequest *r, const HttpHeader *headers) {
        r->defaults = headers;
}

static bool response_add_headers(struct MHD_Response *response, const HttpRequest *r, const char *content_type) {
        if (content_type && MHD_add_response_header(response, "Content-Type", content_type) != MHD_YES)
                return false;
        if (r->connection->server->draining && MHD_add_response_header(response, "Connection", "close") != MHD_YES)
                return false;
        for (char **h = r->headers; h && *h; h += 2)
                if (MHD_add_response_header(response, h[0], h[1]) != MHD_YES)
                        return false;
        for (const HttpHeader *h = r->defaults; h && h->name; h++)
                if (!find_value(r, h->name) && MHD_add_response_header(response, h->name, h->value) != MHD_YES)
                        return false;
        return true;
}

/* --- the answer --- */

/* NULL: there is no memory for it. */
static int queue(HttpRequest *r, unsigned status, struct MHD_Response *response) {
        HttpConnection *c = r->connection;
        int ret = 0;

        if (!c || c->server->stopping)
                ret = -ESHUTDOWN;
        else if (!response)
                ret = -ENOMEM;
        else if (MHD_queue_response(c->mhd, status, response) != MHD_YES)
                ret = -EINVAL;
        http_request_free(r);

        if (c) {
                c->aborted = ret < 0;
                http_connection_resume(c);
        }
        return ret;
}

static bool dress(const HttpRequest *r, struct MHD_Response *response, const char *content_type) {
        return r->connection && !r->connection->server->stopping && response &&
               response_add_headers(response, r, content_type);
}

int http_request_answer(HttpRequest *r, unsigned status, const char *content_type, struct MHD_Response *response) {
        int ret = queue(r, status, dress(r, response, content_type) ? response : NULL);

        /* Ours; MHD holds another. The last one to go ends a stream. */
        if (response)
                MHD_destroy_response(response);
        return ret;
}

/* Takes the data. NULL: there is no memory for it. */
static struct MHD_Response *response_new(const HttpRequest *r, Buffer *body) {
        size_t size = body ? body->size : 0;
        char *data = body ? buffer_take(body) : NULL;
        struct MHD_Response *response;

        if (!data)
                return MHD_create_response_from_buffer(0, (char[]){ "" }, MHD_RESPMEM_PERSISTENT);
        if (r->connection && r->connection->server->is_tls)
                response = http_records_new(r->connection->server, data, size);
        else
                response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
        if (!response)
                free(data);
        return response;
}

/* Before it is queued: it may be sent, and over, at once. */
static void begin_answer(const HttpRequest *r) {
        if (r->connection)
                http_connection_set_deadline(r->connection, HTTP_DEADLINE_ANSWER);
}

/* There is no room for the answer; its own headers go with it. */
static struct MHD_Response *response_new_refusal(HttpRequest *r) {
        static char sentence[] = "{\"error\":\"Too much is being sent to you or others at the moment, and not taken; "
                                 "try again later\",\"status\":503}\n";

        r->headers = strv_free(r->headers);
        if (http_request_add_header(r, "Retry-After", "5") < 0)
                return NULL;
        return MHD_create_response_from_buffer(strlen(sentence), sentence, MHD_RESPMEM_PERSISTENT);
}

void http_request_reply(HttpRequest *r, unsigned status, const char *content_type, Buffer *body) {
        struct MHD_Response *response;

        if (body && r->connection && http_room_take(r->connection, body->size) < 0) {
                buffer_done(body);
                response = response_new_refusal(r);
                status = 503;
                content_type = "application/json";
        } else
                response = response_new(r, body);
        begin_answer(r);
        http_request_answer(r, status, content_type, response);
}

/* --- that is given again --- */

struct HttpAnswer {
        const HttpServer *server; /* whose requests it is for */
        struct MHD_Response *response; /* a reference */
        unsigned status;
};

HttpAnswer *http_answer_free(HttpAnswer *a) {
        if (!a)
                return NULL;
        MHD_destroy_response(a->response);
        free(a);
        return NULL;
}

/* "Connection: close" is not for those who come after, and a header of one request is not for another. */
static bool is_for_all(const HttpRequest *r) {
        return r->connection && !r->connection->server->draining && !r->headers;
}

void http_answer_keep(HttpRequest *r, unsigned status, const char *content_type, Buffer *body, HttpAnswer **ret) {
        struct MHD_Response *response;
        HttpAnswer *kept;
        bool dressed;

        *ret = NULL;
        /* Nobody would know whose bytes they are. */
        if (body && body->size > HTTP_ROOM_FREE) {
                http_request_reply(r, status, content_type, body);
                return;
        }
        response = response_new(r, body);
        dressed = dress(r, response, content_type);
        kept = dressed && is_for_all(r) ? malloc(sizeof(HttpAnswer)) : NULL;
        begin_answer(r);
        if (kept)
                *kept = (HttpAnswer){ .server = r->connection->server, .response = response, .status = status };
        (void) queue(r, status, dressed ? response : NULL);
        if (response && !kept)
                MHD_destroy_response(response);
        *ret = kept;
}

bool http_answer_again(const HttpAnswer *a, HttpRequest *r) {
        if (!is_for_all(r) || r->connection->server != a->server)
                return false;
        begin_answer(r);
        (void) queue(r, a->status, a->response);
        return true;
}

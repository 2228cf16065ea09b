/* HttpRequest: one request, whole, and its answer. Made by an HttpServer; valid until it is answered, which happens
 * exactly once, at once or later from anywhere in the loop, by http_request_reply() or http_request_reply_stream().
 * All that is returned is borrowed and valid until then.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/http-peer.h>
#include <remote-developer/http-stream.h>

typedef struct HttpRequest HttpRequest;

const char *http_request_method(const HttpRequest *r);
const char *http_request_path(const HttpRequest *r); /* percent-decoded once; without the query; starts with '/' */
const char *http_request_query(const HttpRequest *r, const char *name);  /* NULL: not there; "" without value */
const char *http_request_header(const HttpRequest *r, const char *name); /* names compared without case */
const char *http_request_body(const HttpRequest *r, size_t *ret_size);   /* never NULL */

/* The body was longer than `body_max` and has been thrown away; the reply should be 413. */
bool http_request_body_is_too_large(const HttpRequest *r);

/* There was no room for the body beside those of others, and it has been thrown away; the reply should be 503. */
bool http_request_body_is_refused(const HttpRequest *r);

/* Why the reply should be 400, a sentence; NULL: it need not. The path or the query held a NUL or a broken percent
 * escape, or the path does not start with '/', and what could not be decoded is as it was sent; or the header leaves
 * in doubt where the request ends or to whom it goes, and the body was not read. */
const char *http_request_fault(const HttpRequest *r);

/* To whom it goes: the Host, or what the target says in its place ("http://HOST/path"). NULL: HTTP/1.0 without any. */
const char *http_request_host(const HttpRequest *r);

/* Who asks. */
HttpPeer http_request_peer(const HttpRequest *r);

/* It came from elsewhere, encrypted. */
bool http_request_is_tls(const HttpRequest *r);

/* Nobody is there to read an answer: what would take long need not be begun. A peer over TCP that has only closed its
 * sending side may still read. */
bool http_request_is_abandoned(const HttpRequest *r);

/* For the handler's own use, NULL at first. */
void http_request_set_userdata(HttpRequest *r, void *userdata);
void *http_request_userdata(const HttpRequest *r);

/* To be called before the reply; a name that was given before has the new value. 0 or -ENOMEM, -EINVAL for a value
 * that is empty or has a line break, and for Connection, Content-Length and Transfer-Encoding, which are the server's
 * own. */
int http_request_add_header(HttpRequest *r, const char *name, const char *value);

typedef struct HttpHeader {
        const char *name, *value;
} HttpHeader;

/* What the answer has besides, unless the same name was added; borrowed until the reply, ended by a name of NULL. For
 * headers of every answer, which this way cost nothing but being sent. */
void http_request_set_defaults(HttpRequest *r, const HttpHeader *headers);

/* Answers; takes the bytes out of `body` (NULL: no body). HEAD gets the headers alone. Should memory be short the
 * connection is closed; should the quota of answers have no room (http-server.h), a 503 is given in its place. The
 * request is gone afterwards. */
void http_request_reply(HttpRequest *r, unsigned status, const char *content_type, Buffer *body);

/* Answers with a stream of unknown length. The request is gone afterwards; `*ret_stream` (may be NULL) is valid
 * until `closed` was called. `fill` is never called from inside http_request_reply_stream() or http_stream_wake(). On
 * error `closed` has been called, and the connection is cut. */
int http_request_reply_stream(HttpRequest *r,
                unsigned status,
                const char *content_type,
                const HttpStreamSource *source,
                void *userdata,
                HttpStream **ret_stream);

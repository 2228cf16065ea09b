/* Whether a request's header leaves no doubt where it ends and to whom it goes. A program in front of us may read a
 * doubtful one otherwise than MHD does, and take the rest of it for another client's request, or check another Host
 * than we do. Such a request is answered 400, unread, and its connection closed. */
#include "http-internal.h"

#include <remote-developer/strings.h>

#include <string.h>
#include <strings.h>

#define FIELDS_MAX 100

/* Which may stand in a header once: whoever checks one of two may check the wrong one. */
static const char *const single[] = {
        "Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Authorization", "Origin", "Sec-Fetch-Site",
        "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Last-Event-ID",
};

/* What was found so far. */
typedef struct Header {
        unsigned n, times[ELEMENTSOF(single)];
        bool is_odd;
} Header;

/* The characters of a token (RFC 9110): a name with a blank behind it is another name to some. */
static bool is_name(const char *s) {
        static const char others[] = "!#$%&'*+-.^_`|~";

        for (const char *p = s; *p; p++)
                if (!((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
                      strchr(others, *p)))
                        return false;
        return *s;
}

/* A NUL cannot be seen here: MHD takes it for the value's end. */
static bool is_value(const char *s) {
        for (; *s; s++)
                if ((unsigned char) *s < ' ' && *s != '\t')
                        return false;
        return true;
}

static enum MHD_Result look_at_field(void *userdata, enum MHD_ValueKind kind _unused_, const char *name,
                                     const char *value) {
        Header *h = userdata;

        h->n++;
        h->is_odd |= !is_name(name) || !is_value(value ?: "");
        for (size_t i = 0; i < ELEMENTSOF(single); i++)
                h->times[i] += strcasecmp(name, single[i]) == 0;
        return MHD_YES;
}

static const char *length_fault(const HttpRequest *r) {
        const char *length = http_request_header(r, "Content-Length");
        const char *encoding = http_request_header(r, "Transfer-Encoding");

        if (length && encoding)
                return "The request has a Content-Length and a Transfer-Encoding";
        if (encoding && (r->http_1_0 || strcasecmp(encoding, "chunked") != 0))
                return "The only Transfer-Encoding of a request is chunked, over HTTP/1.1";
        if (length && (!*length || length[strspn(length, "0123456789")]))
                return "The Content-Length of a request is a number";
        return NULL;
}

const char *http_framing_fault(const HttpRequest *r) {
        Header h = {};

        MHD_get_connection_values(r->connection->mhd, MHD_HEADER_KIND, look_at_field, &h);
        if (h.n > FIELDS_MAX)
                return "The header has more than 100 fields";
        if (h.is_odd)
                return "The header has a field whose name or value no HTTP field has";
        for (size_t i = 0; i < ELEMENTSOF(single); i++)
                if (h.times[i] > 1)
                        return "The header has a field twice that may stand there once";
        if (h.times[0] == 0 && !r->http_1_0)
                return "The header has no Host";
        return length_fault(r);
}

/* GET /: the page, a client of the API like any other. It is one file, which the build puts in here (page.html). */
#include "api-internal.h"

#include "page-data.h"

/* What may not be fetched need not be trusted: no other origin, no frame around it, nothing that is not in the file.
 * The file itself is nobody's secret, and may be kept if it is asked for again. */
static const HttpHeader headers[] = {
        { "Content-Security-Policy", PAGE_POLICY },
        { "Cache-Control", "no-cache" },
};

void api_get_page(Api *a _unused_, HttpRequest *r, const char *parameter _unused_) {
        _cleanup_(buffer_done) Buffer body = BUFFER_NULL;
        int e = buffer_append(&body, page_html, sizeof(page_html));

        for (size_t i = 0; e >= 0 && i < ELEMENTSOF(headers); i++)
                e = http_request_add_header(r, headers[i].name, headers[i].value);
        if (e < 0)
                reply_errno(r, e);
        else
                http_request_reply(r, 200, "text/html; charset=utf-8", &body);
}

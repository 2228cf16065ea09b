/* LogPlace: how many logs are being streamed and downloaded, in all and for one caller. Each has a reader of its own,
 * so that there is a bound to them beside that of connections; a caller may have half of them, so that one who opens
 * all it can leaves something to others. Whoever may not read any more loses the place. */
#include "api-internal.h"

#include <remote-developer/strings.h>

static unsigned count_places(const Api *a, const char *actor) {
        const LogPlace *p;
        unsigned n = 0;

        LIST_FOREACH(p, &a->places, list)
                n += !actor || string_equal(p->caller.actor, actor);
        return n;
}

static bool refuse(HttpRequest *r, unsigned status, const char *whose, unsigned n) {
        (void) http_request_add_header(r, "Retry-After", "5");
        reply_error(r, status, NULL,
                    "%s %u logs are being streamed or downloaded at once (connection.max_streams); end some, or try "
                    "again later", whose, n);
        return false;
}

bool log_place_take(Api *a, HttpRequest *r, HttpStream *const *stream, LogPlace *p) {
        unsigned max = manager_config(a->manager)->max_streams, own = max / 2;
        const char *actor = a->caller->actor;

        if (count_places(a, actor) >= own)
                return refuse(r, 429, "For you", own);
        if (count_places(a, NULL) >= max)
                return refuse(r, 503, "In all", max);
        p->caller = *a->caller;
        p->stream = stream;
        p->is_taken = true;
        LIST_INSERT_HEAD(&a->places, p, list);
        return true;
}

void log_place_leave(LogPlace *p) {
        if (p->is_taken)
                LIST_REMOVE(p, list);
        p->is_taken = false;
}

static bool is_same(const Caller *a, const Caller *b) {
        return a && string_equal(a->actor, b->actor) && string_equal(a->token, b->token);
}

/* One caller's places mostly lie together, and what is asked for each is the file of tokens. */
void api_review_callers(Api *a) {
        const Caller *last = NULL;
        bool admitted = true;
        LogPlace *p;

        LIST_FOREACH(p, &a->places, list) {
                if (!is_same(last, &p->caller))
                        admitted = access_still_admits(a->access, &p->caller, ACCESS_READ);
                last = &p->caller;
                if (p->is_lost || admitted)
                        continue;
                p->is_lost = true;
                if (*p->stream)
                        http_stream_wake(*p->stream);
        }
}

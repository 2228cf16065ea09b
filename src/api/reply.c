/* Replies: JSON, and problems as {"error", "status", "field"}. One table turns an errno into a status. */
#include "api-internal.h"

#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>

static const struct {
        int error;
        unsigned status;
} statuses[] = {
        { -EINVAL, 400 },   { -E2BIG, 400 },   { -ENOENT, 404 }, { -EALREADY, 409 }, { -EBUSY, 409 },
        { -ENOTCONN, 503 }, { -ENOSPC, 507 },  { -EDQUOT, 507 }, { -EROFS, 503 },    { -EMFILE, 503 },
        { -ENFILE, 503 },   { -ENOMEM, 503 },  { -EACCES, 503 },
};

static unsigned status_of(int error) {
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (statuses[i].error == error)
                        return statuses[i].status;
        return 500;
}

void reply_json(HttpRequest *r, unsigned status, Json *body) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_json_ _unused_ Json *owned = body;

        if (!body || json_append(body, &b) < 0 || buffer_append(&b, "\n", 1) < 0)
                status = 503;
        http_request_reply(r, status, "application/json", &b);
}

static int fill_error(Json *body, unsigned status, const char *field, const char *sentence) {
        int r;

        r = json_set_string(body, "error", sentence);
        if (r >= 0)
                r = json_set_uint64(body, "status", status);
        if (r >= 0 && field)
                r = json_set_string(body, "field", field);
        return r;
}

static void send_error(HttpRequest *r, unsigned status, const char *field, const char *sentence) {
        Json *body = json_new_object();

        if (body && fill_error(body, status, field, sentence) < 0)
                body = json_free(body);
        reply_json(r, status, body);
}

void reply_error(HttpRequest *r, unsigned status, const char *field, const char *format, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&sentence, format, ap);
        va_end(ap);
        send_error(r, status, field, n < 0 ? "Out of memory" : sentence);
}

void reply_problem(HttpRequest *r, const Problem *problem) {
        send_error(r, status_of(problem->error), problem->field, problem_sentence(problem));
}

void reply_not_found(HttpRequest *r) {
        send_error(r, 404, NULL, "Task not found");
}

void reply_errno(HttpRequest *r, int error) {
        if (error == -ENOENT)
                reply_not_found(r);
        else if (error == -EBADMSG)
                send_error(r, status_of(error), NULL, "What is stored of the task is damaged");
        else
                send_error(r, status_of(error), NULL, strerror(-error));
}

bool query_number(HttpRequest *r, const char *name, uint64_t fallback, uint64_t max, uint64_t *ret) {
        const char *text = http_request_query(r, name);

        *ret = fallback;
        if (!text)
                return true;
        if (string_to_uint64(text, ret) >= 0 && *ret <= max)
                return true;
        reply_error(r, 400, name, "%s must be a whole number up to %llu", name, (unsigned long long) max);
        return false;
}

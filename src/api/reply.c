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
        { -ENFILE, 503 },   { -ENOMEM, 503 },  { -EACCES, 503 },   { -EAGAIN, 503 },
};

static unsigned status_of(int error) {
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (statuses[i].error == error)
                        return statuses[i].status;
        return 500;
}

bool reply_write(const Json *body, Buffer *to) {
        return body && json_append(body, to) >= 0 && buffer_append(to, "\n", 1) >= 0;
}

void reply_json(HttpRequest *r, unsigned status, Json *body) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_json_ _unused_ Json *owned = body;

        if (!reply_write(body, &b))
                status = 503;
        http_request_reply(r, status, "application/json", &b);
}

static int fill_error(Json *body, unsigned status, const char *sentence, const Problem *problem) {
        int r;

        r = json_set_string(body, "error", sentence);
        if (r >= 0)
                r = json_set_uint64(body, "status", status);
        if (r >= 0 && problem && problem->field)
                r = json_set_string(body, "field", problem->field);
        if (r >= 0 && problem && problem->task_id)
                r = json_set_string(body, "task_id", problem->task_id);
        return r;
}

static void send_error(HttpRequest *r, unsigned status, const char *sentence, const Problem *problem) {
        Json *body = json_new_object();

        if (body && fill_error(body, status, sentence, problem) < 0)
                body = json_free(body);
        reply_json(r, status, body);
}

void reply_error(HttpRequest *r, unsigned status, const char *field, const char *format, ...) {
        const Problem problem = { .field = (char *) field };
        _cleanup_free_ char *sentence = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&sentence, format, ap);
        va_end(ap);
        send_error(r, status, n < 0 ? "Out of memory" : sentence, &problem);
}

void reply_problem(HttpRequest *r, const Problem *problem) {
        unsigned status = status_of(problem->error);

        if (status == 503)
                (void) http_request_add_header(r, "Retry-After", "5");
        send_error(r, status, problem_sentence(problem), problem);
}

void reply_not_found(HttpRequest *r) {
        send_error(r, 404, "Task not found", NULL);
}

void reply_errno(HttpRequest *r, int error) {
        if (error == -ENOENT)
                reply_not_found(r);
        else if (error == -EBADMSG)
                send_error(r, status_of(error), "What is stored of the task is damaged", NULL);
        else
                send_error(r, status_of(error), strerror(-error), NULL);
}

int request_json(const HttpRequest *r, Json **ret, Problem *problem) {
        size_t size;
        const char *body = http_request_body(r, &size);
        int e = size > 0 ? json_parse(body, size, ret, problem) : 0;

        return e < 0 ? e : size > 0;
}

Json *text_to_json(const char *text, size_t size, size_t max) {
        static const char more[] = "…";
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        if (size <= max)
                return json_new_text(text ?: "", size);
        if (buffer_append(&b, text, string_cut_size(text, size, max - strlen(more))) < 0 ||
            buffer_append_string(&b, more) < 0)
                return NULL;
        return json_new_text(b.data, b.size);
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

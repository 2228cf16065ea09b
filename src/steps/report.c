/* Report: see report.h. */
#include "report.h"

#include <remote-developer/files.h>
#include <remote-developer/mask.h>

#define REPORT_MODE 0640

static int mask(Buffer *data) {
        _cleanup_(mask_freep) Mask *m = NULL;
        Buffer masked = BUFFER_NULL;
        int r = mask_of_credentials(&m);

        if (r < 0 || !m)
                return r;
        r = mask_apply(m, data->data, data->size, &masked);
        if (r < 0) {
                buffer_done(&masked);
                return r;
        }
        buffer_done(data);
        *data = masked;
        return 0;
}

int report_write_bytes(Step *s, const char *name, Buffer *data) {
        _cleanup_free_ char *path = workspace_reports(s->root, s->task);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!path)
                return -ENOMEM;
        fd = step_open_directory(s, path);
        if (fd < 0)
                return fd;
        r = mask(data);
        if (r >= 0)
                r = file_write_durable(fd, name, data->data, data->size, REPORT_MODE);
        return r < 0 ? step_fail(s, r, path) : 0;
}

static int write_object(Step *s, const char *name, const Json *report) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = json_append(report, &text);

        if (r >= 0)
                r = buffer_append_string(&text, "\n");
        return r < 0 ? r : report_write_bytes(s, name, &text);
}

/* It is not the machine's, the network's or the remote's fault. */
static bool is_refusal(const Step *s, int r) {
        static const int errors[] = { -ENODATA, -EPERM, -EINVAL };

        for (size_t i = 0; r < 0 && i < ELEMENTSOF(errors); i++)
                if (s->problem.error == errors[i])
                        return true;
        return r == EXIT_NOTHING;
}

int report_write(Step *s, const char *name, int r, Json *more) {
        _cleanup_json_ Json *report = more ?: json_new_object();
        bool ok = r == 0;
        int q;

        if (!report)
                return -ENOMEM;
        if (r < 0 && s->problem.error == 0)
                (void) step_fail(s, r, name);
        q = json_set_bool(report, "ok", ok);
        if (q >= 0)
                q = json_set_bool(report, "refused", is_refusal(s, r));
        if (q >= 0)
                q = json_set_string(report, "operation", s->operation);
        if (q >= 0)
                q = json_set_string(report, "error", ok || !s->problem.error ? NULL : problem_sentence(&s->problem));
        if (q >= 0)
                q = write_object(s, name, report);
        return q < 0 ? q : r;
}

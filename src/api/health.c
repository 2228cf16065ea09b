/* How the service itself is. */
#include "api-internal.h"

#include <remote-developer/version.h>

/* Below this much room new tasks are soon refused. */
#define STATE_FREE_BYTES_LOW (16ULL * 1024 * 1024)

static const char journal_advice[] =
        "this user may not read the journal: make it persistent (mkdir /var/log/journal) or join systemd-journal";

static const char *find_cause(const ManagerHealth *h) {
        if (!h->systemd_connected)
                return h->systemd_cause;
        if (!h->journal_readable)
                return journal_advice;
        if (h->state_read_only)
                return "the state directory is read-only";
        if (h->state_free_bytes < STATE_FREE_BYTES_LOW)
                return "the state directory's disk is full";
        return NULL;
}

static int fill_health(const ManagerHealth *h, const TaskIndex *index, const char *cause, Json *body) {
        int e;

        e = json_set_string(body, "status", cause ? "degraded" : "ok");
        if (e >= 0)
                e = json_set_string(body, "error", cause);
        if (e >= 0)
                e = json_set_string(body, "version", REMOTE_DEVELOPER_VERSION);
        if (e >= 0)
                e = json_set_bool(body, "systemd_connected", h->systemd_connected);
        if (e >= 0)
                e = json_set_bool(body, "journal_readable", h->journal_readable);
        if (e >= 0)
                e = json_set_bool(body, "journal_persistent", h->journal_persistent);
        if (e >= 0)
                e = json_set_uint64(body, "disk_free_bytes", h->state_free_bytes);
        if (e >= 0)
                e = json_set_uint64(body, "broken_files", h->broken_files);
        if (e >= 0)
                e = json_set_uint64(body, "tasks", index->n);
        return e;
}

void api_get_health(Api *a, HttpRequest *r, const char *parameter _unused_) {
        _cleanup_json_ Json *body = json_new_object();
        const char *cause;
        ManagerHealth h;
        int e;

        manager_health(a->manager, &h);
        cause = find_cause(&h);
        e = body ? fill_health(&h, manager_index(a->manager), cause, body) : -ENOMEM;
        if (e < 0)
                reply_errno(r, e);
        else
                reply_json(r, cause ? 503 : 200, TAKE_PTR(body));
}

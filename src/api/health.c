/* How the service itself is.
 *
 * A look opens the journal, asks the disk, and reads what lies in the state directory: a monitor, or a page in many
 * windows, asks far more often than anything of that changes. So the answer is kept, one for those who may look at
 * tasks and one for strangers, and given again until it is a second old or what is known without looking is another.
 */
#include "api-internal.h"

#include <remote-developer/doctor.h>
#include <remote-developer/version.h>

#include <stdio.h>
#include <string.h>

/* Below this much room new tasks are soon refused. */
#define STATE_FREE_BYTES_LOW (16ULL * 1024 * 1024)

#define CAUSE_SIZE 1024

/* As README.md promises. */
#define BELIEVED_USEC USEC_PER_SEC

static const char journal_advice[] =
        "this user may not read the journal: make it persistent (mkdir /var/log/journal) or join systemd-journal";

static const char *find_state_cause(const ManagerHealth *h) {
        if (h->state_read_only)
                return "is read-only";
        if (h->state_free_bytes < STATE_FREE_BYTES_LOW)
                return "has hardly any room left";
        return h->write_error < 0 ? "cannot be written" : NULL;
}

static const char *find_cause(const ManagerHealth *h, char buffer[static CAUSE_SIZE]) {
        const char *what = find_state_cause(h);

        if (!h->systemd_connected)
                return h->systemd_cause;
        if (!what)
                return h->journal_readable ? NULL : journal_advice;
        snprintf(buffer, CAUSE_SIZE, "the state directory %s %s%s%s", h->state_directory, what,
                 h->write_error < 0 ? ": " : "", h->write_error < 0 ? strerror(-h->write_error) : "");
        return buffer;
}

static Json *name_strays(const Strays *s) {
        _cleanup_json_ Json *names = json_new_array();

        for (size_t i = 0; names && i < MIN_OF(s->n, STRAYS_NAMED); i++)
                if (json_push(names, json_new_string(s->names[i])) < 0)
                        return NULL;
        return TAKE_PTR(names);
}

/* They do not make the service any worse; somebody should look at them all the same. */
static int fill_strays(const ManagerHealth *h, Json *body) {
        int e;

        e = json_set_uint64(body, "broken_files", h->aside->n + h->refused->n);
        if (e >= 0)
                e = json_set(body, "files_set_aside", name_strays(h->aside));
        if (e >= 0)
                e = json_set(body, "files_refused", name_strays(h->refused));
        return e;
}

/* Those of the last look; the next one is begun where that was long ago. They do not make the service any worse. */
static int fill_findings(Api *a, Json *body) {
        static const FindingList none;
        Json *array;
        int e;

        if (a->doctor)
                doctor_look_again(a->doctor);
        e = finding_list_to_json(a->doctor ? doctor_findings(a->doctor) : &none, &array);
        return e < 0 ? e : json_set(body, "findings", array);
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
                e = json_set_string(body, "state_directory", h->state_directory);
        if (e >= 0)
                e = json_set_bool(body, "state_writable", !h->state_read_only && h->write_error == 0);
        if (e >= 0)
                e = json_set_uint64(body, "disk_free_bytes", h->state_free_bytes);
        if (e >= 0)
                e = fill_strays(h, body);
        if (e >= 0)
                e = json_set_uint64(body, "tasks", index->n);
        return e;
}

/* A monitor needs no more, and anybody may know it: what is wrong, where things are and what is run are for those who
 * may look at tasks. Nor does a stranger set the Doctor to work. */
static int fill_for_strangers(const char *cause, Json *body) {
        return json_set_string(body, "status", cause ? "degraded" : "ok");
}

static int make_body(Api *a, const ManagerHealth *h, const char *cause, bool for_strangers, Buffer *to) {
        _cleanup_json_ Json *body = json_new_object();
        int e;

        if (!body)
                return -ENOMEM;
        e = for_strangers ? fill_for_strangers(cause, body) : fill_health(h, manager_index(a->manager), cause, body);
        if (e >= 0 && !for_strangers)
                e = json_set_string(body, "tokens_error", access_token_fault(a->access));
        if (e >= 0 && !for_strangers)
                e = fill_findings(a, body);
        if (e < 0)
                return e;
        return reply_write(body, to) ? 0 : -ENOMEM;
}

static int make_answer(Api *a, bool for_strangers, HealthAnswer *ret) {
        char buffer[CAUSE_SIZE];
        const char *cause;
        ManagerHealth h;
        int e;

        buffer_clear(&ret->body);
        ret->answer = http_answer_free(ret->answer);
        ret->made_usec = 0;
        manager_health(a->manager, &h);
        cause = find_cause(&h, buffer);
        e = make_body(a, &h, cause, for_strangers, &ret->body);
        if (e < 0)
                return e;
        ret->pulse = manager_pulse(a->manager);
        ret->status = cause ? 503 : 200;
        ret->made_usec = clock_monotonic_usec();
        return 0;
}

static bool is_believed(const Api *a, const HealthAnswer *answer) {
        ManagerPulse now = manager_pulse(a->manager), then = answer->pulse;

        return answer->made_usec > 0 && clock_monotonic_usec() - answer->made_usec < BELIEVED_USEC &&
               now.systemd_connected == then.systemd_connected && now.write_error == then.write_error &&
               now.tasks == then.tasks;
}

/* Over TLS, too, it is not found out anew for each who asks, though the answer that is kept is another server's. */
static int give(HealthAnswer *answer, HttpRequest *r) {
        _cleanup_(buffer_done) Buffer body = BUFFER_NULL;
        int e;

        if (answer->answer && http_answer_again(answer->answer, r))
                return 0;
        e = buffer_append(&body, answer->body.data, answer->body.size);
        if (e < 0)
                return e;
        if (answer->answer)
                http_request_reply(r, answer->status, "application/json", &body);
        else
                http_answer_keep(r, answer->status, "application/json", &body, &answer->answer);
        return 0;
}

void api_get_health(Api *a, HttpRequest *r, const char *parameter _unused_) {
        bool is_stranger = a->caller->scope < ACCESS_READ;
        HealthAnswer *answer = &a->health[is_stranger];
        int e;

        e = is_believed(a, answer) ? 0 : make_answer(a, is_stranger, answer);
        if (e >= 0)
                e = give(answer, r);
        if (e < 0)
                reply_errno(r, e);
}

void health_answers_done(Api *a) {
        for (size_t i = 0; i < ELEMENTSOF(a->health); i++) {
                http_answer_free(a->health[i].answer);
                buffer_done(&a->health[i].body);
        }
}

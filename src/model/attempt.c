/* Attempt: see attempt.h. */
#include <remote-developer/attempt.h>

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#define ATTEMPT_FIELD(name, kind, ...) { #name, kind, offsetof(Attempt, name), __VA_ARGS__ }

static const JsonField attempt_fields[] = {
        ATTEMPT_FIELD(attempt, JSON_INT, 0, NULL),
        ATTEMPT_FIELD(result, JSON_ENUM, 0, task_result_words),
        ATTEMPT_FIELD(reason, JSON_STRING, 0, NULL),
        ATTEMPT_FIELD(exit_code, JSON_INT, 0, NULL),
        ATTEMPT_FIELD(signal, JSON_STRING, 0, NULL),
        ATTEMPT_FIELD(error, JSON_STRING, 0, NULL),
        ATTEMPT_FIELD(started_at, JSON_TIME, 0, NULL),
        ATTEMPT_FIELD(finished_at, JSON_TIME, 0, NULL),
        ATTEMPT_FIELD(invocation_id, JSON_STRING, 0, NULL),
        ATTEMPT_FIELD(boot_id, JSON_STRING, 0, NULL),
        ATTEMPT_FIELD(log_lines, JSON_UINT64, 0, NULL),
        ATTEMPT_FIELD(log_bytes, JSON_UINT64, 0, NULL),
        ATTEMPT_FIELD(session_id, JSON_STRING, JSON_OMIT_UNSET, NULL),
        ATTEMPT_FIELD(session_lost, JSON_BOOL, JSON_OMIT_UNSET, NULL),
        ATTEMPT_FIELD(turns, JSON_UINT64, JSON_OMIT_UNSET, NULL),
        ATTEMPT_FIELD(tool_calls, JSON_UINT64, JSON_OMIT_UNSET, NULL),
        ATTEMPT_FIELD(files_edited, JSON_UINT64, JSON_OMIT_UNSET, NULL),
        ATTEMPT_FIELD(log_cursor, JSON_STRING, JSON_HIDDEN, NULL),
};

void attempt_done(Attempt *a) {
        free(a->reason);
        free(a->signal);
        free(a->error);
        free(a->invocation_id);
        free(a->boot_id);
        free(a->session_id);
        free(a->log_cursor);
        *a = (Attempt){};
}

void attempt_list_done(AttemptList *l) {
        for (size_t i = 0; i < l->n; i++)
                attempt_done(&l->items[i]);
        free(l->items);
        *l = (AttemptList){};
}

int attempt_list_add(AttemptList *l, Attempt *a) {
        Attempt *items;

        if (l->n >= ATTEMPTS_MAX - 1)
                return -E2BIG;
        items = reallocarray(l->items, l->n + 1, sizeof(Attempt));
        if (!items)
                return -ENOMEM;
        l->items = items;
        l->items[l->n++] = *a;
        *a = (Attempt){};
        return 0;
}

static int set_client_cursor(const Attempt *a, const char *task_id, Json *j) {
        char cursor[LOG_CURSOR_SIZE];
        int r;

        if (!a->log_cursor)
                return json_set(j, "log_cursor", NULL);
        r = log_cursor_encode(task_id, a->log_cursor, cursor);
        return r < 0 ? r : json_set_string(j, "log_cursor", cursor);
}

static int attempt_to_json(const Attempt *a, const char *task_id, bool for_disk, Json *array) {
        Json *j = json_new_object();
        int r;

        if (!j)
                return -ENOMEM;
        r = json_write_fields(j, attempt_fields, ELEMENTSOF(attempt_fields), for_disk, a);
        if (r >= 0 && !for_disk)
                r = set_client_cursor(a, task_id, j);
        if (r < 0) {
                json_free(j);
                return r;
        }
        return json_push(array, j);
}

int attempt_list_to_json(const AttemptList *l, const char *task_id, bool for_disk, Json **ret) {
        _cleanup_json_ Json *array = json_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < l->n; i++)
                r = attempt_to_json(&l->items[i], task_id, for_disk, array);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

/* `after`: the number of the attempt before it. */
static int attempt_from_json(const Json *j, int after, Attempt *ret, Problem *problem) {
        Attempt a = { .result = TASK_RESULT_NONE, .exit_code = -1 };
        int r;

        r = json_read_fields(j, attempt_fields, ELEMENTSOF(attempt_fields), false, &a, problem);
        if (r >= 0 && (a.attempt <= after || a.result == TASK_RESULT_NONE))
                r = problem_set(problem, -EBADMSG, "attempts", "what follows attempt %d is no ended attempt", after);
        if (r < 0) {
                attempt_done(&a);
                return r;
        }
        *ret = a;
        return 0;
}

int attempt_list_from_json(const Json *array, AttemptList *ret, Problem *problem) {
        _cleanup_(attempt_list_done) AttemptList l = {};
        int after = 0, r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(array); i++) {
                _cleanup_(attempt_done) Attempt a = {};

                r = attempt_from_json(json_at(array, i), after, &a, problem);
                after = a.attempt;
                if (r >= 0)
                        r = attempt_list_add(&l, &a);
        }
        if (r < 0)
                return r;
        *ret = l;
        l = (AttemptList){};
        return 0;
}

int attempt_list_invocations(const AttemptList *l, char ***ret) {
        _cleanup_strv_ char **v = calloc(l->n + 1, sizeof(char *));
        size_t n = 0;

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < l->n; i++) {
                if (!l->items[i].invocation_id)
                        continue;
                v[n] = strdup(l->items[i].invocation_id);
                if (!v[n++])
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

bool attempt_list_has_invocation(const AttemptList *l, const char *invocation_id) {
        for (size_t i = 0; i < l->n; i++)
                if (string_equal(l->items[i].invocation_id, invocation_id))
                        return true;
        return false;
}

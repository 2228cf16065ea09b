/* LaunchRequest: see launch-message.h.
 *
 * A task is not taken over as its document has it: the message has the fields of a request, which are read and checked
 * as if they came from a client, with root's own configuration; and beside them the few things that only the service
 * knows. */
#include "launch-message.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

#define SESSION_SIZE_MAX 256
#define NUMBER_SIZE_MAX 64

const char *const launch_verb_words[] = {
        [LAUNCH_START] = "start", [LAUNCH_OPERATE] = "operate", [LAUNCH_STOP] = "stop",
        [LAUNCH_KILL] = "kill",   [LAUNCH_RESET] = "reset",     [LAUNCH_PROBE] = "probe", NULL,
};

const char *const launch_whom_words[] = { [LAUNCH_WHOM_MAIN] = "main", [LAUNCH_WHOM_ALL] = "all", NULL };

/* A message as it comes. */
typedef struct Message {
        uint64_t number;
        int verb, whom, kind, attempt;
        char *unit, *task_id, *session_id, *operation, *text;
        bool session_resumes, bound_to_service;
} Message;

#define MESSAGE_FIELD(name, kind, ...) { #name, kind, offsetof(Message, name), __VA_ARGS__ }

static const JsonField message_fields[] = {
        MESSAGE_FIELD(number, JSON_UINT64, 0, NULL),
        MESSAGE_FIELD(verb, JSON_ENUM, 0, launch_verb_words),
        MESSAGE_FIELD(unit, JSON_STRING, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(whom, JSON_ENUM, JSON_OMIT_UNSET, launch_whom_words),
        MESSAGE_FIELD(task_id, JSON_STRING, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(attempt, JSON_INT, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(session_id, JSON_STRING, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(session_resumes, JSON_BOOL, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(bound_to_service, JSON_BOOL, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(kind, JSON_ENUM, JSON_OMIT_UNSET, operation_kind_words),
        MESSAGE_FIELD(operation, JSON_STRING, JSON_OMIT_UNSET, NULL),
        MESSAGE_FIELD(text, JSON_STRING, JSON_OMIT_UNSET, NULL),
        /* For task_spec_parse() and secrets_parse(). */
        { "spec", JSON_IGNORED, 0, 0, NULL },
        { "secrets", JSON_IGNORED, 0, 0, NULL },
};

/* What each verb has to have; what no row of a verb names, it must not have. */
static const struct {
        const char *field;
        bool required;
        unsigned verbs; /* bits of LaunchVerb */
} uses[] = {
        { "unit", true, 1 << LAUNCH_STOP | 1 << LAUNCH_KILL | 1 << LAUNCH_RESET },
        { "whom", true, 1 << LAUNCH_KILL },
        { "task_id", true, 1 << LAUNCH_START | 1 << LAUNCH_OPERATE },
        { "spec", true, 1 << LAUNCH_START | 1 << LAUNCH_OPERATE },
        { "secrets", false, 1 << LAUNCH_START | 1 << LAUNCH_OPERATE },
        { "attempt", true, 1 << LAUNCH_START },
        { "session_id", false, 1 << LAUNCH_START },
        { "session_resumes", false, 1 << LAUNCH_START },
        { "bound_to_service", false, 1 << LAUNCH_START },
        { "kind", true, 1 << LAUNCH_OPERATE },
        { "operation", true, 1 << LAUNCH_OPERATE },
        { "text", true, 1 << LAUNCH_OPERATE },
};

static void message_done(Message *m) {
        char *const texts[] = { m->unit, m->task_id, m->session_id, m->operation, m->text };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
}

void launch_request_done(LaunchRequest *r) {
        free(r->unit);
        task_free(r->task);
        free(r->text);
        secrets_done(&r->secrets);
        *r = LAUNCH_REQUEST_NULL;
}

/* --- writing --- */

static int write_secrets(const Secrets *s, Json *to) {
        Json *secrets = s->pairs ? json_new_object() : NULL;
        int r = 0;

        if (!s->pairs)
                return 0;
        if (!secrets)
                return -ENOMEM;
        for (char *const *pair = s->pairs; r >= 0 && *pair; pair++) {
                size_t n = strcspn(*pair, "=");
                _cleanup_free_ char *name = strndup(*pair, n);

                r = name ? json_set_string(secrets, name, *pair + n + 1) : -ENOMEM;
        }
        if (r < 0) {
                json_erase(secrets);
                return r;
        }
        return json_set(to, "secrets", secrets);
}

static int write_task(const LaunchRequest *q, Json *to) {
        Json *spec = NULL;
        int r = task_spec_to_request(&q->task->spec, &spec);

        if (r >= 0)
                r = json_set(to, "spec", spec);
        return r < 0 ? r : write_secrets(&q->secrets, to);
}

/* Borrows from the request. */
static Message message_of(const LaunchRequest *q) {
        const Task *t = q->task;
        Message m = { .number = q->number, .verb = q->verb, .whom = q->whom, .kind = -1, .attempt = -1,
                      .unit = q->unit, .text = q->text };

        if (t)
                m.task_id = t->id;
        if (t && q->verb == LAUNCH_START) {
                m.attempt = t->attempt;
                m.session_id = t->session_id;
                m.session_resumes = t->session_resumes;
                m.bound_to_service = t->bound_to_service;
        }
        if (t && q->verb == LAUNCH_OPERATE) {
                m.kind = t->operation.kind;
                m.operation = t->operation.number;
        }
        return m;
}

int launch_request_to_json(const LaunchRequest *q, Json **ret) {
        _cleanup_(json_erasep) Json *j = json_new_object();
        const Message m = message_of(q);
        int r;

        if (!j)
                return -ENOMEM;
        r = json_write_fields(j, message_fields, ELEMENTSOF(message_fields), true, &m);
        if (r >= 0 && q->task)
                r = write_task(q, j);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

/* --- reading --- */

static int check_uses(const Json *message, int verb, Problem *problem) {
        for (size_t i = 0; i < ELEMENTSOF(uses); i++) {
                bool is_there = json_get(message, uses[i].field), is_of_verb = uses[i].verbs & 1U << verb;

                if (is_there && !is_of_verb)
                        return problem_set(problem, -EINVAL, uses[i].field, "%s is not for the verb %s", uses[i].field,
                                           launch_verb_words[verb]);
                if (!is_there && is_of_verb && uses[i].required)
                        return problem_set(problem, -EINVAL, uses[i].field, "the verb %s needs %s",
                                           launch_verb_words[verb], uses[i].field);
        }
        return 0;
}

bool launch_task_of_unit(const char *unit, char ret_id[static TASK_ID_SIZE + 1]) {
        if (task_id_from_unit(unit, ret_id))
                return true;
        for (int kind = 0; kind < OPERATION_KIND_COUNT; kind++) {
                _cleanup_free_ char *prefix = string_format(TASK_UNIT_PREFIX "%s-", operation_kind_words[kind]);
                _cleanup_free_ char *as_task = NULL;

                if (!prefix || !string_has_prefix(unit, prefix))
                        continue;
                as_task = string_format(TASK_UNIT_PREFIX "%s", unit + strlen(prefix));
                if (as_task && task_id_from_unit(as_task, ret_id))
                        return true;
        }
        return false;
}

static int check_text(const char *field, const char *text, size_t max, Problem *problem) {
        if (!text || (*text && strlen(text) <= max && !string_holds_control(text, "")))
                return 0;
        return problem_set(problem, -EINVAL, field, "%s is empty, longer than %zu bytes or holds control characters",
                           field, max);
}

static int check_message(const Json *j, const Message *m, Problem *problem) {
        char id[TASK_ID_SIZE + 1];
        int r;

        if (m->number == 0)
                return problem_set(problem, -EINVAL, "number", "the request has no number");
        if (m->verb < 0)
                return problem_set(problem, -EINVAL, "verb", "the request has no verb");
        r = check_uses(j, m->verb, problem);
        if (r < 0)
                return r;
        if (m->unit && !launch_task_of_unit(m->unit, id))
                return problem_set(problem, -EPERM, "unit", "unit is none of a task or an operation");
        if (m->task_id && !task_id_is_valid(m->task_id))
                return problem_set(problem, -EINVAL, "task_id", "task_id is none");
        if (m->verb == LAUNCH_START && (m->attempt < 1 || m->attempt > ATTEMPTS_MAX))
                return problem_set(problem, -ERANGE, "attempt", "attempt must be from 1 to %d", ATTEMPTS_MAX);
        r = check_text("session_id", m->session_id, SESSION_SIZE_MAX, problem);
        return r < 0 ? r : check_text("operation", m->operation, NUMBER_SIZE_MAX, problem);
}

static int read_task(const Json *j, Message *m, const Config *config, LaunchRequest *q, Problem *problem) {
        int r;

        q->task = task_new();
        if (!q->task)
                return -ENOMEM;
        r = task_spec_parse(json_get(j, "spec"), config, &q->task->spec, problem);
        if (r >= 0)
                r = secrets_parse(j, false, &q->secrets, problem);
        if (r >= 0)
                r = secrets_names(&q->secrets, &q->task->credentials);
        q->task->id = TAKE_PTR(m->task_id);
        q->task->attempt = MAX_OF(m->attempt, 1);
        q->task->session_id = TAKE_PTR(m->session_id);
        q->task->session_resumes = m->session_resumes;
        q->task->bound_to_service = m->bound_to_service;
        q->task->operation.kind = m->kind;
        q->task->operation.number = TAKE_PTR(m->operation);
        return r;
}

int launch_request_parse(const Json *message, const Config *config, LaunchRequest *ret, Problem *problem) {
        _cleanup_(message_done) Message m = { .verb = -1, .whom = -1, .kind = -1, .attempt = -1 };
        _cleanup_(launch_request_done) LaunchRequest q = LAUNCH_REQUEST_NULL;
        int r;

        r = json_read_fields(message, message_fields, ELEMENTSOF(message_fields), true, &m, problem);
        ret->number = m.number;
        if (r >= 0)
                r = check_message(message, &m, problem);
        if (r >= 0 && (m.verb == LAUNCH_START || m.verb == LAUNCH_OPERATE))
                r = read_task(message, &m, config, &q, problem);
        if (r < 0)
                return r;
        q.number = m.number;
        q.verb = m.verb;
        q.whom = m.whom;
        q.unit = TAKE_PTR(m.unit);
        q.text = TAKE_PTR(m.text);
        *ret = q;
        q = LAUNCH_REQUEST_NULL;
        return 0;
}

/* --- replies --- */

int launch_reply_to_json(uint64_t number, int error, const char *sentence, Json **ret) {
        _cleanup_json_ Json *j = json_new_object();
        int r;

        if (!j)
                return -ENOMEM;
        r = json_set_uint64(j, "number", number);
        if (r >= 0)
                r = json_set_uint64(j, "error", (uint64_t) -MIN_OF(error, 0));
        if (r >= 0 && sentence)
                r = json_set_string(j, "sentence", sentence);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

int launch_reply_parse(const Json *message, uint64_t *ret_number, int *ret_error, const char **ret_sentence) {
        uint64_t error = json_get_uint64(message, "error");

        *ret_number = json_get_uint64(message, "number");
        *ret_error = -(int) MIN_OF(error, (uint64_t) INT16_MAX);
        *ret_sentence = json_get_string(message, "sentence");
        return *ret_number > 0 && json_get(message, "error") ? 0 : -EBADMSG;
}

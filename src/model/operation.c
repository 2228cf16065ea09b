/* Operation: see operation.h. */
#include <remote-developer/operation.h>

#include <remote-developer/strings.h>
#include <remote-developer/task.h>
#include <remote-developer/workspace.h>

#include <stdio.h>
#include <sys/random.h>

/* The report's file of each kind has the kind's name. */
static const char *const reports[] = { WORKSPACE_COMMIT, WORKSPACE_PULL_REQUEST };

const char *const operation_kind_words[] = { "commit", "create-pr", NULL };

const char *operation_report(OperationKind kind) {
        return reports[kind];
}

char *operation_unit_name(OperationKind kind, const char *task_id) {
        return string_format(TASK_UNIT_PREFIX "%s-%s" TASK_UNIT_SUFFIX, operation_kind_words[kind], task_id);
}

void operation_done(Operation *o) {
        free(o->number);
        free(o->requested_by);
        *o = OPERATION_NULL;
}

int operation_begin(Operation *o, OperationKind kind, const char *requested_by) {
        _cleanup_free_ char *actor = NULL;
        uint64_t random;
        char *number;

        if (getrandom(&random, sizeof(random), 0) < 0)
                return -errno;
        if (string_replace(&actor, requested_by) < 0)
                return -ENOMEM;
        number = string_format("%016llx", (unsigned long long) random);
        if (!number)
                return -ENOMEM;
        operation_done(o);
        *o = (Operation){ .kind = kind, .number = number, .requested_by = TAKE_PTR(actor),
                          .started_at = clock_realtime_usec() };
        return 0;
}

static const JsonField operation_fields[] = {
        { "kind", JSON_ENUM, offsetof(Operation, kind), 0, operation_kind_words },
        { "number", JSON_STRING, offsetof(Operation, number), JSON_HIDDEN, NULL },
        { "requested_by", JSON_STRING, offsetof(Operation, requested_by), JSON_OMIT_UNSET, NULL },
        { "started_at", JSON_TIME, offsetof(Operation, started_at), 0, NULL },
};

static int to_json(const JsonField *fields, size_t n, int kind, bool hidden, const void *source, Json **ret) {
        _cleanup_json_ Json *j = NULL;
        int r;

        if (kind == OPERATION_NONE) {
                *ret = NULL;
                return 0;
        }
        j = json_new_object();
        r = j ? json_write_fields(j, fields, n, hidden, source) : -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

int operation_to_json(const Operation *o, bool hidden, Json **ret) {
        return to_json(operation_fields, ELEMENTSOF(operation_fields), o->kind, hidden, o, ret);
}

int operation_from_json(const Json *j, Operation *ret, Problem *problem) {
        _cleanup_(operation_done) Operation o = OPERATION_NULL;
        int r;

        if (!json_is_object(j))
                return 0;
        r = json_read_fields(j, operation_fields, ELEMENTSOF(operation_fields), false, &o, problem);
        if (r >= 0 && (o.kind == OPERATION_NONE || !o.number))
                r = problem_set(problem, -EBADMSG, "operation", "the file does not say what is under way");
        if (r < 0)
                return r;
        operation_done(ret);
        *ret = o;
        o = OPERATION_NULL;
        return 0;
}

static const JsonField end_fields[] = {
        { "kind", JSON_ENUM, offsetof(OperationEnd, kind), 0, operation_kind_words },
        { "ok", JSON_BOOL, offsetof(OperationEnd, ok), 0, NULL },
        { "error", JSON_STRING, offsetof(OperationEnd, error), 0, NULL },
        { "requested_by", JSON_STRING, offsetof(OperationEnd, requested_by), JSON_OMIT_UNSET, NULL },
        { "ended_at", JSON_TIME, offsetof(OperationEnd, ended_at), 0, NULL },
};

void operation_end_done(OperationEnd *e) {
        free(e->error);
        free(e->requested_by);
        *e = OPERATION_END_NULL;
}

int operation_end_to_json(const OperationEnd *e, Json **ret) {
        return to_json(end_fields, ELEMENTSOF(end_fields), e->kind, true, e, ret);
}

int operation_end_from_json(const Json *j, OperationEnd *ret, Problem *problem) {
        _cleanup_(operation_end_done) OperationEnd e = OPERATION_END_NULL;
        int r;

        if (!json_is_object(j))
                return 0;
        r = json_read_fields(j, end_fields, ELEMENTSOF(end_fields), false, &e, problem);
        if (r < 0)
                return r;
        operation_end_done(ret);
        *ret = e;
        e = OPERATION_END_NULL;
        return 0;
}

void operation_outcome_done(OperationOutcome *o) {
        free(o->error);
        free(o->operation);
        free(o->branch);
        free(o->commit);
        free(o->pr_url);
        free(o->base_branch);
        *o = OPERATION_OUTCOME_NULL;
}

#define OUTCOME_FIELD(name, kind) { #name, kind, offsetof(OperationOutcome, name), 0, NULL }

static const JsonField outcome_fields[] = {
        OUTCOME_FIELD(ok, JSON_BOOL),           OUTCOME_FIELD(refused, JSON_BOOL),
        OUTCOME_FIELD(error, JSON_STRING),      OUTCOME_FIELD(operation, JSON_STRING),
        OUTCOME_FIELD(branch, JSON_STRING),     OUTCOME_FIELD(committed, JSON_BOOL),
        OUTCOME_FIELD(pushed, JSON_BOOL),       OUTCOME_FIELD(commit, JSON_STRING),
        OUTCOME_FIELD(pr_url, JSON_STRING),     OUTCOME_FIELD(base_branch, JSON_STRING),
};

int operation_outcome_parse(const Operation *o, const char *report, size_t size, OperationOutcome *ret) {
        _cleanup_(operation_outcome_done) OperationOutcome found = OPERATION_OUTCOME_NULL;
        _cleanup_json_ Json *j = NULL;
        int r = json_parse(report, size, &j, NULL);

        if (r >= 0)
                r = json_read_fields(j, outcome_fields, ELEMENTSOF(outcome_fields), false, &found, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !string_equal(found.operation, o->number))
                return -EBADMSG;
        *ret = found;
        found = OPERATION_OUTCOME_NULL;
        return 0;
}

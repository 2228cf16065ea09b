/* TaskPlan: see task-plan.h. */
#include <remote-developer/task-plan.h>

#include <remote-developer/strings.h>

const char *const task_step_kind_words[] = {
        [TASK_STEP_PREPARE] = "prepare",
        [TASK_STEP_WORK] = "work",
        [TASK_STEP_REVIEW] = "review",
        NULL,
};

#define STEP_FIELD(name, kind, ...) { #name, kind, offsetof(TaskStep, name), __VA_ARGS__ }

static const JsonField step_fields[] = {
        STEP_FIELD(status, JSON_STRING, 0, NULL),
        STEP_FIELD(progress, JSON_INT, 0, NULL),
        STEP_FIELD(kind, JSON_ENUM, 0, task_step_kind_words),
        STEP_FIELD(program, JSON_STRING, 0, NULL),
        { "timeout", JSON_SECONDS, offsetof(TaskStep, timeout_usec), JSON_OMIT_UNSET, NULL },
};

static void step_done(TaskStep *s) {
        free(s->status);
        free(s->program);
        *s = (TaskStep){};
}

void task_plan_done(TaskPlan *p) {
        for (size_t i = 0; i < p->n; i++)
                step_done(&p->items[i]);
        free(p->items);
        *p = (TaskPlan){};
}

static int step_copy(const TaskStep *s, TaskStep *ret) {
        *ret = (TaskStep){ .progress = s->progress, .kind = s->kind, .timeout_usec = s->timeout_usec };
        ret->status = strdup(s->status);
        ret->program = strndup(s->program, TASK_PLAN_PROGRAM_SIZE_MAX);
        if (ret->status && ret->program)
                return 0;
        step_done(ret);
        return -ENOMEM;
}

int task_plan_add(TaskPlan *p, const TaskStep *s) {
        TaskStep *items;
        int r;

        if (p->n >= TASK_PLAN_STEPS_MAX)
                return -E2BIG;
        items = reallocarray(p->items, p->n + 1, sizeof(TaskStep));
        if (!items)
                return -ENOMEM;
        p->items = items;
        r = step_copy(s, &p->items[p->n]);
        p->n += r >= 0;
        return r;
}

const TaskStep *task_plan_at(const TaskPlan *p, int step) {
        return step >= 0 && (size_t) step < p->n ? &p->items[step] : NULL;
}

int task_plan_first(const TaskPlan *p, TaskStepKind kind) {
        size_t i = 0;

        while (i < p->n && p->items[i].kind < (int) kind)
                i++;
        return (int) i;
}

static int step_to_json(const TaskStep *s, Json *array) {
        _cleanup_json_ Json *j = json_new_object();
        int r;

        if (!j)
                return -ENOMEM;
        r = json_write_fields(j, step_fields, ELEMENTSOF(step_fields), true, s);
        return r < 0 ? r : json_push(array, TAKE_PTR(j));
}

int task_plan_to_json(const TaskPlan *p, Json **ret) {
        _cleanup_json_ Json *array = json_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < p->n; i++)
                r = step_to_json(&p->items[i], array);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

/* The kinds come in their order. */
static int step_from_json(const Json *j, int kind_before, TaskStep *ret, Problem *problem) {
        int r = json_read_fields(j, step_fields, ELEMENTSOF(step_fields), false, ret, problem);

        if (r >= 0 && (!ret->status || !ret->program || ret->kind < kind_before || ret->progress < 1 ||
                       ret->progress > 99))
                r = problem_set(problem, -EBADMSG, "plan", "the file holds a step that no service writes");
        return r;
}

int task_plan_from_json(const Json *array, TaskPlan *ret, Problem *problem) {
        _cleanup_(task_plan_done) TaskPlan p = {};
        int kind = TASK_STEP_PREPARE, r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(array); i++) {
                _cleanup_(step_done) TaskStep s = { .kind = -1 };

                r = step_from_json(json_at(array, i), kind, &s, problem);
                kind = s.kind;
                if (r >= 0)
                        r = task_plan_add(&p, &s);
        }
        if (r < 0)
                return r;
        *ret = p;
        p = (TaskPlan){};
        return 0;
}

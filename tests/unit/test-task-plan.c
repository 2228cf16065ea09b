/* The plan of a task's document: what it holds, its bound, and what of a file is refused. */
#include "tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-plan.h>

static void add(TaskPlan *p, TaskStepKind kind, const char *status, int progress) {
        TAP_CHECK_INT(task_plan_add(p, &(TaskStep){ .status = (char *) status, .progress = progress, .kind = kind,
                                                    .program = (char *) "git", .timeout_usec = 1500000 }), 0);
}

static void test_it_comes_back_from_its_document(void) {
        _cleanup_(task_plan_done) TaskPlan p = {}, q = {};
        _cleanup_json_ Json *j = NULL;

        add(&p, TASK_STEP_PREPARE, "cloning_repository", 20);
        add(&p, TASK_STEP_WORK, "executing_task", 60);
        add(&p, TASK_STEP_REVIEW, "reviewing_changes", 75);
        TAP_CHECK_INT(task_plan_to_json(&p, &j), 0);
        TAP_CHECK_INT(task_plan_from_json(j, &q, NULL), 0);
        if (!TAP_CHECK_INT(q.n, 3))
                return;
        TAP_CHECK_STRING(q.items[0].status, "cloning_repository");
        TAP_CHECK_STRING(q.items[0].program, "git");
        TAP_CHECK_INT(q.items[0].timeout_usec, 1500000);
        TAP_CHECK_INT(q.items[1].progress, 60);
        TAP_CHECK_INT(q.items[2].kind, TASK_STEP_REVIEW);
        TAP_CHECK_INT(task_plan_first(&q, TASK_STEP_WORK), 1);
        TAP_CHECK_INT(task_plan_first(&q, TASK_STEP_REVIEW), 2);
        TAP_CHECK(!task_plan_at(&q, 3) && !task_plan_at(&q, -1) && task_plan_at(&q, 2) == &q.items[2]);
}

static void test_it_is_bounded(void) {
        _cleanup_(task_plan_done) TaskPlan p = {};
        char program[2 * TASK_PLAN_PROGRAM_SIZE_MAX];
        TaskStep s = { .status = (char *) "x", .progress = 1, .program = program };

        memset(program, 'x', sizeof(program) - 1);
        program[sizeof(program) - 1] = 0;
        for (size_t i = 0; i < TASK_PLAN_STEPS_MAX; i++)
                TAP_CHECK_INT(task_plan_add(&p, &s), 0);
        TAP_CHECK_INT(task_plan_add(&p, &s), -E2BIG);
        TAP_CHECK_INT(strlen(p.items[0].program), TASK_PLAN_PROGRAM_SIZE_MAX);
}

static void test_what_no_service_writes_is_refused(void) {
        static const char *const texts[] = {
                "[{\"status\":\"a\",\"program\":\"b\",\"progress\":1}]",
                "[{\"status\":\"a\",\"kind\":\"work\",\"progress\":1}]",
                "[{\"program\":\"a\",\"kind\":\"work\",\"progress\":1}]",
                "[{\"status\":\"a\",\"program\":\"b\",\"kind\":\"work\",\"progress\":0}]",
                "[{\"status\":\"a\",\"program\":\"b\",\"kind\":\"work\",\"progress\":100}]",
                ("[{\"status\":\"a\",\"program\":\"b\",\"kind\":\"review\",\"progress\":1},"
                 "{\"status\":\"a\",\"program\":\"b\",\"kind\":\"work\",\"progress\":1}]"),
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(task_plan_done) TaskPlan p = {};
                _cleanup_json_ Json *j = NULL;

                TAP_CHECK_INT(json_parse(texts[i], strlen(texts[i]), &j, NULL), 0);
                TAP_CHECK(task_plan_from_json(j, &p, NULL) < 0 && p.n == 0);
        }
}

static const TapTest tests[] = {
        { "it comes back from its document", test_it_comes_back_from_its_document },
        { "it is bounded", test_it_is_bounded },
        { "what no service writes is refused", test_what_no_service_writes_is_refused },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Any bytes as a message to the launcher, which is privileged: refused with a sentence, or a request that names a unit
 * or a task of ours and nothing else, which written and read again is the same; one that starts something is planned
 * as the launcher does, with every recipe that is shipped. As an answer of the launcher they are read, too. Seeds are in
 * corpus/launch. */
#include "replay.h"

#include "../../src/launch/launch-internal.h"
#include "../../src/launch/launch-message.h"

static Config config;

static void begin(void) {
        assert(config_init(&config) == 0);
        config.claude_timeout_usec = 7200 * USEC_PER_SEC;
}

static void write_text(const LaunchRequest *q, Buffer *to) {
        _cleanup_json_ Json *j = NULL;

        assert(launch_request_to_json(q, &j) >= 0);
        assert(json_append(j, to) >= 0);
}

static void check_round_trip(const LaunchRequest *q) {
        _cleanup_(launch_request_done) LaunchRequest again = LAUNCH_REQUEST_NULL;
        _cleanup_(buffer_done) Buffer first = BUFFER_NULL, second = BUFFER_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_json_ Json *j = NULL;

        write_text(q, &first);
        assert(json_parse(first.data, first.size, &j, NULL) >= 0);
        assert(launch_request_parse(j, &config, &again, &problem) >= 0);
        write_text(&again, &second);
        assert(string_equal(first.data, second.data));
}

static void check_plan(const Task *t) {
        char *const programs[] = { NULL };
        const Launch l = { .config = &config, .scope = RUNTIME_SCOPE_SYSTEM, .state_directory = "/s",
                           .workspaces_directory = "/w", .recorder = "/r", .starter = "/e", .programs = programs };
        const Recipe *recipe = recipe_find(config.recipes, config.n_recipes, t->spec.recipe);
        _cleanup_(launch_plan_freep) LaunchPlan *p = NULL;
        int r;

        assert(recipe);
        r = launch_plan_new(&l, recipe, t, &p);
        assert(r == 0 || launch_fault(r));
        if (r == 0)
                assert(!string_is_empty(p->work.argv[0]) && p->working_directory);
}

static void check_accepted(const LaunchRequest *q) {
        bool has_task = q->verb == LAUNCH_START || q->verb == LAUNCH_OPERATE;
        char id[TASK_ID_SIZE + 1];

        assert(q->number > 0 && q->verb >= 0 && q->verb < LAUNCH_VERB_COUNT);
        assert((q->task != NULL) == has_task && (q->verb != LAUNCH_KILL || q->whom >= 0));
        assert((q->unit != NULL) == (!has_task && q->verb != LAUNCH_PROBE));
        assert((q->text != NULL) == (q->verb == LAUNCH_OPERATE));
        if (q->unit) {
                assert(launch_task_of_unit(q->unit, id) && task_id_is_valid(id));
                assert(!strpbrk(q->unit, "/ \n") && string_has_prefix(q->unit, TASK_UNIT_PREFIX));
        }
        if (!has_task)
                return;
        assert(task_id_is_valid(q->task->id));
        assert(q->task->attempt >= 1 && q->task->attempt <= ATTEMPTS_MAX);
        check_plan(q->task);
}

static void check_reply(const Json *j) {
        const char *sentence;
        uint64_t number;
        int error;

        if (launch_reply_parse(j, &number, &error, &sentence) >= 0)
                assert(number > 0 && error <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(launch_request_done) LaunchRequest q = LAUNCH_REQUEST_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_json_ Json *j = NULL;
        int r;

        if (!config.n_recipes)
                begin();
        if (json_parse((const char *) data, size, &j, NULL) < 0)
                return 0;
        check_reply(j);
        r = launch_request_parse(j, &config, &q, &problem);
        if (r >= 0) {
                check_accepted(&q);
                check_round_trip(&q);
        } else
                assert(!q.task && !q.unit && (r == -ENOMEM || (problem.error == r && problem.sentence)));
        return 0;
}

REPLAY_MAIN("launch")

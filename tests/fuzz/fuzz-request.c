/* Any bytes as the body of POST /api/create-task: a spec that keeps every bound, or a refusal with a sentence; the
 * same bytes always give the same. Seeds are in corpus/request. */
#include "replay.h"

#include <remote-developer/secrets.h>
#include <remote-developer/task-spec.h>

#define TIMEOUT_MAX_USEC (7200 * USEC_PER_SEC)

static void check_accepted(const TaskSpec *s) {
        assert(s->timeout_usec >= USEC_PER_SEC && s->timeout_usec <= TIMEOUT_MAX_USEC);
        assert(strv_length(s->command) <= TASK_COMMAND_ARGUMENTS_MAX);
        assert(strv_length(s->environment) <= TASK_ENVIRONMENT_MAX);
        assert(strv_length(s->labels) <= TASK_LABELS_MAX);
        assert(recipe_find(shipped_recipes, n_shipped_recipes, s->recipe));
        if (string_equal(s->recipe, TASK_RECIPE_COMMAND))
                assert(!string_is_empty(s->command[0]));
        else
                assert(s->task_description.size > 0 && (s->github_repo || s->working_directory));
        assert(!s->github_repo || (s->github_repo[0] != '-' && !string_holds_control(s->github_repo, "")));
        assert(!s->devpod_name || s->devpod_name[0] != '-');
        for (size_t i = 0; s->command && s->command[i]; i++)
                assert(strlen(s->command[i]) <= TASK_ARGUMENT_SIZE_MAX);
        assert(s->stall_timeout_usec <= TASK_STALL_TIMEOUT_MAX * USEC_PER_SEC);
        assert(s->stall_action >= 0 && s->stall_action < TASK_STALL_ACTION_COUNT);
        assert(!s->working_directory || s->working_directory[0] == '/');
}

static void check_secrets(const Secrets *s) {
        assert(strv_length(s->pairs) <= SECRETS_MAX + 1);
        for (char *const *p = s->pairs; p && *p; p++)
                assert(strcspn(*p, "=") >= 1 && strcspn(*p, "=") <= SECRET_NAME_SIZE_MAX && strchr(*p, '=')[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(task_spec_done) TaskSpec spec = {};
        _cleanup_(secrets_done) Secrets secrets = SECRETS_NULL;
        _cleanup_json_ Json *request = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = config_init(&config);
        assert(r == 0);
        config.claude_timeout_usec = TIMEOUT_MAX_USEC;
        r = json_parse((const char *) data, size, &request, &problem);
        if (r >= 0)
                r = task_spec_parse(request, &config, &spec, &problem);
        if (r >= 0)
                check_accepted(&spec);
        if (r >= 0)
                r = secrets_parse(request, false, &secrets, &problem);
        if (r >= 0)
                check_secrets(&secrets);
        else
                assert(r == -ENOMEM || (problem.error == r && problem.sentence));
        return 0;
}

REPLAY_MAIN("request")

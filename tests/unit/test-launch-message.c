/* What the service may ask of the launcher: there and back without a loss, and nothing taken that is not of the verb.
 * What is refused of a request is told in test-task-spec.c; here is that it is asked at all. */
#include "../../src/launch/launch-message.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

#include "tap.h"

#define ID "task-1700000000-abcdef"

typedef struct Fixture {
        Config config;
        Problem problem;
        LaunchRequest sent, got;
        Json *message;
} Fixture;

#define FIXTURE                                                                                              \
        _cleanup_(fixture_done) Fixture f = { .sent = LAUNCH_REQUEST_NULL, .got = LAUNCH_REQUEST_NULL };     \
        if (!TAP_CHECK_INT(config_init(&f.config), 0))                                                       \
                return

static void fixture_done(Fixture *f) {
        config_done(&f->config);
        problem_done(&f->problem);
        launch_request_done(&f->sent);
        launch_request_done(&f->got);
        json_free(f->message);
}

static bool make_task(Fixture *f, const char *request) {
        _cleanup_json_ Json *j = NULL;

        f->sent.task = task_new();
        return TAP_CHECK(f->sent.task) && TAP_CHECK_INT(json_parse(request, strlen(request), &j, NULL), 0) &&
               TAP_CHECK_INT(task_spec_parse(j, &f->config, &f->sent.task->spec, &f->problem), 0) &&
               TAP_CHECK_INT(string_replace(&f->sent.task->id, ID), 0) &&
               TAP_CHECK_INT(secrets_parse(j, false, &f->sent.secrets, NULL), 0);
}

static bool pass_on(Fixture *f) {
        f->sent.number = 7;
        return TAP_CHECK_INT(launch_request_to_json(&f->sent, &f->message), 0) &&
               TAP_CHECK_INT(launch_request_parse(f->message, &f->config, &f->got, &f->problem), 0);
}

static char *spec_text(const TaskSpec *s) {
        Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;

        TAP_CHECK_INT(task_spec_to_request(s, &j), 0);
        TAP_CHECK_INT(json_append(j, &text), 0);
        return buffer_take(&text);
}

static void check_specs_equal(const Fixture *f) {
        _cleanup_free_ char *sent = spec_text(&f->sent.task->spec), *got = spec_text(&f->got.task->spec);

        TAP_CHECK_STRING(got, sent);
        TAP_CHECK(memcmp(&f->got.task->spec.limits, &f->sent.task->spec.limits, sizeof(TaskLimits)) == 0);
}

/* All that a request can have, one task at a time. */
static void test_every_request_arrives(void) {
        static const char *const requests[] = {
                "{\"command\": [\"a\", \"\", \"$x\\n\\u00fc\"], \"working_directory\": \"/tmp\", \"timeout\": 2.5, "
                "\"environment\": {\"A\": \"b=c\", \"B\": \"\"}, \"labels\": {\"x\": \"y\"}, \"stall_timeout\": 0, "
                "\"separate_stderr\": true}",
                "{\"command\": [\"a\"], \"limits\": {\"memory_max\": 16777216, \"cpu_quota\": 50, \"tasks_max\": 9, "
                "\"io_weight\": 7, \"timeout\": 5}}",
                "{\"command\": [\"a\"], \"stall_timeout\": 30, \"stall_action\": \"stop\", \"secrets\": {\"A\": "
                "\"v\\n\\\"w\", \"B\": \"x\"}, \"github_token\": \"t\"}",
                "{\"task_description\": \"a\\u0000b\", \"github_repo\": \"owner/name\", \"resume_after_limit\": true}",
                "{\"task_description\": \"a\", \"github_repo\": \"owner/name\", \"devpod_name\": \"pod\", "
                "\"github_token\": \"t\"}",
                "{\"recipe\": \"claude-kubernetes\", \"task_description\": \"a\", \"github_repo\": \"owner/name\", "
                "\"namespace\": \"n\", \"pod\": \"p\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
                FIXTURE;

                f.config.stall_timeout_usec = 77 * USEC_PER_SEC;
                if (!make_task(&f, requests[i]))
                        return;
                f.sent.verb = LAUNCH_START;
                f.sent.task->attempt = 3;
                if (!pass_on(&f))
                        return;
                check_specs_equal(&f);
                TAP_CHECK_INT(f.got.number, 7);
                TAP_CHECK_INT(f.got.verb, LAUNCH_START);
                TAP_CHECK_STRING(f.got.task->id, ID);
                TAP_CHECK_INT(f.got.task->attempt, 3);
                TAP_CHECK_INT(strv_length(f.got.secrets.pairs), strv_length(f.sent.secrets.pairs));
                TAP_CHECK_INT(strv_length(f.got.task->credentials), strv_length(f.sent.secrets.pairs));
                for (size_t k = 0; k < strv_length(f.sent.secrets.pairs); k++)
                        TAP_CHECK(strv_contains(f.got.secrets.pairs, f.sent.secrets.pairs[k]));
        }
}

static void test_what_only_the_service_knows(void) {
        FIXTURE;

        if (!make_task(&f, "{\"command\": [\"a\"]}"))
                return;
        f.sent.verb = LAUNCH_START;
        f.sent.task->session_id = strdup("s-1");
        f.sent.task->session_resumes = f.sent.task->bound_to_service = true;
        if (!pass_on(&f))
                return;
        TAP_CHECK_STRING(f.got.task->session_id, "s-1");
        TAP_CHECK(f.got.task->session_resumes);
        TAP_CHECK(f.got.task->bound_to_service);
}

static void test_which_attempts_there_are(void) {
        static const struct {
                int attempt, result;
        } rows[] = { { 1, 0 }, { 100, 0 }, { 0, -ERANGE }, { 101, -ERANGE } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                FIXTURE;

                if (!make_task(&f, "{\"command\": [\"a\"]}"))
                        return;
                f.sent.verb = LAUNCH_START;
                f.sent.number = 7;
                f.sent.task->attempt = rows[i].attempt;
                TAP_CHECK_INT(launch_request_to_json(&f.sent, &f.message), 0);
                TAP_CHECK_INT(launch_request_parse(f.message, &f.config, &f.got, &f.problem), rows[i].result);
                TAP_CHECK_STRING(f.problem.field, rows[i].result < 0 ? "attempt" : NULL);
        }
}

static void test_an_operation(void) {
        FIXTURE;

        if (!make_task(&f, "{\"command\": [\"a\"], \"working_directory\": \"/tmp\"}"))
                return;
        f.sent.verb = LAUNCH_OPERATE;
        f.sent.text = strdup("Title\n\nBody \"x\"\n");
        TAP_CHECK_INT(operation_begin(&f.sent.task->operation, OPERATION_CREATE_PR, "token:x"), 0);
        if (!pass_on(&f))
                return;
        TAP_CHECK_INT(f.got.task->operation.kind, OPERATION_CREATE_PR);
        TAP_CHECK_STRING(f.got.task->operation.number, f.sent.task->operation.number);
        TAP_CHECK_STRING(f.got.text, f.sent.text);
}

static void test_what_is_about_a_unit(void) {
        static const int verbs[] = { LAUNCH_STOP, LAUNCH_KILL, LAUNCH_RESET };
        static const char *const units[] = { "remote-developer-" ID ".service",
                                             "remote-developer-commit-" ID ".service",
                                             "remote-developer-create-pr-" ID ".service" };

        for (size_t i = 0; i < ELEMENTSOF(verbs) * ELEMENTSOF(units); i++) {
                FIXTURE;

                f.sent.verb = verbs[i % ELEMENTSOF(verbs)];
                f.sent.whom = f.sent.verb == LAUNCH_KILL ? LAUNCH_WHOM_MAIN : -1;
                f.sent.unit = strdup(units[i / ELEMENTSOF(verbs)]);
                if (!pass_on(&f))
                        return;
                TAP_CHECK_INT(f.got.verb, f.sent.verb);
                TAP_CHECK_INT(f.got.whom, f.sent.whom);
                TAP_CHECK_STRING(f.got.unit, f.sent.unit);
        }
}

/* Also of a request that is refused: the answer has to find whoever waits for it. */
static void test_the_number_is_known_when_the_rest_is_refused(void) {
        static const char text[] = "{\"number\": 9, \"verb\": \"stop\", \"unit\": \"ssh.service\"}";
        FIXTURE;

        TAP_CHECK_INT(json_parse(text, strlen(text), &f.message, NULL), 0);
        TAP_CHECK_INT(launch_request_parse(f.message, &f.config, &f.got, &f.problem), -EPERM);
        TAP_CHECK_INT(f.got.number, 9);
        TAP_CHECK(!f.got.unit);
}

static void test_replies(void) {
        _cleanup_json_ Json *j = NULL, *none = json_new_object();
        const char *sentence;
        uint64_t number;
        int error;

        TAP_CHECK_INT(launch_reply_to_json(5, -EEXIST, "there", &j), 0);
        TAP_CHECK_INT(launch_reply_parse(j, &number, &error, &sentence), 0);
        TAP_CHECK_INT(number, 5);
        TAP_CHECK_INT(error, -EEXIST);
        TAP_CHECK_STRING(sentence, "there");
        TAP_CHECK_INT(launch_reply_parse(none, &number, &error, &sentence), -EBADMSG);
}

static const TapTest tests[] = {
        { "every request arrives as it was", test_every_request_arrives },
        { "what only the service knows", test_what_only_the_service_knows },
        { "which attempts there are", test_which_attempts_there_are },
        { "an operation", test_an_operation },
        { "what is about a unit", test_what_is_about_a_unit },
        { "the number is known when the rest is refused", test_the_number_is_known_when_the_rest_is_refused },
        { "replies", test_replies },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* The routes of commits and pull requests: what they ask for by default, what they answer to each outcome, and that
 * the answer waits. */
#include "api-fixture.h"
#include "operating.h"

#include <remote-developer/strings.h>

#define COMMIT "/api/task/{id}/commit"
#define CREATE_PR "/api/task/{id}/create-pr"
#define TOKEN "\"github_token\": \"ghp_token-of-a-test\""

static bool begin_for(ApiFixture *f, const char *request) {
        if (!api_fixture_begin(f))
                return false;
        api_fixture_stop_service(f);
        if (!operating_set_workspaces(&f->story) || !api_fixture_start_service(f))
                return false;
        return request ? operating_end_task_of(&f->story, request) : operating_end_task(&f->story);
}

static bool begin(ApiFixture *f) {
        return begin_for(f, NULL);
}

/* Asks, and gives what the step would report; then the answer is in `f`. */
static void ask_and_report(ApiFixture *f, OperationKind kind, const char *path, const char *body,
                           const char *members) {
        _cleanup_(http_client_done) HttpClient c = {};

        if (!api_send(f, &c, "POST", path, NULL, body) || !operating_start_unit(&f->story, kind))
                return;
        operating_report(&f->story, kind, members);
        operating_end_unit(&f->story, kind, strstr(members, "\"ok\":true") ? "success" : "exit-code", 1);
        api_await(f, &c);
        TAP_CHECK(!strstr(f->body, "ghp_"));
}

/* What the step reads. */
static void check_text(ApiFixture *f, OperationKind kind, const char *path, const char *body, const char *should) {
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_free_ char *text = NULL, *expanded = story_expand(&f->story, should);

        if (!api_send(f, &c, "POST", path, NULL, body) || !operating_start_unit(&f->story, kind))
                return;
        text = story_read(&f->story, ".operation");
        TAP_CHECK_STRING(text, expanded);
        operating_end_unit(&f->story, kind, "exit-code", 1);
        api_await(f, &c);
        TAP_CHECK_INT(f->status, 500);
}

static void test_answers_to_a_commit(void) {
        static const struct {
                const char *members, *body;
                unsigned status;
        } rows[] = {
                { "\"ok\":true,\"commit\":\"c0\",\"branch\":\"rd/x\",\"committed\":true,\"pushed\":true",
                  "{\"status\":\"success\",\"message\":\"Changes committed\",\"task_id\":\"{id}\",\"branch\":\"rd/x\","
                  "\"commit\":\"c0\",\"pushed\":true}\n",
                  200 },
                { "\"ok\":false,\"error\":\"no network\",\"commit\":\"c0\",\"branch\":\"b\",\"committed\":true",
                  "{\"status\":\"success\",\"message\":\"Changes committed\",\"task_id\":\"{id}\",\"branch\":\"b\","
                  "\"commit\":\"c0\",\"pushed\":false,\"push_error\":\"no network\"}\n",
                  200 },
                { "\"ok\":false,\"error\":\"No changes to commit\",\"refused\":true",
                  "{\"error\":\"No changes to commit\",\"status\":400}\n", 400 },
                { "\"ok\":false,\"error\":\"the disk is full\"",
                  "{\"error\":\"Commit failed: the disk is full\",\"status\":500}\n", 500 },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *body = story_expand(&f.story, rows[i].body);

                ask_and_report(&f, OPERATION_COMMIT, COMMIT, i == 0 ? NULL : "{}", rows[i].members);
                TAP_CHECK_INT(f.status, rows[i].status);
                TAP_CHECK_STRING(f.body, body);
        }
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"is_committed\":true,\"commit_message\":\"Task: Mend it\\nall\"");
        TAP_CHECK_CONTAINS(f.body, "\"operation\":null");
}

static void test_answers_to_a_pull_request(void) {
        static const struct {
                const char *members, *body;
                unsigned status;
        } rows[] = {
                { "\"ok\":true,\"pr_url\":\"https://h/1\",\"branch\":\"rd/x\",\"base_branch\":\"main\"",
                  "{\"status\":\"success\",\"message\":\"Pull request created\",\"task_id\":\"{id}\","
                  "\"branch\":\"rd/x\",\"pr_url\":\"https://h/1\",\"base_branch\":\"main\"}\n",
                  200 },
                { "\"ok\":false,\"error\":\"Please commit changes first: x\",\"refused\":true",
                  "{\"error\":\"Please commit changes first: x\",\"status\":400}\n", 400 },
                { "\"ok\":true,\"committed\":true",
                  "{\"error\":\"PR creation failed: it does not say why\",\"status\":500}\n", 500 },
                { "\"ok\":false,\"error\":\"gh ended with 1\"",
                  "{\"error\":\"PR creation failed: gh ended with 1\",\"status\":500}\n", 500 },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *body = story_expand(&f.story, rows[i].body);

                ask_and_report(&f, OPERATION_CREATE_PR, CREATE_PR, "{" TOKEN "}", rows[i].members);
                TAP_CHECK_INT(f.status, rows[i].status);
                TAP_CHECK_STRING(f.body, body);
        }
        TAP_CHECK_STRING(story_task(&f.story)->changes.pr_url, "https://h/1");
}

static void test_texts(void) {
        static const char injection[] = "{\"commit_message\": \"--amend\\n$(touch x) \\\"'`\\n\\n\"}";
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        check_text(&f, OPERATION_COMMIT, COMMIT, NULL, "Task: Mend it\nall");
        check_text(&f, OPERATION_COMMIT, COMMIT, injection, "--amend\n$(touch x) \"'`\n\n");
        check_text(&f, OPERATION_CREATE_PR, CREATE_PR, "{" TOKEN "}", "Mend it\n\nMend it\nall");
        check_text(&f, OPERATION_CREATE_PR, CREATE_PR,
                   "{" TOKEN ", \"pr_title\": \"--t $(x)\", \"pr_body\": \"\\nb\"}", "--t $(x)\n\n\nb");
}

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* A description of many lines, or of one that is too long for a title and may be cut only between characters. */
static void test_titles(void) {
        static const char *const rows[][2] = {
                { "\\n  \\n first\\nsecond", "first" },
                { HUNDRED "kkkkkkkkkkllllllll\xc3\xa4\xc3\xa4\xc3\xa4", HUNDRED "kkkkkkkkkkllllllll\xc3\xa4" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *request = string_format(
                                "{\"github_repo\": \"o/r\", \"task_description\": \"%s\"}", rows[i][0]);
                _cleanup_free_ char *should = string_format("%s\n\nb", rows[i][1]);
                _cleanup_(api_fixture_done) ApiFixture f = {};

                if (begin_for(&f, request))
                        check_text(&f, OPERATION_CREATE_PR, CREATE_PR, "{" TOKEN ", \"pr_body\": \"b\"}", should);
        }
}

static void test_wrong_requests(void) {
        static const struct {
                const char *path, *body, *field, *part;
                unsigned status;
        } rows[] = {
                { CREATE_PR, NULL, "github_token", "GitHub token is required for PR creation", 400 },
                { CREATE_PR, "{\"pr_title\": \"t\"}", "github_token", "GitHub token is required", 400 },
                { CREATE_PR, "{" TOKEN ", \"pr_title\": \"a\\nb\"}", "pr_title", "one line", 400 },
                { CREATE_PR, "{" TOKEN ", \"pr_title\": \"\"}", "pr_title", "not empty", 400 },
                { CREATE_PR, "{" TOKEN ", \"secrets\": {}}", "secrets", "Unknown field", 400 },
                { COMMIT, "{\"message\": \"m\"}", "message", "Unknown field: message. The fields are: commit_message",
                  400 },
                { COMMIT, "{\"commit_message\": 1}", "commit_message", "commit_message", 400 },
                { COMMIT, "{\"github_token\": \"\"}", "github_token", "empty", 400 },
                { COMMIT, "[]", NULL, "", 400 },
                { COMMIT, "null", NULL, "", 400 },
                { "/api/task/task-1700000000-abcdef/commit", NULL, NULL, "Task not found", 404 },
                { "/api/task/task-1700000000-abcdef/create-pr", NULL, NULL, "Task not found", 404 },
                { "/api/task/x/commit", NULL, NULL, "Task not found", 404 },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "POST", rows[i].path, NULL, rows[i].body);
                api_check_error(&f, rows[i].status, rows[i].field, rows[i].part);
        }
        TAP_CHECK_INT(fake_count_calls(&f.story.systemd, "StartTransientUnit remote-developer-c"), 0);
        TAP_CHECK_INT(story_count_files(&f.story, ".operation"), 0);
}

static void test_a_task_that_is_not_ready_for_it(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !api_create(&f, "{\"command\": [\"make\"]}"))
                return;
        api_ask(&f, "POST", COMMIT, NULL, NULL);
        api_check_error(&f, 409, NULL, "has not ended");
        fake_unit_start(story_unit(&f.story));
        fake_unit_end(story_unit(&f.story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "POST", COMMIT, NULL, NULL);
        api_check_error(&f, 400, NULL, "no work tree");
}

/* The original asked for a pod's: it is that of the latest task in it. */
static void test_of_a_pod(void) {
#define LEGACY "/api/create-pr"
#define POD "\"devpod_name\": \"p\", \"github_repo\": \"o/r\""
        static const struct {
                const char *body, *field;
        } missing[] = {
                { "{}", "devpod_name" },
                { "{\"devpod_name\": \"p\"}", "github_repo" },
                { "{" POD "}", "github_token" },
                { "{" POD ", " TOKEN "}", "pr_title" },
        };
        static const char request[] = "{" POD ", " TOKEN ", \"task_description\": \"d\"}";
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin_for(&f, request) || !operating_end_task_of(&f.story, request) || !operating_end_task(&f.story))
                return;
        for (size_t i = 0; i < ELEMENTSOF(missing); i++) {
                _cleanup_free_ char *sentence = string_format("Missing required field: %s", missing[i].field);

                api_ask(&f, "POST", LEGACY, NULL, missing[i].body);
                api_check_error(&f, 400, missing[i].field, sentence);
        }
        api_ask(&f, "POST", LEGACY, NULL,
                "{\"devpod_name\": \"q\", \"github_repo\": \"o/r\", " TOKEN ", \"pr_title\": \"t\"}");
        api_check_error(&f, 404, "devpod_name", "There is no task of this repository in that pod");
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        snprintf(f.story.id, sizeof(f.story.id), "%s", json_get_string(json_at(f.json, 1), "task_id"));
        ask_and_report(&f, OPERATION_CREATE_PR, LEGACY, "{" POD ", " TOKEN ", \"pr_title\": \"t\"}",
                       "\"ok\":true,\"pr_url\":\"https://h/2\"");
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(api_string(&f, "task_id"), f.story.id);
}

/* The default body is no longer than what GitHub takes, with a title. */
static void test_a_long_description(void) {
        const size_t size = 100000;
        _cleanup_free_ char *description = malloc(size + 1), *request = NULL, *text = NULL;
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        memset(description, 'x', size);
        description[size] = 0;
        request = string_format("{\"github_repo\": \"o/r\", \"task_description\": \"%s\"}", description);
        if (!begin_for(&f, request) || !api_send(&f, &c, "POST", CREATE_PR, NULL, "{" TOKEN "}") ||
            !operating_start_unit(&f.story, OPERATION_CREATE_PR))
                return;
        text = story_read(&f.story, ".operation");
        TAP_CHECK_INT(strlen(text ?: ""), 120 + 2 + 60000);
        operating_end_unit(&f.story, OPERATION_CREATE_PR, "exit-code", 1);
        api_await(&f, &c);
}

/* The client that asked has gone, or the service goes: what was asked for is done. */
static void test_who_waits_goes(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f) || !api_send(&f, &c, "POST", COMMIT, NULL, NULL) ||
            !operating_start_unit(&f.story, OPERATION_COMMIT))
                return;
        http_client_done(&c);
        c = (HttpClient){};
        story_settle(&f.story);
        operating_report(&f.story, OPERATION_COMMIT, "\"ok\":true,\"committed\":true");
        operating_end_unit(&f.story, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(story_task(&f.story)->changes.is_committed);

        if (!api_send(&f, &c, "POST", COMMIT, NULL, NULL) || !operating_start_unit(&f.story, OPERATION_COMMIT))
                return;
        api_end_streams(f.api);
        api_await(&f, &c);
        api_check_error(&f, 503, NULL, "What was asked for goes on; /api/task-status/task-");
        TAP_CHECK_STRING(api_header(&f, "Retry-After"), "5");
        operating_end_unit(&f.story, OPERATION_COMMIT, "success", 0);
        TAP_CHECK_CONTAINS(story_task(&f.story)->last_operation.error, "It ended without a word");
        api_ask(&f, "POST", COMMIT, NULL, NULL);
        api_check_error(&f, 503, NULL, "being stopped or restarted: ask again");
        TAP_CHECK_STRING(api_header(&f, "Retry-After"), "5");
}

static void test_the_service_is_killed(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!begin(&f) || !api_send(&f, &c, "POST", COMMIT, NULL, NULL) ||
            !operating_start_unit(&f.story, OPERATION_COMMIT))
                return;
        operating_report(&f.story, OPERATION_COMMIT, "\"ok\":true,\"committed\":true");
        api_fixture_stop_service(&f);
        fake_unit_remove(operating_unit(&f.story, OPERATION_COMMIT));
        if (!api_fixture_start_service(&f))
                return;
        TAP_CHECK(STORY_UNTIL(&f.story, story_task(&f.story)->changes.is_committed));
}

static const TapTest tests[] = {
        { "answers to a commit", test_answers_to_a_commit },
        { "answers to a pull request", test_answers_to_a_pull_request },
        { "texts", test_texts },
        { "titles", test_titles },
        { "wrong requests", test_wrong_requests },
        { "a task that is not ready for it", test_a_task_that_is_not_ready_for_it },
        { "of a pod", test_of_a_pod },
        { "a long description", test_a_long_description },
        { "who waits goes", test_who_waits_goes },
        { "the service is killed", test_the_service_is_killed },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Tasks and totals by repository, of tasks in the state directory, in the archive and running; and the original's
 * word for resuming an agent that was not logged in. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#include <stdio.h>

#define TASK(n) "task-17000000" n "-abcdef"
#define DOCUMENT                                                                                             \
        "{\"version\":2,\"task_id\":\"%s\",\"state\":\"finished\",\"result\":\"%s\",\"reason\":\"exit-code\"," \
        "\"created_at\":\"2023-11-14T22:13:20Z\",\"last_updated\":\"%s\",\"recipe\":\"claude\","              \
        "\"github_repo\":%s,\"task_description\":\"%s\",\"timeout\":60,\"attempt\":1,%s\"command\":[]}"

static const char *description = "work";

/* A finished task's document, as a service has left it. */
static void write_document(ApiFixture *f, const char *id, const char *result, const char *updated, const char *repo,
                           const char *more, bool archived) {
        _cleanup_free_ char *text = string_format(DOCUMENT, id, result, updated, repo, description, more);
        _cleanup_free_ char *name = NULL;

        snprintf(f->story.id, sizeof(f->story.id), "%s", id);
        name = archived ? string_format("archive/%s.%s.json", id, result) : strdup(".json");
        if (TAP_CHECK(text && name))
                story_write(&f->story, name, text);
}

static const struct {
        const char *id, *result, *updated, *repo, *more;
        bool archived;
} documents[] = {
        { TASK("01"), "completed", "2023-11-15T00:00:01Z", "\"owner/a\"", "\"is_committed\":true,", true },
        { TASK("02"), "failed", "2023-11-15T00:00:05Z", "\"owner/a\"", "", true },
        { TASK("03"), "completed", "2023-11-15T00:00:03Z", "\"owner/a\"",
          "\"has_changes\":true,\"modified_files\":[\" M x\"],\"current_branch\":\"rd/x\",", false },
        { TASK("04"), "timed_out", "2023-11-15T00:00:09Z", "\"https://host/b c.git\"", "", false },
        { TASK("05"), "completed", "2023-11-15T00:00:10Z", "null", "", true },
};

static bool begin(ApiFixture *f) {
        _cleanup_free_ char *archive = NULL;

        if (!api_fixture_begin(f))
                return false;
        api_fixture_stop_service(f);
        archive = string_format("%s/archive", f->story.state);
        if (!TAP_CHECK_INT(mkdir(archive, 0750), 0))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(documents); i++)
                write_document(f, documents[i].id, documents[i].result, documents[i].updated, documents[i].repo,
                               documents[i].more, documents[i].archived);
        return api_fixture_start_service(f);
}

static void check_ids(const Json *array, const char *const *ids) {
        size_t n = 0;

        for (; ids[n]; n++)
                TAP_CHECK_STRING(json_get_string(json_at(array, n), "task_id"), ids[n]);
        TAP_CHECK_INT(json_length(array), n);
}

static void test_one_repository(void) {
        static const char *const a[] = { TASK("03"), TASK("02"), TASK("01"), NULL }, *const b[] = { TASK("04"), NULL };
        static const char *const none[] = { NULL };
        static const struct {
                const char *path;
                const char *const *ids;
        } rows[] = {
                { "/api/tasks/repo/owner/a", a },
                { "/api/tasks/repo/owner%2Fa", a },
                { "/api/tasks/repo/owner%2fa", a },
                { "/api/tasks/repo/https:%2F%2Fhost%2Fb%20c.git", b },
                { "/api/tasks/repo/https://host/b%20c.git", b },
                { "/api/tasks/repo/owner", none },
                { "/api/tasks/repo/owner/a/", none },
                { "/api/tasks?repo=owner/a", a },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "GET", rows[i].path, NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
                check_ids(f.json, rows[i].ids);
        }
        api_ask(&f, "GET", "/api/tasks/repo/owner/a", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"is_running\":false");
        TAP_CHECK_CONTAINS(f.body, "\"logs\":[]");
        api_ask(&f, "GET", "/api/tasks/repo/", NULL, NULL);
        api_check_error(&f, 404, NULL, "no such route");
        api_ask(&f, "POST", "/api/tasks/repo/owner/a", NULL, NULL);
        TAP_CHECK_INT(f.status, 405);
}

static void test_by_repo(void) {
        static const char *const a[] = { TASK("03"), TASK("02"), TASK("01"), NULL };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        const Json *tasks;

        if (!begin(&f))
                return;
        api_ask(&f, "GET", "/api/tasks/by-repo", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        tasks = json_get(json_get(f.json, "owner/a"), "tasks");
        check_ids(tasks, a);
        TAP_CHECK(json_get_bool(json_at(tasks, 0), "has_changes"));
        TAP_CHECK(!json_get_bool(json_at(tasks, 0), "is_committed"));
        TAP_CHECK(json_get_bool(json_at(tasks, 2), "is_committed"));
        TAP_CHECK_CONTAINS(f.body, "{\"task_id\":\"" TASK("03") "\",\"status\":\"completed\",\"created_at\":\""
                                   "2023-11-14T22:13:20.000000Z\",\"task_description\":\"work\",\"devpod_name\":null,"
                                   "\"progress\":100,\"has_changes\":true,\"is_committed\":false}");
        TAP_CHECK_CONTAINS(f.body, "\"stats\":{\"total\":3,\"completed\":2,\"failed\":1,\"running\":0}");
        TAP_CHECK_CONTAINS(f.body, "\"stats\":{\"total\":1,\"completed\":0,\"failed\":0,\"running\":0}");
        TAP_CHECK_INT(strncmp(f.body, "{\"owner/a\":", strlen("{\"owner/a\":")), 0);
}

#define MANY_LONG 30
#define LONG_SIZE ((size_t) 1024 * 1024)
#define LIST_TEXT_MAX ((size_t) 4 * 1024 * 1024)

/* Of three repositories, each with a description of a megabyte. */
static bool begin_with_long_documents(ApiFixture *f) {
        static const char *const repos[] = { "\"o/x\"", "\"o/y\"", "\"o/z\"" };
        _cleanup_free_ char *text = malloc(LONG_SIZE + 1);

        if (!api_fixture_begin(f) || !TAP_CHECK(text))
                return false;
        memset(text, 'd', LONG_SIZE);
        text[LONG_SIZE] = 0;
        description = text;
        api_fixture_stop_service(f);
        for (unsigned i = 0; i < MANY_LONG; i++) {
                char id[TASK_ID_SIZE + 1];

                snprintf(id, sizeof(id), "task-17000000%02u-abcdef", i);
                write_document(f, id, "failed", "2023-11-15T00:00:01Z", repos[i % 3], "", false);
        }
        description = "work";
        return api_fixture_start_service(f);
}

static void ask_timed(ApiFixture *f, const char *path) {
        usec_t before = clock_thread_usec();

        api_ask(f, "GET", path, NULL, NULL);
        printf("# %s: %zu bytes after %llu us\n", path, strlen(f->body ?: ""),
               (unsigned long long) (clock_thread_usec() - before));
}

/* Follows the links; each task is there once, newest first, from the given one on by steps. */
static unsigned count_long(ApiFixture *f, const char *first, unsigned step, unsigned *ret_pages) {
        _cleanup_free_ char *path = strdup(first);
        unsigned n = 0;

        for (*ret_pages = 0; path && TAP_CHECK(*ret_pages < MANY_LONG); (*ret_pages)++) {
                const char *link;

                ask_timed(f, path);
                TAP_CHECK_INT(f->status, 200);
                TAP_CHECK(strlen(f->body) < LIST_TEXT_MAX + 2 * LONG_SIZE);
                for (size_t i = 0; i < json_length(f->json); i++, n++) {
                        char id[TASK_ID_SIZE + 1];

                        snprintf(id, sizeof(id), "task-17000000%02u-abcdef", MANY_LONG - 1 - step * n);
                        TAP_CHECK_STRING(json_get_string(json_at(f->json, i), "task_id"), id);
                        TAP_CHECK_INT(strlen(json_get_string(json_at(f->json, i), "task_description")), LONG_SIZE);
                }
                link = api_header(f, "Link");
                free(path);
                path = link ? strndup(link + 1, strcspn(link + 1, ">")) : NULL;
        }
        return n;
}

static void test_lists_of_long_documents(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        unsigned pages;

        if (!begin_with_long_documents(&f))
                return;
        TAP_CHECK_INT(count_long(&f, "/api/tasks?limit=1000", 1, &pages), MANY_LONG);
        TAP_CHECK(pages >= 6 && pages <= 8);
        TAP_CHECK_INT(count_long(&f, "/api/tasks/repo/o/z", 3, &pages), MANY_LONG / 3);
        TAP_CHECK(pages >= 2 && pages <= 4);
        TAP_CHECK_INT(count_long(&f, "/api/tasks?limit=1", 1, &pages), MANY_LONG);
}

/* They have no pages: texts are cut, and what would take too long to read is not shown. */
static void test_overviews_of_long_documents(void) {
        static const char *const repos[] = { "o/x", "o/y", "o/z" };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        const char *shown;
        size_t n = 0;

        if (!begin_with_long_documents(&f))
                return;
        ask_timed(&f, "/api/tasks/by-repo");
        for (size_t i = 0; i < ELEMENTSOF(repos); i++) {
                Json *entry = json_get(f.json, repos[i]);

                TAP_CHECK_INT(json_get_uint64(json_get(entry, "stats"), "total"), MANY_LONG / 3);
                n += json_length(json_get(entry, "tasks"));
        }
        TAP_CHECK_INT(n, 16);
        shown = json_get_string(json_at(json_get(json_get(f.json, "o/z"), "tasks"), 0), "task_description");
        TAP_CHECK_INT(strlen(shown ?: ""), 4096);
        TAP_CHECK_CONTAINS(shown, "ddd\xe2\x80\xa6");
        api_ask(&f, "GET", "/api/dashboard", NULL, NULL);
        TAP_CHECK_INT(json_length(json_get(f.json, "recent_tasks")), 10);
        shown = json_get_string(json_at(json_get(f.json, "recent_tasks"), 9), "task_description");
        TAP_CHECK_INT(strlen(shown ?: ""), 4096);
        TAP_CHECK(strlen(f.body) < 64 * 1024);
}

/* The original's word for a pull request knows only the pod and the repository: of the latest tasks of this one the
 * first in that pod is meant, and so many are looked at. */
static void test_how_far_a_task_of_a_pod_is_looked_for(void) {
#define OF_POD                                                                                               \
        "{\"devpod_name\":\"p\",\"github_repo\":\"o/x\",\"github_token\":\"t\",\"pr_title\":\"t\"}"
        for (unsigned n = 50; n <= 51; n++) {
                _cleanup_(api_fixture_done) ApiFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};

                if (!api_fixture_begin(&f))
                        return;
                api_fixture_stop_service(&f);
                for (unsigned i = 0; i < n; i++) {
                        char id[TASK_ID_SIZE + 1];

                        snprintf(id, sizeof(id), "task-17000000%02u-abcdef", i);
                        write_document(&f, id, "failed", "2023-11-15T00:00:01Z", "\"o/x\"",
                                       i == 0 ? "\"devpod_name\":\"p\"," : "\"devpod_name\":\"q\",", false);
                }
                if (!api_fixture_start_service(&f))
                        return;
                if (!api_send(&f, &c, "POST", "/api/create-pr", NULL, OF_POD))
                        return;
                TAP_CHECK(STORY_UNTIL(&f.story, c.ended || story_told("create-pr") > 0));
                story_settle(&f.story);
                snprintf(f.story.id, sizeof(f.story.id), "task-1700000000-abcdef");
                api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
                TAP_CHECK_CONTAINS(f.body, n == 50 ? "\"operation\":{" : "\"operation\":null");
                TAP_CHECK_INT(http_client_got(&c, "There is no task of this repository in that pod"), n == 51);
        }
}

static void test_stats(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        api_ask(&f, "GET", "/api/repository-stats", NULL, NULL);
        TAP_CHECK_STRING(f.body,
                        "[{\"_id\":\"https://host/b c.git\",\"repository\":\"https://host/b c.git\",\"total_tasks\":1,"
                        "\"completed_tasks\":0,\"failed_tasks\":0,\"total_commits\":0,\"success_rate\":0.000000,"
                        "\"last_activity\":\"2023-11-15T00:00:09.000000Z\","
                        "\"first_activity\":\"2023-11-14T22:13:24.703710Z\"},"
                        "{\"_id\":\"owner/a\",\"repository\":\"owner/a\",\"total_tasks\":3,\"completed_tasks\":2,"
                        "\"failed_tasks\":1,\"total_commits\":1,\"success_rate\":66.666667,"
                        "\"last_activity\":\"2023-11-15T00:00:05.000000Z\","
                        "\"first_activity\":\"2023-11-14T22:13:21.703710Z\"}]\n");
}

static void test_nothing_at_all(void) {
        static const struct {
                const char *path, *body;
        } rows[] = { { "/api/repository-stats", "[]\n" },
                     { "/api/tasks/by-repo", "{}\n" },
                     { "/api/tasks/repo/owner/a", "[]\n" } };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "GET", rows[i].path, NULL, NULL);
                TAP_CHECK_INT(f.status, 200);
                TAP_CHECK_STRING(f.body, rows[i].body);
        }
}

/* From its begin to when it is forgotten. */
static void test_a_task_of_now(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        FakeUnit *u;

        if (!api_fixture_begin(&f) ||
            !(u = api_create(&f, "{\"devpod_name\": \"p\", \"github_repo\": \"o/n\", \"github_token\": \"t\", "
                                 "\"task_description\": \"d\"}")))
                return;
        api_ask(&f, "GET", "/api/tasks/by-repo", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"stats\":{\"total\":1,\"completed\":0,\"failed\":0,\"running\":1}");
        fake_unit_start(u);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&f.story, story_is_finished(&f.story)));
        api_ask(&f, "GET", "/api/tasks/by-repo", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"stats\":{\"total\":1,\"completed\":0,\"failed\":1,\"running\":0}");
        api_ask(&f, "GET", "/api/dashboard", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"app_url\":null,\"server_running\":false,\"branch_name\":null,\"logs\":[");
        api_ask(&f, "DELETE", "/api/task/{id}", NULL, NULL);
        api_ask(&f, "GET", "/api/tasks/by-repo", NULL, NULL);
        TAP_CHECK_STRING(f.body, "{}\n");
}

/* Ten are shown of a repository, fifty of one alone; the totals are of all. */
static void test_many(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        api_fixture_stop_service(&f);
        for (unsigned i = 0; i < 60; i++) {
                char id[TASK_ID_SIZE + 1];

                snprintf(id, sizeof(id), "task-17000000%02u-abcdef", i);
                write_document(&f, id, "completed", "2023-11-15T00:00:01Z", "\"o/n\"", "", false);
        }
        if (!api_fixture_start_service(&f))
                return;
        api_ask(&f, "GET", "/api/tasks/repo/o/n", NULL, NULL);
        TAP_CHECK_INT(json_length(f.json), 50);
        TAP_CHECK_STRING(json_get_string(json_at(f.json, 0), "task_id"), TASK("59"));
        api_ask(&f, "GET", "/api/tasks/by-repo", NULL, NULL);
        TAP_CHECK_INT(json_length(json_get(json_get(f.json, "o/n"), "tasks")), 10);
        TAP_CHECK_CONTAINS(f.body, "\"total\":60,\"completed\":60");
}

/* --- continue --- */

static void test_continue(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        api_fixture_stop_service(&f);
        write_document(&f, TASK("01"), "failed", "2023-11-15T00:00:01Z", "null",
                       "\"agent\":{\"outcome\":\"failed\",\"needs_login\":false},", false);
        write_document(&f, TASK("02"), "failed", "2023-11-15T00:00:01Z", "null",
                       "\"agent\":{\"outcome\":\"failed\",\"needs_login\":true},", false);
        if (!api_fixture_start_service(&f))
                return;
        api_ask(&f, "POST", "/api/task/task-1600000000-abcdef/continue", NULL, NULL);
        api_check_error(&f, 404, NULL, "Task not found");
        api_ask(&f, "POST", "/api/task/" TASK("01") "/continue", NULL, NULL);
        api_check_error(&f, 400, NULL, "Task does not require authentication");
        api_ask(&f, "POST", "/api/task/" TASK("02") "/continue", NULL, "{}");
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(f.body, "{\"status\":\"ok\",\"message\":\"Task will continue\"}\n");
        TAP_CHECK_INT(story_task(&f.story)->attempt, 2);
        api_ask(&f, "POST", "/api/task/" TASK("02") "/continue", NULL, "{}");
        api_check_error(&f, 400, NULL, "Task does not require authentication");
}

static const TapTest tests[] = {
        { "one repository", test_one_repository },
        { "by repository", test_by_repo },
        { "lists of long documents", test_lists_of_long_documents },
        { "overviews of long documents", test_overviews_of_long_documents },
        { "how far a task of a pod is looked for", test_how_far_a_task_of_a_pod_is_looked_for },
        { "totals", test_stats },
        { "nothing at all", test_nothing_at_all },
        { "a task of now", test_a_task_of_now },
        { "many", test_many },
        { "continue", test_continue },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

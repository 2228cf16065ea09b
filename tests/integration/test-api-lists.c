/* Lists of tasks and the dashboard, over a real socket. */
#include "api-fixture.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-store.h>

#include <signal.h>
#include <stdio.h>

static unsigned n_loaded; /* documents of finished tasks */

int __real_task_store_load(TaskStore *s, const char *id, Task **ret, Problem *problem);
int __wrap_task_store_load(TaskStore *s, const char *id, Task **ret, Problem *problem);

int __wrap_task_store_load(TaskStore *s, const char *id, Task **ret, Problem *problem) {
        n_loaded++;
        return __real_task_store_load(s, id, ret, problem);
}

/* A task that has ended with that exit status. */
static bool run_and_end(ApiFixture *f, const char *result, int exit_status) {
        FakeUnit *u = story_run(&f->story);

        if (!u)
                return false;
        story_record(&f->story, NULL, result, "exited", exit_status == 0 ? "0" : "1");
        fake_unit_end(u, result, CLD_EXITED, exit_status);
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

static unsigned count_rows(ApiFixture *f, const char *path) {
        api_ask(f, "GET", path, NULL, NULL);
        TAP_CHECK_INT(f->status, 200);
        return (unsigned) json_length(f->json);
}

static bool make_tasks(ApiFixture *f) {
        static const char original[] =
                "{\"devpod_name\": \"p\", \"github_repo\": \"https://example.org/r?x=1&y\", \"github_token\": \"t\","
                " \"task_description\": \"d\"}";
        static const char *const requests[] = {
                "{\"command\": [\"a\"], \"labels\": {\"team\": \"a&b c\", \"x\": \"1\"}}",
                "{\"command\": [\"b\"], \"labels\": {\"team\": \"a\"}}",
                original,
        };

        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                if (!api_create(f, requests[i]))
                        return false;
        return run_and_end(f, "exit-code", 1) && run_and_end(f, "success", 0);
}

/* What is shown, and that of finished tasks no other documents are read. */
static void test_filters(void) {
        static const struct {
                const char *path;
                unsigned n, n_loaded;
        } rows[] = {
                { "/api/tasks", 5, 2 },
                { "/api/tasks?status=running", 3, 0 },
                { "/api/tasks?status=initializing", 3, 0 },
                { "/api/tasks?status=starting", 3, 0 },
                { "/api/tasks?status=failed", 1, 1 },
                { "/api/tasks?status=completed", 1, 1 },
                { "/api/tasks?status=finished", 2, 2 },
                { "/api/tasks?status=cancelled", 0, 0 },
                { "/api/tasks?status=nonsense", 0, 0 },
                { "/api/tasks?label=team", 2, 0 },
                { "/api/tasks?label=team%3Da", 1, 0 },
                { "/api/tasks?label=team=a%26b%20c", 1, 0 },
                { "/api/tasks?label=tea", 0, 0 },
                { "/api/tasks?label=x&status=running", 1, 0 },
                { "/api/tasks?label=x&status=failed", 0, 0 },
                { "/api/tasks?repo=https://example.org/r?x=1%26y", 1, 0 },
                { "/api/tasks?limit=2", 2, 2 },
                { "/api/tasks?limit=0", 0, 0 },
                { "/api/tasks?limit=1000", 5, 2 },
                { "/api/tasks?after=task-9999999999-ffffff", 5, 2 },
                { "/api/tasks?after=task-0000000000-000000", 0, 0 },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !make_tasks(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                n_loaded = 0;
                if (!TAP_CHECK_INT(count_rows(&f, rows[i].path), rows[i].n) ||
                    !TAP_CHECK_INT(n_loaded, rows[i].n_loaded))
                        printf("# %s\n", rows[i].path);
        }
}

/* Follows the links from page to page; the ids of all rows, newest first, in `ids`. */
static unsigned follow_pages(ApiFixture *f, const char *first, char ids[][TASK_ID_SIZE + 1], unsigned max) {
        char path[1024];
        unsigned n = 0;

        snprintf(path, sizeof(path), "%s", first);
        for (unsigned pages = 0; *path && TAP_CHECK(pages < 10); pages++) {
                const char *link;

                api_ask(f, "GET", path, NULL, NULL);
                TAP_CHECK_INT(f->status, 200);
                for (size_t i = 0; i < json_length(f->json) && TAP_CHECK(n < max); i++)
                        snprintf(ids[n++], TASK_ID_SIZE + 1, "%s", json_get_string(json_at(f->json, i), "task_id"));
                link = api_header(f, "Link");
                path[0] = 0;
                if (link && TAP_CHECK(*link == '<') && TAP_CHECK_CONTAINS(link, ">; rel=\"next\""))
                        snprintf(path, sizeof(path), "%.*s", (int) strcspn(link + 1, ">"), link + 1);
        }
        return n;
}

static void test_pages(void) {
        static const struct {
                const char *path;
                unsigned n;
        } rows[] = {
                { "/api/tasks?limit=2", 5 },        { "/api/tasks?limit=1", 5 },
                { "/api/tasks?limit=5", 5 },        { "/api/tasks?limit=1&status=running", 3 },
                { "/api/tasks?limit=1&label=team", 2 }, { "/api/tasks?limit=1&label=team=a%26b%20c", 1 },
                { "/api/tasks?limit=1&repo=https://example.org/r?x=1%26y", 1 },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};
        char ids[16][TASK_ID_SIZE + 1];

        if (!api_fixture_begin(&f) || !make_tasks(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned n = follow_pages(&f, rows[i].path, ids, ELEMENTSOF(ids));

                if (!TAP_CHECK_INT(n, rows[i].n))
                        printf("# %s\n", rows[i].path);
                for (unsigned k = 1; k < n; k++)
                        TAP_CHECK(strcmp(ids[k - 1], ids[k]) > 0);
        }
        api_ask(&f, "GET", "/api/tasks?limit=5", NULL, NULL);
        TAP_CHECK_STRING(api_header(&f, "Link"), NULL);
}

static void test_dashboard(void) {
        static const char *const parts[] = { "\"total_tasks\":5", "\"running_tasks\":3", "\"failed_tasks\":1",
                                             "\"completed_tasks\":1", "\"cancelled_tasks\":0",
                                             "\"timed_out_tasks\":0", "\"interrupted_tasks\":0",
                                             "\"github_repo\":\"https:" };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !make_tasks(&f))
                return;
        api_ask(&f, "GET", "/api/dashboard", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                TAP_CHECK_CONTAINS(f.body, parts[i]);
        TAP_CHECK_INT(json_length(json_get(f.json, "recent_tasks")), 5);
        TAP_CHECK_STRING(json_get_string(json_at(json_get(f.json, "recent_tasks"), 0), "task_id"), f.story.id);
}

static const TapTest tests[] = {
        { "filters", test_filters },
        { "pages", test_pages },
        { "the dashboard", test_dashboard },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

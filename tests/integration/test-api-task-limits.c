/* Limits over a real socket: what is refused and how, what the document keeps, what check-alive tells. */
#include "api-fixture.h"

#include <remote-developer/strings.h>

#define LIMITED(limits) "{\"command\": [\"make\"], \"limits\": {" limits "}}"

static void test_refusals(void) {
        static const struct {
                const char *request, *field, *part;
        } rows[] = {
                { LIMITED("\"tasks_max\": 4097"), "limits.tasks_max",
                  "limits.tasks_max is 4097; the configuration allows at most 4096" },
                { LIMITED("\"io_weight\": 101"), "limits.io_weight",
                  "limits.io_weight is 101; the configuration allows at most 100" },
                { LIMITED("\"timeout\": 7201"), "limits.timeout",
                  "limits.timeout is 7201; the configuration allows at most 7200" },
                { LIMITED("\"memory_max\": \"1000T\""), "limits.memory_max", "; the configuration allows at most " },
                { LIMITED("\"memory_max\": \"much\""), "limits.memory_max", "a size such as \"512M\"" },
                { LIMITED("\"swap_max\": 1"), "swap_max", "The fields are: memory_max, cpu_quota, tasks_max" },
                { "{\"command\": [\"make\"], \"limits\": \"none\"}", "limits", "must be an object" },
        };
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                api_ask(&f, "POST", "/api/create-task", NULL, rows[i].request);
                api_check_error(&f, 400, rows[i].field, rows[i].part);
        }
        TAP_CHECK_INT(story_count_files(&f.story, "task-"), 0);
        TAP_CHECK_INT(fake_count_calls(&f.story.systemd, "StartTransientUnit"), 0);
}

static void test_what_was_asked_for_is_kept(void) {
        static const char kept[] = "\"limits\":{\"memory_max\":67108864,\"tasks_max\":50}";
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *document = NULL;

        if (!api_fixture_begin(&f) ||
            !api_create(&f, LIMITED("\"memory_max\": \"64M\", \"tasks_max\": 50, \"timeout\": 30")))
                return;
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, kept);
        TAP_CHECK_CONTAINS(f.body, "\"timeout\":30");
        document = story_read(&f.story, ".json");
        TAP_CHECK_CONTAINS(document, kept);
        TAP_CHECK_STRING(fake_unit_property(story_unit(&f.story), "MemoryMax"), "t 67108864");
        TAP_CHECK_STRING(fake_unit_property(story_unit(&f.story), "RuntimeMaxUSec"), "t 30000000");
        /* The service reads it back: the next attempt has them, too. */
        api_fixture_stop_service(&f);
        if (!api_fixture_start_service(&f))
                return;
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, kept);
}

static void test_nothing_was_asked_for(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!api_fixture_begin(&f) || !api_create(&f, "{\"command\": [\"make\"]}"))
                return;
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK(f.body && !strstr(f.body, "\"limits\""));
        TAP_CHECK_STRING(fake_unit_property(story_unit(&f.story), "TasksMax"), "t 4096");
        TAP_CHECK_STRING(fake_unit_property(story_unit(&f.story), "CPUQuotaPerSecUSec"), NULL);
}

/* What systemd says, whoever has changed it since. */
static void test_check_alive(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        FakeUnit *u;

        if (!api_fixture_begin(&f) || !(u = api_create(&f, "{\"command\": [\"make\"]}")))
                return;
        fake_unit_start(u);
        u->status.memory_max = 67108864;
        u->status.cpu_quota_usec = 1500000;
        u->status.tasks_max = UINT64_MAX;
        u->status.io_weight = 50;
        if (!TAP_CHECK(STORY_UNTIL(&f.story, story_is_in(&f.story, TASK_RUNNING))))
                return;
        test_clock_advance(2 * USEC_PER_SEC);
        api_ask(&f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"limits\":{\"memory_max\":67108864,\"cpu_quota\":150,\"tasks_max\":null,"
                                   "\"io_weight\":50},\"sandbox\":\"standard\"");
        u->status.cpu_quota_usec = UINT64_MAX;
        test_clock_advance(2 * USEC_PER_SEC);
        api_ask(&f, "GET", "/api/task/{id}/check-alive", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"cpu_quota\":null");
}

static const TapTest tests[] = {
        { "refusals", test_refusals },
        { "what was asked for is kept", test_what_was_asked_for_is_kept },
        { "nothing was asked for", test_nothing_was_asked_for },
        { "check-alive", test_check_alive },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

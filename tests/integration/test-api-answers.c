/* Answers that are given again: only as long as they are true. The client does not read meanwhile, so that the turns
 * in which it is answered follow each other. */
#include "api-fixture.h"

#include <remote-developer/journal-follower.h>
#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"
#define STATUS "GET", "/api/task-status/{id}"
#define ALIVE "GET", "/api/task/{id}/check-alive"
#define TASKS 40
#define ASKERS 8

static unsigned n_looks; /* at the journal, for somebody who asks */

int __real_journal_follower_pump(JournalFollower *f, unsigned max);
int __wrap_journal_follower_pump(JournalFollower *f, unsigned max);

int __wrap_journal_follower_pump(JournalFollower *f, unsigned max) {
        n_looks++;
        return __real_journal_follower_pump(f, max);
}

typedef struct Asking {
        ApiFixture api;
        HttpClient client;
} Asking;

static void asking_done(Asking *a) {
        http_client_done(&a->client);
        api_fixture_done(&a->api);
}

static void turn(Asking *a, unsigned n) {
        while (n-- > 0)
                story_turn(&a->api.story);
}

static void ask(Asking *a, const char *method, const char *path) {
        _cleanup_free_ char *expanded = story_expand(&a->api.story, path);
        _cleanup_free_ char *request = string_format("%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method, expanded);

        TAP_CHECK(http_client_send(&a->client, request));
}

/* So many answers; their bodies are in what was received. */
static void await(Asking *a, unsigned n) {
        http_client_read_on(&a->client);
        TAP_CHECK(HTTP_WAIT(&a->api.http, http_client_count(&a->client, "HTTP/1.1 ") == n));
        http_fixture_settle(&a->api.http);
}

static bool begin(Asking *a) {
        if (!story_has_journal() || !api_fixture_begin(&a->api) || !api_create(&a->api, MAKE))
                return false;
        fake_unit_start(story_unit(&a->api.story));
        if (!TAP_CHECK(STORY_UNTIL(&a->api.story, story_is_in(&a->api.story, TASK_RUNNING))) ||
            !http_client_open(&a->client, &a->api.http, HTTP_OVER_TCP))
                return false;
        story_log(&a->api.story, "one", NULL);
        ask(a, STATUS);
        await(a, 1);
        story_settle(&a->api.story);
        buffer_clear(&a->client.received);
        http_client_stop_reading(&a->client);
        return true;
}

#define ASKING                                                                                               \
        _cleanup_(asking_done) Asking a = {};                                                                \
        if (!begin(&a))                                                                                      \
                return

static void test_the_same_again(void) {
        ASKING;

        for (unsigned i = 0; i < 5; i++) {
                ask(&a, STATUS);
                turn(&a, 1);
        }
        ask(&a, ALIVE);
        await(&a, 6);
        TAP_CHECK_INT(http_client_count(&a.client, "\"logs\":[\"one\"]"), 5);
        TAP_CHECK_INT(http_client_count(&a.client, "\"claude_status\""), 5);
        TAP_CHECK_INT(http_client_count(&a.client, "X-Frame-Options: DENY"), 6);
        TAP_CHECK_INT(http_client_count(&a.client, "\"thread_info\""), 1);
}

/* Those whose requests are there at once, for whom one look is enough. */
static void test_one_look_for_all(void) {
        HttpClient askers[ASKERS] = {};
        unsigned before;
        ASKING;

        for (size_t i = 0; i < ASKERS; i++)
                TAP_CHECK(http_client_open(&askers[i], &a.api.http, HTTP_OVER_TCP));
        http_fixture_settle(&a.api.http);
        before = n_looks;
        for (size_t i = 0; i < ASKERS; i++) {
                _cleanup_free_ char *request = story_expand(&a.api.story, "GET /api/task-status/{id} HTTP/1.1\r\n"
                                                                          "Host: localhost\r\n\r\n");

                TAP_CHECK(http_client_send(&askers[i], request));
        }
        for (size_t i = 0; i < ASKERS; i++) {
                TAP_CHECK(HTTP_WAIT(&a.api.http, http_client_count(&askers[i], "\"logs\":[\"one\"]") == 1));
                http_client_done(&askers[i]);
        }
        TAP_CHECK(n_looks > before);
        TAP_CHECK(n_looks < before + ASKERS / 2);
}

/* The request was there before the line: no turn of another was in between. */
static void test_a_line_that_has_come(void) {
        ASKING;

        ask(&a, STATUS);
        turn(&a, 1);
        ask(&a, STATUS);
        story_log(&a.api.story, "two", NULL);
        await(&a, 2);
        TAP_CHECK_INT(http_client_count(&a.client, "\"logs\":[\"one\"]"), 1);
        TAP_CHECK_INT(http_client_count(&a.client, "\"logs\":[\"one\",\"two\"]"), 1);
}

static void test_a_request_that_changes_something(void) {
        ASKING;

        ask(&a, STATUS);
        ask(&a, "POST", "/api/task/{id}/cancel");
        ask(&a, STATUS);
        await(&a, 3);
        TAP_CHECK_INT(http_client_count(&a.client, "\"cancel_requested\":false"), 1);
        TAP_CHECK_INT(http_client_count(&a.client, "\"cancel_requested\":true"), 1);
}

static void test_what_systemd_says(void) {
        ASKING;

        ask(&a, ALIVE);
        turn(&a, 1);
        fake_unit_end(story_unit(&a.api.story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&a.api.story, story_is_finished(&a.api.story)));
        ask(&a, ALIVE);
        await(&a, 2);
        TAP_CHECK_INT(http_client_count(&a.client, ",\"is_alive\":true,\"task_status\""), 1);
        TAP_CHECK_INT(http_client_count(&a.client, ",\"is_alive\":false,\"task_status\":\"failed\""), 1);
}

/* What is changed behind our back is believed for a moment. */
static void test_a_document_that_another_changed(void) {
        ASKING;
        _cleanup_free_ char *name = string_format("%s.json", a.api.story.id), *text = NULL;
        char *at;

        fake_unit_end(story_unit(&a.api.story), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&a.api.story, story_is_finished(&a.api.story)));
        story_settle(&a.api.story);
        text = story_read(&a.api.story, name);
        at = text ? strstr(text, "\"exit_code\":1") : NULL;
        if (!TAP_CHECK(at))
                return;
        ask(&a, STATUS);
        turn(&a, 1);
        at[strlen("\"exit_code\":")] = '7';
        story_write(&a.api.story, name, text);
        test_clock_advance(USEC_PER_SEC / 4);
        ask(&a, STATUS);
        await(&a, 2);
        TAP_CHECK_INT(http_client_count(&a.client, "\"exit_code\":1"), 1);
        TAP_CHECK_INT(http_client_count(&a.client, "\"exit_code\":7"), 1);
}

/* More than are kept. */
static void test_each_has_its_own(void) {
        ASKING;
        char ids[TASKS][TASK_ID_SIZE + 1];

        for (unsigned i = 0; i < TASKS; i++) {
                api_ask(&a.api, "POST", "/api/create-task", NULL, MAKE);
                snprintf(ids[i], sizeof(ids[i]), "%s", api_string(&a.api, "task_id") ?: "");
        }
        story_settle(&a.api.story);
        for (unsigned i = 0; i < 4 * TASKS; i++) {
                memcpy(a.api.story.id, ids[i % TASKS], sizeof(ids[0]));
                if (i < 2 * TASKS)
                        ask(&a, STATUS);
                else
                        ask(&a, ALIVE);
                turn(&a, 1);
        }
        await(&a, 4 * TASKS);
        for (unsigned i = 0; i < TASKS; i++) {
                _cleanup_free_ char *id = string_format("\"task_id\":\"%s\"", ids[i]);

                TAP_CHECK_INT(http_client_count(&a.client, id), 2 * 2);
        }
        TAP_CHECK_INT(http_client_count(&a.client, "\"thread_info\""), 2 * TASKS);
}

static const TapTest tests[] = {
        { "the same again", test_the_same_again },
        { "one look for all", test_one_look_for_all },
        { "a line that has come", test_a_line_that_has_come },
        { "a request that changes something", test_a_request_that_changes_something },
        { "what systemd says", test_what_systemd_says },
        { "a document that another changed", test_a_document_that_another_changed },
        { "each has its own", test_each_has_its_own },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

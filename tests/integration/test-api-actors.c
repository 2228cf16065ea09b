/* Who did what: every action is in the task's document and in the log with who asked for it. Who asks says `peer`
 * (see meson.build), or a token. */
#include "api-fixture.h"
#include "operating.h"

#include <remote-developer/strings.h>
#include <remote-developer/token.h>

static HttpPeer peer;

HttpPeer __wrap_http_peer_find(int fd);
HttpPeer __wrap_http_peer_find(int fd _unused_) {
        return peer;
}

#define ROOT "user:0(root)"
#define COMMAND "{\"command\": [\"make\"]}"

/* A service for root and a token `bot` of everything; the header that gives it. */
static bool begin(ApiFixture *f, char **ret_header) {
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        char text[TOKEN_TEXT_SIZE];
        int fd;

        peer = (HttpPeer){ true, 0 };
        if (!api_fixture_begin(f))
                return false;
        fd = open(f->story.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        TAP_CHECK_INT(token_list_add(&l, "bot", ACCESS_ADMIN, 0, text, NULL), 0);
        TAP_CHECK_INT(token_list_write(fd, &l), 0);
        (void) close(fd);
        *ret_header = string_format("Authorization: Bearer %s\r\n", text);
        return true;
}

/* On disk and in the reply alike; NULL: nobody is named. */
static void check_named(ApiFixture *f, const char *field, const char *actor) {
        _cleanup_free_ char *member = string_format("\"%s\":\"%s\"", field, actor ?: "");

        api_ask(f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_STRING(api_string(f, field), actor);
        TAP_CHECK(!actor || story_document_has(&f->story, member));
}

static void end_task(ApiFixture *f) {
        fake_unit_end(story_unit(&f->story), "success", CLD_EXITED, 0);
        TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
        story_settle(&f->story);
}

static void test_who_created_it(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f, &header) || !api_create(&f, COMMAND))
                return;
        check_named(&f, "created_by", ROOT);
        check_named(&f, "cancel_requested_by", NULL);
        check_named(&f, "resumed_by", NULL);
        TAP_CHECK_INT(story_told("Created by " ROOT), 1);
        api_ask(&f, "POST", "/api/create-task", header, COMMAND);
        snprintf(f.story.id, sizeof(f.story.id), "%s", api_string(&f, "task_id") ?: "");
        check_named(&f, "created_by", "token:bot");
        TAP_CHECK_INT(story_told("Created by token:bot"), 1);
}

/* The first wish counts: the second changes nothing. */
static void test_who_cancelled_it(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f, &header) || !api_create(&f, COMMAND))
                return;
        api_ask(&f, "POST", "/api/task/{id}/cancel", header, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_named(&f, "cancel_requested_by", "token:bot");
        TAP_CHECK_INT(story_told("To be cancelled by token:bot"), 1);
        api_ask(&f, "POST", "/api/task/{id}/cancel", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_named(&f, "cancel_requested_by", "token:bot");
        check_named(&f, "created_by", ROOT);
}

static void test_a_wish_that_was_not_written_is_nobodys(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f, &header) || !api_create(&f, COMMAND))
                return;
        story_fill_disk(true);
        api_ask(&f, "POST", "/api/task/{id}/cancel", header, NULL);
        story_fill_disk(false);
        TAP_CHECK(f.status >= 500);
        check_named(&f, "cancel_requested_by", NULL);
        TAP_CHECK_INT(story_told("To be cancelled"), 0);
}

static void test_who_resumed_and_deleted_it(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f, &header) || !api_create(&f, COMMAND))
                return;
        end_task(&f);
        api_ask(&f, "POST", "/api/task/{id}/resume", header, NULL);
        TAP_CHECK_INT(f.status, 200);
        check_named(&f, "resumed_by", "token:bot");
        check_named(&f, "created_by", ROOT);
        TAP_CHECK_INT(story_told("Attempt 2 is asked for by token:bot"), 1);
        if (!TAP_CHECK(STORY_UNTIL(&f.story, story_unit(&f.story))))
                return;
        api_ask(&f, "POST", "/api/task/{id}/cancel", NULL, NULL);
        check_named(&f, "cancel_requested_by", ROOT);
        end_task(&f);
        api_ask(&f, "POST", "/api/task/{id}/resume", NULL, NULL);
        check_named(&f, "resumed_by", ROOT);
        check_named(&f, "cancel_requested_by", NULL); /* that was the attempt before */
        if (!TAP_CHECK(STORY_UNTIL(&f.story, story_unit(&f.story))))
                return;
        end_task(&f);
        api_ask(&f, "DELETE", "/api/task/{id}", header, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_INT(story_told("Forgotten by token:bot"), 1);
}

static void test_it_outlives_the_service(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f, &header) || !api_create(&f, COMMAND))
                return;
        api_ask(&f, "POST", "/api/task/{id}/cancel", header, NULL);
        api_fixture_stop_service(&f);
        if (!api_fixture_start_service(&f))
                return;
        check_named(&f, "created_by", ROOT);
        check_named(&f, "cancel_requested_by", "token:bot");
}

static void test_a_request_cannot_say_who_it_is(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f, &header))
                return;
        api_ask(&f, "POST", "/api/create-task", NULL, "{\"command\": [\"make\"], \"created_by\": \"user:1\"}");
        api_check_error(&f, 400, "created_by", "");
}

static const TapTest tests[] = {
        { "who created it", test_who_created_it },
        { "who cancelled it", test_who_cancelled_it },
        { "a wish that was not written is nobody's", test_a_wish_that_was_not_written_is_nobodys },
        { "who resumed and deleted it", test_who_resumed_and_deleted_it },
        { "it outlives the service", test_it_outlives_the_service },
        { "a request cannot say who it is", test_a_request_cannot_say_who_it_is },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

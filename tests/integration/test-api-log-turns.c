/* Pages of logs take turns with the rest of the service and with each other, and end with their clients. */
#include "api-fixture.h"

#include <signal.h>

#define LOGS "/api/task/{id}/logs"
#define MAKE "{\"command\": [\"make\"]}"
#define MANY 20000

/* A finished task. */
static bool begin(ApiFixture *f) {
        if (!story_has_journal() || !api_fixture_begin(f) || !api_create(f, MAKE))
                return false;
        fake_unit_start(story_unit(&f->story));
        if (!TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING))))
                return false;
        story_log_numbered(&f->story, MANY);
        fake_unit_end(story_unit(&f->story), "exit-code", CLD_EXITED, 1);
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

#define SLOW LOGS "?grep=(.)(.)(.)%5C3%5C2%5C1x%7Cno%20.*such%20.*line"

/* As long as a page may last: so many ways to match. */
#define SLOWEST LOGS "?grep=(.|..|...)*(.|..)*[xy]&limit=10000"

/* While a page is being collected the rest of the service goes on. */
static void test_others_are_served_meanwhile(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        HttpClient slow[6] = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(slow); i++)
                TAP_CHECK(api_send(&f, &slow[i], "GET", SLOW, NULL, NULL));
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        for (size_t i = 0; i < ELEMENTSOF(slow); i++)
                TAP_CHECK(!slow[i].ended);
        for (size_t i = 0; i < ELEMENTSOF(slow); i++) {
                api_await(&f, &slow[i]);
                TAP_CHECK_INT(f.status, 200);
                http_client_done(&slow[i]);
        }
}

static void test_too_many_at_once(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        HttpClient clients[50] = {};
        unsigned busy = 0;

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                TAP_CHECK(api_send(&f, &clients[i], "GET", SLOWEST, NULL, NULL));
        TAP_CHECK(HTTP_WAIT(&f.http, clients[ELEMENTSOF(clients) - 1].ended));
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                while (!clients[i].ended && story_turn(&f.story))
                        test_clock_advance(USEC_PER_SEC);
                api_await(&f, &clients[i]);
                if (f.status == 503) {
                        TAP_CHECK_STRING(api_header(&f, "Retry-After"), "1");
                        busy++;
                } else
                        TAP_CHECK_INT(f.status, 200);
                http_client_done(&clients[i]);
        }
        printf("# %u were asked to come again\n", busy);
        TAP_CHECK(busy > 0 && busy <= 34);
        api_ask(&f, "GET", LOGS "?limit=1", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

/* How many turns of the loop there are from a slow page's request to when nothing is left to do. */
static unsigned count_turns(ApiFixture *f, bool leaves) {
        _cleanup_(http_client_done) HttpClient c = {};
        unsigned turns = 0;

        if (!api_send(f, &c, "GET", SLOW, NULL, NULL))
                return 0;
        while (turns < 5) {
                story_turn(&f->story);
                turns++;
        }
        TAP_CHECK(!c.ended);
        if (leaves)
                http_client_done(&c);
        while (turns < 10000 && sd_event_run(f->http.event, 20 * USEC_PER_MSEC) > 0)
                turns++;
        TAP_CHECK(leaves || c.ended);
        return turns;
}

/* The work ends with the client. */
static void test_clients_that_leave(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        unsigned stays, leaves;

        if (!begin(&f))
                return;
        f.over = HTTP_OVER_UNIX;
        stays = count_turns(&f, false);
        leaves = count_turns(&f, true);
        printf("# %u turns for who stays, %u for who leaves\n", stays, leaves);
        TAP_CHECK(leaves < stays / 2);
}

/* The service may go while pages are worked on and wait. */
static void test_end_of_the_service(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};
        HttpClient clients[10] = {};

        if (!begin(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                TAP_CHECK(api_send(&f, &clients[i], "GET", SLOW, NULL, NULL));
        for (unsigned turns = 0; turns < 40; turns++)
                story_turn(&f.story);
        /* What was begun is ended, what was not is asked to come again. */
        api_end_streams(f.api);
        api_await(&f, &clients[9]);
        api_check_error(&f, 503, NULL, "ask again");
        TAP_CHECK_STRING(api_header(&f, "Retry-After"), "1");
        api_await(&f, &clients[0]);
        TAP_CHECK_INT(f.status, 200);
        for (size_t i = 0; i < ELEMENTSOF(clients); i++)
                http_client_done(&clients[i]);
}

static const TapTest tests[] = {
        { "others are served meanwhile", test_others_are_served_meanwhile },
        { "too many at once", test_too_many_at_once },
        { "clients that leave", test_clients_that_leave },
        { "the end of the service", test_end_of_the_service },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* A day in the life of the service, by the test's clock: streams that are open all day with a heartbeat each half
 * minute, and somebody who looks at the task now and then. Nothing grows with the hours. (The lines come in the first
 * of them only: each is a file of the journal here.) */
#include "api-fixture.h"

#include <malloc.h>
#include <stdio.h>

#define HEARTBEAT_USEC (30 * USEC_PER_SEC)
#define STREAMS 20
#define STEPS_PER_HOUR 120 /* of a heartbeat */
#define HOURS 24
#define HOURS_WITH_LINES 3

/* Of the heap; a list that kept one pointer for each heartbeat would have grown by 400 kB. */
#define GROWTH_MAX ((size_t) 16 * 1024)

typedef struct Day {
        ApiFixture f;
        HttpClient clients[STREAMS];
        unsigned heartbeats[STREAMS], lines[STREAMS];
} Day;

static unsigned count(const char *data, size_t size, const char *text) {
        unsigned n = 0;

        for (const char *s = data, *end = data + size; (s = memmem(s, (size_t) (end - s), text, strlen(text))); n++)
                s += strlen(text);
        return n;
}

/* An event comes in one piece: the service writes it in one, and the loop runs after each. */
static void on_data(HttpClient *c, const char *data, size_t size) {
        Day *day = c->userdata;
        size_t i = (size_t) (c - day->clients);

        day->heartbeats[i] += count(data, size, "\"heartbeat\"");
        day->lines[i] += count(data, size, "\"log\"");
}

static bool begin(Day *day) {
        if (!story_has_journal() || !api_fixture_begin(&day->f) || !api_create(&day->f, "{\"command\": [\"make\"]}"))
                return false;
        fake_unit_start(story_unit(&day->f.story));
        if (!TAP_CHECK(STORY_UNTIL(&day->f.story, story_is_in(&day->f.story, TASK_RUNNING))))
                return false;
        for (size_t i = 0; i < STREAMS; i++) {
                day->clients[i].on_data = on_data;
                day->clients[i].userdata = day;
                if (!api_send(&day->f, &day->clients[i], "GET", "/api/task-logs/{id}/stream", NULL, NULL))
                        return false;
        }
        story_settle(&day->f.story);
        return true;
}

static void pass_hour(Day *day, unsigned hour) {
        char line[32];

        snprintf(line, sizeof(line), "hour %u", hour);
        if (hour < HOURS_WITH_LINES)
                story_log(&day->f.story, line, NULL);
        for (unsigned step = 0; step < STEPS_PER_HOUR; step++) {
                story_pass(&day->f.story, HEARTBEAT_USEC);
                if (step % 30 == 0)
                        api_ask(&day->f, "GET", "/api/task-status/{id}", NULL, NULL);
        }
}

static size_t heap(void) {
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
}

static void test_nothing_grows_with_the_hours(void) {
        static Day day;
        size_t early = 0, late;

        if (begin(&day))
                for (unsigned hour = 0; hour < HOURS; hour++) {
                        pass_hour(&day, hour);
                        if (hour == HOURS_WITH_LINES)
                                early = heap();
                }
        late = heap();
        for (size_t i = 0; i < STREAMS; i++) {
                TAP_CHECK_INT(day.lines[i], HOURS_WITH_LINES);
                TAP_CHECK(day.heartbeats[i] > HOURS * STEPS_PER_HOUR * 9 / 10);
                TAP_CHECK(!day.clients[i].ended);
                http_client_done(&day.clients[i]);
        }
        printf("# heap %zu bytes after 4 hours, %zu after %u; %u heartbeats\n", early, late, HOURS,
               day.heartbeats[0]);
        TAP_CHECK(late <= early + GROWTH_MAX);
        api_fixture_done(&day.f);
}

static const TapTest tests[] = {
        { "nothing grows with the hours", test_nothing_grows_with_the_hours },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

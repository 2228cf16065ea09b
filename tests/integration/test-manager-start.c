/* What a start waits for before anybody is served, and what it leaves for later. */
#include "story.h"

/* The service goes down while a task runs. */
static FakeUnit *run_and_stop_service(Story *s) {
        FakeUnit *u = story_run(s);

        if (u)
                story_stop_service(s);
        return u;
}

/* The list of units is enough where a task is as its document says; of any other nobody is told before it is read. */
static void test_only_what_has_changed_is_read_first(void) {
        static const struct {
                const char *active_state, *sub_state;
                TaskState state;
                bool waits;
        } rows[] = {
                { "active", "running", TASK_RUNNING, false },
                { "reloading", "reload", TASK_RUNNING, false },
                { "activating", "start-pre", TASK_PREPARING, true },
                { "deactivating", "stop-post", TASK_REVIEWING, true },
                { "deactivating", "stop-sigterm", TASK_STOPPING, true },
                { "maintenance", "any", TASK_RUNNING, true },
                { "failed", "failed", TASK_FINISHED, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!story_begin(&s) || !(u = run_and_stop_service(&s)))
                        return;
                fake_unit_put_state(u, rows[i].active_state, rows[i].sub_state);
                fake_delay_replies(&s.systemd, "GetAll");
                if (!story_load(&s) || !story_connect(&s))
                        return;
                TAP_CHECK_INT(s.recovered, !rows[i].waits);
                TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
                fake_release_replies(&s.systemd);
                story_settle(&s);
                TAP_CHECK_INT(s.recovered, 1);
                TAP_CHECK_INT(story_task(&s)->state, rows[i].state);
        }
}

/* For what the list does not tell: an administrator has restarted the unit. */
static void test_what_has_not_changed_is_read_afterwards(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = run_and_stop_service(&s)))
                return;
        snprintf(u->status.invocation_id, ID128_TEXT_SIZE, "%032x", 77);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK_STRING(story_task(&s)->invocation_id, u->status.invocation_id);
        TAP_CHECK_INT(s.ref.unit->main_pid, u->status.main_pid);
}

static const TapTest tests[] = {
        { "only what has changed is read first", test_only_what_has_changed_is_read_first },
        { "what has not changed is read afterwards", test_what_has_not_changed_is_read_afterwards },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Which step a task is at, by the rows of its unit's commands, and which one failed. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

static const char recipes[] =
        "recipes:\n"
        "  command:\n"
        "    prepare:\n"
        "      - {status: one, progress: 10, command: [claude]}\n"
        "      - {status: two, progress: 20, command: [claude], timeout: 3}\n"
        "    work: {status: executing_task, progress: 60}\n"
        "    review:\n"
        "      - {status: three, progress: 80, command: [claude]}\n";

static bool begin(Story *s) {
        return story_open(s) && TAP_CHECK_INT(config_read(&s->config, "c", recipes, strlen(recipes), NULL), 0) &&
               story_start_service(s);
}

static FakeUnit *ask(Story *s) {
        return begin(s) ? story_ask(s) : NULL;
}

static void prepare(Story *s, FakeUnit *u, unsigned begun) {
        u->status.prepare = (UnitCommands){ .begun = begun };
        fake_unit_set_state(u, "activating", "start-pre");
        story_settle(s);
}

static void check_place(Story *s, const char *status, unsigned progress, int step) {
        TAP_CHECK_STRING(task_status(story_task(s)), status);
        TAP_CHECK_INT(task_progress(story_task(s)), progress);
        TAP_CHECK_INT(story_task(s)->step, step);
}

static void test_status_and_progress_follow_the_rows(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u = ask(&s);

        if (!u)
                return;
        prepare(&s, u, 1);
        check_place(&s, "one", 10, 0);
        prepare(&s, u, 2);
        check_place(&s, "two", 20, 1);
        fake_unit_set_state(u, "active", "running");
        story_settle(&s);
        check_place(&s, "executing_task", 60, 2);
        u->status.exec_main_code = CLD_EXITED;
        u->status.after.begun = 1;
        fake_unit_set_state(u, "deactivating", "stop-post");
        story_settle(&s);
        check_place(&s, "reviewing_changes", 75, 2);
        u->status.after.begun = 2;
        fake_unit_emit(u);
        story_settle(&s);
        check_place(&s, "three", 80, 3);
}

static void test_they_are_right_after_a_restart(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u = ask(&s);

        if (!u)
                return;
        prepare(&s, u, 1);
        story_stop_service(&s);
        u->status.prepare.begun = 2;
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        check_place(&s, "two", 20, 1);
}

/* systemd has forgotten what was begun: nobody goes back. */
static void test_a_reload_takes_no_step_back(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u = ask(&s);

        if (!u)
                return;
        prepare(&s, u, 2);
        prepare(&s, u, 0);
        check_place(&s, "two", 20, 1);
}

static void test_the_failed_step_is_named(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u = ask(&s);

        if (!u)
                return;
        prepare(&s, u, 2);
        u->status.prepare.exit_code = CLD_EXITED;
        u->status.prepare.exit_status = 7;
        fake_unit_end(u, "exit-code", 0, 0);
        TAP_CHECK_STRING(story_verdict(&s), "failed step-failed");
        TAP_CHECK_STRING(story_task(&s)->error, "The step \"two\" (claude) failed with exit code 7");
        TAP_CHECK_INT(story_task(&s)->exit_code, 7);
        TAP_CHECK_INT(task_progress(story_task(&s)), 20);
        TAP_CHECK_INT(story_task(&s)->step, 1);
}

/* Its reviews ran behind it, and are none of its progress. */
static void test_the_failed_work_is_where_it_stays(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u = ask(&s);

        if (!u)
                return;
        prepare(&s, u, 2);
        fake_unit_set_state(u, "active", "running");
        story_settle(&s);
        u->status.after.begun = 2;
        fake_unit_end(u, "exit-code", CLD_EXITED, 3);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->step, 2);
        TAP_CHECK_INT(task_progress(story_task(&s)), 60);
}

static const TapTest tests[] = {
        { "status and progress follow the rows", test_status_and_progress_follow_the_rows },
        { "they are right after a restart", test_they_are_right_after_a_restart },
        { "a reload takes no step back", test_a_reload_takes_no_step_back },
        { "the failed step is named", test_the_failed_step_is_named },
        { "the failed work is where it stays", test_the_failed_work_is_where_it_stays },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

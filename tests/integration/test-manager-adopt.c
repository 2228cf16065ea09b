/* An agent's unit without a document: what it tells of its task, what the log tells of the agent, and that a later
 * attempt goes on with its session in its directory. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define ID "task-1700000000-abcdef"
#define TREE "/srv/workspaces/tasks/" ID

#define INIT "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"the-session\"}"
#define TALK "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\"}}"
#define RESULT "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"Done.\"}"
#define THREAD "{\"type\":\"thread.started\",\"thread_id\":\"the-thread\"}"
#define TURN "{\"type\":\"turn.started\"}"

#define LAUNCHED "/usr/libexec/exec", "--task=" ID, "--"
#define STEP(verb) LAUNCHED, "/usr/libexec/remote-developer-step", "remote-developer-step", verb, "--root", \
        "/srv/workspaces", "--task", ID
#define CLAUDE LAUNCHED, "claude", "claude", "-p", "--output-format", "stream-json", "--verbose"
#define CODEX LAUNCHED, "codex", "codex", "exec", "--json", "--sandbox", "workspace-write", "--skip-git-repo-check"

static const char *const first_recorder[] = { "/recorder", "/state", ID, NULL };
static const char *const third_recorder[] = { "/recorder", "/state", ID ".3", NULL };
static const char *const workspace_argv[] = { STEP("workspace"), "--repository", "o/r", NULL };
static const char *const claude_argv[] = { CLAUDE, "--session-id", "1234", NULL };
static const char *const resumed_argv[] = { CODEX, "resume", "the-thread", "-", NULL };

/* The unit runs already when the service comes; its prompt is beside where its document was. */
static bool adopt(Story *s, const FakeCommands *commands, const char *prompt) {
        FakeUnit *u;

        if (!story_has_journal() || !story_begin(s))
                return false;
        story_stop_service(s);
        snprintf(s->id, sizeof(s->id), "%s", ID);
        story_write(s, ".prompt", prompt);
        u = fake_unit_add(&s->systemd, "remote-developer-" ID ".service");
        u->commands = commands;
        u->status.job_id = 0;
        u->status.active_enter_usec = u->status.exec_main_start_usec = clock_realtime_usec();
        fake_unit_put_state(u, "active", "running");
        return story_start_service(s) && TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING)));
}

static void end(Story *s, const char *result, const char *word, const char *status) {
        bool exited = string_equal(word, "exited");

        story_record(s, NULL, result, word, status);
        fake_unit_end(story_unit(s), result, exited ? CLD_EXITED : CLD_KILLED, exited ? 0 : SIGKILL);
        TAP_CHECK(STORY_UNTIL(s, story_is_finished(s)));
}

static bool resumes_with(Story *s, const char *argument, const char *input) {
        _cleanup_free_ char *prompt = NULL;

        if (!TAP_CHECK(STORY_UNTIL(s, !story_unit(s))) || !TAP_CHECK_INT(story_resume(s), 0) ||
            !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return false;
        prompt = story_read(s, ".prompt");
        TAP_CHECK_STRING(prompt, input);
        return TAP_CHECK_CONTAINS(fake_unit_property(story_unit(s), "ExecStart"), argument);
}

static void test_first_attempt_in_a_work_tree(void) {
        static const FakeCommands commands = { claude_argv, first_recorder, "no-env-expand", "!" TREE,
                                               5 * USEC_PER_SEC, workspace_argv };
        _cleanup_(story_done) Story s = {};
        const Task *t;

        if (!adopt(&s, &commands, "--version\nDo it"))
                return;
        t = story_task(&s);
        TAP_CHECK_STRING(t->spec.recipe, "claude");
        TAP_CHECK_INT(t->spec.agent, AGENT_KIND_CLAUDE);
        TAP_CHECK_STRING(t->spec.github_repo, "o/r");
        TAP_CHECK_STRING(t->spec.task_description.data, "--version\nDo it");
        TAP_CHECK_STRING(t->spec.working_directory, NULL);
        TAP_CHECK_STRING(t->session_id, "1234");
        TAP_CHECK(!t->spec.command && t->attempt == 1);
        story_log(&s, INIT, TALK, NULL);
        end(&s, "signal", "killed", "KILL");
        TAP_CHECK_STRING(story_verdict(&s), "failed signal");
        TAP_CHECK_STRING(story_task(&s)->agent.session_id, "the-session");
        if (!resumes_with(&s, "\"--resume=3dthe-session\"", "continue"))
                return;
        TAP_CHECK_STRING(fake_unit_property(story_unit(&s), "WorkingDirectory"), "s \"-" TREE "\"");
        TAP_CHECK_CONTAINS(fake_unit_property(story_unit(&s), "ExecStartPre"), "\"--repository\", \"o/r\"");
}

/* Where it may be missing systemd says so, also without a step that makes it. */
static void test_work_tree_that_nobody_makes(void) {
        static const FakeCommands commands = { claude_argv, first_recorder, "no-env-expand", "!" TREE,
                                               5 * USEC_PER_SEC, NULL };
        _cleanup_(story_done) Story s = {};

        if (!adopt(&s, &commands, ""))
                return;
        TAP_CHECK_STRING(story_task(&s)->spec.working_directory, TREE);
        TAP_CHECK_STRING(story_task(&s)->spec.github_repo, NULL);
}

/* Its result is the earlier attempt's until it gives one itself, and what it was told now is no description. */
static void test_later_attempt_in_a_directory(void) {
        static const FakeCommands commands = { resumed_argv, third_recorder, "no-env-expand", "/srv/here",
                                               5 * USEC_PER_SEC, NULL };
        _cleanup_(story_done) Story s = {};
        const Task *t;

        if (!adopt(&s, &commands, "continue"))
                return;
        t = story_task(&s);
        TAP_CHECK_STRING(t->spec.recipe, "codex");
        TAP_CHECK_STRING(t->spec.working_directory, "/srv/here");
        TAP_CHECK_STRING(t->spec.task_description.data, NULL);
        TAP_CHECK_STRING(t->session_id, "the-thread");
        TAP_CHECK(t->session_resumes && t->attempt == 3);
        story_log(&s, THREAD, TURN, NULL);
        end(&s, "success", "exited", "0");
        TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
        TAP_CHECK_INT(story_task(&s)->agent.turns, 1);
        if (resumes_with(&s, "\"resume\", \"the-thread\", \"-\"", "continue"))
                TAP_CHECK_STRING(fake_unit_property(story_unit(&s), "WorkingDirectory"), "s \"/srv/here\"");
}

/* The log has them, and says nothing of where the attempts part. */
static void test_earlier_attempts_do_not_count(void) {
        static const char *const again[] = { CLAUDE, "--resume=the-session", NULL };
        static const FakeCommands commands = { again, third_recorder, "no-env-expand", "/srv/here",
                                               5 * USEC_PER_SEC, NULL };
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_has_journal() || !story_open(&s))
                return;
        snprintf(s.id, sizeof(s.id), "%s", ID);
        u = fake_unit_add(&s.systemd, "remote-developer-" ID ".service");
        u->commands = &commands;
        story_log(&s, INIT, TALK, RESULT, NULL);
        test_clock_advance(10 * USEC_PER_SEC);
        u->status.active_enter_usec = u->status.exec_main_start_usec = clock_realtime_usec();
        fake_unit_put_state(u, "active", "running");
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING))))
                return;
        story_settle(&s);
        story_stop_service(&s);
        story_log(&s, INIT, NULL);
        if (!story_start_service(&s))
                return;
        end(&s, "success", "exited", "0");
        TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
        TAP_CHECK_CONTAINS(story_task(&s)->error, "without giving a result");
        TAP_CHECK_STRING(story_task(&s)->agent.session_id, "the-session");
        TAP_CHECK_INT(story_task(&s)->log_lines, 4);
}

static const TapTest tests[] = {
        { "a first attempt in a work tree goes on with its session", test_first_attempt_in_a_work_tree },
        { "a work tree that nobody makes is a directory", test_work_tree_that_nobody_makes },
        { "a later attempt in a directory goes on with its session", test_later_attempt_in_a_directory },
        { "what earlier attempts said does not count", test_earlier_attempts_do_not_count },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* How long a task's secrets are on disk: from before its document until its verdict, over automatic attempts, and
 * whatever a crash leaves of them until the next start. */
#include "story.h"
#include "tap.h"

#include <remote-developer/strings.h>

#include <sys/stat.h>

#define FIELDS ", \"secrets\": {\"TOKEN\": \"hunter-two\"}, \"github_token\": \"hunter-three\""
#define REQUEST "{\"command\": [\"make\"]" FIELDS "}"
#define LEFT "task-1700000000-abcdef"

static bool has_secret(const Story *s, const char *suffix) {
        _cleanup_free_ char *value = story_read(s, suffix);

        return value;
}

static void end(Story *s, FakeUnit *u, const char *verdict) {
        story_record(s, NULL, "success", "exited", "0");
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK_STRING(story_verdict(s), verdict);
}

static void make_left(const Story *s) {
        _cleanup_free_ char *path = story_path(s, LEFT ".credentials");

        TAP_CHECK_INT(mkdir(path, 0700), 0);
        story_write(s, LEFT ".credentials/TOKEN", "left");
}

static void test_from_the_request_to_the_verdict(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *value = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run_with(&s, FIELDS)))
                return;
        value = story_read(&s, ".credentials/TOKEN");
        TAP_CHECK_STRING(value, "hunter-two");
        TAP_CHECK(has_secret(&s, ".credentials/github_token"));
        TAP_CHECK(!story_document_has(&s, "hunter"));
        TAP_CHECK(story_document_has(&s, "\"credentials\":[\"TOKEN\",\"github_token\"]"));
        end(&s, u, "completed exit-code");
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
        TAP_CHECK(!story_document_has(&s, "hunter"));
}

static void test_without_secrets_there_is_nothing(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run(&s)))
                return;
        TAP_CHECK(!fake_unit_property(u, "LoadCredential"));
        TAP_CHECK(!fake_unit_property(u, "LimitCORE"));
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
        TAP_CHECK(!story_document_has(&s, "credentials"));
}

/* What belongs to a task that runs stays over a restart; what belongs to none goes. */
static void test_a_restart_sorts_them(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run_with(&s, FIELDS)))
                return;
        make_left(&s);
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        TAP_CHECK(has_secret(&s, ".credentials/TOKEN"));
        TAP_CHECK_INT(story_count_files(&s, LEFT), 0);
        end(&s, u, "completed exit-code");
}

/* Killed after the verdict was on disk, before the secrets were removed. */
static void test_left_of_a_finished_task(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *path = NULL;
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run_with(&s, FIELDS)))
                return;
        end(&s, u, "completed exit-code");
        path = story_path(&s, ".credentials");
        TAP_CHECK_INT(mkdir(path, 0700), 0);
        story_write(&s, ".credentials/TOKEN", "left");
        story_stop_service(&s);
        TAP_CHECK(story_start_service(&s));
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
}

/* Its document may be read by a later service. */
static void test_a_document_that_cannot_be_read_keeps_them(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        make_left(&s);
        story_write(&s, LEFT ".json", "{\"version\": 999, \"task_id\": \"" LEFT "\"}");
        story_stop_service(&s);
        TAP_CHECK(story_start_service(&s));
        TAP_CHECK(has_secret(&s, LEFT ".credentials/TOKEN"));
}

static void test_on_a_full_disk_nothing_is_left(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        story_fill_disk(true);
        TAP_CHECK(story_create(&s, REQUEST) < 0);
        story_fill_disk(false);
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
}

/* An attempt by hand has what it is given. */
static void test_resumed_by_hand(void) {
        const Secrets given = { .pairs = (char *[]){ (char *) "OTHER=hunter-four", NULL } };
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_begin(&s) || !(u = story_run_with(&s, FIELDS)))
                return;
        end(&s, u, "completed exit-code");
        TAP_CHECK_INT(manager_resume_task(s.manager, s.id, &given, STORY_ACTOR, &s.problem), 0);
        TAP_CHECK(has_secret(&s, ".credentials/OTHER"));
        TAP_CHECK(!has_secret(&s, ".credentials/TOKEN"));
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        TAP_CHECK_CONTAINS(fake_unit_property(story_unit(&s), "LoadCredential"), "OTHER");
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        end(&s, story_unit(&s), "completed exit-code");
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
        TAP_CHECK_INT(story_resume(&s), 0);
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
        TAP_CHECK(!story_document_has(&s, "\"credentials\""));
        TAP_CHECK_INT(story_told("this one was given none"), 1);
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        TAP_CHECK(!fake_unit_property(story_unit(&s), "LoadCredential"));
}

/* The machine was rebooted: the next attempt comes by itself, and needs the same. */
static void test_kept_for_an_automatic_attempt(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_open(&s))
                return;
        s.config.orphaned_task_action = ORPHANED_TASK_RESUME;
        if (!story_start_service(&s) || !(u = story_run_with(&s, FIELDS)))
                return;
        story_stop_service(&s);
        fake_unit_remove(u);
        s.systemd.started_usec++;
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
        TAP_CHECK(has_secret(&s, ".credentials/TOKEN"));
        story_stop_service(&s);
        TAP_CHECK(story_start_service(&s));
        TAP_CHECK(has_secret(&s, ".credentials/TOKEN"));
        TAP_CHECK_INT(story_cancel(&s), 0);
        TAP_CHECK_STRING(story_verdict(&s), "cancelled cancelled");
        TAP_CHECK_INT(story_count_files(&s, "credentials"), 0);
}

static const TapTest tests[] = {
        { "from the request to the verdict", test_from_the_request_to_the_verdict },
        { "without secrets there is nothing", test_without_secrets_there_is_nothing },
        { "a restart sorts them", test_a_restart_sorts_them },
        { "what is left of a finished task", test_left_of_a_finished_task },
        { "a document that cannot be read keeps them", test_a_document_that_cannot_be_read_keeps_them },
        { "on a full disk nothing is left", test_on_a_full_disk_nothing_is_left },
        { "an attempt by hand has what it is given", test_resumed_by_hand },
        { "kept for an automatic attempt", test_kept_for_an_automatic_attempt },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Archiving: what is due moves, with its whole log, and is there as before. */
#include "archiving.h"

#include <remote-developer/strings.h>

#define ROUND_USEC (300 * USEC_PER_SEC)

/* --- what is due --- */

static void test_a_task_is_archived_when_it_is_due(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *before = NULL, *after = NULL;
        char *at;

        if (!archiving_begin(&s) || !archiving_run(&s))
                return;
        before = story_read(&s, ".json");
        archiving_check_files(&s, NOT_ARCHIVED);
        archiving_monitor(&s, 6 * DAY_USEC);
        story_settle(&s);
        TAP_CHECK(!archiving_is_done(&s));
        if (!archiving_archive(&s))
                return;
        archiving_check_files(&s, ARCHIVED);
        TAP_CHECK_INT(story_told("Archived; of its 3 lines of log 3 were there"), 1);
        archiving_check_log(&s, "one two three ");
        /* The document is the same but for the time at its end. */
        after = story_read(&s, archiving_name(&s, ".failed.json"));
        at = after ? strstr(after, ",\"archived_at\":") : NULL;
        if (TAP_CHECK(at))
                memmove(at, at + strlen(",\"archived_at\":\"2026-11-22T12:30:29.123456Z\""),
                        strlen(at + strlen(",\"archived_at\":\"2026-11-22T12:30:29.123456Z\"")) + 1);
        TAP_CHECK_STRING(after, before);
        archiving_forget_journal(&s);
        archiving_check_log(&s, "one two three ");
        if (!archiving_restart(&s))
                return;
        TAP_CHECK(archiving_is_done(&s));
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 1);
        archiving_check_log(&s, "one two three ");
}

static void test_never(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_open(&s))
                return;
        s.config.archive_after_days = 0;
        if (!story_start_service(&s) || !archiving_run(&s))
                return;
        archiving_monitor(&s, 40000 * DAY_USEC);
        story_settle(&s);
        archiving_check_files(&s, NOT_ARCHIVED);
        TAP_CHECK(!archiving_exists(&s, "archive"));
}

static void test_not_compressed(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *log = NULL;

        if (!story_has_journal() || !story_open(&s))
                return;
        s.config.compress_archives = false;
        if (!story_start_service(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        archiving_check_files(&s, "archive/{id}.failed.json archive/{id}.log ");
        log = story_read(&s, archiving_name(&s, ".log"));
        TAP_CHECK_CONTAINS(log, "\"priority\":6,\"text\":\"one\"}\n{\"cursor\":\"s=");
        TAP_CHECK_CONTAINS(log, "\"text\":\"three\"}\n{\"lines\":3}\n");
        archiving_forget_journal(&s);
        archiving_check_log(&s, "one two three ");
}

static void test_all_that_is_due_in_one_round(void) {
        _cleanup_(story_done) Story s = {};
        char ids[4][TASK_ID_SIZE + 1];

        if (!archiving_begin(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                if (i < 3 ? !archiving_run(&s) : !story_run(&s))
                        return;
                memcpy(ids[i], s.id, sizeof(ids[i]));
        }
        archiving_monitor(&s, 8 * DAY_USEC);
        story_settle(&s);
        TAP_CHECK_INT(story_told("Archived"), 3);
        TAP_CHECK(!archiving_is_done(&s));
        TAP_CHECK(story_is_in(&s, TASK_RUNNING));
        for (size_t i = 0; i < 3; i++) {
                memcpy(s.id, ids[i], sizeof(ids[i]));
                TAP_CHECK(archiving_is_done(&s));
                archiving_check_log(&s, "one two three ");
        }
}

/* Names are enough to know what is archived: documents are read when somebody asks. */
static void test_archived_documents_are_not_read_at_start(void) {
        _cleanup_(story_done) Story s = {};
        TaskRef ref = TASK_REF_NULL;
        ManagerHealth h;

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        story_write(&s, archiving_name(&s, ".failed.json"), "{");
        if (!archiving_restart(&s))
                return;
        manager_health(s.manager, &h);
        TAP_CHECK_INT(h.aside->n + h.refused->n, 0);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 1);
        TAP_CHECK_INT(manager_get_task(s.manager, s.id, &ref), -EBADMSG);
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), 0);
        archiving_check_files(&s, "");
}

/* The clock was set back since then. */
static void test_new_ids_are_greater_than_archived_ones(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        story_write(&s, "archive/task-9000000000-abcdef.failed.json", "");
        if (!archiving_restart(&s) || !story_run(&s))
                return;
        TAP_CHECK(strcmp(s.id, "task-9000000000-abcdef") > 0);
}

/* --- in the midst of it --- */

/* A task with more lines than fit into a few turns, which is being archived. */
static bool begin_archiving(Story *s) {
        if (!archiving_begin(s) || !story_run(s))
                return false;
        story_log_numbered(s, 3000);
        if (!archiving_end(s, 3))
                return false;
        archiving_monitor(s, 8 * DAY_USEC);
        while (!archiving_exists(s, "archive") && story_turn(s))
                ;
        return TAP_CHECK(story_turn(s)) && TAP_CHECK(!archiving_is_done(s));
}

static void check_many(Story *s) {
        _cleanup_(log_viewer_freep) LogViewer *viewer = NULL;
        unsigned n = 0;
        LogLine line;

        if (!TAP_CHECK_INT(manager_open_log(s->manager, s->id, LOG_SOURCES_ALL, NULL, NULL, &viewer), 0))
                return;
        while (log_viewer_next(viewer, &line) > 0) {
                char text[16];

                snprintf(text, sizeof(text), "line %u", n++);
                if (!TAP_CHECK(line.size == strlen(text) && memcmp(line.text, text, line.size) == 0))
                        return;
        }
        TAP_CHECK_INT(n, 3000);
}

static void test_a_little_at_a_time(void) {
        _cleanup_(story_done) Story s = {};
        unsigned turns = 0;

        if (!begin_archiving(&s))
                return;
        archiving_check_files(&s, NOT_ARCHIVED "archive/.tmp-{id}.log.zst ");
        for (; !archiving_is_done(&s) && turns < 100; turns++) {
                check_many(&s);
                story_turn(&s);
        }
        TAP_CHECK(turns >= 4 && turns < 20);
        archiving_forget_journal(&s);
        check_many(&s);
        archiving_check_files(&s, ARCHIVED);
}

static void test_forgotten_while_it_is_being_archived(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_archiving(&s))
                return;
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), 0);
        archiving_check_files(&s, "");
        story_settle(&s);
        archiving_check_files(&s, "");
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
}

static void test_resumed_while_it_is_being_archived(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_archiving(&s) || !TAP_CHECK_INT(story_resume(&s), 0))
                return;
        archiving_check_files(&s, NOT_ARCHIVED);
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        fake_unit_start(story_unit(&s));
        TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
        if (!archiving_end(&s, 3))
                return;
        check_many(&s);
        if (!archiving_archive(&s))
                return;
        archiving_forget_journal(&s);
        check_many(&s);
        archiving_check_files(&s, ARCHIVED);
}

static void test_stopped_while_it_is_being_archived(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin_archiving(&s) || !archiving_restart(&s))
                return;
        archiving_check_files(&s, NOT_ARCHIVED);
        archiving_monitor(&s, 0);
        TAP_CHECK(STORY_UNTIL(&s, archiving_is_done(&s)));
        archiving_check_files(&s, ARCHIVED);
        check_many(&s);
}

/* --- forgetting --- */

static void test_an_archived_task_is_forgotten(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), 0);
        archiving_check_files(&s, "");
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
        TAP_CHECK(archiving_restart(&s));
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
}

static void test_a_task_whose_begin_is_archived_is_forgotten(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s) || !archiving_run_again(&s, 3))
                return;
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), 0);
        archiving_check_files(&s, "");
}

/* --- trouble --- */

static void test_a_full_disk(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s))
                return;
        test_clock_advance(8 * DAY_USEC);
        story_fill_disk(true);
        manager_monitor(s.manager);
        story_settle(&s);
        TAP_CHECK_INT(story_told("could not be archived"), 1);
        /* Not again before its time. */
        for (unsigned i = 0; i < 4; i++) {
                manager_monitor(s.manager);
                story_settle(&s);
        }
        TAP_CHECK_INT(story_told("could not be archived"), 1);
        story_fill_disk(false);
        archiving_check_files(&s, NOT_ARCHIVED);
        archiving_check_log(&s, "one two three ");
        /* First it is found that there is room, then that the round is over, then it begins anew. */
        for (unsigned i = 0; i < 3 && !archiving_is_done(&s); i++) {
                archiving_monitor(&s, ROUND_USEC);
                story_settle(&s);
        }
        TAP_CHECK(archiving_is_done(&s));
        archiving_check_files(&s, ARCHIVED);
}

static void test_a_journal_that_cannot_be_read(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s))
                return;
        archiving_forget_journal(&s);
        archiving_monitor(&s, 8 * DAY_USEC);
        story_settle(&s);
        TAP_CHECK_INT(story_told("the journal is not readable"), 1);
        archiving_check_files(&s, NOT_ARCHIVED);
}

/* What the journal has lost already does not keep the rest from being archived. */
static void test_a_log_that_is_partly_gone(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s))
                return;
        archiving_forget_journal(&s);
        story_log(&s, "late", NULL);
        if (!archiving_archive(&s))
                return;
        TAP_CHECK_INT(story_told("of its 3 lines of log 1 were there"), 1);
        /* What is archived says so too. */
        archiving_check_log(&s, "gap late ");
        TAP_CHECK_INT(story_task(&s)->log_lines, 3);
}

/* A task that cannot be archived does not keep the others from it. */
static void test_one_that_fails_among_others(void) {
        _cleanup_(story_done) Story s = {};
        char ids[3][TASK_ID_SIZE + 1];

        if (!archiving_begin(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                if (!archiving_run(&s))
                        return;
                memcpy(ids[i], s.id, sizeof(ids[i]));
        }
        memcpy(s.id, ids[1], sizeof(ids[1]));
        {
                _cleanup_free_ char *directory = story_path(&s, "archive");

                TAP_CHECK_INT(mkdir(directory, 0700), 0);
        }
        if (!archiving_restart(&s))
                return;
        story_write(&s, archiving_name(&s, ".log.zst"), "no archive at all, and not to be touched");
        for (unsigned i = 0; i < 3; i++) {
                archiving_monitor(&s, i == 0 ? 8 * DAY_USEC : ROUND_USEC);
                story_settle(&s);
        }
        TAP_CHECK(story_told("could not be archived") >= 1);
        TAP_CHECK(!archiving_is_done(&s));
        TAP_CHECK(story_is_finished(&s));
        for (size_t i = 0; i < 3; i += 2) {
                memcpy(s.id, ids[i], sizeof(ids[i]));
                TAP_CHECK(archiving_is_done(&s));
                archiving_check_log(&s, "one two three ");
        }
}

static void test_an_archive_that_is_no_directory(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s))
                return;
        story_stop_service(&s);
        story_write(&s, "archive", "");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_told("cannot be opened"), 1);
        archiving_monitor(&s, 8 * DAY_USEC);
        story_settle(&s);
        archiving_check_files(&s, NOT_ARCHIVED);
        archiving_check_log(&s, "one two three ");
        TAP_CHECK(archiving_run(&s));
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), 0);
}

/* A damaged archived log does not keep the task it is the begin of from being run. */
static void test_a_damaged_begin_of_a_log(void) {
        _cleanup_(story_done) Story s = {};
        LogViewer *viewer = NULL;

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        story_write(&s, archiving_name(&s, ".log.zst"), "x");
        if (!archiving_run_again(&s, 0))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_task(&s)->log_lines, 5);
        TAP_CHECK_INT(manager_open_log(s.manager, s.id, LOG_SOURCES_ALL, NULL, NULL, &viewer), -EBADMSG);
        TAP_CHECK(archiving_restart(&s));
}

static const TapTest tests[] = {
        { "a task is archived when it is due", test_a_task_is_archived_when_it_is_due },
        { "never", test_never },
        { "not compressed", test_not_compressed },
        { "all that is due in one round", test_all_that_is_due_in_one_round },
        { "archived documents are not read at start", test_archived_documents_are_not_read_at_start },
        { "new ids are greater than archived ones", test_new_ids_are_greater_than_archived_ones },
        { "a little at a time", test_a_little_at_a_time },
        { "forgotten while it is being archived", test_forgotten_while_it_is_being_archived },
        { "resumed while it is being archived", test_resumed_while_it_is_being_archived },
        { "stopped while it is being archived", test_stopped_while_it_is_being_archived },
        { "an archived task is forgotten", test_an_archived_task_is_forgotten },
        { "a task whose begin is archived is forgotten", test_a_task_whose_begin_is_archived_is_forgotten },
        { "a full disk", test_a_full_disk },
        { "a journal that cannot be read", test_a_journal_that_cannot_be_read },
        { "a log that is partly gone", test_a_log_that_is_partly_gone },
        { "one that fails among others", test_one_that_fails_among_others },
        { "an archive that is no directory", test_an_archive_that_is_no_directory },
        { "a damaged begin of a log", test_a_damaged_begin_of_a_log },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

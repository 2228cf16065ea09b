/* Operations whose end nobody was there for, or that could not be written down: what came to pass is found out. */
#include "archiving.h"
#include "operating.h"

#include <remote-developer/strings.h>

/* What came to pass while the service was away, with and without its report. */
static void test_the_service_was_away(void) {
        for (int reported = 0; reported < 2; reported++) {
                _cleanup_(story_done) Story s = {};
                OperatingTold told;

                if (!operating_prepare_commit(&s, &told))
                        return;
                if (reported)
                        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
                story_stop_service(&s);
                fake_unit_remove(operating_unit(&s, OPERATION_COMMIT));
                if (!story_start_service(&s))
                        return;
                TAP_CHECK(STORY_UNTIL(&s, !*operating_number(&s)));
                TAP_CHECK_INT(told.n, 0);
                TAP_CHECK_INT(story_task(&s)->changes.is_committed, reported);
                operating_check_over(&s);
        }
}

static void test_the_service_comes_back_before_its_end(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare(&s) || !TAP_CHECK_INT(operating_begin(&s, OPERATION_COMMIT, true, &told), 0) ||
            !operating_start_unit(&s, OPERATION_COMMIT))
                return;
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK(*operating_number(&s));
        TAP_CHECK_INT(story_count_files(&s, ".credentials"), 1);
        TAP_CHECK_INT(operating_begin_commit(&s, &told), -EBUSY);
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(story_task(&s)->changes.is_committed);
        operating_check_over(&s);
}

/* Its end was not heard of: the connection was lost meanwhile. */
static void test_the_bus_is_lost_meanwhile(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare_commit(&s, &told))
                return;
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        fake_drop_connection(&s.systemd);
        fake_unit_remove(operating_unit(&s, OPERATION_COMMIT));
        story_settle(&s);
        TAP_CHECK_INT(told.n, 0);
        if (!story_connect(&s))
                return;
        TAP_CHECK(STORY_UNTIL(&s, told.n == 1));
        TAP_CHECK(told.ok);
        operating_check_over(&s);
}

/* Before systemd heard of it, and behind that. */
static void test_the_bus_is_lost_with_the_start(void) {
        for (int before = 0; before < 2; before++) {
                _cleanup_(story_done) Story s = {};
                OperatingTold told;

                if (!operating_prepare(&s))
                        return;
                fake_drop_at(&s.systemd, "StartTransientUnit", before);
                TAP_CHECK_INT(operating_begin_commit(&s, &told), 0);
                story_settle(&s);
                TAP_CHECK_INT(told.n, 0);
                if (!story_connect(&s))
                        return;
                if (!before) {
                        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
                        fake_unit_start(operating_unit(&s, OPERATION_COMMIT));
                        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
                }
                TAP_CHECK(STORY_UNTIL(&s, told.n == 1));
                TAP_CHECK_INT(told.ok, !before);
                operating_check_over(&s);
        }
}

/* Refused before anything is asked of systemd, with nothing left. */
static void test_the_disk_is_full_at_its_begin(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare(&s))
                return;
        story_fill_disk(true);
        TAP_CHECK_INT(operating_begin(&s, OPERATION_COMMIT, true, &told), -EFBIG);
        story_fill_disk(false);
        story_settle(&s);
        TAP_CHECK(!operating_unit(&s, OPERATION_COMMIT));
        TAP_CHECK_INT(told.n, 0);
        operating_check_over(&s);
        TAP_CHECK_INT(operating_begin_commit(&s, &told), 0);
}

static void test_the_disk_is_full_at_its_end(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told, other;

        if (!operating_prepare_commit(&s, &told))
                return;
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        story_fill_disk(true);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(told.n == 1 && told.ok);
        TAP_CHECK(!story_document_has(&s, "\"is_committed\":true"));
        TAP_CHECK_INT(operating_begin_commit(&s, &other), -EBUSY);
        TAP_CHECK_CONTAINS(s.problem.sentence, "What came of the commit of this task cannot be written");
        TAP_CHECK_INT(story_count_files(&s, ".credentials"), 0);
        story_fill_disk(false);
        story_pass(&s, 120 * USEC_PER_SEC);
        TAP_CHECK(STORY_UNTIL(&s, story_document_has(&s, "\"is_committed\":true")));
        operating_check_over(&s);
}

/* The document stays where it is. */
static void test_an_archived_task(void) {
        for (int restarted = 0; restarted < 2; restarted++) {
                _cleanup_(story_done) Story s = {};
                _cleanup_free_ char *document = NULL;
                OperatingTold told;

                if (!story_has_journal() || !operating_prepare(&s))
                        return;
                story_log(&s, "one", NULL);
                if (!archiving_archive(&s))
                        return;
                if (!TAP_CHECK_INT(operating_begin_commit(&s, &told), 0) ||
                    !operating_start_unit(&s, OPERATION_COMMIT))
                        return;
                operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
                if (restarted) {
                        story_stop_service(&s);
                        fake_unit_remove(operating_unit(&s, OPERATION_COMMIT));
                        if (!story_start_service(&s))
                                return;
                } else
                        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
                TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->changes.is_committed));
                TAP_CHECK_STRING(operating_number(&s), "");
                TAP_CHECK_INT(story_count_files(&s, ".operation"), 0);
                document = story_read(&s, archiving_name(&s, ".failed.json"));
                TAP_CHECK_CONTAINS(document, "\"is_committed\":true");
                TAP_CHECK(!archiving_exists(&s, ".json"));
        }
}

/* What is to be deleted to make room need not be written first. */
static void test_what_cannot_be_written_can_be_forgotten(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!operating_prepare_commit(&s, &told))
                return;
        story_fill_disk(true);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        problem_done(&s.problem);
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), 0);
        story_fill_disk(false);
        story_pass(&s, 120 * USEC_PER_SEC);
        TAP_CHECK_INT(story_count_files(&s, s.id), 0);
}

/* Of an archived task nothing is read at start, but for this. */
static void test_an_archived_task_is_busy_from_the_start(void) {
        _cleanup_(story_done) Story s = {};
        OperatingTold told;

        if (!story_has_journal() || !operating_prepare(&s))
                return;
        story_log(&s, "one", NULL);
        if (!archiving_archive(&s) ||
            !TAP_CHECK_INT(operating_begin(&s, OPERATION_COMMIT, true, &told), 0) ||
            !operating_start_unit(&s, OPERATION_COMMIT))
                return;
        story_stop_service(&s);
        /* No survey: the list of units does not come. */
        fake_delay_replies(&s.systemd, "ListUnitsByPatterns");
        if (!story_load(&s) || !story_connect(&s))
                return;
        TAP_CHECK_INT(story_count_files(&s, ".credentials"), 1);
        TAP_CHECK_INT(operating_begin(&s, OPERATION_CREATE_PR, true, &told), -EBUSY);
        TAP_CHECK_INT(story_resume(&s), -EBUSY);
        problem_done(&s.problem);
        TAP_CHECK_INT(manager_forget_task(s.manager, s.id, STORY_ACTOR, &s.problem), -EBUSY);
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(story_task(&s)->changes.is_committed);
        TAP_CHECK_INT(story_count_files(&s, ".credentials"), 0);
}

/* A crash between the files and the document that names them. */
static void test_what_is_left_of_one_that_was_not_begun(void) {
        _cleanup_(story_done) Story s = {};

        if (!operating_prepare(&s))
                return;
        story_write(&s, ".operation", "left");
        story_write(&s, "task-1700000000-abcdef.operation", "left");
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_count_files(&s, ".operation"), 0);
        TAP_CHECK(story_is_finished(&s));
}

static const char *document_of_archived(Story *s) {
        static char text[8192];
        _cleanup_free_ char *document = story_read(s, archiving_name(s, ".failed.json"));

        snprintf(text, sizeof(text), "%s", document ?: "");
        return text;
}

/* A task is not archived while something is done with it, and what was begun before is begun again. */
static void test_archiving_waits(void) {
        for (int begun = 0; begun < 2; begun++) {
                _cleanup_(story_done) Story s = {};
                OperatingTold told;

                if (!story_has_journal() || !operating_prepare(&s))
                        return;
                story_log_numbered(&s, 5000);
                story_settle(&s);
                if (begun) {
                        archiving_monitor(&s, ARCHIVING_DUE_USEC);
                        TAP_CHECK(STORY_UNTIL(&s, story_count_files(&s, "archive")));
                        TAP_CHECK(!archiving_is_done(&s));
                }
                if (!TAP_CHECK_INT(operating_begin_commit(&s, &told), 0) ||
                    !operating_start_unit(&s, OPERATION_COMMIT))
                        return;
                archiving_monitor(&s, ARCHIVING_DUE_USEC);
                story_settle(&s);
                TAP_CHECK(!archiving_is_done(&s));
                operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
                operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
                archiving_monitor(&s, ARCHIVING_DUE_USEC);
                TAP_CHECK(STORY_UNTIL(&s, archiving_is_done(&s)));
                TAP_CHECK_CONTAINS(document_of_archived(&s), "\"is_committed\":true");
        }
}

/* systemd may still have the failed unit of an earlier one, and tell of it before it answers. */
static void test_an_earlier_unit_is_still_there(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *name = NULL;
        OperatingTold told;
        FakeUnit *u;

        if (!operating_prepare(&s))
                return;
        name = operation_unit_name(OPERATION_COMMIT, s.id);
        u = fake_unit_add(&s.systemd, name);
        u->status.job_id = 0;
        fake_unit_set_state(u, "failed", "failed");
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        TAP_CHECK_INT(operating_begin_commit(&s, &told), 0);
        fake_emit_unit_removed(&s.systemd, name);
        story_settle(&s);
        TAP_CHECK_INT(told.n, 0);
        TAP_CHECK(fake_count_calls(&s.systemd, "ResetFailedUnit remote-developer-commit-") > 0);
        fake_release_replies(&s.systemd);
        story_settle(&s);
        TAP_CHECK_INT(told.n, 0);
        operating_report(&s, OPERATION_COMMIT, OPERATING_COMMITTED);
        fake_unit_start(operating_unit(&s, OPERATION_COMMIT));
        operating_end_unit(&s, OPERATION_COMMIT, "success", 0);
        TAP_CHECK(told.n == 1 && told.ok);
}

static const TapTest tests[] = {
        { "the service was away", test_the_service_was_away },
        { "the service comes back before its end", test_the_service_comes_back_before_its_end },
        { "the bus is lost meanwhile", test_the_bus_is_lost_meanwhile },
        { "the bus is lost with the start", test_the_bus_is_lost_with_the_start },
        { "the disk is full at its begin", test_the_disk_is_full_at_its_begin },
        { "the disk is full at its end", test_the_disk_is_full_at_its_end },
        { "what cannot be written can be forgotten", test_what_cannot_be_written_can_be_forgotten },
        { "an archived task is busy from the start", test_an_archived_task_is_busy_from_the_start },
        { "what is left of one that was not begun", test_what_is_left_of_one_that_was_not_begun },
        { "an archived task", test_an_archived_task },
        { "archiving waits", test_archiving_waits },
        { "an earlier unit is still there", test_an_earlier_unit_is_still_there },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

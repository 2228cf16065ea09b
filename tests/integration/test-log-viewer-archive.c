/* LogViewer, where the begin of a log, or all of it, is archived: the same lines, places and cursors as before. */
#include "../lib/viewing.h"

#include <remote-developer/strings.h>

#define LINES_MAX 32

typedef struct Story {
        Viewing v;
        TaskArchive *archive;
        char cursors[LINES_MAX][LOG_LINE_CURSOR_SIZE];
} Story;

static void story_done(Story *s) {
        viewing_done(&s->v);
        task_archive_free(s->archive);
}

static bool story_init(Story *s) {
        return viewing_init(&s->v, 10, false) &&
               TAP_CHECK_INT(task_archive_open(s->v.journal.scratch.path, &s->archive), 0);
}

#define STORY                                                                                                \
        _cleanup_(story_done) Story s = {};                                                                  \
        if (!story_init(&s))                                                                                 \
                return

/* A new feed, as the manager makes one; the viewers of the old one are gone. */
static void look(Story *s, bool finished, bool whole) {
        Viewing *v = &s->v;

        for (unsigned i = 0; i < VIEWERS_MAX; i++)
                v->viewers[i].viewer = log_viewer_free(v->viewers[i].viewer);
        v->feed = log_feed_unref(v->feed);
        v->follower = journal_follower_free(v->follower);
        TAP_CHECK_INT(log_feed_new(&v->journal.source, FIXTURE_UNIT, finished ? 1 : 10, false, &v->feed), 0);
        log_feed_set_archive(v->feed, s->archive, whole);
        if (finished)
                log_feed_finish(v->feed);
        else
                viewing_follow(v);
}

/* All that a viewer sees, as the manager does it. */
static void archive_log(Story *s) {
        _cleanup_(log_archive_writer_freep) LogArchiveWriter *writer = NULL;
        LogLine line;

        look(s, true, false);
        viewing_open(&s->v, 0);
        if (!TAP_CHECK_INT(task_archive_write_log(s->archive, FIXTURE_TASK, true, &writer), 0))
                return;
        while (log_viewer_next(s->v.viewers[0].viewer, &line) > 0)
                TAP_CHECK_INT(log_archive_writer_append(writer, &line), 0);
        TAP_CHECK_INT(log_archive_writer_finish(writer), 0);
}

static void check_all(Story *s, const char *const *texts, int at) {
        unsigned n = 0, failed = tap_state.failed;
        Viewing *v = &s->v;

        viewing_open(v, 0);
        for (; texts[n]; n++) {
                viewing_check_next(v, 0, texts[n], at);
                memcpy(s->cursors[n], v->viewers[0].cursor, sizeof(s->cursors[n]));
        }
        viewing_check_next(v, 0, NULL, at);
        for (unsigned i = 0; i < n && tap_state.failed == failed; i++) {
                TAP_CHECK_INT(log_viewer_seek_after(v->viewers[0].viewer, s->cursors[i]), 0);
                viewing_check_rest(v, 0, texts + i + 1, at);
        }
        for (unsigned tail = 0; tail <= n + 2 && tap_state.failed == failed; tail++) {
                TAP_CHECK_INT(log_viewer_seek_tail(v->viewers[0].viewer, tail), 0);
                viewing_check_rest(v, 0, texts + n - MIN_OF(tail, n), at);
        }
}

#define CHECK_ALL(s, ...) check_all(s, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)

static void test_a_whole_archive_needs_no_journal(void) {
        STORY;
        char cursors[3][LOG_LINE_CURSOR_SIZE];

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "tw", .goes_on = true }, { "o" }, { "" });
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two", "");
        memcpy(cursors, s.cursors, sizeof(cursors));
        archive_log(&s);
        journal_fixture_remove(&s.v.journal, "a");
        look(&s, true, true);
        CHECK_ALL(&s, "one", "two", "");
        for (unsigned i = 0; i < ELEMENTSOF(cursors); i++)
                TAP_CHECK_STRING(s.cursors[i], cursors[i]);
        TAP_CHECK(log_viewer_is_at_end(s.v.viewers[0].viewer));
        TAP_CHECK_INT(log_viewer_seek_after(s.v.viewers[0].viewer, "s=none"), -EINVAL);
        TAP_CHECK_INT(log_viewer_seek_after(s.v.viewers[0].viewer, ""), -EINVAL);
}

static void test_a_line_that_was_never_ended(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "never e", .goes_on = true }, { "nded", .goes_on = true });
        archive_log(&s);
        look(&s, true, true);
        CHECK_ALL(&s, "one", "never ended");
}

/* What the journal has beyond it is not this log's. */
static void test_a_whole_archive_is_all_there_is(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        archive_log(&s);
        JOURNAL_APPEND(&s.v.journal, "a", { "three" });
        look(&s, true, true);
        CHECK_ALL(&s, "one", "two");
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two", "three");
}

static void test_an_archived_log_of_nothing(void) {
        STORY;

        archive_log(&s);
        look(&s, true, true);
        CHECK_ALL(&s, NULL);
        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two");
}

static void test_an_archived_task_whose_log_is_gone(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" });
        look(&s, true, true);
        CHECK_ALL(&s, NULL);
        viewing_open(&s.v, 0);
        CHECK_VIEW(&s.v, 0, NULL);
        TAP_CHECK(log_viewer_is_at_end(s.v.viewers[0].viewer));
        TAP_CHECK_INT(log_viewer_seek_after(s.v.viewers[0].viewer, "s=none"), -EINVAL);
}

/* --- a task that was archived and runs again --- */

static void test_the_journal_goes_on_behind_the_archive(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        JOURNAL_APPEND(&s.v.journal, "b", { "three" });
        archive_log(&s);
        JOURNAL_APPEND(&s.v.journal, "b", { "theirs", .unit = FIXTURE_OTHER_UNIT }, { "four" });
        JOURNAL_APPEND(&s.v.journal, "c", { "fi", .goes_on = true }, { "ve" });
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two", "three", "four", "five");
        /* As the journal forgets, up to the file within which the archive ends. */
        journal_fixture_remove(&s.v.journal, "a");
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two", "three", "four", "five");
        journal_fixture_remove(&s.v.journal, "b");
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two", "three", "five");
        journal_fixture_remove(&s.v.journal, "c");
        look(&s, true, false);
        CHECK_ALL(&s, "one", "two", "three");
}

static void test_archiving_again_keeps_the_old_lines(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        archive_log(&s);
        journal_fixture_remove(&s.v.journal, "a");
        JOURNAL_APPEND(&s.v.journal, "b", { "three" });
        archive_log(&s);
        journal_fixture_remove(&s.v.journal, "b");
        look(&s, true, true);
        CHECK_ALL(&s, "one", "two", "three");
        /* Archiving that was cut off behind the log is done again. */
        archive_log(&s);
        look(&s, true, true);
        CHECK_ALL(&s, "one", "two", "three");
}

static void test_live_behind_an_archive(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        archive_log(&s);
        JOURNAL_APPEND(&s.v.journal, "a", { "three" });
        look(&s, false, false);
        viewing_open(&s.v, 1);
        CHECK_VIEW(&s.v, 1, "one", "two", "three");
        JOURNAL_APPEND(&s.v.journal, "a", { "four" }, { "five" });
        viewing_pump(&s.v);
        CHECK_VIEW(&s.v, 1, "four", "five");
        TAP_CHECK_INT(s.v.viewers[1].wakes, 2);
        CHECK_ALL(&s, "one", "two", "three", "four", "five");
        /* More than the ring holds while a viewer still reads the archive. */
        viewing_open(&s.v, 2);
        CHECK_NEXT(&s.v, 2, "one");
        for (unsigned i = 0; i < 12; i++)
                JOURNAL_APPEND(&s.v.journal, "a", { "more" });
        viewing_pump(&s.v);
        CHECK_NEXT(&s.v, 2, "two");
        CHECK_NEXT(&s.v, 2, "three");
        CHECK_NEXT(&s.v, 2, "four");
        CHECK_NEXT(&s.v, 2, "five");
        for (unsigned i = 0; i < 12; i++)
                CHECK_NEXT(&s.v, 2, "more");
        CHECK_VIEW(&s.v, 2, NULL);
        viewing_finish(&s.v);
        CHECK_VIEW(&s.v, 2, NULL);
        TAP_CHECK(log_viewer_is_at_end(s.v.viewers[2].viewer));
}

/* --- trouble --- */

static void test_a_viewer_ends_what_it_began_when_the_archive_goes(void) {
        STORY;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        archive_log(&s);
        look(&s, true, true);
        viewing_open(&s.v, 0);
        CHECK_NEXT(&s.v, 0, "one");
        TAP_CHECK_INT(task_archive_remove_log(s.archive, FIXTURE_TASK), 0);
        CHECK_VIEW(&s.v, 0, "two");
        TAP_CHECK(log_viewer_is_at_end(s.v.viewers[0].viewer));
}

static void test_a_cut_archive_is_an_error(void) {
        STORY;
        LogViewer *viewer = NULL;

        JOURNAL_APPEND(&s.v.journal, "a", { "one" }, { "two" });
        archive_log(&s);
        look(&s, true, true);
        viewing_open(&s.v, 0);
        TAP_CHECK_INT(truncate(scratch_path(&s.v.journal.scratch, "archive/" FIXTURE_TASK ".log.zst"), 50), 0);
        TAP_CHECK_INT(log_viewer_new(s.v.feed, LOG_SOURCES_ALL, NULL, NULL, &viewer), -EBADMSG);
        TAP_CHECK_INT(log_viewer_seek_tail(s.v.viewers[0].viewer, 1), -EBADMSG);
        TAP_CHECK_INT(log_viewer_seek_after(s.v.viewers[0].viewer, "s=1"), -EBADMSG);
}

static const TapTest tests[] = {
        { "a whole archive needs no journal", test_a_whole_archive_needs_no_journal },
        { "a line that was never ended", test_a_line_that_was_never_ended },
        { "a whole archive is all there is", test_a_whole_archive_is_all_there_is },
        { "an archived log of nothing", test_an_archived_log_of_nothing },
        { "an archived task whose log is gone", test_an_archived_task_whose_log_is_gone },
        { "the journal goes on behind the archive", test_the_journal_goes_on_behind_the_archive },
        { "archiving again keeps the old lines", test_archiving_again_keeps_the_old_lines },
        { "live behind an archive", test_live_behind_an_archive },
        { "a viewer ends what it began when the archive goes",
                        test_a_viewer_ends_what_it_began_when_the_archive_goes },
        { "a cut archive is an error", test_a_cut_archive_is_an_error },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

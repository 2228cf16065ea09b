/* Archiving, and running again what is archived, cut off at any moment: nothing is lost, and the next start goes
 * on. */
#include "archiving.h"

#include <remote-developer/strings.h>

#include <signal.h>

/* --- cut off --- */

/* What is on disk when the service is killed: the files before, those after, and of which of them there are. */
static const struct {
        const char *what;
        bool log, document, record, original;
        const char *unfinished; /* NULL: none */
} cuts[] = {
        { "before anything", false, false, true, true, NULL },
        { "within the log", false, false, true, true, ".tmp-{id}.log.zst" },
        { "behind the log", true, false, true, true, NULL },
        { "within the document", true, false, true, true, ".tmp-0123456789abcdef" },
        { "behind the document", true, true, true, true, NULL },
        { "behind the record's removal", true, true, false, true, NULL },
        { "at the end", true, true, false, false, NULL },
};

static void keep(Story *s, bool kept, const char *name) {
        _cleanup_free_ char *path = story_path(s, name), *saved = string_format("%s/../saved/%s", s->state, name);

        if (kept)
                TAP_CHECK_INT(link(saved, path), 0);
}

/* A directory with the files of before and after, beside the state. */
static bool save_files(Story *s) {
        _cleanup_free_ char *saved = NULL, *to = NULL;
        const struct {
                const char *name;
                bool archived;
        } rows[] = { { ".json", false }, { ".result", false }, { ".failed.json", true }, { ".log.zst", true } };

        saved = string_format("%s/../saved/archive", s->state);
        to = string_format("%s/../saved", s->state);
        if (!TAP_CHECK_INT(mkdir(to, 0700), 0) || !TAP_CHECK_INT(mkdir(saved, 0700), 0))
                return false;
        for (int archived_now = 0; archived_now < 2; archived_now++) {
                if (archived_now && !archiving_archive(s))
                        return false;
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        _cleanup_free_ char *name = NULL, *target = NULL;

                        if (rows[i].archived != archived_now)
                                continue;
                        name = story_path(s, archived_now ? archiving_name(s, rows[i].name) : rows[i].name);
                        target = string_format("%s/%s%s%s", to, archived_now ? "archive/" : "", s->id, rows[i].name);
                        if (!TAP_CHECK_INT(link(name, target), 0))
                                return false;
                }
        }
        return true;
}

static void empty_state(Story *s) {
        _cleanup_free_ char *directory = story_path(s, "archive");
        static const char *const suffixes[] = { ".json", ".result" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *path = story_path(s, suffixes[i]);

                (void) unlink(path);
        }
        nftw(directory, scratch_on_entry, 16, FTW_DEPTH | FTW_PHYS);
        TAP_CHECK_INT(mkdir(directory, 0700), 0);
}

static void make_cut(Story *s, size_t i) {
        char name[64];

        empty_state(s);
        snprintf(name, sizeof(name), "%s.json", s->id);
        keep(s, cuts[i].original, name);
        snprintf(name, sizeof(name), "%s.result", s->id);
        keep(s, cuts[i].record, name);
        keep(s, cuts[i].log, archiving_name(s, ".log.zst"));
        keep(s, cuts[i].document, archiving_name(s, ".failed.json"));
        if (cuts[i].unfinished) {
                _cleanup_free_ char *unfinished = story_expand(s, cuts[i].unfinished), *path = NULL;

                path = string_format("archive/%s", unfinished);
                story_write(s, path, "{\"half");
        }
}

static void test_cut_off_between_any_two_steps(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s) || !save_files(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(cuts); i++) {
                unsigned failed = tap_state.failed;

                story_stop_service(&s);
                make_cut(&s, i);
                if (!story_start_service(&s))
                        return;
                TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
                TAP_CHECK_INT(manager_index(s.manager)->n, 1);
                TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 1);
                TAP_CHECK_INT(archiving_is_done(&s), cuts[i].document);
                archiving_check_log(&s, "one two three ");
                TAP_CHECK_INT(story_count_files(&s, ".tmp-"), 0);
                if (!cuts[i].document)
                        archiving_monitor(&s, 0);
                TAP_CHECK(STORY_UNTIL(&s, archiving_is_done(&s)));
                archiving_check_files(&s, ARCHIVED);
                archiving_check_log(&s, "one two three ");
                if (tap_state.failed > failed)
                        printf("# cut off %s\n", cuts[i].what);
        }
        /* And what the journal has forgotten meanwhile was in the archive. */
        story_stop_service(&s);
        make_cut(&s, 2);
        archiving_forget_journal(&s);
        if (!story_start_service(&s))
                return;
        archiving_check_log(&s, "one two three ");
}

/* --- two documents --- */

static void test_an_archived_task_runs_again(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        archiving_forget_journal(&s);
        /* So that there is a journal. */
        story_log_entry(&s, "MESSAGE=x\n");
        if (!archiving_run_again(&s, 0))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
        TAP_CHECK_INT(story_task(&s)->log_lines, 5);
        TAP_CHECK_INT(story_task(&s)->archived_at, 0);
        archiving_check_files(&s, "{id}.2.result {id}.json archive/{id}.log.zst ");
        archiving_check_log(&s, "one two three four five ");
        if (!archiving_restart(&s))
                return;
        TAP_CHECK(!archiving_is_done(&s));
        archiving_check_log(&s, "one two three four five ");
        if (!archiving_archive(&s))
                return;
        archiving_forget_journal(&s);
        archiving_check_files(&s, "archive/{id}.completed.json archive/{id}.log.zst ");
        archiving_check_log(&s, "one two three four five ");
        if (!archiving_restart(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        archiving_check_log(&s, "one two three four five ");
}

/* Killed when the new attempt's document was written and the archived one not yet removed. */
static void test_the_document_of_a_new_attempt_counts(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *old = NULL;

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        old = story_read(&s, archiving_name(&s, ".failed.json"));
        if (!TAP_CHECK_INT(story_resume(&s), 0))
                return;
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        story_stop_service(&s);
        story_write(&s, archiving_name(&s, ".failed.json"), old);
        if (!story_start_service(&s))
                return;
        TAP_CHECK(!story_is_finished(&s));
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 0);
        archiving_check_files(&s, "{id}.json archive/{id}.log.zst ");
        archiving_check_log(&s, "one two three ");
        /* The same, when that attempt has ended before the next start. */
        fake_unit_start(story_unit(&s));
        if (!TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING))) || !archiving_end(&s, 3))
                return;
        story_stop_service(&s);
        story_write(&s, archiving_name(&s, ".failed.json"), old);
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->attempt, 2);
        TAP_CHECK(!archiving_is_done(&s));
        archiving_check_files(&s, "{id}.2.result {id}.json archive/{id}.log.zst ");
}

/* Killed when the new result's document was written and that of the first not yet removed. */
static void test_of_two_archived_documents_the_later_counts(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *old = NULL, *document = NULL;

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        old = story_read(&s, archiving_name(&s, ".failed.json"));
        if (!archiving_run_again(&s, 0))
                return;
        document = story_read(&s, ".json");
        if (!archiving_archive(&s))
                return;
        story_stop_service(&s);
        story_write(&s, archiving_name(&s, ".failed.json"), old);
        story_write(&s, ".json", document);
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK(archiving_is_done(&s));
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_COMPLETED], 1);
        TAP_CHECK_INT(manager_index(s.manager)->finished[TASK_FAILED], 0);
        archiving_check_files(&s, "archive/{id}.completed.json archive/{id}.log.zst ");
}

static void test_a_broken_document_beside_an_archived_one(void) {
        _cleanup_(story_done) Story s = {};

        if (!archiving_begin(&s) || !archiving_run(&s) || !archiving_archive(&s))
                return;
        story_stop_service(&s);
        story_write(&s, ".json", "{");
        if (!story_start_service(&s))
                return;
        TAP_CHECK(archiving_is_done(&s));
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_count_files(&s, ".json.broken-"), 1);
}

static const TapTest tests[] = {
        { "cut off between any two steps", test_cut_off_between_any_two_steps },
        { "an archived task runs again", test_an_archived_task_runs_again },
        { "the document of a new attempt counts", test_the_document_of_a_new_attempt_counts },
        { "of two archived documents the later counts", test_of_two_archived_documents_the_later_counts },
        { "a broken document beside an archived one", test_a_broken_document_beside_an_archived_one },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

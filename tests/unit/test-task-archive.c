/* TaskArchive: which files there are, under which names, and what is left of them. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-archive.h>

#define ID "task-1700000000-abcdef"
#define OTHER "task-1700000001-000000"

typedef struct Fixture {
        Scratch scratch;
        TaskArchive *archive;
        Task *task;
} Fixture;

static void fixture_done(Fixture *f) {
        task_archive_free(f->archive);
        task_free(f->task);
        scratch_done(&f->scratch);
}

static bool reopen(Fixture *f) {
        f->archive = task_archive_free(f->archive);
        return TAP_CHECK_INT(task_archive_open(f->scratch.path, &f->archive), 0);
}

static bool fixture_init(Fixture *f) {
        f->scratch = SCRATCH_NULL;
        f->task = task_new();
        if (!scratch_init(&f->scratch) || !TAP_CHECK(f->task) || !reopen(f))
                return false;
        f->task->state = TASK_FINISHED;
        f->task->result = TASK_FAILED;
        f->task->last_updated = 1234567;
        return TAP_CHECK_INT(string_replace(&f->task->id, ID), 0) &&
               TAP_CHECK_INT(string_replace(&f->task->spec.recipe, "command"), 0) &&
               TAP_CHECK_INT(strv_append(&f->task->spec.command, "make"), 0);
}

static bool exists(const Fixture *f, const char *name) {
        return access(scratch_path(&f->scratch, name), F_OK) == 0;
}

static void put_file(const Fixture *f, const char *name) {
        FILE *to = fopen(scratch_path(&f->scratch, name), "we");

        if (TAP_CHECK(to))
                TAP_CHECK_INT(fclose(to), 0);
}

/* "id result, ..." */
static void check_list(Fixture *f, const char *should) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ ArchivedTask *rows = NULL;
        size_t n;

        TAP_CHECK_INT(buffer_append_string(&text, ""), 0);
        TAP_CHECK_INT(task_archive_list(f->archive, &rows, &n), 0);
        for (size_t i = 0; i < n; i++)
                TAP_CHECK_INT(buffer_append_format(&text, "%s %s,", rows[i].id, task_result_words[rows[i].result]), 0);
        TAP_CHECK_STRING(text.data, should);
}

static void test_without_a_directory_all_is_empty(void) {
        _cleanup_(fixture_done) Fixture f = {};
        LogArchiveReader *reader = NULL;
        Task *task = NULL;

        if (!fixture_init(&f))
                return;
        check_list(&f, "");
        TAP_CHECK_INT(task_archive_load(f.archive, ID, TASK_FAILED, &task, NULL), -ENOENT);
        TAP_CHECK_INT(task_archive_read_log(f.archive, ID, &reader), -ENOENT);
        TAP_CHECK_INT(task_archive_remove_log(f.archive, ID), 0);
        TAP_CHECK_INT(task_archive_remove_documents(f.archive, ID, TASK_RESULT_NONE), 0);
        TAP_CHECK(!exists(&f, "archive"));
}

static void test_a_document_comes_back(void) {
        _cleanup_(fixture_done) Fixture f = {};
        _cleanup_(task_freep) Task *task = NULL;
        usec_t before = clock_realtime_usec();

        if (!fixture_init(&f) || !TAP_CHECK_INT(task_archive_save(f.archive, f.task), 0) || !reopen(&f))
                return;
        TAP_CHECK(exists(&f, "archive/" ID ".failed.json"));
        check_list(&f, ID " failed,");
        TAP_CHECK_INT(task_archive_load(f.archive, ID, TASK_COMPLETED, &task, NULL), -ENOENT);
        if (!TAP_CHECK_INT(task_archive_load(f.archive, ID, TASK_FAILED, &task, NULL), 0))
                return;
        TAP_CHECK_STRING(task->id, ID);
        TAP_CHECK_INT(task->result, TASK_FAILED);
        TAP_CHECK_INT(task->last_updated, 1234567);
        TAP_CHECK(task->archived_at >= before && task->archived_at <= clock_realtime_usec());
}

static void test_another_result_takes_the_place_of_the_first(void) {
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f) || !TAP_CHECK_INT(task_archive_save(f.archive, f.task), 0))
                return;
        f.task->result = TASK_COMPLETED;
        TAP_CHECK_INT(task_archive_save(f.archive, f.task), 0);
        TAP_CHECK(exists(&f, "archive/" ID ".completed.json"));
        check_list(&f, ID " completed,");
        TAP_CHECK_INT(task_archive_remove_documents(f.archive, ID, TASK_RESULT_NONE), 0);
        check_list(&f, "");
        TAP_CHECK_INT(scratch_count(&f.scratch), 0);
}

static void test_names_that_are_no_documents(void) {
        static const char *const names[] = { ID ".json", ID ".failed", ID ".failed.jsonx", ID ".dancing.json",
                                             "task-1-abcdef.failed.json", ID ".log", ID ".log.zst", "failed.json",
                                             ID ".failed.json.broken-1", "x" };
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f) || !TAP_CHECK_INT(mkdir(scratch_path(&f.scratch, "archive"), 0700), 0) || !reopen(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *path = string_format("archive/%s", names[i]);

                put_file(&f, path);
        }
        check_list(&f, "");
        TAP_CHECK_INT(scratch_count(&f.scratch), ELEMENTSOF(names));
        put_file(&f, "archive/" OTHER ".timed_out.json");
        put_file(&f, "archive/" ID ".cancelled.json");
        check_list(&f, ID " cancelled," OTHER " timed_out,");
}

static void test_what_is_unfinished_goes(void) {
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f) || !TAP_CHECK_INT(mkdir(scratch_path(&f.scratch, "archive"), 0700), 0) || !reopen(&f))
                return;
        put_file(&f, "archive/.tmp-" ID ".log.zst");
        put_file(&f, "archive/.tmp-0123456789abcdef");
        put_file(&f, ".tmp-0123456789abcdef");
        check_list(&f, "");
        TAP_CHECK_INT(scratch_count(&f.scratch), 1);
}

static void test_logs(void) {
        _cleanup_(log_archive_writer_freep) LogArchiveWriter *writer = NULL;
        _cleanup_(log_archive_reader_freep) LogArchiveReader *reader = NULL;
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f) || !TAP_CHECK_INT(task_archive_write_log(f.archive, ID, true, &writer), 0))
                return;
        TAP_CHECK_INT(task_archive_read_log(f.archive, ID, &reader), -ENOENT);
        TAP_CHECK_INT(log_archive_writer_finish(writer), 0);
        TAP_CHECK(exists(&f, "archive/" ID ".log.zst"));
        TAP_CHECK_INT(task_archive_read_log(f.archive, OTHER, &reader), -ENOENT);
        TAP_CHECK_INT(task_archive_read_log(f.archive, ID, &reader), 0);
        check_list(&f, "");
        TAP_CHECK_INT(task_archive_remove_log(f.archive, ID), 0);
        TAP_CHECK(!exists(&f, "archive/" ID ".log.zst"));
}

static void test_what_is_no_directory_is_refused(void) {
        _cleanup_(fixture_done) Fixture f = {};
        TaskArchive *other = NULL;

        if (!fixture_init(&f))
                return;
        put_file(&f, "archive");
        TAP_CHECK_INT(task_archive_open(f.scratch.path, &other), -ENOTDIR);
        TAP_CHECK_INT(task_archive_save(f.archive, f.task), -ENOTDIR);
        TAP_CHECK_INT(task_archive_open(scratch_path(&f.scratch, "nowhere"), &other), -ENOENT);
}

static void test_a_link_to_another_disk(void) {
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f) || !TAP_CHECK_INT(mkdir(scratch_path(&f.scratch, "elsewhere"), 0700), 0) ||
            !TAP_CHECK_INT(symlinkat("elsewhere", f.scratch.fd, "archive"), 0) || !reopen(&f))
                return;
        TAP_CHECK_INT(task_archive_save(f.archive, f.task), 0);
        TAP_CHECK(exists(&f, "elsewhere/" ID ".failed.json"));
}

static const TapTest tests[] = {
        { "without a directory all is empty", test_without_a_directory_all_is_empty },
        { "a document comes back", test_a_document_comes_back },
        { "another result takes the place of the first", test_another_result_takes_the_place_of_the_first },
        { "names that are no documents", test_names_that_are_no_documents },
        { "what is unfinished goes", test_what_is_unfinished_goes },
        { "logs", test_logs },
        { "what is no directory is refused", test_what_is_no_directory_is_refused },
        { "a link to another disk", test_a_link_to_another_disk },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

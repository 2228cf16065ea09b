/* TaskStore: one service in a directory, ids that nobody else has, files that are whole. Lists are in
 * test-task-store-list.c. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-store.h>

#include <remote-developer/task-file.h>

#include <signal.h>
#include <sys/wait.h>

#define ID "task-1700000000-abcdef"

typedef struct Fixture {
        Scratch scratch;
        TaskStore *store;
} Fixture;

static void fixture_done(Fixture *f) {
        f->store = task_store_free(f->store);
        scratch_done(&f->scratch);
}

static bool fixture_init(Fixture *f) {
        f->scratch = SCRATCH_NULL;
        return scratch_init(&f->scratch) && TAP_CHECK_INT(task_store_open(f->scratch.path, &f->store, NULL), 0);
}

#define FIXTURE _cleanup_(fixture_done) Fixture f = {}

static Task *new_command(void) {
        Task *t = task_new();

        TAP_CHECK_INT(string_replace(&t->spec.recipe, "command"), 0);
        TAP_CHECK_INT(strv_append(&t->spec.command, "true"), 0);
        t->spec.timeout_usec = USEC_PER_SEC;
        return t;
}

static void put(const Fixture *f, const char *name, const char *text) {
        FILE *to = fopen(scratch_path(&f->scratch, name), "we");

        if (!TAP_CHECK(to))
                return;
        fputs(text, to);
        TAP_CHECK_INT(fclose(to), 0);
}

static bool is_there(const Fixture *f, const char *name) {
        return faccessat(f->scratch.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int mode_of(const Fixture *f, const char *name) {
        struct stat st;

        return fstatat(f->scratch.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : (int) st.st_mode & 07777;
}

/* --- the directory --- */

static void test_open_makes_the_directory(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(task_store_freep) TaskStore *store = NULL;
        struct stat st;

        umask(0022);
        if (!scratch_init(&s))
                return;
        TAP_CHECK_INT(task_store_open(scratch_path(&s, "a/./b/"), &store, NULL), 0);
        TAP_CHECK_STRING(store ? task_store_path(store) : NULL, scratch_path(&s, "a/b"));
        TAP_CHECK_INT(fstatat(s.fd, "a/b", &st, 0), 0);
        TAP_CHECK_INT(st.st_mode & 0777, 0750);
}

static void test_open_says_what_is_wrong(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        FIXTURE;
        TaskStore *store = NULL;

        if (!fixture_init(&f))
                return;
        put(&f, "file", "");
        TAP_CHECK_INT(task_store_open(scratch_path(&f.scratch, "file"), &store, &problem), -ENOTDIR);
        TAP_CHECK_CONTAINS(problem.sentence, "cannot open the state directory");
        TAP_CHECK_CONTAINS(problem.sentence, "/file: Not a directory");
        TAP_CHECK(!store && !task_store_free(NULL));
}

/* A process that holds the directory until it is killed. */
static pid_t fork_holder(const char *path) {
        int ready[2];
        pid_t pid;
        char c;

        if (!TAP_CHECK_INT(pipe(ready), 0))
                return -1;
        pid = fork();
        if (pid == 0) {
                TaskStore *store;

                close(ready[0]);
                if (task_store_open(path, &store, NULL) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        TAP_CHECK_INT(read(ready[0], &c, 1), 1);
        close(ready[0]);
        return pid;
}

static void test_one_service_at_a_time(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_free_ char *named = NULL;
        TaskStore *store = NULL;
        pid_t pid;

        if (!scratch_init(&s))
                return;
        pid = fork_holder(s.path);
        if (pid <= 0)
                return;
        named = string_format("another service works in %s: process %d", s.path, (int) pid);
        TAP_CHECK_INT(task_store_open(s.path, &store, &problem), -EBUSY);
        TAP_CHECK_INT(problem.error, -EBUSY);
        TAP_CHECK_STRING(problem.sentence, named);
        /* However it ends, its lock ends with it. */
        kill(pid, SIGKILL);
        TAP_CHECK_INT(waitpid(pid, NULL, 0), pid);
        TAP_CHECK_INT(task_store_open(s.path, &store, NULL), 0);
        task_store_free(store);
}

static void test_lock_in_the_same_process(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        FIXTURE;
        TaskStore *other = NULL;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_open(f.scratch.path, &other, &problem), -EBUSY);
        TAP_CHECK(!other);
        f.store = task_store_free(f.store);
        TAP_CHECK_INT(task_store_open(f.scratch.path, &other, NULL), 0);
        f.store = other;
}

/* A lock file that holds nothing, or more than a number, is still a lock. */
static void test_lock_without_a_name(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        FIXTURE;
        TaskStore *other = NULL;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(truncate(scratch_path(&f.scratch, "remote-developerd.lock"), 0), 0);
        TAP_CHECK_INT(task_store_open(f.scratch.path, &other, &problem), -EBUSY);
        TAP_CHECK_CONTAINS(problem.sentence, "another service works in");
        TAP_CHECK(!strstr(problem.sentence, "process"));
}

/* The file system can be remounted read-only only as long as nobody has a file open for writing. */
static void test_nothing_is_open_for_writing(void) {
        FIXTURE;

        if (!fixture_init(&f))
                return;
        for (int fd = 3; fd < 64; fd++) {
                char link[32], path[512] = "";

                snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
                if (readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, f.scratch.path))
                        TAP_CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        }
}

/* --- documents --- */

static void test_create_and_load(void) {
        _cleanup_(task_freep) Task *t = new_command(), *back = NULL;
        usec_t before = clock_realtime_usec();
        FIXTURE;
        char name[64];

        umask(0022);
        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_create(f.store, t, NULL), 0);
        TAP_CHECK(task_id_is_valid(t->id));
        TAP_CHECK(t->created_at >= before && t->last_updated >= t->created_at);
        TAP_CHECK_INT(strtoull(t->id + 5, NULL, 10), t->created_at / USEC_PER_SEC);
        snprintf(name, sizeof(name), "%s.json", t->id);
        TAP_CHECK_INT(mode_of(&f, name), 0640);
        TAP_CHECK_INT(task_store_load(f.store, t->id, &back, NULL), 0);
        TAP_CHECK_STRING(back ? back->id : NULL, t->id);
        TAP_CHECK_INT(back ? back->created_at : 0, t->created_at);
        TAP_CHECK_INT(scratch_count(&f.scratch), 2);
}

static void test_save_and_load(void) {
        _cleanup_(task_freep) Task *t = new_command(), *back = NULL;
        FIXTURE;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_create(f.store, t, NULL), 0);
        t->state = TASK_RUNNING;
        t->log_lines = 5;
        TAP_CHECK_INT(string_replace(&t->error, "two\nlines"), 0);
        t->last_updated = 0;
        TAP_CHECK_INT(task_store_save(f.store, t), 0);
        TAP_CHECK(t->last_updated >= t->created_at);
        TAP_CHECK_INT(task_store_load(f.store, t->id, &back, NULL), 0);
        if (!back)
                return;
        TAP_CHECK_INT(back->state, TASK_RUNNING);
        TAP_CHECK_INT(back->log_lines, 5);
        TAP_CHECK_STRING(back->error, "two\nlines");
        TAP_CHECK_INT(back->last_updated, t->last_updated);
        TAP_CHECK_INT(back->created_at, t->created_at);
}

/* Far more than a second has ids with luck alone: each is decided by its file. */
static void test_a_thousand_at_once(void) {
        FIXTURE;
        _cleanup_strv_ char **ids = NULL;
        char last[TASK_ID_SIZE + 1] = "";

        if (!fixture_init(&f))
                return;
        for (unsigned i = 0; i < 1000; i++) {
                _cleanup_(task_freep) Task *t = new_command();

                if (!TAP_CHECK_INT(task_store_create(f.store, t, NULL), 0))
                        return;
        }
        TAP_CHECK_INT(task_store_list(f.store, &ids), 0);
        TAP_CHECK_INT(strv_length(ids), 1000);
        for (size_t i = 0; ids && ids[i]; i++) {
                if (strcmp(last, ids[i]) >= 0)
                        tap_fail(__FILE__, __LINE__, "%s comes after %s", ids[i], last);
                snprintf(last, sizeof(last), "%s", ids[i]);
        }
}

/* The clock was set back between two services. */
static void test_new_ids_are_the_greatest(void) {
        static const char future[] = "task-4000000000-f423f0";
        _cleanup_(task_freep) Task *there = NULL, *first = new_command(), *second = new_command();
        FIXTURE;

        if (!fixture_init(&f))
                return;
        put(&f, "task-4000000000-f423f0.json", "{\"task_id\":\"task-4000000000-f423f0\",\"state\":\"queued\","
                                               "\"recipe\":\"claude\"}");
        TAP_CHECK_INT(task_store_load(f.store, future, &there, NULL), 0);
        TAP_CHECK_INT(task_store_create(f.store, first, NULL), 0);
        TAP_CHECK_INT(task_store_create(f.store, second, NULL), 0);
        TAP_CHECK(strcmp(first->id, future) > 0);
        TAP_CHECK(strcmp(second->id, first->id) > 0);
        TAP_CHECK(first->created_at < 4000000000 * USEC_PER_SEC);
}

static const struct {
        const char *text;
        int error;
        const char *part;
} broken[] = {
        { "", -EBADMSG, "ends too early" },
        { "{", -EBADMSG, "ends too early" },
        { "not JSON", -EBADMSG, "not valid" },
        { "{\"task_id\":\"" ID "\"}", -EBADMSG, "how far" },
        { "{\"task_id\":\"task-1700000000-ffffff\",\"state\":\"queued\",\"recipe\":\"claude\"}", -ENOTUNIQ,
          "the file holds the task task-1700000000-ffffff" },
        { "{}", -EMEDIUMTYPE, "no valid task_id" },
        { "[]", -EMEDIUMTYPE, "" },
        { "{\"task_id\":7}", -EBADMSG, "task_id" },
        { "{\"version\":99}", -EPROTONOSUPPORT, "version 99" },
};

static void test_broken_documents(void) {
        FIXTURE;

        if (!fixture_init(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                Task *t = NULL;

                put(&f, ID ".json", broken[i].text);
                TAP_CHECK_INT(task_store_load(f.store, ID, &t, &problem), broken[i].error);
                TAP_CHECK_CONTAINS(problem.sentence, broken[i].part);
                TAP_CHECK(!t);
        }
}

static void test_load_of_what_is_not_there(void) {
        static const char *const names[] = {
                ID, "", "..", ("../" ID), "remote-developerd.lock", "task-1700000000-ABCDEF",
        };
        FIXTURE;

        if (!fixture_init(&f))
                return;
        put(&f, "task-1700000000-ABCDEF.json", "{\"task_id\":\"" ID "\",\"state\":\"queued\",\"recipe\":\"claude\"}");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Task *t = NULL;

                TAP_CHECK_INT(task_store_load(f.store, names[i], &t, NULL), -ENOENT);
        }
}

static void test_load_follows_no_link(void) {
        FIXTURE;
        Task *t = NULL;

        if (!fixture_init(&f))
                return;
        put(&f, "elsewhere", "{\"task_id\":\"" ID "\",\"state\":\"queued\",\"recipe\":\"claude\"}");
        TAP_CHECK_INT(symlinkat("elsewhere", f.scratch.fd, ID ".json"), 0);
        TAP_CHECK_INT(task_store_load(f.store, ID, &t, NULL), -ELOOP);
}

static void test_load_is_bounded(void) {
        FIXTURE;
        Task *t = NULL;

        if (!fixture_init(&f))
                return;
        put(&f, ID ".json", "");
        TAP_CHECK_INT(truncate(scratch_path(&f.scratch, ID ".json"), (off_t) TASK_DOCUMENT_SIZE_MAX + 1), 0);
        TAP_CHECK_INT(task_store_load(f.store, ID, &t, NULL), -EFBIG);
}

/* --- ends of documents --- */

static void test_remove(void) {
        FIXTURE;

        if (!fixture_init(&f))
                return;
        put(&f, ID ".json", "");
        put(&f, ID ".result", "");
        put(&f, ID ".prompt", "");
        put(&f, "task-1700000000-abcdee.json", "");
        TAP_CHECK_INT(task_store_remove(f.store, ID, 1), 0);
        TAP_CHECK_INT(scratch_count(&f.scratch), 2);
        TAP_CHECK(is_there(&f, "task-1700000000-abcdee.json"));
        TAP_CHECK_INT(task_store_remove(f.store, ID, 1), 0);
}

/* What cannot be removed keeps the document: it can be tried again. */
static void test_remove_takes_the_document_last(void) {
        FIXTURE;

        if (!fixture_init(&f))
                return;
        put(&f, ID ".json", "");
        TAP_CHECK_INT(mkdirat(f.scratch.fd, ID ".result", 0700), 0);
        TAP_CHECK_INT(task_store_remove(f.store, ID, 1), -EISDIR);
        TAP_CHECK(is_there(&f, ID ".json"));
}

/* --- the files beside --- */

static void test_ending(void) {
        FIXTURE;
        Ending e;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 1, &e), -ENOENT);
        put(&f, ID ".result", "SERVICE_RESULT=success\nINVOCATION_ID=0123\n");
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 1, &e), 0);
        TAP_CHECK_STRING(e.service_result, "success");
        put(&f, ID ".result", "SERVICE_RESULT=succ");
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 1, &e), -EBADMSG);
        TAP_CHECK_INT(truncate(scratch_path(&f.scratch, ID ".result"), ENDING_FILE_SIZE_MAX + 1), 0);
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 1, &e), -EFBIG);
}

/* What the recorder could not write beside the document. */
static void test_spilled_ending(void) {
        FIXTURE;
        Ending e;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_add_endings(f.store, scratch_path(&f.scratch, "run")), 0);
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 2, &e), -ENOENT);
        TAP_CHECK_INT(mkdirat(f.scratch.fd, "run", 0700), 0);
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 2, &e), -ENOENT);
        put(&f, "run/" ID ".2.result", "SERVICE_RESULT=signal\nINVOCATION_ID=0123\n");
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 2, &e), 0);
        TAP_CHECK_STRING(e.service_result, "signal");
        put(&f, ID ".2.result", "SERVICE_RESULT=succ");
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 2, &e), 0);
        TAP_CHECK_STRING(e.service_result, "signal");
        put(&f, ID ".2.result", "SERVICE_RESULT=success\nINVOCATION_ID=0123\n");
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 2, &e), 0);
        TAP_CHECK_STRING(e.service_result, "success");
        task_store_drop_spilled_ending(f.store, ID, 2);
        TAP_CHECK(!is_there(&f, "run/" ID ".2.result") && is_there(&f, ID ".2.result"));
        put(&f, "run/" ID ".2.result", "");
        TAP_CHECK_INT(task_store_remove(f.store, ID, 2), 0);
        TAP_CHECK(!is_there(&f, "run/" ID ".2.result") && !is_there(&f, ID ".2.result"));
}

static void test_spilled_ending_follows_no_link(void) {
        FIXTURE;
        Ending e;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_add_endings(f.store, scratch_path(&f.scratch, "run")), 0);
        TAP_CHECK_INT(mkdirat(f.scratch.fd, "elsewhere", 0700), 0);
        TAP_CHECK_INT(symlinkat("elsewhere", f.scratch.fd, "run"), 0);
        put(&f, "elsewhere/" ID ".2.result", "SERVICE_RESULT=success\nINVOCATION_ID=0123\n");
        TAP_CHECK_INT(task_store_read_ending(f.store, ID, 2, &e), -ENOENT);
}

static void test_prompt(void) {
        FIXTURE;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *prompt = NULL;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_write_prompt(f.store, ID, "--version\n\"$HOME\"\0z", 18), 0);
        TAP_CHECK_INT(mode_of(&f, ID ".prompt"), 0600);
        TAP_CHECK_INT(file_read(f.scratch.fd, ID ".prompt", 100, &text), 0);
        TAP_CHECK_STRING(text.data, "--version\n\"$HOME\"");
        prompt = task_store_prompt_path(f.store, ID);
        TAP_CHECK_STRING(prompt, scratch_path(&f.scratch, ID ".prompt"));
}

static void test_active_tasks(void) {
        _cleanup_json_ Json *array = json_new_array();
        FIXTURE;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        umask(0022);
        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(json_push(array, json_new_string("a")), 0);
        TAP_CHECK_INT(task_store_write_active(f.store, array), 0);
        TAP_CHECK_INT(file_read(f.scratch.fd, "active_tasks.json", 100, &text), 0);
        TAP_CHECK_STRING(text.data, "[\"a\"]\n");
        TAP_CHECK_INT(mode_of(&f, "active_tasks.json"), 0640);
}

static void test_disk(void) {
        FIXTURE;
        uint64_t free_bytes = 0;
        bool read_only = true;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_disk(f.store, &free_bytes, &read_only), 0);
        TAP_CHECK(free_bytes > 0 && !read_only);
}

static const TapTest tests[] = {
        { "opening makes the directory", test_open_makes_the_directory },
        { "opening says what is wrong", test_open_says_what_is_wrong },
        { "one service at a time, and the second names it", test_one_service_at_a_time },
        { "the lock holds in the same process", test_lock_in_the_same_process },
        { "a lock without a name", test_lock_without_a_name },
        { "nothing is open for writing", test_nothing_is_open_for_writing },
        { "created and loaded", test_create_and_load },
        { "saved and loaded", test_save_and_load },
        { "a thousand at once have ids of their own", test_a_thousand_at_once },
        { "new ids are the greatest", test_new_ids_are_the_greatest },
        { "broken documents", test_broken_documents },
        { "what is not there", test_load_of_what_is_not_there },
        { "no link is followed", test_load_follows_no_link },
        { "documents are bounded", test_load_is_bounded },
        { "removed", test_remove },
        { "the document is removed last", test_remove_takes_the_document_last },
        { "the recorder's ending", test_ending },
        { "the recorder's ending in its other place", test_spilled_ending },
        { "the other place is no link", test_spilled_ending_follows_no_link },
        { "the prompt", test_prompt },
        { "the active tasks", test_active_tasks },
        { "the disk", test_disk },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

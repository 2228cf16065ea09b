/* The secrets of tasks beside their documents: for the owner alone, whole or not at all, and no link is followed. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-store.h>

#include <stdio.h>

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

static const Secrets two = { .pairs = (char *[]){ (char *) "TOKEN=a=b\n", (char *) "OTHER=x", NULL } };
static const Secrets one = { .pairs = (char *[]){ (char *) "TOKEN=new", NULL } };

static char *read_value(const Fixture *f, const char *name) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        return file_read(f->scratch.fd, name, 1000, &b) >= 0 ? buffer_take(&b) : NULL;
}

static int mode_of(const Fixture *f, const char *name) {
        struct stat st;

        return fstatat(f->scratch.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : (int) st.st_mode & 07777;
}

static void test_written_and_removed(void) {
        FIXTURE;
        _cleanup_free_ char *token = NULL, *again = NULL, *row = NULL, *expected = NULL;
        _cleanup_strv_ char **ids = NULL, **none = NULL;

        umask(0);
        if (!fixture_init(&f) || !TAP_CHECK_INT(task_store_write_credentials(f.store, ID, &two), 0))
                return;
        token = read_value(&f, ID ".credentials/TOKEN");
        TAP_CHECK_STRING(token, "a=b\n");
        TAP_CHECK_INT(mode_of(&f, ID ".credentials"), 0700);
        TAP_CHECK_INT(mode_of(&f, ID ".credentials/OTHER"), 0600);
        row = task_store_credential(f.store, ID, "TOKEN");
        expected = string_format("TOKEN:%s/" ID ".credentials/TOKEN", task_store_path(f.store));
        TAP_CHECK_STRING(row, expected);
        TAP_CHECK_INT(task_store_list_credentials(f.store, &ids), 0);
        TAP_CHECK(strv_length(ids) == 1 && string_equal(ids[0], ID));

        TAP_CHECK_INT(task_store_write_credentials(f.store, ID, &one), 0);
        again = read_value(&f, ID ".credentials/TOKEN");
        TAP_CHECK_STRING(again, "new");
        TAP_CHECK_INT(mode_of(&f, ID ".credentials/OTHER"), -ENOENT);
        TAP_CHECK_INT(task_store_write_credentials(f.store, ID, NULL), 0);
        TAP_CHECK_INT(mode_of(&f, ID ".credentials"), -ENOENT);
        TAP_CHECK_INT(task_store_remove_credentials(f.store, ID), 0);
        TAP_CHECK_INT(task_store_list_credentials(f.store, &none), 0);
        TAP_CHECK_INT(strv_length(none), 0);
}

/* Somebody put a link there, to what is not ours to write or remove. */
static void test_no_link_is_followed(void) {
        FIXTURE;
        _cleanup_free_ char *there = NULL;
        _cleanup_close_ int elsewhere = -EBADF;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(mkdirat(f.scratch.fd, "elsewhere", 0700), 0);
        elsewhere = openat(f.scratch.fd, "elsewhere", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        TAP_CHECK_INT(file_write_durable(elsewhere, "TOKEN", "x", 1, 0600), 0);
        TAP_CHECK_INT(symlinkat("elsewhere", f.scratch.fd, ID ".credentials"), 0);
        TAP_CHECK_INT(task_store_write_credentials(f.store, ID, &one), 0);
        there = read_value(&f, "elsewhere/TOKEN");
        TAP_CHECK_STRING(there, "x");
        TAP_CHECK_INT(mode_of(&f, ID ".credentials"), 0700);
}

static void test_a_task_with_secrets(void) {
        FIXTURE;
        _cleanup_(task_freep) Task *t = task_new();
        char name[64];

        if (!fixture_init(&f) || !TAP_CHECK_INT(strv_append(&t->spec.command, "true"), 0) ||
            !TAP_CHECK_INT(task_store_create(f.store, t, &one), 0))
                return;
        snprintf(name, sizeof(name), "%s.credentials/TOKEN", t->id);
        TAP_CHECK_INT(mode_of(&f, name), 0600);
        TAP_CHECK_INT(task_store_remove(f.store, t->id, 1), 0);
        TAP_CHECK_INT(scratch_count(&f.scratch), 1);
}

/* A name that cannot be: nothing of the others is left. */
static void test_all_or_nothing(void) {
        FIXTURE;
        _cleanup_(task_freep) Task *t = task_new();
        const Secrets wrong = { .pairs = (char *[]){ (char *) "TOKEN=x", (char *) "no/name=x", NULL } };

        if (!fixture_init(&f) || !TAP_CHECK_INT(strv_append(&t->spec.command, "true"), 0))
                return;
        TAP_CHECK_INT(task_store_create(f.store, t, &wrong), -ENOENT);
        TAP_CHECK_INT(scratch_count(&f.scratch), 1);
}

int main(void) {
        static const TapTest tests[] = {
                { "written, written again and removed", test_written_and_removed },
                { "no link is followed", test_no_link_is_followed },
                { "a task with secrets", test_a_task_with_secrets },
                { "all of them or none", test_all_or_nothing },
        };

        return tap_main(tests, ELEMENTSOF(tests));
}

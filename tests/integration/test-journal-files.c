/* JournalFiles: what is seen of the journal's directories, where the kernel tells and where it does not. */
#include "../lib/scratch.h"

#include "../../src/systemd/journal-files.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);

/* The linker puts these in the place of the C library's, which fail with that; 0: they do not. */
static int init_fails, watch_fails;

int __wrap_inotify_init1(int flags) {
        if (init_fails == 0)
                return __real_inotify_init1(flags);
        errno = init_fails;
        return -1;
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask) {
        TAP_CHECK(fcntl(fd, F_GETFD) >= 0);
        if (watch_fails == 0)
                return __real_inotify_add_watch(fd, path, mask);
        errno = watch_fails;
        return -1;
}

typedef struct Place {
        Scratch scratch;
        JournalSource source;
} Place;

static void place_done(Place *p) {
        scratch_done(&p->scratch);
}

static bool place_init(Place *p) {
        *p = (Place){ .scratch = SCRATCH_NULL };
        if (!scratch_init(&p->scratch))
                return false;
        p->source.directory = p->scratch.path;
        return true;
}

/* What is about to happen is of another time than this. */
static void make_old(const Place *p) {
        TAP_CHECK_INT(utimensat(AT_FDCWD, p->scratch.path, (struct timespec[]){ { .tv_sec = 1 }, { .tv_sec = 1 } }, 0),
                      0);
}

static void write_to(const Place *p, const char *name) {
        _cleanup_close_ int fd = openat(p->scratch.fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        TAP_CHECK_INT(write(fd, "x", 1), 1);
}

static void check_changes(const Place *p) {
        JournalFiles files;

        make_old(p);
        files = journal_files_now(&p->source);
        TAP_CHECK(!journal_files_have_changed(&files, &p->source));
        write_to(p, "a");
        TAP_CHECK(journal_files_have_changed(&files, &p->source));
        TAP_CHECK(journal_files_have_changed(&files, &p->source));

        make_old(p);
        files = journal_files_now(&p->source);
        write_to(p, "a");
        TAP_CHECK(!journal_files_have_changed(&files, &p->source));
        TAP_CHECK_INT(renameat(p->scratch.fd, "a", p->scratch.fd, "b"), 0);
        TAP_CHECK(journal_files_have_changed(&files, &p->source));

        make_old(p);
        files = journal_files_now(&p->source);
        TAP_CHECK(!journal_files_have_changed(&files, &p->source));
        TAP_CHECK_INT(unlinkat(p->scratch.fd, "b", 0), 0);
        TAP_CHECK(journal_files_have_changed(&files, &p->source));
}

#define PLACE(p)                                                                                             \
        _cleanup_(place_done) Place p;                                                                       \
        if (!place_init(&p))                                                                                 \
                return

static void test_files_that_come_and_go(void) {
        PLACE(p);

        check_changes(&p);
}

static void test_two_changes_at_one_time(void) {
        PLACE(p);
        JournalFiles files;

        make_old(&p);
        files = journal_files_now(&p.source);
        write_to(&p, "a");
        make_old(&p);
        TAP_CHECK(journal_files_have_changed(&files, &p.source));
}

/* As many instances as the user may have are there, or watches. */
static void test_the_kernel_does_not_tell(void) {
        const JournalSource machine = { .scope = RUNTIME_SCOPE_SYSTEM };
        JournalFiles files;
        PLACE(p);

        watch_fails = ENOSPC;
        files = journal_files_now(&machine);
        TAP_CHECK(!journal_files_have_changed(&files, &machine));
        check_changes(&p);
        watch_fails = 0;
        init_fails = EMFILE;
        check_changes(&p);
        init_fails = 0;
        test_two_changes_at_one_time();
}

/* Whoever may not read a directory is not shown its files by libsystemd either; of the other one he is told. */
static void test_a_directory_that_is_not_to_be_read(void) {
        const JournalSource machine = { .scope = RUNTIME_SCOPE_SYSTEM };
        JournalFiles files;

        watch_fails = EACCES;
        files = journal_files_now(&machine);
        TAP_CHECK(!journal_files_have_changed(&files, &machine));
        watch_fails = 0;
        test_two_changes_at_one_time();
}

static const TapTest tests[] = {
        { "files that come and go", test_files_that_come_and_go },
        { "two changes at one time", test_two_changes_at_one_time },
        { "the kernel does not tell", test_the_kernel_does_not_tell },
        { "a directory that is not to be read", test_a_directory_that_is_not_to_be_read },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

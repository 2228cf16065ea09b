/* Files: whole or not at all. The order of the system calls is what a power cut tests; here they are watched and made
 * to fail one by one: this program has its own write(), fsync(), renameat(), linkat() and unlinkat(), which the
 * library's calls reach. Reading is in test-files-read.c. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* --- watched system calls --- */

static struct {
        bool on;
        unsigned calls;
        unsigned fail_at; /* the call that fails, from 1; 0: none */
        int error;
        size_t bytes_max; /* that a write takes at once; 0: all */
        char order[256]; /* "write fsync rename fsync-directory " */
} watch;

static void watch_begin(unsigned fail_at, int error) {
        watch = (typeof(watch)){ .on = true, .fail_at = fail_at, .error = error };
}

static bool watch_lets_through(const char *name) {
        size_t n = strlen(watch.order);

        if (!watch.on)
                return true;
        snprintf(watch.order + n, sizeof(watch.order) - n, "%s ", name);
        if (++watch.calls != watch.fail_at)
                return true;
        errno = watch.error;
        return false;
}

ssize_t write(int fd, const void *data, size_t size) {
        if (watch.on && watch.bytes_max > 0)
                size = MIN_OF(size, watch.bytes_max);
        return watch_lets_through("write") ? syscall(SYS_write, fd, data, size) : -1;
}

int fsync(int fd) {
        struct stat st = {};
        const char *name;

        (void) fstat(fd, &st);
        name = S_ISDIR(st.st_mode) ? "fsync-directory" : "fsync";
        return watch_lets_through(name) ? (int) syscall(SYS_fsync, fd) : -1;
}

int renameat(int old_fd, const char *old, int new_fd, const char *new) {
        return watch_lets_through("rename") ? (int) syscall(SYS_renameat, old_fd, old, new_fd, new) : -1;
}

int linkat(int old_fd, const char *old, int new_fd, const char *new, int flags) {
        return watch_lets_through("link") ? (int) syscall(SYS_linkat, old_fd, old, new_fd, new, flags) : -1;
}

int unlinkat(int dir_fd, const char *name, int flags) {
        return watch_lets_through("unlink") ? (int) syscall(SYS_unlinkat, dir_fd, name, flags) : -1;
}

/* --- helpers --- */

static void check_content(int dir_fd, const char *name, const char *should) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        if (TAP_CHECK_INT(file_read(dir_fd, name, 1024 * 1024, &b), 0))
                TAP_CHECK_STRING(b.data, should);
}

static int put(int dir_fd, const char *name, const char *text) {
        return file_write_durable(dir_fd, name, text, strlen(text), 0640);
}

static int create(int dir_fd, const char *name, const char *text) {
        return file_create_durable(dir_fd, name, text, strlen(text), 0640);
}

static void check_opens(const Scratch *s, const char *name, int should) {
        int fd = file_open_directory(scratch_path(s, name), 0750);

        if ((fd < 0 ? fd : 0) != should)
                tap_fail(__FILE__, __LINE__, "%s gives %d, should %d", name, fd, should);
        closep(&fd);
}

/* --- writing --- */

static void test_write_and_read(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        struct stat st;

        if (!scratch_init(&s))
                return;
        umask(0022);
        TAP_CHECK_INT(put(s.fd, "a", "first"), 0);
        check_content(s.fd, "a", "first");
        TAP_CHECK_INT(put(s.fd, "a", "second, and longer"), 0);
        check_content(s.fd, "a", "second, and longer");
        TAP_CHECK_INT(put(s.fd, "a", ""), 0);
        check_content(s.fd, "a", "");
        TAP_CHECK_INT(file_write_durable(s.fd, "secret", "x", 1, 0600), 0);
        TAP_CHECK_INT(fstatat(s.fd, "secret", &st, 0), 0);
        TAP_CHECK_INT(st.st_mode & 07777, 0600);
        TAP_CHECK_INT(scratch_count(&s), 2);
}

static void test_order_of_a_durable_write(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        watch_begin(0, 0);
        TAP_CHECK_INT(put(s.fd, "a", "text"), 0);
        watch.on = false;
        TAP_CHECK_STRING(watch.order, "write fsync rename fsync-directory ");
        watch_begin(0, 0);
        TAP_CHECK_INT(create(s.fd, "b", "text"), 0);
        watch.on = false;
        TAP_CHECK_STRING(watch.order, "write fsync link unlink fsync-directory ");
        watch_begin(0, 0);
        TAP_CHECK_INT(file_remove_durable(s.fd, "b"), 0);
        watch.on = false;
        TAP_CHECK_STRING(watch.order, "unlink fsync-directory ");
}

/* Whichever call fails, the file is the old or the new one, and nothing else is left. */
static void test_failures_leave_old_or_new(void) {
        static const int errors[] = { ENOSPC, EIO, EDQUOT, EROFS };
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        for (unsigned call = 1; call <= 4; call++) {
                int error = errors[call % ELEMENTSOF(errors)];

                TAP_CHECK_INT(put(s.fd, "a", "old"), 0);
                watch_begin(call, error);
                TAP_CHECK_INT(put(s.fd, "a", "new"), -error);
                watch.on = false;
                /* The fourth is the directory's: what is renamed cannot be taken back. */
                check_content(s.fd, "a", call < 4 ? "old" : "new");
                TAP_CHECK_INT(scratch_count(&s), 1);
        }
}

static void test_failures_of_create(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        for (unsigned call = 1; call <= 3; call++) {
                watch_begin(call, EIO);
                TAP_CHECK_INT(create(s.fd, "a", "new"), -EIO);
                watch.on = false;
                TAP_CHECK_INT(scratch_count(&s), 0);
        }
        /* The directory's fsync: whoever was told of the error must not find the file later. */
        watch_begin(5, EIO);
        TAP_CHECK_INT(create(s.fd, "a", "new"), -EIO);
        watch.on = false;
        TAP_CHECK_INT(scratch_count(&s), 0);
        TAP_CHECK_INT(create(s.fd, "a", "new"), 0);
        watch_begin(1, EACCES);
        TAP_CHECK_INT(file_remove_durable(s.fd, "a"), -EACCES);
        watch.on = false;
        check_content(s.fd, "a", "new");
}

static void test_interrupted_write_goes_on(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        watch_begin(1, EINTR);
        TAP_CHECK_INT(put(s.fd, "a", "text"), 0);
        watch.on = false;
        check_content(s.fd, "a", "text");
}

static void test_short_writes_go_on(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        watch_begin(0, 0);
        watch.bytes_max = 3;
        TAP_CHECK_INT(put(s.fd, "a", "0123456789"), 0);
        watch.on = false;
        check_content(s.fd, "a", "0123456789");
}

/* The kernel's own refusal, after part of the bytes was taken. */
static void test_size_limit(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        struct rlimit before, small = { 4096, 4096 };
        static char text[10000];
        int r;

        if (!scratch_init(&s) || !TAP_CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0))
                return;
        TAP_CHECK_INT(put(s.fd, "a", "old"), 0);
        small.rlim_max = before.rlim_max;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        r = file_write_durable(s.fd, "a", text, sizeof(text), 0640);
        setrlimit(RLIMIT_FSIZE, &before);
        TAP_CHECK_INT(r, -EFBIG);
        check_content(s.fd, "a", "old");
        TAP_CHECK_INT(scratch_count(&s), 1);
}

static void check_full_disk(int fd) {
        static char text[64 * 1024];

        TAP_CHECK_INT(put(fd, "a", "old"), 0);
        TAP_CHECK_INT(file_write_durable(fd, "a", text, sizeof(text), 0640), -ENOSPC);
        TAP_CHECK_INT(file_create_durable(fd, "b", text, sizeof(text), 0640), -ENOSPC);
        check_content(fd, "a", "old");
        TAP_CHECK_INT(faccessat(fd, "b", F_OK, 0), -1);
        /* The half-written files are gone: there is room again. */
        TAP_CHECK_INT(put(fd, "a", "new"), 0);
        check_content(fd, "a", "new");
}

static void check_read_only_disk(int fd) {
        TAP_CHECK_INT(put(fd, "a", "newer"), -EROFS);
        TAP_CHECK_INT(create(fd, "b", "newer"), -EROFS);
        TAP_CHECK_INT(file_remove_durable(fd, "a"), -EROFS);
        check_content(fd, "a", "new");
}

/* In a mount namespace of this program's own: nothing of it is seen outside, nor left behind. */
static void test_full_and_read_only_disk(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        const char *options = "size=16k,nr_inodes=8";
        int fd;

        if (!scratch_init(&s))
                return;
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", s.path, "tmpfs", 0, options) < 0) {
                tap_skip("a file system cannot be mounted here, which needs root");
                return;
        }
        fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        check_full_disk(fd);
        if (TAP_CHECK_INT(mount("none", s.path, "none", MS_REMOUNT | MS_RDONLY, options), 0))
                check_read_only_disk(fd);
        close(fd);
        TAP_CHECK_INT(umount(s.path), 0);
}

/* Modes do not stop root: for these calls it steps down. */
static void test_read_only_directory(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        TAP_CHECK_INT(put(s.fd, "a", "old"), 0);
        TAP_CHECK_INT(fchmod(s.fd, 0555), 0);
        if (getuid() == 0)
                setfsuid(65534);
        TAP_CHECK_INT(put(s.fd, "a", "new"), -EACCES);
        TAP_CHECK_INT(create(s.fd, "b", "new"), -EACCES);
        TAP_CHECK_INT(file_remove_durable(s.fd, "a"), -EACCES);
        check_opens(&s, "below", -EACCES);
        check_opens(&s, "far/below", -EACCES);
        if (getuid() == 0)
                setfsuid(0);
        TAP_CHECK_INT(fchmod(s.fd, 0700), 0);
        check_content(s.fd, "a", "old");
        TAP_CHECK_INT(scratch_count(&s), 1);
}

/* --- exclusive creation --- */

static void test_create_refuses_what_is_there(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        TAP_CHECK_INT(create(s.fd, "a", "first"), 0);
        TAP_CHECK_INT(create(s.fd, "a", "second"), -EEXIST);
        check_content(s.fd, "a", "first");
        TAP_CHECK_INT(symlinkat("nowhere", s.fd, "link"), 0);
        TAP_CHECK_INT(create(s.fd, "link", "third"), -EEXIST);
        TAP_CHECK_INT(scratch_count(&s), 2);
}

enum { WRITERS = 8, ROUNDS = 25 };

/* All begin at once, when the pipe's other end is closed. Ends with 0: created; 1: it was there; 2: otherwise. */
static pid_t fork_writer(int dir_fd, int gate[2], unsigned number) {
        pid_t pid = fork();
        char text[32], c;
        int r;

        if (pid != 0)
                return pid;
        close(gate[1]);
        (void) !read(gate[0], &c, 1);
        snprintf(text, sizeof(text), "writer %u", number);
        r = create(dir_fd, "contested", text);
        _exit(r == 0 ? 0 : r == -EEXIST ? 1 : 2);
}

static unsigned count_winners(const pid_t *pids, unsigned *ret_winner) {
        unsigned won = 0;

        for (unsigned i = 0; i < WRITERS; i++) {
                int status = -1;

                TAP_CHECK_INT(waitpid(pids[i], &status, 0), pids[i]);
                TAP_CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
                if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                        won++;
                        *ret_winner = i;
                }
        }
        return won;
}

static void race(Scratch *s) {
        pid_t pids[WRITERS];
        unsigned winner = 0;
        char text[32];
        int gate[2];

        if (!TAP_CHECK_INT(pipe(gate), 0))
                return;
        for (unsigned i = 0; i < WRITERS; i++)
                pids[i] = fork_writer(s->fd, gate, i);
        close(gate[0]);
        close(gate[1]);
        TAP_CHECK_INT(count_winners(pids, &winner), 1);
        snprintf(text, sizeof(text), "writer %u", winner);
        check_content(s->fd, "contested", text);
        TAP_CHECK_INT(scratch_count(s), 1);
        TAP_CHECK_INT(file_remove_durable(s->fd, "contested"), 0);
}

static void test_one_of_many_creates(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        for (unsigned i = 0; i < ROUNDS; i++)
                race(&s);
}

static const TapTest tests[] = {
        { "what is written is read", test_write_and_read },
        { "write, fsync, rename, fsync of the directory", test_order_of_a_durable_write },
        { "failures leave the old or the new file", test_failures_leave_old_or_new },
        { "failures of create leave nothing", test_failures_of_create },
        { "an interrupted write goes on", test_interrupted_write_goes_on },
        { "short writes go on", test_short_writes_go_on },
        { "a limit of size leaves the old file", test_size_limit },
        { "a full and a read-only disk", test_full_and_read_only_disk },
        { "a read-only directory", test_read_only_directory },
        { "create refuses what is there", test_create_refuses_what_is_there },
        { "one of eight at once creates", test_one_of_many_creates },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Files: read with a bound and never half-written, removed, and directories made with their parents. Writing is in
 * test-files.c. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/files.h>

#include <sys/wait.h>

static int put(int dir_fd, const char *name, const char *text) {
        return file_write_durable(dir_fd, name, text, strlen(text), 0640);
}

static _Noreturn void write_versions(int dir_fd) {
        static char text[20000];
        int r = 0;

        for (unsigned i = 0; r == 0 && i < 300; i++) {
                memset(text, 'a' + (int) (i % 26), sizeof(text));
                r = file_write_durable(dir_fd, "a", text, 1 + i * 7919 % sizeof(text), 0640);
        }
        _exit(r == 0 ? 0 : 1);
}

static bool is_of_one_version(const Buffer *b) {
        for (size_t i = 1; i < b->size; i++)
                if (b->data[i] != b->data[0])
                        return false;
        return b->size > 0;
}

static void test_reader_sees_whole_versions(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        int status = 0;
        pid_t pid;

        if (!scratch_init(&s) || !TAP_CHECK_INT(put(s.fd, "a", "z"), 0))
                return;
        pid = fork();
        if (pid == 0)
                write_versions(s.fd);
        while (waitpid(pid, &status, WNOHANG) == 0) {
                if (!TAP_CHECK_INT(file_read(s.fd, "a", 20000, &b), 0) || !TAP_CHECK(is_of_one_version(&b)))
                        break;
        }
        TAP_CHECK_INT(status, 0);
}

static void test_read_is_bounded(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        static char text[50000];

        if (!scratch_init(&s))
                return;
        memset(text, 'x', sizeof(text));
        TAP_CHECK_INT(file_write_durable(s.fd, "a", text, sizeof(text), 0640), 0);
        TAP_CHECK_INT(file_read(s.fd, "a", sizeof(text), &b), 0);
        TAP_CHECK_INT(b.size, sizeof(text));
        TAP_CHECK_INT(b.data[b.size], 0);
        TAP_CHECK_INT(file_read(s.fd, "a", sizeof(text) - 1, &b), -EFBIG);
        /* On error the caller keeps what it had; else it is replaced. */
        TAP_CHECK_INT(b.size, sizeof(text));
        TAP_CHECK_INT(put(s.fd, "empty", ""), 0);
        TAP_CHECK_INT(file_read(s.fd, "empty", 0, &b), 0);
        TAP_CHECK_STRING(b.data, "");
        TAP_CHECK_INT(file_read(s.fd, "a", 0, &b), -EFBIG);
        /* It tells no size, and never ends. */
        TAP_CHECK_INT(file_read(AT_FDCWD, "/proc/self/status", 16, &b), -EFBIG);
}

static void test_read_refuses_what_is_no_file(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        if (!scratch_init(&s))
                return;
        TAP_CHECK_INT(put(s.fd, "a", "text"), 0);
        TAP_CHECK_INT(symlinkat("a", s.fd, "link"), 0);
        TAP_CHECK_INT(mkfifoat(s.fd, "fifo", 0600), 0);
        TAP_CHECK_INT(mkdirat(s.fd, "directory", 0700), 0);
        /* If the FIFO blocked, only SIGALRM would end this. */
        alarm(20);
        TAP_CHECK_INT(file_read(s.fd, "fifo", 100, &b), -EINVAL);
        alarm(0);
        TAP_CHECK_INT(file_read(s.fd, "link", 100, &b), -ELOOP);
        TAP_CHECK_INT(file_read(s.fd, "directory", 100, &b), -EINVAL);
        TAP_CHECK_INT(file_read(s.fd, "absent", 100, &b), -ENOENT);
        TAP_CHECK_INT(file_read(s.fd, "a/b", 100, &b), -ENOTDIR);
        /* It can be opened, and looks like a file. */
        TAP_CHECK_INT(file_read(AT_FDCWD, "/proc/self/mem", 100, &b), -EIO);
        TAP_CHECK(!b.data);
}

static void test_remove(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        TAP_CHECK_INT(put(s.fd, "a", "text"), 0);
        TAP_CHECK_INT(file_remove_durable(s.fd, "a"), 0);
        TAP_CHECK_INT(scratch_count(&s), 0);
        TAP_CHECK_INT(file_remove_durable(s.fd, "a"), 0);
        TAP_CHECK_INT(mkdirat(s.fd, "directory", 0700), 0);
        TAP_CHECK_INT(file_remove_durable(s.fd, "directory"), -EISDIR);
}

static void check_opens(const Scratch *s, const char *name, int should) {
        int fd = file_open_directory(scratch_path(s, name), 0750);

        if ((fd < 0 ? fd : 0) != should)
                tap_fail(__FILE__, __LINE__, "%s gives %d, should %d", name, fd, should);
        closep(&fd);
}

static void test_open_directory(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        struct stat st;

        if (!scratch_init(&s))
                return;
        TAP_CHECK_INT(put(s.fd, "file", ""), 0);
        check_opens(&s, "a/b/c", 0);
        check_opens(&s, "a/b/c", 0);
        check_opens(&s, "a//b/d/", 0);
        check_opens(&s, "a/./b/../e", 0);
        check_opens(&s, "file", -ENOTDIR);
        check_opens(&s, "file/below", -ENOTDIR);
        TAP_CHECK_INT(fstatat(s.fd, "a/b/c", &st, 0), 0);
        TAP_CHECK_INT(st.st_mode & 0777, 0750);
        TAP_CHECK_INT(fstatat(s.fd, "a", &st, 0), 0);
        TAP_CHECK_INT(st.st_mode & 0777, 0750);
        TAP_CHECK_INT(file_open_directory("", 0750), -ENOENT);
}

static void test_open_directory_by_relative_path(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_close_ int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int fd;

        if (!scratch_init(&s) || !TAP_CHECK_INT(fchdir(s.fd), 0))
                return;
        fd = file_open_directory("a/b/c", 0750);
        TAP_CHECK(fd >= 0);
        closep(&fd);
        TAP_CHECK_INT(fchdir(before), 0);
        check_opens(&s, "a/b/c", 0);
}

static const TapTest tests[] = {
        { "a reader sees whole versions", test_reader_sees_whole_versions },
        { "reading is bounded", test_read_is_bounded },
        { "reading refuses what is no file, and does not block", test_read_refuses_what_is_no_file },
        { "removing", test_remove },
        { "directories are made with their parents", test_open_directory },
        { "directories by a relative path", test_open_directory_by_relative_path },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

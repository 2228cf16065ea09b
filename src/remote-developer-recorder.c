/* remote-developer-recorder DIRECTORY TASK: the first ExecStopPost= command of every task's unit. It writes what
 * systemd tells about the unit's end durably beside the task's file, whether or not the service is running.
 *
 * In system mode it is privileged, and systemd hands it the task's own environment, which is any user's text: so it is
 * linked statically (no LD_PRELOAD), reads the few variables it came for and clears the rest before anything else
 * runs.
 *
 * The file is written at once, and once more when the manager turns out to be going down: that is what tells a task
 * that was running at a shutdown from one that was stopped by hand. */
#include <remote-developer/ending.h>
#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* systemd answers at once, but on a machine that is busy with going down; what is on disk by then needs no answer.
 * Less than the unit has for its end. */
#define ASK_LIMIT_MSEC 5000
#define SYSTEMCTL "/usr/bin/systemctl"

/* As the directory's owner, who is not root in system mode, and in whose directory anything may lie. */
static int write_ending_in(int dir_fd, const char *id, const Ending *e) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *name = string_format("%s.result", id);
        int r;

        if (dir_fd < 0)
                return dir_fd;
        r = file_act_as_owner(dir_fd);
        if (r >= 0)
                r = name ? ending_to_text(e, &text) : -ENOMEM;
        return r < 0 ? r : file_write_durable(dir_fd, name, text.data, text.size, 0644);
}

/* Only root, or the very user, may write in the directories above it. */
static int open_spill_directory(void) {
        _cleanup_free_ char *path = ending_spill_directory(getuid());

        return path ? file_open_directory(path, 0755) : -ENOMEM;
}

/* A full or read-only disk must not cost the verdict: the runtime directory is memory, and outlives the service. */
static int write_ending(int dir_fd, const char *id, const Ending *e) {
        _cleanup_close_ int spill_fd = -EBADF;
        int r;

        r = write_ending_in(dir_fd, id, e);
        if (r >= 0)
                return r;
        spill_fd = open_spill_directory();
        return write_ending_in(spill_fd, id, e) < 0 ? r : 0;
}

/* Only an end that somebody may have asked for can be a shutdown's. */
static bool may_be_shutdown(const Ending *e) {
        return !string_equal(e->exit_code, "dumped") && !string_equal(e->service_result, "oom-kill");
}

static int spawn_systemctl(int output_fd, char *const environment[], pid_t *ret) {
        static const char *const system_argv[] = { SYSTEMCTL, "is-system-running", NULL };
        static const char *const user_argv[] = { SYSTEMCTL, "--user", "is-system-running", NULL };
        const char *const *argv = getuid() == 0 ? system_argv : user_argv;
        posix_spawn_file_actions_t actions;
        int r;

        r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        r = -posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
        if (r == 0)
                r = -posix_spawn(ret, SYSTEMCTL, &actions, NULL, (char *const *) argv, environment);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

/* The first word that comes within the limit. */
static void read_word(int fd, char word[static ENDING_WORD_SIZE]) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n;

        if (poll(&p, 1, ASK_LIMIT_MSEC) <= 0)
                return;
        n = read(fd, word, ENDING_WORD_SIZE - 1);
        word[n > 0 ? n : 0] = 0;
        word[strcspn(word, "\n")] = 0;
}

/* What systemctl needs to find the user's manager; the system's it finds by itself. */
static char *runtime_directory(void) {
        return string_format("XDG_RUNTIME_DIR=/run/user/%u", (unsigned) getuid());
}

static int ask_manager_state(char word[static ENDING_WORD_SIZE]) {
        _cleanup_free_ char *variable = runtime_directory();
        char *environment[] = { variable, NULL };
        int fds[2], r;
        pid_t pid;

        if (!variable)
                return -ENOMEM;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = spawn_systemctl(fds[1], environment, &pid);
        close(fds[1]);
        if (r == 0) {
                read_word(fds[0], word);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
        }
        close(fds[0]);
        return r;
}

static int record(const char *directory, const char *id) {
        _cleanup_close_ int dir_fd = -EBADF;
        Ending e;
        int r;

        r = ending_from_environment(&e);
        clearenv();
        dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0)
                dir_fd = -errno;
        if (r >= 0)
                r = write_ending(dir_fd, id, &e);
        if (r < 0 || !may_be_shutdown(&e))
                return r;
        if (ask_manager_state(e.manager_state) < 0 || !string_equal(e.manager_state, "stopping"))
                return 0;
        return write_ending(dir_fd, id, &e);
}

int main(int argc, char *argv[]) {
        int r;

        if (argc != 3) {
                fprintf(stderr, "remote-developer-recorder DIRECTORY TASK: run by systemd when a task's unit ends\n");
                return EXIT_FAILURE;
        }
        umask(0022);
        r = record(argv[1], argv[2]);
        if (r < 0)
                fprintf(stderr, "<3>The end of %s could not be recorded in %s: %s\n", argv[2], argv[1], strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

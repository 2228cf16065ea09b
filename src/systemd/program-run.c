/* ProgramRun: see program-run.h.
 *
 * The program has a process group of its own, so that what it started is killed with it. Its end is that of the
 * program itself: what it left in the background may hold the pipe open for ever. */
#include <remote-developer/program-run.h>

#include <remote-developer/buffer.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

struct ProgramRun {
        ProgramEnded ended;
        void *userdata;
        Buffer output;
        int fd; /* what it writes */
        pid_t pid;
        sd_event_source *child, *io, *timer;
};

/* Until there is nothing at the moment. -ECONNRESET: nobody holds the other end any more. */
static int read_output(ProgramRun *p) {
        for (;;) {
                char bytes[4096];
                ssize_t n = read(p->fd, bytes, sizeof(bytes));

                if (n == 0)
                        return -ECONNRESET;
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                if (p->output.size < PROGRAM_OUTPUT_MAX)
                        (void) buffer_append(&p->output, bytes,
                                             MIN_OF((size_t) n, PROGRAM_OUTPUT_MAX - p->output.size));
        }
}

static int on_output(sd_event_source *s, int fd _unused_, uint32_t events _unused_, void *userdata) {
        return read_output(userdata) < 0 ? sd_event_source_set_enabled(s, SD_EVENT_OFF) : 0;
}

static void tell(ProgramRun *p, int error, int status) {
        const ProgramResult result = { .error = error, .status = status, .output = p->output.data ?: "" };

        p->ended(p->userdata, &result);
}

static int on_program_exit(sd_event_source *s, const siginfo_t *si, void *userdata) {
        ProgramRun *p = userdata;

        (void) sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        /* What it has left in its group; until this returns the number is nobody else's. */
        (void) kill(-p->pid, SIGKILL);
        (void) read_output(p);
        tell(p, 0, si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status);
        return 0;
}

static int on_timeout(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        ProgramRun *p = userdata;

        (void) sd_event_source_set_enabled(p->child, SD_EVENT_OFF);
        (void) kill(-p->pid, SIGKILL);
        (void) read_output(p);
        tell(p, -ETIMEDOUT, 0);
        return 0;
}

static int block_sigchld(void) {
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}

/* With no signal blocked or ignored, whatever this process does with its own. */
static int set_attributes(posix_spawnattr_t *attributes) {
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawnattr_setflags(
                        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawnattr_setpgroup(attributes, 0);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attributes, &none);
        return r == 0 ? -posix_spawnattr_setsigdefault(attributes, &all) : -r;
}

static int set_files(posix_spawn_file_actions_t *files, int output) {
        int r;

        r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
        return r == 0 ? -posix_spawn_file_actions_adddup2(files, output, STDERR_FILENO) : -r;
}

static int spawn(const char *const *argv, int output, pid_t *ret) {
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        int r;

        if (posix_spawn_file_actions_init(&files) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                posix_spawn_file_actions_destroy(&files);
                return -ENOMEM;
        }
        r = set_attributes(&attributes);
        if (r == 0)
                r = set_files(&files, output);
        if (r == 0)
                r = -posix_spawnp(ret, argv[0], &files, &attributes, (char **) argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
        return r;
}

static int begin(ProgramRun *p, const char *const *argv) {
        _cleanup_close_ int output = -EBADF;
        int pipe_fds[2], r;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        p->fd = pipe_fds[0];
        output = pipe_fds[1];
        if (fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = block_sigchld();
        return r < 0 ? r : spawn(argv, output, &p->pid);
}

static int watch(ProgramRun *p, sd_event *event, usec_t timeout_usec) {
        int r;

        r = sd_event_add_child(event, &p->child, p->pid, WEXITED, on_program_exit, p);
        if (r < 0) {
                (void) kill(-p->pid, SIGKILL);
                (void) waitpid(p->pid, NULL, 0);
                return r;
        }
        /* Freed before its end it is killed, and waited for. */
        r = sd_event_source_set_child_process_own(p->child, true);
        if (r >= 0)
                r = sd_event_source_set_description(p->child, "program");
        if (r >= 0)
                r = sd_event_add_io(event, &p->io, p->fd, EPOLLIN, on_output, p);
        if (r >= 0)
                r = sd_event_source_set_description(p->io, "program-output");
        if (r >= 0)
                r = sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC, timeout_usec, 0, on_timeout, p);
        return r < 0 ? r : sd_event_source_set_description(p->timer, "program-limit");
}

int program_run_new(sd_event *event, const char *const *argv, usec_t timeout_usec, ProgramEnded ended, void *userdata,
                    ProgramRun **ret) {
        ProgramRun *p = calloc(1, sizeof(ProgramRun));
        int r;

        if (!p)
                return -ENOMEM;
        p->fd = -EBADF;
        p->ended = ended;
        p->userdata = userdata;
        r = begin(p, argv);
        if (r >= 0)
                r = watch(p, event, timeout_usec);
        if (r < 0) {
                program_run_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

ProgramRun *program_run_free(ProgramRun *p) {
        int on = SD_EVENT_OFF;

        if (!p)
                return NULL;
        if (p->child && sd_event_source_get_enabled(p->child, &on) > 0)
                (void) kill(-p->pid, SIGKILL);
        sd_event_source_disable_unref(p->child);
        sd_event_source_disable_unref(p->io);
        sd_event_source_disable_unref(p->timer);
        buffer_done(&p->output);
        closep(&p->fd);
        free(p);
        return NULL;
}

/* Program: see program.h. One loop feeds standard input and reads both outputs, so that no pipe can fill up while the
 * other is waited for. */
#include "program.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define EXIT_NOT_EXECUTED 127

enum { INPUT, OUTPUT, ERRORS, STREAMS };

typedef struct Run {
        const Program *program;
        RunResult *result;
        int fds[STREAMS]; /* our ends */
        size_t written;
        usec_t beat_at, silent_at;
        pid_t pid;
} Run;

void run_result_done(RunResult *r) {
        buffer_done(&r->output);
        buffer_done(&r->errors);
        *r = RUN_RESULT_NULL;
}

static void close_stream(Run *run, int stream) {
        closep(&run->fds[stream]);
        run->fds[stream] = -EBADF;
}

static void change_environment(char *const *changes) {
        for (; changes && *changes; changes++) {
                if (strchr(*changes, '='))
                        (void) putenv(*changes);
                else
                        (void) unsetenv(*changes);
        }
}

/* In the child, which either becomes the program or ends. What the step reads from a descriptor instead (stop_fd) is
 * a signal for the program. */
_Noreturn static void become(const Program *p, const int theirs[STREAMS], pid_t parent) {
        sigset_t none;

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(EXIT_NOT_EXECUTED);
        for (int i = 0; i < STREAMS; i++)
                if (dup2(theirs[i], i) < 0)
                        _exit(EXIT_NOT_EXECUTED);
        (void) signal(SIGPIPE, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        change_environment(p->environment);
        if (!p->directory || chdir(p->directory) == 0)
                (void) execvp(p->argv[0], (char *const *) p->argv);
        dprintf(STDERR_FILENO, "%s: %s\n", p->argv[0], strerror(errno));
        _exit(EXIT_NOT_EXECUTED);
}

/* Above the standard streams, so that dup2() in the child overwrites none that is still wanted. */
static int make_pipe(int ret[static 2]) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        for (int i = 0; i < 2; i++) {
                ret[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, STREAMS);
                close(fds[i]);
        }
        return ret[0] < 0 || ret[1] < 0 ? -EMFILE : 0;
}

static int start(Run *run) {
        int theirs[STREAMS] = { -EBADF, -EBADF, -EBADF }, r = 0;
        pid_t parent = getpid();

        for (int i = 0; r >= 0 && i < STREAMS; i++) {
                int ends[2] = { -EBADF, -EBADF };

                r = make_pipe(ends);
                theirs[i] = ends[i == INPUT ? 0 : 1];
                run->fds[i] = ends[i == INPUT ? 1 : 0];
        }
        if (r >= 0) {
                run->pid = fork();
                if (run->pid == 0)
                        become(run->program, theirs, parent);
                r = run->pid < 0 ? -errno : 0;
        }
        for (int i = 0; i < STREAMS; i++)
                closep(&theirs[i]);
        return r;
}

/* A program may end, or close its input, without having read all of it. */
static int feed(Run *run) {
        const Program *p = run->program;
        ssize_t n = 0;

        if (run->written < p->input_size)
                n = write(run->fds[INPUT], (const char *) p->input + run->written, p->input_size - run->written);
        if (n < 0)
                n = errno == EAGAIN || errno == EINTR ? 0 : (ssize_t) (p->input_size - run->written);
        run->written += (size_t) n;
        if (run->written == p->input_size && p->beat_usec == 0)
                close_stream(run, INPUT);
        return 0;
}

/* A pipe that is full has enough of them. */
static void beat(Run *run) {
        usec_t now = clock_monotonic_usec();

        if (run->program->beat_usec == 0 || now < run->beat_at)
                return;
        run->beat_at = now + run->program->beat_usec;
        if (run->fds[INPUT] >= 0 && run->written == run->program->input_size)
                (void) !write(run->fds[INPUT], "\n", 1);
}

static int keep_output(Run *run, const char *data, size_t size) {
        size_t room = run->program->output_max - run->result->output.size;
        int r;

        if (run->program->output_max == 0)
                return 0;
        r = buffer_append(&run->result->output, data, MIN_OF(size, room));
        if (r < 0 || size <= room)
                return r;
        run->result->is_cut = true;
        (void) kill(run->pid, SIGTERM);
        close_stream(run, OUTPUT);
        return 0;
}

static int keep_errors(Run *run, const char *data, size_t size) {
        Buffer *errors = &run->result->errors;
        int r;

        if (!run->program->is_quiet)
                (void) file_write_all(STDERR_FILENO, data, size); /* the log may be gone, the work is not */
        r = buffer_append(errors, data, size);
        if (r >= 0 && errors->size > PROGRAM_ERRORS_MAX)
                buffer_consume(errors, errors->size - PROGRAM_ERRORS_MAX);
        return r;
}

static int take(Run *run, int stream) {
        char chunk[16384];
        ssize_t n = read(run->fds[stream], chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
                return 0;
        if (n <= 0) {
                close_stream(run, stream);
                return 0;
        }
        run->silent_at = clock_monotonic_usec() + run->program->silence_usec;
        if (stream == ERRORS)
                return keep_errors(run, chunk, (size_t) n);
        return run->program->take ? run->program->take(run->program->userdata, chunk, (size_t) n)
                                  : keep_output(run, chunk, (size_t) n);
}

/* Until the next beat, or the end of patience; -1: neither. */
static int poll_timeout(const Run *run) {
        usec_t now = clock_monotonic_usec(), until = USEC_INFINITY;

        if (run->program->beat_usec)
                until = run->beat_at;
        if (run->program->silence_usec)
                until = MIN_OF(until, run->silent_at);
        if (until == USEC_INFINITY)
                return -1;
        return until > now ? (int) MIN_OF((until - now) / USEC_PER_MSEC + 1, (usec_t) INT_MAX) : 0;
}

static int wait_news(Run *run, struct pollfd polled[STREAMS + 1]) {
        const Program *p = run->program;

        for (int i = 0; i < STREAMS; i++)
                polled[i] = (struct pollfd){ run->fds[i], i == INPUT ? POLLOUT : POLLIN, 0 };
        if (run->written == p->input_size)
                polled[INPUT].events = 0;
        polled[STREAMS] = (struct pollfd){ p->stop_fd > 0 ? p->stop_fd : -1, POLLIN, 0 };
        if (poll(polled, STREAMS + 1, poll_timeout(run)) < 0) {
                for (int i = 0; i <= STREAMS; i++)
                        polled[i].revents = 0;
                return errno == EINTR ? 0 : -errno;
        }
        if (polled[STREAMS].revents)
                return -ECANCELED;
        return p->silence_usec && clock_monotonic_usec() >= run->silent_at ? -ETIMEDOUT : 0;
}

static int serve(Run *run) {
        int r = fcntl(run->fds[INPUT], F_SETFL, O_NONBLOCK) < 0 ? -errno : feed(run);

        run->silent_at = clock_monotonic_usec() + run->program->silence_usec;
        while (r >= 0 && (run->fds[OUTPUT] >= 0 || run->fds[ERRORS] >= 0)) {
                struct pollfd polled[STREAMS + 1];

                r = wait_news(run, polled);
                if (r >= 0 && polled[INPUT].revents & POLLERR)
                        close_stream(run, INPUT);
                else if (r >= 0 && polled[INPUT].revents)
                        r = feed(run);
                for (int i = OUTPUT; r >= 0 && i < STREAMS; i++)
                        if (polled[i].revents)
                                r = take(run, i);
                beat(run);
        }
        return r;
}

static int await(const Run *run) {
        int status;

        while (waitpid(run->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_run(const Program *p, RunResult *ret) {
        Run run = { .program = p, .result = ret, .fds = { -EBADF, -EBADF, -EBADF } };
        int r, status;

        run_result_done(ret);
        (void) signal(SIGPIPE, SIG_IGN);
        r = start(&run);
        if (r >= 0)
                r = serve(&run);
        for (int i = 0; i < STREAMS; i++)
                close_stream(&run, i);
        if (run.pid > 0) {
                if (r < 0)
                        (void) kill(run.pid, SIGKILL);
                status = await(&run);
                r = r < 0 ? r : status;
        }
        if (r >= 0 && buffer_append(&ret->output, "", 0) >= 0 && buffer_append(&ret->errors, "", 0) >= 0)
                ret->status = r;
        return r;
}

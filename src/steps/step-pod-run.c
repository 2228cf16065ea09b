/* remote-developer-step pod-run -- ARGV...: a program in the task's pod, as if it ran here: our standard input becomes
 * its own, its outputs come out of ours, its exit code is ours.
 *
 * It runs detached from every connection (pod-scripts.h); what is here is a reader of its log who comes back when the
 * connection breaks, for as long as the step may run. When that ends, so does the program there:
 *
 *   - SIGTERM (a cancel, a limit): we have it ended there, SIGTERM first, before we end ourselves by that signal;
 *   - SIGKILL, a power cut: pod-review, which runs behind the work however that ended, does it; and so does the step
 *     that starts the next attempt;
 *   - none of them reaches the pod: after `--lease` seconds without a beat from here the watchdog there does it. An
 *     outage that is shorter costs nothing.
 *
 * Where we are is in reports/<task id>/pod-run, written behind each piece that was passed on. A step of the same
 * invocation of the unit that finds a run there which has not ended goes on with it; if the earlier one was killed
 * between passing on and writing, the last piece comes twice. */
#include "pod-scripts.h"
#include "pod-stream.h"
#include "pod.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#define STATE_FILE "pod-run"
#define STATE_MODE 0640
#define STATE_SIZE 256
#define LEASE_SECONDS 3600   /* longer than nodes are away for an upgrade; shorter than a night */
#define SILENCE_SECONDS 90   /* there is a tick every five, where sleep(1) knows fractions, else every 25 */
#define BEAT_USEC (10 * USEC_PER_SEC)
#define DRAIN_USEC (3 * USEC_PER_SEC)

typedef struct Run {
        Step *step;
        Pod pod;
        char invocation[40];
        unsigned number; /* of the invocation's */
        bool has_begun;  /* it is known to be there */
        int state_fd, stop_fd;
        uint64_t lease, silence;
        PodStream stream;
} Run;

static void run_done(Run *r) {
        pod_done(&r->pod);
        pod_stream_done(&r->stream);
        closep(&r->state_fd);
        closep(&r->stop_fd);
}

/* --- where we are --- */

static void note(void *userdata) {
        const Run *run = userdata;
        const PodStream *s = &run->stream;
        char text[STATE_SIZE];
        int n = snprintf(text, sizeof(text), "%-39s %010u %d %d %020" PRIu64 " %020" PRIu64 "\n", run->invocation,
                         run->number, run->has_begun || s->is_begun, s->end != POD_GOES_ON, s->out,
                         pod_stream_told(s));

        /* Without it a reader that is killed begins anew, nothing more. */
        (void) !pwrite(run->state_fd, text, (size_t) n, 0);
}

static int open_state(Run *run) {
        Step *s = run->step;
        _cleanup_free_ char *path = workspace_reports(s->root, s->task);
        _cleanup_close_ int fd = path ? step_open_directory(s, path) : -ENOMEM;

        if (fd < 0)
                return fd;
        run->state_fd = openat(fd, STATE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, STATE_MODE);
        return run->state_fd < 0 ? step_fail(s, -errno, path) : 0;
}

static void take_invocation(Run *run) {
        const char *id = getenv("INVOCATION_ID");
        bool is_one = id && strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;

        snprintf(run->invocation, sizeof(run->invocation), "%s", is_one ? id : "none");
}

/* Goes on with this invocation's run if it has not ended; else the next one is to be. */
static int read_state(Run *run) {
        char text[STATE_SIZE] = "", invocation[40] = "";
        int begun = 0, ended = 0, r = open_state(run);
        uint64_t out = 0, err = 0;
        unsigned number = 0;

        if (r < 0)
                return r;
        take_invocation(run);
        if (pread(run->state_fd, text, sizeof(text) - 1, 0) < 0)
                return step_fail(run->step, -errno, STATE_FILE);
        if (sscanf(text, "%39s %u %d %d %" SCNu64 " %" SCNu64, invocation, &number, &begun, &ended, &out, &err) < 6 ||
            !string_equal(invocation, run->invocation))
                number = 0;
        else if (begun && !ended) {
                run->has_begun = true;
                run->stream.out = out;
                run->stream.err = err;
        }
        run->number = run->has_begun ? number : number + 1;
        return 0;
}

/* --- beginning --- */

static int upload(Run *run, const char *id) {
        Step *s = run->step;
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;
        int r = step_read_input(s, &input);
        _cleanup_free_ char *size = string_format("%zu", input.size);
        const char *const arguments[] = { s->task, id, size, NULL };

        if (r >= 0)
                r = size ? pod_must_call(s, &run->pod,
                                         &(PodCall){ .script = pod_script_upload, .arguments = arguments,
                                                     .input = input.data, .input_size = input.size,
                                                     .stop_fd = run->stop_fd },
                                         "The work could not be prepared", &result)
                         : -ENOMEM;
        return r;
}

/* --- following --- */

static int take_output(void *userdata, const char *data, size_t size) {
        Run *run = userdata;
        int r = pod_stream_take(&run->stream, data, size);

        return r >= 0 && run->stream.end != POD_GOES_ON ? -ESHUTDOWN : r; /* kubectl is needed no more */
}

static void fill_words(Run *run, const char *id, char numbers[static 3][24], const char **argv) {
        const char *own[] = { run->step->task, id, run->has_begun || run->stream.is_begun ? "attach" : "start",
                              numbers[0], numbers[1], numbers[2], pod_script_supervise };
        size_t n = POD_ARGUMENTS;

        snprintf(numbers[0], 24, "%" PRIu64, run->stream.out);
        snprintf(numbers[1], 24, "%" PRIu64, run->stream.err);
        snprintf(numbers[2], 24, "%" PRIu64, run->lease);
        pod_fill_arguments(&run->pod, pod_script_attach, argv);
        memcpy(argv + n, own, sizeof(own));
        memcpy(argv + n + ELEMENTSOF(own), run->step->words, strv_length(run->step->words) * sizeof(char *));
}

static int connect_once(Run *run, const char *id, usec_t silence_usec, int stop_fd, RunResult *ret) {
        size_t n = POD_ARGUMENTS + 7 + strv_length(run->step->words) + 1;
        _cleanup_free_ const char **argv = calloc(n, sizeof(char *));
        const Program program = { .argv = argv, .is_quiet = true, .take = take_output, .userdata = run,
                                  .beat_usec = MIN_OF(BEAT_USEC, run->lease * USEC_PER_SEC / 4),
                                  .silence_usec = silence_usec, .stop_fd = stop_fd };
        char numbers[3][24];

        if (!argv)
                return -ENOMEM;
        fill_words(run, id, numbers, argv);
        pod_stream_restart(&run->stream);
        return program_run(&program, ret);
}

static int wait_turn(Run *run, PodPatience *patience, const RunResult *result, bool got_on) {
        _cleanup_free_ char *notice = NULL;
        int r;

        if (got_on)
                patience->failures = 0;
        r = pod_wait(patience, result, run->stop_fd, &notice);
        return notice && r >= 0 ? pod_stream_say(&run->stream, notice) : r;
}

static bool may_go_on(int error) {
        return error >= 0 || error == -ETIMEDOUT || error == -EBADMSG;
}

/* Until the far side has told the end of the run. */
static int follow(Run *run, const char *id) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        PodPatience patience = {};
        int r = 0;

        while (r >= 0 && run->stream.end == POD_GOES_ON) {
                uint64_t before = run->stream.out + run->stream.err;

                r = connect_once(run, id, run->silence * USEC_PER_SEC, run->stop_fd, &result);
                if (run->stream.end != POD_GOES_ON)
                        break;
                if (may_go_on(r))
                        r = pod_refusal(run->step, &run->pod, &result, run->has_begun || run->stream.is_begun);
                if (r >= 0)
                        r = wait_turn(run, &patience, &result, run->stream.out + run->stream.err > before);
        }
        return run->stream.end == POD_GOES_ON ? r : 0;
}

/* --- ending --- */

static sigset_t set_blocked(int how) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigprocmask(how, &set, NULL);
        return set;
}

static int open_stop(Run *run) {
        sigset_t set = set_blocked(SIG_BLOCK);

        run->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return run->stop_fd < 0 ? -errno : 0;
}

/* Whoever wants us to end has the work in mind. What it wrote to the last is still passed on. */
static int end_work(Run *run, const char *id) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = pod_stop(run->step, &run->pod, false);

        if (r >= 0)
                r = connect_once(run, id, DRAIN_USEC, 0, &result);
        pod_stream_flush(&run->stream);
        note(run);
        (void) raise(SIGTERM);
        (void) set_blocked(SIG_UNBLOCK);
        return r;
}


static int check_words(Step *s) {
        if (strv_length(s->words) > 0 && !string_is_empty(s->words[0]) && s->words[0][0] != '-')
                return 0;
        return problem_set(&s->problem, -EINVAL, NULL,
                           "No program can be run in the pod that has no name, or one that begins with a dash");
}

static int take_end(Run *run) {
        Step *s = run->step;

        pod_stream_flush(&run->stream);
        note(run);
        s->exit_status = run->stream.exit_code;
        if (run->stream.end == POD_ENDED)
                return 0;
        return problem_set(&s->problem, -ECHILD, NULL,
                           "The work in the pod %s ended without leaving an exit code: it was killed there, or its "
                           "container was started anew", run->pod.name);
}

static int run_to_end(Run *run) {
        _cleanup_free_ char *id = string_format("%s-%u", run->invocation, run->number);
        int r = id ? open_stop(run) : -ENOMEM;

        if (r >= 0 && !run->has_begun)
                r = upload(run, id);
        if (r >= 0)
                r = follow(run, id);
        if (r == -ECANCELED)
                r = end_work(run, id);
        return r < 0 ? r : take_end(run);
}

int step_pod_run(Step *s) {
        _cleanup_(run_done) Run run = {
                .step = s, .state_fd = -EBADF, .stop_fd = -EBADF,
                .lease = s->lease ?: LEASE_SECONDS, .silence = s->silence ?: SILENCE_SECONDS,
                .stream = { .out_fd = STDOUT_FILENO, .err_fd = STDERR_FILENO, .noted = note },
        };
        int r = check_words(s);

        run.stream.userdata = &run;
        if (r >= 0)
                r = pod_read(s, &run.pod);
        if (r >= 0)
                r = read_state(&run);
        return r < 0 ? r : run_to_end(&run);
}

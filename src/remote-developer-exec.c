/* remote-developer-exec: what systemd starts for a task: begins the relay of its output, becomes its program, and when
 * that cannot be executed says so as systemd itself would. Of a step before or behind the work it stays the parent,
 * because of its time limit. In the file of a task's transient unit the words of
 * commands are encoded, because systemd does not read back every text that it writes there (systemd/unit-spec.c).
 *
 * Linked statically, since the recorder is run through it too after systemd has been reloaded, privileged and in the
 * environment of a task. */
#include "relay.h"
#include "step.h"

#include <remote-developer/journal-socket.h>
#include <remote-developer/program-path.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

/* systemd.exec(5): the program could not be executed. */
#define EXIT_EXEC 203

/* How long the relay of a step may take to pass on what the step wrote, before the next one begins. */
#define DRAIN_MSEC 5000

#define USAGE "remote-developer-exec [OPTION...] -- PROGRAM ARGV...: run by systemd for a task\n"

typedef struct Launch {
        const char *task; /* the identifier of the task whose main program this is; NULL: neither relay nor record */
        char *unit;
        RuntimeScope scope;
        Mask *mask;
        bool separate_stderr, encoded;
        bool is_step;
        unsigned step;
        usec_t limit_usec;
        const char *input;  /* the credential that is stdin */
        char **environment; /* "NAME=value", in argv */
        size_t n_environment;
        char **words; /* the program, and its argv */
        const char *words_end;
} Launch;

enum {
        OPTION_TASK = 0x100, OPTION_USER, OPTION_SEPARATE_STDERR, OPTION_ENCODED, OPTION_STEP, OPTION_TIMEOUT,
        OPTION_INPUT, OPTION_SETENV,
};

static const struct option options[] = {
        { "task", required_argument, NULL, OPTION_TASK },
        { "user", no_argument, NULL, OPTION_USER },
        { "separate-stderr", no_argument, NULL, OPTION_SEPARATE_STDERR },
        { "encoded", no_argument, NULL, OPTION_ENCODED },
        { "step", required_argument, NULL, OPTION_STEP },
        { "timeout-usec", required_argument, NULL, OPTION_TIMEOUT },
        { "input", required_argument, NULL, OPTION_INPUT },
        { "setenv", required_argument, NULL, OPTION_SETENV },
        {},
};

static int take_step(Launch *l) {
        uint64_t n;
        int r = string_to_uint64(optarg, &n);

        l->is_step = true;
        l->step = (unsigned) n;
        return r;
}

static int take_timeout(Launch *l) {
        return string_to_uint64(optarg, &l->limit_usec);
}

/* There are fewer of them than words. */
static int take_variable(Launch *l, int argc) {
        l->environment = l->environment ?: calloc((size_t) argc, sizeof(char *));
        if (!l->environment)
                return -ENOMEM;
        l->environment[l->n_environment++] = optarg;
        return 0;
}

static int take_option(Launch *l, int c, int argc) {
        switch (c) {
        case OPTION_TASK:
                l->task = optarg;
                l->unit = string_format(TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX, optarg);
                return l->unit ? 0 : -ENOMEM;
        case OPTION_USER:
                l->scope = RUNTIME_SCOPE_USER;
                return 0;
        case OPTION_SEPARATE_STDERR:
                l->separate_stderr = true;
                return 0;
        case OPTION_ENCODED:
                l->encoded = true;
                return 0;
        case OPTION_STEP:
                return take_step(l);
        case OPTION_TIMEOUT:
                return take_timeout(l);
        case OPTION_INPUT:
                l->input = optarg;
                return 0;
        case OPTION_SETENV:
                return take_variable(l, argc);
        default:
                return -EINVAL;
        }
}

static int decode(const Launch *l) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < l->n_environment; i++)
                r = string_decode(l->environment[i]);
        for (char **w = l->words; r >= 0 && *w; w++)
                r = string_decode(*w);
        return r;
}

static int parse(int argc, char *argv[], Launch *ret) {
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "+", options, NULL)) >= 0)
                r = take_option(ret, c, argc);
        if (r < 0 || argc - optind < 2 || (ret->is_step && !ret->task))
                return -EINVAL;
        ret->words = argv + optind;
        return ret->encoded ? decode(ret) : 0;
}

/* It would tell the program that its stderr is journald's. */
static void forget_stream(void) {
        const char *told = getenv("JOURNAL_STREAM");
        _cleanup_free_ char *is = NULL;
        struct stat st;

        if (!told || fstat(STDERR_FILENO, &st) < 0)
                return;
        is = string_format("%llu:%llu", (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);
        if (string_equal(is, told))
                (void) unsetenv("JOURNAL_STREAM");
}

/* The strings of argv and of the environment lie one behind the other, as the kernel put them there. */
static void find_words(int argc, char *argv[], RelayParameters *ret) {
        ret->words = argv[0];
        ret->words_end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
        ret->argv_size = (size_t) (ret->words_end - ret->words);
        for (char **e = environ; *e; e++)
                if (*e == ret->words_end)
                        ret->words_end += strlen(*e) + 1;
}

/* A program whose secrets cannot be hidden is not begun. */
static int start_relay(Launch *l, RelayParameters *p) {
        int r = mask_of_credentials(&l->mask);

        if (r < 0)
                return r;
        p->mask = l->mask;
        p->unit = l->unit;
        p->identifier = l->task;
        p->separate_stderr = l->separate_stderr;
        return relay_start(p);
}

/* As systemd does: a directory is told as what it is. */
static int execute(const char *path, char *const argv[]) {
        struct stat st;

        (void) execv(path, argv);
        if (errno == EACCES && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                return -EISDIR;
        return -errno;
}

/* Where systemd looks for a program whose name has no slash, whatever PATH is; what may not be executed is passed
 * over. */
static int search(const char *program, char *const argv[]) {
        for (size_t i = 0; program_path_directories[i]; i++) {
                _cleanup_free_ char *path = string_format("%s/%s", program_path_directories[i], program);
                int r = path ? execute(path, argv) : -ENOMEM;

                if (r != -ENOENT && r != -EACCES && r != -EISDIR)
                        return r;
        }
        return -ENOENT;
}

static SpawnRecord make_record(const Launch *l, const char *executable, int error) {
        return (SpawnRecord){ .scope = l->scope, .unit = l->unit, .identifier = l->task,
                              .invocation_id = getenv("INVOCATION_ID") ?: "", .executable = executable,
                              .error = -error };
}

/* Nothing is lost where journald does not take it but the reason of a failure. */
static int tell_step(const Launch *l, StepEvent event, const char *executable, int error) {
        return journal_socket_send_step(&(StepRecord){ .of = make_record(l, executable, error), .step = l->step,
                                                       .event = event });
}

/* systemd takes this program for the task's: it has to be told that the task's was never there. */
static int fail(const Launch *l, const char *executable, int error) {
        _cleanup_(buffer_done) Buffer masked = BUFFER_NULL;
        SpawnRecord record;
        int r = -EINVAL;

        if (l->mask) {
                executable = mask_apply(l->mask, executable, strlen(executable), &masked) < 0 ? "***" : masked.data;
                /* journald looks at the command line of whoever sends it something. */
                memset(l->words[0], 0, (size_t) (l->words_end - l->words[0]));
        }
        record = make_record(l, executable, error);
        if (l->task)
                r = l->is_step ? tell_step(l, STEP_NOT_EXECUTED, executable, error)
                               : journal_socket_send_record(&record);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", executable, strerror(-error));
        return EXIT_EXEC;
}

static int become_program(const Launch *l) {
        int r;

        for (size_t i = 0; i < l->n_environment; i++)
                (void) putenv(l->environment[i]);
        r = strchr(l->words[0], '/') ? execute(l->words[0], l->words + 1) : search(l->words[0], l->words + 1);
        return fail(l, l->words[0], r);
}

/* --- a step --- */

/* Also where the unit has an input for the work. */
static int open_input(const Launch *l) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = l->input ? string_format("%s/%s", directory ?: "", l->input) : strdup("/dev/null");
        _cleanup_close_ int fd = -EBADF;

        if (!path)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 || dup2(fd, STDIN_FILENO) < 0 ? -errno : 0;
}

static _Noreturn void become_step(const Launch *l, const sigset_t *mask) {
        int r = open_input(l);

        (void) setsid(); /* its `kill 0` is for its own, and so is what ends it at its limit */
        (void) sigprocmask(SIG_SETMASK, mask, NULL);
        _exit(r < 0 ? fail(l, l->input ?: "/dev/null", r) : become_program(l));
}

/* The relay reads until nobody can write any more, and we must not be who could. */
static void let_go_of_output(void) {
        _cleanup_close_ int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
                (void) dup2(fd, i);
}

/* The lines of a step are in the journal before the next one begins. */
static void wait_relay(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        (void) poll(&p, 1, pidfd >= 0 ? DRAIN_MSEC : 0);
}

static int run_step(const Launch *l, int relay_pidfd) {
        sigset_t all, before;
        bool overdue;
        pid_t pid;
        int status;

        (void) tell_step(l, STEP_BEGINS, l->words[0], 0);
        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        step_prepare();
        pid = fork();
        if (pid < 0)
                return fail(l, l->words[0], -errno);
        if (pid == 0)
                become_step(l, &before);
        let_go_of_output();
        status = step_wait(pid, l->limit_usec ?: USEC_INFINITY, &overdue);
        wait_relay(relay_pidfd);
        if (overdue)
                (void) tell_step(l, STEP_OVERDUE, l->words[0], 0);
        /* Ended well after SIGTERM is not ended in time. */
        if (overdue && status == 0)
                return EXIT_FAILURE;
        step_end_alike(status);
}

/* A fenced unit's commands behind the end do not see /run/credentials/UNIT in the system: they have that directory a
 * second time (launch/launch-sandbox.c). */
static int find_credentials(void) {
        static const char second[] = "/run/remote-developer/credentials";
        const char *directory = getenv("CREDENTIALS_DIRECTORY");

        if (!directory || access(directory, X_OK) == 0 || access(second, X_OK) < 0)
                return 0;
        return setenv("CREDENTIALS_DIRECTORY", second, 1) < 0 ? -errno : 0;
}

int main(int argc, char *argv[]) {
        int r, relay_pidfd = -EBADF;
        RelayParameters relay = { .ret_pidfd = &relay_pidfd };
        Launch l = {};

        find_words(argc, argv, &relay);
        if (parse(argc, argv, &l) < 0) {
                fprintf(stderr, USAGE);
                return EXIT_FAILURE;
        }
        l.words_end = relay.words + relay.argv_size;
        if (find_credentials() < 0)
                return EXIT_FAILURE;
        if (l.task && journal_socket_is_stream(STDOUT_FILENO)) {
                forget_stream();
                r = start_relay(&l, &relay);
                if (r < 0)
                        return fail(&l, argv[0], r);
        }
        return l.is_step ? run_step(&l, relay_pidfd) : become_program(&l);
}

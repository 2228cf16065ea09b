/* Pod: see pod.h. A call's end is a line of its own behind all output: a mark that nobody can know before, and the
 * status. Without it the connection broke, whatever kubectl's own status, and the script is run once more: each is
 * written so that it may be. */
#include "pod.h"

#include "git.h"
#include "pod-scripts.h"
#include "report.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <poll.h>
#include <stdio.h>
#include <sys/random.h>

#define POD_REPORT "pod.json"
#define POD_NAME_MAX 253 /* of Kubernetes */
#define KUBECTL_OUTPUT_MAX ((size_t) 4 * 1024 * 1024)
#define WAIT_FIRST_USEC (100 * USEC_PER_MSEC)
#define WAIT_MAX_USEC (30 * USEC_PER_SEC)
#define NOTICE_USEC (60 * USEC_PER_SEC)
#define STOP_SILENCE_USEC (60 * USEC_PER_SEC) /* the script is done after ten, where kill(2) works */

void pod_done(Pod *p) {
        free(p->namespace);
        free(p->name);
        *p = POD_NULL;
}

bool pod_name_is_valid(const char *name) {
        static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t n = strlen(name);

        return n > 0 && n <= POD_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n &&
                        strchr(alphanumeric, name[0]) && strchr(alphanumeric, name[n - 1]);
}

/* --- what kubectl says --- */

/* `is_final` also where the pod was there before. */
static const struct {
        const char *words;
        int error;
        bool is_final;
        const char *meaning;
} refusals[] = {
        { "(NotFound)", -ENOENT, true, "it is gone, and the work in it" },
        { "completed pod", -ENOENT, true, "it has ended, and the work in it" },
        { "(Forbidden)", -EACCES, false, "the cluster does not allow this to the user who runs the tasks" },
        { "Unauthorized", -EACCES, false, "the cluster does not know the user who runs the tasks" },
        { "must be logged in", -EACCES, false, "the cluster does not know the user who runs the tasks" },
        { "executable file not found", -ENOEXEC, false, "there is no sh in it" },
        { "no configuration has been provided", -EACCES, false,
          "kubectl has no configuration (KUBECONFIG, or .kube/config in the home of the user who runs the tasks)" },
};

/* The last line that says something. */
static char *last_words(const RunResult *r) {
        const char *text = r->errors.data ?: "";
        size_t end = strlen(text), begin;

        while (end > 0 && strchr("\n ", text[end - 1]))
                end--;
        for (begin = end; begin > 0 && text[begin - 1] != '\n'; begin--)
                ;
        return end > begin ? strndup(text + begin, end - begin) : strdup("it said nothing");
}

static int refuse_missing(Step *s, const char *program) {
        return problem_set(&s->problem, -ENOEXEC, NULL,
                           "The program %s is not there: install it where tasks look for programs, such as "
                           "/usr/local/bin", program);
}

int pod_refusal(Step *s, const Pod *p, const RunResult *r, bool was_there) {
        _cleanup_free_ char *words = NULL;

        if (r->status == 127 && r->errors.data && strstr(r->errors.data, "kubectl: No such file"))
                return refuse_missing(s, "kubectl");
        for (size_t i = 0; r->errors.data && i < ELEMENTSOF(refusals); i++) {
                if ((was_there && !refusals[i].is_final) || !strstr(r->errors.data, refusals[i].words))
                        continue;
                words = last_words(r);
                return problem_set(&s->problem, refusals[i].error, NULL, "The pod %s in the namespace %s: %s: %s",
                                   p->name, p->namespace, refusals[i].meaning, words ?: "");
        }
        return 0;
}

int pod_run_program(Step *s, const char *const *argv, RunResult *ret) {
        int r = program_run(&(Program){ .argv = argv, .output_max = KUBECTL_OUTPUT_MAX }, ret);
        _cleanup_free_ char *words = NULL, *missing = NULL;

        if (r == 0 && ret->is_cut)
                return problem_set(&s->problem, -EFBIG, NULL, "%s wrote more than 4 MiB", argv[0]);
        if (r <= 0)
                return r < 0 ? step_fail(s, r, argv[0]) : 0;
        missing = string_format("%s: No such file", argv[0]);
        if (r == 127 && missing && ret->errors.data && string_has_prefix(ret->errors.data, missing))
                return refuse_missing(s, argv[0]);
        words = last_words(ret);
        return problem_set(&s->problem, -EIO, NULL, "%s %s ended with %d: %s", argv[0], argv[1], r, words ?: "");
}

/* --- which one it is --- */

static int take_pod(const Buffer *text, Pod *ret, Problem *problem) {
        _cleanup_json_ Json *report = NULL;
        _cleanup_(pod_done) Pod p = POD_NULL;
        int r = json_parse(text->data, text->size, &report, problem);

        if (r >= 0)
                r = string_replace(&p.namespace, json_get_string(report, "namespace"));
        if (r >= 0)
                r = string_replace(&p.name, json_get_string(report, "pod"));
        if (r < 0)
                return r;
        if (!p.namespace || !p.name || !pod_name_is_valid(p.namespace) || !pod_name_is_valid(p.name))
                return -EBADMSG;
        *ret = p;
        p = POD_NULL;
        return 0;
}

static int read_report(Step *s, Pod *ret) {
        _cleanup_free_ char *path = workspace_reports(s->root, s->task);
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_close_ int fd = path ? step_open_directory(s, path) : -ENOMEM;
        int r = fd < 0 ? fd : file_read(fd, POD_REPORT, WORKSPACE_REPORT_MAX, &text);

        return r < 0 ? r : take_pod(&text, ret, &s->problem);
}

int pod_read(Step *s, Pod *ret) {
        int r = read_report(s, ret);

        if (r == -ENOENT)
                return problem_set(&s->problem, r, NULL, "No pod is known for this task: no earlier step found one");
        return r < 0 ? step_fail(s, r, POD_REPORT) : 0;
}

int pod_find(Step *s, Pod *ret) {
        int r = read_report(s, ret);

        if (r == -ENOENT)
                return 0;
        return r < 0 ? step_fail(s, r, POD_REPORT) : 1;
}

int pod_credential_context(const Step *s, char **ret) {
        _cleanup_free_ char *host = git_has_token() && s->url ? workspace_credential_host(s->url) : NULL;

        *ret = host ? string_format("%s://%s", string_has_prefix(s->url, "https:") ? "https" : "http", host)
                    : strdup("");
        return *ret ? 0 : -ENOMEM;
}

/* A report that cannot be read leads to no pod. */
static int leave_earlier(Step *s, const char *namespace, const char *name) {
        _cleanup_(pod_done) Pod earlier = POD_NULL;
        Step quiet = { .root = s->root, .task = s->task };
        int r = read_report(&quiet, &earlier);

        problem_done(&quiet.problem);
        if (r < 0 || (string_equal(earlier.namespace, namespace) && string_equal(earlier.name, name)))
                return r == -ENOMEM ? r : 0;
        printf("The attempt before was in the pod %s\n", earlier.name);
        fflush(stdout);
        return pod_stop(s, &earlier, true);
}

int pod_remember(Step *s, const char *namespace, const char *name) {
        _cleanup_json_ Json *report = json_new_object();
        int r = report ? leave_earlier(s, namespace, name) : -ENOMEM;

        if (r >= 0)
                r = json_set_string(report, "namespace", namespace);
        if (r >= 0)
                r = json_set_string(report, "pod", name);
        if (r < 0)
                return r;
        r = report_write(s, POD_REPORT, 0, TAKE_PTR(report));
        if (r >= 0)
                printf("The pod %s in the namespace %s\n", name, namespace);
        return r;
}

/* --- connections --- */

void pod_fill_arguments(const Pod *p, const char *script, const char *argv[static POD_ARGUMENTS]) {
        const char *const arguments[POD_ARGUMENTS] = {
                "kubectl", "exec", "--stdin", "--namespace", p->namespace, p->name, "--", "sh", "-c", script,
                "remote-developer",
        };

        memcpy(argv, arguments, sizeof(arguments));
}

int pod_wait(PodPatience *w, const RunResult *r, int stop_fd, char **ret_notice) {
        unsigned doublings = MIN_OF(w->failures, 9u);
        usec_t pause = MIN_OF(WAIT_FIRST_USEC << doublings, WAIT_MAX_USEC);
        struct pollfd stop = { stop_fd > 0 ? stop_fd : -1, POLLIN, 0 };
        _cleanup_free_ char *words = last_words(r);
        usec_t now = clock_monotonic_usec();

        *ret_notice = NULL;
        if (w->failures++ == 0 && (w->told_usec == 0 || now - w->told_usec > NOTICE_USEC)) {
                w->told_usec = now;
                *ret_notice = string_format("The connection to the pod broke (kubectl: %d, %s); it is made again",
                                            r->status, words ?: "");
        }
        return poll(&stop, 1, (int) (pause / USEC_PER_MSEC)) > 0 ? -ECANCELED : 0;
}

/* "\nMARK STATUS\n" at the end, which is taken off. */
static bool take_status(RunResult *r, const char *mark) {
        char *text = r->output.data, *end = NULL;
        size_t n = strlen(mark);
        uint64_t status;

        if (!text || r->output.size < n + 4 || text[r->output.size - 1] != '\n')
                return false;
        for (end = text + r->output.size - 2; end > text && *end != '\n'; end--)
                ;
        if (*end != '\n' || strncmp(end + 1, mark, n) != 0 || end[1 + n] != ' ')
                return false;
        text[r->output.size - 1] = 0;
        if (string_to_uint64(end + n + 2, &status) < 0)
                return false;
        buffer_cut(&r->output, (size_t) (end - text));
        r->status = (int) status;
        return true;
}

static int new_mark(char ret[static 33]) {
        unsigned char random[16];

        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return -EIO;
        for (size_t i = 0; i < sizeof(random); i++)
                snprintf(ret + 2 * i, 3, "%02x", random[i]);
        return 0;
}

static int try_call(const Pod *p, const PodCall *c, const char *mark, RunResult *ret) {
        const char *argv[POD_ARGUMENTS + 10] = {};
        size_t n = POD_ARGUMENTS;
        Program program = { .argv = argv, .input = c->input, .input_size = c->input_size,
                            .output_max = c->output_max + strlen(mark) + 16, .silence_usec = c->silence_usec,
                            .stop_fd = c->stop_fd };

        pod_fill_arguments(p, c->script, argv);
        argv[n++] = mark;
        for (size_t i = 0; c->arguments[i]; i++)
                argv[n++] = c->arguments[i];
        return program_run(&program, ret);
}

/* 1: it has told its end, or more than is wanted; 0: the connection broke. */
static int has_ended(const PodCall *c, const char *mark, RunResult *r) {
        if (r->is_cut) {
                buffer_cut(&r->output, c->output_max);
                r->status = 0;
                return 1;
        }
        return take_status(r, mark) && r->status != POD_INPUT_CUT;
}

static void tell(char **notice) {
        if (*notice)
                fprintf(stderr, "%s\n", *notice);
        free(*notice);
        *notice = NULL;
}

int pod_call(Step *s, const Pod *p, const PodCall *c, RunResult *ret) {
        PodPatience patience = {};
        char mark[33], *notice = NULL;
        int r = new_mark(mark);

        while (r >= 0) {
                r = try_call(p, c, mark, ret);
                if (r < 0 && r != -ETIMEDOUT)
                        break;
                if (has_ended(c, mark, ret))
                        return ret->status;
                r = pod_refusal(s, p, ret, false);
                if (r >= 0)
                        r = pod_wait(&patience, ret, c->stop_fd, &notice);
                tell(&notice);
        }
        return r < 0 && s->problem.error == 0 ? step_fail(s, r, "kubectl") : r;
}

int pod_must_call(Step *s, const Pod *p, const PodCall *c, const char *what, RunResult *ret) {
        int r = pod_call(s, p, c, ret);
        _cleanup_free_ char *words = NULL;

        if (r <= 0)
                return r;
        words = last_words(ret);
        return problem_set(&s->problem, -EIO, NULL, "%s: the pod %s: %s", what, p->name, words ?: "");
}

int pod_stop(Step *s, const Pod *p, bool forget) {
        const char *const arguments[] = { s->task, forget ? "forget" : NULL, NULL };
        const PodCall call = { .script = pod_script_stop, .arguments = arguments, .silence_usec = STOP_SILENCE_USEC };
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = pod_must_call(s, p, &call, "The task's work could not be ended", &result);

        if (r != -ENOENT)
                return r;
        problem_done(&s->problem); /* gone: there is nothing left to end */
        return 0;
}

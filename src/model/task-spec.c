/* Reading a request for a task. See task-spec.h.
 *
 * `request_fields` is the whole surface of POST /api/create-task: what is not a row is refused by name. Kinds are
 * checked by the table, ranges and what belongs together by the checks below it. */
#include <remote-developer/task-spec.h>

#include <remote-developer/strings.h>

/* The spec, and whether fields that it does not keep were there. */
typedef struct Request {
        TaskSpec spec;
        char *github_token; /* only looked at for being there; wiped */
} Request;

#define REQUEST_FIELD(name, kind, ...) { #name, kind, offsetof(Request, spec.name), __VA_ARGS__ }

static const JsonField request_fields[] = {
        REQUEST_FIELD(command, JSON_STRV, 0, NULL),
        REQUEST_FIELD(working_directory, JSON_STRING, 0, NULL),
        REQUEST_FIELD(environment, JSON_PAIRS, 0, NULL),
        { "timeout", JSON_SECONDS, offsetof(Request, spec.timeout_usec), 0, NULL },
        { "stall_timeout", JSON_SECONDS, offsetof(Request, spec.stall_timeout_usec), 0, NULL },
        REQUEST_FIELD(stall_action, JSON_ENUM, 0, task_stall_action_words),
        REQUEST_FIELD(labels, JSON_PAIRS, 0, NULL),
        REQUEST_FIELD(devpod_name, JSON_STRING, 0, NULL),
        REQUEST_FIELD(github_repo, JSON_STRING, 0, NULL),
        { "github_token", JSON_STRING, offsetof(Request, github_token), 0, NULL },
        REQUEST_FIELD(task_description, JSON_STRING, 0, NULL),
};

static void request_done(Request *r) {
        task_spec_done(&r->spec);
        if (r->github_token)
                explicit_bzero(r->github_token, strlen(r->github_token));
        free(r->github_token);
        *r = (Request){};
}

static int check_command(const TaskSpec *s, Problem *problem) {
        size_t n = strv_length(s->command), total = 0;

        if (n == 0 || string_is_empty(s->command[0]))
                return problem_set(problem, -EINVAL, "command",
                                   "command must name a program: a non-empty array such as [\"make\", \"test\"]");
        if (n > TASK_COMMAND_ARGUMENTS_MAX)
                return problem_set(problem, -E2BIG, "command", "command has %zu arguments; at most %d are possible", n,
                                   TASK_COMMAND_ARGUMENTS_MAX);
        if (s->command[0][0] != '/' && strchr(s->command[0], '/') && !s->working_directory)
                return problem_set(problem, -EINVAL, "command",
                                "command names a program by a relative path: give working_directory, from where it is "
                                "meant, or an absolute path");
        for (size_t i = 0; i < n; i++) {
                size_t size = strlen(s->command[i]);

                total += size + 1;
                if (size > TASK_ARGUMENT_SIZE_MAX || total > TASK_COMMAND_SIZE_MAX)
                        return problem_set(problem, -E2BIG, "command",
                                           "command[%zu] is too long: one argument may have %d bytes, all of them %d; "
                                           "put the text into a file and name that",
                                           i, TASK_ARGUMENT_SIZE_MAX, TASK_COMMAND_SIZE_MAX);
        }
        return 0;
}

/* What the original's users send: all four fields, named one after the other when they are missing. */
static int check_original(const Json *request, Problem *problem) {
        static const char *const required[] = { "devpod_name", "github_repo", "github_token", "task_description" };

        for (size_t i = 0; i < ELEMENTSOF(required); i++) {
                if (!json_get(request, required[i]) ||
                    string_is_empty(json_get_string(request, required[i])))
                        return problem_set(problem, -EINVAL, required[i], "Missing required field: %s", required[i]);
        }
        return 0;
}

static bool holds_control(const char *s, const char *allowed) {
        for (; *s; s++)
                if (((unsigned char) *s < 0x20 && !strchr(allowed, *s)) || *s == 0x7f)
                        return true;
        return false;
}

static bool segment_is_dots(const char *s, size_t n) {
        return (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

/* What systemd 252 does not find again in the unit's file when it is reloaded (tried): a space at the end is cut off,
 * and a backslash takes the next property with it; the time limit was seen to go. Slashes behind it do not count. */
static bool ends_in_lost_letter(const char *path) {
        size_t n = strlen(path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        return n > 0 && (path[n - 1] == ' ' || path[n - 1] == '\\');
}

static int check_working_directory(const char *path, Problem *problem) {
        if (!path)
                return 0;
        if (path[0] != '/')
                return problem_set(problem, -EINVAL, "working_directory",
                                "working_directory must be an absolute path, not \"%.*s\"", PROBLEM_VALUE_MAX, path);
        if (strlen(path) >= 4096)
                return problem_set(problem, -EINVAL, "working_directory",
                                   "working_directory is longer than a path can be (4095 bytes)");
        /* systemd 252 writes this one property into the unit's file as it is (tried): what follows a newline would be
         * a property of its own once the file is read again. */
        if (holds_control(path, ""))
                return problem_set(problem, -EINVAL, "working_directory",
                                   "working_directory must not hold control characters");
        if (ends_in_lost_letter(path))
                return problem_set(problem, -EINVAL, "working_directory",
                                   "working_directory must not end in a space or a backslash");
        /* systemd takes only normalized paths; it is better refused here than failed there. */
        for (const char *p = path; *p; p += strcspn(p, "/")) {
                p += strspn(p, "/");
                if (segment_is_dots(p, strcspn(p, "/")))
                        return problem_set(problem, -EINVAL, "working_directory",
                                           "working_directory must not hold \".\" or \"..\"");
        }
        return 0;
}

static bool name_is_environment(const char *pair) {
        size_t n = strcspn(pair, "=");

        if (n == 0 || (*pair >= '0' && *pair <= '9'))
                return false;
        return strspn(pair, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") >= n;
}

/* A task's variables come over those of systemd's own that tell the recorder how the task ended (tried). */
static bool name_is_reserved(const char *pair) {
        static const char *const reserved[] = { "SERVICE_RESULT=", "EXIT_CODE=", "EXIT_STATUS=", "INVOCATION_ID=" };

        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (string_has_prefix(pair, reserved[i]))
                        return true;
        return false;
}

static int check_environment(char *const *environment, Problem *problem) {
        if (strv_length(environment) > TASK_ENVIRONMENT_MAX)
                return problem_set(problem, -E2BIG, "environment", "environment has more than %d variables",
                                   TASK_ENVIRONMENT_MAX);
        for (size_t i = 0; environment && environment[i]; i++) {
                int n = (int) strcspn(environment[i], "=");

                if (!name_is_environment(environment[i]))
                        return problem_set(problem, -EINVAL, "environment",
                                           "environment: \"%.*s\" is no name of a variable (letters, digits, _)",
                                           MIN_OF(n, PROBLEM_VALUE_MAX), environment[i]);
                if (name_is_reserved(environment[i]))
                        return problem_set(problem, -EINVAL, "environment",
                                           "environment: %.*s is set by systemd itself; leave it out", n,
                                           environment[i]);
                if (strlen(environment[i]) > TASK_ARGUMENT_SIZE_MAX || holds_control(environment[i], "\t\n"))
                        return problem_set(problem, -EINVAL, "environment",
                                           "environment: the value of %.*s is too long (%d bytes) or holds control "
                                           "characters",
                                           MIN_OF(n, PROBLEM_VALUE_MAX), environment[i], TASK_ARGUMENT_SIZE_MAX);
        }
        return 0;
}

static int check_labels(char *const *labels, Problem *problem) {
        if (strv_length(labels) > TASK_LABELS_MAX)
                return problem_set(problem, -E2BIG, "labels", "labels: at most %d are possible", TASK_LABELS_MAX);
        for (size_t i = 0; labels && labels[i]; i++)
                if (strlen(labels[i]) > TASK_LABEL_SIZE_MAX)
                        return problem_set(problem, -E2BIG, "labels",
                                           "labels: a name and its value may have %d bytes together",
                                           TASK_LABEL_SIZE_MAX);
        return 0;
}

static int check_timeout(const Json *request, usec_t max, TaskSpec *s, Problem *problem) {
        if (!json_get(request, "timeout")) {
                s->timeout_usec = max;
                return 0;
        }
        if (s->timeout_usec < USEC_PER_SEC || s->timeout_usec > max)
                return problem_set(problem, -EINVAL, "timeout",
                                "timeout must be from 1 to %llu seconds (task_execution.claude_timeout)",
                                (unsigned long long) (max / USEC_PER_SEC));
        return 0;
}

static int check_stall(const TaskSpec *s, Problem *problem) {
        usec_t t = s->stall_timeout_usec;

        if (t > 0 && (t < USEC_PER_SEC || t > TASK_STALL_TIMEOUT_MAX * USEC_PER_SEC))
                return problem_set(problem, -EINVAL, "stall_timeout",
                                   "stall_timeout must be from 1 to %d seconds, or 0 for none",
                                   TASK_STALL_TIMEOUT_MAX);
        return 0;
}

static int check_recipe(const Json *request, TaskSpec *s, Problem *problem) {
        if (!json_get(request, "command")) {
                s->recipe = TASK_RECIPE_CLAUDE;
                return check_original(request, problem);
        }
        s->recipe = TASK_RECIPE_COMMAND;
        return check_command(s, problem);
}

int task_spec_parse(const Json *request, const Config *config, TaskSpec *ret, Problem *problem) {
        _cleanup_(request_done) Request q = { .spec = { .stall_timeout_usec = config->stall_timeout_usec,
                                                        .stall_action = (int) config->stall_action } };
        int r;

        r = json_read_fields(request, request_fields, ELEMENTSOF(request_fields), true, &q, problem);
        if (r >= 0)
                r = check_recipe(request, &q.spec, problem);
        if (r >= 0)
                r = check_working_directory(q.spec.working_directory, problem);
        if (r >= 0)
                r = check_environment(q.spec.environment, problem);
        if (r >= 0)
                r = check_labels(q.spec.labels, problem);
        if (r >= 0)
                r = check_timeout(request, config->claude_timeout_usec, &q.spec, problem);
        if (r >= 0)
                r = check_stall(&q.spec, problem);
        if (r < 0)
                return r;

        *ret = q.spec;
        q.spec = (TaskSpec){};
        return 0;
}

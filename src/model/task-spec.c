/* Reading a request for a task. See task-spec.h.
 *
 * `request_fields` is the whole surface of POST /api/create-task: what is not a row is refused by name. Kinds are
 * checked by the table, ranges and what belongs together by the checks below it. */
#include <remote-developer/task-spec.h>

#include <remote-developer/environment.h>
#include <remote-developer/path.h>
#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <fnmatch.h>
#include <strings.h>

#define REQUEST_FIELD(name, kind, ...) { #name, kind, offsetof(TaskSpec, name), __VA_ARGS__ }

static const JsonField request_fields[] = {
        REQUEST_FIELD(recipe, JSON_STRING, 0, NULL),
        REQUEST_FIELD(command, JSON_STRV, JSON_OMIT_UNSET, NULL),
        REQUEST_FIELD(working_directory, JSON_STRING, 0, NULL),
        REQUEST_FIELD(environment, JSON_PAIRS, JSON_OMIT_UNSET, NULL),
        { "timeout", JSON_SECONDS, offsetof(TaskSpec, timeout_usec), 0, NULL },
        { "stall_timeout", JSON_SECONDS, offsetof(TaskSpec, stall_timeout_usec), 0, NULL },
        REQUEST_FIELD(stall_action, JSON_ENUM, 0, task_stall_action_words),
        REQUEST_FIELD(separate_stderr, JSON_BOOL, 0, NULL),
        REQUEST_FIELD(labels, JSON_PAIRS, JSON_OMIT_UNSET, NULL),
        REQUEST_FIELD(devpod_name, JSON_STRING, 0, NULL),
        REQUEST_FIELD(namespace, JSON_STRING, 0, NULL),
        REQUEST_FIELD(pod, JSON_STRING, 0, NULL),
        REQUEST_FIELD(github_repo, JSON_STRING, 0, NULL),
        REQUEST_FIELD(task_description, JSON_TEXT, 0, NULL),
        REQUEST_FIELD(resume_after_limit, JSON_BOOL, 0, NULL),
        /* secrets_parse() reads these. */
        { "github_token", JSON_IGNORED, 0, 0, NULL },
        { "secrets", JSON_IGNORED, 0, 0, NULL },
        { "limits", JSON_IGNORED, 0, 0, NULL }, /* task_limits_parse() does */
};

static int refuse_missing(const char *field, Problem *problem) {
        return problem_set(problem, -EINVAL, field, "Missing required field: %s", field);
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
                                           i, (int) TASK_ARGUMENT_SIZE_MAX, TASK_COMMAND_SIZE_MAX);
        }
        return 0;
}

static int check_working_directory(const char *path, Problem *problem) {
        const char *fault = path ? path_fault(path) : NULL;

        if (!fault)
                return 0;
        return problem_set(problem, -EINVAL, "working_directory", "working_directory %s%s%.*s%s", fault,
                           *path == '/' ? "" : ", not \"", *path == '/' ? 0 : PROBLEM_VALUE_MAX, path,
                           *path == '/' ? "" : "\"");
}

static int check_environment(char *const *environment, Problem *problem) {
        size_t total = 0;

        if (strv_length(environment) > TASK_ENVIRONMENT_MAX)
                return problem_set(problem, -E2BIG, "environment", "environment has more than %d variables",
                                   TASK_ENVIRONMENT_MAX);
        for (size_t i = 0; environment && environment[i]; i++) {
                int n = (int) strcspn(environment[i], "=");

                if (!environment_has_name(environment[i]))
                        return problem_set(problem, -EINVAL, "environment",
                                           "environment: \"%.*s\" is no name of a variable (letters, digits, _)",
                                           MIN_OF(n, PROBLEM_VALUE_MAX), environment[i]);
                if (environment_is_reserved(environment[i]))
                        return problem_set(problem, -EINVAL, "environment",
                                           "environment: %.*s is set by systemd itself; leave it out", n,
                                           environment[i]);
                if (!environment_has_value(environment[i]))
                        return problem_set(problem, -EINVAL, "environment",
                                           "environment: the value of %.*s is too long (%d bytes) or holds control "
                                           "characters",
                                           MIN_OF(n, PROBLEM_VALUE_MAX), environment[i], (int) TASK_ARGUMENT_SIZE_MAX);
                total += strlen(environment[i]) + 1;
        }
        /* systemd keeps it, as long as there is the unit. */
        if (total > TASK_ENVIRONMENT_SIZE_MAX)
                return problem_set(problem, -E2BIG, "environment",
                                   "environment has %zu bytes; all variables together may have %d", total,
                                   TASK_ENVIRONMENT_SIZE_MAX);
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

/* The time may be asked for in either place. */
static int check_limits(const Json *request, const Config *config, TaskSpec *s, Problem *problem) {
        usec_t timeout = 0;
        int r;

        r = task_limits_parse(json_get(request, "limits"), config, &s->limits, &timeout, problem);
        if (r < 0 || timeout == 0)
                return r;
        if (json_get(request, "timeout"))
                return problem_set(problem, -EINVAL, "limits.timeout",
                                   "limits.timeout and timeout are two names of one limit: leave one of them out");
        s->timeout_usec = timeout;
        return 0;
}

/* --- what goes to programs as an argument --- */

/* Names of pods, of namespaces and of DevPod's workspaces are those of Kubernetes, which has stricter rules. */
static int check_name(const char *field, const char *name, Problem *problem) {
        if (!name || (name[0] != '-' && strlen(name) <= TASK_NAME_SIZE_MAX && !string_holds_control(name, "")))
                return 0;
        return problem_set(problem, -EINVAL, field,
                           "%s must not begin with a dash, hold control characters or be longer than %d bytes", field,
                           TASK_NAME_SIZE_MAX);
}

/* Whoever serves the repository takes "a/../b" for "b", which a pattern for "a/" does not. */
static bool climbs(const char *repository) {
        for (const char *p = repository; (p = strchr(p, '/')); p++)
                if (string_has_prefix(p, "/../") || string_equal(p, "/..") || strncasecmp(p, "/%2e", 4) == 0 ||
                    strncasecmp(p, "/.%2e", 5) == 0)
                        return true;
        return false;
}

static bool is_allowed(const char *repository, char *const *patterns) {
        for (size_t i = 0; patterns && patterns[i]; i++)
                if (fnmatch(patterns[i], repository, 0) == 0)
                        return true;
        return false;
}

static int check_repository(const char *repository, const Config *config, Problem *problem) {
        _cleanup_free_ char *url = NULL;
        int r;

        if (!repository)
                return 0;
        r = workspace_url(repository, &url, problem);
        if (r < 0)
                return r;
        if (climbs(repository))
                return problem_set(problem, -EINVAL, "github_repo", "github_repo must not hold \"..\"");
        if (!is_allowed(repository, config->allowed_repositories))
                return problem_set(problem, -EINVAL, "github_repo",
                                   "github_repo is none of those that are allowed here "
                                   "(workspaces.allowed_repositories)");
        return 0;
}

/* --- recipes --- */

static int refuse_nul(const char *field, const char *recipe, Problem *problem) {
        return problem_set(problem, -EINVAL, field,
                           "%s holds a NUL byte (\\u0000), and the recipe %s gives it as an argument or a variable, "
                           "which would end there: leave the byte out, or have the recipe give it to stdin (input)",
                           field, recipe);
}

/* What the original's users send: all four fields, named one after the other when they are missing. */
static int check_original(const Json *request, Problem *problem) {
        static const char *const required[] = { "devpod_name", "github_repo", "github_token", "task_description" };

        for (size_t i = 0; i < ELEMENTSOF(required); i++) {
                const Json *value = json_get(request, required[i]);

                /* What is no text is refused as that, by whoever reads it. */
                if (!value || json_is_empty_text(value))
                        return refuse_missing(required[i], problem);
        }
        return 0;
}

static int refuse_recipe(const Config *config, const char *name, Problem *problem) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < config->n_recipes && names.size < PROBLEM_VALUE_MAX; i++)
                r = buffer_append_format(&names, "%s%s", i > 0 ? ", " : "", config->recipes[i].name);
        if (r < 0)
                return r;
        return problem_set(problem, -EINVAL, "recipe",
                        "There is no recipe \"%.*s\" in the configuration; there are %s", PROBLEM_VALUE_MAX, name,
                        names.data ?: "none");
}

/* The name is in the spec afterwards. */
static int choose_recipe(TaskSpec *s, const Json *request, const Config *config, const Recipe **ret,
                         Problem *problem) {
        int r = 0;

        if (!s->recipe && !s->command && s->devpod_name)
                r = check_original(request, problem);
        if (r >= 0 && !s->recipe)
                r = string_replace(&s->recipe, s->command     ? TASK_RECIPE_COMMAND :
                                               s->devpod_name ? "claude-devpod" : TASK_RECIPE_CLAUDE);
        if (r < 0)
                return r;
        *ret = config_find_recipe(config, s->recipe);
        return *ret ? 0 : refuse_recipe(config, s->recipe, problem);
}

/* A value of the request, or that there will be one. */
static RecipeValues values_of(const TaskSpec *s) {
        bool has_workspace = s->github_repo && !s->working_directory;

        return (RecipeValues){
                .task_id = "-", .workspaces = "-", .session_id = "-", .attempt = "-",
                .task_description = s->task_description.data,
                .task_description_size = s->task_description.size,
                .github_repo = s->github_repo,
                .repository_url = s->github_repo,
                .devpod_name = s->devpod_name,
                .pod = s->pod,
                .namespace = s->namespace,
                .branch = has_workspace ? "-" : NULL,
                .workspace = has_workspace ? "-" : NULL,
                .working_directory = s->working_directory ?: has_workspace ? "-" : NULL,
        };
}

static int check_needs(const Recipe *recipe, const TaskSpec *s, Problem *problem) {
        const RecipeValues values = values_of(s);
        const RecipePlaceholder *lacking = recipe_lacks(recipe, &values), *cut;

        if (lacking)
                return refuse_missing(lacking->field, problem);
        cut = recipe_cuts(recipe, &values);
        if (cut)
                return refuse_nul(cut->field, recipe->name, problem);
        /* An agent would else work in the home of its user. */
        if (recipe->agent != AGENT_KIND_NONE && !values.working_directory)
                return problem_set(problem, -EINVAL, "github_repo",
                                   "Missing required field: github_repo, or working_directory for a directory that is "
                                   "there");
        return 0;
}

static int check_recipe(TaskSpec *s, const Json *request, const Config *config, Problem *problem) {
        const Recipe *recipe;
        int r;

        r = choose_recipe(s, request, config, &recipe, problem);
        if (r < 0)
                return r;
        s->agent = recipe->agent;
        if (!recipe->work.command)
                r = s->command ? check_command(s, problem) : refuse_missing("command", problem);
        else if (s->command)
                r = problem_set(problem, -EINVAL, "command",
                                "The recipe %s has a command of its own: leave command out", recipe->name);
        return r < 0 ? r : check_needs(recipe, s, problem);
}

/* In this order a request is looked at: the first problem is the one that is told. */
static int check_request(TaskSpec *s, const Json *request, const Config *config, Problem *problem) {
        int r;

        r = check_recipe(s, request, config, problem);
        if (r >= 0)
                r = check_working_directory(s->working_directory, problem);
        if (r >= 0)
                r = check_repository(s->github_repo, config, problem);
        if (r >= 0)
                r = check_name("devpod_name", s->devpod_name, problem);
        if (r >= 0)
                r = check_name("namespace", s->namespace, problem);
        if (r >= 0)
                r = check_name("pod", s->pod, problem);
        if (r >= 0)
                r = check_environment(s->environment, problem);
        if (r >= 0)
                r = check_labels(s->labels, problem);
        if (r >= 0)
                r = check_timeout(request, config->claude_timeout_usec, s, problem);
        if (r >= 0)
                r = check_limits(request, config, s, problem);
        return r < 0 ? r : check_stall(s, problem);
}

int task_spec_parse(const Json *request, const Config *config, TaskSpec *ret, Problem *problem) {
        _cleanup_(task_spec_done) TaskSpec s = { .stall_timeout_usec = config->stall_timeout_usec,
                                                 .stall_action = (int) config->stall_action };
        int r;

        r = json_read_fields(request, request_fields, ELEMENTSOF(request_fields), true, &s, problem);
        if (r >= 0)
                r = check_request(&s, request, config, problem);
        if (r < 0)
                return r;

        *ret = s;
        s = (TaskSpec){};
        return 0;
}

int task_spec_to_request(const TaskSpec *s, Json **ret) {
        _cleanup_json_ Json *j = json_new_object();
        Json *limits = NULL;
        int r;

        if (!j)
                return -ENOMEM;
        r = json_write_fields(j, request_fields, ELEMENTSOF(request_fields), true, s);
        if (r >= 0)
                r = task_limits_to_json(&s->limits, &limits);
        if (r >= 0 && limits)
                r = json_set(j, "limits", limits);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

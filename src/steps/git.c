/* Git: see git.h. What the environment and the configuration may not decide, and what git's words mean, stand in
 * tables. */
#include "git.h"

#include "credential.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

/* What a task's or a user's environment may say about another repository, or would have git ask somebody. */
static const char *const environment[] = {
        "LC_ALL=C", "GIT_ASKPASS=", "SSH_ASKPASS", "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_QUARANTINE_PATH",
};

static const char *const settings[] = {
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgSign=false", "push.gpgSign=false",
        "gc.autoDetach=false", "maintenance.autoDetach=false", "protocol.ext.allow=never", "color.ui=false",
        "submodule.recurse=false", "fetch.recurseSubmodules=false", "push.recurseSubmodules=no",
        "core.editor=:", "core.pager=cat",
};

void git_done(Git *g) {
        free(g->directory);
        strv_free(g->environment);
        *g = GIT_NULL;
}

bool git_has_token(void) {
        _cleanup_(buffer_done) Buffer token = BUFFER_NULL;

        return credential_read(WORKSPACE_TOKEN, &token) >= 0;
}

int git_set(Git *g, const char *assignment) {
        return strv_append(&g->environment, assignment);
}

/* The step itself is the credential helper. */
static int own_path(char ret[static 4096]) {
        ssize_t n = readlink("/proc/self/exe", ret, 4095);

        if (n < 0)
                return -errno;
        ret[n] = 0;
        return 0;
}

int git_init(Git *g, const char *directory, const char *url) {
        char step[4096];
        int r = own_path(step);

        *g = (Git){ .url = url };
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(environment); i++)
                r = git_set(g, environment[i]);
        if (r >= 0)
                r = string_replace(&g->directory, directory);
        if (r >= 0)
                r = workspace_git_environment(step, git_has_token() ? url : NULL, &g->environment);
        if (r < 0)
                git_done(g);
        return r;
}

int git_run_with(const Git *g, const Program *like, const char *const *arguments, RunResult *ret) {
        const char *argv[64] = { "git" };
        Program p = *like;
        size_t n = 1;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                argv[n++] = "-c";
                argv[n++] = settings[i];
        }
        for (; *arguments; arguments++) {
                if (n == ELEMENTSOF(argv) - 1)
                        return -E2BIG;
                argv[n++] = *arguments;
        }
        p.argv = argv;
        p.directory = g->directory;
        p.environment = g->environment;
        return program_run(&p, ret);
}

int git_must_with(const Git *g, const char *const *arguments, RunResult *ret, Problem *problem) {
        int r = git_run_with(g, &(const Program){ .output_max = GIT_OUTPUT_MAX }, arguments, ret);

        if (r < 0)
                return problem_set(problem, r, NULL, "git could not be run: %s", strerror(-r));
        return r == 0 ? 0 : git_problem(g, ret, problem);
}

int git_ask_with(const Git *g, char **ret, const char *const *arguments) {
        const Program quiet = { .output_max = GIT_OUTPUT_MAX, .is_quiet = true };
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = git_run_with(g, &quiet, arguments, &result);
        size_t size;

        *ret = NULL;
        if (r < 0)
                return r;
        size = strcspn(result.output.data, "\n");
        if (r > 0 || size == 0)
                return 0;
        *ret = strndup(result.output.data, size);
        return *ret ? 1 : -ENOMEM;
}

/* What stands in git's words (those of C, and of the programs that it runs), and what it means. The first row that
 * fits: a full disk has other complaints behind it. `without_token` only where that makes a difference. */
static const struct {
        const char *words;
        int error;
        const char *meaning, *without_token;
} meanings[] = {
        { "No space left on device", -ENOSPC, "the disk is full", NULL },
        { "Disk quota exceeded", -ENOSPC, "the disk quota is used up", NULL },
        { "dubious ownership", -EPERM, "it belongs to another user; let the user who runs the tasks trust it with "
          "\"git config --global --add safe.directory DIRECTORY\"", NULL },
        { "could not read Username", -EACCES, "it does not accept the github_token",
          "it asks for a login, or is not there; no github_token was given" },
        { "could not read Password", -EACCES, "it does not accept the github_token",
          "it asks for a login; no github_token was given" },
        { "Authentication failed", -EACCES, "authentication failed: the github_token is not accepted",
          "authentication failed; no github_token was given" },
        { "returned error: 403", -EACCES, "the github_token does not allow this",
          "this is not allowed; no github_token was given" },
        { "Permission denied (", -EACCES, "ssh has no key that is accepted there", NULL },
        { "Host key verification failed", -EACCES, "ssh does not know the host's key", NULL },
        { "Could not resolve host", -ENETUNREACH, "no network: the host's name could not be resolved", NULL },
        { "Failed to connect", -ENETUNREACH, "no network: the host could not be reached", NULL },
        { "Couldn't connect", -ENETUNREACH, "no network: the host could not be reached", NULL },
        { "Connection refused", -ENETUNREACH, "no network: the host refused the connection", NULL },
        { "timed out", -ENETUNREACH, "no network: the host did not answer in time", NULL },
        { "Network is unreachable", -ENETUNREACH, "no network: the host could not be reached", NULL },
        { "unreachable", -ENETUNREACH, "no network: the host could not be reached", NULL },
        { "certificate", -EPROTO, "its certificate is not trusted", NULL },
        { "not found", -ENOENT, "the repository was not found, or the github_token may not see it",
          "the repository was not found" },
        { "does not exist", -ENOENT, "the repository was not found", NULL },
        { "not appear to be a git repository", -ENOENT, "there is no git repository", NULL },
        { "(fetch first)", -EAGAIN, "the branch has commits there that are not here; fetch and merge them first",
          NULL },
        { "(non-fast-forward)", -EAGAIN,
          "the branch has commits there that are not here; fetch and merge them first", NULL },
        { "protected branch", -EACCES, "the branch is protected there", NULL },
        { "[remote rejected]", -EACCES, "the push was rejected there", NULL },
        { ".lock': File exists", -EBUSY, "another git is at work there; if none is, remove its .lock file", NULL },
};

/* The last line that says something. */
static char *last_line(const char *text) {
        size_t end = strlen(text), begin;

        while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
                end--;
        for (begin = end; begin > 0 && text[begin - 1] != '\n'; begin--)
                ;
        return strndup(text + begin, end - begin);
}

int git_problem(const Git *g, const RunResult *r, Problem *problem) {
        const char *errors = r->errors.data ?: "", *subject = g->url ?: g->directory ?: "git";
        _cleanup_free_ char *line = NULL;

        for (size_t i = 0; i < ELEMENTSOF(meanings); i++)
                if (strstr(errors, meanings[i].words)) {
                        bool without = meanings[i].without_token && !git_has_token();

                        return problem_set(problem, meanings[i].error, NULL, "%s: %s", subject,
                                           without ? meanings[i].without_token : meanings[i].meaning);
                }
        line = last_line(errors);
        return problem_set(problem, -EIO, NULL, "%s: git ended with %d: %s", subject, r->status,
                           string_is_empty(line) ? "it said nothing" : line);
}

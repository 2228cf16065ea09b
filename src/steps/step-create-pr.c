/* remote-developer-step create-pr: pushes the branch and makes a pull request of it with gh(1).
 *
 * On standard input come the title on the first line, an empty line, and the body, which gh is given byte for byte.
 * What is committed is pushed first, since whoever committed may not have had a token. */
#include "branch.h"
#include "github.h"
#include "mirror.h"
#include "pod-commit.h"
#include "report.h"

#include <remote-developer/strings.h>

#include <stdio.h>

/* GitHub takes 256 characters. */
#define TITLE_MAX 1024

typedef struct PullRequest {
        Buffer text;
        char *title;
        const char *body; /* in `text` */
        size_t body_size;
        Branch branch;
        Git git;
        char *base, *url;
} PullRequest;

static void pull_request_done(PullRequest *p) {
        buffer_done(&p->text);
        free(p->title);
        branch_done(&p->branch);
        git_done(&p->git);
        free(p->base);
        free(p->url);
}

static int read_text(Step *s, PullRequest *p) {
        const char *end;
        int r = step_read_input(s, &p->text);

        if (r < 0)
                return r;
        end = memchr(p->text.data, '\n', p->text.size) ?: p->text.data + p->text.size;
        p->title = strndup(p->text.data, (size_t) (end - p->text.data));
        if (!p->title)
                return -ENOMEM;
        if (string_is_empty(p->title) || strlen(p->title) > TITLE_MAX ||
            strlen(p->title) != (size_t) (end - p->text.data))
                return problem_set(&s->problem, -EINVAL, "pr_title",
                                   "A pull request's title is one line of 1 to %d bytes", TITLE_MAX);
        for (int i = 0; i < 2 && *end == '\n'; i++)
                end++;
        p->body = end;
        p->body_size = p->text.size - (size_t) (end - p->text.data);
        return 0;
}

/* Of a directory that the task was given the repository is that of `origin`. */
static int find_repository(Step *s, const Branch *b) {
        if (s->url)
                return 0;
        if (!b->url)
                return problem_set(&s->problem, -EINVAL, NULL,
                                   "This work tree has no remote to ask for a pull request");
        return workspace_url(b->url, &s->url, &s->problem);
}

static int open_branch(Step *s, PullRequest *p) {
        int r = branch_enter(s);

        if (r >= 0)
                r = branch_read_left(s, &p->branch);
        if (r < 0)
                return r;
        if (!p->branch.top || !p->branch.head)
                return problem_set(&s->problem, -ENOENT, NULL, "There is no commit here to make a pull request of");
        r = find_repository(s, &p->branch);
        if (r < 0)
                return r;
        r = branch_check_own(&p->branch, &s->problem);
        return r < 0 ? r : branch_open(s, &p->branch, s->url, &p->git);
}

static int find_base(Step *s, PullRequest *p) {
        int r = mirror_ask_default_branch(&p->git, &p->base, &s->problem);

        if (r == 0 && p->branch.base)
                r = string_replace(&p->base, p->branch.base);
        if (r < 0)
                return r;
        if (!p->base)
                return problem_set(&s->problem, -ENODATA, NULL, "%s names no default branch", s->url);
        if (string_equal(p->base, p->branch.name))
                return problem_set(&s->problem, -EPERM, NULL, "The branch is %s, the default of %s", p->base, s->url);
        return 0;
}

/* The changes of this work tree that are no commit do not matter here: `commit` is for them. */
static int check_new(Step *s, PullRequest *p) {
        _cleanup_free_ char *base = string_format("refs/remotes/origin/%s", p->base), *count = NULL;
        int r = base ? git_ask(&p->git, &count, "rev-list", "--count", "HEAD", "--not", base, "--") : -ENOMEM;

        if (r > 0 && string_equal(count, "0"))
                return problem_set(&s->problem, -ENODATA, NULL,
                                   "Please commit changes first: the branch %s has no commit that %s has not",
                                   p->branch.name, p->base);
        return r < 0 ? r : 0;
}

/* The last line that is a URL. */
static int take_url(Step *s, const RunResult *result, char **ret) {
        const char *at = result->output.data, *last = NULL;

        for (; *at; at += strcspn(at, "\n"), at += *at == '\n')
                if (string_has_prefix(at, "https://") || string_has_prefix(at, "http://"))
                        last = at;
        if (!last)
                return problem_set(&s->problem, -EPROTO, NULL, "gh does not say where the pull request is");
        *ret = strndup(last, strcspn(last, "\n"));
        return *ret ? 0 : -ENOMEM;
}

static int gh_problem(Step *s, const RunResult *result) {
        const char *errors = result->errors.data;

        if (result->status == 127)
                return problem_set(&s->problem, -ENOENT, NULL, "gh, the command line of GitHub, is not installed");
        return problem_set(&s->problem, -EIO, NULL, "gh ended with %d: %.*s", result->status,
                           (int) strcspn(errors, "\n"), errors);
}

/* All that gh has to know is in its arguments: it is not run in the work tree, whose configuration its git would read
 * without the settings of ours. */
static int create(Step *s, PullRequest *p) {
        _cleanup_free_ char *repository = NULL, *host = NULL, *title = string_format("--title=%s", p->title);
        _cleanup_free_ char *head = string_format("--head=%s", p->branch.name),
                            *base = string_format("--base=%s", p->base);
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = title && head && base ? github_repository(s->url, &repository, &s->problem) : -ENOMEM;

        if (r < 0)
                return r;
        host = strndup(repository, strcspn(repository, "/"));
        r = host ? github_run(s, host, &(const Program){
                .argv = (const char *const[]){ "gh", "pr", "create", "--repo", repository, head, base, title,
                                               "--body-file=-", NULL },
                .directory = "/", .input = p->body, .input_size = p->body_size, .output_max = 65536,
        }, &result) : -ENOMEM;
        if (r < 0)
                return r;
        return r > 0 ? gh_problem(s, &result) : take_url(s, &result, &p->url);
}

static int push_here(Step *s, PullRequest *p) {
        int r = open_branch(s, p);

        if (r >= 0)
                r = find_base(s, p);
        if (r >= 0)
                r = check_new(s, p);
        return r < 0 ? r : branch_push(s, &p->branch, &p->git);
}

/* The remote is asked from here, as gh asks it. */
static int push_in_pod(Step *s, PullRequest *p, const Pod *pod) {
        _cleanup_(pod_commit_done) PodCommit far = POD_COMMIT_NULL;
        int r = s->url ? git_init(&p->git, NULL, s->url) : -EINVAL;

        if (r >= 0)
                r = find_base(s, p);
        if (r >= 0)
                r = pod_push(s, pod, p->base, &far);
        p->branch.name = TAKE_PTR(far.branch);
        return r;
}

static int create_pr(Step *s, PullRequest *p) {
        _cleanup_(pod_done) Pod pod = POD_NULL;
        int r = read_text(s, p);

        if (r >= 0)
                r = pod_find(s, &pod);
        if (r >= 0)
                r = r > 0 ? push_in_pod(s, p, &pod) : push_here(s, p);
        return r < 0 ? r : create(s, p);
}

int step_create_pr(Step *s) {
        _cleanup_(pull_request_done) PullRequest p = {};
        _cleanup_json_ Json *more = json_new_object();
        int r = create_pr(s, &p), q = more ? json_set_string(more, "pr_url", p.url) : -ENOMEM;

        if (q >= 0)
                q = json_set_string(more, "branch", p.branch.name);
        if (q >= 0)
                q = json_set_string(more, "base_branch", p.base);
        if (p.url)
                printf("%s\n", p.url);
        return q < 0 ? q : report_write(s, WORKSPACE_PULL_REQUEST, r, TAKE_PTR(more));
}

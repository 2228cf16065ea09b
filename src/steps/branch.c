/* Branch: see branch.h. */
#include "branch.h"

#include "git-config.h"
#include "repository.h"

#include <remote-developer/strings.h>

#include <fcntl.h>

#define ORIGIN "refs/remotes/origin/"

void branch_done(Branch *b) {
        free(b->top);
        free(b->name);
        free(b->head);
        free(b->base);
        free(b->base_commit);
        free(b->url);
        *b = BRANCH_NULL;
}

/* A task's work tree that lost its .git must not be taken for part of a repository around all of them. */
static int open_git(Step *s, const char *directory, const char *url, Git *ret) {
        _cleanup_free_ char *ceiling = string_format("GIT_CEILING_DIRECTORIES=%s/tasks", s->root);
        int r = ceiling ? git_init(ret, directory, url) : -ENOMEM;

        return r < 0 ? r : git_set(ret, ceiling);
}

int branch_open(Step *s, const Branch *b, const char *url, Git *ret) {
        return open_git(s, b->top, url, ret);
}

static int read_base(const Git *g, char **ret) {
        _cleanup_free_ char *ref = NULL;
        int r = git_ask(g, &ref, "symbolic-ref", "--quiet", ORIGIN "HEAD");

        if (r <= 0 || !string_has_prefix(ref, ORIGIN))
                return r;
        return string_replace(ret, ref + strlen(ORIGIN));
}

/* Where the branch left the remote's; where it began, as recorded; what was committed before. */
static int read_base_commit(const Git *g, const char *head, char **ret) {
        int r = 0;

        if (head) {
                r = git_ask(g, ret, "merge-base", ORIGIN "HEAD", "HEAD");
                if (r == 0)
                        r = git_ask(g, ret, "merge-base", "@{upstream}", "HEAD");
                if (r == 0)
                        r = git_ask(g, ret, "rev-parse", "--verify", "--quiet", "refs/remote-developer/base");
                return r == 0 ? string_replace(ret, head) : r;
        }
        return git_ask(g, ret, "hash-object", "-t", "tree", "/dev/null");
}

static int read_all(const Git *g, Branch *b) {
        int r = git_ask(g, &b->name, "symbolic-ref", "--quiet", "--short", "HEAD");

        if (r >= 0)
                r = git_ask(g, &b->head, "rev-parse", "--verify", "--quiet", "HEAD");
        if (r >= 0)
                r = git_ask(g, &b->url, "config", "--get", "remote.origin.url");
        if (r >= 0)
                r = read_base(g, &b->base);
        return r < 0 ? r : read_base_commit(g, b->head, &b->base_commit);
}

/* Not through a link: that would be somebody else's tree. */
int branch_enter(Step *s) {
        _cleanup_free_ char *tree = s->url ? workspace_tree(s->root, s->task) : NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!s->url)
                return 0;
        if (!tree)
                return -ENOMEM;
        fd = open(tree, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 || fchdir(fd) < 0 ? step_fail(s, -errno, tree) : 0;
}

static int read_branch(Step *s, bool is_left, Branch *ret) {
        _cleanup_(branch_done) Branch b = BRANCH_NULL;
        _cleanup_(git_done) Git g = GIT_NULL;
        int r = open_git(s, NULL, NULL, &g);

        if (r >= 0)
                r = git_ask(&g, &b.top, "rev-parse", "--show-toplevel");
        if (r > 0 && is_left)
                r = repository_check(&g, b.top, s->url != NULL, &s->problem);
        if (r >= 0 && b.top)
                r = read_all(&g, &b);
        if (r < 0)
                return r;
        *ret = b;
        b = BRANCH_NULL;
        return 0;
}

int branch_read(Step *s, Branch *ret) {
        return read_branch(s, false, ret);
}

int branch_read_left(Step *s, Branch *ret) {
        return read_branch(s, true, ret);
}

int branch_check_own(const Branch *b, Problem *problem) {
        if (!b->name)
                return problem_set(problem, -EINVAL, NULL, "No branch is checked out here: there is nothing to push");
        if (string_equal(b->name, "main") || string_equal(b->name, "master") || string_equal(b->name, b->base))
                return problem_set(problem, -EPERM, NULL,
                                   "The branch is %s, which is never pushed to: commit on a branch of its own",
                                   b->name);
        return 0;
}

/* As `git push --set-upstream origin` would note it. Where it cannot be noted, all is pushed all the same. */
static int note_upstream(const Branch *b, const Git *g) {
        _cleanup_free_ char *remote = string_format("branch.%s.remote", b->name), *said = NULL,
                            *merge = string_format("branch.%s.merge", b->name),
                            *ref = string_format("refs/heads/%s", b->name);
        int r = remote && merge && ref ? git_ask(g, &said, "config", remote, "origin") : -ENOMEM;

        return r < 0 ? r : git_ask(g, &said, "config", merge, ref);
}

/* By a remote that stands on the command line alone: what the tree's own say of where to push, and through which
 * program, is the task's word. What is pushed is noted as origin's, which it is as a rule. */
static int push_to(const Branch *b, const Git *g, const char *url, const char *what, Problem *problem) {
        static const char fetch[] = "remote." GIT_CONFIG_OWN_REMOTE ".fetch=+refs/heads/*:" ORIGIN "*";
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_free_ char *remote = string_format("remote." GIT_CONFIG_OWN_REMOTE ".url=%s", url);
        int r = remote ? git_must(g, &result, problem, "-c", remote, "-c", fetch, "push", "--quiet",
                                  GIT_CONFIG_OWN_REMOTE, what)
                       : -ENOMEM;

        return r < 0 ? r : note_upstream(b, g);
}

int branch_push(Step *s, const Branch *b, const Git *g) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_free_ char *what = NULL;
        int r = branch_check_own(b, &s->problem);

        if (r < 0)
                return r;
        what = string_format("refs/heads/%s:refs/heads/%s", b->name, b->name);
        if (!what)
                return -ENOMEM;
        if (s->url)
                return push_to(b, g, s->url, what, &s->problem);
        r = repository_check_remote(g, b->top, &s->problem);
        return r < 0 ? r
                     : git_must(g, &result, &s->problem, "push", "--quiet", "--set-upstream", "origin", what);
}

int branch_count_unpushed(const Git *g, uint64_t *ret) {
        _cleanup_free_ char *count = NULL;
        int r = git_ask(g, &count, "rev-list", "--count", "HEAD", "--not", "--remotes", "--");

        *ret = 0;
        return r <= 0 ? r : string_to_uint64(count, ret);
}

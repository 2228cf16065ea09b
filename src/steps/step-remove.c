/* remote-developer-step remove: takes a task's work tree and reports away, if nothing is lost with them.
 *
 * What is not committed, not ignored, stashed, or on a branch whose commits no branch of a remote is known to have,
 * keeps the whole work tree, and so does what cannot be looked into from here. Ignored files go with it: they are what
 * the repository itself calls replaceable. */
#include "branch.h"
#include "tree.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/stat.h>

static int leave(Step *s, const char *tree, const char *why) {
        (void) problem_set(&s->problem, -EBUSY, NULL, "%s is left as it is: %s", tree, why);
        return EXIT_NOTHING;
}

static int check_clean(Step *s, const Git *g, const char *tree) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = git_must(g, &result, &s->problem, "status", "--porcelain=v1", "--untracked-files=normal",
                         "--ignore-submodules=none");

        return r < 0 || result.output.size == 0 ? r : leave(s, tree, "it has changes that are not committed");
}

/* All that is reachable here from anything but a tag (tags come from the remote by the thousand, off its branches,
 * too) and our own note of the beginning: HEAD, branches, the stash. */
static int check_pushed(Step *s, const Git *g, const char *tree) {
        _cleanup_free_ char *count = NULL;
        int r = git_ask(g, &count, "rev-list", "--count", "--exclude=refs/tags/*", "--exclude=refs/remote-developer/*",
                        "--all", "--not", "--remotes", "--");

        if (r < 0)
                return r;
        return string_equal(count, "0") ? 0 : leave(s, tree, "it has commits or stashed changes that are not pushed");
}

/* The places where there may be work that the two above do not see, in the repository's own directory. */
static const struct {
        const char *path, *why;
} hidden[] = {
        { "worktrees", "it has further work trees" },
        { "modules", "it has submodules, whose commits are not looked at" },
        { "rebase-merge", "a rebase is going on in it" },
        { "rebase-apply", "a rebase is going on in it" },
        { "MERGE_HEAD", "a merge is going on in it" },
};

static int check_hidden(Step *s, const char *tree) {
        for (size_t i = 0; i < ELEMENTSOF(hidden); i++) {
                _cleanup_free_ char *path = string_format("%s/.git/%s", tree, hidden[i].path);
                struct stat st;

                if (!path)
                        return -ENOMEM;
                if (lstat(path, &st) == 0)
                        return leave(s, tree, hidden[i].why);
        }
        return 0;
}

static int check(Step *s, const char *tree) {
        _cleanup_(branch_done) Branch b = BRANCH_NULL;
        _cleanup_(git_done) Git g = GIT_NULL;
        int r;

        if (chdir(tree) < 0)
                return step_fail(s, -errno, tree);
        r = branch_read_left(s, &b);
        if (r < 0)
                return r;
        if (!b.top)
                return leave(s, tree, "git does not know it for a work tree");
        r = branch_open(s, &b, NULL, &g);
        if (r >= 0)
                r = check_clean(s, &g, tree);
        if (r == 0)
                r = check_pushed(s, &g, tree);
        return r != 0 ? r : check_hidden(s, tree);
}

/* Under another name first: what is half removed must not be taken for a work tree. */
static int take_away(Step *s, const char *tree) {
        _cleanup_free_ char *doomed = string_format("%s/tasks/.%s.removed", s->root, s->task);
        int r;

        if (!doomed)
                return -ENOMEM;
        if (rename(tree, doomed) < 0 && errno != ENOENT)
                return step_fail(s, -errno, tree);
        r = tree_remove(doomed);
        return r < 0 ? step_fail(s, r, doomed) : 0;
}

int step_remove(Step *s) {
        _cleanup_free_ char *tree = workspace_tree(s->root, s->task), *reports = workspace_reports(s->root, s->task);
        struct stat st;
        int r = 0;

        if (!tree || !reports)
                return -ENOMEM;
        if (lstat(tree, &st) == 0)
                r = check(s, tree);
        if (r != 0)
                return r;
        r = chdir("/") < 0 ? -errno : take_away(s, tree);
        if (r < 0)
                return r;
        r = tree_remove(reports);
        return r < 0 ? step_fail(s, r, reports) : 0;
}

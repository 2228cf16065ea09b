/* remote-developer-step workspace: a work tree of its own for a task.
 *
 * Why a clone, and no `git worktree` of the mirror: work trees of one repository share its branches, its stash, its
 * configuration and its hooks. A task that sets a hook or an alias would run it in all others, one that says
 * `git stash pop` would get another's stash, and a fetch into the mirror would have to spare their branches. Why
 * neither --shared nor --reference: the clone would need the mirror's objects for ever, and what a force-push takes
 * from the remote the mirror's next `git gc` would take from the task. So each task has a whole repository, whose
 * objects begin as hard links to the mirror's: it takes next to no space and no time, and from then on the two know
 * nothing of each other. Whatever a task commits is in no other place, and nothing outside of it collects garbage
 * there.
 *
 * A work tree that is there is a resumed task's and is left as it is, without so much as asking the remote. It is made
 * under another name, so what an interrupted one leaves is never taken for one. */
#include "mirror.h"
#include "tree.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/stat.h>

static bool is_there(const char *tree) {
        _cleanup_free_ char *git = string_format("%s/.git", tree);
        struct stat st;

        return git && lstat(git, &st) == 0;
}

/* `mirror` is this machine's own path, for which git makes hard links. */
static int clone_mirror(Step *s, const Mirror *m, const char *to) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_free_ char *branch = string_format("--branch=%s", m->branch);
        _cleanup_(git_done) Git g = GIT_NULL;
        int r = branch ? git_init(&g, NULL, s->url) : -ENOMEM;

        return r < 0 ? r : git_must(&g, &result, &s->problem, "clone", "--quiet", "--template=", "--no-checkout",
                                    "--origin=origin", branch, "--", m->path, to);
}

/* From here on it belongs to the remote, not to the mirror. */
static int begin_branch(Step *s, const Mirror *m, const char *tree) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_free_ char *start = string_format("refs/remotes/origin/%s", m->branch);
        _cleanup_free_ char *branch = workspace_branch(s->task);
        _cleanup_(git_done) Git g = GIT_NULL;
        int r = start && branch ? git_init(&g, tree, s->url) : -ENOMEM;

        if (r >= 0)
                r = git_must(&g, &result, &s->problem, "config", "remote.origin.url", s->url);
        if (r >= 0)
                r = git_must(&g, &result, &s->problem, "symbolic-ref", "refs/remotes/origin/HEAD", start);
        if (r >= 0)
                r = git_must(&g, &result, &s->problem, "update-ref", "refs/remote-developer/base", start);
        return r < 0 ? r : git_must(&g, &result, &s->problem, "checkout", "--quiet", "--no-track", "-b", branch, start,
                                    "--");
}

/* Without the group that the reports beside it have: from a directory that hands its group on, a fenced program may
 * not take a right (RestrictSUIDSGID=), and `chmod -R u+w` would fail there. */
static int make_directory(Step *s, const char *path) {
        struct stat st;

        if (mkdir(path, 0777) < 0 || stat(path, &st) < 0 || chmod(path, st.st_mode & 0777) < 0)
                return step_fail(s, -errno, path);
        return 0;
}

static int make_in(Step *s, const Mirror *m, const char *partial, const char *tree) {
        int r = tree_remove(partial);

        if (r < 0)
                return step_fail(s, r, partial);
        r = make_directory(s, partial);
        if (r >= 0)
                r = clone_mirror(s, m, partial);
        if (r >= 0)
                r = begin_branch(s, m, partial);
        if (r >= 0 && rename(partial, tree) < 0)
                r = step_fail(s, -errno, tree);
        if (r < 0)
                (void) tree_remove(partial); /* it may be what fills the disk; the next attempt looks again */
        return r;
}

static int make(Step *s, const char *tree) {
        _cleanup_free_ char *directory = string_format("%s/tasks", s->root);
        _cleanup_free_ char *partial = string_format("%s/tasks/.%s.partial", s->root, s->task);
        _cleanup_(mirror_done) Mirror m = MIRROR_NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!directory || !partial)
                return -ENOMEM;
        fd = step_open_directory(s, directory);
        if (fd < 0)
                return fd;
        r = mirror_fetch(s, &m);
        if (r >= 0)
                r = make_in(s, &m, partial, tree);
        if (r >= 0)
                printf("%s: branch " WORKSPACE_BRANCH_PREFIX "%s from %s of %s\n", tree, s->task, m.branch, s->url);
        return r;
}

int step_workspace(Step *s) {
        _cleanup_free_ char *tree = workspace_tree(s->root, s->task);

        if (!tree)
                return -ENOMEM;
        if (!is_there(tree))
                return make(s, tree);
        printf("%s: as it was left\n", tree);
        return 0;
}

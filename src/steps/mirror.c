/* Mirror: see mirror.h.
 *
 * Making and fetching are one: `git init`, then a fetch of all branches and tags. A new mirror is made under another
 * name and gets its own when the fetch is done, so what an interrupted one leaves is never taken for a mirror. The
 * lock is flock(2)'s on a file beside it. Its descriptor is inherited by git on purpose: should this program be
 * killed, the lock is held until the last git is gone, too.
 *
 * What a killed fetch leaves in a mirror that is in use (lock files, unfinished packs) belongs to nobody once the lock
 * is ours, and would make every later fetch fail: it is swept first. */
#include "mirror.h"

#include "git-config.h"
#include "tree.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PARTIAL_SUFFIX ".partial"
#define LOCK_MODE 0640

void mirror_done(Mirror *m) {
        free(m->path);
        free(m->branch);
        closep(&m->lock_fd);
        *m = MIRROR_NULL;
}

static int open_lock(Step *s) {
        _cleanup_free_ char *directory = string_format("%s/mirrors", s->root), *path = workspace_lock(s->root, s->url);
        _cleanup_close_ int dir_fd = -EBADF;
        int fd;

        if (!directory || !path)
                return -ENOMEM;
        dir_fd = step_open_directory(s, directory);
        if (dir_fd < 0)
                return dir_fd;
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, LOCK_MODE); /* for git, too: see above */
        return fd < 0 ? step_fail(s, -errno, path) : fd;
}

static int take_lock(Step *s) {
        _cleanup_close_ int fd = open_lock(s);

        if (fd < 0)
                return fd;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                return TAKE_FD(fd);
        printf("Waiting for another task that fetches %s\n", s->url);
        fflush(stdout);
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return step_fail(s, -errno, "The mirror's lock");
        return TAKE_FD(fd);
}

static bool is_leftover(const char *name) {
        size_t size = strlen(name);

        return string_has_prefix(name, "tmp_") || (size > 5 && string_equal(name + size - 5, ".lock"));
}

/* "ref: refs/heads/main\tHEAD" */
static char *branch_of_symref(const char *line) {
        static const char prefix[] = "ref: refs/heads/";

        if (!line || !string_has_prefix(line, prefix))
                return NULL;
        line += strlen(prefix);
        return strndup(line, strcspn(line, "\t\n"));
}

int mirror_ask_default_branch(const Git *g, char **ret, Problem *problem) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = git_must(g, &result, problem, "ls-remote", "--symref", "--end-of-options", g->url, "HEAD");

        if (r < 0)
                return r;
        *ret = branch_of_symref(result.output.data);
        return *ret != NULL;
}

static int has_branch(const Git *g, const char *branch) {
        _cleanup_free_ char *ref = string_format("refs/heads/%s", branch), *id = NULL;

        return ref ? git_ask(g, &id, "rev-parse", "--verify", "--quiet", "--end-of-options", ref) : -ENOMEM;
}

/* Where the remote's HEAD names no branch that is there: main, master, or the only one. */
static int guess_branch(const Git *g, char **ret, Problem *problem) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        static const char *const usual[] = { "main", "master" };
        int r = git_must(g, &result, problem, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/");
        size_t size;

        if (r < 0)
                return r;
        size = strcspn(result.output.data, "\n");
        if (size == 0)
                return problem_set(problem, -ENODATA, NULL,
                                   "%s is empty: it has no commit to begin from; push a first one", g->url);
        if (result.output.size == size + 1) {
                *ret = strndup(result.output.data, size);
                return *ret ? 0 : -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(usual); i++)
                if (has_branch(g, usual[i]) > 0)
                        return string_replace(ret, usual[i]);
        return problem_set(problem, -ENODATA, NULL, "%s names no default branch, and has neither main nor master",
                           g->url);
}

static int find_branch(const Git *g, char **ret, Problem *problem) {
        int r = *ret ? has_branch(g, *ret) : 0;

        if (r != 0)
                return r < 0 ? r : 0;
        free(TAKE_PTR(*ret));
        return guess_branch(g, ret, problem);
}

/* GIT_DIR, since safe.bareRepository may forbid that a bare one is found by looking. */
static int open_mirror(Git *g, const char *path, const char *url) {
        int r = git_init(g, path, url);

        return r < 0 ? r : git_set(g, "GIT_DIR=.");
}

static int fetch_into(Step *s, const char *path, char **ret_branch) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_(git_done) Git g = GIT_NULL;
        int r = open_mirror(&g, path, s->url);

        /* Asked first: one answer says what is wrong with a remote, before anything is fetched. */
        if (r >= 0)
                r = mirror_ask_default_branch(&g, ret_branch, &s->problem);
        if (r >= 0)
                r = git_must(&g, &result, &s->problem, "fetch", "--quiet", "--prune", "--no-tags",
                                "--no-write-fetch-head", "--end-of-options", s->url, "+refs/heads/*:refs/heads/*",
                                "+refs/tags/*:refs/tags/*");
        return r < 0 ? r : find_branch(&g, ret_branch, &s->problem);
}

/* No template: it would bring hooks. */
static int make_empty(Step *s, const char *path) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_(git_done) Git g = GIT_NULL;
        int r = tree_remove(path);

        if (r < 0)
                return step_fail(s, r, path);
        r = git_init(&g, NULL, NULL);
        return r < 0 ? r : git_must(&g, &result, &s->problem, "init", "--quiet", "--bare", "--template=", "--", path);
}

static int make(Step *s, Mirror *m) {
        _cleanup_free_ char *partial = string_format("%s" PARTIAL_SUFFIX, m->path);
        int r = partial ? make_empty(s, partial) : -ENOMEM;

        if (r >= 0)
                r = fetch_into(s, partial, &m->branch);
        if (r < 0)
                return r;
        (void) tree_remove(m->path); /* what is there is no mirror */
        return rename(partial, m->path) < 0 ? step_fail(s, -errno, m->path) : 0;
}

/* Tasks may write in it, and it is fetched into with the token of another. */
static bool is_trusted(const Git *g) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        if (git_config_check(g, NULL, &problem) >= 0)
                return true;
        printf("The mirror is made anew: %s\n", problem_sentence(&problem));
        return false;
}

/* A power cut can leave a repository that git does not know for one. */
static bool is_usable(const char *path) {
        _cleanup_free_ char *answer = NULL;
        _cleanup_(git_done) Git g = GIT_NULL;
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || open_mirror(&g, path, NULL) < 0)
                return false;
        return git_ask(&g, &answer, "rev-parse", "--is-bare-repository") > 0 &&
                        string_equal(answer, "true") && is_trusted(&g);
}

static int update(Step *s, Mirror *m) {
        int r = tree_remove_files(m->path, is_leftover);

        return r < 0 ? step_fail(s, r, m->path) : fetch_into(s, m->path, &m->branch);
}

int mirror_fetch(Step *s, Mirror *ret) {
        _cleanup_(mirror_done) Mirror m = MIRROR_NULL;
        int r;

        m.path = workspace_mirror(s->root, s->url);
        m.lock_fd = m.path ? take_lock(s) : -ENOMEM;
        if (m.lock_fd < 0)
                return m.lock_fd;
        printf("Fetching %s\n", s->url);
        fflush(stdout);
        r = is_usable(m.path) ? update(s, &m) : make(s, &m);
        if (r < 0)
                return r;
        *ret = m;
        m = MIRROR_NULL;
        return 0;
}

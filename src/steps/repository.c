/* Repository: see repository.h. */
#include "repository.h"

#include "git-config.h"
#include "tree.h"

#include <remote-developer/strings.h>

#include <stdlib.h>
#include <sys/stat.h>

/* Nobody nests submodules so deep. */
#define DEPTH_MAX 16

/* Of a repository: what git does not write when it commits and pushes, or only under names that are checksums. */
static const char *const not_written[] = { "hooks", "objects", "modules", "worktrees", "lfs", "annex", NULL };

static int check_nested(const char *directory, const char *name, unsigned depth, Problem *problem);

/* What `git ls-files --stage` says, as it comes: of a large repository that is too much to keep. */
typedef struct Listing {
        Buffer line, paths; /* `paths`: each ended by a NUL */
} Listing;

static void listing_done(Listing *l) {
        buffer_done(&l->line);
        buffer_done(&l->paths);
}

/* "160000 <object> 0\tpath": a commit of another repository, which may be there. */
static int take_entry(Listing *l, const char *entry) {
        const char *path = strchr(entry, '\t');

        return path && string_has_prefix(entry, "160000 ") ? buffer_append(&l->paths, path + 1, strlen(path)) : 0;
}

static int take_entries(void *userdata, const char *data, size_t size) {
        Listing *l = userdata;
        int r = 0;

        while (r >= 0 && size > 0) {
                const char *end = memchr(data, 0, size);
                size_t n = end ? (size_t) (end - data) + 1 : size;

                r = buffer_append(&l->line, data, n);
                if (r >= 0 && end) {
                        r = take_entry(l, l->line.data);
                        buffer_clear(&l->line);
                }
                data += n;
                size -= n;
        }
        return r;
}

/* `git add` and `git status` run a git in each, to see whether it is changed; and that one in each of its own. `top`:
 * its work tree; `nested`: the path of that, as people see it, or NULL. */
static int check_inner(const Git *g, const char *top, const char *nested, unsigned depth, Problem *problem) {
        _cleanup_(listing_done) Listing l = {};
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = git_run_with(g, &(const Program){ .take = take_entries, .userdata = &l },
                             (const char *const[]){ "ls-files", "--stage", "-z", "--full-name", "--", ":/", NULL },
                             &result);

        if (r != 0)
                return r < 0 ? r : git_problem(g, &result, problem);
        for (size_t i = 0; r >= 0 && i < l.paths.size; i += strlen(l.paths.data + i) + 1) {
                const char *path = l.paths.data + i;
                _cleanup_free_ char *directory = string_format("%s/%s", top, path);
                _cleanup_free_ char *name = string_format("%s%s%s", nested ?: "", nested ? "/" : "", path);

                r = directory && name ? check_nested(directory, name, depth + 1, problem) : -ENOMEM;
        }
        return r;
}

static int check_nested(const char *directory, const char *name, unsigned depth, Problem *problem) {
        _cleanup_free_ char *repository = string_format("%s/.git", directory), *top = NULL;
        _cleanup_(git_done) Git g = GIT_NULL;
        struct stat st;
        int r;

        if (!repository)
                return -ENOMEM;
        if (lstat(repository, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        if (depth > DEPTH_MAX)
                return problem_set(problem, -EPERM, NULL, "There are more than %d repositories in each other here",
                                   DEPTH_MAX);
        r = git_init(&g, directory, NULL);
        if (r >= 0)
                r = git_set(&g, "GIT_DIR=.git"); /* as git itself goes there */
        if (r >= 0)
                r = git_config_check(&g, name, problem);
        if (r >= 0)
                r = git_ask(&g, &top, "rev-parse", "--show-toplevel");
        return r <= 0 ? r : check_inner(&g, top, name, depth, problem);
}

static int check_links(const char *directory, Problem *problem) {
        _cleanup_free_ char *link = NULL;
        int r = tree_find_link(directory, not_written, &link);

        if (r < 0)
                return problem_set(problem, r, NULL, "%s cannot be looked through: %s", directory, strerror(-r));
        if (r > 0)
                return problem_set(problem, -EPERM, NULL,
                                   "%s is a symbolic link, through which git would write elsewhere; take it out and "
                                   "ask again", link);
        return 0;
}

static int check_place(const Git *g, const char *top, bool is_own, Problem *problem) {
        _cleanup_free_ char *directory = NULL, *common = NULL, *usual = string_format("%s/.git", top);
        int r = usual ? git_ask(g, &directory, "rev-parse", "--absolute-git-dir") : -ENOMEM;

        if (r > 0)
                r = git_ask(g, &common, "rev-parse", "--path-format=absolute", "--git-common-dir");
        if (r <= 0)
                return r < 0 ? r : problem_set(problem, -ENOENT, NULL, "%s: there is no git repository", top);
        if (is_own && (!string_equal(directory, usual) || !string_equal(common, usual)))
                return problem_set(problem, -EPERM, NULL,
                                   "The repository of this work tree is not in %s any more, where it was made; put it "
                                   "back and ask again", usual);
        r = check_links(directory, problem);
        return r < 0 || string_equal(directory, common) ? r : check_links(common, problem);
}

int repository_check(const Git *g, const char *top, bool is_own, Problem *problem) {
        int r = git_config_check(g, NULL, problem);

        if (r >= 0)
                r = check_place(g, top, is_own, problem);
        return r < 0 ? r : check_inner(g, top, NULL, 0, problem);
}

/* Where git would find a repository at this path, as a real path: 1; it is none of this machine: 0. */
static int find_local(const char *top, const char *url, char **ret) {
        static const char scheme[] = "file://";
        const char *path = string_has_prefix(url, scheme) ? url + strlen(scheme) : url;

        for (unsigned i = 0; i < 2; i++) {
                _cleanup_free_ char *whole = string_format("%s%s%s%s", path[0] == '/' ? "" : top,
                                                           path[0] == '/' ? "" : "/", path, i == 0 ? "" : ".git");

                if (!whole)
                        return -ENOMEM;
                *ret = realpath(whole, NULL);
                if (*ret)
                        return 1;
        }
        return 0;
}

static int check_remote(const char *top, const char *url, Problem *problem) {
        _cleanup_free_ char *path = NULL, *below = string_format("%s/", top);
        bool is_encoded = string_has_prefix(url, "file:") && strchr(url, '%');
        int r = below ? find_local(top, url, &path) : -ENOMEM;

        if (r < 0 || (!is_encoded && (r == 0 || (!string_has_prefix(path, below) && !string_equal(path, top)))))
                return r < 0 ? r : 0;
        return problem_set(problem, -EPERM, NULL,
                           "origin is a repository in the work tree itself, whose programs a push would run; set its "
                           "URL (git remote set-url origin URL) and ask again");
}

int repository_check_remote(const Git *g, const char *top, Problem *problem) {
        _cleanup_(run_result_done) RunResult urls = RUN_RESULT_NULL;
        int r = git_must(g, &urls, problem, "remote", "get-url", "--push", "--all", "origin");

        if (r < 0)
                return r;
        for (char *state, *url = strtok_r(urls.output.data, "\n", &state); r >= 0 && url;
             url = strtok_r(NULL, "\n", &state))
                r = check_remote(top, url, problem);
        return r;
}

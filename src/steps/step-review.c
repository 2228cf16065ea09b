/* remote-developer-step review: what a task has changed, for people to look at.
 *
 * Nothing here writes into the work tree, its index or its objects: a copy of the index is told of the untracked files
 * (by name, "intent to add"), and the difference to the base commit is computed from that and the files themselves.
 * The copy, and the object that git makes for such names, lie in a directory of this run. */
#include "branch.h"
#include "report.h"
#include "review.h"
#include "tree.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define COPY_AT_ONCE ((size_t) 1024 * 1024)
#define DISK_LIMIT_USEC (5 * USEC_PER_SEC)
#define SCRATCH_NAME FILE_TEMPORARY_PREFIX "review"
static int review_status(Step *s, const Git *g, Json *report, bool *ret_changed) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = git_must(g, &result, &s->problem, "-c", "core.quotePath=true", "status", "--porcelain=v1",
                         "--untracked-files=normal");

        if (r < 0)
                return r;
        *ret_changed = result.output.size > 0;
        return review_add_files(report, result.output.data);
}

/* With its time: git takes a file that is as old as the index for one that has to be looked into. */
static int copy_file(const char *from, const char *to) {
        _cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -EBADF;
        struct stat st;
        ssize_t n;

        if (in < 0 || fstat(in, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (out < 0)
                return -errno;
        while ((n = sendfile(out, in, NULL, COPY_AT_ONCE)) > 0)
                ;
        if (n < 0)
                return -errno;
        return futimens(out, (const struct timespec[]){ st.st_atim, st.st_mtim }) < 0 ? -errno : 0;
}

static int use_own_index(Git *g, const char *scratch) {
        _cleanup_free_ char *index = NULL, *path = string_format("%s/index", scratch);
        _cleanup_free_ char *variable = path ? string_format("GIT_INDEX_FILE=%s", path) : NULL;
        int r = variable ? git_ask(g, &index, "rev-parse", "--path-format=absolute", "--git-path", "index") : -ENOMEM;

        if (r > 0)
                r = copy_file(index, path);
        return r < 0 ? r : git_set(g, variable);
}

/* A file, not the variable for this: in that a colon would separate two paths. */
static int use_own_objects(Git *g, const char *scratch) {
        _cleanup_free_ char *objects = NULL, *info = string_format("%s/objects/info", scratch);
        _cleanup_free_ char *variable = string_format("GIT_OBJECT_DIRECTORY=%s/objects", scratch);
        _cleanup_close_ int fd = -EBADF;
        int r = info && variable ? git_ask(g, &objects, "rev-parse", "--path-format=absolute", "--git-path", "objects")
                                 : -ENOMEM;

        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        fd = file_open_directory(info, 0700);
        r = fd < 0 ? fd : file_write_durable(fd, "alternates", objects, strlen(objects), 0600);
        return r < 0 ? r : git_set(g, variable);
}

static int use_scratch(Step *s, Git *g, const char *scratch) {
        int r = tree_remove(scratch);

        if (r >= 0)
                r = use_own_objects(g, scratch);
        if (r >= 0)
                r = use_own_index(g, scratch);
        return r < 0 ? step_fail(s, r, scratch) : 0;
}

static int make_diff(Step *s, const Git *g, const Branch *b, RunResult *diff) {
        static const Program bounded = { .output_max = WORKSPACE_DIFF_MAX };
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r;

        /* What cannot be added, such as a repository in the repository, is said in the log and left out. */
        r = git_run(g, &result, "add", "--intent-to-add", "--ignore-errors", "--", ".");
        if (r >= 0)
                r = git_run_with(g, &bounded, (const char *const[]){
                        "-c", "core.quotePath=true", "-c", "core.bigFileThreshold=16m", "diff", "--no-ext-diff",
                        "--no-textconv", "--no-color", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/",
                        "--submodule=short", "--end-of-options", b->base_commit, "--", NULL }, diff);
        if (r < 0)
                return r;
        if (diff->is_cut)
                return review_cut_diff(&diff->output);
        return r == 0 ? 0 : git_problem(g, diff, &s->problem);
}

static int review_diff(Step *s, Git *g, const Branch *b, Json *report, bool *ret_changed) {
        _cleanup_(run_result_done) RunResult diff = RUN_RESULT_NULL;
        _cleanup_free_ char *directory = workspace_reports(s->root, s->task);
        _cleanup_free_ char *scratch = directory ? string_format("%s/" SCRATCH_NAME, directory) : NULL;
        _cleanup_close_ int fd = scratch ? step_open_directory(s, directory) : -ENOMEM;
        int r = fd < 0 ? fd : use_scratch(s, g, scratch);

        if (r >= 0)
                r = make_diff(s, g, b, &diff);
        if (scratch)
                (void) tree_remove(scratch);
        if (r >= 0)
                r = report_write_bytes(s, WORKSPACE_DIFF, &diff.output);
        if (r >= 0)
                r = json_set_uint64(report, "diff_bytes", diff.output.size);
        if (r >= 0)
                r = json_set_bool(report, "diff_truncated", diff.is_cut);
        *ret_changed |= diff.output.size > 0;
        return r;
}

static int add_disk(const char *path, Json *report) {
        uint64_t bytes = 0;
        bool is_whole = false;
        int r = tree_size(path, DISK_LIMIT_USEC, &bytes, &is_whole);

        if (r < 0)
                return 0; /* it is not what the task was asked for */
        r = json_set_uint64(report, "disk_bytes", bytes);
        return r < 0 ? r : json_set_bool(report, "disk_bytes_complete", is_whole);
}

static int add_branch(const Git *g, const Branch *b, Json *report) {
        uint64_t unpushed = 0;
        int r = b->head ? branch_count_unpushed(g, &unpushed) : 0;

        if (r >= 0)
                r = json_set_string(report, "current_branch", b->name);
        if (r >= 0)
                r = json_set_string(report, "base_branch", b->base);
        if (r >= 0)
                r = json_set_string(report, "base_commit", b->base_commit);
        if (r >= 0)
                r = json_set_string(report, "head", b->head);
        return r < 0 ? r : json_set_uint64(report, "unpushed", unpushed);
}

static int review_repository(Step *s, const Branch *b, Json *report) {
        _cleanup_(git_done) Git g = GIT_NULL;
        bool has_changes = false;
        int r = branch_open(s, b, NULL, &g);

        if (r >= 0)
                r = git_set(&g, "GIT_OPTIONAL_LOCKS=0"); /* else `git status` writes the index */
        if (r >= 0)
                r = add_branch(&g, b, report);
        if (r >= 0)
                r = review_status(s, &g, report, &has_changes);
        if (r >= 0)
                r = review_diff(s, &g, b, report, &has_changes);
        return r < 0 ? r : json_set_bool(report, "has_changes", has_changes);
}

static int review(Step *s, Json *report) {
        _cleanup_(branch_done) Branch b = BRANCH_NULL;
        int r = branch_read(s, &b);

        if (r >= 0)
                r = json_set_bool(report, "is_repository", b.top != NULL);
        if (r >= 0)
                r = b.top ? review_repository(s, &b, report) : review_add_nothing(s, report);
        return r < 0 ? r : add_disk(b.top ?: ".", report);
}

int step_review(Step *s) {
        _cleanup_json_ Json *report = json_new_object();
        int r = report ? review(s, report) : -ENOMEM;

        return report ? report_write(s, WORKSPACE_REVIEW, r, TAKE_PTR(report)) : r;
}

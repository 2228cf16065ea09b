/* remote-developer-step commit: all that is not committed yet becomes one commit, and the branch is pushed.
 *
 * The message is committed byte for byte as it comes on standard input. A push that fails keeps the commit: the next
 * `commit` finds nothing to commit and pushes. It is never forced, and never goes to main, master or the remote's
 * default branch. A work tree whose own configuration could run something is refused (repository.h). The token is
 * given to the host of --repository where that is named, else of `origin`. Where the task has a pod all this is done
 * there. */
#include "branch.h"
#include "pod-commit.h"
#include "report.h"

#include <remote-developer/strings.h>

#include <stdio.h>

/* Where neither configuration nor environment knows who commits. */
static const char *const fallback_identity[] = {
        "GIT_AUTHOR_NAME=Remote Developer", "GIT_AUTHOR_EMAIL=remote-developer@localhost",
        "GIT_COMMITTER_NAME=Remote Developer", "GIT_COMMITTER_EMAIL=remote-developer@localhost",
};

typedef struct Commit {
        Branch branch;
        Git git;
        bool is_new, is_pushed;
} Commit;

static void commit_done(Commit *c) {
        branch_done(&c->branch);
        git_done(&c->git);
}

static bool is_blank(const Buffer *b) {
        return strspn(b->data, " \t\r\n") == b->size;
}

static int check_message(Step *s, const Buffer *message) {
        if (memchr(message->data, 0, message->size))
                return problem_set(&s->problem, -EINVAL, "commit_message",
                                   "A commit's message cannot hold a NUL byte");
        if (is_blank(message))
                return problem_set(&s->problem, -EINVAL, "commit_message", "The commit's message is empty");
        return 0;
}

static int set_identity(Git *g) {
        _cleanup_free_ char *email = NULL;
        int r = git_ask(g, &email, "config", "--get", "user.email");

        if (r != 0 || getenv("GIT_AUTHOR_EMAIL") || getenv("EMAIL"))
                return r < 0 ? r : 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fallback_identity); i++)
                r = git_set(g, fallback_identity[i]);
        return r;
}

/* 1: something is staged; 0: nothing. */
static int stage(Step *s, const Commit *c) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = git_must(&c->git, &result, &s->problem, "add", "--all", "--", ".");

        if (r < 0)
                return r;
        r = git_run(&c->git, &result, "diff", "--cached", "--quiet", "--no-ext-diff", "--end-of-options",
                    c->branch.head ?: c->branch.base_commit, "--");
        return r < 0 || r == 1 ? r : r == 0 ? 0 : git_problem(&c->git, &result, &s->problem);
}

/* git takes a message for UTF-8 and would repair one that is not; of this encoding every byte is a letter. */
static const char *encoding_of(const Buffer *message) {
        return string_is_utf8(message->data, message->size) ? "i18n.commitEncoding=UTF-8" :
                                                              "i18n.commitEncoding=ISO-8859-1";
}

static int commit_staged(Step *s, Commit *c, const Buffer *message) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        const Program input = { .input = message->data, .input_size = message->size, .output_max = GIT_OUTPUT_MAX };
        int r = set_identity(&c->git);

        if (r >= 0)
                r = git_run_with(&c->git, &input, (const char *const[]){
                        "-c", encoding_of(message), "commit", "--quiet", "--cleanup=verbatim", "--file=-", NULL },
                                 &result);
        if (r != 0)
                return r < 0 ? r : git_problem(&c->git, &result, &s->problem);
        c->is_new = true;
        free(TAKE_PTR(c->branch.head));
        r = git_ask(&c->git, &c->branch.head, "rev-parse", "--verify", "--quiet", "HEAD");
        return r < 0 ? r : 0;
}

static int push(Step *s, Commit *c) {
        int r = branch_push(s, &c->branch, &c->git);

        c->is_pushed = r >= 0;
        return r;
}

/* 1: nothing is new here, and nothing there. */
static int find_nothing(Step *s, Commit *c) {
        uint64_t unpushed = 0;
        int r = 0;

        if (c->branch.head && c->git.url)
                r = branch_count_unpushed(&c->git, &unpushed);
        if (r < 0 || unpushed > 0)
                return r < 0 ? r : 0;
        (void) problem_set(&s->problem, -ENODATA, NULL, "No changes to commit");
        return 1;
}

static int report(Step *s, const Commit *c, int r);

/* Should it not live to see the end of the push, it is known that there is a commit. */
static int report_before_push(Step *s, const Commit *c) {
        int r;

        (void) problem_set(&s->problem, -EINTR, NULL, "It ended before the push did");
        r = report(s, c, -EINTR);
        problem_done(&s->problem);
        return r == -EINTR ? 0 : r;
}

static int commit_and_push(Step *s, Commit *c, const Buffer *message) {
        int r = stage(s, c);

        if (r > 0)
                r = commit_staged(s, c, message);
        else if (r == 0)
                r = find_nothing(s, c);
        if (r != 0)
                return r < 0 ? r : EXIT_NOTHING;
        if (!c->git.url)
                return 0;
        r = c->is_new ? report_before_push(s, c) : 0;
        return r < 0 ? r : push(s, c);
}

static int commit_in_pod(Step *s, Commit *c, const Pod *p, const Buffer *message) {
        _cleanup_(pod_commit_done) PodCommit far = POD_COMMIT_NULL;
        int r = pod_commit(s, p, message, &far);

        c->branch.name = TAKE_PTR(far.branch);
        c->branch.head = TAKE_PTR(far.commit);
        c->is_new = far.is_new;
        c->is_pushed = far.is_pushed;
        return r;
}

static int commit_here(Step *s, Commit *c, const Buffer *message) {
        int r = branch_enter(s);

        if (r >= 0)
                r = branch_read_left(s, &c->branch);
        if (r < 0)
                return r;
        if (!c->branch.top)
                return problem_set(&s->problem, -ENOENT, NULL, "This directory is no work tree of git");
        r = branch_open(s, &c->branch, s->url ?: c->branch.url, &c->git);
        return r < 0 ? r : commit_and_push(s, c, message);
}

static int commit(Step *s, Commit *c) {
        _cleanup_(buffer_done) Buffer message = BUFFER_NULL;
        _cleanup_(pod_done) Pod p = POD_NULL;
        int r = step_read_input(s, &message);

        if (r >= 0)
                r = check_message(s, &message);
        if (r >= 0)
                r = pod_find(s, &p);
        if (r < 0)
                return r;
        return r > 0 ? commit_in_pod(s, c, &p, &message) : commit_here(s, c, &message);
}

static int report(Step *s, const Commit *c, int r) {
        _cleanup_json_ Json *more = json_new_object();
        int q = more ? 0 : -ENOMEM;

        if (q >= 0)
                q = json_set_string(more, "commit", c->branch.head);
        if (q >= 0)
                q = json_set_string(more, "branch", c->branch.name);
        if (q >= 0)
                q = json_set_bool(more, "committed", c->is_new);
        if (q >= 0)
                q = json_set_bool(more, "pushed", c->is_pushed);
        return q < 0 ? q : report_write(s, WORKSPACE_COMMIT, r, TAKE_PTR(more));
}

int step_commit(Step *s) {
        _cleanup_(commit_done) Commit c = {};
        int r = commit(s, &c);

        return report(s, &c, r);
}

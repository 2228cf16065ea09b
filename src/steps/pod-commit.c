/* PodCommit: see pod-commit.h. */
#include "pod-commit.h"

#include "credential.h"
#include "git.h"
#include "pod-scripts.h"

#include <remote-developer/clock.h>
#include <remote-developer/strings.h>

#include <stdio.h>

#define OUTPUT_MAX ((size_t) 64 * 1024)

void pod_commit_done(PodCommit *c) {
        free(c->branch);
        free(c->commit);
        *c = POD_COMMIT_NULL;
}

/* Lines "name=value". */
static int take_facts(char *lines, PodCommit *c) {
        int r = 0;

        for (char *state, *line = strtok_r(lines, "\n", &state); r >= 0 && line; line = strtok_r(NULL, "\n", &state)) {
                c->is_new |= string_equal(line, "committed=1");
                c->is_pushed |= string_equal(line, "pushed=1");
                if (string_has_prefix(line, "branch=") && line[strlen("branch=")])
                        r = string_replace(&c->branch, line + strlen("branch="));
                else if (string_has_prefix(line, "commit=") && line[strlen("commit=")])
                        r = string_replace(&c->commit, line + strlen("commit="));
        }
        return r;
}

static int take_end(Step *s, int status, const RunResult *result, const PodCommit *c) {
        const Git g = { .url = s->url };

        switch (status) {
        case 0:
                return 0;
        case POD_NO_GIT:
                return problem_set(&s->problem, -ENOENT, NULL, "There is no git in the pod");
        case POD_NO_TREE:
                return problem_set(&s->problem, -ENOENT, NULL, "The task's work tree is not in the pod any more");
        case POD_NOTHING:
                return EXIT_NOTHING;
        case POD_NOT_OWN:
                return problem_set(&s->problem, c->branch ? -EPERM : -EINVAL, NULL,
                                   c->branch ? "The branch is %s, which is never pushed to: commit on a branch of its "
                                               "own"
                                             : "No branch is checked out in the pod: there is nothing to push%s",
                                   c->branch ?: "");
        default:
                return git_problem(&g, result, &s->problem);
        }
}

/* The token first, as a line, then the message. */
static int fill_input(Step *s, const char *context, const Buffer *message, Buffer *ret) {
        _cleanup_free_ char *token = NULL;
        int r = 0;

        if (*context)
                r = credential_read_line(WORKSPACE_TOKEN, &token);
        if (r >= 0 && token)
                r = buffer_append_format(ret, "%s\n", token);
        if (token)
                explicit_bzero(token, strlen(token));
        if (r >= 0 && message)
                r = buffer_append(ret, message->data, message->size);
        return r < 0 ? step_fail(s, r, "The credential " WORKSPACE_TOKEN) : 0;
}

static const char *encoding_of(const Buffer *message) {
        return !message || string_is_utf8(message->data, message->size) ? "UTF-8" : "ISO-8859-1";
}

static int call(Step *s, const Pod *p, const Buffer *message, const char *base, PodCommit *ret) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_(buffer_done) Buffer input = BUFFER_SECRET;
        _cleanup_free_ char *context = NULL;
        char size[24], number[24];
        int r = pod_credential_context(s, &context), q;

        if (r >= 0)
                r = fill_input(s, context, message, &input);
        if (r < 0)
                return r;
        snprintf(size, sizeof(size), "%zu", message ? message->size : 0);
        snprintf(number, sizeof(number), "%llu", (unsigned long long) clock_realtime_usec());
        r = pod_call(s, p,
                     &(PodCall){ .script = pod_script_commit, .output_max = OUTPUT_MAX, .input = input.data,
                                 .input_size = input.size,
                                 .arguments = (const char *const[]){ s->task, context, s->operation ?: number, size,
                                                                     encoding_of(message), base, NULL } },
                     &result);
        if (r < 0)
                return r;
        q = take_facts(result.output.data, ret);
        return q < 0 ? q : take_end(s, r, &result, ret);
}

int pod_commit(Step *s, const Pod *p, const Buffer *message, PodCommit *ret) {
        int r = call(s, p, message, "-", ret);

        if (r == EXIT_NOTHING)
                (void) problem_set(&s->problem, -ENODATA, NULL, "No changes to commit");
        return r;
}

int pod_push(Step *s, const Pod *p, const char *base, PodCommit *ret) {
        int r = call(s, p, NULL, base, ret);

        if (r != EXIT_NOTHING)
                return r;
        return problem_set(&s->problem, -ENODATA, NULL,
                           "Please commit changes first: the branch %s has no commit that %s has not",
                           ret->branch ?: "", base);
}

/* remote-developer-step pod-workspace: a clone of its own for the task, in its pod (pod-scripts.c).
 *
 * There is no mirror: a pod is there for a few tasks, and its disk often as long as the pod. A work tree that is there
 * is a resumed task's and is left as it is, without so much as asking the remote.
 *
 * The token goes over the connection as the script's standard input, and there from a variable of the shell through a
 * pipe to git's helper: who may look into the memory of that user's processes in the pod can see it for as long as the
 * clone takes, and nobody else, and nothing of it stays. */
#include "credential.h"
#include "git.h"
#include "pod-scripts.h"
#include "pod.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#define OUTPUT_MAX ((size_t) 64 * 1024)

static int read_token(Step *s, Buffer *ret) {
        _cleanup_free_ char *token = NULL;
        int r = credential_read_line(WORKSPACE_TOKEN, &token);

        if (r >= 0)
                r = buffer_append_format(ret, "%s\n", token);
        return r < 0 ? step_fail(s, r, "The credential " WORKSPACE_TOKEN) : 0;
}

static int take_end(Step *s, int status, const RunResult *result) {
        const Git g = { .url = s->url };

        if (status == POD_NO_GIT)
                return problem_set(&s->problem, -ENOENT, NULL, "There is no git in the pod: its image has to have it");
        if (status > 0)
                return git_problem(&g, result, &s->problem);
        return file_write_all(STDOUT_FILENO, result->output.data, result->output.size);
}

int step_pod_workspace(Step *s) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        _cleanup_(buffer_done) Buffer token = BUFFER_SECRET;
        _cleanup_free_ char *context = NULL;
        _cleanup_(pod_done) Pod p = POD_NULL;
        int r = pod_read(s, &p);

        if (r >= 0)
                r = pod_credential_context(s, &context);
        if (r >= 0 && *context)
                r = read_token(s, &token);
        if (r < 0)
                return r;
        r = pod_call(s, &p,
                     &(PodCall){ .script = pod_script_workspace, .output_max = OUTPUT_MAX, .input = token.data,
                                 .input_size = token.size,
                                 .arguments = (const char *const[]){ s->task, s->url, context, NULL } }, &result);
        return r < 0 ? r : take_end(s, r, &result);
}

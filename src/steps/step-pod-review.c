/* remote-developer-step pod-review: ends whatever still runs for the task in its pod, and then looks at what was
 * changed, as step-review.c does here. It runs behind the work however that ended, also where the step that followed
 * it was killed; so it is the one who makes sure. */
#include "pod-scripts.h"
#include "pod.h"
#include "report.h"
#include "review.h"

#include <remote-developer/strings.h>

/* What a review asks git for is there in a moment, or is hanging. */
#define SILENCE_USEC (60 * USEC_PER_SEC)
#define STATUS_MAX ((size_t) 4 * WORKSPACE_REPORT_MAX)

/* 0, POD_NO_TREE, POD_NO_GIT or negative errno. */
static int ask(Step *s, const Pod *p, const char *what, size_t max, RunResult *ret) {
        int r = pod_call(s, p,
                         &(PodCall){ .script = pod_script_review, .output_max = max, .silence_usec = SILENCE_USEC,
                                     .arguments = (const char *const[]){ s->task, what, NULL } }, ret);

        if (r <= 0 || r == POD_NO_TREE || r == POD_NO_GIT)
                return r;
        return problem_set(&s->problem, -EIO, NULL, "The %s of the work tree in the pod %s: git ended with %d", what,
                           p->name, r);
}

/* "name=value" lines, some of them without a value. */
static int add_facts(Json *report, char *lines) {
        int r = 0;

        for (char *state, *line = strtok_r(lines, "\n", &state); r >= 0 && line; line = strtok_r(NULL, "\n", &state)) {
                char *value = strchr(line, '=');
                uint64_t n;

                if (!value)
                        continue;
                *value++ = 0;
                if (string_equal(line, "unpushed"))
                        r = string_to_uint64(value, &n) < 0 ? 0 : json_set_uint64(report, line, n);
                else
                        r = json_set_string(report, line, *value ? value : NULL);
        }
        return r;
}

static int review_status(Step *s, const Pod *p, Json *report, bool *ret_changed) {
        _cleanup_(run_result_done) RunResult result = RUN_RESULT_NULL;
        int r = ask(s, p, "status", STATUS_MAX, &result);

        if (r < 0)
                return r;
        *ret_changed = result.output.size > 0;
        return review_add_files(report, result.output.data);
}

static int review_diff(Step *s, const Pod *p, Json *report, bool *ret_changed) {
        _cleanup_(run_result_done) RunResult diff = RUN_RESULT_NULL;
        int r = ask(s, p, "diff", WORKSPACE_DIFF_MAX, &diff);

        if (r >= 0 && diff.is_cut)
                r = review_cut_diff(&diff.output);
        if (r >= 0)
                r = report_write_bytes(s, WORKSPACE_DIFF, &diff.output);
        if (r >= 0)
                r = json_set_uint64(report, "diff_bytes", diff.output.size);
        if (r >= 0)
                r = json_set_bool(report, "diff_truncated", diff.is_cut);
        *ret_changed |= diff.output.size > 0;
        return r;
}

static int review_tree(Step *s, const Pod *p, Json *report) {
        bool has_changes = false;
        int r = review_status(s, p, report, &has_changes);

        if (r >= 0)
                r = review_diff(s, p, report, &has_changes);
        return r < 0 ? r : json_set_bool(report, "has_changes", has_changes);
}

static int review(Step *s, Json *report) {
        _cleanup_(run_result_done) RunResult facts = RUN_RESULT_NULL;
        _cleanup_(pod_done) Pod p = POD_NULL;
        int r = pod_read(s, &p);
        bool is_repository;

        if (r >= 0)
                r = pod_stop(s, &p, true);
        if (r >= 0)
                r = ask(s, &p, "facts", WORKSPACE_REPORT_MAX, &facts);
        if (r < 0)
                return r;
        is_repository = r == 0;
        r = json_set_bool(report, "is_repository", is_repository);
        if (r >= 0 && is_repository)
                r = add_facts(report, facts.output.data);
        if (r < 0)
                return r;
        return is_repository ? review_tree(s, &p, report) : review_add_nothing(s, report);
}

int step_pod_review(Step *s) {
        _cleanup_json_ Json *report = json_new_object();
        int r = report ? review(s, report) : -ENOMEM;

        return report ? report_write(s, WORKSPACE_REVIEW, r, TAKE_PTR(report)) : r;
}

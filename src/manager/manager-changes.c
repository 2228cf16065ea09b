/* What the steps of a task report about its work tree (workspace.h). The files are the tasks' user's: no link of his
 * is followed, and nothing is believed beyond its bounds. */
#include "manager-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <fcntl.h>

/* Whoever owns the directories in it may have put a link in the place of one. */
static int open_reports(const Manager *m, const char *id) {
        const char *const below[] = { WORKSPACE_REPORTS, id };
        int fd = open(m->workspaces_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < ELEMENTSOF(below); i++) {
                _cleanup_close_ int parent = fd;

                fd = openat(parent, below[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        return fd < 0 ? -errno : fd;
}

int manager_read_report(const Manager *m, const char *id, const char *name, size_t max, Buffer *ret) {
        _cleanup_close_ int fd = open_reports(m, id);

        return fd < 0 ? fd : file_read(fd, name, max, ret);
}

int manager_read_diff(const Manager *m, const char *id, Buffer *ret) {
        return manager_read_report(m, id, WORKSPACE_DIFF, WORKSPACE_DIFF_MAX, ret);
}

static int take_review(Task *t, const Buffer *text, Problem *problem) {
        _cleanup_json_ Json *report = NULL;
        int r = json_parse(text->data, text->size, &report, problem);

        if (r < 0)
                return r;
        if (!json_get_bool(report, "ok"))
                return problem_set(problem, -EIO, NULL, "%.*s", PROBLEM_VALUE_MAX,
                                   json_get_string(report, "error") ?: "it does not say why");
        return task_changes_take_review(&t->changes, report, problem);
}

void task_run_take_review(TaskRun *run) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        Task *t = run->task;
        int r;

        if (!task_plan_at(&t->plan, task_plan_first(&t->plan, TASK_STEP_REVIEW)))
                return;
        r = manager_read_report(run->manager, t->id, WORKSPACE_REVIEW, WORKSPACE_REPORT_MAX, &text);
        if (r == -ENOENT)
                return; /* a review of the user's own, or none that came so far */
        if (r >= 0)
                r = take_review(t, &text, &problem);
        if (r < 0)
                log_task(LOG_NOTICE, t->id, "The review came to nothing: %s", problem.sentence ?: strerror(-r));
}

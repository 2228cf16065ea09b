/* TaskChanges: see task-changes.h. */
#include <remote-developer/task-changes.h>

#include <remote-developer/strings.h>

#define CHANGES_FIELD(name, kind) { #name, kind, offsetof(TaskChanges, name), 0, NULL }

static const JsonField changes_fields[] = {
        CHANGES_FIELD(modified_files, JSON_STRV), CHANGES_FIELD(has_changes, JSON_BOOL),
        CHANGES_FIELD(current_branch, JSON_STRING), CHANGES_FIELD(is_committed, JSON_BOOL),
        CHANGES_FIELD(commit_message, JSON_STRING), CHANGES_FIELD(pr_url, JSON_STRING),
        CHANGES_FIELD(disk_bytes, JSON_UINT64),
};

void task_changes_done(TaskChanges *c) {
        strv_free(c->modified_files);
        free(c->current_branch);
        free(c->commit_message);
        free(c->pr_url);
        *c = TASK_CHANGES_NULL;
}

/* Of the review alone: whoever writes its report may not say what was committed. */
static const JsonField review_fields[] = {
        CHANGES_FIELD(modified_files, JSON_STRV), CHANGES_FIELD(has_changes, JSON_BOOL),
        CHANGES_FIELD(current_branch, JSON_STRING), CHANGES_FIELD(disk_bytes, JSON_UINT64),
};

int task_changes_take_review(TaskChanges *c, const Json *report, Problem *problem) {
        _cleanup_(task_changes_done) TaskChanges found = TASK_CHANGES_NULL;
        int r = json_read_fields(report, review_fields, ELEMENTSOF(review_fields), false, &found, problem);

        if (r < 0)
                return r;
        strv_free(c->modified_files);
        free(c->current_branch);
        c->modified_files = TAKE_PTR(found.modified_files);
        c->current_branch = TAKE_PTR(found.current_branch);
        c->has_changes = found.has_changes;
        c->disk_bytes = found.disk_bytes;
        return 0;
}

int task_changes_to_json(const TaskChanges *c, Json *document) {
        return json_write_fields(document, changes_fields, ELEMENTSOF(changes_fields), true, c);
}

int task_changes_from_json(const Json *document, TaskChanges *ret, Problem *problem) {
        return json_read_fields(document, changes_fields, ELEMENTSOF(changes_fields), false, ret, problem);
}

/* Operating: see operating.h. */
#include "operating.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define AGENT "{\"github_repo\": \"o/r\", \"task_description\": \"Mend it\\nall\"}"

bool operating_set_workspaces(Story *s) {
        return TAP_CHECK_INT(string_replace(&s->config.workspaces_directory, scratch_path(&s->scratch, "workspaces")),
                             0);
}

/* A success without a word of the agent is a failure, which is as good an end as any. */
bool operating_end_task_of(Story *s, const char *request) {
        if (!TAP_CHECK_INT(story_create(s, request), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return false;
        fake_unit_start(story_unit(s));
        story_settle(s);
        story_record(s, NULL, "success", "exited", "0");
        fake_unit_end(story_unit(s), "success", CLD_EXITED, 0);
        return TAP_CHECK(STORY_UNTIL(s, story_is_finished(s)));
}

bool operating_end_task(Story *s) {
        return operating_end_task_of(s, AGENT);
}

FakeUnit *operating_unit(Story *s, OperationKind kind) {
        _cleanup_free_ char *name = operation_unit_name(kind, s->id);

        return fake_unit_find(&s->systemd, name);
}

FakeUnit *operating_start_unit(Story *s, OperationKind kind) {
        FakeUnit *u;

        if (!TAP_CHECK(STORY_UNTIL(s, operating_unit(s, kind))))
                return NULL;
        u = operating_unit(s, kind);
        fake_unit_start(u);
        story_settle(s);
        return u;
}

const char *operating_number(Story *s) {
        static char number[64];

        snprintf(number, sizeof(number), "%s", story_task(s)->operation.number ?: "");
        return number;
}

static bool make_directories(const char *path, const char *id) {
        _cleanup_free_ char *reports = string_format("%s/" WORKSPACE_REPORTS, path),
                            *own = string_format("%s/" WORKSPACE_REPORTS "/%s", path, id);

        (void) mkdir(path, 0700);
        (void) mkdir(reports, 0700);
        return mkdir(own, 0700) == 0 || errno == EEXIST;
}

void operating_report_of(Story *s, OperationKind kind, const char *number, const char *members) {
        const char *root = s->config.workspaces_directory;
        _cleanup_free_ char *path = string_format("%s/" WORKSPACE_REPORTS "/%s/%s", root, s->id,
                                                  operation_report(kind));
        FILE *file = make_directories(root, s->id) ? fopen(path, "we") : NULL;

        if (!TAP_CHECK(file))
                return;
        fprintf(file, "{\"operation\":\"%s\",%s}\n", number, members);
        TAP_CHECK_INT(fclose(file), 0);
}

void operating_report(Story *s, OperationKind kind, const char *members) {
        operating_report_of(s, kind, operating_number(s), members);
}

void operating_end_unit(Story *s, OperationKind kind, const char *result, int exit_status) {
        FakeUnit *u = operating_unit(s, kind);

        if (!TAP_CHECK(u))
                return;
        fake_unit_end(u, result, string_equal(result, "timeout") ? CLD_KILLED : CLD_EXITED, exit_status);
        story_settle(s);
}

static void on_ended(void *userdata, const OperationOutcome *o) {
        OperatingTold *told = userdata;

        TAP_CHECK_INT(told->n++, 0);
        told->ok = o->ok;
        told->committed = o->committed;
        told->refused = o->refused;
        snprintf(told->error, sizeof(told->error), "%s", o->error ?: "");
}

int operating_begin(Story *s, OperationKind kind, bool token, OperatingTold *told) {
        char *pairs[] = { (char *) "github_token=" OPERATING_TOKEN, NULL };
        const Secrets secrets = { .pairs = token ? pairs : NULL };

        problem_done(&s->problem);
        *told = (OperatingTold){};
        return manager_begin_operation(s->manager, s->id,
                                       &(const OperationRequest){ .kind = kind, .text = "the message\n",
                                                                  .secrets = &secrets, .actor = STORY_ACTOR,
                                                                  .ended = on_ended,
                                                                  .userdata = told },
                                       &s->problem);
}

int operating_begin_commit(Story *s, OperatingTold *told) {
        return operating_begin(s, OPERATION_COMMIT, false, told);
}

bool operating_prepare(Story *s) {
        return story_open(s) && operating_set_workspaces(s) && story_start_service(s) && operating_end_task(s);
}

bool operating_prepare_commit(Story *s, OperatingTold *told) {
        return operating_prepare(s) && TAP_CHECK_INT(operating_begin_commit(s, told), 0) &&
               operating_start_unit(s, OPERATION_COMMIT);
}

void operating_check_over(Story *s) {
        TAP_CHECK_STRING(operating_number(s), "");
        TAP_CHECK(story_document_has(s, "\"operation\":null"));
        TAP_CHECK_INT(story_count_files(s, ".operation"), 0);
        TAP_CHECK_INT(story_count_files(s, ".credentials"), 0);
}

/* Commits and pull requests: the answer waits until the operation has ended. If the service ends before, the operation
 * goes on, and the task's document tells what it came to. */
#include "api-internal.h"

#include <remote-developer/secrets.h>
#include <remote-developer/strings.h>

/* A default title is the description's first line; GitHub takes 256 characters. */
#define TITLE_MAX ((size_t) 120)

/* So much of the description is the default body; GitHub takes 65,536 characters. */
#define BODY_MAX ((size_t) 60000)

/* Tasks of one repository that a pull request is looked for in. */
#define LOOKED_AT_MAX 50

#define RETRY_AFTER "5" /* seconds: commits take about one */

struct OperationWait {
        Api *api;
        HttpRequest *request;
        OperationKind kind;
        char id[TASK_ID_SIZE + 1];
        LIST_ENTRY(OperationWait) list;
};

/* --- the answer --- */

static void wait_free(OperationWait *w) {
        LIST_REMOVE(w, list);
        free(w);
}

/* The words that the original's clients know. */
static const struct {
        const char *done, *failed;
} sentences[] = {
        [OPERATION_COMMIT] = { "Changes committed", "Commit failed" },
        [OPERATION_CREATE_PR] = { "Pull request created", "PR creation failed" },
};

static int fill_commit(Json *body, const OperationOutcome *o) {
        int r;

        r = json_set_string(body, "commit", o->commit);
        if (r >= 0)
                r = json_set_bool(body, "pushed", o->pushed);
        return r < 0 || o->ok ? r : json_set_string(body, "push_error", o->error);
}

static int fill_pull_request(Json *body, const OperationOutcome *o) {
        int r = json_set_string(body, "pr_url", o->pr_url);

        return r < 0 ? r : json_set_string(body, "base_branch", o->base_branch);
}

static void reply_done(const OperationWait *w, const OperationOutcome *o) {
        _cleanup_json_ Json *body = json_new_object();
        int r = body ? json_set_string(body, "status", "success") : -ENOMEM;

        if (r >= 0)
                r = json_set_string(body, "message", sentences[w->kind].done);
        if (r >= 0)
                r = json_set_string(body, "task_id", w->id);
        if (r >= 0)
                r = json_set_string(body, "branch", o->branch);
        if (r >= 0)
                r = (w->kind == OPERATION_COMMIT ? fill_commit : fill_pull_request)(body, o);
        if (r < 0)
                reply_errno(w->request, r);
        else
                reply_json(w->request, 200, TAKE_PTR(body));
}

/* A commit that could not be pushed is one. */
static bool is_done(const OperationWait *w, const OperationOutcome *o) {
        return w->kind == OPERATION_COMMIT ? o->ok || o->committed : o->ok && o->pr_url;
}

static void on_ended(void *userdata, const OperationOutcome *o) {
        OperationWait *w = userdata;
        const char *error = o->error ?: "it does not say why";

        if (is_done(w, o))
                reply_done(w, o);
        else if (o->refused)
                reply_error(w->request, 400, NULL, "%s", error);
        else
                reply_error(w->request, 500, NULL, "%s: %s", sentences[w->kind].failed, error);
        wait_free(w);
}

void operation_waits_end(Api *a) {
        OperationWait *w;

        while ((w = LIST_FIRST(&a->waits))) {
                manager_leave_operation(a->manager, w->id);
                (void) http_request_add_header(w->request, "Retry-After", RETRY_AFTER);
                reply_error(w->request, 503, NULL,
                            "The service is being stopped or restarted. What was asked for goes on; "
                            "/api/task-status/%s tells what came of it", w->id);
                wait_free(w);
        }
}

/* --- the request --- */

/* Fields of the requests; all owned. */
typedef struct Asked {
        char *commit_message, *pr_title, *pr_body, *devpod_name, *github_repo;
        Secrets secrets;
        char *text; /* what the step reads */
} Asked;

static void asked_done(Asked *q) {
        free(q->commit_message);
        free(q->pr_title);
        free(q->pr_body);
        free(q->devpod_name);
        free(q->github_repo);
        free(q->text);
        secrets_done(&q->secrets);
}

#define ASKED(name) { #name, JSON_STRING, offsetof(Asked, name), 0, NULL }
#define TOKEN { SECRET_GITHUB_TOKEN, JSON_IGNORED, 0, 0, NULL } /* secrets_parse() reads it */

static const JsonField commit_fields[] = { ASKED(commit_message), TOKEN };
static const JsonField create_pr_fields[] = { TOKEN, ASKED(pr_title), ASKED(pr_body) };
static const JsonField legacy_fields[] = { ASKED(devpod_name), ASKED(github_repo), TOKEN, ASKED(pr_title),
                                           ASKED(pr_body) };

static int read_asked(const HttpRequest *r, const JsonField *fields, size_t n, Asked *q, Problem *problem) {
        _cleanup_(json_erasep) Json *request = NULL;
        int e = request_json(r, &request, problem);

        if (e <= 0)
                return e;
        e = json_read_fields(request, fields, n, true, q, problem);
        return e < 0 ? e : secrets_parse(request, false, &q->secrets, problem);
}

static void reply_wrong(HttpRequest *r, int error, const Problem *problem) {
        if (problem->error < 0)
                reply_problem(r, problem);
        else
                reply_errno(r, error);
}

static int begin(Api *a, HttpRequest *r, const char *id, OperationKind kind, const Asked *q, Problem *problem) {
        OperationWait *w;
        int e;

        if (a->ending)
                return problem_set(problem, -EAGAIN, NULL, "The service is being stopped or restarted: ask again");
        w = calloc(1, sizeof(OperationWait));
        if (!w)
                return -ENOMEM;
        *w = (OperationWait){ .api = a, .request = r, .kind = kind };
        memcpy(w->id, id, strlen(id) + 1);
        e = manager_begin_operation(a->manager, id,
                                    &(const OperationRequest){ .kind = kind, .text = q->text, .secrets = &q->secrets,
                                                               .actor = a->caller->actor,
                                                               .ended = on_ended, .userdata = w },
                                    problem);
        if (e < 0) {
                free(w);
                return e;
        }
        LIST_INSERT_HEAD(&a->waits, w, list);
        return 0;
}

/* --- texts that were not given: of a description up to its first NUL byte, which git refuses --- */

static char *default_message(const Task *t) {
        return string_format("Task: %s", t->spec.task_description.data ?: t->id);
}

/* The first line that is none. */
static char *default_title(const Task *t) {
        const char *text = t->spec.task_description.data ?: "";
        size_t size;

        text += strspn(text, " \t\r\n");
        size = string_cut_size(text, strcspn(text, "\r\n"), TITLE_MAX);
        return size > 0 ? strndup(text, size) : string_format("Task %s", t->id);
}

static char *default_body(const Task *t) {
        const char *text = t->spec.task_description.data ?: "";

        return strndup(text, string_cut_size(text, strlen(text), BODY_MAX));
}

static int fill_message(Asked *q, const Task *t) {
        q->text = q->commit_message ? TAKE_PTR(q->commit_message) : default_message(t);
        return q->text ? 0 : -ENOMEM;
}

static int check_title(const char *title, Problem *problem) {
        if (*title && !strpbrk(title, "\r\n"))
                return 0;
        return problem_set(problem, -EINVAL, "pr_title", "pr_title is one line, and not empty");
}

static int fill_title(Asked *q, const Task *t, Problem *problem) {
        _cleanup_free_ char *title = q->pr_title ? TAKE_PTR(q->pr_title) : default_title(t);
        _cleanup_free_ char *body = q->pr_body ? TAKE_PTR(q->pr_body) : default_body(t);
        int e = title && body ? check_title(title, problem) : -ENOMEM;

        if (e < 0)
                return e;
        q->text = string_format("%s\n\n%s", title, body);
        return q->text ? 0 : -ENOMEM;
}

/* --- handlers --- */

void api_post_commit(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        _cleanup_(asked_done) Asked q = {};
        int e;

        e = manager_get_task(a->manager, id, &ref);
        if (e >= 0)
                e = read_asked(r, commit_fields, ELEMENTSOF(commit_fields), &q, &problem);
        if (e >= 0)
                e = fill_message(&q, ref.task);
        if (e >= 0)
                e = begin(a, r, id, OPERATION_COMMIT, &q, &problem);
        if (e < 0)
                reply_wrong(r, e, &problem);
}

static int begin_pull_request(Api *a, HttpRequest *r, const char *id, Asked *q, Problem *problem) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int e;

        e = manager_get_task(a->manager, id, &ref);
        if (e < 0)
                return e;
        if (!q->secrets.pairs)
                return problem_set(problem, -EINVAL, SECRET_GITHUB_TOKEN, "GitHub token is required for PR creation");
        e = fill_title(q, ref.task, problem);
        return e < 0 ? e : begin(a, r, id, OPERATION_CREATE_PR, q, problem);
}

void api_post_create_pr(Api *a, HttpRequest *r, const char *id) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(asked_done) Asked q = {};
        int e;

        /* What there is no task for needs no body either. */
        if (!task_index_find(manager_index(a->manager), id)) {
                reply_not_found(r);
                return;
        }
        e = read_asked(r, create_pr_fields, ELEMENTSOF(create_pr_fields), &q, &problem);
        if (e >= 0)
                e = begin_pull_request(a, r, id, &q, &problem);
        if (e < 0)
                reply_wrong(r, e, &problem);
}

/* The original asked for a pod's pull request; ours is that of the latest task in it. */
static int find_latest(Api *a, const Asked *q, char ret[static TASK_ID_SIZE + 1]) {
        const TaskIndex *index = manager_index(a->manager);
        const TaskRepository *wanted;
        int e = manager_complete_index(a->manager), looked_at = 0;

        wanted = task_index_find_repository(index, q->github_repo);
        for (size_t i = index->n; e >= 0 && wanted && i > 0 && looked_at < LOOKED_AT_MAX; i--) {
                _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;

                if (index->rows[i - 1].repository != wanted)
                        continue;
                looked_at++;
                if (manager_get_task(a->manager, index->rows[i - 1].id, &ref) < 0 ||
                    !string_equal(ref.task->spec.devpod_name, q->devpod_name))
                        continue;
                memcpy(ret, ref.task->id, TASK_ID_SIZE + 1);
                return 0;
        }
        return e < 0 ? e : -ENOENT;
}

/* The first that is missing, in the original's order. */
static int check_legacy(const Asked *q, Problem *problem) {
        const struct {
                const char *field;
                bool given;
        } rows[] = { { "devpod_name", q->devpod_name },
                     { "github_repo", q->github_repo },
                     { SECRET_GITHUB_TOKEN, q->secrets.pairs },
                     { "pr_title", q->pr_title } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!rows[i].given)
                        return problem_set(problem, -EINVAL, rows[i].field, "Missing required field: %s",
                                           rows[i].field);
        return 0;
}

void api_post_create_pr_of_pod(Api *a, HttpRequest *r, const char *parameter _unused_) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(asked_done) Asked q = {};
        char id[TASK_ID_SIZE + 1];
        int e;

        e = read_asked(r, legacy_fields, ELEMENTSOF(legacy_fields), &q, &problem);
        if (e >= 0)
                e = check_legacy(&q, &problem);
        if (e >= 0)
                e = find_latest(a, &q, id);
        if (e == -ENOENT)
                (void) problem_set(&problem, e, "devpod_name", "There is no task of this repository in that pod");
        if (e >= 0)
                e = begin_pull_request(a, r, id, &q, &problem);
        if (e < 0)
                reply_wrong(r, e, &problem);
}

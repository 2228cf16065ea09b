/* What a recipe comes to for one attempt of a task: the plan of its document and the commands of its unit. */
#include "manager-plan.h"

#include <remote-developer/environment.h>
#include <remote-developer/recipe.h>
#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <stdio.h>

/* Installed beside the recorder, where nobody looks for programs. */
#define STEP_PROGRAM "remote-developer-step"

static void parts_of_step_done(PlannedStep *s) {
        strv_free(s->argv);
        strv_free(s->environment);
        free(s->program);
        buffer_done(&s->input);
}

void planned_done(Planned *p) {
        for (size_t i = 0; i < p->n_steps; i++)
                parts_of_step_done(&p->steps[i]);
        parts_of_step_done(&p->work);
        for (size_t i = 0; i < p->n_reviews; i++)
                parts_of_step_done(&p->reviews[i]);
        strv_free(p->environment);
        strv_free(p->credentials);
        free(p->working_directory);
        task_plan_done(&p->plan);
        *p = (Planned){};
}

/* --- steps --- */

char *manager_step_program(const Manager *m) {
        const char *slash = strrchr(m->recorder, '/');

        return slash ? string_format("%.*s/" STEP_PROGRAM, (int) (slash - m->recorder), m->recorder)
                     : strdup(STEP_PROGRAM);
}

/* A program named with a slash but not from the root is meant from the working directory, as a shell would. */
static char *locate(const Manager *m, const char *directory, const char *program) {
        if (string_equal(program, STEP_PROGRAM))
                return manager_step_program(m);
        if (program[0] == '/' || !strchr(program, '/') || !directory)
                return strdup(program);
        if (string_has_prefix(program, "./"))
                program += 2;
        return string_format("%s/%s", directory, program);
}

/* Also the agent's own git asks for the token. */
static int plan_git(const Manager *m, const RecipeValues *v, bool has_token, char ***ret) {
        _cleanup_free_ char *step = manager_step_program(m);

        if (!v->repository_url)
                return 0;
        return step ? workspace_git_environment(step, has_token ? v->repository_url : NULL, ret) : -ENOMEM;
}

/* The later of a name counts: the request's own. */
int manager_plan_environment(const Manager *m, const Recipe *recipe, const Task *t, const RecipeValues *v,
                             bool has_token, char ***ret) {
        _cleanup_strv_ char **variables = NULL;
        int r = plan_git(m, v, has_token, ret);

        if (r >= 0 && recipe)
                r = recipe_expand_list(recipe->environment, v, &variables);
        if (r >= 0)
                r = environment_put_all(ret, variables);
        return r < 0 ? r : environment_put_all(ret, t->spec.environment);
}

static int expand(TaskRun *run, const RecipeStep *step, const RecipeValues *v, PlannedStep *ret) {
        int r = recipe_expand(step, v, &ret->argv, &ret->input, &ret->environment);

        if (r >= 0 && ret->environment)
                r = environment_put_all(&ret->environment, run->task->spec.environment);
        if (r < 0)
                return r;
        ret->program = locate(run->manager, v->working_directory, ret->argv[0]);
        return ret->program ? 0 : -ENOMEM;
}

static int note_step(Planned *p, const RecipeStep *step, TaskStepKind kind, const PlannedStep *s, usec_t limit) {
        return task_plan_add(&p->plan, &(TaskStep){ .status = step->status, .progress = (int) step->progress,
                                                    .kind = kind, .program = s->argv[0], .timeout_usec = limit });
}

/* Its text goes by a file that the manager reads, since an argument would be public and has a limit. */
static int give_input(TaskRun *run, Planned *p, const PlannedStep *s, UnitStep *u) {
        TaskStore *store = run->manager->store;
        _cleanup_free_ char *path = NULL, *credential = NULL;
        int r;

        if (!s->input.data)
                return 0;
        snprintf(p->inputs[p->plan.n], sizeof(p->inputs[0]), "step-%zu", p->plan.n);
        u->input = p->inputs[p->plan.n];
        path = task_store_input_path(store, run->task->id, (unsigned) p->plan.n);
        credential = path ? string_format("%s:%s", u->input, path) : NULL;
        if (!credential)
                return -ENOMEM;
        r = task_store_write_input(store, run->task->id, (unsigned) p->plan.n, s->input.data,
                                   s->input.size);
        return r < 0 ? r : strv_append(&p->credentials, credential);
}

typedef struct StepList {
        const RecipeStep *from;
        size_t n_from;
        TaskStepKind kind;
        PlannedStep *parts;
        UnitStep *units;
        size_t *n;
} StepList;

static int plan_step(TaskRun *run, const RecipeStep *step, const RecipeValues *v, Planned *p,
                     const StepList *l) {
        usec_t limit = step->timeout_usec ?: run->manager->config->default_timeout_usec;
        PlannedStep *s = &l->parts[*l->n];
        UnitStep *u = &l->units[*l->n];
        int r;

        (*l->n)++;
        r = expand(run, step, v, s);
        if (r < 0)
                return r;
        *u = (UnitStep){ .command = { .argv = s->argv, .path = s->program,
                                      .ignore_failure = l->kind == TASK_STEP_REVIEW },
                         .number = (unsigned) p->plan.n, .environment = s->environment, .timeout_usec = limit };
        r = give_input(run, p, s, u);
        return r < 0 ? r : note_step(p, step, l->kind, s, limit);
}

static int plan_steps(TaskRun *run, const RecipeValues *v, Planned *p, const StepList *l) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < MIN_OF(l->n_from, (size_t) RECIPE_STEPS_MAX); i++)
                if (recipe_step_applies(&l->from[i], v))
                        r = plan_step(run, &l->from[i], v, p, l);
        return r;
}

static int plan_work(TaskRun *run, const Recipe *recipe, const RecipeValues *v, Planned *p) {
        const RecipeStep work = recipe_work(recipe, run->task->session_resumes);
        int r = expand(run, &work, v, &p->work);

        return r < 0 ? r : note_step(p, &work, TASK_STEP_WORK, &p->work, 0);
}

static int plan_all(TaskRun *run, const Recipe *recipe, const RecipeValues *v, Planned *p) {
        const StepList steps = { recipe->steps, recipe->n_steps, TASK_STEP_PREPARE, p->steps, p->unit_steps,
                                 &p->n_steps };
        const StepList reviews = { recipe->reviews, recipe->n_reviews, TASK_STEP_REVIEW, p->reviews, p->unit_reviews,
                                   &p->n_reviews };
        int r;

        r = manager_plan_environment(run->manager, recipe, run->task, v,
                                     strv_contains(run->task->credentials, WORKSPACE_TOKEN), &p->environment);
        if (r >= 0)
                r = plan_steps(run, v, p, &steps);
        if (r >= 0)
                r = plan_work(run, recipe, v, p);
        return r < 0 ? r : plan_steps(run, v, p, &reviews);
}

/* A work tree is not there before its step has made it; a directory of the user's has to be. */
static char *find_directory(const RecipeValues *v, const Task *t) {
        if (t->spec.working_directory)
                return strdup(t->spec.working_directory);
        return v->workspace ? string_format("-%s", v->workspace) : strdup("~");
}

int task_run_plan(TaskRun *run, const Recipe *recipe, Planned *ret) {
        _cleanup_(task_values_done) TaskValues v = {};
        int r;

        r = task_values_init(run->manager, run->task, &v);
        if (r >= 0)
                r = plan_all(run, recipe, &v.values, ret);
        if (r < 0)
                return r;
        ret->working_directory = find_directory(&v.values, run->task);
        return ret->working_directory ? 0 : -ENOMEM;
}

/* systemd has one limit for all commands before the work, and one for those behind it: each step's own is less. */
usec_t planned_longest(const UnitStep *steps, size_t n) {
        usec_t longest = 0;

        for (size_t i = 0; i < n; i++)
                longest = MAX_OF(longest, steps[i].timeout_usec + STEP_END_USEC);
        return longest;
}

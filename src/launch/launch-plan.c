/* What a recipe comes to for one attempt of a task: the plan of its document and the commands of its unit. See
 * launch.h. */
#include "launch-internal.h"

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

LaunchPlan *launch_plan_free(LaunchPlan *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_steps; i++)
                parts_of_step_done(&p->steps[i]);
        parts_of_step_done(&p->work);
        for (size_t i = 0; i < p->n_reviews; i++)
                parts_of_step_done(&p->reviews[i]);
        strv_free(p->environment);
        free(p->working_directory);
        task_plan_done(&p->plan);
        free(p);
        return NULL;
}

TaskPlan *launch_plan_steps(LaunchPlan *p) {
        return &p->plan;
}

/* --- steps --- */

char *launch_step_program(const Launch *l) {
        const char *slash = strrchr(l->recorder, '/');

        return slash ? string_format("%.*s/" STEP_PROGRAM, (int) (slash - l->recorder), l->recorder)
                     : strdup(STEP_PROGRAM);
}

/* A program named with a slash but not from the root is meant from the working directory, as a shell would. */
static char *locate(const Launch *l, const char *directory, const char *program) {
        if (string_equal(program, STEP_PROGRAM))
                return launch_step_program(l);
        if (program[0] == '/' || !strchr(program, '/') || !directory)
                return strdup(program);
        if (string_has_prefix(program, "./"))
                program += 2;
        return string_format("%s/%s", directory, program);
}

/* Also the agent's own git asks for the token. */
static int plan_git(const Launch *l, const RecipeValues *v, bool has_token, char ***ret) {
        _cleanup_free_ char *step = launch_step_program(l);

        if (!v->repository_url)
                return 0;
        return step ? workspace_git_environment(step, has_token ? v->repository_url : NULL, ret) : -ENOMEM;
}

/* The later of a name counts: the request's own. */
int launch_environment(const Launch *l, const Recipe *recipe, const Task *t, const RecipeValues *v, bool has_token,
                       char ***ret) {
        _cleanup_strv_ char **variables = NULL;
        int r = plan_git(l, v, has_token, ret);

        if (r >= 0 && recipe)
                r = recipe_expand_list(recipe->environment, v, &variables);
        if (r >= 0)
                r = environment_put_all(ret, variables);
        return r < 0 ? r : environment_put_all(ret, t->spec.environment);
}

/* What is needed while a plan is made. */
typedef struct Planning {
        const Launch *launch;
        LaunchPlan *plan;
        LaunchValues values;
} Planning;

static void planning_done(Planning *g) {
        launch_values_done(&g->values);
}

static int expand(const Planning *g, const RecipeStep *step, PlannedStep *ret) {
        const RecipeValues *v = &g->values.values;
        int r = recipe_expand(step, v, &ret->argv, &ret->input, &ret->environment);

        if (r >= 0 && ret->environment)
                r = environment_put_all(&ret->environment, g->plan->task->spec.environment);
        if (r < 0)
                return r;
        ret->program = locate(g->launch, v->working_directory, ret->argv[0]);
        return ret->program ? 0 : -ENOMEM;
}

static int note_step(LaunchPlan *p, const RecipeStep *step, TaskStepKind kind, const PlannedStep *s, usec_t limit) {
        return task_plan_add(&p->plan, &(TaskStep){ .status = step->status, .progress = (int) step->progress,
                                                    .kind = kind, .program = s->argv[0], .timeout_usec = limit });
}

typedef struct StepList {
        const RecipeStep *from;
        size_t n_from;
        TaskStepKind kind;
        PlannedStep *parts;
        UnitStep *units;
        size_t *n;
} StepList;

static int plan_step(const Planning *g, const RecipeStep *step, const StepList *l) {
        usec_t limit = step->timeout_usec ?: g->launch->config->default_timeout_usec;
        LaunchPlan *p = g->plan;
        PlannedStep *s = &l->parts[*l->n];
        UnitStep *u = &l->units[*l->n];
        int r;

        (*l->n)++;
        r = expand(g, step, s);
        if (r < 0)
                return r;
        *u = (UnitStep){ .command = { .argv = s->argv, .path = s->program,
                                      .ignore_failure = l->kind == TASK_STEP_REVIEW },
                         .number = (unsigned) p->plan.n, .environment = s->environment, .timeout_usec = limit };
        if (s->input.data) {
                snprintf(s->input_name, sizeof(s->input_name), "step-%zu", p->plan.n);
                u->input = s->input_name;
        }
        return note_step(p, step, l->kind, s, limit);
}

static int plan_steps(const Planning *g, const StepList *l) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < MIN_OF(l->n_from, (size_t) RECIPE_STEPS_MAX); i++)
                if (recipe_step_applies(&l->from[i], &g->values.values))
                        r = plan_step(g, &l->from[i], l);
        return r;
}

static int plan_work(const Planning *g, const Recipe *recipe) {
        const RecipeStep work = recipe_work(recipe, g->plan->task->session_resumes);
        int r = expand(g, &work, &g->plan->work);

        return r < 0 ? r : note_step(g->plan, &work, TASK_STEP_WORK, &g->plan->work, 0);
}

static int plan_all(const Planning *g, const Recipe *recipe) {
        LaunchPlan *p = g->plan;
        const StepList steps = { recipe->steps, recipe->n_steps, TASK_STEP_PREPARE, p->steps, p->unit_steps,
                                 &p->n_steps };
        const StepList reviews = { recipe->reviews, recipe->n_reviews, TASK_STEP_REVIEW, p->reviews, p->unit_reviews,
                                   &p->n_reviews };
        int r;

        r = launch_environment(g->launch, recipe, p->task, &g->values.values,
                               strv_contains(p->task->credentials, WORKSPACE_TOKEN), &p->environment);
        if (r >= 0)
                r = plan_steps(g, &steps);
        if (r >= 0)
                r = plan_work(g, recipe);
        return r < 0 ? r : plan_steps(g, &reviews);
}

/* A work tree is not there before its step has made it; a directory of the user's has to be. */
static char *find_directory(const RecipeValues *v, const Task *t) {
        if (t->spec.working_directory)
                return strdup(t->spec.working_directory);
        return v->workspace ? string_format("-%s", v->workspace) : strdup("~");
}

int launch_plan_new(const Launch *l, const Recipe *recipe, const Task *t, LaunchPlan **ret) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = calloc(1, sizeof(LaunchPlan));
        _cleanup_(planning_done) Planning g = { .launch = l, .plan = p };
        int r;

        if (!p)
                return -ENOMEM;
        p->task = t;
        p->profile = launch_profile(l, recipe);
        r = launch_values_init(l, t, &g.values);
        if (r >= 0)
                r = plan_all(&g, recipe);
        if (r < 0)
                return r;
        p->working_directory = find_directory(&g.values.values, t);
        if (!p->working_directory)
                return -ENOMEM;
        *ret = TAKE_PTR(p);
        return 0;
}

/* systemd has one limit for all commands before the work, and one for those behind it: each step's own is less. */
usec_t launch_longest(const UnitStep *steps, size_t n) {
        usec_t longest = 0;

        for (size_t i = 0; i < n; i++)
                longest = MAX_OF(longest, steps[i].timeout_usec + STEP_END_USEC);
        return longest;
}

/* One attempt of a task, from its recipe: all that its unit borrows while it is sent. */
#pragma once

#include "manager-internal.h"

#include <remote-developer/recipe.h>
#include <remote-developer/unit-spec.h>

/* What the starter takes at most to end a step that is overdue, with all it started, and its relay (step.c). */
#define STEP_END_USEC (20 * USEC_PER_SEC)

typedef struct PlannedStep {
        char **argv;
        char **environment; /* beyond that of all */
        char *program; /* where argv[0] is */
        Buffer input; /* null: it reads nothing */
} PlannedStep;

typedef struct Planned {
        PlannedStep steps[RECIPE_STEPS_MAX], work, reviews[RECIPE_STEPS_MAX];
        UnitStep unit_steps[RECIPE_STEPS_MAX], unit_reviews[RECIPE_STEPS_MAX];
        size_t n_steps, n_reviews;
        char inputs[TASK_PLAN_STEPS_MAX][16];
        char **environment; /* of all */
        char **credentials;
        char *working_directory;
        TaskPlan plan;
} Planned;

void planned_done(Planned *p);

/* Writes the inputs of the steps. -ENODATA: a text of the recipe needs what the task has not; -E2BIG. */
int task_run_plan(TaskRun *run, const Recipe *recipe, Planned *ret);

/* Where remote-developer-step is. Fresh memory or NULL. */
char *manager_step_program(const Manager *m);

/* The variables of all programs of a task, by its recipe (NULL: there is none any more) and its request; those of a
 * git that is answered with the token, if it `has_token`. */
int manager_plan_environment(const Manager *m, const Recipe *recipe, const Task *t, const RecipeValues *v,
                             bool has_token, char ***ret);

/* The longest limit, and what systemd has to grant beyond it; 0: there are none. */
usec_t planned_longest(const UnitStep *steps, size_t n);

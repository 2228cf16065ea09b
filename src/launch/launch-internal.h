/* What the files of launch/ share.
 *
 *   launch-recipe.c     recipes that can run, what their placeholders stand for
 *   launch-plan.c       what a recipe comes to for one attempt of a task
 *   launch-unit.c       the task's unit
 *   launch-operation.c  that of an operation on what a task has left
 *   launch-sandbox.c    the fence around either, and its limits
 */
#pragma once

#include <remote-developer/launch.h>
#include <remote-developer/recipe.h>
#include <remote-developer/unit-spec.h>

/* What the starter takes at most to end a step that is overdue, with all it started, and its relay (step.c). */
#define STEP_END_USEC (20 * USEC_PER_SEC)

typedef struct PlannedStep {
        char **argv;
        char **environment; /* beyond that of all */
        char *program; /* where argv[0] is */
        Buffer input; /* null: it reads nothing */
        char input_name[16]; /* of the credential */
} PlannedStep;

/* All that the unit borrows while it is sent. */
struct LaunchPlan {
        const Task *task;
        Sandbox profile;
        PlannedStep steps[RECIPE_STEPS_MAX], work, reviews[RECIPE_STEPS_MAX];
        UnitStep unit_steps[RECIPE_STEPS_MAX], unit_reviews[RECIPE_STEPS_MAX];
        size_t n_steps, n_reviews;
        char **environment; /* of all */
        char *working_directory;
        TaskPlan plan;
};

/* What the placeholders stand for in the task; the task is borrowed. */
typedef struct LaunchValues {
        RecipeValues values;
        char *repository_url, *branch, *workspace;
        char attempt[16];
} LaunchValues;

void launch_values_done(LaunchValues *v);
int launch_values_init(const Launch *l, const Task *t, LaunchValues *ret);

/* Where remote-developer-step is. Fresh memory or NULL. */
char *launch_step_program(const Launch *l);

/* The variables of all programs of a task, by its recipe (NULL: there is none any more) and its request; those of a
 * git that is answered with the token, if it `has_token`. */
int launch_environment(const Launch *l, const Recipe *recipe, const Task *t, const RecipeValues *v, bool has_token,
                       char ***ret);

/* What the fence of a unit has to know of it; all borrowed. */
typedef struct FencedUnit {
        const char *unit;
        const char *working_directory; /* of the request; NULL: the task's own work tree, or the user's home */
        bool has_credentials;
} FencedUnit;

/* To be given back with unit_sandbox_done(). On error `ret` is unchanged. */
int launch_fence(const Launch *l, Sandbox profile, const FencedUnit *u, UnitSandbox *ret);

/* Whether systemd reads it as it is written, wherever it stands. */
bool launch_path_is_plain(const char *path);

UnitLimits launch_limits(const Launch *l, const Task *t);

/* The longest limit, and what systemd has to grant beyond it; 0: there are none. */
usec_t launch_longest(const UnitStep *steps, size_t n);

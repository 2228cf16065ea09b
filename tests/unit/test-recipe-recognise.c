/* Recipe: commands that were made of a recipe lead back to it, and to the values that were put in. */
#include "tap.h"

#include <remote-developer/recipe.h>
#include <remote-developer/strings.h>

static const RecipeValues all_values = {
        .task_id = "task-1", .task_description = "do {it}", .github_repo = "o/r",
        .repository_url = "https://h/o/r.git", .devpod_name = "dev", .pod = "p-0", .namespace = "space",
        .branch = "rd/task-1", .workspace = "/w/tasks/task-1",
        .working_directory = "/w/tasks/task-1", .workspaces = "/w", .session_id = "1234-5678", .attempt = "3",
};

typedef struct Made {
        char **work, **steps[RECIPE_STEPS_MAX];
        size_t n;
} Made;

static void made_done(Made *m) {
        strv_free(m->work);
        for (size_t i = 0; i < m->n; i++)
                strv_free(m->steps[i]);
}

/* The commands of an attempt, as its unit has them. */
static void make(const Recipe *r, const RecipeValues *v, bool resumes, Made *ret) {
        const RecipeStep work = recipe_work(r, resumes);

        TAP_CHECK_INT(recipe_expand_list(work.command, v, &ret->work), 0);
        for (size_t i = 0; i < r->n_steps; i++)
                if (recipe_step_applies(&r->steps[i], v))
                        TAP_CHECK_INT(recipe_expand_list(r->steps[i].command, v, &ret->steps[ret->n++]), 0);
}

static int recognise(const Made *m, RecipeTrace *ret) {
        const RecipeCommands c = { m->work, (char *const *const *) m->steps, m->n };

        return recipe_recognise(shipped_recipes, n_shipped_recipes, &c, ret);
}

static void check_recognised(const Recipe *r, const RecipeValues *v, bool resumes) {
        _cleanup_(recipe_trace_done) RecipeTrace trace = {};
        _cleanup_(made_done) Made made = {};

        make(r, v, resumes, &made);
        if (!TAP_CHECK_INT(recognise(&made, &trace), 1))
                return;
        TAP_CHECK_STRING(trace.recipe->name, r->name);
        TAP_CHECK_INT(trace.resumes, resumes);
        for (size_t i = 0; i < RECIPE_PLACEHOLDERS; i++)
                if (trace.values[i])
                        TAP_CHECK_STRING(trace.values[i],
                                         *(char *const *) ((const char *) v + recipe_placeholders[i].offset));
        if (r->agent == AGENT_KIND_CLAUDE || resumes)
                TAP_CHECK_STRING(recipe_trace_value(&trace, "session_id"), v->session_id);
        if (string_equal(r->name, "claude-kubernetes"))
                TAP_CHECK_STRING(recipe_trace_value(&trace, "pod"), "p-0");
        TAP_CHECK_STRING(recipe_trace_value(&trace, "no_such"), NULL);
}

/* Every shipped one, at its begin and going on, with a work tree and without. */
static void test_recognised(void) {
        RecipeValues in_place = all_values;

        in_place.workspace = in_place.branch = NULL;
        for (size_t i = 0; i < n_shipped_recipes; i++) {
                const Recipe *r = &shipped_recipes[i];

                if (r->agent == AGENT_KIND_NONE)
                        continue;
                for (int resumes = 0; resumes < 2; resumes++) {
                        check_recognised(r, &all_values, resumes);
                        check_recognised(r, &in_place, resumes);
                }
        }
}

static void check_strange(Made *made) {
        RecipeTrace trace = {};

        TAP_CHECK_INT(recognise(made, &trace), 0);
        TAP_CHECK(!trace.recipe);
        recipe_trace_done(&trace);
}

/* One word more, or less, or another one; a value that is not the same everywhere. */
static void test_not_recognised(void) {
        const Recipe *claude = recipe_find(shipped_recipes, n_shipped_recipes, "claude");
        _cleanup_(made_done) Made made = {}, other = {};
        char *word;

        make(claude, &all_values, false, &made);
        check_strange(&other);
        TAP_CHECK_INT(strv_append(&made.work, "more"), 0);
        check_strange(&made);
        free(made.work[strv_length(made.work) - 1]);
        made.work[strv_length(made.work) - 1] = NULL;
        word = made.steps[0][0];
        made.steps[0][0] = (char *) "another-step";
        check_strange(&made);
        made.steps[0][0] = word;
        word = made.work[1];
        made.work[1] = (char *) "";
        check_strange(&made);
        made.work[1] = word;
}

static void test_value_within_a_text(void) {
        char *work[] = { (char *) "tool", (char *) "{task_id}:{session_id}/x", (char *) "{session_id}", NULL };
        const Recipe recipe = { .name = (char *) "mine", .agent = AGENT_KIND_GEMINI, .work = { .command = work } };
        static const struct {
                const char *text, *again;
                int found;
        } rows[] = {
                { "t:s/x", "s", 1 }, { "t:s/x", "other", 0 }, { ":s/x", "s", 0 }, { "t:s/", "s", 0 },
                { "t:/x", "", 0 },   { "t", "s", 0 },         { "t:s/xx", "s", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *argv[] = { (char *) "tool", (char *) rows[i].text, (char *) rows[i].again, NULL };
                _cleanup_(recipe_trace_done) RecipeTrace trace = {};

                TAP_CHECK_INT(recipe_recognise(&recipe, 1, &(RecipeCommands){ .work = argv }, &trace), rows[i].found);
                TAP_CHECK_STRING(recipe_trace_value(&trace, "session_id"), rows[i].found ? "s" : NULL);
        }
}

static const TapTest tests[] = {
        { "what a recipe was expanded to is recognised", test_recognised },
        { "what is of no recipe is not", test_not_recognised },
        { "a value within a text is found", test_value_within_a_text },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

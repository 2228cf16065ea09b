/* Recipe: life cycle. See recipe.h; the shipped ones are in recipe-shipped.c, placeholders in recipe-expand.c. */
#include <remote-developer/recipe.h>

#include <remote-developer/strings.h>

const char *const agent_kind_words[] = {
        [AGENT_KIND_NONE] = "none",     [AGENT_KIND_CLAUDE] = "claude", [AGENT_KIND_CODEX] = "codex",
        [AGENT_KIND_GEMINI] = "gemini", NULL,
};

void recipe_step_done(RecipeStep *s) {
        free(s->status);
        strv_free(s->command);
        free(s->input);
        strv_free(s->environment);
        free(s->when);
        *s = (RecipeStep){};
}

static void steps_free(RecipeStep *steps, size_t n) {
        for (size_t i = 0; i < n; i++)
                recipe_step_done(&steps[i]);
        free(steps);
}

void recipe_done(Recipe *r) {
        free(r->name);
        strv_free(r->environment);
        steps_free(r->steps, r->n_steps);
        recipe_step_done(&r->work);
        strv_free(r->resume);
        free(r->resume_input);
        steps_free(r->reviews, r->n_reviews);
        *r = (Recipe){};
}

static int step_copy(const RecipeStep *s, RecipeStep *ret) {
        _cleanup_(recipe_step_done) RecipeStep copy = { .progress = s->progress, .timeout_usec = s->timeout_usec,
                                                        .line = s->line };
        int r;

        r = string_replace(&copy.status, s->status);
        if (r >= 0)
                r = strv_copy(s->command, &copy.command);
        if (r >= 0)
                r = string_replace(&copy.input, s->input);
        if (r >= 0)
                r = strv_copy(s->environment, &copy.environment);
        if (r >= 0)
                r = string_replace(&copy.when, s->when);
        if (r < 0)
                return r;
        *ret = copy;
        copy = (RecipeStep){};
        return 0;
}

/* *ret_n counts what is complete, also on error: the owner frees that. */
static int steps_copy(const RecipeStep *steps, size_t n, RecipeStep **ret, size_t *ret_n) {
        int r = 0;

        if (n == 0)
                return 0;
        *ret = calloc(n, sizeof(RecipeStep));
        if (!*ret)
                return -ENOMEM;
        for (*ret_n = 0; r >= 0 && *ret_n < n; (*ret_n)++)
                r = step_copy(&steps[*ret_n], &(*ret)[*ret_n]);
        return r;
}

int recipe_copy(const Recipe *r, Recipe *ret) {
        _cleanup_(recipe_done) Recipe copy = { .agent = r->agent, .sandbox = r->sandbox, .line = r->line };
        int k;

        k = string_replace(&copy.name, r->name);
        if (k >= 0)
                k = strv_copy(r->environment, &copy.environment);
        if (k >= 0)
                k = steps_copy(r->steps, r->n_steps, &copy.steps, &copy.n_steps);
        if (k >= 0)
                k = step_copy(&r->work, &copy.work);
        if (k >= 0)
                k = strv_copy(r->resume, &copy.resume);
        if (k >= 0)
                k = string_replace(&copy.resume_input, r->resume_input);
        if (k >= 0)
                k = steps_copy(r->reviews, r->n_reviews, &copy.reviews, &copy.n_reviews);
        if (k < 0)
                return k;
        *ret = copy;
        copy = (Recipe){};
        return 0;
}

static bool lists_are_equal(char *const *a, char *const *b) {
        size_t i = 0;

        while (a && a[i] && b && b[i] && string_equal(a[i], b[i]))
                i++;
        return i == strv_length(a) && i == strv_length(b);
}

static bool steps_are_equal(const RecipeStep *a, const RecipeStep *b) {
        return string_equal(a->status, b->status) && a->progress == b->progress &&
                lists_are_equal(a->command, b->command) && string_equal(a->input, b->input) &&
                lists_are_equal(a->environment, b->environment) && string_equal(a->when, b->when) &&
                a->timeout_usec == b->timeout_usec;
}

static bool all_steps_are_equal(const RecipeStep *a, size_t n_a, const RecipeStep *b, size_t n_b) {
        for (size_t i = 0; n_a == n_b && i < n_a; i++)
                if (!steps_are_equal(&a[i], &b[i]))
                        return false;
        return n_a == n_b;
}

bool recipe_is_equal(const Recipe *a, const Recipe *b) {
        return string_equal(a->name, b->name) && a->agent == b->agent && a->sandbox == b->sandbox &&
                lists_are_equal(a->environment, b->environment) &&
                all_steps_are_equal(a->steps, a->n_steps, b->steps, b->n_steps) &&
                steps_are_equal(&a->work, &b->work) && lists_are_equal(a->resume, b->resume) &&
                string_equal(a->resume_input, b->resume_input) &&
                all_steps_are_equal(a->reviews, a->n_reviews, b->reviews, b->n_reviews);
}

bool recipe_is_shipped(const Recipe *r) {
        const Recipe *shipped = recipe_find(shipped_recipes, n_shipped_recipes, r->name);

        return shipped && recipe_is_equal(r, shipped);
}

int recipe_list_copy(const Recipe *recipes, size_t n, Recipe **ret) {
        Recipe *copy = calloc(n ?: 1, sizeof(Recipe));
        int r = 0;

        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = recipe_copy(&recipes[i], &copy[i]);
        if (r < 0) {
                recipe_list_free(copy, n);
                return r;
        }
        *ret = copy;
        return 0;
}

Recipe *recipe_list_free(Recipe *recipes, size_t n) {
        for (size_t i = 0; recipes && i < n; i++)
                recipe_done(&recipes[i]);
        free(recipes);
        return NULL;
}

const Recipe *recipe_find(const Recipe *recipes, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (string_equal(recipes[i].name, name))
                        return &recipes[i];
        return NULL;
}

RecipeStep recipe_work(const Recipe *r, bool resumes) {
        RecipeStep work = r->work;

        if (resumes && r->resume) {
                work.command = r->resume;
                work.input = r->resume_input;
        }
        return work;
}

/* Which recipe some commands were made of, and the values that were put in: the way back from recipe_expand(). See
 * recipe.h.
 *
 * A placeholder stands for any text that is not empty, up to where the text behind it is found; one that occurs again
 * stands for the same. */
#include "recipe-internal.h"

#include <remote-developer/strings.h>

void recipe_trace_done(RecipeTrace *t) {
        for (size_t i = 0; i < RECIPE_PLACEHOLDERS; i++)
                free(t->values[i]);
        *t = (RecipeTrace){};
}

static char **trace_value(RecipeTrace *t, const char *name, size_t size) {
        const RecipePlaceholder *p = recipe_find_placeholder(name, size);

        return p ? &t->values[p - recipe_placeholders] : NULL;
}

const char *recipe_trace_value(const RecipeTrace *t, const char *name) {
        char **value = trace_value((RecipeTrace *) t, name, strlen(name));

        return value ? *value : NULL;
}

/* `rest` is what of the recipe's text comes behind the placeholder. */
static size_t value_size(const char *rest, const char *s) {
        const char *end;
        RecipePiece next;

        if (!recipe_next_piece(&rest, &next))
                return strlen(s);
        end = next.is_placeholder ? NULL : memmem(s, strlen(s), next.text, next.size);
        return end ? (size_t) (end - s) : 0;
}

/* 1: it was, and is noted; 0: it was not; or -ENOMEM. So are the results below. */
static int take_value(RecipeTrace *t, const RecipePiece *piece, const char *s, size_t size) {
        char **value = trace_value(t, piece->text, piece->size);

        if (!value || size == 0)
                return 0;
        if (*value)
                return strlen(*value) == size && memcmp(*value, s, size) == 0;
        *value = strndup(s, size);
        return *value ? 1 : -ENOMEM;
}

static int match_text(RecipeTrace *t, const char *text, const char *s) {
        RecipePiece piece;

        while (recipe_next_piece(&text, &piece)) {
                size_t size = piece.is_placeholder ? value_size(text, s) : piece.size;
                int r;

                if (piece.is_placeholder)
                        r = take_value(t, &piece, s, size);
                else
                        r = strncmp(s, piece.text, size) == 0;
                if (r <= 0)
                        return r;
                s += size;
        }
        return !*s;
}

static int match_list(RecipeTrace *t, char *const *texts, char *const *argv) {
        size_t n = strv_length(texts);
        int r = n > 0 && n == strv_length(argv);

        for (size_t i = 0; r > 0 && i < n; i++)
                r = match_text(t, texts[i], argv[i]);
        return r;
}

static int match_steps(RecipeTrace *t, const Recipe *recipe, char *const *const *steps, size_t n) {
        size_t at = 0;

        for (size_t i = 0; i < recipe->n_steps; i++) {
                const RecipeStep *s = &recipe->steps[i];
                int r = at < n ? match_list(t, s->command, steps[at]) : 0;

                if (r < 0 || (r == 0 && !s->when))
                        return r;
                at += r > 0;
        }
        return at == n;
}

static int match_recipe(const Recipe *recipe, const RecipeCommands *c, bool resumes, RecipeTrace *ret) {
        RecipeTrace t = { .recipe = recipe, .resumes = resumes };
        int r;

        r = match_steps(&t, recipe, c->steps, c->n_steps);
        if (r > 0)
                r = match_list(&t, resumes ? recipe->resume : recipe->work.command, c->work);
        if (r > 0)
                *ret = t;
        else
                recipe_trace_done(&t);
        return r;
}

int recipe_recognise(const Recipe *recipes, size_t n, const RecipeCommands *c, RecipeTrace *ret) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                if (recipes[i].agent == AGENT_KIND_NONE)
                        continue;
                r = match_recipe(&recipes[i], c, false, ret);
                if (r == 0)
                        r = match_recipe(&recipes[i], c, true, ret);
        }
        return r;
}

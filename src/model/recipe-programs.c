/* Whether the programs of a recipe are there. See recipe.h. */
#include <remote-developer/recipe.h>

#include <remote-developer/program-path.h>
#include <remote-developer/strings.h>

/* One with a slash is where it is, or will be: it may belong to a work tree, or be hidden from this user. One with a
 * placeholder is known when there is a task. */
static bool is_missing(char *const *command, char *const *directories) {
        return command && !strpbrk(command[0], "/{") && !program_path_has(directories, command[0]);
}

static const RecipeStep *missing_step(const RecipeStep *steps, size_t n, char *const *directories) {
        for (size_t i = 0; i < n; i++)
                if (is_missing(steps[i].command, directories))
                        return &steps[i];
        return NULL;
}

const char *recipe_missing_program(const Recipe *r, char *const *directories, size_t *ret_line) {
        const RecipeStep *s = missing_step(r->steps, r->n_steps, directories) ?:
                missing_step(&r->work, 1, directories) ?: missing_step(r->reviews, r->n_reviews, directories);

        *ret_line = s ? s->line : r->line;
        if (s)
                return s->command[0];
        return is_missing(r->resume, directories) ? r->resume[0] : NULL;
}

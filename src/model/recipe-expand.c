/* Placeholders: what in a recipe's texts stands for a value of the task, and those texts with the values in their
 * places. See recipe.h.
 *
 * One walk, recipe_next_piece(), cuts a text into pieces; whoever checks a text, expands it or recognises one sees the
 * same ones. */
#include "recipe-internal.h"

#include <remote-developer/buffer.h>
#include <remote-developer/strings.h>

#define ROW(name, field) { #name, offsetof(RecipeValues, name), 0, field }
#define TEXT_ROW(name, field) { #name, offsetof(RecipeValues, name), offsetof(RecipeValues, name##_size), field }

const RecipePlaceholder recipe_placeholders[RECIPE_PLACEHOLDERS] = {
        ROW(task_id, NULL),
        TEXT_ROW(task_description, "task_description"),
        ROW(github_repo, "github_repo"),
        ROW(repository_url, "github_repo"),
        ROW(devpod_name, "devpod_name"),
        ROW(pod, "pod"),
        ROW(namespace, "namespace"),
        ROW(branch, "github_repo"),
        ROW(workspace, "github_repo"),
        ROW(working_directory, "working_directory"),
        ROW(workspaces, NULL),
        ROW(session_id, NULL),
        ROW(attempt, NULL),
};

/* The length of the name in "{name}", which `text` begins with; 0: it begins with none. */
static size_t name_in_braces(const char *text) {
        size_t n = text[0] == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;

        return n > 0 && text[n + 1] == '}' ? n : 0;
}

bool recipe_next_piece(const char **text, RecipePiece *ret) {
        const char *t = *text;
        size_t n;

        if (!*t)
                return false;
        n = name_in_braces(t);
        if (n > 0) {
                *ret = (RecipePiece){ t + 1, n, true };
                *text = t + n + 2;
                return true;
        }
        n = t[0] == '{' ? name_in_braces(t + 1) : 0;
        if (n > 0 && t[n + 3] == '}') {
                *ret = (RecipePiece){ t + 1, n + 2, false };
                *text = t + n + 4;
                return true;
        }
        n = 1 + strcspn(t + 1, "{");
        *ret = (RecipePiece){ t, n, false };
        *text = t + n;
        return true;
}

const RecipePlaceholder *recipe_find_placeholder(const char *name, size_t size) {
        for (const RecipePlaceholder *p = recipe_placeholders; p < recipe_placeholders + RECIPE_PLACEHOLDERS; p++)
                if (strlen(p->name) == size && memcmp(p->name, name, size) == 0)
                        return p;
        return NULL;
}

const char *recipe_find_unknown(const char *text, size_t *ret_size) {
        RecipePiece piece;

        while (recipe_next_piece(&text, &piece)) {
                if (!piece.is_placeholder || recipe_find_placeholder(piece.text, piece.size))
                        continue;
                *ret_size = piece.size;
                return piece.text;
        }
        return NULL;
}

/* Its size; 0: it has none. */
static size_t value_of(const RecipePlaceholder *p, const RecipeValues *v, const char **ret) {
        const char *value = *(const char *const *) ((const char *) v + p->offset);
        size_t size = p->size_offset > 0 ? *(const size_t *) ((const char *) v + p->size_offset) : 0;

        *ret = value;
        return size > 0 || !value ? size : strlen(value);
}

static bool is_lacking(const RecipePlaceholder *p, const RecipeValues *v) {
        const char *value;

        return value_of(p, v, &value) == 0;
}

static bool holds_nul(const RecipePlaceholder *p, const RecipeValues *v) {
        const char *value;
        size_t size = value_of(p, v, &value);

        return size > 0 && memchr(value, 0, size);
}

bool recipe_step_applies(const RecipeStep *s, const RecipeValues *v) {
        const RecipePlaceholder *p = s->when ? recipe_find_placeholder(s->when, strlen(s->when)) : NULL;

        return !p || !is_lacking(p, v);
}

/* --- what is wrong with a value --- */

typedef struct Fault {
        bool (*is_there)(const RecipePlaceholder *p, const RecipeValues *v);
        bool of_inputs; /* it would be one there, too */
} Fault;

static const RecipePlaceholder *find_in_text(const char *text, const RecipeValues *v, const Fault *f) {
        RecipePiece piece;

        while (text && recipe_next_piece(&text, &piece)) {
                const RecipePlaceholder *p = piece.is_placeholder ?
                        recipe_find_placeholder(piece.text, piece.size) : NULL;

                if (p && f->is_there(p, v))
                        return p;
        }
        return NULL;
}

static const RecipePlaceholder *find_in_list(char *const *texts, const RecipeValues *v, const Fault *f) {
        const RecipePlaceholder *p = NULL;

        for (size_t i = 0; !p && texts && texts[i]; i++)
                p = find_in_text(texts[i], v, f);
        return p;
}

static const RecipePlaceholder *find_in_input(const char *text, const RecipeValues *v, const Fault *f) {
        return f->of_inputs ? find_in_text(text, v, f) : NULL;
}

static const RecipePlaceholder *find_in_steps(const RecipeStep *steps, size_t n, const RecipeValues *v,
                                              const Fault *f) {
        const RecipePlaceholder *p = NULL;

        for (size_t i = 0; !p && i < n; i++)
                if (recipe_step_applies(&steps[i], v))
                        p = find_in_list(steps[i].command, v, f) ?: find_in_input(steps[i].input, v, f) ?:
                                find_in_list(steps[i].environment, v, f);
        return p;
}

static const RecipePlaceholder *find_in_recipe(const Recipe *r, const RecipeValues *v, const Fault *f) {
        return find_in_list(r->environment, v, f) ?: find_in_steps(r->steps, r->n_steps, v, f) ?:
                find_in_steps(&r->work, 1, v, f) ?: find_in_list(r->resume, v, f) ?:
                find_in_input(r->resume_input, v, f) ?: find_in_steps(r->reviews, r->n_reviews, v, f);
}

const RecipePlaceholder *recipe_lacks(const Recipe *r, const RecipeValues *v) {
        return find_in_recipe(r, v, &(const Fault){ is_lacking, true });
}

const RecipePlaceholder *recipe_cuts(const Recipe *r, const RecipeValues *v) {
        return find_in_recipe(r, v, &(const Fault){ holds_nul, false });
}

/* --- the texts with the values in their places --- */

static int expand_text(const char *text, const RecipeValues *v, size_t max, Buffer *ret) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        RecipePiece piece;
        int r;

        /* An empty text is one, too. */
        r = buffer_append(&b, "", 0);
        while (r >= 0 && recipe_next_piece(&text, &piece)) {
                const RecipePlaceholder *p = piece.is_placeholder ?
                        recipe_find_placeholder(piece.text, piece.size) : NULL;
                const char *value = piece.text;
                size_t size = piece.is_placeholder ? (p ? value_of(p, v, &value) : 0) : piece.size;

                if (size == 0)
                        return -ENODATA;
                if (size > max - b.size)
                        return -E2BIG;
                r = buffer_append(&b, value, size);
        }
        if (r < 0)
                return r;
        *ret = b;
        b = BUFFER_NULL;
        return 0;
}

/* What the kernel takes, which reads it up to its first NUL byte. */
static int expand_argument(const char *text, const RecipeValues *v, char **ret) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        int r = expand_text(text, v, RECIPE_ARGUMENT_SIZE_MAX, &b);

        if (r >= 0 && memchr(b.data, 0, b.size))
                r = -EILSEQ;
        if (r >= 0)
                *ret = buffer_take(&b);
        return r;
}

/* NULL stays that. */
int recipe_expand_list(char *const *texts, const RecipeValues *v, char ***ret) {
        size_t n = strv_length(texts), total = 0;
        _cleanup_strv_ char **list = NULL;
        int r;

        if (n > 0) {
                list = calloc(n + 1, sizeof(char *));
                if (!list)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                r = expand_argument(texts[i], v, &list[i]);
                if (r < 0)
                        return r;
                total += strlen(list[i]) + 1;
                if (total > RECIPE_LIST_SIZE_MAX)
                        return -E2BIG;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

int recipe_expand(const RecipeStep *s, const RecipeValues *v, char ***ret_argv, Buffer *ret_input,
                  char ***ret_environment) {
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;
        int r;

        /* What the request says is no text with placeholders. */
        r = s->command ? recipe_expand_list(s->command, v, &argv) : strv_copy(v->command, &argv);
        if (r >= 0 && !argv)
                r = -ENODATA;
        if (r >= 0 && s->input)
                r = expand_text(s->input, v, RECIPE_INPUT_SIZE_MAX, &input);
        if (r >= 0)
                r = recipe_expand_list(s->environment, v, &environment);
        if (r < 0)
                return r;
        *ret_argv = TAKE_PTR(argv);
        *ret_input = input;
        input = BUFFER_NULL;
        *ret_environment = TAKE_PTR(environment);
        return 0;
}

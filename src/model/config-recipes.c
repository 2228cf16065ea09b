/* Recipes as they stand in the file: names of the user's own, and below each what recipe.h says of a recipe.
 *
 * A mapping with known names is a Block: a table of its members, each with the function that reads its value into its
 * place. All that can be said of a recipe without looking at the machine is said here, with line and column; whether
 * its programs are there is not (manager/manager-recipe.c). */
#include "config-recipes.h"

#include <remote-developer/config-key.h>
#include <remote-developer/environment.h>
#include <remote-developer/strings.h>

#define STATUS_SIZE_MAX ((size_t) 64)
#define STEP_TIMEOUT_MAX ((uint64_t) 86400)

typedef struct Member {
        const char *name;
        /* The first event of the value is looked at. `field` names it in sentences. */
        int (*read)(ConfigWalker *w, void *target, const char *field);
        size_t offset; /* of the target */
} Member;

#define MEMBERS_MAX 8

/* A mapping that is being read. */
typedef struct Block {
        const Member *members;
        size_t n;
        void *target;
        const char *path; /* "recipes.mine.work" */
        unsigned seen;    /* a bit a member */
} Block;

static const ConfigEvent *look(const ConfigWalker *w) {
        return config_walker_event(w);
}

/* "NAME must be RIGHT, not ...", of the value that is looked at. */
static int refuse_value(ConfigWalker *w, const char *field, const char *right) {
        _cleanup_free_ char *quoted = NULL;

        if (config_walker_is_null(w))
                return config_walker_refuse(w, field, "%s has no value; it must be %s", field, right);
        if (look(w)->kind != CONFIG_EVENT_TEXT)
                return config_walker_refuse(w, field, "%s must be %s, not a %s", field, right,
                                            look(w)->kind == CONFIG_EVENT_LIST ? "list" : "mapping");
        quoted = config_key_quote(look(w)->text);
        if (!quoted)
                return -ENOMEM;
        return config_walker_refuse(w, field, "%s must be %s, not %s", field, right, quoted);
}

/* "WHAT "name"; did you mean ...?" */
static int refuse_name(ConfigWalker *w, const char *field, const char *what, const char *name,
                       const char *const *names, size_t n) {
        _cleanup_(buffer_done) Buffer advice = BUFFER_NULL;
        _cleanup_free_ char *quoted = config_key_quote(name);
        int k;

        k = quoted ? config_key_advise_among(names, n, name, &advice) : -ENOMEM;
        if (k < 0)
                return k;
        return config_walker_refuse(w, field, "%s %s in %s; %s", what, quoted, field, advice.data);
}

static int read_member(ConfigWalker *w, void *userdata) {
        Block *b = userdata;
        const char *names[MEMBERS_MAX];
        _cleanup_free_ char *field = NULL;
        int i, k;

        assert(b->n <= MEMBERS_MAX);
        for (size_t m = 0; m < b->n; m++)
                names[m] = b->members[m].name;
        i = string_table_lookup(names, b->n, look(w)->text);
        if (i < 0)
                return refuse_name(w, b->path, "unknown key", look(w)->text, names, b->n);
        field = string_format("%s.%s", b->path, names[i]);
        if (!field)
                return -ENOMEM;
        if (b->seen & 1U << i)
                return config_walker_refuse(w, field, "%s is here for the second time; keep one of them", field);
        b->seen |= 1U << i;
        k = config_walker_next(w);
        return k < 0 ? k : b->members[i].read(w, (char *) b->target + b->members[i].offset, field);
}

static int read_block(ConfigWalker *w, Block *b) {
        if (look(w)->kind != CONFIG_EVENT_MAPPING)
                return refuse_value(w, b->path, "a mapping of keys to values");
        return config_walker_mapping(w, b->path, "key", read_member, b);
}

/* Texts */

static int refuse_placeholder(ConfigWalker *w, const char *field, const char *what, const char *name) {
        const char *names[RECIPE_PLACEHOLDERS];

        for (size_t i = 0; i < RECIPE_PLACEHOLDERS; i++)
                names[i] = recipe_placeholders[i].name;
        return refuse_name(w, field, what, name, names, RECIPE_PLACEHOLDERS);
}

static int check_placeholders(ConfigWalker *w, const char *field) {
        size_t size;
        const char *unknown = recipe_find_unknown(look(w)->text, &size);
        _cleanup_free_ char *name = NULL;

        if (!unknown)
                return 0;
        name = strndup(unknown, size);
        return name ? refuse_placeholder(w, field, "unknown placeholder", name) : -ENOMEM;
}

/* A text with placeholders. */
static int check_text(ConfigWalker *w, const char *field) {
        if (look(w)->kind != CONFIG_EVENT_TEXT || config_walker_is_null(w))
                return refuse_value(w, field, "a text; quote it if it is empty");
        return check_placeholders(w, field);
}

static int read_text(ConfigWalker *w, void *target, const char *field) {
        int k = check_text(w, field);

        return k < 0 ? k : string_replace(target, look(w)->text);
}

/* Commands */

typedef struct List {
        char ***to;
        const char *field;
} List;

static int read_argument(ConfigWalker *w, void *userdata) {
        List *l = userdata;
        int k = check_text(w, l->field);

        return k < 0 ? k : strv_append(l->to, look(w)->text);
}

static int read_command(ConfigWalker *w, void *target, const char *field) {
        List l = { target, field };
        ConfigPlace at = look(w)->at;
        int k;

        if (look(w)->kind != CONFIG_EVENT_LIST)
                return refuse_value(w, field, "a list, a program and its arguments");
        k = config_walker_list(w, read_argument, &l);
        if (k < 0)
                return k;
        if (!*l.to || string_is_empty((*l.to)[0]))
                return config_walker_refuse_at(w, at, field, "%s is empty; it must begin with a program", field);
        return 0;
}

/* Variables */

static int check_variable(ConfigWalker *w, const char *field, const char *pair) {
        if (environment_is_reserved(pair))
                return config_walker_refuse(w, field, "%s: this variable is set by systemd itself; leave it out",
                                            field);
        if (!environment_has_value(pair))
                return config_walker_refuse(w, field, "%s: the value is too long or holds control characters", field);
        return 0;
}

static int read_variable(ConfigWalker *w, void *userdata) {
        List *l = userdata;
        _cleanup_free_ char *name = strdup(look(w)->text), *pair = NULL;
        int k;

        if (!name)
                return -ENOMEM;
        if (strchr(name, '=') || !environment_has_name(name))
                return refuse_value(w, l->field, "names of variables (letters, digits, _) and their values");
        k = config_walker_next(w);
        if (k >= 0)
                k = check_text(w, l->field);
        if (k < 0)
                return k;
        pair = string_format("%s=%s", name, look(w)->text);
        if (!pair)
                return -ENOMEM;
        k = check_variable(w, l->field, pair);
        return k < 0 ? k : strv_append(l->to, pair);
}

static int read_environment(ConfigWalker *w, void *target, const char *field) {
        List l = { target, field };

        if (config_walker_is_empty(w))
                return 0;
        if (look(w)->kind != CONFIG_EVENT_MAPPING)
                return refuse_value(w, field, "a mapping of names to values");
        return config_walker_mapping(w, field, "variable", read_variable, &l);
}

/* Words and numbers */

/* The original's clients take the words of a result for the end. */
static bool is_status(const char *s) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

        return *s >= 'a' && *s <= 'z' && !s[n] && n <= STATUS_SIZE_MAX &&
                string_table_lookup(task_result_words, TASK_RESULT_COUNT, s) < 0;
}

static int read_status(ConfigWalker *w, void *target, const char *field) {
        if (!look(w)->text || !is_status(look(w)->text))
                return refuse_value(w, field, "a word of small letters, digits and _ that is no result of a task");
        return string_replace(target, look(w)->text);
}

static int read_number(ConfigWalker *w, const char *field, uint64_t max, const char *right, uint64_t *ret) {
        const char *text = look(w)->text;

        /* Quoted it would be text to every other reader, and 010 is eight to some. */
        if (!text || !look(w)->is_plain || text[0] == '0' || string_to_uint64(text, ret) < 0 || *ret > max)
                return refuse_value(w, field, right);
        return 0;
}

static int read_progress(ConfigWalker *w, void *target, const char *field) {
        uint64_t v;
        int k = read_number(w, field, 99, "a whole number from 1 to 99", &v);

        if (k >= 0)
                *(unsigned *) target = (unsigned) v;
        return k;
}

static int read_timeout(ConfigWalker *w, void *target, const char *field) {
        uint64_t v;
        int k = read_number(w, field, STEP_TIMEOUT_MAX, "a whole number of seconds from 1 to 86400", &v);

        if (k >= 0)
                *(usec_t *) target = v * USEC_PER_SEC;
        return k;
}

static int read_when(ConfigWalker *w, void *target, const char *field) {
        const char *name = look(w)->text;

        if (string_is_empty(name))
                return refuse_value(w, field, "the name of a placeholder");
        if (!recipe_find_placeholder(name, strlen(name)))
                return refuse_placeholder(w, field, "unknown placeholder", name);
        return string_replace(target, name);
}

static int read_agent(ConfigWalker *w, void *target, const char *field) {
        int i = string_table_lookup(agent_kind_words, AGENT_KINDS, look(w)->text);

        if (!look(w)->text)
                return refuse_value(w, field, "the name of an agent");
        if (i < 0)
                return refuse_name(w, field, "unknown agent", look(w)->text, agent_kind_words, AGENT_KINDS);
        *(int *) target = i;
        return 0;
}

static int read_sandbox(ConfigWalker *w, void *target, const char *field) {
        Sandbox s = look(w)->text ? sandbox_from_word(look(w)->text) : SANDBOX_UNSET;

        if (s == SANDBOX_UNSET)
                return refuse_value(w, field, "open, standard or strict");
        *(Sandbox *) target = s;
        return 0;
}

/* Steps */

static const Member step_members[] = {
        { "status", read_status, offsetof(RecipeStep, status) },
        { "progress", read_progress, offsetof(RecipeStep, progress) },
        { "command", read_command, offsetof(RecipeStep, command) },
        { "input", read_text, offsetof(RecipeStep, input) },
        { "environment", read_environment, offsetof(RecipeStep, environment) },
        /* Not of the work: that always runs, and its limit is the task's. */
        { "timeout", read_timeout, offsetof(RecipeStep, timeout_usec) },
        { "when", read_when, offsetof(RecipeStep, when) },
};
#define WORK_MEMBERS (ELEMENTSOF(step_members) - 2)

/* What a step says of itself where it does not say it: the words of the original for the usual ones. */
static int fill_step(RecipeStep *s, const char *status, unsigned progress) {
        if (s->progress == 0)
                s->progress = progress;
        return s->status ? 0 : string_replace(&s->status, status);
}

typedef struct Steps {
        RecipeStep **items;
        size_t *n;
        const char *field, *status;
        unsigned progress;
} Steps;

static int read_step(ConfigWalker *w, void *userdata) {
        Steps *l = userdata;
        ConfigPlace at = look(w)->at;
        Block b = { .members = step_members, .n = ELEMENTSOF(step_members), .path = l->field };
        RecipeStep *items;
        int k;

        if (*l->n >= RECIPE_STEPS_MAX)
                return config_walker_refuse(w, l->field, "%s has more than %d steps", l->field, RECIPE_STEPS_MAX);
        items = reallocarray(*l->items, *l->n + 1, sizeof(RecipeStep));
        if (!items)
                return -ENOMEM;
        *l->items = items;
        b.target = &items[(*l->n)++];
        items[*l->n - 1] = (RecipeStep){ .line = at.line };
        k = read_block(w, &b);
        if (k < 0)
                return k;
        if (!items[*l->n - 1].command)
                return config_walker_refuse_at(w, at, l->field, "a step of %s has no command", l->field);
        return fill_step(&items[*l->n - 1], l->status, l->progress);
}

static int read_steps(ConfigWalker *w, Steps *l) {
        if (config_walker_is_empty(w))
                return 0;
        if (look(w)->kind != CONFIG_EVENT_LIST)
                return refuse_value(w, l->field, "a list of steps");
        return config_walker_list(w, read_step, l);
}

static int read_prepare(ConfigWalker *w, void *target, const char *field) {
        Recipe *r = target;
        Steps l = { &r->steps, &r->n_steps, field, "preparing_workspace", 40 };

        return read_steps(w, &l);
}

static int read_review(ConfigWalker *w, void *target, const char *field) {
        Recipe *r = target;
        Steps l = { &r->reviews, &r->n_reviews, field, "reviewing_changes", 75 };

        return read_steps(w, &l);
}

static int read_work(ConfigWalker *w, void *target, const char *field) {
        Block b = { .members = step_members, .n = WORK_MEMBERS, .target = target, .path = field };
        RecipeStep *work = target;
        int k;

        work->line = look(w)->at.line;
        k = read_block(w, &b);
        return k < 0 ? k : fill_step(work, "executing_task", 60);
}

/* Recipes */

static const Member recipe_members[] = {
        { "agent", read_agent, offsetof(Recipe, agent) },
        { "sandbox", read_sandbox, offsetof(Recipe, sandbox) },
        { "environment", read_environment, offsetof(Recipe, environment) },
        { "prepare", read_prepare, 0 },
        { "work", read_work, offsetof(Recipe, work) },
        { "resume", read_command, offsetof(Recipe, resume) },
        { "resume_input", read_text, offsetof(Recipe, resume_input) },
        { "review", read_review, 0 },
};

static bool is_name(const char *s) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

        return n > 0 && !s[n] && s[0] != '-' && n <= RECIPE_NAME_SIZE_MAX;
}

static int check_recipe(ConfigWalker *w, ConfigPlace at, const char *path, const Recipe *r) {
        if (!r->work.status)
                return config_walker_refuse_at(w, at, path, "%s has no work; say what it runs", path);
        if (r->resume_input && !r->resume)
                return config_walker_refuse_at(w, at, path, "%s has resume_input, but no resume that would read it",
                                               path);
        if (r->resume && r->agent == AGENT_KIND_NONE)
                return config_walker_refuse_at(w, at, path,
                                               "%s has resume, for an agent's session; say which agent it is", path);
        return 0;
}

typedef struct Recipes {
        Config *config;
        char **seen; /* names in this file */
} Recipes;

static int read_recipe(ConfigWalker *w, void *userdata) {
        Recipes *all = userdata;
        _cleanup_(recipe_done) Recipe r = { .line = look(w)->at.line };
        _cleanup_free_ char *path = string_format(CONFIG_RECIPES ".%s", look(w)->text);
        Block b = { .members = recipe_members, .n = ELEMENTSOF(recipe_members), .target = &r, .path = path };
        ConfigPlace at = look(w)->at;
        int k;

        if (!is_name(look(w)->text))
                return refuse_value(w, CONFIG_RECIPES, "names of letters, digits, - and _");
        if (!path)
                return -ENOMEM;
        if (string_table_lookup((const char *const *) all->seen, strv_length(all->seen), look(w)->text) >= 0)
                return config_walker_refuse(w, path, "%s is here for the second time, after line %zu", path,
                                            config_find_recipe(all->config, look(w)->text)->line);
        k = strv_append(&all->seen, look(w)->text);
        if (k >= 0)
                k = string_replace(&r.name, look(w)->text);
        if (k >= 0)
                k = config_walker_next(w);
        if (k >= 0)
                k = read_block(w, &b);
        if (k >= 0)
                k = check_recipe(w, at, path, &r);
        return k < 0 ? k : config_take_recipe(all->config, &r);
}

int config_recipes_read(ConfigWalker *w, Config *c) {
        Recipes all = { .config = c };
        int k = config_walker_mapping(w, CONFIG_RECIPES, "recipe", read_recipe, &all);

        strv_free(all.seen);
        return k;
}

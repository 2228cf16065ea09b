/* Recipe: what a placeholder is and what is not, what a step becomes with the values of a task, and that the shipped
 * recipes hold what every recipe must. */
#include "tap.h"

#include <remote-developer/recipe.h>
#include <remote-developer/strings.h>

static const RecipeValues values = {
        .task_id = "task-1700000000-abcdef",
        .task_description = "Say \"{task_id}\" $(reboot)\n",
        .workspaces = "/w",
        .attempt = "1",
};

static void test_texts(void) {
        static const struct {
                const char *text, *expanded;
        } rows[] = {
                { "", "" },
                { "plain", "plain" },
                { "{task_id}", "task-1700000000-abcdef" },
                { "a{attempt}b{attempt}c", "a1b1c" },
                { "{workspaces}{attempt}", "/w1" },
                { "--x={task_description}", "--x=Say \"{task_id}\" $(reboot)\n" },
                { "{{task_id}}", "{task_id}" },
                { "{{no_such}}", "{no_such}" },
                { "{{{attempt}}}", "{{attempt}}" },
                { "{{attempt}", "{1" },
                { "{attempt}}", "1}" },
                { "{{attempt} }", "{1 }" },
                { "{}", "{}" },
                { "{{}}", "{{}}" },
                { "{ attempt }", "{ attempt }" },
                { "{Attempt}", "{Attempt}" },
                { "{a1}", "{a1}" },
                { "{attempt", "{attempt" },
                { "{", "{" },
                { "{{", "{{" },
                { "}{", "}{" },
                { "{\"ok\": {\"n\": 1}}", "{\"ok\": {\"n\": 1}}" },
                { "${HOME} %s %n", "${HOME} %s %n" },
                { "{attempt{attempt}}", "{attempt1}" },
                { "\xc3\xa4{attempt}\xff", "\xc3\xa4" "1\xff" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *texts[] = { (char *) rows[i].text, NULL };
                _cleanup_strv_ char **list = NULL;

                if (TAP_CHECK_INT(recipe_expand_list(texts, &values, &list), 0)) {
                        TAP_CHECK_STRING(list[0], rows[i].expanded);
                        TAP_CHECK_INT(strv_length(list), 1);
                }
        }
}

static void test_unknown(void) {
        static const struct {
                const char *text, *unknown;
        } rows[] = {
                { "", NULL },           { "{task_id}{branch}", NULL }, { "{{no_such}}", NULL }, { "{no such}", NULL },
                { "a{no_such}b", "no_such" }, { "{task_id}{task}", "task" }, { "{_}", "_" },
                { "{task_idd}", "task_idd" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                size_t size = 0;
                const char *unknown = recipe_find_unknown(rows[i].text, &size);
                _cleanup_free_ char *name = unknown ? strndup(unknown, size) : NULL;

                TAP_CHECK_STRING(name, rows[i].unknown);
        }
}

static void test_every_placeholder(void) {
        for (size_t i = 0; i < RECIPE_PLACEHOLDERS; i++) {
                const RecipePlaceholder *p = &recipe_placeholders[i];
                _cleanup_free_ char *text = string_format("<{%s}>", p->name);
                char *texts[] = { text, NULL };
                _cleanup_strv_ char **list = NULL;
                RecipeValues v = {};

                TAP_CHECK(recipe_find_placeholder(p->name, strlen(p->name)) == p);
                TAP_CHECK_INT(recipe_expand_list(texts, &v, &list), -ENODATA);
                *(const char **) ((char *) &v + p->offset) = "";
                TAP_CHECK_INT(recipe_expand_list(texts, &v, &list), -ENODATA);
                *(const char **) ((char *) &v + p->offset) = "it";
                TAP_CHECK_INT(recipe_expand_list(texts, &v, &list), 0);
                TAP_CHECK_STRING(list ? list[0] : NULL, "<it>");
        }
        TAP_CHECK(!recipe_find_placeholder("task", 4));
        TAP_CHECK(!recipe_find_placeholder("", 0));
}

static void test_step(void) {
        char *command[] = { (char *) "tool", (char *) "--id={task_id}", (char *) "", NULL };
        char *environment[] = { (char *) "N={attempt}", NULL };
        RecipeStep step = { .command = command, .input = (char *) "{task_description}", .environment = environment };
        _cleanup_strv_ char **argv = NULL, **variables = NULL;
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;

        if (!TAP_CHECK_INT(recipe_expand(&step, &values, &argv, &input, &variables), 0))
                return;
        TAP_CHECK_INT(strv_length(argv), 3);
        TAP_CHECK_STRING(argv[0], "tool");
        TAP_CHECK_STRING(argv[1], "--id=task-1700000000-abcdef");
        TAP_CHECK_STRING(argv[2], "");
        TAP_CHECK_STRING(input.data, values.task_description);
        TAP_CHECK_STRING(variables[0], "N=1");
}

static void test_step_without_more(void) {
        char *command[] = { (char *) "tool", NULL };
        RecipeStep step = { .command = command };
        char **argv = NULL, **environment = command;
        Buffer input = { .data = command[0] };

        TAP_CHECK_INT(recipe_expand(&step, &values, &argv, &input, &environment), 0);
        TAP_CHECK(!input.data);
        TAP_CHECK(!environment);
        strv_free(argv);
}

/* The request's command is what its user wrote: nothing in it is replaced. */
static void test_command_of_request(void) {
        char *asked[] = { (char *) "echo", (char *) "{task_id}", (char *) "{no_such}", NULL };
        RecipeValues v = { .command = asked };
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;
        const RecipeStep step = {};

        if (TAP_CHECK_INT(recipe_expand(&step, &v, &argv, &input, &environment), 0))
                for (size_t i = 0; i < ELEMENTSOF(asked); i++)
                        TAP_CHECK_STRING(argv[i], asked[i]);
        v.command = NULL;
        TAP_CHECK_INT(recipe_expand(&step, &v, &argv, &input, &environment), -ENODATA);
}

static char *text_of_size(size_t size) {
        char *s = malloc(size + 1);

        memset(s, 'x', size);
        s[size] = 0;
        return s;
}

static int expand_text(const char *text, size_t size, size_t n) {
        _cleanup_free_ char *description = text_of_size(size);
        _cleanup_strv_ char **texts = NULL, **list = NULL;
        const RecipeValues v = { .task_description = description };

        for (size_t i = 0; i < n; i++)
                (void) strv_append(&texts, text);
        return recipe_expand_list(texts, &v, &list);
}

static void test_bounds(void) {
        _cleanup_free_ char *megabyte = text_of_size(1024 * 1024);
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;
        char *command[] = { (char *) "cat", NULL };
        RecipeStep step = { .command = command, .input = (char *) "{task_description}" };
        const RecipeValues v = { .task_description = megabyte };
        _cleanup_strv_ char **argv = NULL, **environment = NULL;

        TAP_CHECK_INT(expand_text("{task_description}", RECIPE_ARGUMENT_SIZE_MAX, 1), 0);
        TAP_CHECK_INT(expand_text("{task_description}", RECIPE_ARGUMENT_SIZE_MAX + 1, 1), -E2BIG);
        TAP_CHECK_INT(expand_text("{task_description}", RECIPE_ARGUMENT_SIZE_MAX, 8), 0);
        TAP_CHECK_INT(expand_text("{task_description}", RECIPE_ARGUMENT_SIZE_MAX, 9), -E2BIG);
        TAP_CHECK_INT(expand_text("x{task_description}", RECIPE_ARGUMENT_SIZE_MAX, 1), -E2BIG);
        TAP_CHECK_INT(expand_text("{task_description}x", RECIPE_ARGUMENT_SIZE_MAX, 1), -E2BIG);
        TAP_CHECK_INT(recipe_expand(&step, &v, &argv, &input, &environment), 0);
        TAP_CHECK_STRING(input.data, megabyte);
}

static const RecipeValues with_nul = { .task_description = "a\0b", .task_description_size = 4, .attempt = "1" };

static void test_nul(void) {
        char *plain[] = { (char *) "cat", (char *) "{attempt}", NULL };
        char *cutting[] = { (char *) "cat", (char *) "-{task_description}", NULL };
        RecipeStep step = { .command = plain, .input = (char *) "<{task_description}>" };
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        _cleanup_(buffer_done) Buffer input = BUFFER_NULL;

        if (TAP_CHECK_INT(recipe_expand(&step, &with_nul, &argv, &input, &environment), 0) &&
            TAP_CHECK_INT(input.size, 6))
                TAP_CHECK_INT(memcmp(input.data, "<a\0b\0>", 7), 0);
        step.environment = cutting;
        TAP_CHECK_INT(recipe_expand(&step, &with_nul, &argv, &input, &environment), -EILSEQ);
        step = (RecipeStep){ .command = cutting };
        TAP_CHECK_INT(recipe_expand(&step, &with_nul, &argv, &input, &environment), -EILSEQ);
}

static void check_cut(const Recipe *r, bool cuts) {
        const RecipePlaceholder *p = recipe_cuts(r, &with_nul);

        TAP_CHECK_STRING(p ? p->name : NULL, cuts ? "task_description" : NULL);
        TAP_CHECK(!recipe_cuts(r, &(const RecipeValues){ .task_description = "a" }));
}

/* Wherever it would become an argument or a variable, and nowhere else. */
static void test_cuts(void) {
        char *plain[] = { (char *) "cat", (char *) "{attempt}", (char *) "{{task_description}}", NULL };
        char *cutting[] = { (char *) "cat", (char *) "{attempt}", (char *) "x{task_description}", NULL };
        RecipeStep reads = { .command = plain, .input = (char *) "{task_description}" };
        RecipeStep argument = { .command = cutting }, variable = { .command = plain, .environment = cutting };
        RecipeStep left_out = { .command = cutting, .when = (char *) "pod" };
        const struct {
                Recipe recipe;
                bool cuts;
        } rows[] = {
                { { .work = reads, .resume = plain, .resume_input = reads.input, .steps = &reads, .n_steps = 1,
                    .reviews = &reads, .n_reviews = 1 }, false },
                { { .work = argument }, true },
                { { .work = variable }, true },
                { { .work = reads, .environment = cutting }, true },
                { { .work = reads, .resume = cutting }, true },
                { { .work = reads, .steps = &argument, .n_steps = 1 }, true },
                { { .work = reads, .steps = &left_out, .n_steps = 1 }, false },
                { { .work = reads, .reviews = &variable, .n_reviews = 1 }, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_cut(&rows[i].recipe, rows[i].cuts);
        for (size_t i = 0; i < n_shipped_recipes; i++)
                check_cut(&shipped_recipes[i], false);
}

/* What begins with one is a value like any other. */
static void test_nul_is_a_text(void) {
        RecipeValues v = { .task_id = "t", .workspaces = "w", .session_id = "s", .attempt = "1",
                           .task_description = "\0", .task_description_size = 1 };

        TAP_CHECK(!recipe_lacks(recipe_find(shipped_recipes, n_shipped_recipes, "codex"), &v));
        v.task_description_size = 0;
        TAP_CHECK(recipe_lacks(recipe_find(shipped_recipes, n_shipped_recipes, "codex"), &v));
}

static void test_when(void) {
        const RecipeStep always = {}, in_pod = { .when = (char *) "pod" };

        TAP_CHECK(recipe_step_applies(&always, &values));
        TAP_CHECK(!recipe_step_applies(&in_pod, &values));
        TAP_CHECK(!recipe_step_applies(&in_pod, &(RecipeValues){ .pod = "" }));
        TAP_CHECK(recipe_step_applies(&in_pod, &(RecipeValues){ .pod = "p" }));
}

/* What a request gives; the service has all else. */
static RecipeValues complete(void) {
        return (RecipeValues){ .task_id = "t", .workspaces = "w", .session_id = "s", .attempt = "1" };
}

static void check_lack(const char *recipe, const RecipeValues *v, const char *placeholder) {
        const RecipePlaceholder *p = recipe_lacks(recipe_find(shipped_recipes, n_shipped_recipes, recipe), v);

        TAP_CHECK_STRING(p ? p->name : NULL, placeholder);
        TAP_CHECK(!p || p->field);
}

static void test_lacks(void) {
        RecipeValues v = complete();

        check_lack("command", &v, NULL);
        check_lack("claude", &v, "task_description");
        v.workspace = "/w/t";
        check_lack("claude", &v, "github_repo");
        v.workspace = NULL;
        v.task_description = "d";
        check_lack("claude", &v, NULL);
        check_lack("codex", &v, NULL);
        check_lack("claude-devpod", &v, "devpod_name");
        check_lack("claude-kubernetes", &v, "namespace");
        v.namespace = "n";
        check_lack("claude-kubernetes", &v, "pod");
        v.pod = "p";
        check_lack("claude-kubernetes", &v, "repository_url");
        v.repository_url = "https://example.com/a.git";
        check_lack("claude-kubernetes", &v, NULL);
}

/* Each place of a recipe where a text with a placeholder may stand. */
static void test_lacks_anywhere(void) {
        char *texts[] = { (char *) "X={pod}", NULL }, *plain[] = { (char *) "true", NULL };
        RecipeStep step = { .command = plain, .environment = texts };
        const Recipe recipes[] = {
                { .environment = texts },
                { .steps = &step, .n_steps = 1 },
                { .work = { .command = texts } },
                { .work = { .command = plain, .input = texts[0] } },
                { .resume = texts },
                { .resume_input = texts[0] },
                { .reviews = &step, .n_reviews = 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(recipes); i++) {
                TAP_CHECK(recipe_lacks(&recipes[i], &values) == recipe_find_placeholder("pod", 3));
                TAP_CHECK(!recipe_lacks(&recipes[i], &(RecipeValues){ .pod = "p" }));
        }
        step.when = (char *) "pod";
        TAP_CHECK(!recipe_lacks(&recipes[1], &values));
}

static void test_work(void) {
        const Recipe *claude = recipe_find(shipped_recipes, n_shipped_recipes, "claude");
        const Recipe *command = recipe_find(shipped_recipes, n_shipped_recipes, "command");
        RecipeStep first = recipe_work(claude, false), later = recipe_work(claude, true);

        TAP_CHECK(first.command == claude->work.command);
        TAP_CHECK_STRING(first.input, "{task_description}");
        TAP_CHECK(later.command == claude->resume);
        TAP_CHECK_STRING(later.input, "continue");
        TAP_CHECK_STRING(later.status, "executing_task");
        TAP_CHECK(!recipe_work(command, true).command);
}

static void check_steps(const RecipeStep *steps, size_t n, unsigned *progress) {
        size_t size;

        for (size_t k = 0; k < n; k++) {
                const RecipeStep *s = &steps[k];

                TAP_CHECK(s->progress >= MAX_OF(*progress, 1U) && s->progress <= 99);
                *progress = s->progress;
                TAP_CHECK(!string_is_empty(s->status));
                TAP_CHECK(strv_length(s->command) > 0);
                for (size_t i = 0; s->command[i]; i++)
                        TAP_CHECK(!recipe_find_unknown(s->command[i], &size));
                TAP_CHECK(!s->when || recipe_find_placeholder(s->when, strlen(s->when)));
        }
}

static void test_shipped(void) {
        static const char *const names[] = { "command", "claude", "codex", "claude-devpod", "claude-kubernetes" };

        TAP_CHECK_INT(n_shipped_recipes, ELEMENTSOF(names));
        for (size_t i = 0; i < n_shipped_recipes; i++) {
                const Recipe *r = &shipped_recipes[i];
                unsigned progress = 0;

                TAP_CHECK_STRING(r->name, names[i]);
                TAP_CHECK(recipe_find(shipped_recipes, n_shipped_recipes, names[i]) == r);
                check_steps(r->steps, r->n_steps, &progress);
                if (r->work.command)
                        check_steps(&r->work, 1, &progress);
                check_steps(r->reviews, r->n_reviews, &progress);
        }
        TAP_CHECK(!recipe_find(shipped_recipes, n_shipped_recipes, "gemini"));
        TAP_CHECK(!recipe_find(NULL, 0, "command"));
}

static void check_same_list(char *const *a, char *const *b) {
        TAP_CHECK_INT(strv_length(a), strv_length(b));
        for (size_t i = 0; a && a[i] && b && b[i]; i++) {
                TAP_CHECK(a[i] != b[i]);
                TAP_CHECK_STRING(a[i], b[i]);
        }
}

static void check_same_step(const RecipeStep *a, const RecipeStep *b) {
        TAP_CHECK_STRING(a->status, b->status);
        TAP_CHECK_INT(a->progress, b->progress);
        check_same_list(a->command, b->command);
        TAP_CHECK_STRING(a->input, b->input);
        check_same_list(a->environment, b->environment);
        TAP_CHECK_STRING(a->when, b->when);
        TAP_CHECK_INT(a->timeout_usec, b->timeout_usec);
        TAP_CHECK_INT(a->line, b->line);
}

static void test_copy(void) {
        char *list[] = { (char *) "A=b", (char *) "c", NULL };
        RecipeStep step = { .status = (char *) "s", .progress = 7, .command = list, .input = (char *) "i",
                            .environment = list, .when = (char *) "pod", .timeout_usec = 5, .line = 9 };
        Recipe recipe = { .name = (char *) "n", .agent = AGENT_KIND_CODEX, .environment = list, .steps = &step,
                          .n_steps = 1, .work = step, .resume = list, .resume_input = (char *) "r",
                          .reviews = &step, .n_reviews = 1, .line = 8 };
        _cleanup_(recipe_done) Recipe copy = {};

        TAP_CHECK_INT(recipe_copy(&recipe, &copy), 0);
        TAP_CHECK_STRING(copy.name, "n");
        TAP_CHECK_INT(copy.agent, AGENT_KIND_CODEX);
        check_same_list(copy.environment, list);
        TAP_CHECK_INT(copy.n_steps, 1);
        check_same_step(copy.steps, &step);
        check_same_step(&copy.work, &step);
        check_same_list(copy.resume, list);
        TAP_CHECK_STRING(copy.resume_input, "r");
        TAP_CHECK_INT(copy.n_reviews, 1);
        check_same_step(copy.reviews, &step);
        TAP_CHECK_INT(copy.line, 8);
}

static void test_copy_of_all(void) {
        Recipe *copy = NULL;

        TAP_CHECK_INT(recipe_list_copy(shipped_recipes, n_shipped_recipes, &copy), 0);
        for (size_t i = 0; i < n_shipped_recipes; i++)
                check_same_step(&copy[i].work, &shipped_recipes[i].work);
        copy = recipe_list_free(copy, n_shipped_recipes);
        TAP_CHECK(!copy);
}

static const TapTest tests[] = {
        { "a text with its placeholders replaced, once", test_texts },
        { "an unknown placeholder is found", test_unknown },
        { "every placeholder has its value, and none without", test_every_placeholder },
        { "a step expands to argv, input and environment", test_step },
        { "a step without input and environment has none", test_step_without_more },
        { "the command of a request is taken as it is", test_command_of_request },
        { "what would be too long is refused", test_bounds },
        { "a NUL byte reaches stdin, and no argument or variable", test_nul },
        { "a value that would be cut is found wherever it is used", test_cuts },
        { "a text of a NUL byte alone is one", test_nul_is_a_text },
        { "a step is left out where its value is not there", test_when },
        { "what a request must give is found", test_lacks },
        { "a lacking value is found wherever it is used", test_lacks_anywhere },
        { "the work of a session that goes on", test_work },
        { "the shipped recipes hold together", test_shipped },
        { "a copy is equal and owns all", test_copy },
        { "all shipped recipes can be copied", test_copy_of_all },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Recipes in the configuration: what is read of them, what is refused and where; and that the shipped file shows the
 * recipes that are shipped, which are also there without it. */
#include "tap.h"

#include <remote-developer/config.h>
#include <remote-developer/strings.h>

static int read_text(Config *c, const char *text, Problem *problem) {
        return config_read(c, "f.yaml", text, strlen(text), problem);
}

#define R "recipes:\n"
#define MINE R "  mine:\n"
#define WORK "    work: {command: [a]}\n"
#define PREPARE(step) MINE WORK "    prepare:\n      - {" step "}\n"

static const struct {
        const char *text;
        const char *start, *part, *field;
} refused[] = {
        /* names */
        { R "  a b: {}\n", "2:3: ", "recipes must be names of letters, digits, - and _, not \"a b\"", "recipes" },
        { R "  '': {}\n", "2:3: ", "not \"\"", "recipes" },
        { R "  -a: {}\n", "2:3: ", "not \"-a\"", "recipes" },
        { R "  [a]: {}\n", "2:3: ", "the name of a recipe belongs here", "recipes" },
        { MINE WORK "  mine:\n" WORK, "4:3: ", "recipes.mine is here for the second time, after line 2",
                        "recipes.mine" },
        { MINE "    worc: {command: [a]}\n", "3:5: ", "unknown key \"worc\" in recipes.mine; did you mean \"work\"?",
                        "recipes.mine" },
        { MINE "    sandbox: tight\n", "3:14: ", "must be open, standard or strict, not \"tight\"",
                        "recipes.mine.sandbox" },
        { MINE "    sandbox: [strict]\n", "3:14: ", "not a list", "recipes.mine.sandbox" },
        { MINE "    xyzzy: 1\n", "3:5: ", "there are agent, sandbox, environment, prepare, work, resume",
                        "recipes.mine" },
        { MINE WORK WORK, "4:5: ", "recipes.mine.work is here for the second time", "recipes.mine.work" },
        { MINE "    work: {comand: [a]}\n", "3:12: ", "did you mean \"command\"?", "recipes.mine.work" },
        { MINE "    work: {command: [a], timeout: 5}\n", "3:26: ", "unknown key \"timeout\"", "recipes.mine.work" },
        { MINE "    work: {command: [a], when: pod}\n", "3:26: ", "unknown key \"when\"", "recipes.mine.work" },
        /* shapes */
        { "recipes: 5\n", "1:10: ", "the section recipes must hold", "recipes" },
        { R "  mine: 5\n", "2:9: ", "recipes.mine must be a mapping of keys to values, not \"5\"", "recipes.mine" },
        { R "  mine:\n", "2:8: ", "recipes.mine has no value", "recipes.mine" },
        { R "  mine: {}\n", "2:3: ", "recipes.mine has no work", "recipes.mine" },
        { MINE "    work: [a]\n", "3:11: ", "must be a mapping of keys to values, not a list", "recipes.mine.work" },
        { MINE WORK "    prepare: {command: [a]}\n", "4:14: ", "must be a list of steps, not a mapping",
                        "recipes.mine.prepare" },
        { MINE WORK "    prepare: [a]\n", "4:15: ", "must be a mapping", "recipes.mine.prepare" },
        { MINE WORK "    review:\n      - status: a\n", "5:9: ", "a step of recipes.mine.review has no command",
                        "recipes.mine.review" },
        { MINE WORK "    resume_input: go on\n", "2:3: ", "no resume that would read it", "recipes.mine" },
        { MINE WORK "    resume: [a]\n", "2:3: ", "say which agent it is", "recipes.mine" },
        { MINE "    agent: cloude\n",
                        "3:12: ", "unknown agent \"cloude\" in recipes.mine.agent; did you mean \"claude\"?",
                        "recipes.mine.agent" },
        { MINE "    agent: [claude]\n", "3:12: ", "the name of an agent, not a list", "recipes.mine.agent" },
        /* commands */
        { MINE "    work: {command: []}\n", "3:21: ", "recipes.mine.work.command is empty",
                        "recipes.mine.work.command" },
        { MINE "    work: {command: ['', a]}\n", "3:21: ", "must begin with a program", "recipes.mine.work.command" },
        { MINE "    work: {command: make test}\n", "3:21: ", "must be a list, a program and its arguments, not \"make",
                        "recipes.mine.work.command" },
        { MINE "    work: {command: [a, [b]]}\n", "3:25: ", "must be a text", "recipes.mine.work.command" },
        { MINE "    work: {command: [a, ~]}\n", "3:25: ", "has no value; it must be a text; quote it",
                        "recipes.mine.work.command" },
        { MINE "    work: {command: ['a\\0', \"\\0\"]}\n", "3:29: ", "NUL", NULL },
        { MINE "    agent: claude\n    resume: []\n", "4:13: ", "is empty", "recipes.mine.resume" },
        /* placeholders */
        { MINE "    work:\n      command: [a, 'x{task-id}', '{task_idd}']\n", "4:34: ",
                        "unknown placeholder \"task_idd\" in recipes.mine.work.command; did you mean \"task_id\"?",
                        "recipes.mine.work.command" },
        { MINE "    work: {command: ['{program}']}\n", "3:22: ", "there are task_id, task_description, github_repo",
                        "recipes.mine.work.command" },
        { MINE "    work: {command: [a], input: 'do {this}'}\n", "3:33: ", "unknown placeholder \"this\"",
                        "recipes.mine.work.input" },
        { MINE "    environment: {A: '{home}'}\n", "3:22: ", "unknown placeholder \"home\"",
                        "recipes.mine.environment" },
        { PREPARE("command: [a], environment: {A: '{home}'}"), "5:41: ", "unknown placeholder \"home\"",
                        "recipes.mine.prepare.environment" },
        { MINE "    agent: claude\n    resume: ['{a}']\n", "4:14: ", "unknown placeholder \"a\"",
                        "recipes.mine.resume" },
        { MINE "    resume_input: '{a}'\n", "3:19: ", "unknown placeholder \"a\"", "recipes.mine.resume_input" },
        { PREPARE("command: [a], when: '{pod}'"), "5:30: ", "unknown placeholder \"{pod}\"",
                        "recipes.mine.prepare.when" },
        { PREPARE("command: [a], when: pods"), "5:30: ", "did you mean \"pod\"?", "recipes.mine.prepare.when" },
        { PREPARE("command: [a], when: "), "5:30: ", "the name of a placeholder", "recipes.mine.prepare.when" },
        /* words and numbers */
        { PREPARE("command: [a], status: Cloning"), "5:32: ", "a word of small letters",
                        "recipes.mine.prepare.status" },
        { PREPARE("command: [a], status: 9a"), "5:32: ", "a word of small letters", "recipes.mine.prepare.status" },
        { PREPARE("command: [a], status: a b"), "5:32: ", "not \"a b\"", "recipes.mine.prepare.status" },
        { PREPARE("command: [a], status: completed"), "5:32: ", "that is no result of a task",
                        "recipes.mine.prepare.status" },
        { PREPARE("command: [a], status: ''"), "5:32: ", "not \"\"", "recipes.mine.prepare.status" },
        { PREPARE("command: [a], status: [a]"), "5:32: ", "not a list", "recipes.mine.prepare.status" },
        { PREPARE("command: [a], progress: 0"), "5:34: ", "a whole number from 1 to 99, not \"0\"",
                        "recipes.mine.prepare.progress" },
        { PREPARE("command: [a], progress: 100"), "5:34: ", "not \"100\"", "recipes.mine.prepare.progress" },
        { PREPARE("command: [a], progress: -1"), "5:34: ", "not \"-1\"", "recipes.mine.prepare.progress" },
        { PREPARE("command: [a], progress: '5'"), "5:34: ", "not \"5\"", "recipes.mine.prepare.progress" },
        { PREPARE("command: [a], progress: 99999999999999999999"), "5:34: ", "a whole number",
                        "recipes.mine.prepare.progress" },
        { PREPARE("command: [a], timeout: 86401"), "5:33: ", "from 1 to 86400", "recipes.mine.prepare.timeout" },
        { PREPARE("command: [a], timeout: 0"), "5:33: ", "from 1 to 86400", "recipes.mine.prepare.timeout" },
        { PREPARE("command: [a], timeout: 2h"), "5:33: ", "not \"2h\"", "recipes.mine.prepare.timeout" },
        /* variables */
        { MINE "    environment: [A=b]\n", "3:18: ", "must be a mapping of names to values, not a list",
                        "recipes.mine.environment" },
        { MINE "    environment: {1A: b}\n", "3:19: ", "names of variables", "recipes.mine.environment" },
        { MINE "    environment: {A=B: b}\n", "3:19: ", "names of variables", "recipes.mine.environment" },
        { MINE "    environment: {EXIT_CODE: b}\n", "3:30: ", "set by systemd itself", "recipes.mine.environment" },
        { MINE "    environment: {A: [b]}\n", "3:22: ", "must be a text", "recipes.mine.environment" },
        { MINE "    environment: {A: }\n", "3:22: ", "quote it if it is empty", "recipes.mine.environment" },
        { MINE "    environment: {A: \"\\e[0m\"}\n", "3:22: ", "control characters", "recipes.mine.environment" },
        /* what is true of all YAML */
        { MINE "    work: &w {command: [a]}\n", "3:11: ", "anchors", NULL },
        { MINE "    work: {command: [*a]}\n", "3:22: ", "aliases", NULL },
};

static void check_refused(size_t i) {
        _cleanup_(config_done) Config c = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_free_ char *start = string_format("f.yaml:%s", refused[i].start);

        TAP_CHECK_INT(config_init(&c), 0);
        TAP_CHECK_INT(read_text(&c, refused[i].text, &problem), -EINVAL);
        TAP_CHECK_INT(c.n_recipes, n_shipped_recipes);
        if (!string_has_prefix(problem_sentence(&problem), start))
                TAP_CHECK_STRING(problem.sentence, start);
        TAP_CHECK_CONTAINS(problem.sentence, refused[i].part);
        TAP_CHECK_STRING(problem.field, refused[i].field);
}

static void test_refusals(void) {
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                check_refused(i);
}

/* `n` steps that prepare. */
static char *with_steps(unsigned n) {
        Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append_string(&b, MINE WORK "    prepare:\n"), 0);
        for (unsigned i = 0; i < n; i++)
                TAP_CHECK_INT(buffer_append_string(&b, "      - command: [a]\n"), 0);
        return buffer_take(&b);
}

static void test_too_many_steps(void) {
        _cleanup_free_ char *most = with_steps(RECIPE_STEPS_MAX), *more = with_steps(RECIPE_STEPS_MAX + 1);
        _cleanup_(config_done) Config c = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        TAP_CHECK_INT(config_init(&c), 0);
        TAP_CHECK_INT(read_text(&c, more, &problem), -EINVAL);
        TAP_CHECK_CONTAINS(problem.sentence, "f.yaml:21:9: recipes.mine.prepare has more than 16 steps");
        TAP_CHECK_INT(read_text(&c, most, NULL), 0);
        TAP_CHECK_INT(config_find_recipe(&c, "mine")->n_steps, RECIPE_STEPS_MAX);
}

static const char everything[] =
        "recipes:\n"
        "  mine:\n"
        "    agent: codex\n"
        "    sandbox: strict\n"
        "    environment: {A: '{task_id}', B: 7}\n"
        "    prepare:\n"
        "      - status: fetching_2\n"
        "        progress: 1\n"
        "        command: [sh, -c, 'echo {{x}} $1', '']\n"
        "        input: |\n"
        "          two\n"
        "          lines\n"
        "        environment:\n"
        "          C: ''\n"
        "        timeout: 86400\n"
        "        when: pod\n"
        "      - command: [second]\n"
        "    work:\n"
        "      status: thinking\n"
        "      progress: 99\n"
        "      command: [agent, 5]\n"
        "      input: '{task_description}'\n"
        "    resume: [agent, '{session_id}']\n"
        "    resume_input: continue\n"
        "    review:\n"
        "      - command: [look]\n";

static void check_step(const RecipeStep *s, const char *status, unsigned progress, const char *program, size_t line) {
        TAP_CHECK_STRING(s->status, status);
        TAP_CHECK_INT(s->progress, progress);
        TAP_CHECK_STRING(s->command ? s->command[0] : NULL, program);
        TAP_CHECK_INT(s->line, line);
}

static void check_everything(const Recipe *r) {
        TAP_CHECK_INT(r->agent, AGENT_KIND_CODEX);
        TAP_CHECK_INT(r->sandbox, SANDBOX_STRICT);
        TAP_CHECK_INT(r->line, 2);
        TAP_CHECK_STRING(r->environment[0], "A={task_id}");
        TAP_CHECK_STRING(r->environment[1], "B=7");
        check_step(&r->steps[0], "fetching_2", 1, "sh", 7);
        TAP_CHECK_STRING(r->steps[0].command[2], "echo {{x}} $1");
        TAP_CHECK_STRING(r->steps[0].command[3], "");
        TAP_CHECK_STRING(r->steps[0].input, "two\nlines\n");
        TAP_CHECK_STRING(r->steps[0].environment[0], "C=");
        TAP_CHECK_INT(r->steps[0].timeout_usec, 86400 * USEC_PER_SEC);
        TAP_CHECK_STRING(r->steps[0].when, "pod");
        check_step(&r->steps[1], "preparing_workspace", 40, "second", 17);
        TAP_CHECK(!r->steps[1].input && !r->steps[1].environment && !r->steps[1].when);
        TAP_CHECK_INT(r->steps[1].timeout_usec, 0);
        check_step(&r->work, "thinking", 99, "agent", 19);
        TAP_CHECK_STRING(r->work.command[1], "5");
        TAP_CHECK_STRING(r->work.input, "{task_description}");
        TAP_CHECK_STRING(r->resume[1], "{session_id}");
        TAP_CHECK_STRING(r->resume_input, "continue");
        check_step(&r->reviews[0], "reviewing_changes", 75, "look", 26);
}

static void test_everything(void) {
        _cleanup_(config_done) Config c = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        const Recipe *r;

        TAP_CHECK_INT(config_init(&c), 0);
        if (!TAP_CHECK_INT(read_text(&c, everything, &problem), 0))
                printf("# %s\n", problem_sentence(&problem));
        TAP_CHECK_INT(c.n_recipes, n_shipped_recipes + 1);
        r = config_find_recipe(&c, "mine");
        if (TAP_CHECK(r) && TAP_CHECK_INT(r->n_steps, 2) && TAP_CHECK_INT(r->n_reviews, 1))
                check_everything(r);
}

static void test_smallest(void) {
        _cleanup_(config_done) Config c = {};
        const Recipe *r;

        TAP_CHECK_INT(config_init(&c), 0);
        TAP_CHECK_INT(read_text(&c, MINE "    work: {}\n    prepare:\n    environment:\n", NULL), 0);
        r = config_find_recipe(&c, "mine");
        if (!TAP_CHECK(r))
                return;
        TAP_CHECK_INT(r->agent, AGENT_KIND_NONE);
        TAP_CHECK_INT(r->n_steps, 0);
        check_step(&r->work, "executing_task", 60, NULL, 3);
}

/* A recipe of the same name is replaced as a whole; a file without recipes, and one read after it, leave all. */
static void test_replacing(void) {
        _cleanup_(config_done) Config c = {};

        TAP_CHECK_INT(config_init(&c), 0);
        TAP_CHECK_INT(read_text(&c, R "  claude:\n" WORK, NULL), 0);
        TAP_CHECK_INT(c.n_recipes, n_shipped_recipes);
        TAP_CHECK_INT(config_find_recipe(&c, "claude")->n_steps, 0);
        TAP_CHECK(!config_find_recipe(&c, "claude")->resume);
        TAP_CHECK_INT(read_text(&c, "recovery:\n  monitor_interval: 5\n", NULL), 0);
        TAP_CHECK_STRING(config_find_recipe(&c, "claude")->work.command[0], "a");
        TAP_CHECK_INT(read_text(&c, R "  claude:\n    work: {command: [b]}\n", NULL), 0);
        TAP_CHECK_STRING(config_find_recipe(&c, "claude")->work.command[0], "b");
        TAP_CHECK(!config_find_recipe(&c, "mine"));
}

static void check_same_list(char *const *is, char *const *should) {
        TAP_CHECK_INT(strv_length(is), strv_length(should));
        for (size_t i = 0; is && is[i] && should && should[i]; i++)
                TAP_CHECK_STRING(is[i], should[i]);
}

static void check_same_step(const RecipeStep *is, const RecipeStep *should) {
        TAP_CHECK_STRING(is->status, should->status);
        TAP_CHECK_INT(is->progress, should->progress);
        check_same_list(is->command, should->command);
        TAP_CHECK_STRING(is->input, should->input);
        check_same_list(is->environment, should->environment);
        TAP_CHECK_STRING(is->when, should->when);
        TAP_CHECK_INT(is->timeout_usec, should->timeout_usec);
        TAP_CHECK(is->line > 0);
}

/* Each change of one thing makes another recipe of it. */
static void test_equal(void) {
        static const char *const changes[] = {
                "    agent: claude\n", "    environment: {A: c}\n", "    environment: {A: b, C: d}\n",
                "    prepare: [{command: [a]}, {command: [b]}]\n", "    prepare: [{command: [b]}]\n",
                "    prepare: [{command: [a], when: pod}]\n", "    prepare: [{command: [a], timeout: 1}]\n",
                "    prepare: [{command: [a], progress: 1}]\n", "    prepare: [{command: [a], status: x}]\n",
                "    prepare: [{command: [a], input: x}]\n", "    prepare: [{command: [a], environment: {A: b}}]\n",
                "    agent: claude\n    resume: [a]\n", "    review: [{command: [a]}]\n",
        };
        static const char base[] = MINE WORK "    environment: {A: b}\n    prepare: [{command: [a]}]\n";
        _cleanup_(config_done) Config c = {};

        TAP_CHECK_INT(config_init(&c), 0);
        TAP_CHECK_INT(read_text(&c, base, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                size_t key = strcspn(changes[i], ":");
                _cleanup_free_ char *text = string_format(MINE WORK "%s%s%s",
                        strncmp(changes[i], "    environment", key) == 0 ? "" : "    environment: {A: b}\n",
                        strncmp(changes[i], "    prepare", key) == 0 ? "" : "    prepare: [{command: [a]}]\n",
                        changes[i]);
                _cleanup_(config_done) Config other = {};

                TAP_CHECK_INT(config_init(&other), 0);
                TAP_CHECK_INT(read_text(&other, text, NULL), 0);
                if (recipe_is_equal(config_find_recipe(&c, "mine"), config_find_recipe(&other, "mine")))
                        tap_fail(__FILE__, __LINE__, "equal with %s", changes[i]);
        }
        TAP_CHECK(!recipe_is_shipped(config_find_recipe(&c, "mine")));
}

static void check_same_recipe(const Recipe *is, const Recipe *should) {
        TAP_CHECK(recipe_is_equal(is, should));
        TAP_CHECK(recipe_is_shipped(is));
        TAP_CHECK_STRING(is->name, should->name);
        TAP_CHECK_INT(is->agent, should->agent);
        check_same_list(is->environment, should->environment);
        if (TAP_CHECK_INT(is->n_steps, should->n_steps))
                for (size_t i = 0; i < is->n_steps; i++)
                        check_same_step(&is->steps[i], &should->steps[i]);
        check_same_step(&is->work, &should->work);
        check_same_list(is->resume, should->resume);
        TAP_CHECK_STRING(is->resume_input, should->resume_input);
        if (TAP_CHECK_INT(is->n_reviews, should->n_reviews))
                for (size_t i = 0; i < is->n_reviews; i++)
                        check_same_step(&is->reviews[i], &should->reviews[i]);
}

static void test_shipped_file(void) {
        _cleanup_free_ char *path = string_format("%s/config/long_running_tasks.yaml", getenv("SOURCE_ROOT") ?: ".");
        _cleanup_(config_done) Config c = {};

        TAP_CHECK_INT(config_init(&c), 0);
        TAP_CHECK_INT(config_read_file(&c, path, NULL), 0);
        TAP_CHECK_INT(c.n_recipes, n_shipped_recipes);
        for (size_t i = 0; i < n_shipped_recipes; i++)
                check_same_recipe(&c.recipes[i], &shipped_recipes[i]);
}

static const TapTest tests[] = {
        { "what is no recipe is refused, with its place", test_refusals },
        { "too many steps are refused", test_too_many_steps },
        { "everything that a recipe may say", test_everything },
        { "the least that it must say", test_smallest },
        { "a recipe replaces one of its name", test_replacing },
        { "the shipped file has the shipped recipes", test_shipped_file },
        { "recipes are equal or not", test_equal },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

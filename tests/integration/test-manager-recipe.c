/* Recipes in the manager: what a task of one is told, when one cannot run, and that an agent has its directory for
 * itself. */
#include "story.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <signal.h>

#define CLAUDE(directory) "{\"task_description\": \"d\", \"working_directory\": \"" directory "\"}"

/* The program of the claude recipe goes, or comes. */
static void set_program(const Story *s, bool there) {
        _cleanup_free_ char *path = string_format("%s/claude", s->programs);
        _cleanup_close_ int fd = -EBADF;

        if (!there) {
                TAP_CHECK_INT(unlink(path), 0);
                return;
        }
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
        TAP_CHECK(fd >= 0);
}

static void test_program_that_is_not_there(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        set_program(&s, false);
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv")), -EINVAL);
        TAP_CHECK_STRING(s.problem.field, "recipe");
        TAP_CHECK_CONTAINS(s.problem.sentence, "The recipe claude needs the program claude, which is not there");
        TAP_CHECK_INT(story_count_files(&s, ".json"), story_count_files(&s, "active_tasks.json"));
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 0);
        TAP_CHECK_INT(story_create(&s, "{\"command\": [\"no-such-program\"]}"), 0);
        set_program(&s, true);
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv")), 0);
}

/* It is looked for again at each attempt. */
static void test_program_that_went(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run_agent(&s))
                return;
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        set_program(&s, false);
        TAP_CHECK_INT(story_resume(&s), -EINVAL);
        TAP_CHECK_STRING(s.problem.field, "recipe");
        TAP_CHECK(story_is_finished(&s));
        set_program(&s, true);
        TAP_CHECK_INT(story_resume(&s), 0);
}

static void check_in_the_way(Story *s, const char *id) {
        TAP_CHECK_STRING(s->problem.field, "working_directory");
        TAP_CHECK_STRING(s->problem.task_id, id);
        TAP_CHECK_CONTAINS(s->problem.sentence, id);
}

static void test_one_writer_at_a_time(void) {
        _cleanup_(story_done) Story s = {};
        char first[TASK_ID_SIZE + 1];

        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, CLAUDE("/srv/work")), 0))
                return;
        memcpy(first, s.id, sizeof(first));
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv/work")), -EBUSY);
        check_in_the_way(&s, first);
        TAP_CHECK_INT(story_create(&s, CLAUDE("//srv/work/")), -EBUSY);
        check_in_the_way(&s, first);
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv/works")), 0);
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv/work/below")), 0);
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv")), 0);
        TAP_CHECK_INT(story_create(&s, "{\"command\": [\"a\"], \"working_directory\": \"/srv/work\"}"), 0);
        TAP_CHECK_INT(story_create(&s, "{\"task_description\": \"d\", \"github_repo\": \"o/r\"}"), 0);
        TAP_CHECK_INT(story_create(&s, "{\"task_description\": \"d\", \"github_repo\": \"o/r\"}"), 0);
}

/* The directory is free again, and taken by another one, before the first goes on. */
static void test_writer_that_comes_back(void) {
        _cleanup_(story_done) Story s = {};
        char first[TASK_ID_SIZE + 1], second[TASK_ID_SIZE + 1];

        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, CLAUDE("/srv/work")), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        fake_unit_start(story_unit(&s));
        memcpy(first, s.id, sizeof(first));
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        TAP_CHECK_INT(story_create(&s, CLAUDE("/srv/work")), 0);
        memcpy(second, s.id, sizeof(second));
        memcpy(s.id, first, sizeof(first));
        TAP_CHECK_INT(story_resume(&s), -EBUSY);
        check_in_the_way(&s, second);
        TAP_CHECK(story_is_finished(&s));
}

static bool is_uuid4(const char *s) {
        return s && strlen(s) == 36 && strspn(s, "0123456789abcdef-") == 36 && s[8] == '-' && s[14] == '4' &&
                strchr("89ab", s[19]);
}

static void test_session_ids(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *first = NULL;

        if (!story_begin(&s) || !story_run_agent(&s))
                return;
        first = strdup(story_task(&s)->session_id ?: "");
        TAP_CHECK(is_uuid4(first));
        TAP_CHECK(story_document_has(&s, first));
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        TAP_CHECK_INT(story_resume(&s), 0);
        TAP_CHECK(is_uuid4(story_task(&s)->session_id));
        TAP_CHECK(!string_equal(first, story_task(&s)->session_id));
        if (story_run(&s))
                TAP_CHECK_STRING(story_task(&s)->session_id, NULL);
}

#define RECIPES                                                                                                  \
  "recipes:\n"                                                                                                   \
  "  mine:\n"                                                                                                    \
  "    environment: {A: '{task_id}', B: recipe}\n"                                                               \
  "    work:\n"                                                                                                  \
  "      command: [claude, '{attempt}', '{branch}', '{workspace}', '{repository_url}', '{working_directory}']\n" \
  "      environment: {C: '{workspaces}', B: step}\n"                                                            \
  "      input: 'In {github_repo}'\n"

static bool is_sent(const FakeUnit *u, const char *words) {
        for (size_t i = 0; i < u->n_properties; i++)
                if (strstr(u->properties[i].text, words))
                        return true;
        return false;
}

static void test_recipe_of_the_configuration(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *environment = NULL, *work = NULL, *input = NULL;

        if (!story_open(&s) || !TAP_CHECK_INT(config_read(&s.config, "f", RECIPES, strlen(RECIPES), NULL), 0) ||
            !story_start_service(&s) ||
            !TAP_CHECK_INT(story_create(&s, "{\"recipe\": \"mine\", \"github_repo\": \"o/r\", "
                                            "\"environment\": {\"B\": \"request\"}}"), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        environment = story_expand(
                        &s, "as [\"GIT_TERMINAL_PROMPT=0\", \"A={id}\", \"B=request\"]");
        work = story_expand(&s, "\"1\", \"rd/{id}\", \"/srv/workspaces/tasks/{id}\", \"https://github.com/o/r.git\", "
                                "\"/srv/workspaces/tasks/{id}\"");
        input = story_read(&s, ".prompt");
        TAP_CHECK_STRING(fake_unit_property(story_unit(&s), "Environment"), environment);
        TAP_CHECK(is_sent(story_unit(&s), work));
        TAP_CHECK_STRING(input, "In o/r");
        TAP_CHECK_STRING(story_task(&s)->spec.recipe, "mine");
}

#define READS "recipes: {mine: {work: {command: [claude], input: '{task_description}'}}}\n"
#define TELLS "recipes: {mine: {work: {command: [claude, '{task_description}']}}}\n"

/* The bytes of its file are those of the description, which the document keeps. */
static void check_prompt(Story *s, const char *bytes, size_t size) {
        _cleanup_free_ char *path = story_path(s, ".prompt");
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        if (TAP_CHECK_INT(file_read(AT_FDCWD, path, 1000, &b), 0) && TAP_CHECK_INT(b.size, size))
                TAP_CHECK_INT(memcmp(b.data, bytes, size), 0);
        TAP_CHECK(story_document_has(s, "\"task_description\":\"\\u0000--version\\n\\u0000\""));
}

/* A NUL byte is a part of what an agent is told: also after a restart, to a session that begins anew. */
static void test_nul_in_a_description(void) {
        static const char text[] = "\0--version\n\0";
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) ||
            !TAP_CHECK_INT(story_create(&s, "{\"task_description\": \"\\u0000--version\\n\\u0000\", "
                                            "\"working_directory\": \"/srv\"}"), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        check_prompt(&s, text, sizeof(text) - 1);
        fake_unit_start(story_unit(&s));
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        story_stop_service(&s);
        story_write(&s, ".prompt", "");
        if (!story_start_service(&s) || !TAP_CHECK_INT(story_resume(&s), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        check_prompt(&s, text, sizeof(text) - 1);
}

/* The service comes back with a recipe that tells in an argument what it read when the task was asked for. */
static void test_nul_that_would_be_cut(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s) || !TAP_CHECK_INT(config_read(&s.config, "f", READS, strlen(READS), NULL), 0) ||
            !story_start_service(&s))
                return;
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        fake_drop_at(&s.systemd, "StartTransientUnit", true);
        TAP_CHECK_INT(story_create(&s, "{\"recipe\": \"mine\", \"task_description\": \"a\\u0000b\"}"), 0);
        story_settle(&s);
        story_stop_service(&s);
        config_done(&s.config);
        if (!TAP_CHECK_INT(config_init(&s.config), 0) ||
            !TAP_CHECK_INT(config_read(&s.config, "f", TELLS, strlen(TELLS), NULL), 0) || !story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed start-failed");
        TAP_CHECK_CONTAINS(story_task(&s)->error, "gives a text with a NUL byte as an argument");
}

/* The service comes back with a configuration that has it no more. */
static void test_recipe_that_went(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s) || !TAP_CHECK_INT(config_read(&s.config, "f", RECIPES, strlen(RECIPES), NULL), 0) ||
            !story_start_service(&s))
                return;
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        fake_drop_at(&s.systemd, "StartTransientUnit", true);
        TAP_CHECK_INT(story_create(&s, "{\"recipe\": \"mine\", \"github_repo\": \"o/r\"}"), 0);
        story_settle(&s);
        story_stop_service(&s);
        config_done(&s.config);
        if (!TAP_CHECK_INT(config_init(&s.config), 0) || !story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed start-failed");
        TAP_CHECK_CONTAINS(story_task(&s)->error, "There is no recipe \"mine\"");
}

static const TapTest tests[] = {
        { "a recipe whose program is not there is refused until it is", test_program_that_is_not_there },
        { "no attempt without its program", test_program_that_went },
        { "one writer at a time in a directory", test_one_writer_at_a_time },
        { "a writer that comes back waits for the one that is there", test_writer_that_comes_back },
        { "each attempt of an agent has a session id", test_session_ids },
        { "a recipe of the configuration", test_recipe_of_the_configuration },
        { "a NUL byte in a description reaches the agent's stdin", test_nul_in_a_description },
        { "a NUL byte that would be cut is refused", test_nul_that_would_be_cut },
        { "a recipe that is gone when its task begins", test_recipe_that_went },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Requests for a task: what is wrong with them, by field and sentence; what is right, and what becomes of it. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

#define TIMEOUT_MAX (7200 * USEC_PER_SEC)

static const Config config = { .claude_timeout_usec = TIMEOUT_MAX, .stall_timeout_usec = 90 * USEC_PER_SEC,
                               .stall_action = TASK_STALL_STOP };

static int parse(const char *text, TaskSpec *ret, Problem *problem) {
        _cleanup_json_ Json *j = NULL;
        int r;

        r = json_parse(text, strlen(text), &j, problem);
        return r < 0 ? r : task_spec_parse(j, &config, ret, problem);
}

#define COMMAND "\"command\":[\"true\"]"
#define ORIGINAL(pod, repository, token, description) \
        "\"devpod_name\":" pod ",\"github_repo\":" repository ",\"github_token\":" token \
        ",\"task_description\":" description

static const struct {
        const char *text;
        int error;
        const char *field, *part;
} bad[] = {
        /* malformed, or no request at all */
        { "", -EINVAL, NULL, "ends too early" },
        { "{" COMMAND, -EINVAL, NULL, "ends too early" },
        { "[]", -EINVAL, NULL, "must be an object" },
        { "null", -EINVAL, NULL, "must be an object" },
        { "{}", -EINVAL, "devpod_name", "Missing required field: devpod_name" },
        /* wrong types */
        { "{\"command\":\"make test\"}", -EINVAL, "command", "must be an array of strings" },
        { "{\"command\":{\"0\":\"make\"}}", -EINVAL, "command", "must be an array of strings" },
        { "{\"command\":[\"make\",5]}", -EINVAL, "command", "must be an array of strings" },
        { "{\"command\":[\"make\",null]}", -EINVAL, "command", "must be an array of strings" },
        { "{\"command\":true}", -EINVAL, "command", "must be an array of strings" },
        { "{" COMMAND ",\"working_directory\":[\"/\"]}", -EINVAL, "working_directory", "must be a string" },
        { "{" COMMAND ",\"environment\":[\"A=b\"]}", -EINVAL, "environment", "must be an object of strings" },
        { "{" COMMAND ",\"environment\":{\"A\":1}}", -EINVAL, "environment", "must be an object of strings" },
        { "{" COMMAND ",\"labels\":\"a=b\"}", -EINVAL, "labels", "must be an object of strings" },
        { "{" COMMAND ",\"timeout\":\"60\"}", -EINVAL, "timeout", "must be a number of seconds" },
        { "{" COMMAND ",\"stall_timeout\":\"60\"}", -EINVAL, "stall_timeout", "must be a number of seconds" },
        { "{" COMMAND ",\"stall_timeout\":-1}", -EINVAL, "stall_timeout", "must be a number of seconds" },
        { "{" COMMAND ",\"stall_timeout\":0.5}", -EINVAL, "stall_timeout", "from 1 to 604800 seconds, or 0" },
        { "{" COMMAND ",\"stall_timeout\":604801}", -EINVAL, "stall_timeout", "from 1 to 604800 seconds, or 0" },
        { "{" COMMAND ",\"stall_action\":\"kill\"}", -EINVAL, "stall_action", "must be mark or stop" },
        { "{" COMMAND ",\"stall_action\":true}", -EINVAL, "stall_action", "must be mark or stop" },
        { "{" COMMAND ",\"task_description\":{}}", -EINVAL, "task_description", "must be a string" },
        /* unknown */
        { "{" COMMAND ",\"comand\":[]}", -EINVAL, "comand", "Unknown field: comand. The fields are: command, work" },
        { "{" COMMAND ",\"task_id\":\"x\"}", -EINVAL, "task_id", "Unknown field" },
        { "{" COMMAND ",\"Timeout\":5}", -EINVAL, "Timeout", "Unknown field" },
        { "{" COMMAND ",\"\":5}", -EINVAL, "", "Unknown field" },
        /* an empty command */
        { "{\"command\":[]}", -EINVAL, "command", "must name a program" },
        { "{\"command\":[\"\"]}", -EINVAL, "command", "must name a program" },
        { "{\"command\":[\"\",\"a\"]}", -EINVAL, "command", "must name a program" },
        { "{\"command\":[\"./build.sh\"]}", -EINVAL, "command", "give working_directory" },
        { "{\"command\":[\"bin/test\"]}", -EINVAL, "command", "give working_directory" },
        /* NUL and control characters */
        { "{\"command\":[\"a\\u0000b\"]}", -EINVAL, "command", "without NUL" },
        { "{\"command\\u0000\":[\"a\"]}", -EINVAL, NULL, "escape control characters" },
        { "{" COMMAND ",\"working_directory\":\"/a\\u0000\"}", -EINVAL, "working_directory", "without NUL" },
        { "{" COMMAND ",\"environment\":{\"A\":\"\\u0000\"}}", -EINVAL, "environment", "object of strings" },
        { "{" COMMAND ",\"working_directory\":\"/a\\nUser=x\"}", -EINVAL, "working_directory", "not hold control" },
        { "{" COMMAND ",\"working_directory\":\"/a\\t\"}", -EINVAL, "working_directory", "not hold control" },
        { "{" COMMAND ",\"working_directory\":\"/a\x7f\"}", -EINVAL, "working_directory", "not hold control" },
        { "{" COMMAND ",\"environment\":{\"A\":\"\\u001b[0m\"}}", -EINVAL, "environment", "value of A" },
        { "{" COMMAND ",\"environment\":{\"A\":\"\x7f\"}}", -EINVAL, "environment", "value of A" },
        /* directories */
        { "{" COMMAND ",\"working_directory\":\"\"}", -EINVAL, "working_directory", "absolute path, not \"\"" },
        { "{" COMMAND ",\"working_directory\":\"work\"}", -EINVAL, "working_directory", "path, not \"work\"" },
        { "{" COMMAND ",\"working_directory\":\"~\"}", -EINVAL, "working_directory", "absolute path" },
        { "{" COMMAND ",\"working_directory\":\"-/srv\"}", -EINVAL, "working_directory", "absolute path" },
        { "{" COMMAND ",\"working_directory\":\"/srv/../etc\"}", -EINVAL, "working_directory", "\"..\"" },
        { "{" COMMAND ",\"working_directory\":\"/..\"}", -EINVAL, "working_directory", "\"..\"" },
        { "{" COMMAND ",\"working_directory\":\"/srv/.\"}", -EINVAL, "working_directory", "\"..\"" },
        { "{" COMMAND ",\"working_directory\":\"/srv//.//a\"}", -EINVAL, "working_directory", "\"..\"" },
        { "{" COMMAND ",\"working_directory\":\"/srv/a\\\\\"}", -EINVAL, "working_directory", "or a backslash" },
        { "{" COMMAND ",\"working_directory\":\"/srv/a\\\\//\"}", -EINVAL, "working_directory", "or a backslash" },
        { "{" COMMAND ",\"working_directory\":\"/srv/a \"}", -EINVAL, "working_directory", "in a space" },
        { "{" COMMAND ",\"working_directory\":\"/srv/a /\"}", -EINVAL, "working_directory", "in a space" },
        /* variables */
        { "{" COMMAND ",\"environment\":{\"\":\"a\"}}", -EINVAL, "environment", "object of strings" },
        { "{" COMMAND ",\"environment\":{\"A=B\":\"a\"}}", -EINVAL, "environment", "object of strings" },
        { "{" COMMAND ",\"environment\":{\"1A\":\"a\"}}", -EINVAL, "environment", "\"1A\" is no name of a variable" },
        { "{" COMMAND ",\"environment\":{\"A B\":\"a\"}}", -EINVAL, "environment", "\"A B\" is no name" },
        { "{" COMMAND ",\"environment\":{\"OK\":\"\",\"\xc3\x84\":\"a\"}}", -EINVAL, "environment", "is no name" },
        { "{" COMMAND ",\"environment\":{\"INVOCATION_ID\":\"\"}}", -EINVAL, "environment", "INVOCATION_ID is set" },
        { "{" COMMAND ",\"environment\":{\"SERVICE_RESULT\":\"success\"}}", -EINVAL, "environment", "set by systemd" },
        { "{" COMMAND ",\"environment\":{\"A\":\"\",\"EXIT_CODE\":\"\"}}", -EINVAL, "environment", "set by systemd" },
        { "{" COMMAND ",\"environment\":{\"EXIT_STATUS\":\"0\"}}", -EINVAL, "environment", "set by systemd" },
        /* limits of time */
        { "{" COMMAND ",\"timeout\":0}", -EINVAL, "timeout", "from 1 to 7200 seconds" },
        { "{" COMMAND ",\"timeout\":0.999}", -EINVAL, "timeout", "from 1 to 7200 seconds" },
        { "{" COMMAND ",\"timeout\":7201}", -EINVAL, "timeout", "from 1 to 7200 seconds" },
        { "{" COMMAND ",\"timeout\":7200.001}", -EINVAL, "timeout", "from 1 to 7200 seconds" },
        { "{" COMMAND ",\"timeout\":-1}", -EINVAL, "timeout", "must be a number of seconds" },
        { "{" COMMAND ",\"timeout\":1e400}", -EINVAL, "timeout", "must be a number of seconds" },
        { "{" COMMAND ",\"timeout\":99999999999999999999}", -EINVAL, "timeout", "must be a number of seconds" },
        /* the original's fields, one after the other */
        { "{" ORIGINAL("null", "\"r\"", "\"t\"", "\"d\"") "}", -EINVAL, "devpod_name", "Missing required field" },
        { "{" ORIGINAL("\"\"", "\"r\"", "\"t\"", "\"d\"") "}", -EINVAL, "devpod_name", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"\"", "\"t\"", "\"d\"") "}", -EINVAL, "github_repo", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"r\"", "null", "\"d\"") "}", -EINVAL, "github_token", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"r\"", "\"t\"", "\"\"") "}", -EINVAL, "task_description", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"r\"", "\"t\"", "5") "}", -EINVAL, "task_description", "must be a string" },
        { "{\"command\":null}", -EINVAL, "devpod_name", "Missing required field" },
};

static void check_refused(const char *text, int error, const char *field, const char *part) {
        static const TaskSpec before = { .timeout_usec = 77 };
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        TaskSpec s = before;
        int r = parse(text, &s, &problem);

        if (r != error || problem.error != error || !string_equal(problem.field, field) || !problem.sentence ||
            !strstr(problem.sentence, part))
                tap_fail(__FILE__, __LINE__, "%.200s: %d, field %.200s: %.200s", text, r, problem.field ?: "none",
                         problem.sentence ?: "no sentence");
        TAP_CHECK_INT(memcmp(&s, &before, sizeof(s)), 0);
        /* What the user sent comes back cut, so that a mistake is not answered with megabytes. */
        TAP_CHECK(strlen(problem_sentence(&problem)) < 2 * PROBLEM_VALUE_MAX + 100);
}

static void test_bad_requests(void) {
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                check_refused(bad[i].text, bad[i].error, bad[i].field, bad[i].part);
}

/* --- sizes --- */

static char *filler(char first, size_t size) {
        char *s = calloc(size + 1, 1);

        memset(s, 'x', size);
        s[0] = first;
        return s;
}

/* `count` texts of `size` bytes between `open` and `close`: strings, or members with a name and their number. */
static char *many(const char *open, const char *name, const char *close, unsigned count, size_t size) {
        _cleanup_free_ char *text = filler('/', size);
        Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append_string(&b, open), 0);
        for (unsigned i = 0; i < count; i++) {
                if (*name)
                        TAP_CHECK_INT(buffer_append_format(&b, "%s\"%s%05u\":", i > 0 ? "," : "", name, i), 0);
                else
                        TAP_CHECK_INT(buffer_append_string(&b, i > 0 ? "," : ""), 0);
                TAP_CHECK_INT(buffer_append_format(&b, "\"%s\"", text), 0);
        }
        TAP_CHECK_INT(buffer_append_string(&b, close), 0);
        return buffer_take(&b);
}

#define ARGUMENTS "{\"command\":[\"abc\",", "", "]}"
#define VARIABLES "{" COMMAND ",\"environment\":{", "V", "}}"
#define LABELS "{" COMMAND ",\"labels\":{", "l", "}}"
#define DIRECTORY "{" COMMAND ",\"working_directory\":", "", "}"

static const struct {
        const char *open, *name, *close;
        unsigned count;
        size_t size;
        int error;
        const char *field, *part;
} sizes[] = {
        { ARGUMENTS, TASK_COMMAND_ARGUMENTS_MAX - 1, 1, 0, NULL, NULL },
        { ARGUMENTS, TASK_COMMAND_ARGUMENTS_MAX, 1, -E2BIG, "command", "4097 arguments; at most 4096" },
        { ARGUMENTS, 1, TASK_ARGUMENT_SIZE_MAX, 0, NULL, NULL },
        { ARGUMENTS, 1, TASK_ARGUMENT_SIZE_MAX + 1, -E2BIG, "command", "command[1] is too long" },
        /* All with their 0 bytes, "abc" too: 4 + 9 * 116508 is 1 MiB. */
        { ARGUMENTS, 9, 116507, 0, NULL, NULL },
        { ARGUMENTS, 9, 116508, -E2BIG, "command", "command[9] is too long" },
        { VARIABLES, TASK_ENVIRONMENT_MAX, 1, 0, NULL, NULL },
        { VARIABLES, TASK_ENVIRONMENT_MAX + 1, 1, -E2BIG, "environment", "more than 1024 variables" },
        { VARIABLES, 1, TASK_ARGUMENT_SIZE_MAX - 7, 0, NULL, NULL },
        { VARIABLES, 1, TASK_ARGUMENT_SIZE_MAX - 6, -EINVAL, "environment", "value of V00000 is too long" },
        { LABELS, TASK_LABELS_MAX, 1, 0, NULL, NULL },
        { LABELS, TASK_LABELS_MAX + 1, 1, -E2BIG, "labels", "at most 64" },
        { LABELS, 1, TASK_LABEL_SIZE_MAX - 7, 0, NULL, NULL },
        { LABELS, 1, TASK_LABEL_SIZE_MAX - 6, -E2BIG, "labels", "256 bytes together" },
        { DIRECTORY, 1, 4095, 0, NULL, NULL },
        { DIRECTORY, 1, 4096, -EINVAL, "working_directory", "longer than a path" },
};

static void test_sizes(void) {
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_free_ char *text = many(sizes[i].open, sizes[i].name, sizes[i].close, sizes[i].count,
                                                 sizes[i].size);
                _cleanup_(task_spec_done) TaskSpec s = {};
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

                if (sizes[i].error < 0)
                        check_refused(text, sizes[i].error, sizes[i].field, sizes[i].part);
                else if (parse(text, &s, &problem) < 0)
                        tap_fail(__FILE__, __LINE__, "%.40s... of %u times %zu bytes: %s", text, sizes[i].count,
                                 sizes[i].size, problem_sentence(&problem));
        }
}

static void test_sentences_stay_short(void) {
        _cleanup_free_ char *text = filler(' ', 100000), *start = filler(' ', PROBLEM_VALUE_MAX);
        _cleanup_free_ char *name = string_format("{\"%s\":1}", text);
        _cleanup_free_ char *directory = string_format("{" COMMAND ",\"working_directory\":\"%s\"}", text);
        _cleanup_free_ char *variable = string_format("{" COMMAND ",\"environment\":{\"%s\":\"\"}}", text);

        check_refused(name, -EINVAL, start, "Unknown field:  xxx");
        check_refused(directory, -EINVAL, "working_directory", "must be an absolute path");
        check_refused(variable, -EINVAL, "environment", "is no name of a variable");
}

/* --- good ones --- */

static void test_smallest(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{" COMMAND "}", &s, NULL), 0);
        TAP_CHECK_INT(s.recipe, TASK_RECIPE_COMMAND);
        TAP_CHECK_INT(strv_length(s.command), 1);
        TAP_CHECK_STRING(s.command[0], "true");
        TAP_CHECK_INT(s.timeout_usec, TIMEOUT_MAX);
        TAP_CHECK(!s.working_directory && !s.environment && !s.labels && !s.devpod_name && !s.task_description);
}

static void test_everything(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{\"command\":[\"./a b\",\"\",\"$HOME %n\\n\\u0001\"],"
                            "\"working_directory\":\"/srv//..a/b.\","
                            "\"environment\":{\"_A1\":\"x=y\",\"B\":\"line\\n\\ttab\",\"BOOT_ID\":\"\"},\"timeout\":1,"
                            "\"labels\":{\"team\":\"\xc3\xa4\",\"\xc3\xa4 b\":\"\"},"
                            ORIGINAL("\"p\"", "\"r\"", "\"t\"", "\"d\"") "}", &s, NULL), 0);
        TAP_CHECK_INT(s.recipe, TASK_RECIPE_COMMAND);
        TAP_CHECK_STRING(s.command[0], "./a b");
        TAP_CHECK_STRING(s.command[1], "");
        TAP_CHECK_STRING(s.command[2], "$HOME %n\n\x01");
        TAP_CHECK_STRING(s.working_directory, "/srv//..a/b.");
        TAP_CHECK_STRING(s.environment[0], "_A1=x=y");
        TAP_CHECK_STRING(s.environment[1], "B=line\n\ttab");
        TAP_CHECK_INT(s.timeout_usec, USEC_PER_SEC);
        TAP_CHECK_STRING(s.labels[0], "team=\xc3\xa4");
        TAP_CHECK_STRING(s.labels[1], "\xc3\xa4 b=");
        TAP_CHECK_STRING(s.devpod_name, "p");
        TAP_CHECK_STRING(s.github_repo, "r");
        TAP_CHECK_STRING(s.task_description, "d");
}

static void test_original(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{" ORIGINAL("\"p\"", "\"o/r\"", "\"secret\"", "\"do it\"") ",\"timeout\":7200}", &s,
                            NULL), 0);
        TAP_CHECK_INT(s.recipe, TASK_RECIPE_CLAUDE);
        TAP_CHECK(!s.command);
        TAP_CHECK_STRING(s.devpod_name, "p");
        TAP_CHECK_STRING(s.github_repo, "o/r");
        TAP_CHECK_STRING(s.task_description, "do it");
        TAP_CHECK_INT(s.timeout_usec, TIMEOUT_MAX);
}

/* What is said counts, 0 too; what is not is as configured. */
static void test_stalls(void) {
        static const struct {
                const char *text;
                usec_t timeout_usec;
                TaskStallAction action;
        } rows[] = {
                { "{" COMMAND "}", 90 * USEC_PER_SEC, TASK_STALL_STOP },
                { "{" COMMAND ",\"stall_timeout\":null,\"stall_action\":null}", 90 * USEC_PER_SEC, TASK_STALL_STOP },
                { "{" COMMAND ",\"stall_timeout\":0}", 0, TASK_STALL_STOP },
                { "{" COMMAND ",\"stall_timeout\":1,\"stall_action\":\"mark\"}", USEC_PER_SEC, TASK_STALL_MARK },
                { "{" COMMAND ",\"stall_timeout\":604800}", 604800 * USEC_PER_SEC, TASK_STALL_STOP },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(task_spec_done) TaskSpec s = {};

                TAP_CHECK_INT(parse(rows[i].text, &s, NULL), 0);
                TAP_CHECK_INT(s.stall_timeout_usec, rows[i].timeout_usec);
                TAP_CHECK_INT(s.stall_action, rows[i].action);
        }
}

static void test_null_is_the_default(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{" COMMAND ",\"timeout\":null,\"working_directory\":null,\"environment\":null,"
                            "\"labels\":null}", &s, NULL), 0);
        TAP_CHECK_INT(s.timeout_usec, TIMEOUT_MAX);
        TAP_CHECK(!s.working_directory);
}

static void test_a_program_by_path(void) {
        static const char *const texts[] = {
                "{\"command\":[\"/bin/true\"]}", "{\"command\":[\"true\"]}",
                "{\"command\":[\"./x\"],\"working_directory\":\"/\"}",
                "{\"command\":[\"x\"],\"working_directory\":\"/srv/a b\\\\c/%n\"}",
                "{\"command\":[\"a/b\"],\"working_directory\":\"/srv/\"}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(task_spec_done) TaskSpec s = {};

                TAP_CHECK_INT(parse(texts[i], &s, NULL), 0);
        }
}

static const TapTest tests[] = {
        { "bad requests", test_bad_requests },
        { "sizes, at their limit and one beyond", test_sizes },
        { "sentences stay short", test_sentences_stay_short },
        { "the smallest request", test_smallest },
        { "everything at once", test_everything },
        { "the original's request", test_original },
        { "stalls, as asked for or as configured", test_stalls },
        { "null is the default", test_null_is_the_default },
        { "a program by its path", test_a_program_by_path },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Requests for a task: what is wrong with them, by field and sentence; what is right, and what becomes of it. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

#define TIMEOUT_MAX (7200 * USEC_PER_SEC)

/* More recipes than the shipped ones, and repositories that are allowed. */
static const char configuration[] =
        "task_execution: {claude_timeout: 7200, stall_timeout: 90, stall_action: stop}\n"
        "workspaces: {allowed_repositories: ['o/*', 'https://example.org/*', '/srv/git/*', 'ssh://*', 'file://*']}\n"
        "recipes:\n"
        "  build: {prepare: [{command: [deps, '{attempt}']}], work: {}}\n"
        "  here: {work: {command: [make, -C, '{working_directory}']}}\n"
        "  branch: {work: {command: [make, '{branch}', '{workspace}']}}\n"
        "  argument: {work: {command: [tell, '{task_description}']}}\n"
        "  agent: {agent: gemini, work: {command: [gemini]}}\n";

static int parse(const char *text, TaskSpec *ret, Problem *problem) {
        _cleanup_(config_done) Config config = {};
        _cleanup_json_ Json *j = NULL;
        int r;

        TAP_CHECK_INT(config_init(&config), 0);
        TAP_CHECK_INT(config_read(&config, "f", configuration, strlen(configuration), NULL), 0);
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
        { "{}", -EINVAL, "task_description", "Missing required field: task_description" },
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
        { "{" COMMAND ",\"separate_stderr\":\"yes\"}", -EINVAL, "separate_stderr", "" },
        { "{" COMMAND ",\"task_description\":{}}", -EINVAL, "task_description", "must be a string" },
        /* unknown */
        { "{" COMMAND ",\"comand\":[]}", -EINVAL, "comand",
                        "Unknown field: comand. The fields are: recipe, command, work" },
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
        { "{" COMMAND ",\"environment\":{\"A\":\"\\u0000\"}}", -EINVAL, "environment", "without NUL" },
        { "{" COMMAND ",\"labels\":{\"A\":\"\\u0000\"}}", -EINVAL, "labels", "without NUL" },
        { "{" COMMAND ",\"pod\":\"\\u0000\"}", -EINVAL, "pod", "without NUL" },
        { "{\"recipe\":\"argument\",\"task_description\":\"a\\u0000b\"}", -EINVAL, "task_description",
                        "holds a NUL byte (\\u0000), and the recipe argument gives it as an argument or a variable, "
                        "which would end there: leave the byte out, or have the recipe give it to stdin" },
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
        { "{" ORIGINAL("\"\"", "\"o/r\"", "\"t\"", "\"d\"") "}", -EINVAL, "devpod_name", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"\"", "\"t\"", "\"d\"") "}", -EINVAL, "github_repo", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"o/r\"", "null", "\"d\"") "}", -EINVAL, "github_token", "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"o/r\"", "\"t\"", "\"\"") "}", -EINVAL, "task_description",
                        "Missing required field" },
        { "{" ORIGINAL("\"p\"", "\"o/r\"", "\"t\"", "5") "}", -EINVAL, "task_description", "must be a string" },
        { "{\"command\":null}", -EINVAL, "task_description", "Missing required field" },
        { "{\"devpod_name\":\"p\"}", -EINVAL, "github_repo", "Missing required field: github_repo" },
        { "{\"devpod_name\":\"p\",\"github_repo\":\"o/r\",\"task_description\":\"d\"}", -EINVAL, "github_token",
                        "Missing required field: github_token" },
        /* recipes */
        { "{\"recipe\":\"clau\",\"task_description\":\"d\"}", -EINVAL, "recipe",
                        "no recipe \"clau\" in the configuration; there are command, claude, codex, claude-devpod" },
        { "{\"recipe\":\"\"}", -EINVAL, "recipe", "no recipe \"\"" },
        { "{\"recipe\":[\"claude\"]}", -EINVAL, "recipe", "must be a string" },
        { "{\"recipe\":\"command\"}", -EINVAL, "command", "Missing required field: command" },
        { "{\"recipe\":\"build\"}", -EINVAL, "command", "Missing required field: command" },
        { "{\"recipe\":\"build\",\"command\":[]}", -EINVAL, "command", "must name a program" },
        { "{\"recipe\":\"claude\"," COMMAND "}", -EINVAL, "command", "claude has a command of its own" },
        { "{\"task_description\":\"d\"}", -EINVAL, "github_repo", "github_repo, or working_directory for a" },
        { "{\"recipe\":\"agent\"}", -EINVAL, "github_repo", "github_repo, or working_directory for a" },
        { "{\"recipe\":\"here\"}", -EINVAL, "working_directory", "Missing required field: working_directory" },
        { "{\"recipe\":\"branch\",\"github_repo\":\"o/r\",\"working_directory\":\"/srv\"}", -EINVAL, "github_repo",
                        "Missing required field: github_repo" },
        { "{\"recipe\":\"claude-devpod\"}", -EINVAL, "devpod_name", "Missing required field" },
        { "{\"recipe\":\"claude-kubernetes\"}", -EINVAL, "namespace", "Missing required field" },
        { "{\"recipe\":\"claude-kubernetes\",\"namespace\":\"n\"}", -EINVAL, "pod", "Missing required field" },
        { "{" COMMAND ",\"resume_after_limit\":\"yes\"}", -EINVAL, "resume_after_limit", "true or false" },
        /* names that become arguments */
        { "{" COMMAND ",\"devpod_name\":\"--help\"}", -EINVAL, "devpod_name", "must not begin with a dash" },
        { "{" COMMAND ",\"namespace\":\"-n\"}", -EINVAL, "namespace", "must not begin with a dash" },
        { "{" COMMAND ",\"pod\":\"a\\nb\"}", -EINVAL, "pod", "control characters" },
        /* repositories */
        { "{" COMMAND ",\"github_repo\":\"\"}", -EINVAL, "github_repo", "" },
        { "{" COMMAND ",\"github_repo\":\"r\"}", -EINVAL, "github_repo", "write owner/name" },
        { "{" COMMAND ",\"github_repo\":\"--upload-pack=x/r\"}", -EINVAL, "github_repo", "dash" },
        { "{" COMMAND ",\"github_repo\":\"ext::sh -c x\"}", -EINVAL, "github_repo", "write owner/name" },
        { "{" COMMAND ",\"github_repo\":\"o/r\\n\"}", -EINVAL, "github_repo", "control characters" },
        { "{" COMMAND ",\"github_repo\":\"https://u:p@example.org/r\"}", -EINVAL, "github_repo", "github_token" },
        { "{" COMMAND ",\"github_repo\":\"ssh://-oProxyCommand=x/r\"}", -EINVAL, "github_repo", "no repository" },
        { "{" COMMAND ",\"github_repo\":\"p/r\"}", -EINVAL, "github_repo", "workspaces.allowed_repositories" },
        { "{" COMMAND ",\"github_repo\":\"https://example.com/r\"}", -EINVAL, "github_repo", "allowed here" },
        { "{" COMMAND ",\"github_repo\":\"/srv/other\"}", -EINVAL, "github_repo", "allowed here" },
        { "{" COMMAND ",\"github_repo\":\"/srv/git/../../etc\"}", -EINVAL, "github_repo", "\"..\"" },
        { "{" COMMAND ",\"github_repo\":\"/srv/git/..\"}", -EINVAL, "github_repo", "\"..\"" },
        { "{" COMMAND ",\"github_repo\":\"file:///srv/git/../x\"}", -EINVAL, "github_repo", "\"..\"" },
        { "{" COMMAND ",\"github_repo\":\"https://example.org/a/%2E%2e/b\"}", -EINVAL, "github_repo", "\"..\"" },
        { "{" COMMAND ",\"github_repo\":\"https://example.org/a/.%2e/b\"}", -EINVAL, "github_repo", "\"..\"" },
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
        { VARIABLES, 8, 130000, 0, NULL, NULL },
        { VARIABLES, 9, 130000, -E2BIG, "environment", "all variables together may have 1048576" },
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
        TAP_CHECK_STRING(s.recipe, "command");
        TAP_CHECK_INT(s.agent, AGENT_KIND_NONE);
        TAP_CHECK_INT(strv_length(s.command), 1);
        TAP_CHECK_STRING(s.command[0], "true");
        TAP_CHECK_INT(s.timeout_usec, TIMEOUT_MAX);
        TAP_CHECK(!s.working_directory && !s.environment && !s.labels && !s.devpod_name && !s.task_description.data);
}

static void test_everything(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{\"command\":[\"./a b\",\"\",\"$HOME %n\\n\\u0001\"],"
                            "\"working_directory\":\"/srv//..a/b.\","
                            "\"environment\":{\"_A1\":\"x=y\",\"B\":\"line\\n\\ttab\",\"BOOT_ID\":\"\"},\"timeout\":1,"
                            "\"labels\":{\"team\":\"\xc3\xa4\",\"\xc3\xa4 b\":\"\"},"
                            ORIGINAL("\"p\"", "\"o/r\"", "\"t\"", "\"d\"") "}", &s, NULL), 0);
        TAP_CHECK_STRING(s.recipe, "command");
        TAP_CHECK_INT(s.agent, AGENT_KIND_NONE);
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
        TAP_CHECK_STRING(s.github_repo, "o/r");
        TAP_CHECK_STRING(s.task_description.data, "d");
}

static void test_original(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{" ORIGINAL("\"p\"", "\"o/r\"", "\"secret\"", "\"do it\"") ",\"timeout\":7200}", &s,
                            NULL), 0);
        TAP_CHECK_STRING(s.recipe, "claude-devpod");
        TAP_CHECK_INT(s.agent, AGENT_KIND_CLAUDE);
        TAP_CHECK(!s.command);
        TAP_CHECK_STRING(s.devpod_name, "p");
        TAP_CHECK_STRING(s.github_repo, "o/r");
        TAP_CHECK_STRING(s.task_description.data, "do it");
        TAP_CHECK_INT(s.timeout_usec, TIMEOUT_MAX);
}

/* A NUL byte is a part of it, also the first one. */
static void test_description_of_any_bytes(void) {
        static const char text[] = "\0--version\n\"\0";
        _cleanup_(task_spec_done) TaskSpec s = {};

        TAP_CHECK_INT(parse("{" ORIGINAL("\"p\"", "\"o/r\"", "\"t\"", "\"\\u0000--version\\n\\\"\\u0000\"") "}", &s,
                            NULL), 0);
        if (TAP_CHECK_INT(s.task_description.size, sizeof(text) - 1))
                TAP_CHECK_INT(memcmp(s.task_description.data, text, sizeof(text)), 0);
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

static void test_recipes(void) {
        static const struct {
                const char *text, *recipe;
                int agent;
        } rows[] = {
                { "{\"task_description\":\"d\",\"github_repo\":\"o/r\"}", "claude", AGENT_KIND_CLAUDE },
                { "{\"task_description\":\"d\",\"working_directory\":\"/srv\"}", "claude", AGENT_KIND_CLAUDE },
                { "{\"task_description\":\"d\",\"working_directory\":\"/srv\",\"github_repo\":\"o/r\"}", "claude",
                  AGENT_KIND_CLAUDE },
                { "{\"recipe\":\"codex\",\"task_description\":\"d\",\"github_repo\":\"/srv/git/a b..\"}", "codex",
                  AGENT_KIND_CODEX },
                { "{" COMMAND ",\"devpod_name\":\"p\"}", "command", AGENT_KIND_NONE },
                { "{\"recipe\":\"claude-devpod\",\"devpod_name\":\"p\",\"github_repo\":\"o/r\","
                  "\"task_description\":\"d\"}", "claude-devpod", AGENT_KIND_CLAUDE },
                { "{\"recipe\":\"claude-kubernetes\",\"namespace\":\"n\",\"pod\":\"p\",\"task_description\":\"d\","
                  "\"github_repo\":\"ssh://git@example.org/r.git\",\"resume_after_limit\":true}", "claude-kubernetes",
                  AGENT_KIND_CLAUDE },
                { "{\"recipe\":\"build\"," COMMAND "}", "build", AGENT_KIND_NONE },
                { "{\"recipe\":\"here\",\"working_directory\":\"/srv\"}", "here", AGENT_KIND_NONE },
                { "{\"recipe\":\"here\",\"github_repo\":\"https://example.org/r\"}", "here", AGENT_KIND_NONE },
                { "{\"recipe\":\"agent\",\"working_directory\":\"/srv\"}", "agent", AGENT_KIND_GEMINI },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(task_spec_done) TaskSpec s = {};
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

                if (!TAP_CHECK_INT(parse(rows[i].text, &s, &problem), 0))
                        printf("# %s: %s\n", rows[i].text, problem_sentence(&problem));
                TAP_CHECK_STRING(s.recipe, rows[i].recipe);
                TAP_CHECK_INT(s.agent, rows[i].agent);
                TAP_CHECK_INT(s.resume_after_limit, strstr(rows[i].text, "limit") != NULL);
        }
}

static const TapTest tests[] = {
        { "bad requests", test_bad_requests },
        { "sizes, at their limit and one beyond", test_sizes },
        { "sentences stay short", test_sentences_stay_short },
        { "the smallest request", test_smallest },
        { "everything at once", test_everything },
        { "the original's request", test_original },
        { "a description of any bytes", test_description_of_any_bytes },
        { "the recipe that is meant", test_recipes },
        { "stalls, as asked for or as configured", test_stalls },
        { "null is the default", test_null_is_the_default },
        { "a program by its path", test_a_program_by_path },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

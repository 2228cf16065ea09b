/* What systemd is told of a task's unit: every property of StartTransientUnit with its type and value, in its order.
 * The tables are the whole: a property that is not in them, or one less, is a failure. Its fence and its limits are in
 * test-unit-sandbox.c; here there are none. */
#include "story.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <sys/stat.h>

typedef struct Row {
        const char *name;
        const char *text; /* with placeholders, see story_expand() */
} Row;

#define STARTER "\"/usr/libexec/exec\""
#define TASK "\"--task={id}\""
#define PLAIN_WITH(options, program, words)                                                                  \
        "a(sasb) [(" STARTER ", [" STARTER ", \"--encoded\", " options ", \"--\", \"" program "\", " words \
        "], false)]"
#define SENT_WITH(options, program, words)                                                                   \
        "a(sasas) [(" STARTER ", [" STARTER ", " options ", \"--\", \"" program "\", " words             \
        "], [\"no-env-expand\"])]"
#define SEPARATE TASK ", \"--user\", \"--separate-stderr\""
#define PLAIN(program, words) PLAIN_WITH(TASK ", \"--user\"", program, words)
#define SENT(program, words) SENT_WITH(TASK ", \"--user\"", program, words)
#define RECORDER_WORDS STARTER ", \"--encoded\", \"--\", \"/usr/libexec/recorder\", \"/usr/libexec/recorder\", " \
                       "\"{state}\", \"{id}\"]"
#define RECORDER "[" RECORDER_WORDS
/* A step of the agent's recipe; its words are the same in systemd's file and in its memory. */
#define STEP(number, words)                                                                                  \
        "(" STARTER ", [" STARTER ", \"--encoded\", " TASK ", \"--step=" number "\", "                     \
        "\"--timeout-usec=120000000\", \"--\", \"/usr/libexec/remote-developer-step\", "                       \
        "\"remote-developer-step\", " words "]"
#define OF_TASK "\"--root\", \"/srv/workspaces\", \"--task\", \"{id}\""
#define REVIEW STEP("2", "\"review\", " OF_TASK)

/* What is the same for every task stands at the end. */
#define LIMITS(runtime)                                                                                      \
        { "ExecStopPost", "a(sasb) [(\"+env\", [\"env\", " RECORDER_WORDS ", true)]" },                    \
        { "ExecStopPostEx", "a(sasas) []" },                                                                 \
        { "ExecStopPostEx", "a(sasas) [(" STARTER ", " RECORDER ", " PRIVILEGED ")]" },                     \
        { "IgnoreSIGPIPE", "b false" },                                                                      \
        { "RuntimeMaxUSec", "t " runtime },                                                                  \
        { "TimeoutStartUSec", "t 120000000" },                                                               \
        { "TimeoutStopUSec", "t 10000000" }
#define PRIVILEGED "[\"no-env-expand\", \"privileged\", \"ignore-failure\"]"
#define TAIL                                                                                                 \
        { "Conditions", "a(sbbs) [(\"ConditionPathExists\", false, true, \"{state}/{id}.result\")]" },       \
        { "SyslogIdentifier", "s \"{id}\"" },                                                               \
        { "SyslogLevelPrefix", "b false" },                                                                  \
        { "SyslogFacility", "i 21" },                                                                        \
        { "LogExtraFields", "aay [\"REMOTE_DEVELOPER_TASK={id}\"]" },                                        \
        { "LogRateLimitIntervalUSec", "t 1000000" },                                                         \
        { "LogRateLimitBurst", "u 4000000000" },                                                             \
        { "CPUAccounting", "b true" },                                                                       \
        { "MemoryAccounting", "b true" },                                                                    \
        { "TasksAccounting", "b true" },                                                                     \
        { "OOMScoreAdjust", "i 300" }

static bool begin(Story *s) {
        if (!story_open(s))
                return false;
        s->config.sandbox = SANDBOX_OPEN;
        s->config.limits = (TaskLimits){};
        return true;
}

static void check_property(Story *s, size_t i, const Row *row) {
        const FakeProperty *p = &story_unit(s)->properties[i];
        _cleanup_free_ char *text = story_expand(s, row->text);

        TAP_CHECK_STRING(p->name, row->name);
        TAP_CHECK_STRING(p->text, text);
}

static void check_properties(Story *s, const char *request, const Row *rows, size_t n) {
        if (!TAP_CHECK_INT(story_create(s, request), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))) ||
            !TAP_CHECK_INT(story_unit(s)->n_properties, n))
                return;
        for (size_t i = 0; i < n; i++)
                check_property(s, i, &rows[i]);
}

/* Arguments that a shell, systemd's specifiers or its own expansion of variables would change. */
static void test_command(void) {
        static const Row rows[] = {
                { "Description", "s \"Remote Developer {id}: make\"" },
                { "Type", "s \"exec\"" },
                { "Slice", "s \"remotedeveloper.slice\"" },
                { "WorkingDirectory", "s \"/srv/a b\"" },
                { "Environment", "as [\"ZZ=2\", \"A=$HOME %n\", \"EMPTY=\"]" },
                { "StandardOutput", "s \"journal\"" },
                { "StandardError", "s \"journal\"" },
                { "ExecStartPre", "a(sasb) []" },
                { "ExecStart", PLAIN("make", "\"make\", \"=24HOME\", \"=24=7bX=7d=24=24\", \"=25n\", "
                                             "\"a=20=27b=27\", \"\"") },
                { "ExecStartEx", "a(sasas) []" },
                { "ExecStartEx", SENT("make", "\"make\", \"$HOME\", \"${X}$$\", \"%n\", \"a 'b'\", \"\"") },
                LIMITS("90500000"),
                TAIL,
        };
        _cleanup_(story_done) Story s = {};

        if (begin(&s) && story_start_service(&s))
                check_properties(&s,
                                 "{\"command\": [\"make\", \"$HOME\", \"${X}$$\", \"%n\", \"a 'b'\", \"\"],"
                                 " \"working_directory\": \"/srv/a b\", \"timeout\": 90.5,"
                                 " \"environment\": {\"ZZ\": \"2\", \"A\": \"$HOME %n\", \"EMPTY\": \"\"}}",
                                 rows, ELEMENTSOF(rows));
}

/* The fewest properties: nothing was asked for but the program. */
static void test_bare_command(void) {
        static const Row rows[] = {
                { "Description", "s \"Remote Developer {id}: /usr/bin/?? ????\"" },
                { "Type", "s \"exec\"" },
                { "Slice", "s \"remotedeveloper.slice\"" },
                { "WorkingDirectory", "s \"~\"" },
                { "StandardOutput", "s \"journal\"" },
                { "StandardError", "s \"journal\"" },
                { "ExecStartPre", "a(sasb) []" },
                { "ExecStart", PLAIN("/usr/bin/=c3=a4=20=5c=22=27=24",
                                     "\"/usr/bin/=c3=a4=20=5c=22=27=24\"") },
                { "ExecStartEx", "a(sasas) []" },
                { "ExecStartEx", SENT("/usr/bin/\xc3\xa4 \\\"'$", "\"/usr/bin/\xc3\xa4 \\\"'$\"") },
                LIMITS("7200000000"),
                TAIL,
        };
        _cleanup_(story_done) Story s = {};

        if (begin(&s) && story_start_service(&s))
                check_properties(&s, "{\"command\": [\"/usr/bin/\xc3\xa4 \\\\\\\"'$\"]}", rows, ELEMENTSOF(rows));
}

static const char claude_request[] =
        "{\"github_repo\": \"https://example.org/r.git\","
        " \"github_token\": \"very-secret-token\", \"task_description\": \"--version\\n$HOME \xc3\xa4\"}";

#define CLAUDE_WORDS \
  "\"claude\", \"-p\", \"--output-format\", \"stream-json\", \"--verbose\", \"--session-id\", \"{session}\""

#define HELPER "credential.https://example.org.helper"

static void test_claude(void) {
        static const Row rows[] = {
                { "Description", "s \"Remote Developer {id}: claude\"" },
                { "Type", "s \"exec\"" },
                { "Slice", "s \"remotedeveloper.slice\"" },
                { "User", "s \"remote-developer\"" },
                { "WorkingDirectory", "s \"-/srv/workspaces/tasks/{id}\"" },
                { "Environment", "as [\"GIT_TERMINAL_PROMPT=0\", \"GIT_CONFIG_COUNT=2\", "
                                 "\"GIT_CONFIG_KEY_0=" HELPER "\", \"GIT_CONFIG_KEY_1=" HELPER "\", "
                                 "\"GIT_CONFIG_VALUE_0=\", \"GIT_CONFIG_VALUE_1=!"
                                 "'/usr/libexec/remote-developer-step' credential 'example.org'\"]" },
                { "LoadCredential",
                  "a(ss) [(\"github_token\", \"{state}/{id}.credentials/github_token\")]" },
                { "LimitCORESoft", "t 0" },
                { "LimitCORE", "t 0" },
                { "StandardInputFile", "s \"{state}/{id}.prompt\"" },
                { "StandardOutput", "s \"journal\"" },
                { "StandardError", "s \"journal\"" },
                { "ExecStartPre", "a(sasb) [" STEP("0", "\"workspace\", " OF_TASK
                                                   ", \"--repository\", \"https=3a//example.org/r.git\"")
                                  ", false)]" },
                { "ExecStart", PLAIN_WITH(TASK, "claude", CLAUDE_WORDS) },
                { "ExecStartEx", "a(sasas) []" },
                { "ExecStartEx", SENT_WITH(TASK, "claude", CLAUDE_WORDS) },
                /* The "+" is the recorder's privilege when systemd reads the file again. */
                { "ExecStopPost", "a(sasb) [(\"+exec\", " RECORDER ", true), " REVIEW ", true)]" },
                { "ExecStopPostEx", "a(sasas) []" },
                { "ExecStopPostEx", "a(sasas) [(\"exec\", " RECORDER ", " PRIVILEGED "), " REVIEW
                                    ", [\"no-env-expand\", \"ignore-failure\"])]" },
                { "IgnoreSIGPIPE", "b false" },
                { "RuntimeMaxUSec", "t 7200000000" },
                { "TimeoutStartUSec", "t 140000000" },
                { "TimeoutStopUSec", "t 140000000" },
                { "PartOf", "as [\"remote-developer.service\"]" },
                TAIL,
        };
        _cleanup_(story_done) Story s = {};

        if (!begin(&s))
                return;
        s.scope = RUNTIME_SCOPE_SYSTEM;
        s.config.use_daemon_threads = true;
        if (story_start_service(&s))
                check_properties(&s, claude_request, rows, ELEMENTSOF(rows));
}

/* Both are for systemd alone to open, and there when it is told; the token is nowhere else. */
static void test_prompt_and_token_are_private(void) {
        static const char *const suffixes[] = { ".json", ".prompt", "active_tasks.json" };
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *path = NULL, *prompt = NULL, *token_path = NULL, *token = NULL;
        struct stat st = {};

        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, claude_request), 0))
                return;
        path = story_path(&s, ".prompt");
        prompt = story_read(&s, ".prompt");
        TAP_CHECK_STRING(prompt, "--version\n$HOME \xc3\xa4");
        TAP_CHECK_INT(stat(path, &st), 0);
        TAP_CHECK_INT(st.st_mode & 07777, 0600);
        token_path = story_path(&s, ".credentials/github_token");
        token = story_read(&s, ".credentials/github_token");
        TAP_CHECK_STRING(token, "very-secret-token");
        TAP_CHECK_INT(stat(token_path, &st), 0);
        TAP_CHECK_INT(st.st_mode & 07777, 0600);
        *strrchr(token_path, '/') = 0;
        TAP_CHECK_INT(stat(token_path, &st), 0);
        TAP_CHECK_INT(st.st_mode & 07777, 0700);
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        story_settle(&s);
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *text = story_read(&s, suffixes[i]);

                TAP_CHECK(text && !strstr(text, "secret"));
        }
        for (size_t i = 0; i < story_unit(&s)->n_properties; i++)
                TAP_CHECK(!strstr(story_unit(&s)->properties[i].text, "secret"));
}

static void check_one(const char *property, const char *text, RuntimeScope scope, const Config *config,
                      const char *request) {
        _cleanup_free_ char *expanded = NULL;
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        s.scope = scope;
        s.config.cancel_grace_usec = config->cancel_grace_usec ?: s.config.cancel_grace_usec;
        s.config.default_timeout_usec = config->default_timeout_usec ?: s.config.default_timeout_usec;
        s.config.claude_timeout_usec = config->claude_timeout_usec ?: s.config.claude_timeout_usec;
        TAP_CHECK_INT(config->user ? string_replace(&s.config.user, config->user) : 0, 0);
        if (!story_start_service(&s) || !TAP_CHECK_INT(story_create(&s, request), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        expanded = text ? story_expand(&s, text) : NULL;
        TAP_CHECK_STRING(fake_unit_property(story_unit(&s), property), expanded);
}

#define MAKE "{\"command\": [\"make\"]}"

static void test_configuration(void) {
        static const Config none, user = { .user = (char *) "1000" };
        static const Config grace = { .cancel_grace_usec = 60 * USEC_PER_SEC };
        static const Config short_grace = { .cancel_grace_usec = 2 * USEC_PER_SEC };
        static const Config limits = { .default_timeout_usec = 5 * USEC_PER_SEC,
                                       .claude_timeout_usec = 30 * USEC_PER_SEC };

        check_one("User", NULL, RUNTIME_SCOPE_USER, &user, MAKE);
        check_one("User", "s \"1000\"", RUNTIME_SCOPE_SYSTEM, &user, MAKE);
        check_one("User", "s \"remote-developer\"", RUNTIME_SCOPE_SYSTEM, &none, MAKE);
        check_one("TimeoutStopUSec", "t 60000000", RUNTIME_SCOPE_USER, &grace, MAKE);
        /* The recorder needs its time, too. */
        check_one("TimeoutStopUSec", "t 10000000", RUNTIME_SCOPE_USER, &short_grace, MAKE);
        check_one("TimeoutStartUSec", "t 5000000", RUNTIME_SCOPE_USER, &limits, MAKE);
        check_one("RuntimeMaxUSec", "t 30000000", RUNTIME_SCOPE_USER, &limits, MAKE);
        check_one("PartOf", NULL, RUNTIME_SCOPE_USER, &none, MAKE);
}

/* As a shell would from there; argv[0] stays what it was. */
static void test_relative_programs(void) {
        static const struct {
                const char *request, *text;
        } rows[] = {
                { "{\"command\": [\"./build.sh\"], \"working_directory\": \"/srv/r\"}",
                  PLAIN("/srv/r/build.sh", "\"./build.sh\"") },
                { "{\"command\": [\"bin/x\", \"./y\"], \"working_directory\": \"/srv/r\"}",
                  PLAIN("/srv/r/bin/x", "\"bin/x\", \"./y\"") },
                { "{\"command\": [\"/bin/x\"], \"working_directory\": \"/srv/r\"}", PLAIN("/bin/x", "\"/bin/x\"") },
                { "{\"command\": [\"x\"], \"working_directory\": \"/srv/r\"}", PLAIN("x", "\"x\"") },
        };
        static const Config none;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_one("ExecStart", rows[i].text, RUNTIME_SCOPE_USER, &none, rows[i].request);
}

static bool has_property(Story *s, const char *name, const char *text) {
        _cleanup_free_ char *expanded = story_expand(s, text);
        bool found = false;

        for (size_t i = 0; i < story_unit(s)->n_properties; i++)
                found |= string_equal(story_unit(s)->properties[i].name, name) &&
                         string_equal(story_unit(s)->properties[i].text, expanded);
        return found;
}

/* In both forms of the command. */
static void test_separate_stderr(void) {
        static const char request[] = "{\"command\": [\"make\"], \"separate_stderr\": true}";
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, request), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        TAP_CHECK(has_property(&s, "ExecStart", PLAIN_WITH(SEPARATE, "make", "\"make\"")));
        TAP_CHECK(has_property(&s, "ExecStartEx", SENT_WITH(SEPARATE, "make", "\"make\"")));
}

static void test_long_names_are_cut(void) {
        _cleanup_(story_done) Story s = {};
        char request[256], name[200];
        const char *text;

        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        snprintf(request, sizeof(request), "{\"command\": [\"%s\"]}", name);
        if (!story_begin(&s) || !TAP_CHECK_INT(story_create(&s, request), 0) ||
            !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        text = fake_unit_property(story_unit(&s), "Description");
        TAP_CHECK_INT(strspn(strchr(text, 'x'), "x"), 80);
}

static const TapTest tests[] = {
        { "a command", test_command },
        { "a command of which nothing else is known", test_bare_command },
        { "an agent, in the system, bound to the service", test_claude },
        { "the prompt and the token are private", test_prompt_and_token_are_private },
        { "what the configuration changes", test_configuration },
        { "relative programs are below the working directory", test_relative_programs },
        { "stderr is told apart if that is asked for", test_separate_stderr },
        { "long names are cut in the description", test_long_names_are_cut },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

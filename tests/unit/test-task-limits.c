/* The limits of a request: what they may be, under which ceilings, and what holds in the end. */
#include "../lib/tap.h"

#include <remote-developer/config.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

#define MIB ((uint64_t) 1 << 20)

/* A time limit, and a ceiling for each limit but that of the processor. */
static const char configuration[] = "task_execution: {claude_timeout: 7200}\n"
                                    "limits: {memory_max: 512M, tasks_max: 100, io_weight: 200}\n";

static int parse(const char *limits, TaskSpec *ret, Problem *problem) {
        _cleanup_free_ char *text = string_format("{\"command\":[\"true\"],%s}", limits);
        _cleanup_(config_done) Config config = {};
        _cleanup_json_ Json *j = NULL;
        int r;

        TAP_CHECK_INT(config_init(&config), 0);
        TAP_CHECK_INT(config_read(&config, "f", configuration, strlen(configuration), NULL), 0);
        r = json_parse(text, strlen(text), &j, problem);
        return r < 0 ? r : task_spec_parse(j, &config, ret, problem);
}

static void test_refusals(void) {
        static const struct {
                const char *limits, *field, *sentence;
        } rows[] = {
                { "[]", "limits", "limits must be an object such as {\"memory_max\": \"4G\"}" },
                { "5", "limits", "limits must be an object such as {\"memory_max\": \"4G\"}" },
                { "{\"memory\":5}", "memory",
                  "Unknown field: memory. The fields are: memory_max, cpu_quota, tasks_max, io_weight, timeout" },
                /* Beyond a ceiling: the field, the value and the ceiling. */
                { "{\"memory_max\":\"1G\"}", "limits.memory_max",
                  "limits.memory_max is 1073741824; the configuration allows at most 536870912" },
                { "{\"memory_max\":536870913}", "limits.memory_max",
                  "limits.memory_max is 536870913; the configuration allows at most 536870912" },
                { "{\"tasks_max\":101}", "limits.tasks_max",
                  "limits.tasks_max is 101; the configuration allows at most 100" },
                { "{\"io_weight\":201}", "limits.io_weight",
                  "limits.io_weight is 201; the configuration allows at most 200" },
                { "{\"timeout\":7201}", "limits.timeout",
                  "limits.timeout is 7201; the configuration allows at most 7200" },
                { "{\"cpu_quota\":100001}", "limits.cpu_quota",
                  "limits.cpu_quota is 100001; it must be at most 100000" },
                /* Too little for anything. */
                { "{\"memory_max\":\"4M\"}", "limits.memory_max",
                  "limits.memory_max is 4194304; it must be at least 8388608" },
                { "{\"cpu_quota\":0}", "limits.cpu_quota", "limits.cpu_quota is 0; it must be at least 1" },
                { "{\"tasks_max\":3}", "limits.tasks_max", "limits.tasks_max is 3; it must be at least 4" },
                { "{\"io_weight\":0}", "limits.io_weight", "limits.io_weight is 0; it must be at least 1" },
                { "{\"timeout\":0}", "limits.timeout", "limits.timeout is 0; it must be at least 1" },
                /* Another kind. */
                { "{\"memory_max\":\"512 MB\"}", "limits.memory_max",
                  "limits.memory_max must be a number of bytes, or a size such as \"512M\" or \"4G\"" },
                { "{\"memory_max\":-1}", "limits.memory_max",
                  "limits.memory_max must be a number of bytes, or a size such as \"512M\" or \"4G\"" },
                { "{\"memory_max\":1e9}", "limits.memory_max",
                  "limits.memory_max must be a number of bytes, or a size such as \"512M\" or \"4G\"" },
                { "{\"cpu_quota\":\"150%\"}", "limits.cpu_quota",
                  "limits.cpu_quota must be a whole number of percent of one processor" },
                { "{\"tasks_max\":true}", "limits.tasks_max",
                  "limits.tasks_max must be a whole number of processes and threads" },
                { "{\"timeout\":1.5}", "limits.timeout", "limits.timeout must be a whole number of seconds" },
                { "{\"timeout\":5},\"timeout\":5", "limits.timeout",
                  "limits.timeout and timeout are two names of one limit: leave one of them out" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *limits = string_format("\"limits\":%s", rows[i].limits);
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                TaskSpec s = {};

                TAP_CHECK_INT(parse(limits, &s, &problem), -EINVAL);
                TAP_CHECK_STRING(problem.field, rows[i].field);
                TAP_CHECK_STRING(problem.sentence, rows[i].sentence);
                TAP_CHECK_STRING(s.recipe, NULL);
        }
}

static void test_what_was_asked_for_is_kept(void) {
        _cleanup_(task_spec_done) TaskSpec s = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        TAP_CHECK_INT(parse("\"limits\":{\"memory_max\":\"64M\",\"cpu_quota\":150,\"tasks_max\":100,\"io_weight\":1,"
                            "\"timeout\":60}", &s, &problem), 0);
        TAP_CHECK_STRING(problem.sentence, NULL);
        TAP_CHECK_INT(s.limits.memory_max, 64 * MIB);
        TAP_CHECK_INT(s.limits.cpu_quota, 150);
        TAP_CHECK_INT(s.limits.tasks_max, 100);
        TAP_CHECK_INT(s.limits.io_weight, 1);
        TAP_CHECK_INT(s.timeout_usec, 60 * USEC_PER_SEC);
}

static void test_nothing_asked_for(void) {
        static const char *const texts[] = { "\"labels\":{}", "\"limits\":{}", "\"limits\":null",
                                             "\"limits\":{\"tasks_max\":null}" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(task_spec_done) TaskSpec s = {};
                _cleanup_json_ Json *j = NULL;

                TAP_CHECK_INT(parse(texts[i], &s, NULL), 0);
                TAP_CHECK_INT(s.limits.memory_max + s.limits.cpu_quota + s.limits.tasks_max + s.limits.io_weight, 0);
                TAP_CHECK_INT(s.timeout_usec, 7200 * USEC_PER_SEC);
                TAP_CHECK_INT(task_limits_to_json(&s.limits, &j), 0);
                TAP_CHECK(!j);
        }
}

static void test_documents(void) {
        static const TaskLimits should = { .memory_max = 3 * 1024 * MIB, .tasks_max = 7 };
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;
        TaskLimits is = {};

        TAP_CHECK_INT(task_limits_to_json(&should, &j), 0);
        TAP_CHECK_INT(json_append(j, &text), 0);
        TAP_CHECK_STRING(text.data, "{\"memory_max\":3221225472,\"tasks_max\":7}");
        TAP_CHECK_INT(task_limits_from_json(j, &is, NULL), 0);
        TAP_CHECK(memcmp(&is, &should, sizeof(is)) == 0);
        TAP_CHECK_INT(task_limits_from_json(NULL, &is, NULL), 0);
}

/* The smaller one: a ceiling may have been lowered since. */
static void test_what_is_in_force(void) {
        static const Config config = { .limits = { .memory_max = 512 * MIB, .tasks_max = 100, .io_weight = 100 } };
        static const TaskLimits asked = { .memory_max = 64 * MIB, .cpu_quota = 50, .tasks_max = 200 };
        const TaskLimits l = task_limits_in_force(&asked, &config);

        TAP_CHECK_INT(l.memory_max, 64 * MIB);
        TAP_CHECK_INT(l.cpu_quota, 50);
        TAP_CHECK_INT(l.tasks_max, 100);
        TAP_CHECK_INT(l.io_weight, 100);
}

static void test_sizes(void) {
        static const struct {
                const char *text;
                uint64_t bytes;
        } rows[] = {
                { "0", 0 },          { "1", 1 },          { "10K", 10240 },          { "8M", 8 * MIB },
                { "2G", 2048 * MIB }, { "1T", MIB * 1024 * 1024 }, { "16777215T", MIB * 1024 * 1024 * 16777215 },
        };
        static const char *const bad[] = { "",   "G",   "1.5G", "-1", " 1", "1 G", "1g", "1GB", "01", "1P",
                                           "0%", "101%", "%",   "5%%", "16777216T", "99999999999999999999" };
        uint64_t v, half, all;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                TAP_CHECK_INT(task_limits_parse_size(rows[i].text, &v), 0);
                TAP_CHECK(v == rows[i].bytes);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (task_limits_parse_size(bad[i], &v) != -EINVAL)
                        tap_fail(__FILE__, __LINE__, "\"%s\" is taken for a size", bad[i]);
        TAP_CHECK_INT(task_limits_parse_size("50%", &half), 0);
        TAP_CHECK_INT(task_limits_parse_size("100%", &all), 0);
        TAP_CHECK(half >= all / 2 - 100 && half <= all / 2 && all > 64 * MIB);
}

static const TapTest tests[] = {
        { "what is refused, and how", test_refusals },
        { "what was asked for is kept", test_what_was_asked_for_is_kept },
        { "nothing is asked for", test_nothing_asked_for },
        { "in documents", test_documents },
        { "what is in force", test_what_is_in_force },
        { "sizes", test_sizes },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

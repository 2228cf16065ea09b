/* The configuration: what is read, what is refused and where, and that what is written about it is true.
 *
 * The documents stand in tables: to add a case, add a row. What a file may hold is tested through
 * config_read(); the ranges of values through config_key_set(), which it uses, because there no two keys
 * depend on each other. Reads config/ and docs/ of the source tree: run from its top, or with SOURCE_ROOT
 * set. */
#include "../lib/tap.h"
#include "config-refusals.h"

#include <remote-developer/config-key.h>
#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

/* What JSON makes of half a character. */
#define REPLACEMENT "\xef\xbf\xbd"

/* How a test begins: defaults, and no problem yet. */
typedef struct Fixture {
        Config config;
        Problem problem;
} Fixture;

static Fixture fixture(void) {
        Fixture f = { .problem = PROBLEM_NULL };

        TAP_CHECK_INT(config_init(&f.config), 0);
        return f;
}

static void fixture_done(Fixture *f) {
        config_done(&f->config);
        problem_done(&f->problem);
}

static int fixture_read(Fixture *f, Bytes document) {
        problem_done(&f->problem);
        return config_read(&f->config, "f.yaml", document.data, document.size, &f->problem);
}

static char *source_path(const char *name) {
        return string_format("%s/%s", getenv("SOURCE_ROOT") ?: ".", name);
}

static void check_equal(const Config *is, const Config *should) {
        TAP_CHECK_INT(is->claude_timeout_usec, should->claude_timeout_usec);
        TAP_CHECK_INT(is->default_timeout_usec, should->default_timeout_usec);
        TAP_CHECK_INT(is->cancel_grace_usec, should->cancel_grace_usec);
        TAP_CHECK_INT(is->warn_before_usec, should->warn_before_usec);
        TAP_CHECK_INT(is->stall_timeout_usec, should->stall_timeout_usec);
        TAP_CHECK_INT(is->stall_action, should->stall_action);
        TAP_CHECK_INT(is->status_save_interval, should->status_save_interval);
        TAP_CHECK_INT(is->use_daemon_threads, should->use_daemon_threads);
        TAP_CHECK_INT(is->max_running_tasks, should->max_running_tasks);
        TAP_CHECK_INT(is->max_queued_tasks, should->max_queued_tasks);
        TAP_CHECK_STRING(is->user, should->user);
        TAP_CHECK_INT(is->sandbox, should->sandbox);
        TAP_CHECK_INT(strv_length(is->hosts), strv_length(should->hosts));
        TAP_CHECK_STRING(is->hosts ? is->hosts[0] : NULL, should->hosts ? should->hosts[0] : NULL);
        TAP_CHECK_INT(strv_length(is->writable_paths), strv_length(should->writable_paths));
        TAP_CHECK_STRING(is->writable_paths ? is->writable_paths[0] : NULL,
                         should->writable_paths ? should->writable_paths[0] : NULL);
        TAP_CHECK_INT(is->limits.memory_max, should->limits.memory_max);
        TAP_CHECK_INT(is->limits.cpu_quota, should->limits.cpu_quota);
        TAP_CHECK_INT(is->limits.tasks_max, should->limits.tasks_max);
        TAP_CHECK_INT(is->limits.io_weight, should->limits.io_weight);
        TAP_CHECK_INT(is->check_orphaned_tasks, should->check_orphaned_tasks);
        TAP_CHECK_INT(is->orphaned_task_action, should->orphaned_task_action);
        TAP_CHECK_INT(is->max_automatic_attempts, should->max_automatic_attempts);
        TAP_CHECK_INT(is->resume_pause_usec, should->resume_pause_usec);
        TAP_CHECK_INT(is->monitor_interval_usec, should->monitor_interval_usec);
        TAP_CHECK_INT(is->max_memory_logs, should->max_memory_logs);
        TAP_CHECK_INT(is->max_tasks, should->max_tasks);
        TAP_CHECK_INT(is->archive_after_days, should->archive_after_days);
        TAP_CHECK_INT(is->compress_archives, should->compress_archives);
        TAP_CHECK_INT(is->sse_heartbeat_interval_usec, should->sse_heartbeat_interval_usec);
        TAP_CHECK_INT(is->sse_timeout_usec, should->sse_timeout_usec);
        TAP_CHECK_INT(is->allow_multiple_connections, should->allow_multiple_connections);
        TAP_CHECK_INT(is->max_connections, should->max_connections);
        TAP_CHECK_INT(is->max_streams, should->max_streams);
        TAP_CHECK_INT(is->request_timeout_usec, should->request_timeout_usec);
        TAP_CHECK_STRING(is->workspaces_directory, should->workspaces_directory);
        TAP_CHECK_INT(strv_length(is->allowed_repositories), 1);
        TAP_CHECK_STRING(is->allowed_repositories ? is->allowed_repositories[0] : NULL,
                         should->allowed_repositories[0]);
}

/* A value other than the default of every key, and what it makes of its member. Together they are right. */
#define OTHER(section, name, text, member, value)                                                            \
        { section, name, text, offsetof(Config, member), sizeof(((Config *) NULL)->member), value }

static const struct {
        const char *section, *name, *text;
        size_t offset, size;
        uint64_t value;
} others[] = {
        OTHER("task_execution", "claude_timeout", "3", claude_timeout_usec, 3 * USEC_PER_SEC),
        OTHER("task_execution", "default_timeout", "86400", default_timeout_usec, 86400 * USEC_PER_SEC),
        OTHER("task_execution", "status_save_interval", "1", status_save_interval, 1),
        OTHER("task_execution", "use_daemon_threads", "yes", use_daemon_threads, true),
        OTHER("task_execution", "cancel_grace", "0", cancel_grace_usec, 0),
        OTHER("task_execution", "warn_before", "86400", warn_before_usec, 86400 * USEC_PER_SEC),
        OTHER("task_execution", "stall_timeout", "604800", stall_timeout_usec, 604800 * USEC_PER_SEC),
        OTHER("task_execution", "stall_action", "stop", stall_action, TASK_STALL_STOP),
        OTHER("task_execution", "max_running_tasks", "1", max_running_tasks, 1),
        OTHER("task_execution", "max_queued_tasks", "0", max_queued_tasks, 0),
        OTHER("task_execution", "user", "root", user, 0),
        OTHER("task_execution", "sandbox", "strict", sandbox, SANDBOX_STRICT),
        OTHER("task_execution", "writable_paths", "/srv/build results", writable_paths, 0),
        OTHER("limits", "memory_max", "3G", limits.memory_max, (uint64_t) 3 << 30),
        OTHER("limits", "cpu_quota", "150", limits.cpu_quota, 150),
        OTHER("limits", "tasks_max", "0", limits.tasks_max, 0),
        OTHER("limits", "io_weight", "10000", limits.io_weight, 10000),
        OTHER("recovery", "check_orphaned_tasks", "Off", check_orphaned_tasks, false),
        OTHER("recovery", "orphaned_task_action", "resume", orphaned_task_action, ORPHANED_TASK_RESUME),
        OTHER("recovery", "max_automatic_attempts", "99", max_automatic_attempts, 99),
        OTHER("recovery", "resume_pause", "3600", resume_pause_usec, 3600 * USEC_PER_SEC),
        OTHER("recovery", "monitor_interval", "31", monitor_interval_usec, 31 * USEC_PER_SEC),
        OTHER("persistence", "max_memory_logs", "1000000", max_memory_logs, 1000000),
        OTHER("persistence", "max_tasks", "10000000", max_tasks, 10000000),
        OTHER("persistence", "archive_after_days", "0", archive_after_days, 0),
        OTHER("persistence", "compress_archives", "FALSE", compress_archives, false),
        OTHER("connection", "sse_heartbeat_interval", "7", sse_heartbeat_interval_usec, 7 * USEC_PER_SEC),
        OTHER("connection", "sse_timeout", "86400", sse_timeout_usec, 86400 * USEC_PER_SEC),
        OTHER("connection", "allow_multiple_connections", "no", allow_multiple_connections, false),
        OTHER("connection", "max_connections", "16", max_connections, 16),
        OTHER("connection", "max_streams", "2", max_streams, 2),
        OTHER("connection", "request_timeout", "3600", request_timeout_usec, 3600 * USEC_PER_SEC),
        OTHER("connection", "hosts", "build.example.com", hosts, 0),
        OTHER("workspaces", "directory", "/srv/work trees", workspaces_directory, 0),
        OTHER("workspaces", "allowed_repositories", "owner/*", allowed_repositories, 0),
};

static bool is_list(size_t i) {
        return others[i].offset == offsetof(Config, allowed_repositories) ||
               others[i].offset == offsetof(Config, writable_paths) || others[i].offset == offsetof(Config, hosts);
}

/* Sets the member as the row says, without any function that is tested. */
static void set_other(Config *c, size_t i) {
        void *member = (char *) c + others[i].offset;

        if (is_list(i)) {
                *(char ***) member = strv_free(*(char ***) member);
                TAP_CHECK_INT(strv_append(member, others[i].text), 0);
        } else if (others[i].offset == offsetof(Config, user) || others[i].text[0] == '/')
                TAP_CHECK_INT(string_replace(member, others[i].text), 0);
        else if (others[i].size == sizeof(bool))
                *(bool *) member = others[i].value;
        else if (others[i].size == sizeof(unsigned))
                *(unsigned *) member = (unsigned) others[i].value;
        else
                *(usec_t *) member = others[i].value;
}

static void test_every_key_acts_on_its_member(void) {
        TAP_CHECK_INT(ELEMENTSOF(others), CONFIG_KEYS);

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                Fixture is = fixture(), should = fixture();
                _cleanup_free_ char *text = string_format(is_list(i) ? "%s:\n  %s: ['%s']\n" : "%s:\n  %s: %s\n",
                                                          others[i].section, others[i].name, others[i].text);

                set_other(&should.config, i);
                TAP_CHECK_INT(fixture_read(&is, (Bytes){ text, strlen(text) }), 0);
                check_equal(&is.config, &should.config);
                fixture_done(&is);
                fixture_done(&should);
        }
}

static void test_defaults(void) {
        Fixture f = fixture();
        Config should = {
                .claude_timeout_usec = 7200 * USEC_PER_SEC,
                .default_timeout_usec = 120 * USEC_PER_SEC,
                .cancel_grace_usec = 10 * USEC_PER_SEC,
                .warn_before_usec = 300 * USEC_PER_SEC,
                .stall_timeout_usec = 0,
                .stall_action = TASK_STALL_MARK,
                .status_save_interval = 10,
                .max_running_tasks = 500,
                .max_queued_tasks = 5000,
                .user = (char *) "remote-developer",
                .sandbox = SANDBOX_STANDARD,
                .limits = { .tasks_max = 4096, .io_weight = 100 },
                .check_orphaned_tasks = true,
                .max_automatic_attempts = 3,
                .resume_pause_usec = 30 * USEC_PER_SEC,
                .monitor_interval_usec = 30 * USEC_PER_SEC,
                .max_memory_logs = 1000,
                .max_tasks = 250000,
                .archive_after_days = 7,
                .compress_archives = true,
                .sse_heartbeat_interval_usec = 30 * USEC_PER_SEC,
                .sse_timeout_usec = 120 * USEC_PER_SEC,
                .allow_multiple_connections = true,
                .max_connections = 4096,
                .max_streams = 2500,
                .request_timeout_usec = 60 * USEC_PER_SEC,
                .workspaces_directory = (char *) "",
                .allowed_repositories = (char *[]){ (char *) "*", NULL },
        };

        TAP_CHECK_INT(task_limits_parse_size("75%", &should.limits.memory_max), 0);
        check_equal(&f.config, &should);
        fixture_done(&f);
}

/* Read over a Config in which nothing is at its default, the shipped file must bring back every default. */
static void test_shipped_file_holds_every_default(void) {
        _cleanup_free_ char *path = source_path("config/long_running_tasks.yaml");
        Fixture is = fixture(), should = fixture();

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                set_other(&is.config, i);
        TAP_CHECK_INT(config_read_file(&is.config, path, &is.problem), 0);
        TAP_CHECK_STRING(is.problem.sentence, NULL);
        check_equal(&is.config, &should.config);
        fixture_done(&is);
        fixture_done(&should);
}

static void test_documents_that_change_nothing(void) {
        static const Bytes documents[] = {
                BYTES(""),
                BYTES("\n \n"),
                BYTES("# a comment\n"),
                BYTES("\xef\xbb\xbf# behind a byte order mark\n"),
                BYTES("%YAML 1.1\n---\n# a comment\n...\n"),
                BYTES("---\n"),
                BYTES("{}"),
                BYTES(EXECUTION RECOVERY "  # monitor_interval: 5\n" CONNECTION),
                BYTES("recovery: {}\nconnection: {sse_timeout: 120,}\n"),
                BYTES("{\"recovery\": {\"monitor_interval\": 30}}"),
                BYTES("recovery:\r\n  monitor_interval: 30 # CR LF\r\n  check_orphaned_tasks: TRUE\r\n"),
                BYTES(EXECUTION "  user: \"remote-developer\"\n"),
                BYTES(RECOVERY "  orphaned_task_action: 'interrupted'\n"),
                BYTES(RECOVERY "  monitor_interval: 30 # not a %TAG\n"),
                BYTES(WORKSPACES "  directory: \"\"\n  allowed_repositories:\n    - '*'\n"),
        };

        for (size_t i = 0; i < ELEMENTSOF(documents); i++) {
                Fixture is = fixture(), should = fixture();

                TAP_CHECK_INT(fixture_read(&is, documents[i]), 0);
                TAP_CHECK_STRING(is.problem.sentence, NULL);
                check_equal(&is.config, &should.config);
                fixture_done(&is);
                fixture_done(&should);
        }
}

static void check_refusal(const Refusal *row) {
        Fixture is = fixture(), should = fixture();
        _cleanup_free_ char *start = string_format("f.yaml:%s", row->start);

        /* What is not a default must stay, too. */
        set_other(&is.config, 0);
        set_other(&should.config, 0);
        TAP_CHECK_INT(fixture_read(&is, row->document), -EINVAL);
        TAP_CHECK_INT(is.problem.error, -EINVAL);
        TAP_CHECK_CONTAINS(is.problem.sentence, row->part);
        TAP_CHECK_STRING(is.problem.field, row->field);
        if (is.problem.sentence && !string_has_prefix(is.problem.sentence, start))
                TAP_CHECK_STRING(is.problem.sentence, start);
        check_equal(&is.config, &should.config);
        fixture_done(&is);
        fixture_done(&should);
}

static void check_refusals(const Refusal *rows, size_t n) {
        for (size_t i = 0; i < n; i++)
                check_refusal(&rows[i]);
}

static void test_wrong_values_are_refused(void) {

        check_refusals(wrong_values, ELEMENTSOF(wrong_values));
}

static void test_wrong_names_are_refused(void) {

        check_refusals(wrong_names, ELEMENTSOF(wrong_names));
}

static void test_what_is_not_plain_yaml_is_refused(void) {

        check_refusals(not_plain_yaml, ELEMENTSOF(not_plain_yaml));
}

static void test_timeout_must_exceed_heartbeat(void) {
        Fixture f = fixture();

        check_refusals(timeout_within_heartbeat, ELEMENTSOF(timeout_within_heartbeat));
        TAP_CHECK_INT(fixture_read(&f, (Bytes) BYTES("connection: {sse_heartbeat_interval: 119}")), 0);
        fixture_done(&f);
}

static int set_number(const ConfigKey *key, Config *c, uint64_t value) {
        _cleanup_free_ char *text = string_format("%" PRIu64, value);

        return config_key_set(key, c, text);
}

static void test_ranges_are_inclusive(void) {
        Fixture f = fixture();

        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++) {
                if (k->kind > CONFIG_DAYS)
                        continue;
                TAP_CHECK_INT(set_number(k, &f.config, k->min), 0);
                TAP_CHECK_INT(set_number(k, &f.config, k->max), 0);
                TAP_CHECK_INT(set_number(k, &f.config, k->max + 1), -EINVAL);
                if (k->min > 0)
                        TAP_CHECK_INT(set_number(k, &f.config, k->min - 1), -EINVAL);
                TAP_CHECK_INT(config_key_set(k, &f.config, "18446744073709551616"), -EINVAL);
        }
        fixture_done(&f);
}

static void check_texts(const char *name, const char *const *texts, int should) {
        const ConfigKey *key = config_key_find("task_execution", name) ?: config_key_find("connection", name);
        Fixture f = fixture();

        for (; *texts; texts++)
                if (config_key_set(key, &f.config, *texts) != should)
                        tap_fail(__FILE__, __LINE__, "\"%s\" for %s: should give %d", *texts, name, should);
        fixture_done(&f);
}

static void test_forms_of_values(void) {
        check_texts("use_daemon_threads",
                    (const char *const[]){ "true", "True", "YES", "on", "off", "No", "FALSE", NULL }, 0);
        check_texts("use_daemon_threads", (const char *const[]){ "", "y", "0", "truee", NULL }, -EINVAL);
        check_texts("sandbox", (const char *const[]){ "open", "standard", "strict", NULL }, 0);
        check_texts("sandbox", (const char *const[]){ "", "Strict", "off", "none", NULL }, -EINVAL);
        check_texts("writable_paths", (const char *const[]){ "/srv", "/srv/a b", NULL }, 0);
        check_texts("writable_paths", (const char *const[]){ "srv", "/srv/../etc", "/srv:/etc", NULL }, -EINVAL);
        check_texts("hosts",
                    (const char *const[]){ "build", "build.example.com", "192.0.2.7", "[2001:db8::7]", NULL }, 0);
        check_texts("hosts",
                    (const char *const[]){ "build:15443", "https://build", "2001:db8::7", "[]", "[::1", "[::1]]", ".a",
                                           "-a", "*.example.com", "a b", "a/", "\xc3\xa4", NULL },
                    -EINVAL);
        check_texts("claude_timeout",
                    (const char *const[]){ "", "+5", "-5", " 5", "5 ", "5s", "0x5", "1_000", "1:00", NULL },
                    -EINVAL);
        check_texts("user",
                    (const char *const[]){ "root", "_a", "A.b-c_9", "0", "1000", "4294967294",
                                           "abcdefghijklmnopqrstuvwxyz01234", NULL },
                    0);
        check_texts("user",
                    (const char *const[]){ "", "a b", "a:b", "a/b", "-a", ".", "9a", "00", "01", "65535",
                                           "4294967295", "-1", "\xc3\xa4",
                                           "abcdefghijklmnopqrstuvwxyz012345", NULL },
                    -EINVAL);
}

static void test_sentences_stay_short(void) {
        enum { SIZE = 100000 };
        static char document[SIZE];
        static const char *const starts[] = { RECOVERY "  monitor_interval: ", RECOVERY "  ", "" };

        for (size_t i = 0; i < ELEMENTSOF(starts); i++) {
                Fixture f = fixture();
                size_t n;

                /* One byte, then two each: a cut after an even number would leave half a character. */
                n = (size_t) snprintf(document, SIZE, "%sx", starts[i]);
                for (; n + 6 < SIZE; n += 2)
                        memcpy(document + n, "\xc3\xa4", 2);
                n += (size_t) snprintf(document + n, SIZE - n, ": x\n");
                TAP_CHECK_INT(fixture_read(&f, (Bytes){ document, n }), -EINVAL);
                TAP_CHECK(f.problem.sentence && strlen(f.problem.sentence) < 100 + PROBLEM_VALUE_MAX);
                TAP_CHECK(f.problem.sentence && !strstr(f.problem.sentence, REPLACEMENT));
                fixture_done(&f);
        }
}

static void write_file(int dir_fd, const char *name, const void *data, size_t size) {
        TAP_CHECK_INT(file_write_durable(dir_fd, name, data, size, 0600), 0);
}

/* Reads dir/name into `f` anew. */
static int read_named(Fixture *f, const char *dir, const char *name) {
        _cleanup_free_ char *path = string_format("%s/%s", dir, name);

        problem_done(&f->problem);
        return config_read_file(&f->config, path, &f->problem);
}

static void check_files(Fixture *f, const char *dir, int dir_fd, char *big) {
        static const char good[] = RECOVERY "  monitor_interval: 5\n";

        write_file(dir_fd, "good", good, strlen(good));
        TAP_CHECK_INT(symlinkat("good", dir_fd, "link"), 0);
        TAP_CHECK_INT(symlinkat("absent", dir_fd, "dangling"), 0);
        memset(big, '#', CONFIG_SIZE_MAX + 1);
        write_file(dir_fd, "largest", big, CONFIG_SIZE_MAX);
        write_file(dir_fd, "larger", big, CONFIG_SIZE_MAX + 1);

        TAP_CHECK_INT(read_named(f, dir, "link"), 0);
        TAP_CHECK_INT(f->config.monitor_interval_usec, 5 * USEC_PER_SEC);
        TAP_CHECK_INT(read_named(f, dir, "largest"), 0);
        TAP_CHECK_INT(read_named(f, dir, "larger"), -EFBIG);
        TAP_CHECK_CONTAINS(f->problem.sentence, "1 MiB");
        TAP_CHECK_INT(fixture_read(f, (Bytes){ big, CONFIG_SIZE_MAX + 1 }), -EFBIG);
        TAP_CHECK_INT(read_named(f, dir, "dangling"), -EINVAL);
        TAP_CHECK_CONTAINS(f->problem.sentence, "leads nowhere");
        TAP_CHECK_INT(read_named(f, dir, "."), -EINVAL);
        TAP_CHECK_CONTAINS(f->problem.sentence, "not a regular file");
        TAP_CHECK_INT(read_named(f, dir, "good/below"), -ENOTDIR);
        TAP_CHECK_CONTAINS(f->problem.sentence, "cannot be read: Not a directory");
        /* The caller then looks in the next place, with the same problem: it must still be empty. */
        TAP_CHECK_INT(read_named(f, dir, "absent"), -ENOENT);
        TAP_CHECK_INT(f->problem.error, 0);
        TAP_CHECK_INT(f->config.monitor_interval_usec, 5 * USEC_PER_SEC);
}

static void test_files(void) {
        static const char *const names[] = { "good", "link", "dangling", "largest", "larger" };
        _cleanup_free_ char *dir = string_format("%s/test-config-XXXXXX", getenv("TMPDIR") ?: "/tmp");
        _cleanup_free_ char *big = malloc(CONFIG_SIZE_MAX + 1);
        Fixture f = fixture();
        int dir_fd;

        if (!TAP_CHECK(big) || !TAP_CHECK(dir) || !TAP_CHECK(mkdtemp(dir)))
                return;
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        check_files(&f, dir, dir_fd, big);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                unlinkat(dir_fd, names[i], 0);
        close(dir_fd);
        TAP_CHECK_INT(rmdir(dir), 0);
        fixture_done(&f);
}

static void test_help_has_a_line_for_every_key(void) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0, lines = 0;
        FILE *to = open_memstream(&text, &size);

        config_print_keys(to);
        fclose(to);
        TAP_CHECK_CONTAINS(text, "  task_execution.claude_timeout  "
                                 "(a whole number of seconds from 1 to 604800, default 7200) the longest");
        for (const char *p = text; (p = strchr(p, '\n')); p++)
                lines++;
        TAP_CHECK_INT(lines, CONFIG_KEYS);
}

static void test_manual_has_every_key(void) {
        _cleanup_free_ char *path = source_path("docs/remote-developerd.8");
        _cleanup_(buffer_done) Buffer page = BUFFER_NULL;

        if (!TAP_CHECK_INT(file_read(AT_FDCWD, path, CONFIG_SIZE_MAX, &page), 0))
                return;
        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++) {
                _cleanup_free_ char *head = string_format(".TP\n.B %s.%s\n", k->section, k->name);

                if (!strstr(page.data, head))
                        tap_fail(__FILE__, __LINE__, "%s has no paragraph %s.%s", path, k->section, k->name);
        }
}

static const TapTest tests[] = {
        { "the defaults are those of the original", test_defaults },
        { "every key acts on its member", test_every_key_acts_on_its_member },
        { "the shipped file holds every default", test_shipped_file_holds_every_default },
        { "documents without keys change nothing", test_documents_that_change_nothing },
        { "wrong values are refused", test_wrong_values_are_refused },
        { "wrong names are refused", test_wrong_names_are_refused },
        { "what is not plain YAML is refused", test_what_is_not_plain_yaml_is_refused },
        { "the timeout must exceed the heartbeat", test_timeout_must_exceed_heartbeat },
        { "ranges are inclusive", test_ranges_are_inclusive },
        { "forms of values", test_forms_of_values },
        { "sentences stay short", test_sentences_stay_short },
        { "files", test_files },
        { "--help has a line for every key", test_help_has_a_line_for_every_key },
        { "the manual has every key", test_manual_has_every_key },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Config: the table of keys, and how the text of a value becomes a member. See config.h and config-key.h.
 *
 * The defaults are texts that go the same way as those of a file: a default that its own row would refuse
 * does not get past config_init(). config-reader.c reads the file, config-words.c helps to say what is
 * wrong with it.
 */
#include <remote-developer/config-key.h>
#include <remote-developer/files.h>
#include <remote-developer/path.h>
#include <remote-developer/strings.h>
#include <remote-developer/version.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>

/* The longest name that useradd(8) and utmp(5) know. */
#define USER_NAME_MAX 31

/* Of DNS (RFC 1035). */
#define HOST_NAME_SIZE_MAX 253

/* Kind and offset of a member. An array of -1 does not compile: that is the member's type against the
 * kind's. */
#define IS_OF_TYPE(member, type) __builtin_types_compatible_p(typeof(((Config *) NULL)->member), type)
#define ROW(kind, member, type)                                                                             \
        (kind), offsetof(Config, member) + 0 * sizeof(char[IS_OF_TYPE(member, type) ? 1 : -1])
#define SECONDS(member) ROW(CONFIG_SECONDS, member, usec_t)
#define LINES(member) ROW(CONFIG_LINES, member, unsigned)
#define DAYS(member) ROW(CONFIG_DAYS, member, unsigned)
#define TASKS(member) ROW(CONFIG_TASKS, member, unsigned)
#define CONNECTIONS(member) ROW(CONFIG_CONNECTIONS, member, unsigned)
#define STREAMS(member) ROW(CONFIG_STREAMS, member, unsigned)
#define ATTEMPTS(member) ROW(CONFIG_ATTEMPTS, member, unsigned)
#define BOOLEAN(member) ROW(CONFIG_BOOLEAN, member, bool), 0, 0
#define ACTION(member) ROW(CONFIG_ACTION, member, OrphanedTaskAction), 0, 0
#define STALL(member) ROW(CONFIG_STALL, member, TaskStallAction), 0, 0
#define USER(member) ROW(CONFIG_USER, member, char *), 0, 0
#define DIRECTORY(member) ROW(CONFIG_DIRECTORY, member, char *), 0, 0
#define PATTERNS(member) ROW(CONFIG_PATTERNS, member, char **), 0, 0
#define PATHS(member) ROW(CONFIG_PATHS, member, char **), 0, 0
#define HOSTS(member) ROW(CONFIG_HOSTS, member, char **), 0, 0
#define SANDBOX(member) ROW(CONFIG_SANDBOX, member, Sandbox), 0, 0
#define MEMORY(member) ROW(CONFIG_MEMORY, member, uint64_t), 0, 0
#define PERCENT(member) ROW(CONFIG_PERCENT, member, uint64_t)
#define PROCESSES(member) ROW(CONFIG_PROCESSES, member, uint64_t)
#define WEIGHT(member) ROW(CONFIG_WEIGHT, member, uint64_t)

#define EXECUTION "task_execution"
#define LIMITS "limits"
#define RECOVERY "recovery"
#define PERSISTENCE "persistence"
#define CONNECTION "connection"
#define WORKSPACES "workspaces"

const char *const config_sections[CONFIG_SECTIONS] = { EXECUTION, LIMITS, RECOVERY, PERSISTENCE,
                                                      CONNECTION, WORKSPACES, CONFIG_RECIPES };

/* clang-format off */
const ConfigKey config_keys[] = {
        { EXECUTION, "claude_timeout", SECONDS(claude_timeout_usec), 1, 604800, "7200",
          "the longest that the work of a task may take" },
        { EXECUTION, "default_timeout", SECONDS(default_timeout_usec), 1, 86400, "120",
          "the longest that each preparation step may take" },
        { EXECUTION, "status_save_interval", LINES(status_save_interval), 1, 1000000, "10",
          "log lines of a task between two saves of its document" },
        { EXECUTION, "use_daemon_threads", BOOLEAN(use_daemon_threads), "false",
          "true ends all tasks when the service ends; false lets them go on" },
        { EXECUTION, "cancel_grace", SECONDS(cancel_grace_usec), 0, 3600, "10",
          "what a cancelled task has between SIGTERM and SIGKILL" },
        { EXECUTION, "warn_before", SECONDS(warn_before_usec), 0, 86400, "300",
          "so long ahead of its time limit a task gets a warning, 0 for none" },
        { EXECUTION, "stall_timeout", SECONDS(stall_timeout_usec), 0, TASK_STALL_TIMEOUT_MAX, "0",
          "after so long without output a task counts as stalled, 0 for never" },
        { EXECUTION, "stall_action", STALL(stall_action), "mark",
          "mark a stalled task as such, or stop it, too" },
        { EXECUTION, "max_running_tasks", TASKS(max_running_tasks), 1, 100000, "500",
          "how many tasks run at once; further ones are queued" },
        { EXECUTION, "max_queued_tasks", TASKS(max_queued_tasks), 0, 100000, "5000",
          "how many tasks wait for their turn; further ones are refused" },
        { EXECUTION, "user", USER(user), "remote-developer",
          "who runs the tasks of the system's service; no effect in user mode" },
        { EXECUTION, "sandbox", SANDBOX(sandbox), "standard",
          "how closely tasks are fenced in, where their recipe does not say" },
        { EXECUTION, "writable_paths", PATHS(writable_paths), "",
          "where fenced tasks may write besides their own places" },

        { LIMITS, "memory_max", MEMORY(limits.memory_max), "75%",
          "the memory of a task at most, and if it asks for none; 0 for no limit" },
        { LIMITS, "cpu_quota", PERCENT(limits.cpu_quota), 0, TASK_CPU_QUOTA_MAX, "0",
          "its processor time likewise, 100 for one processor; 0 for no limit" },
        { LIMITS, "tasks_max", PROCESSES(limits.tasks_max), 0, TASK_TASKS_MAX, "4096",
          "its processes and threads likewise; 0 for no limit" },
        { LIMITS, "io_weight", WEIGHT(limits.io_weight), 0, TASK_IO_WEIGHT_MAX, "100",
          "its share of busy disks likewise, against 100 of others; 0 for no limit" },

        { RECOVERY, "check_orphaned_tasks", BOOLEAN(check_orphaned_tasks), "true",
          "at start, judge the tasks that ended while nobody watched" },
        { RECOVERY, "orphaned_task_action", ACTION(orphaned_task_action), "interrupted",
          "leave an interrupted task so, or resume it: a new attempt, after a pause" },
        { RECOVERY, "max_automatic_attempts", ATTEMPTS(max_automatic_attempts), 1, 99, "3",
          "how often the service resumes a task by itself" },
        { RECOVERY, "resume_pause", SECONDS(resume_pause_usec), 1, 3600, "30",
          "the pause before it does; doubled with each further time, up to an hour" },
        { RECOVERY, "monitor_interval", SECONDS(monitor_interval_usec), 1, 86400, "30",
          "how often the units are compared with the files again" },

        { PERSISTENCE, "max_memory_logs", LINES(max_memory_logs), 10, 1000000, "1000",
          "the last log lines of a task that are kept in memory" },
        { PERSISTENCE, "max_tasks", TASKS(max_tasks), 1, 10000000, "250000",
          "how many tasks are kept, archived ones too; further ones are refused" },
        { PERSISTENCE, "archive_after_days", DAYS(archive_after_days), 0, 36500, "7",
          "when a finished task moves to the archive, 0 for never" },
        { PERSISTENCE, "compress_archives", BOOLEAN(compress_archives), "true",
          "compress archived logs with zstd" },

        { CONNECTION, "sse_heartbeat_interval", SECONDS(sse_heartbeat_interval_usec), 1, 3600, "30",
          "after this silence a log stream carries a heartbeat" },
        { CONNECTION, "sse_timeout", SECONDS(sse_timeout_usec), 1, 86400, "120",
          "a viewer that has read nothing for so long is disconnected" },
        { CONNECTION, "allow_multiple_connections", BOOLEAN(allow_multiple_connections), "true",
          "false refuses a second viewer of one task" },
        { CONNECTION, "max_connections", CONNECTIONS(max_connections), 16, 60000, "4096",
          "how many connections there may be at once, of one user half as many" },
        { CONNECTION, "max_streams", STREAMS(max_streams), 2, 60000, "2500",
          "how many logs may be streamed or downloaded at once, by one user half as many" },
        { CONNECTION, "request_timeout", SECONDS(request_timeout_usec), 1, 3600, "60",
          "a request that takes longer to come is cut off" },
        { CONNECTION, "hosts", HOSTS(hosts), "",
          "names by which this machine is called besides localhost" },

        { WORKSPACES, "directory", DIRECTORY(workspaces_directory), "",
          "where work trees and mirrors of repositories are made" },
        { WORKSPACES, "allowed_repositories", PATTERNS(allowed_repositories), "*",
          "what a request may name as github_repo" },
};
/* clang-format on */

/* Indexed by OrphanedTaskAction. */
static const char *const action_words[] = { "interrupted", "resume" };

static int parse_number(const ConfigKey *key, const char *text, uint64_t *ret) {
        uint64_t v;

        /* YAML 1.1 reads 010 as eight. Whoever wrote it may have meant ten, so it is neither. */
        if (text[0] == '0' && text[1])
                return -EINVAL;
        if (string_to_uint64(text, &v) < 0 || v < key->min || v > key->max)
                return -EINVAL;

        *ret = v;
        return 0;
}

static int set_seconds(const ConfigKey *key, void *member, const char *text) {
        uint64_t v;
        int r;

        r = parse_number(key, text, &v);
        if (r < 0)
                return r;
        *(usec_t *) member = v * USEC_PER_SEC;
        return 0;
}

static int set_count(const ConfigKey *key, void *member, const char *text) {
        uint64_t v;
        int r;

        assert(key->max <= UINT_MAX);
        r = parse_number(key, text, &v);
        if (r < 0)
                return r;
        *(unsigned *) member = (unsigned) v;
        return 0;
}

static int set_boolean(const ConfigKey *key _unused_, void *member, const char *text) {
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                { "true", true },   { "yes", true }, { "on", true },
                { "false", false }, { "no", false }, { "off", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasecmp(words[i].word, text) == 0) {
                        *(bool *) member = words[i].value;
                        return 0;
                }
        return -EINVAL;
}

static int set_action(const ConfigKey *key _unused_, void *member, const char *text) {
        int r;

        r = string_table_lookup(action_words, ELEMENTSOF(action_words), text);
        if (r < 0)
                return r;
        *(OrphanedTaskAction *) member = (OrphanedTaskAction) r;
        return 0;
}

static int set_stall_action(const ConfigKey *key _unused_, void *member, const char *text) {
        int r;

        r = string_table_lookup(task_stall_action_words, TASK_STALL_ACTION_COUNT, text);
        if (r < 0)
                return r;
        *(TaskStallAction *) member = (TaskStallAction) r;
        return 0;
}

/* Whether there is such a user is for systemd to say when a task starts: it may be added later. */
static bool is_user_name(const char *s) {
        static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
        static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-";

        return *s && strchr(first, *s) && strspn(s, rest) == strlen(s) && strlen(s) <= USER_NAME_MAX;
}

static bool is_user_id(const char *s) {
        uint64_t v;

        if (s[0] == '0' && s[1])
                return false;
        /* (uid_t) -1 means "none" to the kernel, and so did its 16 bit form once; systemd refuses both. */
        return string_to_uint64(s, &v) >= 0 && v < UINT32_MAX && v != UINT16_MAX;
}

static int set_sandbox(const ConfigKey *key _unused_, void *member, const char *text) {
        Sandbox s = sandbox_from_word(text);

        if (s == SANDBOX_UNSET)
                return -EINVAL;
        *(Sandbox *) member = s;
        return 0;
}

/* Less would leave no room for the program itself. */
static int set_memory(const ConfigKey *key _unused_, void *member, const char *text) {
        uint64_t v;
        int r;

        r = task_limits_parse_size(text, &v);
        if (r < 0 || (v > 0 && v < TASK_MEMORY_MIN))
                return r < 0 ? r : -EINVAL;
        *(uint64_t *) member = v;
        return 0;
}

static int set_limit(const ConfigKey *key, void *member, const char *text) {
        return parse_number(key, text, member);
}

/* 0 is no limit, but 1 to 3 would be none that a task can begin with. */
static int set_processes(const ConfigKey *key, void *member, const char *text) {
        uint64_t v;
        int r;

        r = parse_number(key, text, &v);
        if (r < 0 || (v > 0 && v < TASK_TASKS_MIN))
                return -EINVAL;
        *(uint64_t *) member = v;
        return 0;
}

static int set_user(const ConfigKey *key _unused_, void *member, const char *text) {
        /* A task would then be the service, to root's launcher too. */
        if ((!is_user_name(text) && !is_user_id(text)) || string_equal(text, REMOTE_DEVELOPER_USER))
                return -EINVAL;
        return string_replace(member, text);
}

static int set_directory(const ConfigKey *key _unused_, void *member, const char *text) {
        if (*text && path_fault(text))
                return -EINVAL;
        return string_replace(member, text);
}

static int append_item(void *member, const char *text) {
        if (strv_length(*(char ***) member) >= CONFIG_PATTERNS_MAX)
                return -E2BIG;
        return strv_append(member, text);
}

static int set_pattern(const ConfigKey *key _unused_, void *member, const char *text) {
        if (!*text || strlen(text) > CONFIG_PATTERN_SIZE_MAX)
                return -EINVAL;
        return append_item(member, text);
}

/* The default is a text like every other: the empty one stands for the empty list. */
static int set_path(const ConfigKey *key _unused_, void *member, const char *text) {
        if (!*text)
                return 0;
        if (path_fault(text) || strchr(text, ':'))
                return -EINVAL;
        return append_item(member, text);
}

/* A name of DNS, or an address as it stands in a URL. */
static bool is_host(const char *s) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
        size_t n = strlen(s);

        if (n > HOST_NAME_SIZE_MAX)
                return false;
        if (s[0] == '[')
                return n > 2 && 1 + strspn(s + 1, "0123456789abcdefABCDEF:.") == n - 1 && s[n - 1] == ']';
        return n > 0 && strspn(s, letters) == n && s[0] != '.' && s[0] != '-';
}

static int set_host(const ConfigKey *key _unused_, void *member, const char *text) {
        if (!*text)
                return 0;
        if (!is_host(text))
                return -EINVAL;
        return append_item(member, text);
}

/* What every key of a kind has in common: its words where it is no number, the unit where it is one. */
static const struct {
        const char *unit;
        const char *words;
        int (*set)(const ConfigKey *key, void *member, const char *text);
} kinds[CONFIG_KINDS] = {
        [CONFIG_SECONDS] = { "seconds", NULL, set_seconds },
        [CONFIG_LINES] = { "lines", NULL, set_count },
        [CONFIG_DAYS] = { "days", NULL, set_count },
        [CONFIG_TASKS] = { "tasks", NULL, set_count },
        [CONFIG_CONNECTIONS] = { "connections", NULL, set_count },
        [CONFIG_STREAMS] = { "streams", NULL, set_count },
        [CONFIG_ATTEMPTS] = { "attempts", NULL, set_count },
        [CONFIG_BOOLEAN] = { NULL, "true or false", set_boolean },
        [CONFIG_ACTION] = { NULL, "interrupted or resume", set_action },
        [CONFIG_STALL] = { NULL, "mark or stop", set_stall_action },
        [CONFIG_USER] = { NULL, "the name of a user or a numeric user id, but not " REMOTE_DEVELOPER_USER
                               ", who runs the service", set_user },
        [CONFIG_DIRECTORY] = { NULL, "an absolute path, or \"\"", set_directory },
        [CONFIG_PATTERNS] = { NULL, "a list of patterns such as \"owner/*\"", set_pattern },
        [CONFIG_PATHS] = { NULL, "a list of absolute paths without colons", set_path },
        [CONFIG_HOSTS] = { NULL, "a list of host names or addresses such as build.example.com or 192.0.2.7, without "
                                 "a port", set_host },
        [CONFIG_SANDBOX] = { NULL, "open, standard or strict", set_sandbox },
        [CONFIG_MEMORY] = { NULL, "a size such as 4G or 50%, at least 8M, or 0", set_memory },
        [CONFIG_PERCENT] = { "percent", NULL, set_limit },
        [CONFIG_PROCESSES] = { "processes, 0 or 4 and more,", NULL, set_processes },
        [CONFIG_WEIGHT] = { "parts", NULL, set_limit },
};

const ConfigKey *config_key_find(const char *section, const char *name) {
        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++)
                if (string_equal(k->section, section) && string_equal(k->name, name))
                        return k;
        return NULL;
}

const char *config_key_describe(const ConfigKey *key, char buffer[static CONFIG_DESCRIPTION_SIZE]) {
        if (kinds[key->kind].words)
                snprintf(buffer, CONFIG_DESCRIPTION_SIZE, "%s", kinds[key->kind].words);
        else
                snprintf(buffer, CONFIG_DESCRIPTION_SIZE,
                         "a whole number of %s from %" PRIu64 " to %" PRIu64, kinds[key->kind].unit,
                         key->min, key->max);
        return buffer;
}

int config_key_set(const ConfigKey *key, Config *c, const char *text) {
        return kinds[key->kind].set(key, (char *) c + key->offset, text);
}

int config_init(Config *c) {
        int r;

        *c = (Config){};
        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++) {
                r = config_key_set(k, c, k->default_text);
                assert(r != -EINVAL);
                if (r < 0) {
                        config_done(c);
                        return r;
                }
        }
        r = recipe_list_copy(shipped_recipes, n_shipped_recipes, &c->recipes);
        if (r < 0) {
                config_done(c);
                return r;
        }
        c->n_recipes = n_shipped_recipes;
        return 0;
}

void config_done(Config *c) {
        free(c->user);
        free(c->workspaces_directory);
        strv_free(c->allowed_repositories);
        strv_free(c->writable_paths);
        strv_free(c->hosts);
        recipe_list_free(c->recipes, c->n_recipes);
        *c = (Config){};
}

const Recipe *config_find_recipe(const Config *c, const char *name) {
        return recipe_find(c->recipes, c->n_recipes, name);
}

int config_take_recipe(Config *c, Recipe *recipe) {
        Recipe *recipes, *same = (Recipe *) config_find_recipe(c, recipe->name);

        if (same) {
                recipe_done(same);
                *same = *recipe;
        } else {
                recipes = reallocarray(c->recipes, c->n_recipes + 1, sizeof(Recipe));
                if (!recipes)
                        return -ENOMEM;
                c->recipes = recipes;
                c->recipes[c->n_recipes++] = *recipe;
        }
        *recipe = (Recipe){};
        return 0;
}

void config_print_keys(FILE *to) {
        char description[CONFIG_DESCRIPTION_SIZE];

        for (const ConfigKey *k = config_keys; k < config_keys + CONFIG_KEYS; k++)
                fprintf(to, "  %s.%s  (%s, default %s) %s\n", k->section, k->name,
                        config_key_describe(k, description), *k->default_text ? k->default_text : "\"\"", k->help);
}

static int refuse_file(const char *path, int error, Problem *problem) {
        switch (error) {
        case -EINVAL:
                return problem_set(problem, error, NULL, "%s: this is not a regular file", path);
        case -EFBIG:
                return problem_set(problem, error, NULL, "%s: a configuration holds 1 MiB at most", path);
        default:
                return problem_set(problem, error, NULL, "%s: cannot be read: %s", path, strerror(-error));
        }
}

int config_read_file(Config *c, const char *path, Problem *problem) {
        /* file_read() follows no link, but the configuration of a machine is often managed by links. */
        _cleanup_free_ char *target = realpath(path, NULL);
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        struct stat st;
        int k = target ? 0 : -errno;

        if (k == -ENOENT && lstat(path, &st) >= 0)
                return problem_set(problem, -EINVAL, NULL, "%s: this symbolic link leads nowhere", path);
        if (k >= 0)
                k = file_read(AT_FDCWD, target, CONFIG_SIZE_MAX, &b);
        if (k == -ENOENT)
                return k;
        if (k < 0)
                return refuse_file(path, k, problem);
        return config_read(c, path, b.data, b.size, problem);
}

/* TaskLimits: see task-limits.h. One row a limit: its name, its range, and where its ceiling stands in Config. */
#include <remote-developer/task-limits.h>

#include <remote-developer/config.h>
#include <remote-developer/strings.h>

#include <inttypes.h>
#include <unistd.h>

#define TIMEOUT "timeout"

typedef struct LimitRow {
        const char *name;
        size_t offset; /* in TaskLimits, of what was asked for and of the ceilings in Config alike */
        uint64_t min, max;
        const char *wanted;
        int (*parse)(const char *text, uint64_t *ret); /* of a text; NULL: only numbers */
} LimitRow;

static const LimitRow rows[] = {
        { "memory_max", offsetof(TaskLimits, memory_max), TASK_MEMORY_MIN, UINT64_MAX,
          "a number of bytes, or a size such as \"512M\" or \"4G\"", task_limits_parse_size },
        { "cpu_quota", offsetof(TaskLimits, cpu_quota), 1, TASK_CPU_QUOTA_MAX,
          "a whole number of percent of one processor", NULL },
        { "tasks_max", offsetof(TaskLimits, tasks_max), TASK_TASKS_MIN, TASK_TASKS_MAX,
          "a whole number of processes and threads", NULL },
        { "io_weight", offsetof(TaskLimits, io_weight), 1, TASK_IO_WEIGHT_MAX, "a whole number", NULL },
};

static uint64_t *member(TaskLimits *l, const LimitRow *row) {
        return (uint64_t *) ((char *) l + row->offset);
}

static uint64_t value_of(const TaskLimits *l, const LimitRow *row) {
        return *(const uint64_t *) ((const char *) l + row->offset);
}

/* --- sizes --- */

static uint64_t machine_memory(void) {
        long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

        return pages > 0 && size > 0 ? (uint64_t) pages * (uint64_t) size : 0;
}

static int parse_share(uint64_t percent, uint64_t *ret) {
        uint64_t memory = machine_memory();

        if (percent < 1 || percent > 100 || memory == 0)
                return -EINVAL;
        *ret = MAX_OF(memory / 100 * percent, TASK_MEMORY_MIN);
        return 0;
}

int task_limits_parse_size(const char *text, uint64_t *ret) {
        static const char letters[] = "KMGT";
        size_t digits = strspn(text, "0123456789");
        _cleanup_free_ char *number = strndup(text, digits);
        const char *unit = text + digits, *letter;
        uint64_t v;
        int r;

        if (!number)
                return -ENOMEM;
        r = string_to_uint64(number, &v);
        if (r < 0 || (text[0] == '0' && text[1]))
                return -EINVAL;
        if (string_equal(unit, "%"))
                return parse_share(v, ret);
        for (letter = letters; *unit && *letter; letter++) {
                if (v > UINT64_MAX / 1024)
                        return -EINVAL;
                v *= 1024;
                if (*letter == *unit)
                        break;
        }
        if (*unit && (!*letter || unit[1]))
                return -EINVAL;
        *ret = v;
        return 0;
}

/* --- requests --- */

static int refuse(const LimitRow *row, const char *why, uint64_t value, uint64_t bound, const char *remedy,
                  Problem *problem) {
        _cleanup_free_ char *field = string_format("limits.%s", row->name);

        if (!field)
                return -ENOMEM;
        return problem_set(problem, -EINVAL, field, "%s is %" PRIu64 "; %s %" PRIu64 "%s", field, value, why, bound,
                           remedy);
}

static int refuse_kind(const LimitRow *row, Problem *problem) {
        _cleanup_free_ char *field = string_format("limits.%s", row->name);

        return field ? problem_set(problem, -EINVAL, field, "%s must be %s", field, row->wanted) : -ENOMEM;
}

static int read_value(const LimitRow *row, const Json *value, uint64_t *ret) {
        const char *text = json_text(value);

        if (text)
                return row->parse ? row->parse(text, ret) : -EINVAL;
        return json_to_uint64(value, ret);
}

static int read_limit(const LimitRow *row, const Json *value, uint64_t ceiling, uint64_t *ret, Problem *problem) {
        uint64_t v;
        int r = read_value(row, value, &v);

        if (r < 0)
                return r == -ENOMEM ? r : refuse_kind(row, problem);
        if (v < row->min)
                return refuse(row, "it must be at least", v, row->min, "", problem);
        if (ceiling > 0 && v > ceiling)
                return refuse(row, "the configuration allows at most", v, ceiling, "", problem);
        if (v > row->max)
                return refuse(row, "it must be at most", v, row->max, "", problem);
        *ret = v;
        return 0;
}

/* The names alone: values are for the rows. */
static int check_names(const Json *limits, Problem *problem) {
        JsonField names[ELEMENTSOF(rows) + 1] = {};
        char nothing; /* is written */

        if (!json_is_object(limits))
                return problem_set(problem, -EINVAL, "limits",
                                   "limits must be an object such as {\"memory_max\": \"4G\"}");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                names[i] = (JsonField){ .name = rows[i].name, .kind = JSON_IGNORED };
        names[ELEMENTSOF(rows)] = (JsonField){ .name = TIMEOUT, .kind = JSON_IGNORED };
        return json_read_fields(limits, names, ELEMENTSOF(names), true, &nothing, problem);
}

/* The ceiling is that of "timeout", of which this is another name. */
static int read_timeout(const Json *limits, const Config *config, usec_t *ret, Problem *problem) {
        static const LimitRow row = { TIMEOUT, 0, 1, UINT64_MAX / USEC_PER_SEC, "a whole number of seconds", NULL };
        const Json *value = json_get(limits, TIMEOUT);
        uint64_t v;
        int r;

        if (!value)
                return 0;
        r = read_limit(&row, value, config->claude_timeout_usec / USEC_PER_SEC, &v, problem);
        if (r >= 0)
                *ret = v * USEC_PER_SEC;
        return r;
}

int task_limits_parse(const Json *limits, const Config *config, TaskLimits *ret, usec_t *ret_timeout_usec,
                      Problem *problem) {
        TaskLimits l = {};
        int r = limits ? check_names(limits, problem) : 0;

        for (size_t i = 0; r >= 0 && limits && i < ELEMENTSOF(rows); i++) {
                const Json *value = json_get(limits, rows[i].name);

                if (value)
                        r = read_limit(&rows[i], value, value_of(&config->limits, &rows[i]), member(&l, &rows[i]),
                                       problem);
        }
        if (r >= 0 && limits)
                r = read_timeout(limits, config, ret_timeout_usec, problem);
        if (r >= 0)
                *ret = l;
        return r;
}

/* --- documents --- */

static JsonField field_of(const LimitRow *row) {
        return (JsonField){ .name = row->name, .kind = JSON_UINT64, .offset = row->offset, .flags = JSON_OMIT_UNSET };
}

static bool is_unset(const TaskLimits *l) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (value_of(l, &rows[i]) > 0)
                        return false;
        return true;
}

int task_limits_to_json(const TaskLimits *l, Json **ret) {
        _cleanup_json_ Json *j = is_unset(l) ? NULL : json_new_object();
        int r = j || is_unset(l) ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && j && i < ELEMENTSOF(rows); i++) {
                const JsonField field = field_of(&rows[i]);

                r = json_write_fields(j, &field, 1, true, l);
        }
        if (r >= 0)
                *ret = TAKE_PTR(j);
        return r;
}

int task_limits_from_json(const Json *j, TaskLimits *ret, Problem *problem) {
        int r = 0;

        for (size_t i = 0; r >= 0 && j && i < ELEMENTSOF(rows); i++) {
                const JsonField field = field_of(&rows[i]);

                r = json_read_fields(j, &field, 1, false, ret, problem);
        }
        return r;
}

TaskLimits task_limits_in_force(const TaskLimits *asked, const Config *config) {
        TaskLimits l = {};

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t a = value_of(asked, &rows[i]), ceiling = value_of(&config->limits, &rows[i]);

                *member(&l, &rows[i]) = a > 0 && (ceiling == 0 || a < ceiling) ? a : ceiling;
        }
        return l;
}

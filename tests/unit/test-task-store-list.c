/* TaskStore: what lies in the directory, and how it is moved out of the way. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-store.h>

#include <limits.h>
#include <time.h>

#define ID "task-1700000000-abcdef"

typedef struct Fixture {
        Scratch scratch;
        TaskStore *store;
} Fixture;

static void fixture_done(Fixture *f) {
        f->store = task_store_free(f->store);
        scratch_done(&f->scratch);
}

static bool fixture_init(Fixture *f) {
        f->scratch = SCRATCH_NULL;
        return scratch_init(&f->scratch) && TAP_CHECK_INT(task_store_open(f->scratch.path, &f->store, NULL), 0);
}

#define FIXTURE _cleanup_(fixture_done) Fixture f = {}

static void put(const Fixture *f, const char *name, const char *text) {
        FILE *to = fopen(scratch_path(&f->scratch, name), "we");

        if (!TAP_CHECK(to))
                return;
        fputs(text, to);
        TAP_CHECK_INT(fclose(to), 0);
}

static bool is_there(const Fixture *f, const char *name) {
        return faccessat(f->scratch.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_list_of_nothing(void) {
        FIXTURE;
        char **ids = (char **) 1;

        if (!fixture_init(&f))
                return;
        TAP_CHECK_INT(task_store_list(f.store, &ids), 0);
        TAP_CHECK_INT(strv_length(ids), 0);
        strv_free(ids);
}

static void test_list_passes_over_foreign_names(void) {
        static const char *const names[] = {
                "active_tasks.json", ID ".result", ID ".prompt", ID ".json.broken-1700000000", ID, "." ID ".json",
                ID ".json~", "task-1700000000-abcdeg.json", "task-1700000000-abcde.json", "README", ID ".jso",
                ID ".jsox", "Task-1700000000-abcdef.json", "xtask-1700000000-abcdef.json", ".json",
        };
        FIXTURE;
        _cleanup_strv_ char **ids = NULL;

        if (!fixture_init(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                put(&f, names[i], "");
        put(&f, "task-1700000002-000000.json", "");
        put(&f, "task-1700000001-ffffff.json", "");
        put(&f, "task-1700000001-000000.json", "");
        TAP_CHECK_INT(task_store_list(f.store, &ids), 0);
        if (!TAP_CHECK_INT(strv_length(ids), 3))
                return;
        TAP_CHECK_STRING(ids[0], "task-1700000001-000000");
        TAP_CHECK_STRING(ids[1], "task-1700000001-ffffff");
        TAP_CHECK_STRING(ids[2], "task-1700000002-000000");
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                TAP_CHECK(is_there(&f, names[i]));
}

static void make_old(const Fixture *f, const char *name, time_t age) {
        struct timespec times[2] = { { .tv_sec = time(NULL) - age }, { .tv_sec = time(NULL) - age } };

        TAP_CHECK_INT(utimensat(f->scratch.fd, name, times, 0), 0);
}

/* The service's own at once, since it has the lock; a recorder may just be about to rename its own. */
static void test_list_removes_what_a_crash_left(void) {
        static const struct { const char *name; time_t age; bool stays; } rows[] = {
                { FILE_TEMPORARY_PREFIX ID ".json-0123456789abcdef", 0, false },
                { FILE_TEMPORARY_PREFIX "active_tasks.json-0123456789abcdef", -3700, false },
                { FILE_TEMPORARY_PREFIX ID ".result-0000000000000001", 3700, false },
                { FILE_TEMPORARY_PREFIX ID ".result-0000000000000002", 3500, true },
                { FILE_TEMPORARY_PREFIX ID ".result-0000000000000003", -3700, true },
                { ".tm-other", 3700, true },
        };
        FIXTURE;
        _cleanup_strv_ char **ids = NULL;

        if (!fixture_init(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                put(&f, rows[i].name, ""), make_old(&f, rows[i].name, rows[i].age);
        TAP_CHECK_INT(task_store_list(f.store, &ids), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                TAP_CHECK_INT(is_there(&f, rows[i].name), rows[i].stays);
}

/* Each name is of one kind. */
static void test_kinds_of_names(void) {
        static const char *const strays[] = { "README.json", "package.json", ID " (copy).json", "x" ID ".json" };
        static const char *const aside[] = { ID ".json.broken-1700000000", ID ".json.duplicate-1",
                                             ID ".json.foreign-1700000000-2", "x.broken-1" };
        static const char *const others[] = { ID ".json.bak", ID ".json~", "." ID ".json.swp", ".#" ID ".json",
                                              ID ".json.broken-", ID ".json.broken-x", ID ".json.broke-1",
                                              ID ".result", ID ".prompt", "active_tasks.json", "broken-1" };
        _cleanup_strv_ char **found_strays = NULL, **found_aside = NULL, **found_ids = NULL;
        FIXTURE;

        if (!fixture_init(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(strays); i++)
                put(&f, strays[i], "");
        for (size_t i = 0; i < ELEMENTSOF(aside); i++)
                put(&f, aside[i], "");
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                put(&f, others[i], "");
        TAP_CHECK_INT(mkdirat(f.scratch.fd, "archive", 0700), 0);
        TAP_CHECK_INT(task_store_list(f.store, &found_ids), 0);
        TAP_CHECK_INT(strv_length(found_ids), 0);
        TAP_CHECK_INT(task_store_list_strays(f.store, &found_strays), 0);
        TAP_CHECK_INT(task_store_list_aside(f.store, &found_aside), 0);
        if (!TAP_CHECK_INT(strv_length(found_strays), 4) || !TAP_CHECK_INT(strv_length(found_aside), 4))
                return;
        for (size_t i = 0; i < 4; i++) {
                TAP_CHECK_STRING(found_strays[i], strays[i]);
                TAP_CHECK_STRING(found_aside[i], aside[i]);
        }
}

static void test_faults(void) {
        static const struct {
                const char *name;
                int error;
                TaskFault fault;
        } rows[] = {
                { ID ".json", -EBADMSG, TASK_FAULT_BROKEN },      { "x.json", -EBADMSG, TASK_FAULT_FOREIGN },
                { ID ".json", -EFBIG, TASK_FAULT_BROKEN },        { ID ".json", -EMEDIUMTYPE, TASK_FAULT_FOREIGN },
                { ID ".json", -ENOTUNIQ, TASK_FAULT_DUPLICATE },  { "x.json", -ENOTUNIQ, TASK_FAULT_DUPLICATE },
                { ID ".json", -ELOOP, TASK_FAULT_FOREIGN },       { ID ".json", -EINVAL, TASK_FAULT_FOREIGN },
                { ID ".json", -EPROTONOSUPPORT, TASK_FAULT_NONE }, { "x.json", -EPROTONOSUPPORT, TASK_FAULT_NONE },
                { ID ".json", -EIO, TASK_FAULT_NONE },            { ID ".json", -EACCES, TASK_FAULT_NONE },
                { ID ".json", -EMFILE, TASK_FAULT_NONE },         { ID ".json", -ENOENT, TASK_FAULT_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!TAP_CHECK_INT(task_store_fault(rows[i].name, rows[i].error), rows[i].fault))
                        printf("# row %zu\n", i);
}

static void test_set_aside(void) {
        static const char *const words[] = { "broken", "foreign", "duplicate" };
        FIXTURE;
        char *none = NULL;

        if (!fixture_init(&f))
                return;
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_free_ char *name = NULL, *start = string_format(ID ".json.%s-1", words[i]);
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

                put(&f, ID ".json", words[i]);
                TAP_CHECK_INT(task_store_set_aside(f.store, ID ".json", (TaskFault) i, &name), 0);
                TAP_CHECK(name && string_has_prefix(name, start));
                TAP_CHECK(!is_there(&f, ID ".json"));
                TAP_CHECK_INT(name ? file_read(f.scratch.fd, name, 100, &text) : -1, 0);
                TAP_CHECK_STRING(text.data, words[i]);
        }
        TAP_CHECK_INT(task_store_set_aside(f.store, ID ".json", TASK_FAULT_BROKEN, &none), -ENOENT);
        TAP_CHECK(!none);
}

/* Far more than one in a second: each has a name of its own, and what was there is what it was. */
static void test_set_aside_overwrites_nothing(void) {
        _cleanup_strv_ char **names = NULL;
        FIXTURE;

        if (!fixture_init(&f))
                return;
        for (unsigned i = 0; i < 20; i++) {
                _cleanup_free_ char *name = NULL, *text = string_format("%u", i);
                _cleanup_(buffer_done) Buffer found = BUFFER_NULL;

                put(&f, ID ".json", text);
                if (!TAP_CHECK_INT(task_store_set_aside(f.store, ID ".json", TASK_FAULT_BROKEN, &name), 0))
                        return;
                TAP_CHECK_INT(file_read(f.scratch.fd, name, 100, &found), 0);
                TAP_CHECK_STRING(found.data, text);
        }
        TAP_CHECK_INT(task_store_list_aside(f.store, &names), 0);
        TAP_CHECK_INT(strv_length(names), 20);
}

/* A name that has no room for more, a directory, a link: whatever has a name. */
static void test_whatever_is_set_aside(void) {
        _cleanup_strv_ char **names = NULL;
        char name_max[NAME_MAX + 1];
        FIXTURE;

        if (!fixture_init(&f))
                return;
        memset(name_max, 'x', NAME_MAX);
        snprintf(name_max + NAME_MAX - 5, 6, ".json");
        put(&f, name_max, "");
        TAP_CHECK_INT(mkdirat(f.scratch.fd, ID ".json", 0700), 0);
        TAP_CHECK_INT(symlinkat("/etc/passwd", f.scratch.fd, "link.json"), 0);
        for (unsigned i = 0; i < 3; i++) {
                const char *name = i == 0 ? name_max : i == 1 ? ID ".json" : "link.json";
                _cleanup_free_ char *aside = NULL;

                TAP_CHECK_INT(task_store_set_aside(f.store, name, TASK_FAULT_FOREIGN, &aside), 0);
                TAP_CHECK(!is_there(&f, name));
                TAP_CHECK(aside && task_store_has_file(f.store, aside));
        }
        TAP_CHECK_INT(task_store_list_aside(f.store, &names), 0);
        TAP_CHECK_INT(strv_length(names), 3);
}

static const TapTest tests[] = {
        { "the list of nothing", test_list_of_nothing },
        { "the list passes over foreign names", test_list_passes_over_foreign_names },
        { "the list removes what a crash left, when it is old", test_list_removes_what_a_crash_left },
        { "each name is of one kind", test_kinds_of_names },
        { "what an error says of a file", test_faults },
        { "set aside", test_set_aside },
        { "setting aside overwrites nothing", test_set_aside_overwrites_nothing },
        { "whatever has a name is set aside", test_whatever_is_set_aside },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

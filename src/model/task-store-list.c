/* TaskStore: what lies in the directory. See task-store.h. A name alone decides of what kind a file is; what is in it
 * is looked at by whoever asked. */
#include "task-store-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define TEMPORARY_AGE_MAX_USEC (3600 * USEC_PER_SEC)

/* Of what is aside with the same name in the same second. */
#define ASIDE_TRIES 100

/* ".duplicate-18446744073709-99" */
#define ASIDE_SUFFIX_MAX 32

static const char *const fault_words[] = {
        [TASK_FAULT_BROKEN] = "broken",
        [TASK_FAULT_FOREIGN] = "foreign",
        [TASK_FAULT_DUPLICATE] = "duplicate",
};

typedef enum NameKind {
        NAME_OTHER, /* nothing to do with it */
        NAME_TEMPORARY,
        NAME_DOCUMENT,
        NAME_STRAY, /* of a document's form, but none of ours */
        NAME_ASIDE,
        NAME_CREDENTIALS,
        NAME_OPERATION,
} NameKind;

static bool ends_with_json(const char *name) {
        size_t n = strlen(name);

        return n >= strlen(".json") && string_equal(name + n - strlen(".json"), ".json");
}

/* "….broken-<number>" and its like. */
static bool is_aside(const char *name) {
        const char *word = strrchr(name, '.');

        for (size_t i = 0; word && i < ELEMENTSOF(fault_words); i++) {
                size_t n = strlen(fault_words[i]);

                if (strncmp(word + 1, fault_words[i], n) == 0 && word[1 + n] == '-')
                        return word[2 + n] >= '0' && word[2 + n] <= '9';
        }
        return false;
}

static bool is_of_task(const char *name, const char *suffix) {
        char id[TASK_ID_SIZE + 1];

        snprintf(id, sizeof(id), "%.*s", TASK_ID_SIZE, name);
        return task_id_is_valid(id) && string_equal(name + TASK_ID_SIZE, suffix);
}

static bool is_document(const char *name) {
        return is_of_task(name, ".json");
}

/* What editors keep beside a file (.x.json.swp, .#x.json, x.json~) is theirs. */
static NameKind kind_of(const char *name) {
        if (string_has_prefix(name, FILE_TEMPORARY_PREFIX))
                return NAME_TEMPORARY;
        if (is_aside(name))
                return NAME_ASIDE;
        if (is_of_task(name, TASK_STORE_CREDENTIALS))
                return NAME_CREDENTIALS;
        if (is_of_task(name, TASK_STORE_OPERATION))
                return NAME_OPERATION;
        if (*name == '.' || !ends_with_json(name) || string_equal(name, TASK_STORE_ACTIVE))
                return NAME_OTHER;
        return is_document(name) ? NAME_DOCUMENT : NAME_STRAY;
}

/* What reading a file (task_store_load_file) came to. The rest, such as a disk error or a newer service's document,
 * says nothing against the file. */
static const struct {
        int error;
        TaskFault fault;
} faults[] = {
        { -EBADMSG, TASK_FAULT_BROKEN }, { -EFBIG, TASK_FAULT_BROKEN },      { -EMEDIUMTYPE, TASK_FAULT_FOREIGN },
        { -ELOOP, TASK_FAULT_FOREIGN },  { -EINVAL, TASK_FAULT_FOREIGN },    { -ENXIO, TASK_FAULT_FOREIGN },
        { -ENODEV, TASK_FAULT_FOREIGN }, { -ENOTUNIQ, TASK_FAULT_DUPLICATE },
};

TaskFault task_store_fault(const char *name, int error) {
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                if (faults[i].error != error)
                        continue;
                /* Under a name that is none of ours, what is no document of ours was none before. */
                return faults[i].fault == TASK_FAULT_BROKEN && !is_document(name) ? TASK_FAULT_FOREIGN
                                                                                  : faults[i].fault;
        }
        return TASK_FAULT_NONE;
}

static bool is_young(TaskStore *s, const char *name) {
        struct stat st;

        return fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
               (usec_t) st.st_mtime * USEC_PER_SEC + TEMPORARY_AGE_MAX_USEC >= clock_realtime_usec();
}

/* Removes what a crash left of a write: at once what this service writes, if it has the lock, since it is not writing
 * now; later what a recorder may be about to rename. (Should the clock have been put forward by an hour just then, the
 * recorder writes to its other place.) */
static void remove_stale(TaskStore *s, const char *name) {
        bool is_own = s->lock_fd >= 0 && !strstr(name, ".result-");

        if (is_own || !is_young(s, name))
                (void) unlinkat(s->dir_fd, name, 0);
}

typedef struct NameList {
        char **names;
        size_t n, allocated;
} NameList;

/* Not strv_append(): that walks the vector each time, and there may be tens of thousands of names. */
static int name_list_add(NameList *l, const char *name) {
        if (l->n + 1 >= l->allocated) {
                size_t allocated = MAX_OF(l->allocated * 2, (size_t) 64);
                char **longer = reallocarray(l->names, allocated, sizeof(char *));

                if (!longer)
                        return -ENOMEM;
                l->names = longer;
                l->allocated = allocated;
        }
        l->names[l->n] = strdup(name);
        if (!l->names[l->n])
                return -ENOMEM;
        l->names[++l->n] = NULL;
        return 0;
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* NULL: errno says why. */
static DIR *open_list(TaskStore *s) {
        _cleanup_close_ int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

        if (d)
                (void) TAKE_FD(fd);
        return d;
}

static int list_kind(TaskStore *s, NameKind kind, char ***ret) {
        NameList list = {};
        DIR *d = open_list(s);
        struct dirent *e;
        int r = 0;

        if (!d)
                return -errno;
        while (r >= 0 && (e = readdir(d))) {
                NameKind found = kind_of(e->d_name);

                if (found == NAME_TEMPORARY)
                        remove_stale(s, e->d_name);
                if (found == kind)
                        r = name_list_add(&list, e->d_name);
        }
        closedir(d);
        if (r < 0) {
                strv_free(list.names);
                return r;
        }
        if (list.n > 0)
                qsort(list.names, list.n, sizeof(char *), compare_strings);
        *ret = list.names;
        return 0;
}

static int list_ids(TaskStore *s, NameKind kind, char ***ret) {
        int r = list_kind(s, kind, ret);

        for (size_t i = 0; r >= 0 && *ret && (*ret)[i]; i++)
                (*ret)[i][TASK_ID_SIZE] = 0;
        return r;
}

int task_store_list(TaskStore *s, char ***ret) {
        return list_ids(s, NAME_DOCUMENT, ret);
}

int task_store_list_credentials(TaskStore *s, char ***ret) {
        return list_ids(s, NAME_CREDENTIALS, ret);
}

int task_store_list_operations(TaskStore *s, char ***ret) {
        return list_ids(s, NAME_OPERATION, ret);
}

static bool has_valid_id(char *name) {
        char behind = strlen(name) > TASK_ID_SIZE ? name[TASK_ID_SIZE] : 0;

        if (behind != '.')
                return false;
        name[TASK_ID_SIZE] = 0;
        return task_id_is_valid(name);
}

int task_store_list_ids(TaskStore *s, char ***ret) {
        DIR *d = open_list(s);
        NameList list = {};
        struct dirent *e;
        int r = 0;

        if (!d)
                return -errno;
        while (r >= 0 && (e = readdir(d)))
                if (has_valid_id(e->d_name))
                        r = name_list_add(&list, e->d_name);
        closedir(d);
        if (r < 0) {
                strv_free(list.names);
                return r;
        }
        *ret = list.names;
        return 0;
}

int task_store_list_strays(TaskStore *s, char ***ret) {
        return list_kind(s, NAME_STRAY, ret);
}

int task_store_list_aside(TaskStore *s, char ***ret) {
        return list_kind(s, NAME_ASIDE, ret);
}

bool task_store_has_file(const TaskStore *s, const char *name) {
        return faccessat(s->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Not every file system knows RENAME_NOREPLACE (NFS does not). */
static int rename_to_free_name(const TaskStore *s, const char *name, const char *to) {
        if (renameat2(s->dir_fd, name, s->dir_fd, to, RENAME_NOREPLACE) >= 0)
                return 0;
        if (errno != EINVAL)
                return -errno;
        if (task_store_has_file(s, to))
                return -EEXIST;
        return renameat(s->dir_fd, name, s->dir_fd, to) < 0 ? -errno : 0;
}

int task_store_set_aside(TaskStore *s, const char *name, TaskFault fault, char **ret_name) {
        unsigned long long seconds = clock_realtime_usec() / USEC_PER_SEC;
        _cleanup_free_ char *aside = NULL;
        char number[8] = "";
        int r = -EEXIST;

        for (unsigned i = 2; r == -EEXIST && i < ASIDE_TRIES; i++) {
                free(aside);
                aside = string_format("%.*s.%s-%llu%s", NAME_MAX - ASIDE_SUFFIX_MAX, name, fault_words[fault], seconds,
                                      number);
                if (!aside)
                        return -ENOMEM;
                r = rename_to_free_name(s, name, aside);
                snprintf(number, sizeof(number), "-%u", i);
        }
        if (r < 0)
                return r;
        if (fsync(s->dir_fd) < 0)
                return -errno;
        *ret_name = TAKE_PTR(aside);
        return 0;
}

/* TaskStore: see task-store.h. Reading and writing files is files.h's; here is which file, in what form. */
#include <remote-developer/task-store.h>

#include <remote-developer/files.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ACTIVE_NAME "active_tasks.json"
#define LOCK_NAME "remote-developerd.lock"
#define NAME_SIZE 64
#define CREATE_TRIES 100
#define TEMPORARY_AGE_MAX_USEC (3600 * USEC_PER_SEC)

struct TaskStore {
        char *path;
        int dir_fd;
        int lock_fd;
};

static const char *file_name(char buffer[static NAME_SIZE], const char *id, const char *suffix) {
        snprintf(buffer, NAME_SIZE, "%s%s", id, suffix);
        return buffer;
}

/* Says who holds the lock: its pid is what it wrote into the file. */
static int lock_problem(TaskStore *s, Problem *problem) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        if (file_read(s->dir_fd, LOCK_NAME, 64, &b) < 0 || b.size == 0)
                return problem_set(problem, -EBUSY, NULL, "another service works in %s", s->path);
        return problem_set(problem, -EBUSY, NULL, "another service works in %s: process %.*s", s->path,
                           (int) strcspn(b.data, "\n"), b.data);
}

static int lock_directory(TaskStore *s, Problem *problem) {
        s->lock_fd = openat(s->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (s->lock_fd < 0)
                return problem_set(problem, -errno, NULL, "cannot write in %s: %s", s->path, strerror(errno));
        if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? lock_problem(s, problem) : -errno;
        if (ftruncate(s->lock_fd, 0) < 0 || dprintf(s->lock_fd, "%d\n", (int) getpid()) < 0)
                return problem_set(problem, -errno, NULL, "cannot write in %s: %s", s->path, strerror(errno));
        return 0;
}

int task_store_open(const char *path, TaskStore **ret, Problem *problem) {
        _cleanup_(task_store_freep) TaskStore *s = calloc(1, sizeof(TaskStore));
        int r;

        if (!s)
                return -ENOMEM;
        s->lock_fd = -EBADF;
        s->dir_fd = file_open_directory(path, 0750);
        if (s->dir_fd < 0)
                return problem_set(problem, s->dir_fd, NULL, "cannot open the state directory %s: %s", path,
                                   strerror(-s->dir_fd));
        s->path = realpath(path, NULL);
        if (!s->path)
                return -errno;
        r = lock_directory(s, problem);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

TaskStore *task_store_free(TaskStore *s) {
        if (!s)
                return NULL;
        closep(&s->lock_fd);
        closep(&s->dir_fd);
        free(s->path);
        free(s);
        return NULL;
}

const char *task_store_path(const TaskStore *s) {
        return s->path;
}

static int document_text(const Task *t, Buffer *to) {
        _cleanup_json_ Json *j = NULL;
        int r;

        r = task_to_json(t, true, &j);
        if (r >= 0)
                r = json_append(j, to);
        return r < 0 ? r : buffer_append(to, "\n", 1);
}

int task_store_add(TaskStore *s, Task *t) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        t->last_updated = clock_realtime_usec();
        r = document_text(t, &text);
        if (r < 0)
                return r;
        return file_create_durable(s->dir_fd, file_name(name, t->id, ".json"), text.data, text.size, 0640);
}

static int create_with_id(TaskStore *s, Task *t) {
        char id[TASK_ID_SIZE + 1];
        int r;

        t->created_at = clock_realtime_usec();
        r = task_id_generate(id, t->created_at);
        if (r >= 0)
                r = string_replace(&t->id, id);
        return r < 0 ? r : task_store_add(s, t);
}

int task_store_create(TaskStore *s, Task *t) {
        int r = -EEXIST;

        for (unsigned i = 0; r == -EEXIST && i < CREATE_TRIES; i++)
                r = create_with_id(s, t);
        return r;
}

int task_store_save(TaskStore *s, Task *t) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        t->last_updated = clock_realtime_usec();
        r = document_text(t, &text);
        if (r < 0)
                return r;
        return file_write_durable(s->dir_fd, file_name(name, t->id, ".json"), text.data, text.size, 0640);
}

int task_store_load(TaskStore *s, const char *id, Task **ret, Problem *problem) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_(task_freep) Task *t = NULL;
        _cleanup_json_ Json *j = NULL;
        char name[NAME_SIZE];
        int r;

        if (!task_id_is_valid(id))
                return -ENOENT;
        r = file_read(s->dir_fd, file_name(name, id, ".json"), TASK_DOCUMENT_SIZE_MAX, &text);
        if (r < 0)
                return r;
        r = json_parse(text.data, text.size, &j, problem);
        if (r >= 0)
                r = task_from_json(j, &t, problem);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        if (!string_equal(t->id, id))
                return problem_set(problem, -EBADMSG, "task_id", "the file holds the task %s", t->id);

        *ret = TAKE_PTR(t);
        return 0;
}

/* Every attempt has a name of its own, so that no moment has to be found in which the earlier one's may go. */
static const char *ending_name(char buffer[static NAME_SIZE], const char *id, int attempt) {
        if (attempt == 1)
                return file_name(buffer, id, ".result");
        snprintf(buffer, NAME_SIZE, "%s.%d.result", id, attempt);
        return buffer;
}

int task_store_remove(TaskStore *s, const char *id, int attempts) {
        char name[NAME_SIZE];
        int r;

        r = file_remove_durable(s->dir_fd, file_name(name, id, ".prompt"));
        for (int i = 1; r >= 0 && i <= attempts; i++)
                r = file_remove_durable(s->dir_fd, ending_name(name, id, i));
        return r < 0 ? r : file_remove_durable(s->dir_fd, file_name(name, id, ".json"));
}

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool is_young(TaskStore *s, const char *name) {
        struct stat st;

        return fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
               (usec_t) st.st_mtime * USEC_PER_SEC + TEMPORARY_AGE_MAX_USEC >= clock_realtime_usec();
}

/* Removes what a crash left of a write: at once what this service writes, since it has the lock and is not writing
 * now; later what a recorder may be about to rename. */
static void remove_stale(TaskStore *s, const char *name) {
        if (!strstr(name, ".result-") || !is_young(s, name))
                (void) unlinkat(s->dir_fd, name, 0);
}

/* "<id>.json" → the id. */
static bool list_name(TaskStore *s, const char *name, char id[static TASK_ID_SIZE + 1]) {
        if (string_has_prefix(name, FILE_TEMPORARY_PREFIX)) {
                remove_stale(s, name);
                return false;
        }
        if (strlen(name) != TASK_ID_SIZE + strlen(".json") || !string_equal(name + TASK_ID_SIZE, ".json"))
                return false;
        memcpy(id, name, TASK_ID_SIZE);
        id[TASK_ID_SIZE] = 0;
        return task_id_is_valid(id);
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

int task_store_list(TaskStore *s, char ***ret) {
        NameList list = {};
        struct dirent *e;
        int fd, r = 0;
        DIR *d;

        fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (e = readdir(d))) {
                char id[TASK_ID_SIZE + 1];

                if (list_name(s, e->d_name, id))
                        r = name_list_add(&list, id);
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

int task_store_set_aside(TaskStore *s, const char *id, char **ret_name) {
        _cleanup_free_ char *aside = NULL;
        char name[NAME_SIZE];

        aside = string_format("%s.json.broken-%llu", id, (unsigned long long) (clock_realtime_usec() / USEC_PER_SEC));
        if (!aside)
                return -ENOMEM;
        if (renameat(s->dir_fd, file_name(name, id, ".json"), s->dir_fd, aside) < 0 || fsync(s->dir_fd) < 0)
                return -errno;
        *ret_name = TAKE_PTR(aside);
        return 0;
}

int task_store_read_ending(TaskStore *s, const char *id, int attempt, Ending *ret) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        r = file_read(s->dir_fd, ending_name(name, id, attempt), ENDING_FILE_SIZE_MAX, &text);
        return r < 0 ? r : ending_from_text(text.data, ret);
}

int task_store_write_prompt(TaskStore *s, const char *id, const char *text) {
        char name[NAME_SIZE];

        return file_write_durable(s->dir_fd, file_name(name, id, ".prompt"), text, strlen(text), 0600);
}

int task_store_read_prompt(TaskStore *s, const char *id, char **ret) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        r = file_read(s->dir_fd, file_name(name, id, ".prompt"), TASK_DOCUMENT_SIZE_MAX, &text);
        if (r < 0)
                return r;
        *ret = strdup(text.size > 0 ? text.data : "");
        return *ret ? 0 : -ENOMEM;
}

char *task_store_prompt_path(const TaskStore *s, const char *id) {
        return string_format("%s/%s.prompt", s->path, id);
}

char *task_store_ending_path(const TaskStore *s, const char *id, int attempt) {
        char name[NAME_SIZE];

        return string_format("%s/%s", s->path, ending_name(name, id, attempt));
}

char *task_store_ending_stem(const char *id, int attempt) {
        return attempt == 1 ? strdup(id) : string_format("%s.%d", id, attempt);
}

int task_store_write_active(TaskStore *s, const Json *array) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = json_append(array, &text);
        if (r >= 0)
                r = buffer_append(&text, "\n", 1);
        return r < 0 ? r : file_write_durable(s->dir_fd, ACTIVE_NAME, text.data, text.size, 0640);
}

int task_store_disk(const TaskStore *s, uint64_t *ret_free_bytes, bool *ret_read_only) {
        struct statvfs st;

        if (fstatvfs(s->dir_fd, &st) < 0)
                return -errno;
        *ret_free_bytes = (uint64_t) st.f_bavail * st.f_frsize;
        *ret_read_only = st.f_flag & ST_RDONLY;
        return 0;
}

/* TaskStore: see task-store.h. Reading and writing files is files.h's; here is which file, in what form. */
#include "task-store-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-file.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#define NAME_SIZE 64
#define CREATE_TRIES 100

static const char *file_name(char buffer[static NAME_SIZE], const char *id, const char *suffix) {
        snprintf(buffer, NAME_SIZE, "%s%s", id, suffix);
        return buffer;
}

/* Says who holds the lock: its pid is what it wrote into the file. */
static int lock_problem(TaskStore *s, Problem *problem) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        if (file_read(s->dir_fd, TASK_STORE_LOCK, 64, &b) < 0 || b.size == 0)
                return problem_set(problem, -EBUSY, NULL, "another service works in %s", s->path);
        return problem_set(problem, -EBUSY, NULL, "another service works in %s: process %.*s", s->path,
                           (int) strcspn(b.data, "\n"), b.data);
}

/* By a descriptor that only reads: one that may write would keep the file system from being remounted read-only. NFS
 * wants the other kind. */
static int take_lock(TaskStore *s) {
        static const int modes[] = { O_RDONLY, O_RDWR };
        int r = -EBADF;

        for (size_t i = 0; r == -EBADF && i < ELEMENTSOF(modes); i++) {
                _cleanup_close_ int fd =
                                openat(s->dir_fd, TASK_STORE_LOCK, modes[i] | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

                if (fd < 0)
                        return -errno;
                r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
                if (r == 0)
                        s->lock_fd = TAKE_FD(fd);
        }
        return r;
}

/* For whoever comes second. Not worth refusing to work for: the disk may be full. */
static void name_holder(TaskStore *s) {
        _cleanup_close_ int fd = openat(s->dir_fd, TASK_STORE_LOCK, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0)
                (void) dprintf(fd, "%d\n", (int) getpid());
}

static int lock_directory(TaskStore *s, Problem *problem) {
        int r;

        if (s->lock_fd >= 0)
                return 0;
        r = take_lock(s);
        if (r == -EWOULDBLOCK)
                return lock_problem(s, problem);
        if (r < 0)
                return problem_set(problem, r, NULL, "cannot lock %s: %s", s->path, strerror(-r));
        name_holder(s);
        return 0;
}

int task_store_lock(TaskStore *s) {
        return lock_directory(s, NULL);
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
        /* Where nothing can be written, nothing is to be guarded: the first write takes the lock. */
        if (r < 0 && r != -EROFS && r != -ENOSPC && r != -EDQUOT)
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
        free(s->endings);
        free(s);
        return NULL;
}

const char *task_store_path(const TaskStore *s) {
        return s->path;
}

int task_store_add(TaskStore *s, Task *t) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        r = task_store_lock(s);
        if (r < 0)
                return r;
        t->last_updated = clock_realtime_usec();
        r = task_file_append(t, &text);
        if (r < 0)
                return r;
        return file_create_durable(s->dir_fd, file_name(name, t->id, ".json"), text.data, text.size, 0640);
}

/* Ids sort by age also when the clock was set back: then they go on from the newest there is. */
static usec_t next_id_time(TaskStore *s) {
        s->newest = MAX_OF(clock_realtime_usec(), s->newest + 1);
        return s->newest;
}

/* What was acknowledged is on disk, and that is the document: the secrets go before it. */
static int add_with_secrets(TaskStore *s, Task *t, const Secrets *secrets) {
        int r;

        if (!secrets || !secrets->pairs)
                return task_store_add(s, t);
        r = task_store_write_credentials(s, t->id, secrets);
        if (r >= 0)
                r = task_store_add(s, t);
        if (r < 0)
                (void) task_store_remove_credentials(s, t->id);
        return r;
}

static int create_with_id(TaskStore *s, Task *t, const Secrets *secrets) {
        char id[TASK_ID_SIZE + 1];
        int r;

        t->created_at = clock_realtime_usec();
        r = task_id_generate(id, next_id_time(s));
        if (r >= 0)
                r = string_replace(&t->id, id);
        return r < 0 ? r : add_with_secrets(s, t, secrets);
}

int task_store_create(TaskStore *s, Task *t, const Secrets *secrets) {
        int r = -EEXIST;

        for (unsigned i = 0; r == -EEXIST && i < CREATE_TRIES; i++)
                r = create_with_id(s, t, secrets);
        return r;
}

static int write_file(TaskStore *s, const char *name, const char *data, size_t size, mode_t mode) {
        int r = task_store_lock(s);

        return r < 0 ? r : file_write_durable(s->dir_fd, name, data, size, mode);
}

int task_store_save(TaskStore *s, Task *t) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        t->last_updated = clock_realtime_usec();
        r = task_file_append(t, &text);
        return r < 0 ? r : write_file(s, file_name(name, t->id, ".json"), text.data, text.size, 0640);
}

void task_store_note_id(TaskStore *s, const char *id) {
        s->newest = MAX_OF(s->newest, task_id_time(id));
}

int task_store_load_file(TaskStore *s, const char *name, Task **ret, Problem *problem) {
        _cleanup_(task_freep) Task *t = NULL;
        char own_name[NAME_SIZE];
        int r;

        r = task_file_read(s->dir_fd, name, &t, problem);
        if (r < 0)
                return r;
        if (!string_equal(file_name(own_name, t->id, ".json"), name))
                return problem_set(problem, -ENOTUNIQ, "task_id", "the file holds the task %s", t->id);
        task_store_note_id(s, t->id);
        *ret = TAKE_PTR(t);
        return 0;
}

int task_store_load(TaskStore *s, const char *id, Task **ret, Problem *problem) {
        char name[NAME_SIZE];

        if (!task_id_is_valid(id))
                return -ENOENT;
        return task_store_load_file(s, file_name(name, id, ".json"), ret, problem);
}

bool task_store_glance(TaskStore *s, const char *id, TaskGlance *ret) {
        char name[NAME_SIZE];

        if (!task_file_glance(s->dir_fd, file_name(name, id, ".json"), id, ret))
                return false;
        task_store_note_id(s, id);
        return true;
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

        task_store_remove_inputs(s, id);
        r = task_store_remove_credentials(s, id);
        if (r >= 0)
                r = file_remove_durable(s->dir_fd, file_name(name, id, ".prompt"));
        if (r >= 0)
                r = task_store_remove_operation(s, id);
        for (int i = 1; r >= 0 && i <= attempts; i++) {
                task_store_drop_spilled_ending(s, id, i);
                r = file_remove_durable(s->dir_fd, ending_name(name, id, i));
        }
        return r < 0 ? r : file_remove_durable(s->dir_fd, file_name(name, id, ".json"));
}

int task_store_add_endings(TaskStore *s, const char *directory) {
        return string_replace(&s->endings, directory);
}

/* Each time anew: it is only there when a recorder needed it. -EBADF: it is not. */
static int open_endings(const TaskStore *s) {
        int fd = s->endings ? open(s->endings, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

        return fd < 0 ? -EBADF : fd;
}

static int read_ending_in(int dir_fd, const char *name, Ending *ret) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = file_read(dir_fd, name, ENDING_FILE_SIZE_MAX, &text);
        return r < 0 ? r : ending_from_text(text.data, ret);
}

int task_store_read_ending(TaskStore *s, const char *id, int attempt, Ending *ret) {
        _cleanup_close_ int endings_fd = -EBADF;
        char name[NAME_SIZE];
        int r, q;

        r = read_ending_in(s->dir_fd, ending_name(name, id, attempt), ret);
        if (r >= 0)
                return r;
        endings_fd = open_endings(s);
        q = endings_fd < 0 ? -ENOENT : read_ending_in(endings_fd, name, ret);
        return q >= 0 || r == -ENOENT ? q : r;
}

void task_store_drop_spilled_ending(TaskStore *s, const char *id, int attempt) {
        _cleanup_close_ int endings_fd = open_endings(s);
        char name[NAME_SIZE];

        if (endings_fd >= 0)
                (void) unlinkat(endings_fd, ending_name(name, id, attempt), 0);
}

int task_store_write_prompt(TaskStore *s, const char *id, const char *text, size_t size) {
        char name[NAME_SIZE];

        return write_file(s, file_name(name, id, ".prompt"), text, size, 0600);
}

int task_store_read_prompt(TaskStore *s, const char *id, Buffer *ret) {
        char name[NAME_SIZE];

        return file_read(s->dir_fd, file_name(name, id, ".prompt"), TASK_DOCUMENT_SIZE_MAX, ret);
}

static int read_text(TaskStore *s, const char *name, char **ret) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        r = file_read(s->dir_fd, name, TASK_DOCUMENT_SIZE_MAX, &text);
        if (r < 0)
                return r;
        *ret = strdup(text.size > 0 ? text.data : "");
        return *ret ? 0 : -ENOMEM;
}

char *task_store_prompt_path(const TaskStore *s, const char *id) {
        return string_format("%s/%s.prompt", s->path, id);
}

int task_store_write_operation(TaskStore *s, const char *id, const char *text) {
        char name[NAME_SIZE];

        return write_file(s, file_name(name, id, TASK_STORE_OPERATION), text, strlen(text), 0600);
}

int task_store_read_operation(TaskStore *s, const char *id, char **ret) {
        char name[NAME_SIZE];

        return read_text(s, file_name(name, id, TASK_STORE_OPERATION), ret);
}

char *task_store_operation_path(const TaskStore *s, const char *id) {
        return string_format("%s/%s" TASK_STORE_OPERATION, s->path, id);
}

int task_store_remove_operation(TaskStore *s, const char *id) {
        char name[NAME_SIZE];

        return file_remove_durable(s->dir_fd, file_name(name, id, TASK_STORE_OPERATION));
}

static const char *input_name(char buffer[static NAME_SIZE], const char *id, unsigned step) {
        snprintf(buffer, NAME_SIZE, "%s.%u.input", id, step);
        return buffer;
}

int task_store_write_input(TaskStore *s, const char *id, unsigned step, const char *text, size_t size) {
        char name[NAME_SIZE];

        return write_file(s, input_name(name, id, step), text, size, 0600);
}

char *task_store_input_path(const TaskStore *s, const char *id, unsigned step) {
        char name[NAME_SIZE];

        return string_format("%s/%s", s->path, input_name(name, id, step));
}

void task_store_remove_inputs(TaskStore *s, const char *id) {
        char name[NAME_SIZE];

        for (unsigned i = 0; i < TASK_PLAN_STEPS_MAX; i++)
                (void) unlinkat(s->dir_fd, input_name(name, id, i), 0);
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
        return r < 0 ? r : write_file(s, TASK_STORE_ACTIVE, text.data, text.size, 0640);
}

int task_store_disk(const TaskStore *s, uint64_t *ret_free_bytes, bool *ret_read_only) {
        struct statvfs st;

        if (fstatvfs(s->dir_fd, &st) < 0)
                return -errno;
        *ret_free_bytes = (uint64_t) st.f_bavail * st.f_frsize;
        *ret_read_only = st.f_flag & ST_RDONLY;
        return 0;
}

/* TaskArchive: see task-archive.h. */
#include <remote-developer/task-archive.h>

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-file.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define ARCHIVE_DIRECTORY "archive"
#define NAME_SIZE 64

struct TaskArchive {
        int state_fd;
        int dir_fd; /* negative: there is none yet */
};

static int open_directory(TaskArchive *a) {
        a->dir_fd = openat(a->state_fd, ARCHIVE_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return a->dir_fd < 0 ? -errno : 0;
}

int task_archive_open(const char *state_directory, TaskArchive **ret) {
        _cleanup_(task_archive_freep) TaskArchive *a = calloc(1, sizeof(TaskArchive));
        int r;

        if (!a)
                return -ENOMEM;
        a->dir_fd = -EBADF;
        a->state_fd = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (a->state_fd < 0)
                return -errno;
        r = open_directory(a);
        if (r < 0 && r != -ENOENT)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

TaskArchive *task_archive_free(TaskArchive *a) {
        if (!a)
                return NULL;
        closep(&a->dir_fd);
        closep(&a->state_fd);
        free(a);
        return NULL;
}

static int make_directory(TaskArchive *a) {
        if (a->dir_fd >= 0)
                return 0;
        if (mkdirat(a->state_fd, ARCHIVE_DIRECTORY, 0750) < 0 && errno != EEXIST)
                return -errno;
        return fsync(a->state_fd) < 0 ? -errno : open_directory(a);
}

/* --- documents --- */

static const char *document_name(char name[static NAME_SIZE], const char *id, int result) {
        snprintf(name, NAME_SIZE, "%s.%s.json", id, task_result_words[result]);
        return name;
}

/* False: the name is no document's. */
static bool read_name(const char *name, ArchivedTask *ret) {
        char expected[NAME_SIZE];

        if (strlen(name) <= TASK_ID_SIZE)
                return false;
        memcpy(ret->id, name, TASK_ID_SIZE);
        ret->id[TASK_ID_SIZE] = 0;
        if (!task_id_is_valid(ret->id))
                return false;
        for (int result = 0; result < TASK_RESULT_COUNT; result++)
                if (string_equal(name, document_name(expected, ret->id, result))) {
                        ret->result = (TaskResult) result;
                        return true;
                }
        return false;
}

typedef struct ArchivedList {
        ArchivedTask *rows;
        size_t n, allocated;
} ArchivedList;

static int add_row(ArchivedList *l, const ArchivedTask *row) {
        size_t allocated = MAX_OF(l->allocated * 2, (size_t) 64);
        ArchivedTask *rows;

        if (l->n == l->allocated) {
                rows = reallocarray(l->rows, allocated, sizeof(ArchivedTask));
                if (!rows)
                        return -ENOMEM;
                l->rows = rows;
                l->allocated = allocated;
        }
        l->rows[l->n++] = *row;
        return 0;
}

static int compare_rows(const void *a, const void *b) {
        return strcmp(((const ArchivedTask *) a)->id, ((const ArchivedTask *) b)->id);
}

/* Only the one service that holds the state directory writes here: what is unfinished now will never be finished. */
static int take_name(TaskArchive *a, const char *name, ArchivedList *l) {
        ArchivedTask row;

        if (string_has_prefix(name, FILE_TEMPORARY_PREFIX))
                (void) unlinkat(a->dir_fd, name, 0);
        return read_name(name, &row) ? add_row(l, &row) : 0;
}

int task_archive_list(TaskArchive *a, ArchivedTask **ret, size_t *ret_n) {
        ArchivedList list = {};
        struct dirent *e;
        int fd, r = 0;
        DIR *d;

        *ret = NULL;
        *ret_n = 0;
        if (a->dir_fd < 0)
                return 0;
        fd = openat(a->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (e = readdir(d)))
                r = take_name(a, e->d_name, &list);
        closedir(d);
        if (r < 0) {
                free(list.rows);
                return r;
        }
        if (list.n > 0)
                qsort(list.rows, list.n, sizeof(ArchivedTask), compare_rows);
        *ret = list.rows;
        *ret_n = list.n;
        return 0;
}

int task_archive_load(TaskArchive *a, const char *id, TaskResult result, Task **ret, Problem *problem) {
        _cleanup_(task_freep) Task *t = NULL;
        char name[NAME_SIZE];
        int r;

        assert(result != TASK_RESULT_NONE);
        if (a->dir_fd < 0)
                return -ENOENT;
        r = task_file_read(a->dir_fd, document_name(name, id, (int) result), &t, problem);
        if (r < 0)
                return r == -EMEDIUMTYPE ? -EBADMSG : r;
        if (!string_equal(t->id, id) || t->result != (int) result)
                return problem_set(problem, -EBADMSG, "task_id", "the file holds another task, or another end");
        *ret = TAKE_PTR(t);
        return 0;
}

int task_archive_remove_documents(TaskArchive *a, const char *id, TaskResult kept) {
        char name[NAME_SIZE];
        int r = 0;

        for (int result = 0; r >= 0 && a->dir_fd >= 0 && result < TASK_RESULT_COUNT; result++)
                if (result != (int) kept)
                        r = file_remove_durable(a->dir_fd, document_name(name, id, result));
        return r;
}

/* A task that was archived with another result before, and resumed, may have left that document. */
int task_archive_save(TaskArchive *a, Task *t) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char name[NAME_SIZE];
        int r;

        assert(task_is_finished(t));
        t->archived_at = clock_realtime_usec();
        r = task_file_append(t, &text);
        if (r >= 0)
                r = make_directory(a);
        if (r >= 0)
                r = file_write_durable(a->dir_fd, document_name(name, t->id, t->result), text.data, text.size, 0640);
        return r < 0 ? r : task_archive_remove_documents(a, t->id, (TaskResult) t->result);
}

/* --- logs --- */

int task_archive_remove_log(TaskArchive *a, const char *id) {
        return a->dir_fd < 0 ? 0 : log_archive_remove(a->dir_fd, id);
}

int task_archive_write_log(TaskArchive *a, const char *id, bool compress, LogArchiveWriter **ret) {
        int r;

        r = make_directory(a);
        return r < 0 ? r : log_archive_writer_new(a->dir_fd, id, compress, ret);
}

int task_archive_read_log(const TaskArchive *a, const char *id, LogArchiveReader **ret) {
        return a->dir_fd < 0 ? -ENOENT : log_archive_reader_open(a->dir_fd, id, ret);
}

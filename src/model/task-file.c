/* The document of a task in a file: see task-file.h. What the document holds is task-document.c's. */
#include <remote-developer/task-file.h>

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

int task_file_append(const Task *t, Buffer *to) {
        _cleanup_json_ Json *j = NULL;
        int r;

        r = task_to_json(t, true, &j);
        if (r >= 0)
                r = json_append(j, to);
        return r < 0 ? r : buffer_append(to, "\n", 1);
}

int task_file_read(int dir_fd, const char *name, Task **ret, Problem *problem) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;
        int r;

        r = file_read(dir_fd, name, TASK_DOCUMENT_SIZE_MAX, &text);
        if (r < 0)
                return problem_set(problem, r, NULL, "%s", r == -EINVAL ? "it is no file" : strerror(-r));
        r = json_parse(text.data, text.size, &j, problem);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        r = task_from_json(j, ret, problem);
        return r == -EBADMSG && !json_get(j, "task_id") ? -EMEDIUMTYPE : r;
}

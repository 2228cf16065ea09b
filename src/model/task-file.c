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

#define WORD_SIZE 40

static bool says(const Buffer *text, const char *key, const char *value) {
        char word[WORD_SIZE];

        return json_peek(text->data, text->size, key, word, sizeof(word)) && string_equal(word, value);
}

static bool is_of_known_version(const Buffer *text) {
        char word[WORD_SIZE];
        uint64_t version;

        return json_peek(text->data, text->size, "version", word, sizeof(word)) &&
               string_to_uint64(word, &version) >= 0 && version <= TASK_DOCUMENT_VERSION;
}

static bool is_whole(const Buffer *text) {
        size_t n = text->size;

        n -= n > 0 && text->data[n - 1] == '\n';
        return n > 0 && text->data[n - 1] == '}';
}

bool task_file_glance(int dir_fd, const char *name, const char *id, TaskGlance *ret) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        char word[WORD_SIZE];
        int result;

        if (file_read(dir_fd, name, TASK_DOCUMENT_SIZE_MAX, &text) < 0 || !is_whole(&text) ||
            !is_of_known_version(&text) || !says(&text, "task_id", id) ||
            !says(&text, "state", task_state_words[TASK_FINISHED]) || !says(&text, "operation", "null") ||
            !json_peek(text.data, text.size, "result", word, sizeof(word)))
                return false;
        result = string_table_lookup(task_result_words, TASK_RESULT_COUNT, word);
        if (result < 0 || !json_peek(text.data, text.size, "finished_at", word, sizeof(word)) ||
            clock_parse(word, &ret->finished_at) < 0)
                return false;
        ret->result = (TaskResult) result;
        return true;
}

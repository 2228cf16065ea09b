/* task_file_glance(): of a document as the service writes it what reading all of it says; of anything that may be
 * something else nothing. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-file.h>

#include <stdio.h>
#include <string.h>

#define ID "task-1700000000-abcdef"
#define NAME ID ".json"

static bool put(const Scratch *s, const char *text, size_t size) {
        return TAP_CHECK_INT(file_write_durable(s->fd, NAME, text, size, 0600), 0);
}

static bool glance(const Scratch *s, const char *text, TaskGlance *ret) {
        return put(s, text, strlen(text)) && task_file_glance(s->fd, NAME, ID, ret);
}

static Task *new_finished(TaskResult result) {
        Task *t = task_new();

        TAP_CHECK_INT(string_replace(&t->id, ID), 0);
        TAP_CHECK_INT(string_replace(&t->spec.recipe, TASK_RECIPE_COMMAND), 0);
        TAP_CHECK_INT(buffer_append_string(&t->spec.task_description, "\"state\":\"running\",\\\"{[\n\"operation\":1"),
                      0);
        TAP_CHECK_INT(string_replace(&t->error, "a \"result\":\"won\", b"), 0);
        TAP_CHECK_INT(strv_append(&t->spec.command, "true"), 0);
        t->state = TASK_FINISHED;
        t->result = (int) result;
        t->finished_at = 1700000000000004 + (usec_t) result;
        return t;
}

static void test_every_result(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;

        if (!scratch_init(&s))
                return;
        for (int result = 0; result < TASK_RESULT_COUNT; result++) {
                _cleanup_(task_freep) Task *t = new_finished((TaskResult) result), *read = NULL;
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
                TaskGlance found = {};

                TAP_CHECK_INT(task_file_append(t, &text), 0);
                if (!put(&s, text.data, text.size) || !TAP_CHECK_INT(task_file_read(s.fd, NAME, &read, NULL), 0))
                        return;
                TAP_CHECK(task_file_glance(s.fd, NAME, ID, &found));
                TAP_CHECK_INT(found.result, read->result);
                TAP_CHECK_INT(found.finished_at, read->finished_at);
        }
}

static void test_every_other_state(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        TaskGlance found;

        if (!scratch_init(&s))
                return;
        for (int state = 0; state < TASK_FINISHED; state++) {
                _cleanup_(task_freep) Task *t = new_finished(TASK_RESULT_NONE);
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

                t->state = state;
                TAP_CHECK_INT(task_file_append(t, &text), 0);
                TAP_CHECK(put(&s, text.data, text.size) && !task_file_glance(s.fd, NAME, ID, &found));
        }
}

#define VERSION "\"version\":3,"
#define TASK "\"task_id\":\"" ID "\","
#define STATE "\"state\":\"finished\","
#define RESULT "\"result\":\"failed\","
#define FINISHED "\"finished_at\":\"2026-11-22T16:34:05.940376Z\","
#define OPERATION "\"operation\":null"

static const struct {
        const char *text;
        bool is_enough;
} rows[] = {
        { "{" VERSION TASK STATE RESULT FINISHED OPERATION "}", true },
        { "{" OPERATION "," FINISHED RESULT STATE TASK VERSION "\"x\":1}\n", true },
        { "{" VERSION TASK STATE RESULT FINISHED OPERATION, false },
        { "{" VERSION TASK STATE RESULT FINISHED OPERATION "}x", false },
        { "{" "\"version\":4," TASK STATE RESULT FINISHED OPERATION "}", false },
        { "{" "\"version\":\"x\"," TASK STATE RESULT FINISHED OPERATION "}", false },
        { "{" TASK STATE RESULT FINISHED OPERATION "}", false },
        { "{" VERSION STATE RESULT FINISHED OPERATION "}", false },
        { "{" VERSION "\"task_id\":\"task-1700000000-fedcba\"," STATE RESULT FINISHED OPERATION "}", false },
        { "{" VERSION TASK RESULT FINISHED OPERATION "}", false },
        { "{" VERSION TASK "\"state\":\"running\"," RESULT FINISHED OPERATION "}", false },
        { "{" VERSION TASK "\"x\":{" STATE "\"y\":1}," RESULT FINISHED OPERATION "}", false },
        { "{" VERSION TASK STATE FINISHED OPERATION "}", false },
        { "{" VERSION TASK STATE "\"result\":null," FINISHED OPERATION "}", false },
        { "{" VERSION TASK STATE "\"result\":\"won\"," FINISHED OPERATION "}", false },
        { "{" VERSION TASK STATE RESULT OPERATION "}", false },
        { "{" VERSION TASK STATE RESULT "\"finished_at\":null," OPERATION "}", false },
        { "{" VERSION TASK STATE RESULT FINISHED "\"x\":1}", false },
        { "{" VERSION TASK STATE RESULT FINISHED "\"operation\":{\"kind\":\"commit\"}}", false },
        { "", false },
        { "}", false },
};

static void test_rows(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        TaskGlance found;

        if (!scratch_init(&s))
                return;
        TAP_CHECK(!task_file_glance(s.fd, NAME, ID, &found));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!TAP_CHECK_INT(glance(&s, rows[i].text, &found), rows[i].is_enough))
                        printf("# row %zu: %s\n", i, rows[i].text);
}

static const TapTest tests[] = {
        { "every result", test_every_result },
        { "every other state", test_every_other_state },
        { "rows", test_rows },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

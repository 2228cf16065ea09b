/* Any bytes as a task's file: refused, or a task whose own document reads back as the same task. Seeds are in
 * corpus/document. */
#include "replay.h"

#include <remote-developer/task.h>

static void write_document(const Task *t, Buffer *to) {
        _cleanup_json_ Json *j = NULL;

        assert(task_to_json(t, true, &j) >= 0);
        assert(json_append(j, to) >= 0);
}

static void check_round_trip(const Task *t) {
        _cleanup_(buffer_done) Buffer first = BUFFER_NULL, second = BUFFER_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(task_freep) Task *again = NULL;
        _cleanup_json_ Json *j = NULL;

        write_document(t, &first);
        assert(json_parse(first.data, first.size, &j, &problem) >= 0);
        assert(task_from_json(j, &again, &problem) >= 0);
        write_document(again, &second);
        assert(string_equal(first.data, second.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(task_freep) Task *t = NULL;
        _cleanup_json_ Json *j = NULL;

        if (json_parse((const char *) data, size, &j, &problem) < 0)
                return 0;
        if (task_from_json(j, &t, &problem) >= 0)
                check_round_trip(t);
        return 0;
}

REPLAY_MAIN("document")

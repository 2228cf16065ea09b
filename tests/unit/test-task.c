/* Task: ids, unit names, the one word and the number for where it is. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task.h>

static const char *const wrong_ids[] = {
        NULL, "", "task", "task-", "task-1700000000", "task-1700000000-", "task-1700000000-abcde",
        "task-1700000000-abcdef0", "task-170000000-abcdef", "task-17000000000-abcdef", "task-170000000-abcdef0",
        "task-1700000000-ABCDEF", "task-1700000000-abcdeg", "task-1700000000_abcdef", "Task-1700000000-abcdef",
        "task-1700000000-abcdef\n", " task-1700000000-abcdef", "task-170000000a-abcdef", "task-+170000000-abcdef",
        "task-1700000000-abc.ef", "../../etc/passwd000000", "task-1700000000-../../", "task-1700000000-%2e%2e",
        "task-1700000000/abcdef", "task1-700000000-abcdef",
};

static void test_ids(void) {
        TAP_CHECK(task_id_is_valid("task-1700000000-abcdef"));
        TAP_CHECK(task_id_is_valid("task-0000000000-000000"));
        TAP_CHECK(task_id_is_valid("task-9999999999-0a9f00"));
        for (size_t i = 0; i < ELEMENTSOF(wrong_ids); i++)
                if (task_id_is_valid(wrong_ids[i]))
                        tap_fail(__FILE__, __LINE__, "\"%s\" is taken for an id", wrong_ids[i]);
}

/* At every place, whatever byte is put there. */
static void test_ids_with_any_byte_changed(void) {
        static const char good[] = "task-1700000000-abcdef";

        for (size_t i = 0; i < TASK_ID_SIZE; i++)
                for (int c = 0; c < 256; c++) {
                        const char *allowed = i >= 16 ? "0123456789abcdef" : i >= 5 && i < 15 ? "0123456789" : "";
                        bool should = c == (unsigned char) good[i] || (c && strchr(allowed, c));
                        char id[sizeof(good)];

                        memcpy(id, good, sizeof(good));
                        id[i] = (char) c;
                        if (task_id_is_valid(id) != should)
                                tap_fail(__FILE__, __LINE__, "byte %zu as %02x", i, (unsigned) c);
                }
}

static void generate(char id[static TASK_ID_SIZE + 1], usec_t now) {
        TAP_CHECK_INT(task_id_generate(id, now), 0);
        if (!task_id_is_valid(id))
                tap_fail(__FILE__, __LINE__, "%s is generated", id);
}

/* Lists are sorted by id alone. */
static void test_generated_ids_sort_by_age(void) {
        char id[TASK_ID_SIZE + 1], later[TASK_ID_SIZE + 1];

        srandom(6);
        for (unsigned i = 0; i < 5000; i++) {
                usec_t now = 1700000000 * USEC_PER_SEC + (usec_t) random() % (3 * USEC_PER_SEC);

                generate(id, now);
                generate(later, now + 1 + (usec_t) random() % 1000);
                if (strcmp(id, later) >= 0)
                        tap_fail(__FILE__, __LINE__, "%s is older than %s", id, later);
        }
        generate(id, 1700000000 * USEC_PER_SEC + 999999);
        TAP_CHECK(string_has_prefix(id, "task-1700000000-"));
        generate(id, 5 * USEC_PER_SEC);
        TAP_CHECK(string_has_prefix(id, "task-0000000005-"));
        generate(id, UINT64_MAX);
}

/* Two that are made within one microsecond mostly differ. */
static void test_generated_ids_differ(void) {
        char id[TASK_ID_SIZE + 1], other[TASK_ID_SIZE + 1];
        unsigned same = 0;

        for (unsigned i = 0; i < 1000; i++) {
                generate(id, USEC_PER_SEC + i);
                generate(other, USEC_PER_SEC + i);
                same += string_equal(id, other);
        }
        TAP_CHECK(same < 150);
}

static void test_unit_names(void) {
        for (unsigned i = 0; i < 100; i++) {
                char id[TASK_ID_SIZE + 1], back[TASK_ID_SIZE + 1];
                _cleanup_free_ char *unit = NULL, *should = NULL;

                TAP_CHECK_INT(task_id_generate(id, clock_realtime_usec()), 0);
                unit = task_unit_name(id);
                should = string_format("remote-developer-%s.service", id);
                TAP_CHECK_STRING(unit, should);
                memset(back, 'x', sizeof(back));
                TAP_CHECK(task_id_from_unit(unit, back));
                TAP_CHECK_STRING(back, id);
        }
}

static const char *const wrong_units[] = {
        "", ".service", "remote-developer-", "remote-developer-.service", "remote-developer.service",
        "task-1700000000-abcdef.service", "remote-developer-task-1700000000-abcdef",
        "remote-developer-task-1700000000-abcdef.scope", "remote-developer-task-1700000000-abcdeg.service",
        "remote-developer-task-1700000000-abcdef.service.service", "remote-developer-task-1700000000-abcdef0.service",
        "remote-developer-task-1700000000-abcde.service", "xremote-developer-task-1700000000-abcdef.service",
        "remote-developer-task-1700000000-abcdef.servicex", "remote-developer-task-1700000000-abcdef@1.service",
};

static void test_other_units(void) {
        char id[TASK_ID_SIZE + 1];

        for (size_t i = 0; i < ELEMENTSOF(wrong_units); i++)
                if (task_id_from_unit(wrong_units[i], id))
                        tap_fail(__FILE__, __LINE__, "\"%s\" is taken for a task's unit", wrong_units[i]);
}

/* They are in files and in replies: they stay. */
static void test_words(void) {
        static const char *const states[] = { "queued",    "starting", "preparing", "running",
                                              "reviewing", "stopping", "finished" };
        static const char *const results[] = { "completed", "failed", "timed_out", "cancelled", "interrupted" };
        static const char *const agents[] = { "none", "claude", "codex", "gemini" };

        TAP_CHECK_INT(strv_length((char *const *) task_state_words), ELEMENTSOF(states));
        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                TAP_CHECK_STRING(task_state_words[i], states[i]);
        TAP_CHECK_INT(strv_length((char *const *) task_result_words), ELEMENTSOF(results));
        for (size_t i = 0; i < ELEMENTSOF(results); i++)
                TAP_CHECK_STRING(task_result_words[i], results[i]);
        TAP_CHECK_INT(strv_length((char *const *) agent_kind_words), ELEMENTSOF(agents));
        for (size_t i = 0; i < ELEMENTSOF(agents); i++)
                TAP_CHECK_STRING(agent_kind_words[i], agents[i]);
}

static void test_new_task(void) {
        _cleanup_(task_freep) Task *t = task_new();

        TAP_CHECK_INT(t->version, TASK_DOCUMENT_VERSION);
        TAP_CHECK_INT(t->state, TASK_QUEUED);
        TAP_CHECK_INT(t->result, TASK_RESULT_NONE);
        TAP_CHECK_INT(t->exit_code, -1);
        TAP_CHECK_INT(t->attempt, 1);
        TAP_CHECK(!t->id && !task_is_finished(t) && !task_runs_agent(t));
        TAP_CHECK(!task_free(NULL));
}

static const struct {
        int state, result;
        usec_t started_at;
        const char *status;
        unsigned progress;
} places[] = {
        { TASK_QUEUED, TASK_RESULT_NONE, 0, "initializing", 0 },
        { TASK_STARTING, TASK_RESULT_NONE, 0, "initializing", 0 },
        { TASK_PREPARING, TASK_RESULT_NONE, 0, "preparing_workspace", 40 },
        { TASK_RUNNING, TASK_RESULT_NONE, 5, "executing_task", 60 },
        { TASK_REVIEWING, TASK_RESULT_NONE, 5, "reviewing_changes", 75 },
        { TASK_STOPPING, TASK_RESULT_NONE, 5, "stopping", 60 },
        { TASK_FINISHED, TASK_COMPLETED, 5, "completed", 100 },
        { TASK_FINISHED, TASK_COMPLETED, 0, "completed", 100 },
        { TASK_FINISHED, TASK_FAILED, 5, "failed", 60 },
        { TASK_FINISHED, TASK_FAILED, 0, "failed", 0 },
        { TASK_FINISHED, TASK_TIMED_OUT, 5, "timed_out", 60 },
        { TASK_FINISHED, TASK_CANCELLED, 5, "cancelled", 60 },
        { TASK_FINISHED, TASK_CANCELLED, USEC_INFINITY, "cancelled", 0 },
        { TASK_FINISHED, TASK_INTERRUPTED, 5, "interrupted", 60 },
};

static void test_status_and_progress(void) {
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                Task t = { .state = places[i].state, .result = places[i].result, .started_at = places[i].started_at };

                TAP_CHECK_STRING(task_status(&t), places[i].status);
                TAP_CHECK_INT(task_progress(&t), places[i].progress);
                TAP_CHECK_INT(task_is_finished(&t), places[i].state == TASK_FINISHED);
        }
}

static void test_deadline(void) {
        Task t = { .spec.timeout_usec = 7200 * USEC_PER_SEC };

        TAP_CHECK_INT(task_deadline(&t), 0);
        t.started_at = 100 * USEC_PER_SEC;
        TAP_CHECK_INT(task_deadline(&t), 7300 * USEC_PER_SEC);
}

static void test_wishes_to_stop(void) {
        static const struct {
                usec_t cancel, stall, first;
        } rows[] = { { 0, 0, 0 }, { 5, 0, 5 }, { 0, 7, 7 }, { 5, 7, 5 }, { 7, 5, 5 } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Task t = { .cancel_requested = rows[i].cancel > 0, .cancel_requested_at = rows[i].cancel,
                           .stall_stop_requested_at = rows[i].stall,
                           .cancel_requested_boottime = rows[i].cancel,
                           .stall_stop_requested_boottime = rows[i].stall };

                TAP_CHECK_INT(task_is_to_stop(&t), rows[i].first > 0);
                TAP_CHECK_INT(task_stop_requested_at(&t), rows[i].first);
                TAP_CHECK_INT(task_stop_requested_boottime(&t), rows[i].first);
        }
}

static void test_agents(void) {
        Task t = { .spec.agent = AGENT_KIND_CLAUDE };

        TAP_CHECK(task_runs_agent(&t));
        t.spec.agent = AGENT_KIND_NONE;
        TAP_CHECK(!task_runs_agent(&t));
}

static const TapTest tests[] = {
        { "ids", test_ids },
        { "ids with any byte changed", test_ids_with_any_byte_changed },
        { "generated ids sort by age", test_generated_ids_sort_by_age },
        { "generated ids differ", test_generated_ids_differ },
        { "unit names and back", test_unit_names },
        { "other units are no task's", test_other_units },
        { "words", test_words },
        { "a new task", test_new_task },
        { "status and progress", test_status_and_progress },
        { "the deadline", test_deadline },
        { "wishes to stop", test_wishes_to_stop },
        { "agents' tasks", test_agents },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

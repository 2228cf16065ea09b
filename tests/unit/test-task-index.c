/* TaskIndex against a model: a plain array that is searched from its begin. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/task-index.h>

enum { IDS = 300, ROUNDS = 20000 };

/* Slot i stands for the id with that number: sorted by age as the ids are. */
typedef struct Model {
        bool there[IDS];
        TaskResult result[IDS];
        void *run[IDS];
} Model;

static const char *id_of(unsigned i) {
        static char id[TASK_ID_SIZE + 1];

        /* Three to a second, so that ties are met. */
        snprintf(id, sizeof(id), "task-%010u-%06x", 1700000000 + i / 3, i % 3 * 0x1234);
        return id;
}

static void check_rows(const TaskIndex *x, const Model *m) {
        size_t finished[TASK_RESULT_COUNT] = {}, n = 0;

        for (unsigned i = 0; i < IDS; i++) {
                const TaskSummary *s = task_index_find(x, id_of(i));

                TAP_CHECK_INT(task_index_position(x, id_of(i)), n);
                if (!TAP_CHECK_INT(s != NULL, m->there[i]) || !s)
                        continue;
                TAP_CHECK(s == &x->rows[n++]);
                TAP_CHECK_STRING(s->id, id_of(i));
                TAP_CHECK_INT(s->result, m->result[i]);
                TAP_CHECK(s->run == m->run[i]);
                if (m->result[i] != TASK_RESULT_NONE)
                        finished[m->result[i]]++;
        }
        TAP_CHECK_INT(x->n, n);
        for (size_t i = 0; i < TASK_RESULT_COUNT; i++)
                TAP_CHECK_INT(x->finished[i], finished[i]);
}

static TaskResult any_result(void) {
        return (TaskResult) (random() % (TASK_RESULT_COUNT + 1) - 1);
}

static void change(TaskIndex *x, Model *m) {
        unsigned i = (unsigned) random() % IDS;
        TaskResult result = any_result();

        switch (random() % 4) {
        case 0:
        case 1:
                TAP_CHECK_INT(task_index_add(x, id_of(i), result, &m->run[i]), m->there[i] ? -EEXIST : 0);
                if (m->there[i])
                        return;
                m->there[i] = true;
                m->run[i] = &m->run[i];
                m->result[i] = result;
                return;
        case 2:
                task_index_remove(x, id_of(i));
                m->there[i] = false;
                return;
        default:
                task_index_set_result(x, id_of(i), result);
                if (m->there[i])
                        m->result[i] = result;
        }
}

static void test_random_changes(void) {
        _cleanup_(task_index_done) TaskIndex x = TASK_INDEX_NULL;
        Model m = {};

        srandom(5);
        for (unsigned i = 0; i < ROUNDS; i++) {
                change(&x, &m);
                if (i % 100 == 0)
                        check_rows(&x, &m);
        }
        check_rows(&x, &m);
}

static void test_empty(void) {
        TaskIndex x = TASK_INDEX_NULL;

        TAP_CHECK(!task_index_find(&x, id_of(0)));
        TAP_CHECK_INT(task_index_position(&x, id_of(0)), 0);
        task_index_remove(&x, id_of(0));
        task_index_set_result(&x, id_of(0), TASK_FAILED);
        TAP_CHECK_INT(x.finished[TASK_FAILED], 0);
        task_index_done(&x);
        task_index_done(&x);
}

static void test_positions_of_ids_that_are_not_there(void) {
        _cleanup_(task_index_done) TaskIndex x = TASK_INDEX_NULL;

        for (unsigned i = 0; i < 10; i++)
                TAP_CHECK_INT(task_index_add(&x, id_of(3 * i), TASK_COMPLETED, NULL), 0);
        TAP_CHECK_INT(task_index_position(&x, id_of(3)), 1);
        TAP_CHECK_INT(task_index_position(&x, id_of(4)), 2);
        TAP_CHECK_INT(task_index_position(&x, ""), 0);
        TAP_CHECK_INT(task_index_position(&x, "task-9"), 10);
        TAP_CHECK(!task_index_find(&x, "task-1700000000-00000"));
        TAP_CHECK(!task_index_find(&x, ""));
}

static void test_ten_thousand_oldest_first(void) {
        _cleanup_(task_index_done) TaskIndex x = TASK_INDEX_NULL;

        for (unsigned i = 0; i < 10000; i++)
                TAP_CHECK_INT(task_index_add(&x, id_of(i), TASK_FAILED, NULL), 0);
        TAP_CHECK_INT(x.n, 10000);
        TAP_CHECK_INT(x.finished[TASK_FAILED], 10000);
        for (unsigned i = 1; i < 10000; i++)
                if (strcmp(x.rows[i - 1].id, x.rows[i].id) >= 0)
                        tap_fail(__FILE__, __LINE__, "row %u is not sorted", i);
        task_index_done(&x);
        TAP_CHECK(!x.rows && x.n == 0 && x.allocated == 0);
        /* What a task costs for as long as it is known. */
        TAP_CHECK(sizeof(TaskSummary) <= 50);
}

static const TapTest tests[] = {
        { "the empty index", test_empty },
        { "random changes, against a model", test_random_changes },
        { "positions of ids that are not there", test_positions_of_ids_that_are_not_there },
        { "ten thousand, oldest first", test_ten_thousand_oldest_first },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

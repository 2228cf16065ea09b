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
        TAP_CHECK(sizeof(TaskSummary) <= 72);
}

/* --- labels --- */

static void test_labels(void) {
        static char *labels[] = { (char *) "team=a&b", (char *) "a=b=c", (char *) "=", NULL };
        static const char *const there[] = { "team", "team=a&b", "a", "a=b", "a=b=c", "", "=" };
        static const char *const not_there[] = { "tea", "team=", "team=a", "b", "a=", "c", "a=b=", "x" };
        _cleanup_(task_index_done) TaskIndex x = TASK_INDEX_NULL;
        Task t = { .spec.labels = labels };
        const TaskSummary *s;
        size_t n = 0;

        TAP_CHECK_INT(task_index_add(&x, id_of(0), TASK_COMPLETED, NULL), 0);
        s = task_index_find(&x, id_of(0));
        TAP_CHECK(task_index_may_have_label(s, "x"));
        task_index_note(&x, id_of(0), &t);
        for (size_t i = 0; i < ELEMENTSOF(there); i++)
                TAP_CHECK(task_index_may_have_label(s, there[i]));
        /* By chance one of them may be. */
        for (size_t i = 0; i < ELEMENTSOF(not_there); i++)
                n += task_index_may_have_label(s, not_there[i]);
        TAP_CHECK(n <= 1);
        t.spec.labels = NULL;
        task_index_note(&x, id_of(0), &t);
        for (size_t i = 0; i < ELEMENTSOF(there); i++)
                TAP_CHECK(!task_index_may_have_label(s, there[i]));
}

/* --- repositories --- */

enum { REPOSITORIES = 7 };

/* Repository 0: none. */
static void note(TaskIndex *x, unsigned i, unsigned repository, bool committed) {
        char name[32];
        Task t = { .last_updated = 1000 + i, .changes.is_committed = committed };

        snprintf(name, sizeof(name), "owner/%u", repository);
        t.spec.github_repo = repository == 0 ? NULL : name;
        task_index_note(x, id_of(i), &t);
}

typedef struct Noted {
        bool there, noted, committed;
        unsigned repository;
        TaskResult result;
} Noted;

static void check_totals(const TaskIndex *x, const Noted *m) {
        _cleanup_free_ RepositoryTotals *totals = NULL;
        RepositoryTotals should[REPOSITORIES] = {};
        size_t n = 0, noted = 0;

        for (unsigned i = 0; i < IDS; i++) {
                RepositoryTotals *t = &should[m[i].repository];

                noted += m[i].there && m[i].noted;
                if (!m[i].there || !m[i].noted)
                        continue;
                t->first_activity = t->n++ == 0 ? task_id_time(id_of(i)) : t->first_activity;
                t->last_activity = 1000 + i;
                t->n_commits += m[i].committed;
                t->n_running += m[i].result == TASK_RESULT_NONE;
                if (m[i].result != TASK_RESULT_NONE)
                        t->finished[m[i].result]++;
        }
        TAP_CHECK_INT(x->n_noted, noted);
        TAP_CHECK_INT(task_index_total(x, &totals), 0);
        for (unsigned k = 1; k < REPOSITORIES; k++) {
                if (should[k].n == 0)
                        continue;
                if (!TAP_CHECK(n < x->n_repositories))
                        return;
                should[k].repository = totals[n].repository;
                TAP_CHECK_INT(totals[n].repository->name[strlen("owner/")], '0' + (int) k);
                TAP_CHECK_INT(totals[n].repository->n_tasks, should[k].n);
                TAP_CHECK(memcmp(&totals[n++], &should[k], sizeof(RepositoryTotals)) == 0);
        }
        TAP_CHECK_INT(x->n_repositories, n);
}

static void change_noted(TaskIndex *x, Noted *m) {
        unsigned i = (unsigned) random() % IDS, repository = (unsigned) random() % REPOSITORIES;
        TaskResult result = any_result();
        bool committed = random() % 2;

        switch (random() % 4) {
        case 0:
                if (task_index_add(x, id_of(i), result, NULL) == 0)
                        m[i] = (Noted){ .there = true, .result = result };
                return;
        case 1:
                if (random() % 3 == 0) {
                        task_index_remove(x, id_of(i));
                        m[i] = (Noted){};
                }
                return;
        case 2:
                task_index_set_result(x, id_of(i), result);
                m[i].result = result;
                return;
        default:
                note(x, i, repository, committed);
                if (m[i].there)
                        m[i] = (Noted){ true, true, committed, repository, m[i].result };
        }
}

static void test_repositories(void) {
        _cleanup_(task_index_done) TaskIndex x = TASK_INDEX_NULL;
        Noted m[IDS] = {};

        srandom(6);
        for (unsigned i = 0; i < ROUNDS; i++) {
                change_noted(&x, m);
                if (i % 100 == 0)
                        check_totals(&x, m);
        }
        for (unsigned i = 0; i < IDS; i++)
                task_index_remove(&x, id_of(i));
        TAP_CHECK_INT(x.n_repositories, 0);
        TAP_CHECK_INT(x.n_noted, 0);
}

static void test_a_document_that_cannot_be_read(void) {
        _cleanup_(task_index_done) TaskIndex x = TASK_INDEX_NULL;

        TAP_CHECK_INT(task_index_add(&x, id_of(1), TASK_FAILED, NULL), 0);
        TAP_CHECK(!task_index_find(&x, id_of(1))->noted);
        task_index_note(&x, id_of(1), NULL);
        TAP_CHECK(task_index_find(&x, id_of(1))->noted && !task_index_find(&x, id_of(1))->repository);
        TAP_CHECK(!task_index_find_repository(&x, "owner/1"));
        note(&x, 1, 1, false);
        TAP_CHECK_INT(task_index_find_repository(&x, "owner/1")->n_tasks, 1);
        TAP_CHECK(!task_index_find_repository(&x, "owner") && !task_index_find_repository(&x, "owner/11"));
}

static const TapTest tests[] = {
        { "repositories, against a model", test_repositories },
        { "a document that cannot be read", test_a_document_that_cannot_be_read },
        { "labels", test_labels },
        { "the empty index", test_empty },
        { "random changes, against a model", test_random_changes },
        { "positions of ids that are not there", test_positions_of_ids_that_are_not_there },
        { "ten thousand, oldest first", test_ten_thousand_oldest_first },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

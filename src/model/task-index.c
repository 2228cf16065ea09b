/* TaskIndex: a sorted array. See task-index.h. */
#include <remote-developer/task-index.h>

#include <remote-developer/strings.h>

void task_index_done(TaskIndex *x) {
        free(x->rows);
        *x = TASK_INDEX_NULL;
}

size_t task_index_position(const TaskIndex *x, const char *id) {
        size_t low = 0, high = x->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(x->rows[middle].id, id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

TaskSummary *task_index_find(const TaskIndex *x, const char *id) {
        size_t i = task_index_position(x, id);

        return i < x->n && string_equal(x->rows[i].id, id) ? &x->rows[i] : NULL;
}

static int reserve_row(TaskIndex *x) {
        size_t allocated = MAX_OF(x->allocated * 2, (size_t) 64);
        TaskSummary *rows;

        if (x->n < x->allocated)
                return 0;
        rows = reallocarray(x->rows, allocated, sizeof(TaskSummary));
        if (!rows)
                return -ENOMEM;
        x->rows = rows;
        x->allocated = allocated;
        return 0;
}

int task_index_add(TaskIndex *x, const char *id, TaskResult result, void *run) {
        size_t i = task_index_position(x, id);
        int r;

        assert(task_id_is_valid(id));
        if (i < x->n && string_equal(x->rows[i].id, id))
                return -EEXIST;
        r = reserve_row(x);
        if (r < 0)
                return r;
        memmove(&x->rows[i + 1], &x->rows[i], (x->n - i) * sizeof(TaskSummary));
        x->rows[i] = (TaskSummary){ .result = TASK_RESULT_NONE, .run = run };
        memcpy(x->rows[i].id, id, TASK_ID_SIZE + 1);
        x->n++;
        task_index_set_result(x, id, result);
        return 0;
}

void task_index_set_result(TaskIndex *x, const char *id, TaskResult result) {
        TaskSummary *s = task_index_find(x, id);

        if (!s)
                return;
        if (s->result != TASK_RESULT_NONE)
                x->finished[s->result]--;
        s->result = result;
        if (result != TASK_RESULT_NONE)
                x->finished[result]++;
}

void task_index_remove(TaskIndex *x, const char *id) {
        TaskSummary *s = task_index_find(x, id);
        size_t i;

        if (!s)
                return;
        task_index_set_result(x, id, TASK_RESULT_NONE);
        i = (size_t) (s - x->rows);
        memmove(s, s + 1, (x->n - i - 1) * sizeof(TaskSummary));
        x->n--;
}

/* Which step of its plan a task is at: while its unit lives by the unit's commands, at its end by whatever tells of
 * it. */
#include "manager-internal.h"

#include <remote-developer/journal-records.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

/* What the error of a step's failure tells of its log. */
#define LAST_LINES 3
#define LAST_LINES_SIZE_MAX ((size_t) 1024)
#define LAST_LINES_LOOKS 64

/* --- live --- */

static bool is_of_invocation(const TaskRun *run, const char *id) {
        return !run->task->invocation_id || string_equal(run->task->invocation_id, id);
}

/* The starter says in the journal when each one begins. 0: nothing tells. */
static unsigned find_in_journal(const TaskRun *run) {
        _cleanup_(evidence_done) Evidence e = EVIDENCE_NULL;
        const char *id = run->watch.status.invocation_id;

        e.step.last = (unsigned) run->task->plan.n;
        if (!*id || journal_records_read(&run->manager->journal, run->watch.unit, id, NULL, &e) < 0)
                return 0;
        return e.step.begun;
}

/* The number of the unit's own command, from 1, becomes the plan's, from 0. */
static int find_begun(const TaskRun *run, TaskState state) {
        const TaskPlan *p = &run->task->plan;
        const UnitStatus *s = &run->watch.status;
        int work = task_plan_first(p, TASK_STEP_WORK);

        if (state == TASK_RUNNING)
                return work;
        if (state == TASK_PREPARING && s->prepare.begun > 0)
                return (int) s->prepare.begun - 1;
        /* The first one is the recorder. */
        if (state == TASK_REVIEWING && s->after.begun > 0)
                return s->after.begun > 1 ? work + (int) s->after.begun - 1 : -1;
        /* A reload has made systemd forget, and we were not there to see. */
        if (run->unsettled && run->watch.read_at_usec > 0 && (state == TASK_PREPARING || state == TASK_REVIEWING))
                return (int) find_in_journal(run) - 1;
        return -1;
}

int task_run_find_step(const TaskRun *run, TaskState state) {
        const Task *t = run->task;
        int step;

        if (t->plan.n == 0)
                return t->step;
        /* The reviews of a task that was not prepared are none of its progress. */
        if (state == TASK_REVIEWING && !clock_is_set(t->started_at) &&
            !clock_is_set(run->watch.status.active_enter_usec))
                return t->step;
        step = MIN_OF(find_begun(run, state), (int) t->plan.n - 1);
        if (step < 0 && state == TASK_PREPARING && t->plan.items[0].kind == TASK_STEP_PREPARE)
                step = 0;
        return MAX_OF(step, t->step);
}

bool task_run_has_steps(const TaskRun *run) {
        return run->task->plan.n > 1;
}

/* --- at the end --- */

static void take_commands(const UnitCommands *c, StepEvidence *s) {
        static const char *const words[] = { "", "exited", "killed", "dumped" };
        char number[16];

        if (c->begun == 0)
                return;
        s->begun = c->begun;
        if (clock_is_set(c->begun_usec))
                s->begun_at = c->begun_usec;
        if (c->exit_code <= 0 || (size_t) c->exit_code >= ELEMENTSOF(words))
                return;
        ending_set_word(s->exit_code, words[c->exit_code]);
        if (c->exit_code > 1) {
                ending_set_signal(s->exit_status, c->exit_status);
                return;
        }
        (void) snprintf(number, sizeof(number), "%d", c->exit_status);
        ending_set_word(s->exit_status, number);
}

void task_run_begin_step_evidence(const TaskRun *run, Evidence *e) {
        const Task *t = run->task;

        e->step.last = (unsigned) task_plan_first(&t->plan, TASK_STEP_WORK);
        e->step.begun = (unsigned) MAX_OF(MIN_OF(t->step + 1, (int) e->step.last), 0);
}

/* A line as it fits in a sentence: no byte of it ends the text. */
static int append_line(Buffer *b, const LogLine *line) {
        size_t size = MIN_OF(line->size, LAST_LINES_SIZE_MAX);
        size_t at;
        int r;

        r = b->size > 0 ? buffer_append(b, "\n", 1) : 0;
        at = b->size;
        if (r >= 0)
                r = buffer_append(b, line->text, size);
        for (; r >= 0 && at < b->size; at++)
                if (b->data[at] == 0)
                        b->data[at] = '?';
        return r;
}

/* In front of the first line of what came behind the step; of nothing, at the end. */
static int seek_end(LogViewer *v, usec_t until) {
        _cleanup_free_ char *cursor = NULL;
        LogLine line;
        int r;

        if (until == 0)
                return log_viewer_seek_tail(v, LAST_LINES);
        r = log_viewer_seek_since(v, until);
        for (unsigned i = 0; r >= 0 && i < LAST_LINES_LOOKS; i++) {
                r = log_viewer_next(v, &line);
                if (r != -EAGAIN)
                        break;
                r = 0;
        }
        if (r > 0)
                r = string_replace(&cursor, line.cursor);
        if (r >= 0)
                r = log_viewer_seek_since(v, 0);
        return r < 0 ? r : log_viewer_seek_before(v, cursor ?: "", LAST_LINES);
}

static int read_last_lines(const TaskRun *run, const StepEvidence *s, Buffer *b) {
        _cleanup_(log_viewer_freep) LogViewer *v = NULL;
        unsigned found = 0;
        LogLine line;
        int r;

        r = log_viewer_new(run->feed, LOG_SOURCES_OUTPUT, NULL, NULL, &v);
        if (r >= 0)
                r = seek_end(v, s->next_at);
        for (unsigned i = 0; r >= 0 && found < LAST_LINES && i < LAST_LINES_LOOKS; i++) {
                r = log_viewer_next(v, &line);
                if (r == 0)
                        return 0;
                found += r > 0;
                if (r > 0 && log_line_is_output(&line) && line.realtime_usec >= s->begun_at &&
                    (s->next_at == 0 || line.realtime_usec < s->next_at))
                        r = append_line(b, &line);
                r = r == -EAGAIN ? 0 : r;
        }
        return r;
}

/* The last of them, in whole characters. */
static char *cut_to_end(const Buffer *b) {
        const char *text = b->data;
        size_t skip = b->size > LAST_LINES_SIZE_MAX ? b->size - LAST_LINES_SIZE_MAX : 0;

        while (skip > 0 && skip < b->size && ((unsigned char) text[skip] & 0xc0) == 0x80)
                skip++;
        return strndup(text + skip, b->size - skip);
}

void task_run_end_step_evidence(const TaskRun *run, Evidence *e) {
        _cleanup_(buffer_done) Buffer lines = BUFFER_NULL;
        const UnitStatus *s = &run->watch.status;
        const TaskStep *step;
        int r;

        if (is_of_invocation(run, s->invocation_id))
                take_commands(&s->prepare, &e->step);
        step = e->step.begun > 0 ? task_plan_at(&run->task->plan, (int) e->step.begun - 1) : NULL;
        if (!step || step->kind != TASK_STEP_PREPARE)
                return;
        e->step.status = step->status;
        e->step.program = step->program;
        e->step.timeout_usec = step->timeout_usec;
        if (clock_is_set(e->started_at))
                return;
        r = read_last_lines(run, &e->step, &lines);
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The last lines of a step could not be read: %s", strerror(-r));
        if (lines.size > 0)
                e->step.last_lines = cut_to_end(&lines);
}

int task_run_find_last_step(const TaskRun *run, const Evidence *e, const Verdict *v) {
        const Task *t = run->task;
        int work = task_plan_first(&t->plan, TASK_STEP_WORK);

        if (t->plan.n == 0)
                return t->step;
        if (string_equal(v->reason, "step-failed"))
                return (int) e->step.begun - 1;
        if (clock_is_set(t->started_at) || v->exit_code >= 0 || *v->signal)
                return work;
        return MIN_OF((int) e->step.begun - 1, work);
}

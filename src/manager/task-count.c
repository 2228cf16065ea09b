/* Counting a task's log: lines, bytes, when the last one came, and what the agent said in them. What was counted and
 * the cursor up to which it was are saved in one document, so that after a crash at any moment the counting goes on
 * behind that cursor, and no line is counted twice or passed over. */
#include "manager-internal.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

/* Lines that are counted in one turn while a log is caught up with. */
#define COUNT_BATCH 1000

/* Logs that are being counted go before those that nobody has begun to count: after a start with a thousand tasks one
 * reader of the journal is open at a time, not a thousand. */
#define COUNT_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 5)
#define BEGIN_COUNT_PRIORITY (COUNT_PRIORITY + 1)

/* --- a line --- */

/* Of a log that no service looked at while it was written, the journal may have dropped the begin: it has nothing that
 * is as old as the task. */
static bool begin_is_gone(const TaskRun *run) {
        usec_t oldest = 0;

        if (run->task->log_cursor || log_feed_is_from_start(run->feed))
                return false;
        return journal_reader_source_oldest(&run->manager->journal, &oldest) >= 0 && oldest > run->task->created_at;
}

static int note_first(TaskRun *run, const LogLine *line) {
        Task *t = run->task;
        char begin[LOG_CURSOR_SIZE];
        int r;

        if (t->log_first_cursor || t->log_lines > t->log_archived_lines || !log_line_is_output(line))
                return 0;
        log_cursor_of_time(t->created_at, begin);
        r = string_replace(&t->log_first_cursor, begin_is_gone(run) ? begin : line->cursor);
        return r < 0 ? r : log_feed_set_first(run->feed, t->log_first_cursor);
}

static int count_line(TaskRun *run, const LogLine *line) {
        Task *t = run->task;
        int r;

        /* The cursors first: without memory for them nothing is counted, and the line is read again. */
        r = *line->cursor ? note_first(run, line) : 0;
        if (r >= 0 && *line->cursor)
                r = string_replace(&t->log_cursor, line->cursor);
        if (r < 0)
                return r;
        if (!log_line_is_output(line))
                return 1;
        t->log_lines += !line->partial;
        t->log_bytes += line->size + !line->partial;
        t->last_output_at = line->realtime_usec;
        if (line->realtime_usec >= t->agent_since)
                agent_take((AgentKind) t->spec.agent, &t->agent, line->text, line->size);
        run->unsaved_lines++;
        run->has_output = true;
        return 1;
}

/* --- the place where it goes on --- */

/* The document is of a service that did not keep the agent's account there: it is read anew in this attempt. */
static int rewind_to_attempt(Task *t) {
        const Attempt *before = t->attempts.n > 0 ? &t->attempts.items[t->attempts.n - 1] : NULL;
        int r;

        agent_account_done(&t->agent);
        r = string_replace(&t->log_cursor, before ? before->log_cursor : NULL);
        if (r < 0)
                return r;
        t->log_lines = before ? before->log_lines : 0;
        t->log_bytes = before ? before->log_bytes : 0;
        return 0;
}

static void forget_counts(Task *t) {
        t->log_lines = t->log_bytes = t->log_archived_lines = 0;
        (void) string_replace(&t->log_cursor, NULL);
        (void) string_replace(&t->log_first_cursor, NULL);
}

static void on_counter_wake(void *userdata) {
        TaskRun *run = userdata;

        (void) sd_event_source_set_enabled(run->count_source, SD_EVENT_ONESHOT);
}

/* Behind the last line counted, or, where the journal does not have that any more, with the first behind it. */
static int open_behind(TaskRun *run, const char *cursor) {
        _cleanup_(log_viewer_freep) LogViewer *counter = NULL;
        int r;

        r = log_viewer_new_in_journal(run->feed, on_counter_wake, run, &counter);
        if (r >= 0 && cursor)
                r = log_viewer_seek_after(counter, cursor);
        if (r >= 0)
                r = sd_event_source_set_priority(run->count_source, COUNT_PRIORITY);
        if (r < 0)
                return r;
        run->counter = TAKE_PTR(counter);
        return 0;
}

static int open_counter(TaskRun *run) {
        Task *t = run->task;
        int r = 0;

        if (task_runs_agent(t) && t->agent.outcome == AGENT_NONE)
                r = rewind_to_attempt(t);
        if (r >= 0)
                r = open_behind(run, t->log_cursor);
        if (r != -EINVAL || !t->log_cursor)
                return r;
        log_task(LOG_WARNING, t->id, "The document's log_cursor is none: what the journal has is counted anew");
        forget_counts(t);
        return open_behind(run, NULL);
}

/* --- turns --- */

static int count_next(TaskRun *run) {
        LogLine line;
        int r;

        r = log_viewer_next(run->counter, &line);
        if (r <= 0)
                return r;
        r = count_line(run, &line);
        if (r < 0)
                run->counter = log_viewer_free(run->counter); /* it is past the line */
        return r;
}

int task_run_count(TaskRun *run) {
        int r = run->counter ? 0 : open_counter(run);

        if (r < 0)
                return r;
        r = 1;
        for (unsigned i = 0; r > 0 && i < COUNT_BATCH; i++)
                r = count_next(run);
        if (run->has_output)
                task_run_note_output(run);
        run->has_output = false;
        return r > 0 ? -EAGAIN : r;
}

/* As a rule a turn of its own has counted all before, and this is a comparison. */
void task_run_count_held(TaskRun *run) {
        if (!run->counter || !log_viewer_is_at_oldest(run->counter))
                return;
        while (run->counter && log_viewer_is_held(run->counter) && count_next(run) > 0)
                ;
}

/* Outside the follower's and the viewers' own work. */
static int on_count(sd_event_source *s, void *userdata) {
        TaskRun *run = userdata;
        int r = task_run_count(run);

        if (r < 0 && r != -EAGAIN)
                log_task(LOG_WARNING, run->task->id, "The log could not be read: %s", strerror(-r));
        task_run_save_counts(run);
        return sd_event_source_set_enabled(s, r == -EAGAIN ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

int task_run_add_counter(TaskRun *run) {
        int r;

        r = sd_event_add_defer(run->manager->event, &run->count_source, on_count, run);
        if (r >= 0)
                r = sd_event_source_set_priority(run->count_source, BEGIN_COUNT_PRIORITY);
        if (r >= 0)
                r = sd_event_source_set_description(run->count_source, "log-count");
        return r;
}

/* Nothing wakes them. */
void manager_count_again(Manager *m) {
        for (size_t i = 0; i < m->index.n; i++) {
                TaskRun *run = m->index.rows[i].run;

                if (run && !run->counter)
                        (void) sd_event_source_set_enabled(run->count_source, SD_EVENT_ONESHOT);
        }
}

/* The one follower of all logs, which is open while there are runs, and the viewers of each. */
#include "manager-internal.h"

#include <remote-developer/strings.h>

/* While somebody watches a running task and lines come, the journal is looked at at most this often: at ten lines a
 * second a line took 2.2 ms (median) from write to client, for 2.5 % of a core. journald itself announces changes only
 * every 250 ms. */
#define WATCH_INTERVAL_USEC (1 * USEC_PER_MSEC)

/* That are taken at once for somebody who wants the newest line: about 4 ms of work. */
#define LOOK_ENTRIES 1024

static void append(TaskRun *run, const LogLine *line) {
        task_run_count_held(run);
        log_feed_append(run->feed, line);
}

static void append_to_all(Manager *m, const LogLine *line) {
        for (size_t i = 0; i < m->index.n; i++)
                if (m->index.rows[i].run)
                        append(m->index.rows[i].run, line);
}

static void on_line(void *userdata, const char *unit, const LogLine *line) {
        char id[TASK_ID_SIZE + 1];
        Manager *m = userdata;
        TaskRun *run;

        m->log_mark++;
        if (!unit)
                append_to_all(userdata, line);
        if (!unit || !task_id_from_unit(unit, id))
                return;
        run = manager_find_run(userdata, id);
        if (run)
                append(run, line);
}

int manager_open_follower(Manager *m) {
        int r;

        if (m->follower)
                return 0;
        r = journal_follower_new(m->event, &m->journal, TASK_SLICE, LOG_FEED_BYTES_MAX, on_line, m, &m->follower);
        if (r >= 0)
                r = journal_follower_set_interval(m->follower, m->watchers > 0 ? WATCH_INTERVAL_USEC : 0);
        return r;
}

void manager_close_follower(Manager *m) {
        if (m->n_runs == 0)
                m->follower = journal_follower_free(m->follower);
}

void manager_count_watchers(Manager *m, int difference) {
        m->watchers += difference;
        assert(m->watchers >= 0);
        if (m->follower)
                (void) journal_follower_set_interval(m->follower, m->watchers > 0 ? WATCH_INTERVAL_USEC : 0);
}

/* What its document tells of a finished task's log. */
static int describe_log(Manager *m, const TaskSummary *s, LogFeed *feed) {
        _cleanup_(task_ref_done) TaskRef ref = TASK_REF_NULL;
        int r;

        r = manager_get_task(m, s->id, &ref);
        if (r >= 0)
                r = log_feed_set_end(feed, ref.task->log_cursor,
                                     ref.task->log_lines - ref.task->log_archived_lines);
        if (r >= 0)
                r = log_feed_set_first(feed, ref.task->log_first_cursor);
        return r;
}

/* Once for all who ask in one turn of the loop: a look takes two system calls, as many as the rest of an answer that
 * is given again. */
void manager_look_at_log(Manager *m, const char *id) {
        uint64_t turn = 0;

        if (!m->follower || !manager_find_run(m, id))
                return;
        (void) sd_event_get_iteration(m->event, &turn);
        if (turn != m->looked_turn)
                (void) journal_follower_pump(m->follower, LOOK_ENTRIES);
        m->looked_turn = turn;
}

uint64_t manager_log_mark(const Manager *m) {
        return m->log_mark;
}

/* A running task's, or one for the occasion. */
static int get_feed(Manager *m, const char *id, LogFeed **ret) {
        _cleanup_(log_feed_unrefp) LogFeed *feed = NULL;
        _cleanup_free_ char *unit = NULL;
        TaskSummary *s = task_index_find(&m->index, id);
        int r;

        if (!s)
                return -ENOENT;
        if (s->run) {
                *ret = log_feed_ref(((TaskRun *) s->run)->feed);
                return 0;
        }
        unit = task_unit_name(id);
        r = unit ? log_feed_new(&m->journal, unit, 1, false, &feed) : -ENOMEM;
        if (r >= 0)
                r = describe_log(m, s, feed);
        if (r < 0)
                return r;
        log_feed_set_archive(feed, m->archive, s->archived);
        log_feed_finish(feed);
        *ret = TAKE_PTR(feed);
        return 0;
}

int manager_open_log(Manager *m, const char *id, unsigned sources, LogViewerWake wake, void *userdata,
                     LogViewer **ret) {
        _cleanup_(log_feed_unrefp) LogFeed *feed = NULL;
        int r = get_feed(m, id, &feed);

        return r < 0 ? r : log_viewer_new(feed, sources, wake, userdata, ret);
}

int manager_open_log_tail(Manager *m, const char *id, uint64_t lines, uint64_t bytes, LogViewer **ret) {
        _cleanup_(log_feed_unrefp) LogFeed *feed = NULL;
        int r = get_feed(m, id, &feed);

        return r < 0 ? r : log_viewer_new_at_tail(feed, LOG_SOURCES_OUTPUT, lines, bytes, ret);
}

/* The one follower of all logs, which is open while there are runs, and the viewers of each. */
#include "manager-internal.h"

#include <remote-developer/strings.h>

/* While somebody watches a running task the journal is looked at this often: 5 ms were measured at 3 ms from write to
 * read, for 1 % of a core; journald itself announces changes only every 250 ms. */
#define WATCH_INTERVAL_USEC (5 * USEC_PER_MSEC)

static void on_line(void *userdata, const char *unit, const LogLine *line) {
        char id[TASK_ID_SIZE + 1];
        TaskRun *run;

        if (!task_id_from_unit(unit, id))
                return;
        run = manager_find_run(userdata, id);
        if (run)
                log_feed_append(run->feed, line);
}

int manager_open_follower(Manager *m) {
        int r;

        if (m->follower)
                return 0;
        r = journal_follower_new(m->event, &m->journal, TASK_SLICE, on_line, m, &m->follower);
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

int manager_open_log(Manager *m, const char *id, LogViewerWake wake, void *userdata, LogViewer **ret) {
        _cleanup_(log_feed_unrefp) LogFeed *feed = NULL;
        _cleanup_free_ char *unit = task_unit_name(id);
        TaskSummary *s = task_index_find(&m->index, id);
        int r;

        if (!s)
                return -ENOENT;
        if (s->run)
                return log_viewer_new(((TaskRun *) s->run)->feed, wake, userdata, ret);
        r = unit ? log_feed_new(&m->journal, unit, 1, false, &feed) : -ENOMEM;
        if (r < 0)
                return r;
        log_feed_set_archive(feed, m->archive, s->archived);
        log_feed_finish(feed);
        return log_viewer_new(feed, wake, userdata, ret);
}

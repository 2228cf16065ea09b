/* Archiving: what finished long ago leaves the state directory for the archive (task-archive.h), with its whole log.
 *
 *   manager_archive_due() ──▶ begin_next() ──▶ copy() ... ──▶ finish() ──┐
 *                               ▲   none is due: the round is over       │
 *                               └────────────────────────────────────────┘
 *
 * One task at a time, a small piece in each turn of the loop and only when nothing else waits in it. Until finish()
 * the task is as it was, so that at any moment the work may be dropped: because the task is forgotten or taken up
 * again, or because something failed. A failure ends the round, and the next one begins behind that task, so that one
 * which cannot be archived does not keep the others from it. */
#include "manager-internal.h"

#include <remote-developer/journal-memory.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#define LOOK_INTERVAL_USEC (300 * USEC_PER_SEC)
#define USEC_PER_DAY (86400 * USEC_PER_SEC)

/* Of a turn: about 2 ms of work. */
#define TURN_LINES 500
#define TURN_BYTES ((size_t) 256 * 1024)

struct Archiver {
        sd_event_source *source; /* the next turn */
        usec_t looked_at_usec;   /* monotonic; 0: never yet */
        char after[TASK_ID_SIZE + 1]; /* the last task that was begun; "": the round begins with the oldest */

        Task *task; /* NULL: none is being archived */
        LogViewer *viewer;
        LogArchiveWriter *writer;
        uint64_t lines; /* of output, copied */
};

static void drop_work(Archiver *a) {
        a->viewer = log_viewer_free(a->viewer);
        a->writer = log_archive_writer_free(a->writer);
        a->task = task_free(a->task);
        a->lines = 0;
}

/* --- one task --- */

static bool is_due(const Manager *m, const TaskSummary *s) {
        usec_t age = m->config->archive_after_days * USEC_PER_DAY;

        return s->result != TASK_RESULT_NONE && !s->archived && s->finished_at + age <= clock_realtime_usec() &&
               !manager_find_operation(m, s->id);
}

static const TaskSummary *find_due(const Manager *m) {
        const Archiver *a = m->archiver;

        for (size_t i = task_index_position(&m->index, a->after); i < m->index.n; i++)
                if (is_due(m, &m->index.rows[i]) && !string_equal(m->index.rows[i].id, a->after))
                        return &m->index.rows[i];
        return NULL;
}

/* 1: one was begun; 0: none is due any more. */
static int begin_next(Manager *m) {
        Archiver *a = m->archiver;
        const TaskSummary *s = find_due(m);
        int r;

        a->after[0] = 0;
        if (!s) {
                journal_memory_release();
                return 0;
        }
        memcpy(a->after, s->id, sizeof(a->after));
        r = manager_load_task(m, s, &a->task);
        if (r >= 0)
                r = manager_open_log(m, a->after, LOG_SOURCES_ALL, NULL, NULL, &a->viewer);
        if (r >= 0)
                r = task_archive_write_log(m->archive, a->after, m->config->compress_archives, &a->writer);
        return r < 0 ? r : 1;
}

/* The order is what makes it safe: see task-archive.h. */
static int finish(Manager *m) {
        Archiver *a = m->archiver;
        int r;

        r = log_archive_writer_finish(a->writer);
        if (r >= 0)
                r = task_archive_save(m->archive, a->task);
        if (r < 0)
                return r;
        task_index_find(&m->index, a->task->id)->archived = true;
        log_task(LOG_INFO, a->task->id, "Archived; of its %llu lines of log %llu were there",
                 (unsigned long long) a->task->log_lines, (unsigned long long) a->lines);
        r = task_store_remove(m->store, a->task->id, a->task->attempt);
        if (r < 0)
                log_task(LOG_WARNING, a->task->id, "It is archived, but its files stay until the next start: %s",
                         strerror(-r));
        drop_work(a);
        return 1;
}

/* A piece of the log; 1: there is more to do. */
static int copy(Manager *m) {
        Archiver *a = m->archiver;
        LogLine line;
        size_t bytes = 0;
        int r;

        for (unsigned i = 0; i < TURN_LINES && bytes < TURN_BYTES; i++) {
                r = log_viewer_next(a->viewer, &line);
                if (r == 0)
                        return finish(m);
                if (r > 0)
                        r = log_archive_writer_append(a->writer, &line);
                if (r < 0)
                        return r;
                bytes += line.size;
                a->lines += log_line_is_output(&line) && !line.partial;
        }
        return 1;
}

/* --- turns --- */

static int on_turn(sd_event_source *s, void *userdata) {
        Manager *m = userdata;
        int r = m->archiver->task ? copy(m) : begin_next(m);

        if (r < 0) {
                log_task(LOG_WARNING, m->archiver->after,
                                "The task could not be archived, which is tried again later: %s", strerror(-r));
                drop_work(m->archiver);
        }
        return sd_event_source_set_enabled(s, r > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void manager_archive_due(Manager *m) {
        Archiver *a = m->archiver;
        usec_t now = clock_monotonic_usec();
        int on = SD_EVENT_OFF;

        /* What can be written is also locked: see task_store_open(). */
        if (m->config->archive_after_days == 0 || !m->archive || m->write_error < 0)
                return;
        if (a->looked_at_usec != 0 && now - a->looked_at_usec < LOOK_INTERVAL_USEC)
                return;
        (void) sd_event_source_get_enabled(a->source, &on);
        if (on != SD_EVENT_OFF)
                return;
        if (!find_due(m)) {
                a->after[0] = 0;
                return;
        }
        a->looked_at_usec = now;
        /* Not that all logs are archived as empty. */
        if (journal_reader_source_is_readable(&m->journal))
                (void) sd_event_source_set_enabled(a->source, SD_EVENT_ONESHOT);
        else
                log_warning("Tasks cannot be archived, which is tried again later: the journal is not readable");
}

void manager_stop_archiving(Manager *m, const char *id) {
        if (m->archiver->task && string_equal(m->archiver->task->id, id))
                drop_work(m->archiver);
}

/* --- what is archived --- */

int manager_load_task(Manager *m, const TaskSummary *s, Task **ret) {
        return s->archived ? task_archive_load(m->archive, s->id, s->result, ret, NULL)
                           : task_store_load(m->store, s->id, ret, NULL);
}

int manager_forget_files(Manager *m, const char *id, int attempts) {
        int r;

        manager_stop_archiving(m, id);
        r = m->archive ? task_archive_remove_log(m->archive, id) : 0;
        if (r >= 0)
                r = task_store_remove(m->store, id, attempts);
        if (r >= 0 && m->archive)
                r = task_archive_remove_documents(m->archive, id, TASK_RESULT_NONE);
        return r;
}

void manager_unarchive(Manager *m, const char *id) {
        TaskSummary *s = task_index_find(&m->index, id);
        int r;

        manager_stop_archiving(m, id);
        if (!s->archived)
                return;
        s->archived = false;
        r = task_archive_remove_documents(m->archive, id, TASK_RESULT_NONE);
        if (r < 0)
                log_task(LOG_WARNING, id,
                                "Its archived document does not count any more, but could not be removed: %s",
                                strerror(-r));
}

/* Whether the archive holds this very end of the task. */
static bool is_archived(Manager *m, const Task *t) {
        _cleanup_(task_freep) Task *archived = NULL;

        return task_is_finished(t) &&
               task_archive_load(m->archive, t->id, (TaskResult) t->result, &archived, NULL) >= 0 &&
               archived->attempt >= t->attempt;
}

bool manager_settle_twin(Manager *m, const Task *t) {
        int r;

        if (!task_index_find(&m->index, t->id))
                return true;
        if (!is_archived(m, t)) {
                manager_unarchive(m, t->id);
                task_index_remove(&m->index, t->id);
                return true;
        }
        task_index_set_result(&m->index, t->id, (TaskResult) t->result);
        r = task_archive_remove_documents(m->archive, t->id, (TaskResult) t->result);
        if (r >= 0)
                r = task_store_remove(m->store, t->id, t->attempt);
        if (r < 0)
                log_task(LOG_WARNING, t->id, "It is archived, but its files stay until the next start: %s",
                         strerror(-r));
        return false;
}

/* --- life cycle --- */

static int load_archived(Manager *m) {
        _cleanup_free_ ArchivedTask *rows = NULL;
        size_t n;
        int r;

        r = task_archive_list(m->archive, &rows, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = task_index_add(&m->index, rows[i].id, rows[i].result, NULL);
                if (r >= 0)
                        task_index_find(&m->index, rows[i].id)->archived = true;
                /* The archiving of a later attempt was cut off; the document in the state directory decides. */
                if (r == -EEXIST)
                        r = 0;
        }
        if (n > 0)
                task_store_note_id(m->store, rows[n - 1].id);
        return r;
}

/* Without its archive the service has fewer tasks to show, but it runs. */
static int open_archive(Manager *m) {
        int r = task_archive_open(task_store_path(m->store), &m->archive);

        if (r >= 0)
                return load_archived(m);
        log_error("The archive in %s cannot be opened: %s", task_store_path(m->store), strerror(-r));
        return r == -ENOMEM ? r : 0;
}

int manager_open_archive(Manager *m) {
        int r;

        m->archiver = calloc(1, sizeof(Archiver));
        if (!m->archiver)
                return -ENOMEM;
        r = sd_event_add_defer(m->event, &m->archiver->source, on_turn, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->archiver->source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(m->archiver->source, "archive");
        if (r >= 0)
                r = sd_event_source_set_priority(m->archiver->source, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? r : open_archive(m);
}

void manager_close_archive(Manager *m) {
        if (m->archiver) {
                drop_work(m->archiver);
                sd_event_source_disable_unref(m->archiver->source);
        }
        free(m->archiver);
        task_archive_free(m->archive);
}

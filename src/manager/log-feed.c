/* LogFeed: see log-feed.h. */
#include <remote-developer/log-feed.h>

#include <remote-developer/log-viewer.h>
#include <remote-developer/strings.h>

struct LogFeed {
        unsigned references;
        JournalSource source;
        char *unit;
        LogRing *ring;
        JournalFollower *follower;
        bool from_start, finished;
        const TaskArchive *archive;
        bool archived; /* the whole of it */
        char *first_cursor, *end_cursor; /* NULL: not known */
        uint64_t lines;
        LogViewer **viewers;
        size_t n_viewers, allocated;
};

int log_feed_new(const JournalSource *source, const char *unit, size_t lines_max, bool from_start, LogFeed **ret) {
        _cleanup_(log_feed_unrefp) LogFeed *f = calloc(1, sizeof(LogFeed));
        int r;

        if (!f)
                return -ENOMEM;
        f->references = 1;
        f->source = *source;
        f->from_start = from_start;
        r = string_replace(&f->unit, unit);
        if (r >= 0)
                r = log_ring_new(lines_max, LOG_FEED_BYTES_MAX, &f->ring);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

LogFeed *log_feed_ref(LogFeed *f) {
        f->references++;
        return f;
}

LogFeed *log_feed_unref(LogFeed *f) {
        if (!f || --f->references > 0)
                return NULL;
        assert(f->n_viewers == 0);
        log_ring_free(f->ring);
        free(f->viewers);
        free(f->first_cursor);
        free(f->end_cursor);
        free(f->unit);
        free(f);
        return NULL;
}

void log_feed_set_follower(LogFeed *f, JournalFollower *follower) {
        f->follower = follower;
}

void log_feed_set_archive(LogFeed *f, const TaskArchive *archive, bool whole) {
        assert(f->n_viewers == 0);
        f->archive = archive;
        f->archived = whole;
}

void log_feed_wake(LogFeed *f) {
        for (size_t i = 0; i < f->n_viewers; i++)
                log_viewer_wake(f->viewers[i]);
}

int log_feed_set_first(LogFeed *f, const char *cursor) {
        return string_replace(&f->first_cursor, cursor);
}

int log_feed_set_end(LogFeed *f, const char *cursor, uint64_t lines) {
        f->lines = lines;
        return string_replace(&f->end_cursor, cursor);
}

const char *log_feed_first_cursor(const LogFeed *f) {
        return f->first_cursor;
}

const char *log_feed_end_cursor(const LogFeed *f) {
        return f->finished ? f->end_cursor : NULL;
}

uint64_t log_feed_lines(const LogFeed *f) {
        return f->lines;
}

void log_feed_append(LogFeed *f, const LogLine *line) {
        LogLine unheld = *line;

        unheld.text = NULL;
        /* Without memory the line is not held, and viewers read it from the journal. */
        (void) log_ring_append(f->ring, line->maybe_cut && !f->from_start ? &unheld : line);
        log_feed_wake(f);
}

void log_feed_finish(LogFeed *f) {
        f->finished = true;
        f->follower = NULL;
        log_feed_wake(f);
}

bool log_feed_is_finished(const LogFeed *f) {
        return f->finished;
}

const JournalSource *log_feed_source(const LogFeed *f) {
        return &f->source;
}

const char *log_feed_unit(const LogFeed *f) {
        return f->unit;
}

LogRing *log_feed_ring(LogFeed *f) {
        return f->ring;
}

JournalFollower *log_feed_follower(LogFeed *f) {
        return f->follower;
}

bool log_feed_is_from_start(const LogFeed *f) {
        return f->from_start;
}

int log_feed_read_archive(const LogFeed *f, LogArchiveReader **ret) {
        char id[TASK_ID_SIZE + 1];

        if (!f->archive || !task_id_from_unit(f->unit, id))
                return -ENOENT;
        return task_archive_read_log(f->archive, id, ret);
}

bool log_feed_is_archived(const LogFeed *f) {
        return f->archived;
}

int log_feed_add_viewer(LogFeed *f, LogViewer *v) {
        size_t allocated = MAX_OF(f->allocated * 2, (size_t) 4);
        LogViewer **viewers;

        if (f->n_viewers == f->allocated) {
                viewers = reallocarray(f->viewers, allocated, sizeof(LogViewer *));
                if (!viewers)
                        return -ENOMEM;
                f->viewers = viewers;
                f->allocated = allocated;
        }
        f->viewers[f->n_viewers++] = v;
        return 0;
}

void log_feed_remove_viewer(LogFeed *f, LogViewer *v) {
        for (size_t i = 0; i < f->n_viewers; i++)
                if (f->viewers[i] == v) {
                        f->viewers[i] = f->viewers[--f->n_viewers];
                        return;
                }
}

size_t log_feed_count_viewers(const LogFeed *f) {
        return f->n_viewers;
}

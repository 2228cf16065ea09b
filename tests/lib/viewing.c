/* Viewing: see viewing.h. */
#include "viewing.h"

#include <remote-developer/strings.h>

#include <dirent.h>
#include <unistd.h>

bool viewing_init(Viewing *v, size_t lines_max, bool from_start) {
        v->journal = JOURNAL_FIXTURE_NULL;
        if (!journal_fixture_init(&v->journal) || !TAP_CHECK_INT(sd_event_new(&v->event), 0))
                return false;
        return TAP_CHECK_INT(log_feed_new(&v->journal.source, FIXTURE_UNIT, lines_max, from_start, &v->feed), 0);
}

void viewing_done(Viewing *v) {
        for (unsigned i = 0; i < VIEWERS_MAX; i++)
                log_viewer_free(v->viewers[i].viewer);
        log_feed_unref(v->feed);
        journal_follower_free(v->follower);
        sd_event_unref(v->event);
        journal_fixture_done(&v->journal);
}

static void on_line(void *userdata, const char *unit, const LogLine *line) {
        Viewing *v = userdata;

        if ((!unit || string_equal(unit, FIXTURE_UNIT)) && v->feed)
                log_feed_append(v->feed, line);
}

void viewing_follow(Viewing *v) {
        TAP_CHECK_INT(journal_follower_new(v->event, &v->journal.source, TASK_SLICE, LOG_FEED_BYTES_MAX, on_line, v,
                                      &v->follower),
                        0);
        log_feed_set_follower(v->feed, v->follower);
}

void viewing_pump(Viewing *v) {
        int r;

        while ((r = journal_follower_pump(v->follower, 100)) > 0)
                ;
        TAP_CHECK_INT(r, 0);
}

void viewing_finish(Viewing *v) {
        if (v->follower)
                journal_follower_flush(v->follower, FIXTURE_UNIT);
        log_feed_finish(v->feed);
}

static void on_wake(void *userdata) {
        View *view = userdata;

        view->wakes++;
}

void viewing_open(Viewing *v, unsigned i) {
        View *view = &v->viewers[i];

        log_viewer_free(view->viewer);
        *view = (View){};
        TAP_CHECK_INT(log_viewer_new(v->feed, LOG_SOURCES_ALL, on_wake, view, &view->viewer), 0);
}

void viewing_check_next(Viewing *v, unsigned i, const char *text, int at) {
        View *view = &v->viewers[i];
        LogLine line;
        int r;

        while ((r = log_viewer_next(view->viewer, &line)) == -EAGAIN)
                ;
        if (r != (text ? 1 : 0)) {
                tap_fail(__FILE__, at, "viewer %u has %d, \"%.*s\", should have \"%s\"", i, r,
                         r > 0 ? (int) MIN_OF(line.size, (size_t) 100) : 0, r > 0 ? line.text : "", text ?: "none");
                return;
        }
        if (!text)
                return;
        journal_fixture_check_line(&line, text, at);
        snprintf(view->cursor, sizeof(view->cursor), "%s", line.cursor);
}

void viewing_check_rest(Viewing *v, unsigned i, const char *const *texts, int at) {
        for (; *texts; texts++)
                viewing_check_next(v, i, *texts, at);
        viewing_check_next(v, i, NULL, at);
}

unsigned viewing_count_open(const char *name) {
        DIR *d = opendir("/proc/self/fd");
        char target[512];
        struct dirent *e;
        unsigned n = 0;

        while (TAP_CHECK(d) && (e = readdir(d))) {
                ssize_t size = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

                if (size < 0)
                        continue;
                target[size] = 0;
                n += strstr(target, name) != NULL;
        }
        closedir(d);
        return n;
}

/* Archiving: see archiving.h. */
#include "archiving.h"

#include <remote-developer/strings.h>

#include <dirent.h>
#include <signal.h>

bool archiving_begin(Story *s) {
        return story_has_journal() && story_begin(s);
}

bool archiving_end(Story *s, int exit_code) {
        const char *result = exit_code == 0 ? "success" : "exit-code";
        FakeUnit *u = story_unit(s);

        story_record(s, NULL, result, "exited", exit_code == 0 ? "0" : "3");
        fake_unit_end(u, result, CLD_EXITED, exit_code);
        return TAP_CHECK(STORY_UNTIL(s, story_is_finished(s))) && TAP_CHECK(STORY_UNTIL(s, !story_unit(s)));
}

bool archiving_run(Story *s) {
        if (!story_run(s))
                return false;
        story_log(s, "one", "two", "three", NULL);
        return archiving_end(s, 3);
}

bool archiving_is_done(Story *s) {
        const TaskSummary *row = task_index_find(manager_index(s->manager), s->id);

        return TAP_CHECK(row) && row->archived;
}

void archiving_monitor(Story *s, usec_t later_usec) {
        test_clock_advance(later_usec);
        manager_monitor(s->manager);
}

bool archiving_archive(Story *s) {
        story_settle(s);
        archiving_monitor(s, ARCHIVING_DUE_USEC);
        return TAP_CHECK(STORY_UNTIL(s, archiving_is_done(s)));
}

bool archiving_restart(Story *s) {
        story_stop_service(s);
        return story_start_service(s);
}

const char *archiving_name(const Story *s, const char *suffix) {
        static char name[128];

        snprintf(name, sizeof(name), "archive/%s%s", s->id, suffix);
        return name;
}

bool archiving_exists(Story *s, const char *name) {
        _cleanup_free_ char *path = story_path(s, name);

        return access(path, F_OK) == 0;
}

/* The names of all files of tasks, in order, each with a blank behind. Fresh memory. */
static char *list_files(Story *s) {
        static const char *const directories[] = { "", "archive/" };
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append_string(&text, ""), 0);
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *path = story_path(s, directories[i]);
                struct dirent **names = NULL;
                int n = scandir(path, &names, NULL, alphasort);

                for (int k = 0; k < n; k++) {
                        if (strstr(names[k]->d_name, "task-"))
                                TAP_CHECK_INT(buffer_append_format(&text, "%s%s ", directories[i], names[k]->d_name),
                                                0);
                        free(names[k]);
                }
                free(names);
        }
        return buffer_take(&text);
}

void archiving_check_files(Story *s, const char *should) {
        _cleanup_free_ char *is = list_files(s), *expanded = story_expand(s, should);

        TAP_CHECK_STRING(is, expanded ?: "");
}

void archiving_check_log(Story *s, const char *should) {
        _cleanup_(log_viewer_freep) LogViewer *viewer = NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        LogLine line;
        int r;

        TAP_CHECK_INT(buffer_append_string(&text, ""), 0);
        if (!TAP_CHECK_INT(manager_open_log(s->manager, s->id, LOG_SOURCES_ALL, NULL, NULL, &viewer), 0))
                return;
        while ((r = log_viewer_next(viewer, &line)) != 0)
                if (r > 0 && line.source == LOG_SOURCE_GAP)
                        TAP_CHECK_INT(buffer_append_string(&text, "gap "), 0);
                else if (r > 0)
                        TAP_CHECK_INT(buffer_append_format(&text, "%.*s ", (int) line.size, line.text), 0);
                else if (!TAP_CHECK_INT(r, -EAGAIN))
                        return;
        TAP_CHECK_STRING(text.data, should);
}

void archiving_forget_journal(Story *s) {
        TAP_CHECK_INT(nftw(s->journal, scratch_on_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
        TAP_CHECK_INT(mkdir(s->journal, 0700), 0);
}

bool archiving_run_again(Story *s, int exit_code) {
        if (!TAP_CHECK_INT(story_resume(s), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return false;
        fake_unit_start(story_unit(s));
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return false;
        story_log(s, "four", "five", NULL);
        return archiving_end(s, exit_code);
}

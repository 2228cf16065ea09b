/* The survey: of an archived task only its file's name is read at start, and of a finished one only what a glance at
 * its document tells, so that a start does not take long with many tasks that were. What else the index wants is read
 * behind it, a few documents in a turn in which nothing else waits; who needs it sooner has the rest read at once. */
#include "manager-internal.h"

#include <stdio.h>
#include <string.h>

/* Of a turn: a millisecond of work, more or less (90 to 140 us a document). */
#define TURN_DOCUMENTS 8

/* It says nothing of the file, and passes: the service has as many connections as there may be. */
static bool is_shortage(int error) {
        return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

/* A start would have refused it. */
static void refuse(Manager *m, const char *id, int error, const Problem *problem) {
        char name[TASK_ID_SIZE + sizeof(".json")];

        snprintf(name, sizeof(name), "%s.json", id);
        task_index_remove(&m->index, id);
        manager_refuse_file(m, name, error, problem);
}

static int survey_row(Manager *m, const TaskSummary *s) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(task_freep) Task *t = NULL;
        bool was_glanced_at = !s->archived && !s->run;
        char id[TASK_ID_SIZE + 1];
        int r;

        memcpy(id, s->id, sizeof(id));
        r = was_glanced_at ? task_store_load(m->store, id, &t, &problem) : manager_load_task(m, s, &t);
        if (is_shortage(r))
                return r;
        if (r < 0 && was_glanced_at) {
                refuse(m, id, r, &problem);
                return 0;
        }
        task_index_note(&m->index, id, t);
        if (t)
                manager_take_up_operation(m, t);
        return task_index_find(&m->index, id)->noted ? 0 : -ENOMEM;
}

/* 1: there is more to do; 0: all is known; a shortage: tried again when somebody asks. */
static int survey(Manager *m, size_t max) {
        TaskIndex *x = &m->index;
        int r;

        for (; x->n_noted < x->n && max > 0; m->surveyed++) {
                size_t i = m->surveyed < x->n ? m->surveyed : (m->surveyed = 0);

                if (x->rows[i].noted)
                        continue;
                r = survey_row(m, &x->rows[i]);
                if (r < 0)
                        return r;
                max--;
        }
        return x->n_noted < x->n;
}

/* While units are made the processors have enough to do: it goes on when none is. */
static int on_turn(sd_event_source *s, void *userdata) {
        Manager *m = userdata;
        bool goes_on = m->n_spawning == 0 && survey(m, TURN_DOCUMENTS) > 0;

        return sd_event_source_set_enabled(s, goes_on ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void manager_survey(Manager *m) {
        if (m->has_recovered && m->index.n_noted < m->index.n)
                (void) sd_event_source_set_enabled(m->survey_source, SD_EVENT_ONESHOT);
}

int manager_complete_index(Manager *m) {
        return survey(m, SIZE_MAX);
}

int manager_open_survey(Manager *m) {
        int r;

        r = sd_event_add_defer(m->event, &m->survey_source, on_turn, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->survey_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(m->survey_source, "survey");
        return r < 0 ? r : sd_event_source_set_priority(m->survey_source, SD_EVENT_PRIORITY_IDLE);
}

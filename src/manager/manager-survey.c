/* The survey: of an archived task only its file's name is read at start, so that a start does not take longer with
 * each task that ever was. What else the index wants is read behind it, a few documents in a turn in which nothing
 * else waits; whoever needs it sooner has the rest read at once. */
#include "manager-internal.h"

#include <string.h>

/* Of a turn: less than a millisecond of work. */
#define TURN_DOCUMENTS 16

static void survey_row(Manager *m, const TaskSummary *s) {
        _cleanup_(task_freep) Task *t = NULL;
        char id[TASK_ID_SIZE + 1];

        memcpy(id, s->id, sizeof(id));
        if (manager_load_task(m, s, &t) != -ENOMEM)
                task_index_note(&m->index, id, t);
        if (t)
                manager_take_up_operation(m, t);
}

/* 1: there is more to do; 0: all is known; -ENOMEM: tried again when somebody asks. */
static int survey(Manager *m, size_t max) {
        TaskIndex *x = &m->index;

        for (; x->n_noted < x->n && max > 0; m->surveyed++) {
                size_t i = m->surveyed < x->n ? m->surveyed : (m->surveyed = 0);

                if (x->rows[i].noted)
                        continue;
                survey_row(m, &x->rows[i]);
                if (!x->rows[i].noted)
                        return -ENOMEM;
                max--;
        }
        return x->n_noted < x->n;
}

static int on_turn(sd_event_source *s, void *userdata) {
        return sd_event_source_set_enabled(s, survey(userdata, TURN_DOCUMENTS) > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void manager_survey(Manager *m) {
        if (m->index.n_noted < m->index.n)
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

/* Crowd: see crowd.h. */
#include "crowd.h"

void crowd_done(Crowd *c) {
        story_done(&c->story);
}

void crowd_select(Crowd *c, size_t i) {
        memcpy(c->story.id, c->ids[c->first + i], sizeof(c->story.id));
}

bool crowd_create(Crowd *c) {
        c->first = c->n;
        for (size_t i = 0; i < CROWD_TASKS; i++) {
                if (!TAP_CHECK_INT(story_create(&c->story, CROWD_REQUEST), 0))
                        return false;
                memcpy(c->ids[c->n++], c->story.id, sizeof(c->story.id));
        }
        story_settle(&c->story);
        return true;
}

unsigned crowd_count(Crowd *c, TaskState state) {
        unsigned n = 0;

        for (size_t i = 0; i < CROWD_TASKS; i++) {
                crowd_select(c, i);
                n += story_is_in(&c->story, state);
        }
        return n;
}

unsigned crowd_count_starts(Crowd *c) {
        return fake_count_calls(&c->story.systemd, "StartTransientUnit");
}

void crowd_check_starts(Crowd *c) {
        unsigned n = 0;

        TAP_CHECK_INT(crowd_count_starts(c), CROWD_TASKS);
        for (size_t i = 0; i < CROWD_TASKS; i++) {
                crowd_select(c, i);
                n += story_unit(&c->story) != NULL;
        }
        TAP_CHECK_INT(n, CROWD_TASKS);
}

void crowd_run(Crowd *c) {
        for (size_t i = 0; i < CROWD_TASKS; i++) {
                crowd_select(c, i);
                story_unit(&c->story)->status.job_id = 0;
                fake_unit_set_state(story_unit(&c->story), "active", "running");
        }
        story_settle(&c->story);
        TAP_CHECK_INT(crowd_count(c, TASK_RUNNING), CROWD_TASKS);
}

bool crowd_lose_answers(Crowd *c) {
        if (!story_begin(&c->story))
                return false;
        fake_delay_replies(&c->story.systemd, "StartTransientUnit");
        if (!crowd_create(c))
                return false;
        fake_drop_connection(&c->story.systemd);
        story_settle(&c->story);
        TAP_CHECK_INT(crowd_count(c, TASK_QUEUED), CROWD_TASKS);
        return story_connect(&c->story);
}

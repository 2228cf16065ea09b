/* Crowd: a story (story.h) with many tasks at once.
 *
 *         _cleanup_(crowd_done) Crowd c = {};
 *
 *         if (!story_begin(&c.story) || !crowd_create(&c))
 *                 return;
 *         crowd_run(&c);
 */
#pragma once

#include "story.h"

#define CROWD_TASKS 100
#define CROWD_REQUEST "{\"command\": [\"make\"]}"

/* The tasks that were created last; before `first` are those of before. */
typedef struct Crowd {
        Story story;
        char ids[4 * CROWD_TASKS][TASK_ID_SIZE + 1];
        size_t first, n;
} Crowd;

void crowd_done(Crowd *c);

bool crowd_create(Crowd *c);
void crowd_select(Crowd *c, size_t i); /* the story's task is that one */
unsigned crowd_count(Crowd *c, TaskState state);

/* How many units were asked for. */
unsigned crowd_count_starts(Crowd *c);
/* One for each task, and each of another task. */
void crowd_check_starts(Crowd *c);

/* Each unit as if systemd had done its start job. */
void crowd_run(Crowd *c);

/* A service whose tasks were all asked for, and whose connection went before the first answer. There is a new one. */
bool crowd_lose_answers(Crowd *c);

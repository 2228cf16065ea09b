/* Archiving: what the stories of archived tasks have in common. The task is the story's; verbs that return a bool
 * check for themselves that all went well. */
#pragma once

#include "story.h"

#define DAY_USEC (86400 * USEC_PER_SEC)
#define ARCHIVING_DUE_USEC (8 * DAY_USEC) /* a day more than the configuration's default */

/* As story_begin(). False also where there is no journal: skipped. */
bool archiving_begin(Story *s);

/* A task that failed, with the lines "one", "two", "three"; and the end of a task that runs. */
bool archiving_run(Story *s);
bool archiving_end(Story *s, int exit_code);

/* A further attempt with the lines "four", "five". */
bool archiving_run_again(Story *s, int exit_code);

/* So much later the time for what is periodic has come; up to the task being archived. */
void archiving_monitor(Story *s, usec_t later_usec);
bool archiving_archive(Story *s);
bool archiving_is_done(Story *s);

bool archiving_restart(Story *s);

/* All files of the journal, whatever it was rotated into. */
void archiving_forget_journal(Story *s);

/* "archive/<id><suffix>", valid until the next call. */
const char *archiving_name(const Story *s, const char *suffix);
bool archiving_exists(Story *s, const char *name);

/* The names of all files of tasks, in order, each with a blank behind; placeholders as story_expand() has them. */
#define NOT_ARCHIVED "{id}.json {id}.result "
#define ARCHIVED "archive/{id}.failed.json archive/{id}.log.zst "
void archiving_check_files(Story *s, const char *should);

/* All lines that a viewer sees, each with a blank behind. */
void archiving_check_log(Story *s, const char *should);

/* Counting: what tests of a log's counts share. */
#pragma once

#include "story.h"

/* story_begin() with that status_save_interval. False: the test is skipped, or a check has failed. */
bool counting_begin(Story *s, unsigned interval);

bool counting_has(Story *s, uint64_t lines); /* waits for it */
uint64_t counting_on_disk(Story *s);         /* the document's log_lines */

/* Five lines, saved, and the service ends; what comes next is in another file of the journal. */
bool counting_die(Story *s);

/* Replaces a part of the document, as nobody should, or as another service may have written it. */
void counting_edit(Story *s, const char *from, const char *to);

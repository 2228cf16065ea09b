/* UnitDescription: what a unit was started with, read back from the manager, as far as it tells of a task. */
#pragma once

#include <remote-developer/clock.h>

#define UNIT_DESCRIPTION_STEPS_MAX 16 /* more of them are passed over */

typedef struct UnitDescription {
        char **argv;             /* of the main command, as the starter gives them to it; NULL: it has none */
        char **steps[UNIT_DESCRIPTION_STEPS_MAX]; /* of what runs before it, likewise */
        size_t n_steps;
        usec_t main_started_usec; /* 0: it has not begun */
        bool separate_stderr;
        char **recorder_argv;    /* of the first command after the end */
        char **environment;      /* "NAME=value" */
        char **part_of;          /* units with which it ends */
        char *working_directory; /* "~": the user's home */
        bool makes_directory;    /* that need not be there before the first step */
        usec_t runtime_max_usec; /* USEC_INFINITY: no limit */
} UnitDescription;

#define UNIT_DESCRIPTION_NULL ((UnitDescription){ .runtime_max_usec = USEC_INFINITY })
void unit_description_done(UnitDescription *d);

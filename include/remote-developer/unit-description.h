/* UnitDescription: what a unit was started with, read back from the manager, as far as it tells of a task. */
#pragma once

#include <remote-developer/clock.h>

typedef struct UnitDescription {
        char **argv;             /* of the main command; NULL: it has none */
        char **recorder_argv;    /* of the first command after the end */
        char **environment;      /* "NAME=value" */
        char **part_of;          /* units with which it ends */
        char *working_directory; /* "~": the user's home */
        usec_t runtime_max_usec; /* USEC_INFINITY: no limit */
} UnitDescription;

#define UNIT_DESCRIPTION_NULL ((UnitDescription){ .runtime_max_usec = USEC_INFINITY })
void unit_description_done(UnitDescription *d);

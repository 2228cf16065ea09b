/* UnitSpec: all that the manager is told when it shall start a task's transient unit. Everything is borrowed; what
 * is the same for every task is not here but in the table of unit-spec.c. */
#pragma once

#include <remote-developer/clock.h>

/* The facility of what tasks write to stdout and stderr (local5). journald looks at /proc for the unit and the slice
 * of a writer, and of one that has ended meanwhile it finds none (tried: `for i in ...; do /bin/echo $i; done`); what
 * it was told when the stream was opened it always knows. So this, and the identifier, is what lines are found by. */
#define UNIT_LOG_FACILITY (21 << 3)
#define UNIT_LOG_FACILITY_TEXT "21"

typedef struct UnitCommand {
        char *const *argv;
        const char *path; /* what is executed: absolute, or a name to be searched; argv[0] is what it is told */
        bool ignore_failure;
        bool privileged; /* runs as the manager, whatever `user` says */
} UnitCommand;

typedef struct UnitSpec {
        const char *unit;
        const char *description;
        const char *slice;
        const char *user;              /* NULL: the manager's own */
        const char *working_directory; /* absolute; NULL: the user's home */
        char *const *environment;      /* "NAME=value" */
        const char *input_file;        /* becomes stdin, opened by the manager; NULL: /dev/null */
        const char *part_of;           /* NULL: lives on its own */
        const char *only_without;      /* the unit refuses to start (again) where this path exists */
        const char *log_field;         /* "NAME=value", stamped on every line */
        const char *log_identifier;    /* SYSLOG_IDENTIFIER= of every line on stdout and stderr */
        usec_t runtime_max_usec;
        usec_t start_timeout_usec; /* of each preparation command */
        usec_t stop_timeout_usec;  /* between SIGTERM and SIGKILL, and of each command after the end */
        const char *launcher; /* remote-developer-exec; see append_plain_command() */
        UnitCommand main;
        UnitCommand recorder; /* the first ExecStopPost= */
} UnitSpec;

/* UnitSpec: all that the manager is told when it shall start a task's transient unit. Everything is borrowed; what
 * is the same for every task is not here but in the table of unit-spec.c. */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/unit-sandbox.h>

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

/* A command before or behind the main one, which the starter runs as the unit's user, with a limit of its own. */
typedef struct UnitStep {
        UnitCommand command;
        unsigned number;          /* in the task's plan, from 0 */
        const char *input;        /* the credential that becomes stdin; NULL: /dev/null */
        char *const *environment; /* "NAME=value", over that of the unit */
        usec_t timeout_usec;
} UnitStep;

typedef struct UnitSpec {
        const char *unit;
        const char *description;
        const char *slice;
        const char *user;              /* NULL: the manager's own */
        const char *working_directory; /* absolute, behind "-" if it need not be there; NULL: the user's home */
        char *const *environment;      /* "NAME=value" */
        char *const *credentials;      /* "NAME:path" of files that each command finds in $CREDENTIALS_DIRECTORY */
        const UnitSandbox *sandbox;    /* NULL: there is none */
        UnitLimits limits;
        const uint64_t *core_limit;     /* bytes of a core dump; NULL: the manager's default */
        const char *input_file;        /* becomes stdin, opened by the manager; NULL: /dev/null */
        const char *part_of;           /* NULL: lives on its own */
        const char *only_without;      /* the unit refuses to start (again) where this path exists */
        const char *log_field;         /* "NAME=value", stamped on every line */
        const char *log_identifier;    /* SYSLOG_IDENTIFIER= of every line on stdout and stderr */
        usec_t runtime_max_usec;
        usec_t start_timeout_usec; /* of each preparation command; its own limit is less */
        usec_t stop_timeout_usec;  /* between SIGTERM and SIGKILL, and of each command after the end; likewise */
        /* remote-developer-exec, absolute, which becomes the main command. In system mode systemd must find it by its
         * last name, too, where it looks for programs (systemd.service(5), "Command lines"). */
        const char *starter;
        bool separate_stderr;  /* it keeps stdout and stderr apart */
        bool is_of_user;       /* of a user's manager */
        UnitCommand main;
        char *const *main_environment; /* over `environment`; NULL: none */
        const UnitStep *steps; /* ExecStartPre= */
        size_t n_steps;
        UnitCommand recorder; /* the first ExecStopPost=; without argv: there is none */
        const UnitStep *reviews; /* those behind it, none of which fails the unit */
        size_t n_reviews;
} UnitSpec;

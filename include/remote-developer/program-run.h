/* room: systemd
 *
 * ProgramRun: a program that is run for what it says, in the loop and without waiting for it: the begin of what it
 * writes to stdout and stderr is kept, and it is killed when its time is over. Its children end with it.
 */
#pragma once

#include <remote-developer/clock.h>

typedef struct sd_event sd_event;
typedef struct ProgramRun ProgramRun;

/* Of its output; what it writes beyond that is read and thrown away. */
#define PROGRAM_OUTPUT_MAX ((size_t) 32 * 1024)

/* How it ended: `error` 0 and its exit status (as a shell has it: 128 and a signal's number), or a negative errno:
 * -ETIMEDOUT, or why it could not be run (-ENOENT: there is none of that name). `output` is valid during the call. */
typedef struct ProgramResult {
        int error;
        int status;
        const char *output;
} ProgramResult;

typedef void (*ProgramEnded)(void *userdata, const ProgramResult *result);

/* argv[0] is looked for in PATH; stdin is /dev/null. `ended` is called once, from the loop, and may free it. SIGCHLD
 * is blocked from here on. */
int program_run_new(sd_event *event, const char *const *argv, usec_t timeout_usec, ProgramEnded ended, void *userdata,
                    ProgramRun **ret);

/* Kills it where it still runs; `ended` is not called then. */
ProgramRun *program_run_free(ProgramRun *p);

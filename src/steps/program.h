/* Program: a program that a step runs, never through a shell: argv and environment as they are, input and output as
 * bytes with bounds. Its standard error goes on to the step's own, which is the task's log, and its end is kept for
 * the step to understand. It dies with the step. */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/clock.h>

/* What is kept of standard error: its last bytes, where programs say why they give up. */
#define PROGRAM_ERRORS_MAX ((size_t) 16 * 1024)

typedef struct Program {
        const char *const *argv;  /* argv[0] is looked up in PATH */
        const char *directory;    /* NULL: the step's own */
        char *const *environment; /* over the step's own: "NAME=value" sets, "NAME" takes away; may be NULL */
        const void *input;        /* standard input; nothing: it is empty at once */
        size_t input_size;
        size_t output_max;        /* of standard output; what is longer is cut and the program ended. 0: not kept */
        bool is_quiet;            /* standard error is only kept: what fails here is an answer */

        /* Of a connection that lasts. Zero: it is none. */
        int (*take)(void *userdata, const char *data, size_t size); /* instead of output_max, as it comes; an error
                                                                       of it ends the program and is the result */
        void *userdata;
        usec_t beat_usec;    /* standard input stays open, and is written a newline so often */
        usec_t silence_usec; /* -ETIMEDOUT when so long nothing came of it */
        int stop_fd;         /* -ECANCELED as soon as it can be read; 0: none */
} Program;

typedef struct RunResult {
        int status;     /* its exit code; 128 and the signal that ended it; 127: it could not be executed */
        Buffer output;  /* followed by a 0 that is not counted */
        Buffer errors;  /* likewise */
        bool is_cut;    /* there was more output than output_max */
} RunResult;

#define RUN_RESULT_NULL ((RunResult){})

void run_result_done(RunResult *r);

/* Runs it to its end. `ret` is emptied first. Negative errno where the step itself could not do its part; else the
 * status, which is `ret`'s too. */
int program_run(const Program *p, RunResult *ret);

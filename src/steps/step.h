/* Step: what the verbs of remote-developer-step are given, and how they end.
 *
 * A verb returns an exit status below or a negative errno; for the latter `problem` has the sentence that goes to
 * standard error (the task's log), and into the report of those that write one. */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/problem.h>
#include <remote-developer/workspace.h>

/* Beside EXIT_SUCCESS and EXIT_FAILURE. */
#define EXIT_USAGE 2
#define EXIT_NOTHING 3 /* there was nothing to do, or it is left as it is for a reason that was given */

/* What is read of standard input. */
#define STEP_INPUT_MAX ((size_t) 64 * 1024 * 1024)

typedef struct Step {
        const char *root;       /* all four borrowed from argv; NULL: not given */
        const char *task;       /* a valid task's id */
        const char *repository;
        const char *operation;  /* goes into the report, so that it is not taken for that of another run */
        const char *name, *namespace, *pod; /* likewise */
        uint64_t lease, silence;            /* in seconds; 0: not given */
        char **words;           /* what stands behind the options */
        char *url;              /* of `repository` */
        int exit_status;        /* of a verb that returned 0: what the step ends with */
        Problem problem;
} Step;

int step_workspace(Step *s);
int step_review(Step *s);
int step_commit(Step *s);
int step_create_pr(Step *s);
int step_remove(Step *s);
int step_credential(Step *s);
int step_secret(Step *s);
int step_devpod(Step *s);
int step_pod(Step *s);
int step_pod_workspace(Step *s);
int step_pod_run(Step *s);
int step_pod_review(Step *s);

/* Sets the problem for an errno that no better sentence is known for: "WHAT: cause". Returns `error`. */
int step_fail(Step *s, int error, const char *what);

/* Makes the directory and opens it; its mode lets the service's group in (the root's setgid bit hands that on). */
int step_open_directory(Step *s, const char *path);

/* All of standard input, at most STEP_INPUT_MAX bytes. */
int step_read_input(Step *s, Buffer *ret);

/* Pod: a pod of a Kubernetes cluster in which a task's work is done, as kubectl reaches it: with the configuration of
 * the user who runs the tasks, in whose home it lies.
 *
 * Which one it is stands in the task's reports, so that each step finds it. kubectl can end, with status 0 too, while
 * what it began goes on (kubernetes#73056): no end is believed that the far side has not told itself. */
#pragma once

#include "program.h"
#include "step.h"

typedef struct Pod {
        char *namespace;
        char *name;
} Pod;

#define POD_NULL ((Pod){})

void pod_done(Pod *p);

/* What Kubernetes takes for a name: nothing that kubectl could take for something else. */
bool pod_name_is_valid(const char *name);

/* The pod that the earlier steps of this task found; -ENOENT with a sentence: they found none. */
int pod_read(Step *s, Pod *ret);

/* The same, but 0 where there is none; 1: there is one. */
int pod_find(Step *s, Pod *ret);

/* Where the token may be sent to, as git's configuration has it; "": nowhere, or there is none. Fresh memory. */
int pod_credential_context(const Step *s, char **ret);

/* For the steps that follow. In the one that an earlier attempt had, if that is another, the task's work is ended
 * first. */
int pod_remember(Step *s, const char *namespace, const char *name);

/* kubectl, or devpod, to its end. Anything but status 0 is a Problem with its last words. */
int pod_run_program(Step *s, const char *const *argv, RunResult *ret);

typedef struct PodCall {
        const char *script;           /* of pod-scripts.h */
        const char *const *arguments; /* ended by NULL, at most eight */
        const void *input;
        size_t input_size;
        size_t output_max;            /* what is longer is cut there, and the far side ended; 0: not kept */
        usec_t silence_usec;          /* see Program */
        int stop_fd;                  /* see Program */
} PodCall;

/* Runs the script in the pod until it has told its end, over as many connections as it takes: the limit of the step is
 * the limit. `ret` has what it wrote, and its status, which is returned; or negative errno, with the problem where the
 * pod is gone or the cluster refuses. */
int pod_call(Step *s, const Pod *p, const PodCall *c, RunResult *ret);

/* The same with a status other than 0 as a problem of these words. */
int pod_must_call(Step *s, const Pod *p, const PodCall *c, const char *what, RunResult *ret);

/* Ends all that runs there for the task; `forget`: and removes what is kept of it. A pod that is gone has no more. */
int pod_stop(Step *s, const Pod *p, bool forget);

/* --- one connection --- */

#define POD_ARGUMENTS 11

/* kubectl's arguments up to the script and its $0; the script's own follow from POD_ARGUMENTS on. */
void pod_fill_arguments(const Pod *p, const char *script, const char *argv[static POD_ARGUMENTS]);

/* What kubectl's words mean where there is no more to hope for: sets the problem and returns its errno (-ENOENT: the
 * pod is gone). 0: a further try may help. `was_there`: it was reached before, so that only its end is final. */
int pod_refusal(Step *s, const Pod *p, const RunResult *r, bool was_there);

typedef struct PodPatience {
        unsigned failures; /* in a row; whoever gets on sets it to 0 */
        usec_t told_usec;
} PodPatience;

/* Waits, ever longer, up to half a minute. -ECANCELED when meanwhile `stop_fd` (0: none) could be read. What there is
 * to say of it, once a minute at most, is fresh memory in *ret_notice, else NULL. */
int pod_wait(PodPatience *w, const RunResult *r, int stop_fd, char **ret_notice);

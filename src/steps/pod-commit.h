/* PodCommit: committing and pushing the work tree that a task has in a pod, as step-commit.c does it here. */
#pragma once

#include "pod.h"

typedef struct PodCommit {
        char *branch; /* NULL: none, or not known */
        char *commit; /* HEAD's */
        bool is_new, is_pushed;
} PodCommit;

#define POD_COMMIT_NULL ((PodCommit){})

void pod_commit_done(PodCommit *c);

/* All that is not committed becomes one commit of this message, and the branch is pushed. EXIT_NOTHING, or negative
 * errno; `ret` has what was come to also then. */
int pod_commit(Step *s, const Pod *p, const Buffer *message, PodCommit *ret);

/* Pushes what is committed and `base` of the remote has not. */
int pod_push(Step *s, const Pod *p, const char *base, PodCommit *ret);

/* Mirror: the bare copy of a remote repository from which the tasks' work trees are cloned.
 *
 * It is a cache and nothing more: no task's repository refers to it once it is cloned (step-workspace.c), so a
 * mirror may be made anew, pruned, or removed by hand at any time that its lock is free. */
#pragma once

#include "git.h"
#include "step.h"

typedef struct Mirror {
        char *path;
        char *branch; /* the remote's default, "main" */
        int lock_fd;  /* nobody else touches it as long as this is open */
} Mirror;

#define MIRROR_NULL ((Mirror){ .lock_fd = -EBADF })

void mirror_done(Mirror *m);

/* Waits for the lock, makes or fetches the mirror of s->url, finds the default branch. */
int mirror_fetch(Step *s, Mirror *ret);

/* The remote's default branch, asked of the remote itself: 1 and fresh memory; 0 where it names none. */
int mirror_ask_default_branch(const Git *g, char **ret, Problem *problem);

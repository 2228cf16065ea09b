/* Repository: whether git may be let into what a task has left, by somebody who can do more than the task could. */
#pragma once

#include "git.h"

/* Before anything else is asked of the work tree `top`, in which `g` stands: -EPERM with a sentence, and nothing was
 * run or written, where
 *
 *         its own configuration, or that of a repository in it which git looks into (a submodule), has a key that
 *         could run a program or lead elsewhere: see git-config.h;
 *         what git writes there is a symbolic link, by which it would write into another file;
 *         it is a task's own clone (`is_own`), and its repository is not in its .git any more. That of any other work
 *         tree may be elsewhere, as `git worktree` puts it. */
int repository_check(const Git *g, const char *top, bool is_own, Problem *problem);

/* Before a push to where `origin` says: that is no repository which lies in the work tree, since its hooks and its
 * configuration are then the task's, too. */
int repository_check_remote(const Git *g, const char *top, Problem *problem);

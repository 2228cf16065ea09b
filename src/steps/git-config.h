/* GitConfig: whether a repository's own configuration lets git run nothing and go nowhere but where it was sent.
 *
 * A task may write the configuration of its work tree, and .gitattributes beside it; what git is then told to run, it
 * would run for whoever looks at the tree later: out of the task's fence, and with a token at hand. What may stand
 * there is a short list of what names no program, no file of others and no other place; a key that is not on it is
 * refused, known or not. Configuration files of the user and of the machine are not looked at: no fenced task that has
 * no home can write them. */
#pragma once

#include "git.h"

/* The name of the remote that is only on a command line (branch.c), so that a repository can say nothing about it. */
#define GIT_CONFIG_OWN_REMOTE "remote-developer"

/* Of the repository that `g` works in, which may be none. `nested`: its path, where it lies in another one whose git
 * only looks at it; NULL: it is the work tree itself. -EPERM with a sentence that names the key and the remedy. */
int git_config_check(const Git *g, const char *nested, Problem *problem);

/* Branch: where the work of a task stands, against what it began from. */
#pragma once

#include "git.h"
#include "step.h"

typedef struct Branch {
        char *top; /* the work tree's own directory; NULL: this is no work tree of git, and nothing else is set */
        char *name;        /* NULL: none, a commit is checked out */
        char *head;        /* NULL: there is no commit yet */
        char *base;        /* the remote's default branch as far as is known here, "main"; NULL: not known */
        char *base_commit; /* what the changes are counted from: a commit, or the empty tree */
        char *url;         /* origin's; NULL: there is none */
} Branch;

#define BRANCH_NULL ((Branch){})

void branch_done(Branch *b);

/* Into the task's own work tree, where it has one (--repository); else the current directory is meant. */
int branch_enter(Step *s);

/* Of the work tree in the current directory. Asks no remote. */
int branch_read(Step *s, Branch *ret);

/* As branch_read(), for what then works in the tree of a task that has ended: first repository_check(). Not for what
 * runs behind the work in the task's own unit: it can do what the task could, and nothing else. */
int branch_read_left(Step *s, Branch *ret);

/* Nobody but people push to main, master or the remote's default branch: -EPERM. A commit without a branch:
 * -EINVAL. */
int branch_check_own(const Branch *b, Problem *problem);

/* Pushes the branch under its own name, never by force, and not where branch_check_own() would refuse it: to the
 * task's repository, whatever has become of `origin`; without one (--repository) to where `origin` says. Nothing to
 * push is no error. */
int branch_push(Step *s, const Branch *b, const Git *g);

/* A Git for the work tree of this branch, which talks to `url`. */
int branch_open(Step *s, const Branch *b, const char *url, Git *ret);

/* The commits that HEAD has and no branch of a remote is known to have. */
int branch_count_unpushed(const Git *g, uint64_t *ret);

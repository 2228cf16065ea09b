/* Git: git as the steps run it.
 *
 * In English, asking nobody at a terminal, without hooks (what a hook does a task's own program can do, but here
 * the token is at hand), without signing (there is nobody to unlock a key), with collection of garbage in the
 * foreground. The token comes from the step's own credential helper (workspace.h). The configuration of the user who
 * runs the tasks is respected for all else: proxies, certificates, the identity of commits.
 *
 * User text stands behind "--", "--end-of-options" or an option's "=", or comes on standard input. */
#pragma once

#include "program.h"

#include <remote-developer/problem.h>

typedef struct Git {
        char *directory;
        char **environment; /* see Program */
        const char *url;    /* borrowed: the remote, for sentences; NULL: none */
} Git;

#define GIT_NULL ((Git){})

void git_done(Git *g);

/* `directory` NULL: the step's own. `url`: whose host is given the token; NULL: none. */
int git_init(Git *g, const char *directory, const char *url);

/* Sets (NAME=value) for the runs that follow. */
int git_set(Git *g, const char *assignment);

#define GIT_OUTPUT_MAX ((size_t) 16 * 1024 * 1024)

/* Runs git with these arguments; see program_run(). */
int git_run_with(const Git *g, const Program *like, const char *const *arguments, RunResult *ret);
#define git_run(g, ret, ...)                                                                                 \
        git_run_with(g, &(const Program){ .output_max = GIT_OUTPUT_MAX },                                    \
                     (const char *const[]){ __VA_ARGS__, NULL }, ret)

/* As git_run(), but anything but status 0 is a Problem, by the table of git_problem(). 0 or negative errno. */
int git_must_with(const Git *g, const char *const *arguments, RunResult *ret, Problem *problem);
#define git_must(g, ret, problem, ...)                                                                       \
        git_must_with(g, (const char *const[]){ __VA_ARGS__, NULL }, ret, problem)

/* The first line of what git says with these arguments. 1 and fresh memory; 0 where it says nothing or its status is
 * not 0, with *ret NULL; or negative errno. Nothing of it is an error for the log: standard error is swallowed only
 * by what asks quietly. */
int git_ask_with(const Git *g, char **ret, const char *const *arguments);
#define git_ask(g, ret, ...) git_ask_with(g, ret, (const char *const[]){ __VA_ARGS__, NULL })

/* What git's words mean for the person who asked for it; `url` and the token's name appear in the sentence, never a
 * secret. Returns a negative errno: -ENOENT not found, -EACCES not allowed, -ENETUNREACH no network, -ENOSPC disk
 * full, -EBUSY and others. */
int git_problem(const Git *g, const RunResult *r, Problem *problem);

/* Whether this task was handed the token. */
bool git_has_token(void);

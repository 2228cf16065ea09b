/* Github: gh(1), the command line of GitHub, with the task's token.
 *
 * gh is given the token in none of its arguments and in nobody's environment: GH_CONFIG_DIR is a directory of this
 * run, whose hosts.yml is a link to a memfd that gh inherits. The token is on no disk, and is gone with the processes
 * however they end; what a killed step leaves behind is a link to nowhere in the task's own reports. Without a
 * token gh uses the login of the user who runs the tasks, if there is one. */
#pragma once

#include "program.h"
#include "step.h"

/* "host/owner/name" of the URL of a repository, as gh wants it. -EINVAL with a sentence where it is none of that
 * form. */
int github_repository(const char *url, char **ret, Problem *problem);

/* Runs gh; see program_run(). `host`: the one that the token is for. */
int github_run(Step *s, const char *host, const Program *gh, RunResult *ret);

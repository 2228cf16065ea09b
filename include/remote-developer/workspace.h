/* Workspace: where the tasks' repositories lie, and how they are called. Nothing here touches the disk.
 *
 *         ROOT/mirrors/<repository>.git    a bare mirror of each repository, with <repository>.lock beside it
 *         ROOT/tasks/<task id>/            the task's own work tree, on the branch rd/<task id>
 *         ROOT/reports/<task id>/          what the steps report about it
 *
 * A repository is written as "owner/name" (of GitHub), as an absolute path, or as a URL of https, http, ssh, git or
 * file (git's own "user@host:path" is ssh). It becomes its URL once, with workspace_url(); everything else is computed
 * from that. A URL never holds a credential: workspace_url() refuses one.
 *
 * The functions that return `char *` return fresh memory, or NULL when there is none.
 */
#pragma once

#include <remote-developer/problem.h>

#define WORKSPACE_BRANCH_PREFIX "rd/"

/* The directory, the names of the files in reports/<task id>/, and their bounds in bytes, which the steps keep to. */
#define WORKSPACE_REPORTS "reports"
#define WORKSPACE_REVIEW "review.json"
#define WORKSPACE_DIFF "review.diff"
#define WORKSPACE_COMMIT "commit.json"
#define WORKSPACE_PULL_REQUEST "create-pr.json"
#define WORKSPACE_REPORT_MAX ((size_t) 64 * 1024)
#define WORKSPACE_DIFF_MAX ((size_t) 1024 * 1024)

/* The credential that answers for a repository's host. */
#define WORKSPACE_TOKEN "github_token"

/* The URL (or absolute path) that git is given. -EINVAL with the field `github_repo` for what is none of the above:
 * among others what begins with a dash, has control characters, holds a user's name or password for http(s), or whose
 * mirror's name would be longer than a file's name may be. */
int workspace_url(const char *repository, char **ret, Problem *problem);

/* Different URLs have different mirrors: the name is the URL, without ".git" at its end, where "/" is "+" and every
 * other byte that is no ASCII letter, no digit and not one of "_.-" is "=" and two hexadecimal digits. */
char *workspace_mirror(const char *root, const char *url);
char *workspace_lock(const char *root, const char *url);

char *workspace_tree(const char *root, const char *task_id);
char *workspace_reports(const char *root, const char *task_id);
char *workspace_branch(const char *task_id);

/* "host" or "host:port" of an https URL, and of an http one to this very machine (localhost, *.localhost, 127.x.x.x,
 * [::1]), which is what WORKSPACE_TOKEN may be sent to; NULL for all others, which never see it. */
char *workspace_credential_host(const char *url);

/* Whether an answer may be given in plain http to this "host" or "host:port". */
bool workspace_host_is_loopback(const char *host);

/* The environment, as "NAME=value", with which every git below asks no one at a terminal and, where the URL's host may
 * have the token, asks `step` (the path of remote-developer-step) for it and nobody else:
 *
 *         GIT_TERMINAL_PROMPT=0
 *         GIT_CONFIG_COUNT=2
 *         GIT_CONFIG_KEY_0=credential.https://HOST.helper     GIT_CONFIG_VALUE_0=
 *         GIT_CONFIG_KEY_1=credential.https://HOST.helper     GIT_CONFIG_VALUE_1=!'STEP' credential 'HOST'
 *
 * The empty value forgets the helpers of all configuration files for this host: else git would hand them the token to
 * store. There is no secret in it: this is what the service sets for a task whose credentials hold WORKSPACE_TOKEN,
 * and what the steps use themselves. Appends to *v; `url` NULL: only the first line. */
int workspace_git_environment(const char *step, const char *url, char ***v);

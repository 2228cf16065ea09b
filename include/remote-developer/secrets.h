/* Secrets: what a request gives a task to use and nobody else to see. They are no part of the task's spec, and so of
 * no document; on disk they are the task's credentials (task-store.h), which systemd hands to its programs.
 *
 * Whoever holds one of these holds the values: secrets_done() overwrites them.
 */
#pragma once

#include <remote-developer/json.h>

#define SECRETS_MAX 64
#define SECRETS_SIZE_MAX ((size_t) 256 * 1024) /* of all values together */
#define SECRET_NAME_SIZE_MAX 64
#define SECRET_GITHUB_TOKEN "github_token"

typedef struct Secrets {
        char **pairs; /* "NAME=value", each name once; NULL: none */
} Secrets;

#define SECRETS_NULL ((Secrets){})

void secrets_done(Secrets *s);

/* Reads "secrets" and "github_token" of a request, both of which may be missing; `strict`: there may be nothing else
 * in it. Problems name the field and never quote what it holds. On error `ret` is unchanged. */
int secrets_parse(const Json *request, bool strict, Secrets *ret, Problem *problem);

/* Their names, in fresh memory; NULL: there are none. */
int secrets_names(const Secrets *s, char ***ret);

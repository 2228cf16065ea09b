/* room: model
 *
 * AccessScope: how much a caller of the API may do; each scope has those before it in it. */
#pragma once

typedef enum AccessScope {
        ACCESS_NONE,  /* what is nobody's secret: the page, whether the service is well */
        ACCESS_READ,  /* look at tasks and their logs */
        ACCESS_RUN,   /* run programs as the user who runs the tasks: create, cancel, resume, commit */
        ACCESS_ADMIN, /* make a task and its log be forgotten */
        ACCESS_SCOPE_COUNT,
} AccessScope;

/* Ended by NULL. */
extern const char *const access_scope_words[];

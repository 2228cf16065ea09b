/* UnitSandbox: the fence around a task's unit, and UnitLimits: how much of the machine it may have. Which settings of
 * systemd a profile comes to is the table of unit-sandbox.c; here is what differs from task to task. */
#pragma once

#include <remote-developer/sandbox.h>

typedef struct UnitSandbox {
        Sandbox profile; /* never SANDBOX_UNSET */
        bool is_of_user; /* of a user's manager */
        bool is_of_root; /* the unit runs as root: what else the user's rights would forbid has to be said */
        /* The manager can give a unit a mount namespace. A user's can only where the kernel lets users have namespaces
         * of their own: without them systemd 252 leaves those settings out, and says nothing. */
        bool has_namespaces;
        bool shares_tmp;  /* it works in the machine's own /tmp or /var/tmp */
        bool hides_homes; /* and /run/user: of them it sees only what is bound */
        char **writable;  /* paths; the rest can only be read. Behind "-" where they need not be there */
        char **bound;     /* absolute paths below what is hidden that it sees nevertheless */
        char **shown;     /* likewise, only to be read */
        char **hidden;    /* as `writable` */
        char *credentials;    /* the directory of the unit's credentials, to be shown a second time; NULL: it is not */
        char *credentials_at; /* where */
} UnitSandbox;

#define UNIT_SANDBOX_NULL ((UnitSandbox){})

void unit_sandbox_done(UnitSandbox *s);

/* 0: not limited. */
typedef struct UnitLimits {
        uint64_t memory_max;         /* bytes */
        uint64_t cpu_quota_usec;     /* of processor time, in a second */
        uint64_t tasks_max;
        uint64_t io_weight;
} UnitLimits;

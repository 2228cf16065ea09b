/* room: model
 *
 * Sandbox: how closely a task is fenced in. What each profile comes to is a table of systemd's own settings
 * (systemd/unit-sandbox.c); which one a task gets, and what stays open to it, says launch/launch-sandbox.c. */
#pragma once

#include <remote-developer/macros.h>

typedef enum Sandbox {
        SANDBOX_UNSET, /* of a recipe: as the configuration says */
        SANDBOX_OPEN,
        SANDBOX_STANDARD,
        SANDBOX_STRICT,
} Sandbox;

/* The words of the configuration, from SANDBOX_OPEN on. */
#define SANDBOXES 3
extern const char *const sandbox_words[SANDBOXES + 1]; /* ended by NULL */

/* Never SANDBOX_UNSET. */
const char *sandbox_word(Sandbox s);

/* SANDBOX_UNSET: there is none of that name. */
Sandbox sandbox_from_word(const char *word);

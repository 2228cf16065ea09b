/* room: model
 *
 * Variables of the environment as somebody wrote them, "NAME=value". */
#pragma once

#include <remote-developer/macros.h>

/* Into the vector, in place of one of the same name: systemd refuses a unit that has a name twice (tried). */
int environment_put(char ***environment, const char *pair);
int environment_put_all(char ***environment, char *const *pairs);

/* Letters, digits and "_", no digit first, as shells have them. What stands before "=" is looked at. */
bool environment_has_name(const char *pair);

/* It is one of those by which systemd tells the recorder how the task ended. A task's own come over them (tried). */
bool environment_is_reserved(const char *pair);

/* Not too long for the kernel, and without control characters but tab and newline. */
bool environment_has_value(const char *pair);

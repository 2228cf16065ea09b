/* room: model
 *
 * AgentText: a text that an agent wrote, kept up to a size, in whole characters. Without memory it stays as it was.
 */
#pragma once

#include <remote-developer/macros.h>

/* Copies at most `max` bytes of `s`; NULL is unset. */
void agent_text_set(char **p, const char *s, size_t max);
void agent_text_append(char **p, const char *s, size_t max);

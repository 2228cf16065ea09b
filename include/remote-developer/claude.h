/* How Claude Code is started: `claude -p --output-format stream-json --verbose`. */
#pragma once

#include <remote-developer/macros.h>

/* The command, ended by NULL; the description goes to its stdin. */
extern const char *const claude_command[];

/* remote-developerd --check-config. */
#pragma once

#include "options.h"

#include <remote-developer/config.h>

/* The file has been read already. What else decides whether the service can be started, and whether those whom it is
 * opened to can use it, is said on standard error. Returns whether it can. */
bool config_command_check(const Options *options, const Config *config, const char *state_directory);

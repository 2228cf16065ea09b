/* remote-developerd --doctor and --probe: one look, printed. */
#pragma once

#include "options.h"

#include <remote-developer/config.h>

/* `config_problem`: why the configuration was refused, and `config` holds the defaults; else NULL. Returns the exit
 * status: 0 when nothing is an error, else 1; of --probe 0 also then. */
int doctor_command_run(const Options *options, const Config *config, const char *config_problem,
                       const char *state_directory, const char *workspaces_directory);

/* remote-developerd --new-token, --list-tokens and --revoke-token: the tokens of the API, in the file that the service
 * reads (token-file.h). It need not run. */
#pragma once

#include "options.h"

/* An exit status. */
int token_command_run(const Options *options, const char *state_directory);

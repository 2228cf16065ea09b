/* The section `recipes` of the configuration, for config-reader.c. */
#pragma once

#include "config-walker.h"

#include <remote-developer/config.h>

/* Reads the mapping that has just begun, to its end, and gives `c` what it holds. On error, with the problem set, `c`
 * may have some of it. */
int config_recipes_read(ConfigWalker *w, Config *c);

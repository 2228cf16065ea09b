/* room: base
 *
 * Paths that somebody wrote, and that systemd is given. */
#pragma once

#include <remote-developer/macros.h>

#define PATH_SIZE_MAX ((size_t) 4095)

/* What is wrong with it as the directory of a unit, to stand behind its name: "must be an absolute path". NULL:
 * nothing. Whether it exists is not looked at. */
const char *path_fault(const char *path);

/* room: base
 *
 * Namespaces: whether a program without privileges can have mounts of its own here. Kernels and administrators forbid
 * it in several ways (kernel.unprivileged_userns_clone, user.max_user_namespaces, AppArmor), so it is tried. */
#pragma once

#include <remote-developer/macros.h>

/* 0, or why not as a negative errno. Waits for a child, which takes a millisecond. */
int namespaces_try(void);

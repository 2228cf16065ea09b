/* room: base
 *
 * How far down a path root alone decides where it leads. */
#pragma once

#include <remote-developer/macros.h>

/* The longest beginning of `path` (absolute, normalized, at most PATH_SIZE_MAX bytes) that nobody but root can make
 * lead elsewhere: each directory above it belongs to root, and nobody else may write in it. What is in it somebody
 * else may own. Root's links on the way are followed, so that the answer holds none. Of what is not there the first
 * name belongs to it, too: only root can make it. Fresh memory; on error (-ELOOP, -ENAMETOOLONG, -ENOMEM, or what the
 * file system says) *ret is unchanged. */
int guarded_path_find(const char *path, char **ret);

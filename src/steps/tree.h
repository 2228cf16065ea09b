/* Tree: whole directories, without following a link out of them. */
#pragma once

#include <remote-developer/macros.h>

/* Removes it with all it holds, also where a directory in it may not be written. What is not there is no error. */
int tree_remove(const char *path);

/* Removes the files in it whose name is one of those. */
int tree_remove_files(const char *path, bool (*is_one)(const char *name));

/* The first symbolic link in it that is found, as fresh memory: 1; there is none: 0; or negative errno. What is
 * directly in it under one of the names in `except` (ended by NULL) is not looked at. */
int tree_find_link(const char *path, const char *const *except, char **ret);

/* The bytes on the disk that go when the tree goes: files that have other links (those of a mirror) do not count.
 * Looks for at most `limit_usec`; *ret_whole is false where that was not enough for all of it. */
int tree_size(const char *path, uint64_t limit_usec, uint64_t *ret_bytes, bool *ret_whole);

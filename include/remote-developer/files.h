/* Files: whole files, read with a bound and written so that a power cut leaves the old or the new one, never a
 * part.
 *
 * All paths are relative to a directory descriptor, which the caller owns.
 */
#pragma once

#include <remote-developer/buffer.h>

#include <sys/types.h>

/* How the names of unfinished writes begin; the name that is being written follows, and a dash. A crash may leave one
 * behind. */
#define FILE_TEMPORARY_PREFIX ".tmp-"

/* Creates the directory and its parents (mode as given) and opens it. Returns the descriptor or negative errno. */
int file_open_directory(const char *path, mode_t mode);

/* Reads the whole regular file. -EFBIG when it holds more than `max` bytes, -ELOOP for a symbolic link. The bytes
 * are followed by a 0 that is not counted. */
int file_read(int dir_fd, const char *name, size_t max, Buffer *ret);

/* Writes all of it, in as many calls as it takes. */
int file_write_all(int fd, const void *bytes, size_t size);

/* Writes a temporary file beside `name`, fsyncs it, renames it over `name` and fsyncs the directory. On error
 * `name` is what it was and the temporary file is gone. */
int file_write_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* As file_write_durable(), but -EEXIST when `name` is there already (decided by link(2), so exactly one of two
 * writers wins). */
int file_create_durable(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/* From here on this process, if it is root's, has no more power over files than the directory's owner: whatever that
 * user has put there can lead a write nowhere else. It stays root's in all other ways. */
int file_act_as_owner(int dir_fd);

/* Removes the file and fsyncs the directory. A file that is not there is no error. */
int file_remove_durable(int dir_fd, const char *name);

/* Credential: what systemd hands to a task as files (systemd.exec(5), LoadCredential=), read where it is needed and
 * nowhere kept. */
#pragma once

#include <remote-developer/buffer.h>

/* systemd's own bound for all credentials of a unit. */
#define CREDENTIAL_SIZE_MAX ((size_t) 1024 * 1024)

/* The credential's bytes. -ENOENT: this task was handed none of this name; -EINVAL: no such name is possible. */
int credential_read(const char *name, Buffer *ret);

/* The same without the line's end that files have, as one line. -EINVAL when there is more than one line, or none. */
int credential_read_line(const char *name, char **ret);

/* room: base
 *
 * User: what the machine's databases say of users and groups (nsswitch.conf(5)). Behind them may be a server: every
 * verb may wait for it, and whoever asks often keeps the answer. For the one thread that there is.
 */
#pragma once

#include <remote-developer/macros.h>

#include <sys/types.h>

/* A longer name is cut where it is only shown. */
#define USER_NAME_SIZE 64

/* The user's name; "" where it has none. */
void user_find_name(uid_t uid, char ret[static USER_NAME_SIZE]);

/* Whose name it is, or whose number. 0 or -ENOENT. */
int user_find_uid(const char *name, uid_t *ret);

/* The home of a user, whose name or number this is; NULL: that of the one who runs this. 0; -ENOENT: there is no such
 * user; -ENOMEM. */
int user_find_home(const char *name, char **ret);

/* Whether a session of the user would have the group, as its own or as one of the others. False also where the user or
 * the group is not known, or could not be asked for. */
bool user_is_member(uid_t uid, const char *group);

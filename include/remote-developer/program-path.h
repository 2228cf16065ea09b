/* room: base
 *
 * Programs by their name, as systemd finds them. */
#pragma once

#include <remote-developer/macros.h>

/* Where systemd looks for a program whose name has no slash, whatever PATH is; ended by NULL. */
extern const char *const program_path_directories[];

/* The directory of the program of that path, and then those above: where a recipe's programs are looked for. */
int program_path_new(const char *beside, char ***ret);

/* Whether an executable file of that name is in one of the directories (ended by NULL). Who may execute it is not
 * looked at: that is another user, as a rule. */
bool program_path_has(char *const *directories, const char *name);

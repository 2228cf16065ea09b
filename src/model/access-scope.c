/* AccessScope: its words, as --scope, the file of tokens and replies have them. See access-scope.h. */
#include <remote-developer/access-scope.h>

#include <stddef.h>

const char *const access_scope_words[] = { "none", "read", "run", "admin", NULL };

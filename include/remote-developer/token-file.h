/* room: model
 *
 * TokenFile: the tokens as they are on disk now: the file is read again when it has changed, so that a token that was
 * made or revoked on the command line is so from the next request on.
 */
#pragma once

#include <remote-developer/token.h>

typedef struct TokenFile TokenFile;

/* `directory` is copied; it need not be there. */
int token_file_new(const char *directory, TokenFile **ret);
TokenFile *token_file_free(TokenFile *f);
DEFINE_CLEANUP(TokenFile *, token_file_free)

/* Never NULL; empty where the file is missing or not to be believed. Valid until the next call. */
const TokenList *token_file_look(TokenFile *f);

/* Why it is not to be believed, a sentence; NULL: it is. Looks, as above, and says so in the log, once for each
 * change. */
const char *token_file_fault(TokenFile *f);

/* room: model
 *
 * Token: what lets a program use the API that is no allowed user of this machine. It is 256 random bits, known to
 * whoever was given it; here only its SHA-256 is kept, of no use to a thief, since what is hashed cannot be guessed.
 *
 *   tokens   in the state directory, 0600: {"version": 1, "tokens": [{"name", "scope", "sha256", "created_at",
 *            "expires_at" or "never_expires"}]}
 *
 * The file is believed as a whole or not at all: in one that cannot be read, says what is never written, or could have
 * been written by another user, there is no token.
 */
#pragma once

#include <remote-developer/access-scope.h>
#include <remote-developer/clock.h>
#include <remote-developer/problem.h>

#define TOKENS_MAX ((size_t) 64)
#define TOKEN_NAME_MAX 64
#define TOKEN_FILE "tokens"

/* "rdt_", by which a leaked one is recognised, and 64 hexadecimal digits; with the 0. */
#define TOKEN_PREFIX "rdt_"
#define TOKEN_TEXT_SIZE ((size_t) 69)

typedef struct Token {
        char *name;   /* letters of ASCII, digits and "._-"; owned, as all strings */
        int scope;    /* AccessScope */
        char *sha256; /* 64 hexadecimal digits, of the text */
        usec_t created_at;
        usec_t expires_at; /* not set: never */
        bool never_expires;
} Token;

typedef struct TokenList {
        Token items[TOKENS_MAX];
        size_t n;
} TokenList;

#define TOKEN_LIST_NULL ((TokenList){})
void token_list_done(TokenList *l);

/* Of that directory; none, where there is no file. -EBADMSG: it is not to be believed, and the problem says why.
 * `ret` is empty on error. */
int token_list_read(int dir_fd, TokenList *ret, Problem *problem);
int token_list_write(int dir_fd, const TokenList *l);

/* A new one: its text is nowhere but in `ret`. `expires_at` not set: never. -EINVAL: the name; -EEXIST; -ENOSPC: there
 * are TOKENS_MAX. */
int token_list_add(TokenList *l, const char *name, AccessScope scope, usec_t expires_at,
                   char ret[static TOKEN_TEXT_SIZE], Problem *problem);

/* -ENOENT: there is none of that name. */
int token_list_remove(TokenList *l, const char *name);

/* Whose text it is, if it has not expired; else NULL. Takes as long whichever it is. Borrowed. */
const Token *token_list_find(const TokenList *l, const char *text, usec_t now);

/* The same by its hash, as `sha256` has it. */
const Token *token_list_find_digest(const TokenList *l, const char *sha256, usec_t now);

bool token_is_expired(const Token *t, usec_t now);

/* "90d", "12h", "30min", "45s", "2w" or "never" from now: the time, 0 for never. -EINVAL, also for nothing and for
 * more than ten years. */
int token_parse_expiry(const char *text, usec_t now, usec_t *ret);

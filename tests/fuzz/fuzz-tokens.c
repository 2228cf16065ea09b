/* Any bytes as the file of tokens: believed as a whole, and then the same when it is written and read again, or not at
 * all, and then nobody's text is a token. Seeds are in corpus/tokens. */
#include "replay.h"

#include "fuzz-file.h"

#include <remote-developer/digest.h>
#include <remote-developer/token.h>

/* What a seed has the digest of. */
#define KNOWN_TEXT TOKEN_PREFIX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void check_token(const Token *t) {
        assert(!string_is_empty(t->name) && strlen(t->name) <= TOKEN_NAME_MAX && !strpbrk(t->name, "/\n \""));
        assert(t->scope > ACCESS_NONE && t->scope <= ACCESS_ADMIN);
        assert(strlen(t->sha256) == DIGEST_TEXT_SIZE - 1);
        assert(clock_is_set(t->created_at));
        assert(clock_is_set(t->expires_at) != t->never_expires);
}

static void check_same(const TokenList *a, const TokenList *b) {
        assert(a->n == b->n);
        for (size_t i = 0; i < a->n; i++) {
                assert(string_equal(a->items[i].name, b->items[i].name));
                assert(string_equal(a->items[i].sha256, b->items[i].sha256));
                assert(a->items[i].scope == b->items[i].scope);
                assert(a->items[i].created_at == b->items[i].created_at);
                assert(a->items[i].expires_at == b->items[i].expires_at);
        }
}

static void check_list(const TokenList *l, int dir_fd) {
        _cleanup_(token_list_done) TokenList again = TOKEN_LIST_NULL;
        const Token *found = token_list_find(l, KNOWN_TEXT, 1);

        assert(l->n <= TOKENS_MAX);
        for (size_t i = 0; i < l->n; i++)
                check_token(&l->items[i]);
        assert(!found || !token_is_expired(found, 1));
        assert(token_list_write(dir_fd, l) == 0);
        assert(token_list_read(dir_fd, &again, NULL) == 0);
        check_same(l, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        const FuzzFile *f = fuzz_file_write(TOKEN_FILE, data, size);
        int r;

        r = token_list_read(f->dir_fd, &l, &problem);
        if (r >= 0)
                check_list(&l, f->dir_fd);
        else {
                assert(l.n == 0 && !token_list_find(&l, KNOWN_TEXT, 1));
                assert(r == -ENOMEM || problem.sentence);
        }
        return 0;
}

REPLAY_MAIN("tokens")

/* Token: see token.h. */
#include <remote-developer/token.h>

#include <remote-developer/digest.h>
#include <remote-developer/files.h>
#include <remote-developer/json.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#define TOKEN_FILE_VERSION 1
#define TOKEN_BYTES 32

/* TOKENS_MAX of the longest. */
#define TOKEN_FILE_MAX ((size_t) 64 * 1024)

#define DAY_USEC (86400 * USEC_PER_SEC)
#define EXPIRY_MAX_USEC (3653 * DAY_USEC)

static const JsonField token_fields[] = {
        { "name", JSON_STRING, offsetof(Token, name), 0, NULL },
        { "scope", JSON_ENUM, offsetof(Token, scope), 0, access_scope_words },
        { "sha256", JSON_STRING, offsetof(Token, sha256), 0, NULL },
        { "created_at", JSON_TIME, offsetof(Token, created_at), 0, NULL },
        { "expires_at", JSON_TIME, offsetof(Token, expires_at), JSON_OMIT_UNSET, NULL },
        { "never_expires", JSON_BOOL, offsetof(Token, never_expires), JSON_OMIT_UNSET, NULL },
};

static void token_done(Token *t) {
        free(t->name);
        free(t->sha256);
        *t = (Token){};
}

void token_list_done(TokenList *l) {
        for (size_t i = 0; i < l->n; i++)
                token_done(&l->items[i]);
        l->n = 0;
}

/* --- reading --- */

static bool name_is_valid(const char *s) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") : 0;

        return n > 0 && n <= TOKEN_NAME_MAX && s[n] == 0 && strchr(letters, s[0]);
}

static bool is_digest(const char *s) {
        return s && strlen(s) == DIGEST_TEXT_SIZE - 1 && strspn(s, "0123456789abcdef") == DIGEST_TEXT_SIZE - 1;
}

static const Token *find_name(const TokenList *l, const char *name) {
        for (size_t i = 0; i < l->n; i++)
                if (string_equal(l->items[i].name, name))
                        return &l->items[i];
        return NULL;
}

/* Nothing has a default: what is missing must not widen what a token may do. */
static const char *find_fault(const TokenList *l, const Token *t) {
        if (!name_is_valid(t->name))
                return "name";
        if (find_name(l, t->name))
                return "name";
        if (t->scope <= ACCESS_NONE)
                return "scope";
        if (!is_digest(t->sha256))
                return "sha256";
        if (!clock_is_set(t->created_at))
                return "created_at";
        if (clock_is_set(t->expires_at) == t->never_expires)
                return "expires_at";
        return NULL;
}

static int take_token(TokenList *l, const Json *j, Problem *problem) {
        _cleanup_(token_done) Token t = {};
        const char *fault;
        int r;

        if (l->n == TOKENS_MAX)
                return problem_set(problem, -EBADMSG, NULL, "it holds more than %zu tokens", TOKENS_MAX);
        if (!json_is_object(j))
                return problem_set(problem, -EBADMSG, NULL, "token %zu is no object", l->n + 1);
        r = json_read_fields(j, token_fields, ELEMENTSOF(token_fields), true, &t, problem);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        fault = find_fault(l, &t);
        if (fault)
                return problem_set(problem, -EBADMSG, fault, "token %zu has no valid %s", l->n + 1, fault);
        l->items[l->n++] = t;
        t = (Token){};
        return 0;
}

static int take_list(TokenList *l, const Json *j, Problem *problem) {
        const Json *array = json_get(j, "tokens");
        int r = 0;

        if (json_get_uint64(j, "version") != TOKEN_FILE_VERSION || !array)
                return problem_set(problem, -EBADMSG, NULL, "it is no list of tokens of version %d",
                                   TOKEN_FILE_VERSION);
        for (size_t i = 0; r >= 0 && i < json_length(array); i++)
                r = take_token(l, json_at(array, i), problem);
        return r;
}

static int parse(const Buffer *text, TokenList *ret, Problem *problem) {
        _cleanup_json_ Json *j = NULL;
        int r;

        r = json_parse(text->data, text->size, &j, problem);
        if (r >= 0)
                r = take_list(ret, j, problem);
        if (r < 0)
                token_list_done(ret);
        return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

/* Whoever can write it can let anybody in. */
static int check_file(int dir_fd, Problem *problem) {
        struct stat st, directory;

        if (fstatat(dir_fd, TOKEN_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 || fstat(dir_fd, &directory) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
                return problem_set(problem, -EBADMSG, NULL, "it must be a file that only its owner may read (0600)");
        if (st.st_uid != 0 && st.st_uid != geteuid() && (geteuid() != 0 || st.st_uid != directory.st_uid))
                return problem_set(problem, -EBADMSG, NULL, "it is another user's (uid %u)", (unsigned) st.st_uid);
        return 0;
}

int token_list_read(int dir_fd, TokenList *ret, Problem *problem) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r;

        *ret = TOKEN_LIST_NULL;
        r = check_file(dir_fd, problem);
        if (r >= 0)
                r = file_read(dir_fd, TOKEN_FILE, TOKEN_FILE_MAX, &text);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return problem_set(problem, r, NULL, "it cannot be read: %s", strerror(-r));
        return parse(&text, ret, problem);
}

/* --- writing --- */

static int make_array(const TokenList *l, Json **ret) {
        _cleanup_json_ Json *array = json_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < l->n; i++) {
                _cleanup_json_ Json *j = json_new_object();

                r = j ? json_write_fields(j, token_fields, ELEMENTSOF(token_fields), true, &l->items[i]) : -ENOMEM;
                if (r >= 0)
                        r = json_push(array, TAKE_PTR(j));
        }
        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

int token_list_write(int dir_fd, const TokenList *l) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = json_new_object();
        Json *array = NULL;
        int r;

        r = j ? json_set_uint64(j, "version", TOKEN_FILE_VERSION) : -ENOMEM;
        if (r >= 0)
                r = make_array(l, &array);
        if (r >= 0)
                r = json_set(j, "tokens", array);
        if (r >= 0)
                r = json_append(j, &text);
        if (r >= 0)
                r = buffer_append_string(&text, "\n");
        return r < 0 ? r : file_write_durable(dir_fd, TOKEN_FILE, text.data, text.size, 0600);
}

/* --- making and finding --- */

static int make_text(char ret[static TOKEN_TEXT_SIZE], char ret_digest[static DIGEST_TEXT_SIZE]) {
        unsigned char bytes[TOKEN_BYTES];
        size_t prefix = strlen(TOKEN_PREFIX);

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return -EIO;
        memcpy(ret, TOKEN_PREFIX, prefix);
        digest_write_hex(bytes, sizeof(bytes), ret + prefix);
        explicit_bzero(bytes, sizeof(bytes));
        return digest_of(ret, TOKEN_TEXT_SIZE - 1, ret_digest);
}

int token_list_add(TokenList *l, const char *name, AccessScope scope, usec_t expires_at,
                   char ret[static TOKEN_TEXT_SIZE], Problem *problem) {
        _cleanup_(token_done) Token t = { .scope = scope, .created_at = clock_realtime_usec(),
                                          .expires_at = expires_at, .never_expires = !clock_is_set(expires_at) };
        char digest[DIGEST_TEXT_SIZE];
        int r;

        if (!name_is_valid(name))
                return problem_set(problem, -EINVAL, "name",
                                   "A token's name is 1 to %d letters, digits and \"._-\", and begins with a letter "
                                   "or a digit", TOKEN_NAME_MAX);
        if (find_name(l, name))
                return problem_set(problem, -EEXIST, "name",
                                   "There is a token %s already; --revoke-token=%s takes it back", name, name);
        if (l->n == TOKENS_MAX)
                return problem_set(problem, -ENOSPC, NULL,
                                   "There are %zu tokens, and no more can be kept; revoke one", TOKENS_MAX);
        r = make_text(ret, digest);
        if (r >= 0)
                r = string_replace(&t.name, name);
        if (r >= 0)
                r = string_replace(&t.sha256, digest);
        if (r < 0)
                return problem_set(problem, r, NULL, "The token could not be made: %s", strerror(-r));
        l->items[l->n++] = t;
        t = (Token){};
        return 0;
}

int token_list_remove(TokenList *l, const char *name) {
        Token *found = (Token *) find_name(l, name);
        size_t i;

        if (!found)
                return -ENOENT;
        i = (size_t) (found - l->items);
        token_done(found);
        l->n--;
        memmove(found, found + 1, (l->n - i) * sizeof(Token));
        l->items[l->n] = (Token){};
        return 0;
}

bool token_is_expired(const Token *t, usec_t now) {
        return clock_is_set(t->expires_at) && t->expires_at <= now;
}

const Token *token_list_find_digest(const TokenList *l, const char *sha256, usec_t now) {
        const Token *found = NULL;

        for (size_t i = 0; i < l->n; i++)
                if (digest_equal(l->items[i].sha256, sha256))
                        found = &l->items[i];
        return found && !token_is_expired(found, now) ? found : NULL;
}

const Token *token_list_find(const TokenList *l, const char *text, usec_t now) {
        char digest[DIGEST_TEXT_SIZE];

        if (strlen(text) != TOKEN_TEXT_SIZE - 1 || digest_of(text, TOKEN_TEXT_SIZE - 1, digest) < 0)
                return NULL;
        return token_list_find_digest(l, digest, now);
}

int token_parse_expiry(const char *text, usec_t now, usec_t *ret) {
        static const struct {
                const char *unit;
                usec_t usec;
        } units[] = { { "s", USEC_PER_SEC }, { "min", 60 * USEC_PER_SEC }, { "h", 3600 * USEC_PER_SEC },
                      { "d", DAY_USEC }, { "w", 7 * DAY_USEC } };
        _cleanup_free_ char *digits = strndup(text, strspn(text, "0123456789"));
        uint64_t n;

        if (string_equal(text, "never")) {
                *ret = 0;
                return 0;
        }
        if (!digits)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                if (!string_equal(text + strlen(digits), units[i].unit))
                        continue;
                if (string_to_uint64(digits, &n) < 0 || n == 0 || n > EXPIRY_MAX_USEC / units[i].usec)
                        return -EINVAL;
                *ret = now + n * units[i].usec;
                return 0;
        }
        return -EINVAL;
}

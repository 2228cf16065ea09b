/* The tokens of the API on the command line: see token-command.h. A new token is alone on stdout, so that it can go
 * into a file or a pipe; what there is to say of it goes to stderr. */
#include "token-command.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/token.h>

#include <stdio.h>
#include <string.h>
#include <sys/file.h>

/* Where nothing else is asked for: a forgotten token does not open the door for ever. */
#define EXPIRY_DEFAULT "90d"

static int fail(const char *sentence) {
        fprintf(stderr, "remote-developerd: %s\n", sentence);
        return EXIT_FAILURE;
}

static int fail_at(const char *directory, int error) {
        fprintf(stderr, "remote-developerd: %s/" TOKEN_FILE ": %s\n", directory, strerror(-error));
        return EXIT_FAILURE;
}

/* The directory, locked against another of these commands while `fd` is open, and what is in its file. */
static int open_list(const char *directory, int *ret_fd, TokenList *ret) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_close_ int fd = file_open_directory(directory, 0750);
        int r = fd;

        if (r >= 0 && flock(fd, LOCK_EX) < 0)
                r = -errno;
        /* The service has to be able to read it. */
        if (r >= 0)
                r = file_act_as_owner(fd);
        if (r >= 0)
                r = token_list_read(fd, ret, &problem);
        if (r < 0 && problem.error < 0)
                fprintf(stderr, "remote-developerd: %s/" TOKEN_FILE " is not believed: %s\n", directory,
                        problem_sentence(&problem));
        else if (r < 0)
                (void) fail_at(directory, r);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static const char *format_expiry(const Token *t, char buffer[static CLOCK_TEXT_SIZE]) {
        return t->never_expires ? "never" : clock_format(t->expires_at, buffer);
}

static int add(TokenList *l, const Options *o, char text[static TOKEN_TEXT_SIZE], Problem *problem) {
        const char *expires = o->expires ?: EXPIRY_DEFAULT;
        int scope = o->token_scope ? string_table_lookup(access_scope_words, ACCESS_SCOPE_COUNT, o->token_scope) : -1;
        usec_t at;

        if (scope <= ACCESS_NONE)
                return problem_set(problem, -EINVAL, NULL, "--new-token needs --scope=read, run or admin");
        if (token_parse_expiry(expires, clock_realtime_usec(), &at) < 0)
                return problem_set(problem, -EINVAL, NULL, "--expires is a number with s, min, h, d or w, such as "
                                   EXPIRY_DEFAULT ", at most ten years, or \"never\"");
        return token_list_add(l, o->new_token, (AccessScope) scope, at, text, problem);
}

static int make_new(const Options *o, const char *directory, int fd, TokenList *l) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        char text[TOKEN_TEXT_SIZE], at[CLOCK_TEXT_SIZE];
        const Token *t;
        int r;

        r = add(l, o, text, &problem);
        if (r < 0)
                return fail(problem_sentence(&problem));
        r = token_list_write(fd, l);
        if (r >= 0 && (printf("%s\n", text) < 0 || fflush(stdout) != 0))
                r = -EIO;
        explicit_bzero(text, sizeof(text));
        if (r < 0)
                return fail_at(directory, r);
        t = &l->items[l->n - 1];
        fprintf(stderr, "Token %s, scope %s, expires: %s. It is shown only now.\n", t->name,
                access_scope_words[t->scope], format_expiry(t, at));
        return EXIT_SUCCESS;
}

static int list_all(const TokenList *l) {
        usec_t now = clock_realtime_usec();

        for (size_t i = 0; i < l->n; i++) {
                const Token *t = &l->items[i];
                char created[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE];

                printf("%-24s %-6s created %s  expires %s%s\n", t->name, access_scope_words[t->scope],
                       clock_format(t->created_at, created), format_expiry(t, expires),
                       token_is_expired(t, now) ? " (expired)" : "");
        }
        return EXIT_SUCCESS;
}

static int take_back(const Options *o, const char *directory, int fd, TokenList *l) {
        int r = token_list_remove(l, o->revoke_token);

        if (r == -ENOENT)
                return fail("There is no token of this name; --list-tokens lists them");
        r = token_list_write(fd, l);
        return r < 0 ? fail_at(directory, r) : EXIT_SUCCESS;
}

int token_command_run(const Options *options, const char *state_directory) {
        _cleanup_(token_list_done) TokenList list = TOKEN_LIST_NULL;
        _cleanup_close_ int fd = -EBADF;

        if (open_list(state_directory, &fd, &list) < 0)
                return EXIT_FAILURE;
        if (options->new_token)
                return make_new(options, state_directory, fd, &list);
        if (options->revoke_token)
                return take_back(options, state_directory, fd, &list);
        return list_all(&list);
}

/* remote-developer-step credential HOST get|store|erase: what git asks for a login at HOST
 * (gitcredentials(7)), and
 * remote-developer-step secret NAME: prints a credential, for programs that call a helper to get theirs.
 *
 * git says on standard input what it wants to log in to. Anything but HOST over TLS gets no answer: neither another
 * host to which a server has redirected, nor plain http, unless it stays on this machine. git then goes on as if there
 * were no helper. What it wants stored or erased is not: the token belongs to the task. */
#include "credential.h"
#include "step.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <strings.h>

/* A token of GitHub is the password of any user; this is the name that GitHub itself writes there. */
#define USERNAME "x-access-token"

/* The value of the attribute in git's lines "key=value", or NULL. Fresh memory. */
static char *find_attribute(const char *lines, const char *key) {
        size_t n = strlen(key);

        for (; *lines; lines += strcspn(lines, "\n"), lines += *lines == '\n')
                if (strncmp(lines, key, n) == 0 && lines[n] == '=')
                        return strndup(lines + n + 1, strcspn(lines + n + 1, "\n"));
        return NULL;
}

static bool is_ours(const char *request, const char *own_host) {
        _cleanup_free_ char *protocol = find_attribute(request, "protocol"), *host = find_attribute(request, "host");

        if (!host || strcasecmp(host, own_host) != 0)
                return false;
        return string_equal(protocol, "https") || (string_equal(protocol, "http") && workspace_host_is_loopback(host));
}

static int answer(Step *s) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *token = NULL;
        int r = credential_read_line(WORKSPACE_TOKEN, &token);

        if (r < 0)
                return step_fail(s, r, "The credential " WORKSPACE_TOKEN);
        r = buffer_append_format(&text, "username=" USERNAME "\npassword=%s\nquit=1\n", token);
        return r < 0 ? r : file_write_all(STDOUT_FILENO, text.data, text.size);
}

int step_credential(Step *s) {
        _cleanup_(buffer_done) Buffer request = BUFFER_NULL;
        int r;

        if (strv_length(s->words) != 2)
                return EXIT_USAGE;
        if (!string_equal(s->words[1], "get"))
                return 0;
        r = step_read_input(s, &request);
        return r < 0 || !is_ours(request.data, s->words[0]) ? r : answer(s);
}

int step_secret(Step *s) {
        _cleanup_(buffer_done) Buffer secret = BUFFER_NULL;
        int r;

        if (strv_length(s->words) != 1)
                return EXIT_USAGE;
        r = credential_read(s->words[0], &secret);
        if (r < 0)
                return problem_set(&s->problem, r, NULL, "This task was handed no secret of the name \"%.*s\": %s",
                                   PROBLEM_VALUE_MAX, s->words[0], strerror(-r));
        return file_write_all(STDOUT_FILENO, secret.data, secret.size);
}

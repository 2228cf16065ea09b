/* Workspaces: what is taken for a repository, where its mirror lies, and whom its token may be sent to. The cases
 * stand in tables: to add one, add a row. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <limits.h>
#include <stdlib.h>

#define ID "task-1700000000-abcdef"

static char *url_of(const char *repository) {
        Problem problem = PROBLEM_NULL;
        char *url = NULL;
        int r = workspace_url(repository, &url, &problem);

        if (r < 0) {
                TAP_CHECK_INT(r, -EINVAL);
                TAP_CHECK_STRING(problem.field, "github_repo");
                TAP_CHECK(problem.sentence && *problem.sentence);
        }
        problem_done(&problem);
        return url;
}

static void test_repositories(void) {
        static const struct {
                const char *repository, *url;
        } cases[] = {
                { "owner/name", "https://github.com/owner/name.git" },
                { "owner/name.git", "https://github.com/owner/name.git" },
                { "o-w_n.er/n-a_m.e", "https://github.com/o-w_n.er/n-a_m.e.git" },
                { "https://github.com/owner/name", "https://github.com/owner/name" },
                { "https://example.org:8443/a/b/c.git", "https://example.org:8443/a/b/c.git" },
                { "http://127.0.0.1:80/x", "http://127.0.0.1:80/x" },
                { "ssh://git@github.com/owner/name", "ssh://git@github.com/owner/name" },
                { "git@github.com:owner/name.git", "git@github.com:owner/name.git" },
                { "file:///srv/git/x.git", "file:///srv/git/x.git" },
                { "git://example.org/x", "git://example.org/x" },
                { "/srv/a path/it's --x", "/srv/a path/it's --x" },
                { "https://example.org/a@b", "https://example.org/a@b" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *url = url_of(cases[i].repository);

                TAP_CHECK_STRING(url, cases[i].url);
        }
}

static void test_refusals(void) {
        static const char *const cases[] = {
                "", "name", "owner/", "/name\n", "a/b/c", "../name", "owner/..", "owner/.git", "-o/name",
                "owner/-n", "--upload-pack=x", "owner/na me", "owner/$(x)", "ext::sh -c x", "fd::17",
                "https://", "https:///x", "https://host", "https://user@host/x", "https://user:secret@host/x",
                "https://:secret@host/x", "http://secret@127.0.0.1/x", "ssh://user:secret@host/x",
                "ssh://-oProxyCommand=x/y", "ssh://a@-x/y", "git@-oProxyCommand=x:y", "git@host:",
                "file://host/x", "ftp://host/x", "relative/path/x", "./x", "~/x", "https://host/\x01",
                "https://host/\x7f",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *url = url_of(cases[i]);

                TAP_CHECK_STRING(url, NULL);
        }
}

static void test_a_refusal_does_not_tell_the_credential(void) {
        Problem problem = PROBLEM_NULL;
        char *url = NULL;

        TAP_CHECK_INT(workspace_url("https://user:s3cret@host/x", &url, &problem), -EINVAL);
        TAP_CHECK_CONTAINS(problem.sentence, "https://host/x");
        TAP_CHECK_CONTAINS(problem.sentence, "github_token");
        TAP_CHECK(strstr(problem.sentence, "s3cret") == NULL);
        problem_done(&problem);
}

static void test_mirrors(void) {
        static const struct {
                const char *url, *mirror;
        } cases[] = {
                { "https://github.com/owner/name.git", "/r/mirrors/https=3A++github.com+owner+name.git" },
                { "https://github.com/owner/name", "/r/mirrors/https=3A++github.com+owner+name.git" },
                { "/srv/../x", "/r/mirrors/+srv+..+x.git" },
                { "/a+b", "/r/mirrors/+a=2Bb.git" },
                { "/a=2Bb", "/r/mirrors/+a=3D2Bb.git" },
                { "/\xc3\xa9 '", "/r/mirrors/+=C3=A9=20=27.git" },
                { ".git", "/r/mirrors/.git.git" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *mirror = workspace_mirror("/r", cases[i].url);

                TAP_CHECK_STRING(mirror, cases[i].mirror);
        }
}

static void test_paths(void) {
        _cleanup_free_ char *lock = workspace_lock("/r", "/x.git"), *tree = workspace_tree("/r", ID);
        _cleanup_free_ char *reports = workspace_reports("/r", ID), *branch = workspace_branch(ID);

        TAP_CHECK_STRING(lock, "/r/mirrors/+x.lock");
        TAP_CHECK_STRING(tree, "/r/tasks/" ID);
        TAP_CHECK_STRING(reports, "/r/reports/" ID);
        TAP_CHECK_STRING(branch, "rd/" ID);
}

static void test_a_mirrors_name_is_a_files_name(void) {
        char path[NAME_MAX + 2] = "/";

        for (size_t n = 1; n <= NAME_MAX; n++) {
                _cleanup_free_ char *url = NULL, *mirror = NULL;

                memset(path + 1, 'x', n);
                path[n + 1] = 0;
                url = url_of(path);
                mirror = url ? workspace_mirror("", url) : NULL;
                if (mirror)
                        TAP_CHECK(strlen(mirror) - strlen("/mirrors/") + strlen(".partial") <= NAME_MAX);
                TAP_CHECK_INT(mirror == NULL, n > NAME_MAX - 17);
        }
}

static void test_whom_the_token_is_for(void) {
        static const struct {
                const char *url, *host;
        } cases[] = {
                { "https://github.com/owner/name.git", "github.com" },
                { "https://example.org:8443/x", "example.org:8443" },
                { "https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443" },
                { "http://127.0.0.1:8080/x", "127.0.0.1:8080" },
                { "http://[::1]/x", "[::1]" },
                { "http://localhost/x", "localhost" },
                { "http://github.localhost:80/x", "github.localhost:80" },
                { "http://github.com/x", NULL },
                { "http://127.0.0.1.example.org/x", NULL },
                { "http://127.evil/x", NULL },
                { "http://localhost.example.org/x", NULL },
                { "http://xlocalhost/x", NULL },
                { "https://a'b/x", NULL },
                { "https://a$(x)/x", NULL },
                { "ssh://git@github.com/x", NULL },
                { "/srv/x", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *host = workspace_credential_host(cases[i].url);

                TAP_CHECK_STRING(host, cases[i].host);
        }
}

static void check_environment(const char *step, const char *url, const char *const should[]) {
        _cleanup_strv_ char **v = NULL;
        size_t n = 0;

        TAP_CHECK_INT(workspace_git_environment(step, url, &v), 0);
        while (should[n])
                n++;
        if (!TAP_CHECK_INT(strv_length(v), n))
                return;
        for (size_t i = 0; i < n; i++)
                TAP_CHECK_STRING(v[i], should[i]);
}

static void test_environment(void) {
        check_environment("/lib/it's/step", "https://github.com/o/n.git", (const char *const[]){
                "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_COUNT=2",
                "GIT_CONFIG_KEY_0=credential.https://github.com.helper",
                "GIT_CONFIG_KEY_1=credential.https://github.com.helper", "GIT_CONFIG_VALUE_0=",
                "GIT_CONFIG_VALUE_1=!'/lib/it'\\''s/step' credential 'github.com'", NULL });
        check_environment("/step", NULL, (const char *const[]){ "GIT_TERMINAL_PROMPT=0", NULL });
        check_environment("/step", "http://example.org/x", (const char *const[]){ "GIT_TERMINAL_PROMPT=0", NULL });
}

static const TapTest tests[] = {
        { "what is a repository becomes its URL", test_repositories },
        { "what is none is refused with a sentence", test_refusals },
        { "a refusal does not repeat the credential in a URL", test_a_refusal_does_not_tell_the_credential },
        { "each URL has a mirror of its own, in one directory", test_mirrors },
        { "paths and branch of a task", test_paths },
        { "a mirror's name is never longer than a file's may be", test_a_mirrors_name_is_a_files_name },
        { "the token is for https, and for this machine", test_whom_the_token_is_for },
        { "git's environment names the helper and no secret", test_environment },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

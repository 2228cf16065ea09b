/* Workspace: see workspace.h. What a user calls a repository becomes one URL here, once; all that is dangerous in it
 * for git, for a file's name or for the shell that git runs credential helpers with is refused or encoded here. */
#include <remote-developer/workspace.h>

#include <remote-developer/buffer.h>
#include <remote-developer/strings.h>

#include <limits.h>

#define FIELD "github_repo"
#define MIRROR_SUFFIX ".git"
/* What comes behind a mirror's name: the longest is that of one being made (".git.partial"). */
#define SUFFIXES_MAX ((size_t) 16)

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

/* The transports, and whether a user's name in front of the host is one's login there and no credential. "ext::" and
 * other helpers, which run programs, are not among them. */
static const struct {
        const char *scheme;
        bool has_login;
} transports[] = {
        { "https://", false }, { "http://", false }, { "ssh://", true }, { "git://", false }, { "file:///", true },
};

static bool has_control_character(const char *s) {
        for (; *s; s++)
                if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        return true;
        return false;
}

/* "owner" or "name", `size` bytes of it. */
static bool is_github_word(const char *s, size_t size) {
        return size > 0 && size <= 100 && strspn(s, letters) >= size && s[0] != '-' && s[0] != '.';
}

static bool is_github_name(const char *s) {
        const char *slash = strchr(s, '/');

        return slash && is_github_word(s, (size_t) (slash - s)) && is_github_word(slash + 1, strlen(slash + 1));
}

/* "user@host:path", where nothing looks like an option. */
static bool is_scp_like(const char *s) {
        size_t user = strspn(s, letters), host;

        if (user == 0 || s[user] != '@' || s[0] == '-')
                return false;
        host = strspn(s + user + 1, letters);
        return host > 0 && s[user + 1] != '-' && s[user + 1 + host] == ':' && s[user + 2 + host];
}

static int refuse_credential(const char *s, Problem *problem) {
        const char *at = strrchr(s, '@');

        return problem_set(problem, -EINVAL, FIELD,
                           "The repository's URL has a credential in it; write it as \"https://%s\" and hand the "
                           "token in as %s", at ? at + 1 : "…", WORKSPACE_TOKEN);
}

/* `s` begins with a transport: that its host is one. */
static int check_authority(const char *s, size_t i, Problem *problem) {
        const char *authority = s + strlen(transports[i].scheme), *at;
        size_t size = strcspn(authority, "/?#");

        if (string_has_prefix(s, "file:"))
                return 0;
        at = memchr(authority, '@', size);
        if (at && (!transports[i].has_login || memchr(authority, ':', (size_t) (at - authority))))
                return refuse_credential(s, problem);
        if (at)
                size -= (size_t) (at + 1 - authority);
        authority = at ? at + 1 : authority;
        if (size == 0 || authority[0] == '-' || authority[0] == ':' || !authority[size])
                return problem_set(problem, -EINVAL, FIELD, "\"%.*s\" names no repository on a host",
                                   PROBLEM_VALUE_MAX, s);
        return 0;
}

static int check_url(const char *s, Problem *problem) {
        for (size_t i = 0; i < ELEMENTSOF(transports); i++)
                if (string_has_prefix(s, transports[i].scheme))
                        return check_authority(s, i, problem);
        if (s[0] == '/' || is_scp_like(s))
                return 0;
        return problem_set(problem, -EINVAL, FIELD,
                           "\"%.*s\" is no repository: write owner/name of GitHub, an absolute path, or a URL of "
                           "https, ssh, git or file", PROBLEM_VALUE_MAX, s);
}

static bool ends_with(const char *s, const char *suffix) {
        size_t size = strlen(s), end = strlen(suffix);

        return size > end && string_equal(s + size - end, suffix);
}

static char *expand(const char *repository) {
        if (!is_github_name(repository))
                return strdup(repository);
        return string_format("https://github.com/%s%s", repository,
                             ends_with(repository, MIRROR_SUFFIX) ? "" : MIRROR_SUFFIX);
}

static int encode(const char *url, Buffer *to) {
        size_t size = strlen(url) - (ends_with(url, MIRROR_SUFFIX) ? strlen(MIRROR_SUFFIX) : 0);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < size; i++) {
                if (url[i] == '/')
                        r = buffer_append_string(to, "+");
                else if (strchr(letters, url[i]))
                        r = buffer_append(to, url + i, 1);
                else
                        r = buffer_append_format(to, "=%02X", (unsigned char) url[i]);
        }
        return r;
}

static int check_length(const char *url, Problem *problem) {
        _cleanup_(buffer_done) Buffer name = BUFFER_NULL;
        int r = encode(url, &name);

        if (r < 0)
                return r;
        if (name.size + SUFFIXES_MAX > NAME_MAX)
                return problem_set(
                                problem, -EINVAL, FIELD, "The repository's URL is too long: %zu bytes", strlen(url));
        return 0;
}

int workspace_url(const char *repository, char **ret, Problem *problem) {
        _cleanup_free_ char *url = NULL;
        int r;

        if (string_is_empty(repository) || repository[0] == '-' || has_control_character(repository))
                return problem_set(problem, -EINVAL, FIELD,
                                   "A repository's name is not empty, does not begin with a dash and has no control "
                                   "characters");
        url = expand(repository);
        r = url ? check_url(url, problem) : -ENOMEM;
        if (r >= 0)
                r = check_length(url, problem);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(url);
        return 0;
}

static char *beside_mirrors(const char *root, const char *url, const char *suffix) {
        _cleanup_(buffer_done) Buffer path = BUFFER_NULL;
        int r = buffer_append_format(&path, "%s/mirrors/", root);

        if (r >= 0)
                r = encode(url, &path);
        if (r >= 0)
                r = buffer_append_string(&path, suffix);
        return r < 0 ? NULL : buffer_take(&path);
}

char *workspace_mirror(const char *root, const char *url) {
        return beside_mirrors(root, url, MIRROR_SUFFIX);
}

char *workspace_lock(const char *root, const char *url) {
        return beside_mirrors(root, url, ".lock");
}

char *workspace_tree(const char *root, const char *task_id) {
        return string_format("%s/tasks/%s", root, task_id);
}

char *workspace_reports(const char *root, const char *task_id) {
        return string_format("%s/" WORKSPACE_REPORTS "/%s", root, task_id);
}

char *workspace_branch(const char *task_id) {
        return string_format(WORKSPACE_BRANCH_PREFIX "%s", task_id);
}

static bool is_ipv4_loopback(const char *host, size_t size) {
        return size > 4 && string_has_prefix(host, "127.") && strspn(host, "0123456789.") == size;
}

bool workspace_host_is_loopback(const char *host) {
        static const char domain[] = ".localhost";
        size_t size;

        if (string_equal(host, "[::1]") || string_has_prefix(host, "[::1]:"))
                return true;
        size = strcspn(host, ":");
        if (is_ipv4_loopback(host, size) || (size == strlen(domain + 1) && string_has_prefix(host, domain + 1)))
                return true;
        return size > strlen(domain) && string_has_prefix(host + size - strlen(domain), domain);
}

/* It stands between single quotes in a shell's text. */
static bool is_plain_host(const char *host) {
        return *host && strspn(host, letters) + strspn(host + strspn(host, letters), ":0123456789") == strlen(host);
}

static bool is_ipv6_host(const char *host) {
        return host[0] == '[' && strspn(host, "[]:.0123456789abcdefABCDEF") == strlen(host);
}

char *workspace_credential_host(const char *url) {
        bool encrypted = string_has_prefix(url, "https://");
        const char *authority = url + (encrypted ? strlen("https://") : strlen("http://"));
        _cleanup_free_ char *host = NULL;

        if (!encrypted && !string_has_prefix(url, "http://"))
                return NULL;
        host = strndup(authority, strcspn(authority, "/?#"));
        if (!host || !(is_plain_host(host) || is_ipv6_host(host)))
                return NULL;
        return encrypted || workspace_host_is_loopback(host) ? TAKE_PTR(host) : NULL;
}

static int append_format(char ***v, char *line) {
        _cleanup_free_ char *owned = line;

        return owned ? strv_append(v, owned) : -ENOMEM;
}

/* As a word of a shell's text, where only the single quote is special. */
static int append_quoted(Buffer *b, const char *word) {
        int r = buffer_append_string(b, "'");

        for (; r >= 0 && *word; word++)
                r = *word == '\'' ? buffer_append_string(b, "'\\''") : buffer_append(b, word, 1);
        return r < 0 ? r : buffer_append_string(b, "'");
}

static char *helper_text(const char *step, const char *host) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int r = buffer_append_string(&text, "GIT_CONFIG_VALUE_1=!");

        if (r >= 0)
                r = append_quoted(&text, step);
        if (r >= 0)
                r = buffer_append_format(&text, " credential '%s'", host);
        return r < 0 ? NULL : buffer_take(&text);
}

static int append_helper(const char *step, const char *url, const char *host, char ***v) {
        const char *scheme = string_has_prefix(url, "https:") ? "https" : "http";
        int r = strv_append(v, "GIT_CONFIG_COUNT=2");

        for (unsigned i = 0; r >= 0 && i < 2; i++)
                r = append_format(v, string_format("GIT_CONFIG_KEY_%u=credential.%s://%s.helper", i, scheme, host));
        if (r >= 0)
                r = strv_append(v, "GIT_CONFIG_VALUE_0=");
        return r < 0 ? r : append_format(v, helper_text(step, host));
}

int workspace_git_environment(const char *step, const char *url, char ***v) {
        _cleanup_free_ char *host = url ? workspace_credential_host(url) : NULL;
        int r = strv_append(v, "GIT_TERMINAL_PROMPT=0");

        return r < 0 || !host ? r : append_helper(step, url, host, v);
}

/* Github: see github.h. */
#include "github.h"

#include "credential.h"
#include "tree.h"

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/mman.h>

/* What would be somebody else's token, or make gh wait for somebody. */
static const char *const environment[] = {
        "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_HOST", "GH_REPO", "GH_DEBUG",
        "DEBUG", "GH_PROMPT_DISABLED=1", "GH_NO_UPDATE_NOTIFIER=1", "NO_COLOR=1", "LC_ALL=C", "GIT_TERMINAL_PROMPT=0",
};

/* The two parts of "https://host/path", "ssh://git@host/path" or "git@host:path"; both are fresh memory. */
static int split(const char *url, char **ret_host, char **ret_path) {
        const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url, *at, *path;
        size_t size = strcspn(host, scheme ? "/" : ":");

        path = host[size] ? host + size + 1 : "";
        at = memchr(host, '@', size);
        host = at ? at + 1 : host;
        *ret_host = strndup(host, strcspn(host, "/:"));
        *ret_path = strdup(path);
        return *ret_host && *ret_path ? 0 : -ENOMEM;
}

static bool is_owner_and_name(const char *path) {
        const char *slash = strchr(path, '/');

        return slash && slash > path && slash[1] && !strchr(slash + 1, '/');
}

int github_repository(const char *url, char **ret, Problem *problem) {
        _cleanup_free_ char *host = NULL, *path = NULL;
        int r = split(url, &host, &path);
        size_t n;

        if (r < 0)
                return r;
        n = strlen(path);
        if (n > 4 && string_equal(path + n - 4, ".git"))
                path[n - 4] = 0;
        if (url[0] == '/' || string_is_empty(host) || !is_owner_and_name(path))
                return problem_set(problem, -EINVAL, NULL,
                                   "%s is no repository of GitHub: a pull request needs https://HOST/OWNER/NAME", url);
        *ret = string_format("%s/%s", host, path);
        return *ret ? 0 : -ENOMEM;
}

/* It stands between double quotes in YAML. */
static bool is_plain(const char *token) {
        for (; *token; token++)
                if (*token <= ' ' || *token > '~' || *token == '"' || *token == '\\')
                        return false;
        return true;
}

static int write_hosts(const char *host, const char *token) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = buffer_append_format(&text, "%s:\n    user: x-access-token\n    oauth_token: \"%s\"\n"
                                     "    git_protocol: https\n", host, token);

        if (r < 0)
                return r;
        fd = memfd_create("hosts.yml", 0); /* not closed on exec: gh opens it through its own /proc/self/fd */
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, text.data, text.size);
        return r < 0 ? r : TAKE_FD(fd);
}

/* "version": else a gh that knows several accounts would rewrite hosts.yml. */
static int fill_directory(const char *directory, int hosts_fd) {
        static const char config[] = "version: \"1\"\ngit_protocol: https\nprompt: disabled\n";
        _cleanup_free_ char *target = string_format("/proc/self/fd/%d", hosts_fd);
        _cleanup_close_ int fd = file_open_directory(directory, 0700);

        if (!target || fd < 0)
                return fd < 0 ? fd : -ENOMEM;
        if (symlinkat(target, fd, "hosts.yml") < 0)
                return -errno;
        return file_write_durable(fd, "config.yml", config, strlen(config), 0600);
}

static int run_in(const char *directory, const char *host, const char *token, const Program *gh, RunResult *ret) {
        _cleanup_free_ char *variable = string_format("GH_CONFIG_DIR=%s", directory);
        _cleanup_close_ int hosts_fd = write_hosts(host, token);
        _cleanup_strv_ char **changes = NULL;
        Program p = *gh;
        int r = hosts_fd;

        if (r >= 0)
                r = fill_directory(directory, hosts_fd);
        if (r >= 0)
                r = strv_copy(gh->environment, &changes);
        if (r >= 0)
                r = variable ? strv_append(&changes, variable) : -ENOMEM;
        p.environment = changes;
        return r < 0 ? r : program_run(&p, ret);
}

static int run_with_token(Step *s, const char *host, const char *token, const Program *gh, RunResult *ret) {
        _cleanup_free_ char *reports = workspace_reports(s->root, s->task), *directory = NULL;
        int r;

        if (!is_plain(token))
                return problem_set(&s->problem, -EINVAL, WORKSPACE_TOKEN,
                                   "The github_token has characters that no token of GitHub has");
        directory = reports ? string_format("%s/.gh", reports) : NULL;
        r = directory ? tree_remove(directory) : -ENOMEM;
        if (r >= 0)
                r = run_in(directory, host, token, gh, ret);
        if (directory)
                (void) tree_remove(directory);
        return r;
}

int github_run(Step *s, const char *host, const Program *gh, RunResult *ret) {
        _cleanup_free_ char *token = NULL;
        _cleanup_strv_ char **changes = NULL;
        Program p = *gh;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(environment); i++)
                r = strv_append(&changes, environment[i]);
        if (r < 0)
                return r;
        p.environment = changes;
        r = credential_read_line(WORKSPACE_TOKEN, &token);
        if (r == -ENOENT)
                return program_run(&p, ret);
        return r < 0 ? r : run_with_token(s, host, token, &p, ret);
}

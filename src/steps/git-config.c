/* GitConfig: see git-config.h. git itself is asked for the names and where they come from, as it will read them: with
 * the configuration of a linked work tree, and that of a common directory elsewhere. What would be included is not
 * read, since the key that includes it is refused. */
#include "git-config.h"

#include <remote-developer/strings.h>

/* "section.key", "section.*.key" where there is a name in between, and "*" at the end for every key. Those that could
 * run something are here only where git.c overrides them, or where no git of ours comes to read them: editors, pagers,
 * aliases, the files for `git blame`. */
static const char *const harmless[] = {
        "advice.*", "alias.*", "apply.whitespace", "author.*", "blame.*", "branch.*", "branch.*.*",
        "checkout.defaultremote", "checkout.guess", "color.*", "color.*.*", "column.*", "commit.cleanup",
        "commit.gpgsign", "commit.status", "commit.template", "commit.verbose", "committer.*", "core.abbrev",
        "core.autocrlf", "core.bare", "core.bigfilethreshold", "core.checkstat", "core.commentchar",
        "core.commentstring", "core.commitgraph", "core.compression", "core.createobject", "core.deltabasecachelimit",
        "core.editor", "core.eol", "core.filemode", "core.filesreflocktimeout", "core.fscache", "core.fsmonitor",
        "core.fsmonitorhookversion", "core.fsync", "core.fsyncmethod", "core.fsyncobjectfiles", "core.hidedotfiles",
        "core.hookspath", "core.ignorecase", "core.logallrefupdates", "core.longpaths", "core.loosecompression",
        "core.maxtreedepth", "core.multipackindex", "core.packedgitlimit", "core.packedgitwindowsize",
        "core.packedrefstimeout", "core.pager", "core.precomposeunicode", "core.preloadindex", "core.protecthfs",
        "core.protectntfs", "core.quotepath", "core.repositoryformatversion", "core.safecrlf", "core.sharedrepository",
        "core.sparsecheckout", "core.sparsecheckoutcone", "core.splitindex", "core.symlinks", "core.trustctime",
        "core.untrackedcache", "core.usereplacerefs", "core.warnambiguousrefs", "core.whitespace", "diff.*.binary",
        "diff.*.xfuncname", "diff.algorithm", "diff.autorefreshindex", "diff.colormoved", "diff.colormovedws",
        "diff.context", "diff.dirstat", "diff.ignoresubmodules", "diff.indentheuristic", "diff.interhunkcontext",
        "diff.mnemonicprefix", "diff.noprefix", "diff.relative", "diff.renamelimit", "diff.renames",
        "diff.statgraphwidth", "diff.submodule", "diff.suppressblankempty", "diff.tool", "diff.wserrorhighlight",
        "difftool.prompt", "extensions.compatobjectformat", "extensions.noop", "extensions.objectformat",
        "extensions.preciousobjects", "extensions.refstorage", "extensions.relativeworktrees",
        "extensions.worktreeconfig", "feature.*", "fetch.fsckobjects", "fetch.output", "fetch.parallel", "fetch.prune",
        "fetch.prunetags", "fetch.recursesubmodules", "fetch.showforcedupdates", "fetch.writecommitgraph",
        "format.pretty", "gc.aggressivedepth", "gc.aggressivewindow", "gc.auto", "gc.autodetach", "gc.autopacklimit",
        "gc.packrefs", "gc.pruneexpire", "gc.reflogexpire", "gc.reflogexpireunreachable", "gc.worktreepruneexpire",
        "gc.writecommitgraph", "gpg.format", "grep.*", "gui.*", "help.autocorrect", "http.lowspeedlimit",
        "http.lowspeedtime", "http.postbuffer", "http.version", "i18n.*", "index.*", "init.defaultbranch",
        "lfs.*.access", "lfs.*.locksverify", "lfs.repositoryformatversion", "log.*", "maintenance.auto",
        "maintenance.strategy", "merge.autostash", "merge.conflictstyle", "merge.directoryrenames", "merge.ff",
        "merge.log", "merge.renamelimit", "merge.renames", "merge.renormalize", "merge.stat", "merge.tool",
        "merge.verbosity", "mergetool.keepbackup", "mergetool.prompt", "notes.*", "pack.*", "pager.*", "pull.*",
        "push.autosetupremote", "push.default", "push.followtags", "push.gpgsign", "push.recursesubmodules",
        "push.useforceifincludes", "rebase.abbreviatecommands", "rebase.autosquash", "rebase.autostash",
        "rebase.backend", "rebase.forkpoint", "rebase.missingcommitscheck", "rebase.rebasemerges", "rebase.stat",
        "rebase.updaterefs", "receive.denycurrentbranch", "remote.*.fetch", "remote.*.followremotehead",
        "remote.*.gh-resolved", "remote.*.prune", "remote.*.prunetags", "remote.*.push", "remote.*.pushurl",
        "remote.*.skipdefaultupdate", "remote.*.skipfetchall", "remote.*.tagopt", "remote.*.url", "remote.pushdefault",
        "repack.*", "rerere.*", "stash.*", "status.*", "submodule.*.active", "submodule.*.branch",
        "submodule.*.ignore", "submodule.*.shallow", "submodule.*.url", "submodule.active", "submodule.fetchjobs",
        "submodule.recurse", "tag.forcesignannotated", "tag.gpgsign", "tag.sort", "transfer.fsckobjects", "user.*",
        "versionsort.*", "worktree.*",
};

/* git sets it in every submodule; where only `git status` is run it does no more than choose what is looked at. */
static const char *const harmless_nested[] = { "core.worktree" };

/* Those of people, and of the step itself. */
static const char *const trusted_scopes[] = { "system", "global", "command" };

/* git has section and key in small letters, and what is between the first and the last dot as it was written. */
static bool fits(const char *pattern, const char *key) {
        size_t section = strcspn(pattern, ".");
        const char *want = strrchr(pattern, '.'), *have = strrchr(key, '.');

        if (!have || strncmp(pattern, key, section + 1) != 0)
                return false;
        if ((want == pattern + section) != (have == key + section))
                return false;
        return string_equal(want, ".*") || string_equal(want, have);
}

/* A remote can have a URL for its name, and is then what git takes that URL for. */
static bool is_misleading(const char *key) {
        const char *name = key + strlen("remote."), *end = strrchr(key, '.');
        size_t size;

        if (!string_has_prefix(key, "remote.") || !end || end < name)
                return false;
        size = (size_t) (end - name);
        return name[0] == '/' || memchr(name, ':', size) ||
               (size == strlen(GIT_CONFIG_OWN_REMOTE) && memcmp(name, GIT_CONFIG_OWN_REMOTE, size) == 0);
}

static bool is_harmless(const char *key, bool is_nested) {
        if (is_misleading(key))
                return false;
        if (is_nested && string_table_lookup(harmless_nested, ELEMENTSOF(harmless_nested), key) >= 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (fits(harmless[i], key))
                        return true;
        return false;
}

/* It is the task's word, and people may copy it to a shell: short, and of letters that mean nothing there. */
static void make_plain(const char *key, char ret[static PROBLEM_VALUE_MAX]) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@+,=%";
        size_t n = 0;

        for (; key[n] && n < PROBLEM_VALUE_MAX - 1; n++)
                ret[n] = strchr(plain, key[n]) ? key[n] : '?';
        ret[n] = 0;
}

static int refuse(const char *scope, const char *key, const char *nested, Problem *problem) {
        bool is_linked = string_equal(scope, "worktree");
        char name[PROBLEM_VALUE_MAX], place[PROBLEM_VALUE_MAX];

        make_plain(key, name);
        make_plain(nested ?: "", place);
        return problem_set(problem, -EPERM, NULL,
                           "The work tree's own configuration (%s%s.git/%s) sets %s, which may run a program or lead "
                           "elsewhere; take it out (git %s%s%sconfig %s--unset-all %s) and ask again", place,
                           nested ? "/" : "", is_linked ? "config.worktree" : "config", name, nested ? "-C " : "",
                           place, nested ? " " : "", is_linked ? "--worktree " : "", name);
}

/* "scope", "key", "scope", "key" ..., each ended by a NUL. */
static int check_names(const Buffer *names, const char *nested, Problem *problem) {
        const char *at = names->data, *end = names->data + names->size;

        while (at < end) {
                const char *scope = at, *key = scope + strlen(scope) + 1;

                if (key >= end)
                        return problem_set(problem, -EPROTO, NULL, "git lists its configuration in another form");
                at = key + strlen(key) + 1;
                if (string_table_lookup(trusted_scopes, ELEMENTSOF(trusted_scopes), scope) < 0 &&
                    !is_harmless(key, nested))
                        return refuse(scope, key, nested, problem);
        }
        return 0;
}

int git_config_check(const Git *g, const char *nested, Problem *problem) {
        _cleanup_(run_result_done) RunResult names = RUN_RESULT_NULL;
        int r = git_must(g, &names, problem, "config", "--no-includes", "--null", "--name-only",
                         "--show-scope", "--list");

        return r < 0 ? r : check_names(&names.output, nested, problem);
}

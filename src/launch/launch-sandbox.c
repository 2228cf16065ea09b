/* Which fence a unit gets, and which limits. What a fenced task may write: where it works, the directory of the work
 * trees (whose mirrors are everybody's), what the configuration adds and, in `standard`, its user's home: agents keep
 * their logins, sessions and caches there. What it may not even see: the service's state, the secrets of its
 * neighbours, and /run/user, with a manager that would start it a program without a fence.
 *
 * systemd makes the mounts of what may be written also for the recorder, which in the system is root's, and looks for
 * the path once for what is mounted and once for the place: who could lead the path elsewhere in between would put
 * files of his own over root's programs (tried: root within 13 tasks, by two links that took turns at being the path).
 * So in the system only places are named that root alone decides on; what is below them the rights of files guard. */
#include "launch-internal.h"

#include <remote-developer/guarded-path.h>
#include <remote-developer/strings.h>
#include <remote-developer/user.h>

#define RUN "/run"

/* --- paths --- */

static bool is_at_or_below(const char *path, const char *directory) {
        size_t n = strlen(directory);

        return string_has_prefix(path, directory) && (path[n] == 0 || path[n] == '/');
}

static bool is_temporary(const char *path) {
        return is_at_or_below(path, "/tmp") || is_at_or_below(path, "/var/tmp");
}

static bool is_home(const char *path) {
        return is_at_or_below(path, "/home") || is_at_or_below(path, "/root") || is_at_or_below(path, "/run/user");
}

bool launch_path_is_plain(const char *path) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./+@,=~";

        return !path[strspn(path, letters)];
}

/* What is bound systemd 252 writes into the unit's file as it is. */
static bool may_be_bound(const char *path) {
        return launch_path_is_plain(path) && !string_equal(path, "/tmp") && !string_equal(path, "/var/tmp");
}

/* Slashes at its end would hide what it is. Fresh memory or NULL. */
static char *plain_path(const char *path) {
        char *plain = strdup(path);
        size_t n = strlen(path);

        while (plain && n > 1 && plain[n - 1] == '/')
                plain[--n] = 0;
        return plain;
}

static int add_path(char ***to, const char *path) {
        _cleanup_free_ char *optional = string_format("-%s", path);

        return optional ? strv_append(to, optional) : -ENOMEM;
}

/* These two letters in a path make systemd 252 lose the property when it reads the file again (tried): what is above
 * them is named instead, which the rights of files still guard. False: that would be everything. */
static bool cut_lost_letters(char *path) {
        path[strcspn(path, "\"\\")] = 0;
        if (path[strlen(path) - 1] != '/')
                *strrchr(path, '/') = 0;
        return path[0] && path[1];
}

/* --- the home --- */

/* NULL: it has none, or one that is the whole machine. */
static int find_home(const Launch *l, char **ret) {
        _cleanup_free_ char *home = NULL;
        int r = user_find_home(l->scope == RUNTIME_SCOPE_SYSTEM ? l->config->user : NULL, &home);

        if (r >= 0)
                *ret = plain_path(home);
        if (r >= 0 && string_equal(*ret, "/"))
                r = string_replace(ret, NULL);
        else if (r >= 0 && !*ret)
                r = -ENOMEM;
        return r == -ENOENT ? 0 : r;
}

/* --- what it may write --- */

/* Each path is a mount, for each command. */
static bool is_writable(const UnitSandbox *s, const char *path) {
        for (char *const *p = s->writable; p && *p; p++)
                if (is_at_or_below(path, *p + 1))
                        return true;
        for (char *const *p = s->bound; p && *p; p++)
                if (is_at_or_below(path, *p))
                        return true;
        return false;
}

/* By name: what is at that place, whoever put it there. */
static int add_named(UnitSandbox *s, char *path) {
        s->shares_tmp |= is_temporary(path);
        if (strpbrk(path, "\"\\") && !cut_lost_letters(path))
                return 0;
        return is_writable(s, path) ? 0 : add_path(&s->writable, path);
}

/* In the system. Of a home there is all or nothing, and in `strict` there is none. */
static int add_guarded(UnitSandbox *s, const char *path, const char *home) {
        _cleanup_free_ char *guarded = NULL, *guarded_home = NULL;
        int r = guarded_path_find(path, &guarded);

        if (r >= 0 && home)
                r = guarded_path_find(home, &guarded_home);
        if (r < 0)
                return r;
        if (s->profile == SANDBOX_STRICT && guarded_home && is_at_or_below(guarded_home, guarded))
                return 0;
        return add_named(s, guarded);
}

/* Of the homes and /run/user a user's task sees its own home. */
static int add_home(UnitSandbox *s, const char *home) {
        bool writes = s->profile == SANDBOX_STANDARD;

        s->hides_homes = s->is_of_user && home && may_be_bound(home);
        if (s->hides_homes && is_home(home))
                return strv_append(writes ? &s->bound : &s->shown, home);
        if (!home || !writes)
                return 0;
        return s->is_of_user ? add_path(&s->writable, home) : add_guarded(s, home, home);
}

/* Below what is hidden it is there only if it is bound. */
static bool is_behind(const UnitSandbox *s, const char *path, const char *home) {
        return is_temporary(path) || (s->hides_homes && is_home(path) && !(home && is_at_or_below(path, home)));
}

static int add_writable(UnitSandbox *s, const char *path, const char *home) {
        _cleanup_free_ char *plain = path ? plain_path(path) : NULL;

        if (!path)
                return 0;
        if (!plain)
                return -ENOMEM;
        if (!s->is_of_user)
                return add_guarded(s, plain, home);
        return is_behind(s, plain, home) && may_be_bound(plain) ? strv_append(&s->bound, plain) : add_named(s, plain);
}

static int add_all_writable(UnitSandbox *s, const Launch *l, const FencedUnit *u, const char *home) {
        int r = add_home(s, home);

        if (r >= 0)
                r = add_writable(s, l->workspaces_directory, home);
        if (r >= 0)
                r = add_writable(s, u->working_directory, home);
        for (char *const *p = l->config->writable_paths; r >= 0 && p && *p; p++)
                r = add_writable(s, *p, home);
        /* Whoever shares the one has none of its own of the other, either. */
        if (r >= 0 && s->shares_tmp && !s->is_of_user)
                r = add_writable(s, "/tmp", home);
        if (r >= 0 && s->shares_tmp && !s->is_of_user)
                r = add_writable(s, "/var/tmp", home);
        return r;
}

/* --- what it may not see --- */

/* Where the home is a link, what is bound under its name is another mount of what lies where that leads. */
static int add_behind_link(UnitSandbox *s, const char *state, const char *home) {
        _cleanup_free_ char *real = realpath(home, NULL), *again = NULL;

        if (!real || string_equal(real, home) || !is_at_or_below(state, real))
                return 0;
        again = string_format("%s%s", home, state + strlen(real));
        return again ? add_path(&s->hidden, again) : -ENOMEM;
}

static int add_hidden(UnitSandbox *s, const Launch *l, const char *home) {
        int r = add_path(&s->hidden, l->state_directory);

        if (r >= 0 && !s->is_of_user)
                r = add_path(&s->hidden, RUN "/user");
        if (r >= 0 && home)
                r = add_behind_link(s, l->state_directory, home);
        /* In `standard` it may ask the service, which knows who it is. */
        if (r >= 0 && s->profile == SANDBOX_STRICT && !s->is_of_user)
                r = add_path(&s->hidden, RUN "/remote-developer/api.sock");
        return r;
}

/* With those of all others its own would be gone, too: systemd 252 shows them in the system to all commands but those
 * behind the end, in a user's manager to none; see unit-sandbox.c for why the ways differ. */
static int add_credentials(UnitSandbox *s, const Launch *l, const FencedUnit *u) {
        const char *runtime = l->scope == RUNTIME_SCOPE_SYSTEM ? RUN : getenv("XDG_RUNTIME_DIR");
        _cleanup_free_ char *own = runtime ? string_format("%s/credentials/%s", runtime, u->unit) : NULL;

        if (!u->has_credentials || !runtime)
                return 0;
        if (!own)
                return -ENOMEM;
        if (l->scope == RUNTIME_SCOPE_USER)
                return strv_append(&s->shown, own);
        s->credentials = TAKE_PTR(own);
        s->credentials_at = strdup(RUN "/remote-developer/credentials");
        return s->credentials_at ? 0 : -ENOMEM;
}

static bool is_root(const Launch *l) {
        uid_t uid;

        return l->scope == RUNTIME_SCOPE_SYSTEM && user_find_uid(l->config->user, &uid) >= 0 && uid == 0;
}

static int fill(UnitSandbox *s, const Launch *l, const FencedUnit *u) {
        _cleanup_free_ char *home = NULL;
        int r = find_home(l, &home);

        if (r >= 0)
                r = add_all_writable(s, l, u, home);
        if (r >= 0)
                r = add_hidden(s, l, home);
        return r < 0 ? r : add_credentials(s, l, u);
}

/* --- what others see --- */

Sandbox launch_profile(const Launch *l, const Recipe *recipe) {
        return recipe && recipe->sandbox != SANDBOX_UNSET ? recipe->sandbox : l->config->sandbox;
}

int launch_fence(const Launch *l, Sandbox profile, const FencedUnit *u, UnitSandbox *ret) {
        _cleanup_(unit_sandbox_done) UnitSandbox s = { .profile = profile,
                                                       .is_of_user = l->scope == RUNTIME_SCOPE_USER,
                                                       .is_of_root = is_root(l),
                                                       .has_namespaces = !l->no_namespaces };
        int r = 0;

        if (profile != SANDBOX_OPEN)
                r = fill(&s, l, u);
        if (r < 0)
                return r;
        *ret = s;
        s = UNIT_SANDBOX_NULL;
        return 0;
}

UnitLimits launch_limits(const Launch *l, const Task *t) {
        const TaskLimits limits = task_limits_in_force(&t->spec.limits, l->config);

        return (UnitLimits){ .memory_max = limits.memory_max,
                             .cpu_quota_usec = limits.cpu_quota * USEC_PER_SEC / 100,
                             .tasks_max = limits.tasks_max, .io_weight = limits.io_weight };
}

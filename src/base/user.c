/* User: see user.h. One thread asks, so the C library's own memory serves, which also holds the largest group. */
#include <remote-developer/user.h>

#include <remote-developer/strings.h>

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

/* NGROUPS_MAX: the kernel takes no more. */
#define GROUPS_MAX 65536
#define GROUPS_FIRST 64

void user_find_name(uid_t uid, char ret[static USER_NAME_SIZE]) {
        const struct passwd *user = getpwuid(uid);

        snprintf(ret, USER_NAME_SIZE, "%s", user && !string_holds_control(user->pw_name, "") ? user->pw_name : "");
}

int user_find_uid(const char *name, uid_t *ret) {
        const struct passwd *user = getpwnam(name);
        uint64_t number;

        if (user) {
                *ret = user->pw_uid;
                return 0;
        }
        if (string_to_uint64(name, &number) < 0 || number >= UINT32_MAX)
                return -ENOENT;
        *ret = (uid_t) number;
        return 0;
}

/* What a session has in HOME counts for its own. */
int user_find_home(const char *name, char **ret) {
        const char *home = name ? NULL : getenv("HOME");
        const struct passwd *user;
        uid_t uid = getuid();
        int r = name ? user_find_uid(name, &uid) : 0;

        if (r < 0)
                return r;
        user = home ? NULL : getpwuid(uid);
        home = user ? user->pw_dir : home;
        if (!home || *home != '/')
                return -ENOENT;
        *ret = strdup(home);
        return *ret ? 0 : -ENOMEM;
}

static bool has_group(const struct passwd *user, gid_t wanted) {
        _cleanup_free_ gid_t *groups = NULL;
        int n = GROUPS_FIRST, room = 0;

        /* getgrouplist() says how many there are when there was no room for them. */
        while (n > room && n <= GROUPS_MAX) {
                room = n;
                free(groups);
                groups = calloc((size_t) room, sizeof(gid_t));
                if (!groups)
                        return false;
                if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) >= 0)
                        break;
        }
        for (int i = 0; i < MIN_OF(n, room); i++)
                if (groups[i] == wanted)
                        return true;
        return false;
}

bool user_is_member(uid_t uid, const char *group) {
        const struct group *wanted = getgrnam(group);
        gid_t gid = wanted ? wanted->gr_gid : 0;
        const struct passwd *user = getpwuid(uid);

        return wanted && user && has_group(user, gid);
}

/* What the machine's databases say of users and groups: of those that every Linux machine has. */
#include "../lib/tap.h"

#include <remote-developer/user.h>

#include <grp.h>
#include <pwd.h>

/* In /etc/passwd of every Debian; and a number that nobody has. */
#define DAEMON ((uid_t) 1)
#define NOBODYS ((uid_t) 4000000001)

static bool machine_has_daemon(void) {
        const struct passwd *user = getpwnam("daemon");

        if (user && user->pw_uid == DAEMON && getgrnam("daemon") && getgrnam("mail"))
                return true;
        tap_skip("the usual users are missing here");
        return false;
}

static void test_names(void) {
        char name[USER_NAME_SIZE];
        uid_t uid = 7;

        if (!machine_has_daemon())
                return;
        user_find_name(0, name);
        TAP_CHECK_STRING(name, "root");
        user_find_name(DAEMON, name);
        TAP_CHECK_STRING(name, "daemon");
        user_find_name(NOBODYS, name);
        TAP_CHECK_STRING(name, "");
        TAP_CHECK(user_find_uid("daemon", &uid) == 0 && uid == DAEMON);
        TAP_CHECK(user_find_uid("4000000001", &uid) == 0 && uid == NOBODYS);
        TAP_CHECK_INT(user_find_uid("no-such-user", &uid), -ENOENT);
        TAP_CHECK_INT(user_find_uid("4294967295", &uid), -ENOENT);
        TAP_CHECK_INT(user_find_uid("99999999999", &uid), -ENOENT);
        TAP_CHECK_INT(user_find_uid("", &uid), -ENOENT);
}

static void test_membership(void) {
        if (!machine_has_daemon())
                return;
        TAP_CHECK(user_is_member(DAEMON, "daemon")); /* its own group */
        TAP_CHECK(user_is_member(0, "root"));
        TAP_CHECK(!user_is_member(DAEMON, "mail"));
        TAP_CHECK(!user_is_member(DAEMON, "root"));
        TAP_CHECK(!user_is_member(DAEMON, "no-such-group"));
        TAP_CHECK(!user_is_member(NOBODYS, "daemon"));
}

/* The others of its groups, where the machine has such a user. */
static void test_supplementary_groups(void) {
        const struct group *group;
        bool found = false;

        setgrent();
        while (!found && (group = getgrent()))
                for (char **member = group->gr_mem; !found && *member; member++) {
                        const struct passwd *user = getpwnam(*member);

                        found = user && user->pw_gid != group->gr_gid;
                        if (found)
                                TAP_CHECK(user_is_member(user->pw_uid, group->gr_name));
                }
        endgrent();
        if (!found)
                tap_skip("no group of this machine has a member");
}

static const TapTest tests[] = {
        { "names", test_names },
        { "membership", test_membership },
        { "supplementary groups", test_supplementary_groups },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* How far root alone decides where a path leads. Below /run, where nobody else may write, as all may below /tmp. */
#include "tap.h"

#include <remote-developer/guarded-path.h>
#include <remote-developer/strings.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRANGER 12345

static char root[] = "/run/remote-developer-test-XXXXXX";

static char *at(const char *name) {
        static char path[256];

        snprintf(path, sizeof(path), "%s%s", root, name);
        return path;
}

static void make(const char *name, mode_t mode, uid_t uid) {
        TAP_CHECK(mkdir(at(name), 0700) == 0 && chmod(at(name), mode) == 0 && chown(at(name), uid, uid) == 0);
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

/* Each begins with `root`, unless it begins with a slash twice. */
static void test_beginnings(void) {
        static const struct {
                const char *path, *guarded;
        } rows[] = {
                { "", "" },
                { "/own/deep", "/own/deep" },
                { "/own//deep/", "/own/deep" },
                { "/homes/hers", "/homes/hers" },
                { "/homes/hers/tree/sub", "/homes/hers" },
                { "/homes/hers/link", "/homes/hers" },
                { "/all/x", "/all" },
                { "/sticky/x/y", "/sticky" },
                { "/group/x", "/group" },
                { "/none", "/none" },
                { "/none/below", "/none" },
                { "/homes/hers/none", "/homes/hers" },
                { "/file/x", "/file" },
                /* Root's links. */
                { "/relative", "/own/deep" },
                { "/relative/none/x", "/own/deep/none" },
                { "/up/hers/tree", "/homes/hers" },
                { "/absolute", "//etc" },
                { "/absolute/nothing-of-this-name", "//etc/nothing-of-this-name" },
                { "/to-hers", "/homes/hers" },
                /* The machine's own. */
                { "//", "//" },
                { "//tmp/x/y", "//tmp" },
                { "//proc/self/cwd", "//proc" },
                { "//var/tmp/x", "//var/tmp" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *p = rows[i].path, *g = rows[i].guarded;
                _cleanup_free_ char *found = NULL;
                _cleanup_free_ char *path = strdup(string_has_prefix(p, "//") ? p + 1 : at(p));
                _cleanup_free_ char *expected = strdup(string_has_prefix(g, "//") ? g + 1 : at(g));

                TAP_CHECK_INT(guarded_path_find(path, &found), 0);
                TAP_CHECK_STRING(found, expected);
        }
}

static void test_errors(void) {
        _cleanup_free_ char *found = NULL;
        char path[PATH_MAX + 1];

        TAP_CHECK_INT(guarded_path_find(at("/circle/x"), &found), -ELOOP);
        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = 0;
        TAP_CHECK_INT(guarded_path_find(path, &found), -ENAMETOOLONG);
        TAP_CHECK(!found);
        /* A name that cannot be looked at. */
        path[300] = 0;
        memcpy(path, at("/own/"), strlen(at("/own/")));
        TAP_CHECK_INT(guarded_path_find(path, &found), 0);
        TAP_CHECK_STRING(found, at("/own"));
}

static bool make_all(void) {
        FILE *f;

        umask(0);
        if (!TAP_CHECK(mkdtemp(root)) || !TAP_CHECK(chmod(root, 0755) == 0))
                return false;
        make("/own", 0755, 0);
        make("/own/deep", 0755, 0);
        make("/homes", 0755, 0);
        make("/homes/hers", 0755, STRANGER);
        make("/homes/hers/tree", 0755, 0);
        make("/all", 0777, 0);
        make("/all/x", 0755, 0);
        make("/sticky", 01777, 0);
        make("/sticky/x", 0755, 0);
        make("/group", 0775, 0);
        f = fopen(at("/file"), "we");
        TAP_CHECK(f && fclose(f) == 0);
        TAP_CHECK(symlink("own/./deep", at("/relative")) == 0);
        TAP_CHECK(symlink("own/../homes", at("/up")) == 0);
        TAP_CHECK(symlink("/etc", at("/absolute")) == 0);
        TAP_CHECK(symlink("homes/hers/tree", at("/to-hers")) == 0);
        TAP_CHECK(symlink("/etc", at("/homes/hers/link")) == 0);
        TAP_CHECK(symlink("circle", at("/circle")) == 0);
        return true;
}

static const TapTest tests[] = {
        { "beginnings of paths", test_beginnings },
        { "errors", test_errors },
};

int main(void) {
        int r;

        if (geteuid() != 0) {
                puts("1..0 # SKIP needs root, to give directories to another user");
                return 77;
        }
        r = make_all() ? tap_main(tests, ELEMENTSOF(tests)) : 1;
        (void) nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        return r;
}

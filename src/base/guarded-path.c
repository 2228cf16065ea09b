/* Guarded paths: see guarded-path.h. What is found cannot change while it is looked for, but by root: every name of it
 * stands in a directory in which nobody else may write. */
#include <remote-developer/guarded-path.h>

#include <remote-developer/path.h>
#include <remote-developer/strings.h>

#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define LINKS_MAX 40 /* as the kernel */

typedef struct Walk {
        char done[PATH_SIZE_MAX + 1]; /* "" is the root */
        char path[PATH_SIZE_MAX + 1]; /* of which that is left to be gone from `at` on */
        size_t at;
        unsigned links;
} Walk;

/* A file system that a user's program makes up says of itself what it likes; and below /proc all names and links are
 * those of programs, whomever they seem to belong to. */
static bool is_made_up(const char *path) {
        struct statfs fs;

        return statfs(path, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC || fs.f_type == PROC_SUPER_MAGIC;
}

static bool is_guarded(const char *directory) {
        struct stat st;

        return lstat(directory, &st) >= 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
               !(st.st_mode & (S_IWGRP | S_IWOTH)) && !is_made_up(directory);
}

/* Takes the next name from what is left. False: there is none. */
static bool next_name(Walk *w, char name[static PATH_SIZE_MAX + 1]) {
        const char *begin = w->path + w->at + strspn(w->path + w->at, "/");
        size_t n = strcspn(begin, "/");

        memcpy(name, begin, n);
        name[n] = 0;
        w->at = (size_t) (begin + n - w->path);
        return n > 0;
}

static int add_name(Walk *w, const char *name) {
        size_t n = strlen(w->done);
        int r = snprintf(w->done + n, sizeof(w->done) - n, "/%s", name);

        return r < 0 || (size_t) r >= sizeof(w->done) - n ? -ENAMETOOLONG : 0;
}

/* What is done so far holds no link, so that its last name can be cut off. */
static void remove_name(Walk *w) {
        char *slash = strrchr(w->done, '/');

        if (slash)
                *slash = 0;
}

/* The link that was done last: where it leads is left to be gone. */
static int follow(Walk *w) {
        char target[PATH_SIZE_MAX + 1], left[PATH_SIZE_MAX + 1];
        ssize_t n = readlink(w->done, target, sizeof(target) - 1);
        int r;

        if (n < 0)
                return -errno;
        if (++w->links > LINKS_MAX)
                return -ELOOP;
        target[n] = 0;
        if (target[0] == '/')
                w->done[0] = 0;
        else
                remove_name(w);
        memcpy(left, w->path + w->at, strlen(w->path + w->at) + 1);
        r = snprintf(w->path, sizeof(w->path), "%s/%s", target, left);
        w->at = 0;
        return r < 0 || (size_t) r >= sizeof(w->path) ? -ENAMETOOLONG : 0;
}

/* 1: to go on. */
static int step(Walk *w) {
        char name[PATH_SIZE_MAX + 1];
        struct stat st;
        int r;

        if (!is_guarded(*w->done ? w->done : "/") || !next_name(w, name))
                return 0;
        if (string_equal(name, "."))
                return 1;
        if (string_equal(name, "..")) {
                remove_name(w);
                return 1;
        }
        r = add_name(w, name);
        if (r < 0)
                return r;
        if (lstat(w->done, &st) < 0) {
                /* What may not be looked at may be a link. */
                if (errno != ENOENT)
                        remove_name(w);
                return 0;
        }
        if (!S_ISLNK(st.st_mode))
                return 1;
        r = follow(w);
        return r < 0 ? r : 1;
}

int guarded_path_find(const char *path, char **ret) {
        Walk w = {};
        char *found;
        int r;

        if (strlen(path) > PATH_SIZE_MAX)
                return -ENAMETOOLONG;
        memcpy(w.path, path, strlen(path) + 1);
        do
                r = step(&w);
        while (r > 0);
        if (r < 0)
                return r;
        found = strdup(*w.done ? w.done : "/");
        if (!found)
                return -ENOMEM;
        *ret = found;
        return 0;
}

/* Tree: see tree.h. nftw(3) knows no user data, hence the one static pointer: there is one thread and one walk. */
#include "tree.h"

#include <remote-developer/clock.h>

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OPEN_MAX_AT_ONCE 32

typedef struct Walk {
        bool (*is_one)(const char *name);
        const char *const *except;
        char *found;
        usec_t until_usec;
        uint64_t bytes;
} Walk;

static Walk *walk;

/* What a package manager has made read-only is removed all the same. */
static int make_writable(const char *path, int base) {
        char parent[4096];

        if (base <= 1 || (size_t) base > sizeof(parent))
                return -EACCES;
        memcpy(parent, path, (size_t) base - 1);
        parent[base - 1] = 0;
        return chmod(parent, S_IRWXU) < 0 ? -errno : 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
        (void) st;
        if (kind == FTW_DNR)
                return chmod(path, S_IRWXU) < 0 ? errno : EAGAIN; /* once more, now into it */
        if (remove(path) == 0 || errno == ENOENT)
                return 0;
        if (errno == EACCES && make_writable(path, where->base) >= 0 && remove(path) == 0)
                return 0;
        return errno;
}

static int remove_file(const char *path, const struct stat *st, int kind, struct FTW *where) {
        (void) st;
        if (kind != FTW_F || !walk->is_one(path + where->base))
                return 0;
        return unlink(path) < 0 && errno != ENOENT ? errno : 0;
}

static int find_link(const char *path, const struct stat *st, int kind, struct FTW *where) {
        (void) st;
        for (const char *const *e = walk->except; where->level == 1 && *e; e++)
                if (strcmp(path + where->base, *e) == 0)
                        return FTW_SKIP_SUBTREE;
        if (kind != FTW_SL)
                return kind == FTW_DNR || kind == FTW_NS ? FTW_STOP : FTW_CONTINUE;
        walk->found = strdup(path);
        return FTW_STOP;
}

static int count_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
        (void) path;
        (void) where;
        if (kind != FTW_NS && (S_ISDIR(st->st_mode) || st->st_nlink == 1))
                walk->bytes += (uint64_t) st->st_blocks * 512;
        return clock_monotonic_usec() >= walk->until_usec;
}

static int walk_tree(const char *path, Walk *w, int flags, __nftw_func_t function) {
        int r;

        walk = w;
        r = nftw(path, function, OPEN_MAX_AT_ONCE, FTW_PHYS | flags);
        walk = NULL;
        return r < 0 ? -errno : r;
}

int tree_remove(const char *path) {
        int r;

        do
                r = walk_tree(path, &(Walk){}, FTW_DEPTH, remove_one);
        while (r == EAGAIN);
        return r == -ENOENT ? 0 : r > 0 ? -r : r;
}

int tree_remove_files(const char *path, bool (*is_one)(const char *name)) {
        int r = walk_tree(path, &(Walk){ .is_one = is_one }, 0, remove_file);

        return r > 0 ? -r : r;
}

int tree_find_link(const char *path, const char *const *except, char **ret) {
        Walk w = { .except = except };
        int r = walk_tree(path, &w, FTW_ACTIONRETVAL, find_link);

        *ret = w.found;
        return r < 0 ? r : w.found ? 1 : r > 0 ? -EACCES : 0;
}

int tree_size(const char *path, uint64_t limit_usec, uint64_t *ret_bytes, bool *ret_whole) {
        Walk w = { .until_usec = clock_monotonic_usec() + limit_usec };
        int r = walk_tree(path, &w, FTW_MOUNT, count_one);

        if (r < 0)
                return r;
        *ret_bytes = w.bytes;
        *ret_whole = r == 0;
        return 0;
}

/* Paths: see path.h. */
#include <remote-developer/path.h>

#include <remote-developer/strings.h>

static bool segment_is_dots(const char *s, size_t n) {
        return (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

/* systemd takes only normalized paths; it is better refused here than failed there. */
static bool holds_dots(const char *path) {
        for (const char *p = path; *p; p += strcspn(p, "/")) {
                p += strspn(p, "/");
                if (segment_is_dots(p, strcspn(p, "/")))
                        return true;
        }
        return false;
}

/* What systemd 252 does not find again in the unit's file when it is reloaded (tried): a space at the end is cut off,
 * and a backslash takes the next property with it; the time limit was seen to go. Slashes behind it do not count. */
static bool ends_in_lost_letter(const char *path) {
        size_t n = strlen(path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        return n > 0 && (path[n - 1] == ' ' || path[n - 1] == '\\');
}

const char *path_fault(const char *path) {
        if (path[0] != '/')
                return "must be an absolute path";
        if (strlen(path) > PATH_SIZE_MAX)
                return "is longer than a path can be (4095 bytes)";
        /* systemd 252 writes this one property into the unit's file as it is (tried): what follows a newline would be
         * a property of its own once the file is read again. */
        if (string_holds_control(path, ""))
                return "must not hold control characters";
        if (ends_in_lost_letter(path))
                return "must not end in a space or a backslash";
        return holds_dots(path) ? "must not hold \".\" or \"..\"" : NULL;
}

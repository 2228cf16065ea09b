/* Programs: see program-path.h. */
#include <remote-developer/program-path.h>

#include <remote-developer/strings.h>

#include <sys/stat.h>

const char *const program_path_directories[] = {
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", NULL,
};

int program_path_new(const char *beside, char ***ret) {
        const char *slash = strrchr(beside, '/');
        _cleanup_free_ char *own = strndup(beside, slash ? (size_t) (slash - beside) : 0);
        _cleanup_strv_ char **directories = NULL;
        int r;

        r = own ? strv_append(&directories, own) : -ENOMEM;
        for (size_t i = 0; r >= 0 && program_path_directories[i]; i++)
                r = strv_append(&directories, program_path_directories[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(directories);
        return 0;
}

bool program_path_has(char *const *directories, const char *name) {
        struct stat st;

        for (size_t i = 0; directories && directories[i]; i++) {
                _cleanup_free_ char *path = string_format("%s/%s", directories[i], name);

                if (path && stat(path, &st) >= 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
                        return true;
        }
        return false;
}

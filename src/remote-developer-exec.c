/* remote-developer-exec PROGRAM ARGV...: becomes PROGRAM with these arguments, the first of which is argv[0]. Every
 * word is in the letters of string_encode().
 *
 * It stands in the file of a task's transient unit, because systemd does not read back every text that it writes
 * there (systemd/unit-spec.c), and is run only when systemd has been reloaded between the request for a unit and the
 * command. Linked statically, since the recorder is run through it too, privileged and in the environment of a
 * task. */
#include <remote-developer/strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* systemd.exec(5): the program could not be executed. */
#define EXIT_EXEC 203

/* Where systemd looks for a program whose name has no slash, whatever PATH is. */
static const char *const directories[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin",
                                           "/bin" };

static int search(const char *program, char *const argv[]) {
        int r = -ENOENT;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *path = string_format("%s/%s", directories[i], program);

                if (!path)
                        return -ENOMEM;
                (void) execv(path, argv);
                if (errno != ENOENT)
                        r = -errno;
        }
        return r;
}

int main(int argc, char *argv[]) {
        int r = argc > 2 ? 0 : -EINVAL;

        for (int i = 1; r == 0 && i < argc; i++)
                r = string_decode(argv[i]);
        if (r < 0) {
                fprintf(stderr, "remote-developer-exec PROGRAM ARGV...: run by systemd for a task\n");
                return EXIT_FAILURE;
        }
        if (strchr(argv[1], '/')) {
                (void) execv(argv[1], argv + 2);
                r = -errno;
        } else
                r = search(argv[1], argv + 2);
        fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
        return EXIT_EXEC;
}

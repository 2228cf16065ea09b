/* What the Doctor sees without running anything: configuration, lingering, journal, disk, and whether the service
 * answers. */
#include "doctor-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/journal-reader.h>
#include <remote-developer/strings.h>
#include <remote-developer/token.h>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#define MIB (1024ULL * 1024)

/* Below the first new tasks are soon refused; above the second there is room for a while. */
#define STATE_BYTES_ERROR (16 * MIB)
#define STATE_BYTES_WARNING (512 * MIB)

/* A checkout and what is built in it want more. */
#define WORKSPACES_BYTES_ERROR (64 * MIB)
#define WORKSPACES_BYTES_WARNING (1024 * MIB)

#define ANSWER_LIMIT_USEC (5 * USEC_PER_SEC)

static void look_at_configuration(Doctor *d) {
        if (d->options.config_problem)
                finding_add(&d->found, "configuration", FINDING_ERROR, "remote-developerd --check-config", "%s",
                            d->options.config_problem);
        else
                finding_add(&d->found, "configuration", FINDING_OK, NULL, "it is valid");
}

/* --- the service --- */

static int connect_to(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        return connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : TAKE_FD(fd);
}

/* The status of its answer to GET /api/health. This is not the service: it may wait. */
static int ask_service(const char *path, unsigned *ret_status) {
        static const char request[] = "GET /api/health HTTP/1.0\r\nHost: localhost\r\n\r\n";
        _cleanup_close_ int fd = connect_to(path);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char answer[64];
        ssize_t n;

        if (fd < 0)
                return fd;
        if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
                return -errno;
        if (poll(&p, 1, (int) (ANSWER_LIMIT_USEC / USEC_PER_MSEC)) <= 0)
                return -ETIMEDOUT;
        n = recv(fd, answer, sizeof(answer) - 1, 0);
        if (n < 0)
                return -errno;
        answer[n] = 0;
        return sscanf(answer, "HTTP/%*d.%*d %u", ret_status) == 1 ? 0 : -EPROTO;
}

static const char *service_remedy(const Doctor *d, int error) {
        if (error == -EACCES)
                return "sudo usermod -aG remote-developer-users $USER";
        return doctor_is_of_system(d) ? "systemctl enable --now remote-developer.socket"
                                      : "systemctl --user enable --now remote-developer.socket";
}

static void look_at_service(Doctor *d) {
        const char *path = d->options.socket;
        unsigned status = 0;
        int r;

        if (!path)
                return;
        r = ask_service(path, &status);
        if (r < 0)
                finding_add(&d->found, "service", FINDING_WARNING, service_remedy(d, r),
                                "it does not answer at %s: %s", path, strerror(-r));
        else if (status != 200)
                finding_add(&d->found, "service", FINDING_WARNING, "curl -s 127.0.0.1:15001/api/health",
                            "it answers at %s, but not everything works (status %u)", path, status);
        else
                finding_add(&d->found, "service", FINDING_OK, NULL, "it answers at %s", path);
}

/* --- lingering --- */

static void look_at_lingering(Doctor *d) {
        const struct passwd *user = getpwuid(getuid());
        _cleanup_free_ char *path = NULL;

        if (doctor_is_of_system(d) || !user)
                return;
        path = string_format("/var/lib/systemd/linger/%s", user->pw_name);
        if (!path)
                return;
        if (access(path, F_OK) == 0)
                finding_add(&d->found, "lingering", FINDING_OK, NULL, "tasks of %s outlive the last session",
                            user->pw_name);
        else
                finding_add(&d->found, "lingering", FINDING_WARNING, "loginctl enable-linger",
                            "it is off: all tasks of %s end with the last session", user->pw_name);
}

/* --- journal --- */

static const char *volatile_remedy(void) {
        return "sudo mkdir -p /var/log/journal && sudo systemctl restart systemd-journald && sudo journalctl --flush";
}

static const char *unreadable_remedy(const Doctor *d) {
        if (!doctor_is_of_system(d))
                return volatile_remedy(); /* a user has files of his own only on disk */
        return geteuid() == 0 ? "systemctl status systemd-journald" : "sudo usermod -aG systemd-journal $USER";
}

static void look_at_journal(Doctor *d) {
        const JournalSource source = { .scope = d->options.scope };

        if (!journal_reader_source_is_readable(&source))
                finding_add(&d->found, "journal", FINDING_ERROR, unreadable_remedy(d),
                            "it is not readable: no logs can be shown");
        else if (!journal_reader_source_is_persistent(&source))
                finding_add(&d->found, "journal", FINDING_WARNING, volatile_remedy(),
                            "it is only in memory: the logs of tasks are gone after a reboot");
        else
                finding_add(&d->found, "journal", FINDING_OK, NULL, "it is readable, and on disk");
}

/* --- disk --- */

/* A directory that is not there yet is made in the nearest one that is. */
static int free_bytes(const char *path, uint64_t *ret) {
        _cleanup_free_ char *above = strdup(path);
        struct statvfs st;

        while (above && statvfs(above, &st) < 0) {
                char *slash = strrchr(above, '/');

                if (errno != ENOENT || !slash)
                        return -errno;
                slash[slash == above] = 0;
        }
        if (!above)
                return -ENOMEM;
        *ret = (uint64_t) st.f_bavail * st.f_frsize;
        return 0;
}

static void look_at_disk(Doctor *d, const char *check, const char *path, uint64_t error, uint64_t warning) {
        _cleanup_free_ char *remedy = string_format("df -h %s", path);
        uint64_t bytes = 0;
        int r = free_bytes(path, &bytes);

        if (r < 0)
                finding_add(&d->found, check, FINDING_WARNING, NULL, "%s cannot be looked at: %s", path, strerror(-r));
        else
                finding_add(&d->found, check,
                                bytes < error     ? FINDING_ERROR
                                : bytes < warning ? FINDING_WARNING
                                                  : FINDING_OK,
                                bytes < warning ? remedy : NULL, "%llu MiB are free in %s",
                                (unsigned long long) (bytes / MIB), path);
}

static void look_at_state(Doctor *d) {
        look_at_disk(d, "disk", d->options.state_directory, STATE_BYTES_ERROR, STATE_BYTES_WARNING);
}

static void look_at_workspaces(Doctor *d) {
        look_at_disk(d, "workspaces", d->options.workspaces_directory, WORKSPACES_BYTES_ERROR,
                     WORKSPACES_BYTES_WARNING);
}

/* --- tokens --- */

/* Where there are none nobody need be told of them. */
static void look_at_tokens(Doctor *d) {
        _cleanup_close_ int fd = open(d->options.state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *remedy = string_format("rm %s/" TOKEN_FILE "; remote-developerd --new-token=NAME ...",
                                                    d->options.state_directory);
        _cleanup_(token_list_done) TokenList list = TOKEN_LIST_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        int r = fd >= 0 ? token_list_read(fd, &list, &problem) : 0;

        if (r < 0)
                finding_add(&d->found, "tokens", FINDING_ERROR, remedy,
                            "%s/" TOKEN_FILE " is not believed, and no token is valid: %s", d->options.state_directory,
                            problem_sentence(&problem));
        else if (list.n > 0)
                finding_add(&d->found, "tokens", FINDING_OK, NULL, "there are %zu, of the %zu that there may be",
                            list.n, TOKENS_MAX);
}

void doctor_look_at_machine(Doctor *d) {
        static void (*const looks[])(Doctor *) = {
                look_at_configuration,
                look_at_service,
                look_at_lingering,
                look_at_journal,
                look_at_state,
                look_at_workspaces,
                look_at_tokens,
                doctor_look_at_fence,
        };

        for (size_t i = 0; i < ELEMENTSOF(looks); i++)
                looks[i](d);
}

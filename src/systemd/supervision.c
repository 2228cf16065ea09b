/* Supervision: see supervision.h. */
#include <remote-developer/supervision.h>

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

int supervision_take_sockets(int *fds, size_t max) {
        int n = sd_listen_fds(true);

        if (n < 0)
                return n;
        if ((size_t) n > max)
                return -E2BIG;
        for (int i = 0; i < n; i++) {
                fds[i] = SD_LISTEN_FDS_START + i;
                if (sd_is_socket(fds[i], AF_UNSPEC, SOCK_STREAM, 1) <= 0)
                        return -ENOTSOCK;
        }
        return n;
}

usec_t supervision_watchdog_usec(void) {
        uint64_t usec;

        return sd_watchdog_enabled(false, &usec) > 0 ? usec : 0;
}

void supervision_ready(void) {
        (void) sd_notify(false, "READY=1\nSTATUS=Serving");
}

void supervision_stopping(void) {
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Ending; tasks go on");
}

void supervision_keep_alive(void) {
        (void) sd_notify(false, "WATCHDOG=1");
}

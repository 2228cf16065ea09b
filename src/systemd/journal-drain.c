/* Asks the kernel which of journald's sockets still hold something. See journal-drain.h.
 *
 * NETLINK_SOCK_DIAG for AF_UNIX needs no privilege. A stream socket of journald's has the name of the listening one;
 * journald shuts down its own sending side, so that the two bits of the shutdown mask are both set when the writer has
 * closed too: then only reading is left. */
#include <remote-developer/journal-drain.h>

#include <remote-developer/journal-socket.h>
#include <remote-developer/macros.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TCP_LISTEN_STATE 10
#define SHUTDOWN_BOTH 3
#define ANSWER_TIMEOUT_USEC 200000

typedef struct SocketFacts {
        char name[64];
        struct unix_diag_vfs file; /* of the name; of an accepted one, of the listener's */
        unsigned waiting; /* bytes, or connections for a listening one */
        unsigned shutdown;
} SocketFacts;

static int send_request(int fd) {
        struct {
                struct nlmsghdr header;
                struct unix_diag_req request;
        } m = {
                .header = { .nlmsg_len = sizeof(m), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .request = { .sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX,
                             .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN },
        };

        return send(fd, &m, sizeof(m), 0) < 0 ? -errno : 0;
}

static void read_attribute(const struct rtattr *a, SocketFacts *f) {
        size_t size = RTA_PAYLOAD(a);
        const struct unix_diag_rqlen *queue = RTA_DATA(a);

        switch (a->rta_type) {
        case UNIX_DIAG_NAME:
                if (size < sizeof(f->name))
                        memcpy(f->name, RTA_DATA(a), size);
                break;
        case UNIX_DIAG_VFS:
                f->file = *(const struct unix_diag_vfs *) RTA_DATA(a);
                break;
        case UNIX_DIAG_RQLEN:
                f->waiting = queue->udiag_rqueue;
                break;
        case UNIX_DIAG_SHUTDOWN:
                f->shutdown = *(const uint8_t *) RTA_DATA(a);
                break;
        default:
                break;
        }
}

/* In other mount namespaces, such as containers that share the network, others may have sockets of that name. The
 * kernel tells devices in its own form: 12 bits, and 20. */
static bool is_journalds(const SocketFacts *f, const char *name) {
        struct stat st;

        if (strcmp(f->name, name) != 0 || stat(name, &st) < 0)
                return false;
        return f->file.udiag_vfs_ino == (uint32_t) st.st_ino &&
               makedev(f->file.udiag_vfs_dev >> 20, f->file.udiag_vfs_dev & 0xfffff) == st.st_dev;
}

static unsigned socket_waits(const struct nlmsghdr *h) {
        const struct unix_diag_msg *m = NLMSG_DATA(h);
        int size = (int) (h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
        SocketFacts f = {};

        for (const struct rtattr *a = (const void *) (m + 1); RTA_OK(a, size); a = RTA_NEXT(a, size))
                read_attribute(a, &f);

        if (is_journalds(&f, JOURNAL_SOCKET_DATAGRAM))
                return f.waiting > 0 ? JOURNAL_WAITS_MESSAGES : 0;
        if (!is_journalds(&f, JOURNAL_SOCKET_STREAM))
                return 0;
        if (m->udiag_state == TCP_LISTEN_STATE)
                return f.waiting > 0 ? JOURNAL_WAITS_MESSAGES : 0;
        return f.shutdown == SHUTDOWN_BOTH ? JOURNAL_WAITS_STREAM : 0;
}

/* 1: the answer is complete; 0: more parts come. */
static int read_answer(const char *data, size_t size, unsigned *waits) {
        for (const struct nlmsghdr *h = (const void *) data; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
                if (h->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (h->nlmsg_type == NLMSG_ERROR)
                        return ((const struct nlmsgerr *) NLMSG_DATA(h))->error ?: -EIO;
                if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
                        *waits |= socket_waits(h);
        }
        return 0;
}

int journal_drain_look(void) {
        static const struct timeval timeout = { .tv_usec = ANSWER_TIMEOUT_USEC };
        _cleanup_close_ int fd = -EBADF;
        _Alignas(struct nlmsghdr) char data[32768];
        unsigned waits = 0;
        int r;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        r = send_request(fd);
        while (r == 0) {
                ssize_t n = recv(fd, data, sizeof(data), 0);

                r = n < 0 ? -errno : read_answer(data, (size_t) n, &waits);
        }
        return r < 0 ? r : (int) waits;
}

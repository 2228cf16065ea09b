/* viewers: a thousand viewers of logs in one process, and whether each of them gets every line, once, and when.
 *
 *      viewers [OPTION...] PATH...     requests PATH, each viewer the next one in turn
 *      viewers [OPTION...] -           reads lines from standard input, such as journalctl's
 *
 *      --address ADDRESS    a port of 127.0.0.1 (default: 15001) or the path of a unix socket
 *      --accept TYPE        what is accepted (default: text/event-stream)
 *      --viewers N          so many (default: 1)
 *      --lines N            each log has so many; what a viewer has not got of them is lost
 *      --endless            the answer does not end: a viewer that has all lines is done
 *      --cut-every N        each viewer breaks its connection at random, after N bytes on an average, and resumes
 *      --stall N            so many of the viewers stop reading after --stall-after lines (default: 1); when the
 *                           service has dropped them, they resume
 *      --seconds N          ends after that at the latest (default: 60)
 *
 * The logs are those of writer.c. Says "answered" on standard output when every viewer has the begin of its answer,
 * and at the end what was found as JSON: times in milliseconds unless a name says otherwise. Whatever was lost or
 * doubled, it ends with 0; it does not when it was answered with an error. */
#include "viewer.h"

#include <remote-developer/strings.h>

#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/un.h>

#define VIEWERS_MAX 10000
#define EVENTS_MAX 256
#define TIMELY_USEC (100 * USEC_PER_MSEC)

typedef struct Wishes {
        const char *address;
        uint64_t viewers, stall, seconds;
} Wishes;

enum { OPTION_ADDRESS, OPTION_ACCEPT, OPTION_ENDLESS, OPTION_NUMBER };

static const struct option options[] = {
        { "address", required_argument, NULL, OPTION_ADDRESS },
        { "accept", required_argument, NULL, OPTION_ACCEPT },
        { "endless", no_argument, NULL, OPTION_ENDLESS },
        { "viewers", required_argument, NULL, OPTION_NUMBER },
        { "lines", required_argument, NULL, OPTION_NUMBER + 1 },
        { "cut-every", required_argument, NULL, OPTION_NUMBER + 2 },
        { "stall", required_argument, NULL, OPTION_NUMBER + 3 },
        { "stall-after", required_argument, NULL, OPTION_NUMBER + 4 },
        { "seconds", required_argument, NULL, OPTION_NUMBER + 5 },
        {},
};

static bool read_option(int option, Wishes *w, Load *load) {
        uint64_t *const numbers[] = { &w->viewers, &load->lines,       &load->cut_every,
                                      &w->stall,   &load->stall_after, &w->seconds };

        if (option == OPTION_ADDRESS)
                w->address = optarg;
        else if (option == OPTION_ACCEPT)
                load->accept = optarg;
        else if (option == OPTION_ENDLESS)
                load->endless = true;
        else if (option >= OPTION_NUMBER)
                return string_to_uint64(optarg, numbers[option - OPTION_NUMBER]) >= 0;
        else
                return false;
        return true;
}

static bool read_options(int argc, char *argv[], Wishes *w, Load *load) {
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
                if (!read_option(option, w, load))
                        return false;
        return optind < argc && w->viewers > 0 && w->viewers <= VIEWERS_MAX && w->stall <= w->viewers;
}

static int set_address(Load *load, const char *address) {
        struct sockaddr_un *un = (struct sockaddr_un *) &load->address;
        struct sockaddr_in *in = (struct sockaddr_in *) &load->address;
        uint64_t port;

        if (string_equal(address, "-"))
                return 0;
        if (address[0] == '/') {
                if (strlen(address) >= sizeof(un->sun_path))
                        return -EINVAL;
                un->sun_family = AF_UNIX;
                memcpy(un->sun_path, address, strlen(address) + 1);
                load->address_size = sizeof(*un);
                return 0;
        }
        if (string_to_uint64(address, &port) < 0 || port > UINT16_MAX)
                return -EINVAL;
        *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t) port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        load->address_size = sizeof(*in);
        return 0;
}

/* --- the run --- */

static int begin_viewers(Load *load, unsigned n, unsigned n_stalling, char **paths, unsigned n_paths) {
        int r;

        load->viewers = calloc(n, sizeof(Viewer));
        if (!load->viewers)
                return -ENOMEM;
        for (unsigned i = 0; i < n; i++) {
                /* One of each log stops reading before the second of any does. */
                r = viewer_begin(&load->viewers[i], load, paths[i % n_paths], i < n_stalling);
                if (r < 0)
                        return r;
                load->n_viewers++;
        }
        return 0;
}

static int turn(Load *load, usec_t wait_usec) {
        struct epoll_event events[EVENTS_MAX];
        int n, r;

        n = epoll_wait(load->epoll, events, EVENTS_MAX, (int) (wait_usec / USEC_PER_MSEC) + 1);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                Viewer *v = events[i].data.ptr;

                r = v->done ? 0 : viewer_on_events(v, events[i].events);
                if (r < 0) {
                        fprintf(stderr, "viewers: %s was answered with %d\n", v->path, v->answer.status);
                        return r;
                }
        }
        return 0;
}

static int watch(Load *load, usec_t until_usec) {
        bool told = false;
        usec_t now;
        int r = 0;

        while (r >= 0 && load->n_done < load->n_viewers && (now = clock_monotonic_usec()) < until_usec) {
                r = turn(load, until_usec - now);
                if (load->n_answered < load->n_viewers || told)
                        continue;
                told = true;
                puts("answered");
                fflush(stdout);
        }
        for (unsigned i = 0; i < load->n_viewers; i++)
                viewer_end(&load->viewers[i]);
        return r;
}

/* --- the report --- */

static double msec(usec_t usec) {
        return (double) usec / USEC_PER_MSEC;
}

static double cpu_seconds(void) {
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / USEC_PER_SEC;
}

static void report(const Load *load) {
        const Latency *l = &load->latency;
        const struct {
                const char *name;
                double value;
        } figures[] = {
                { "viewers", load->n_viewers },
                { "lines", (double) load->n_lines },
                { "bytes", (double) load->n_bytes },
                { "reads", (double) load->n_reads },
                { "lost", (double) load->n_lost },
                { "doubled", (double) load->n_doubled },
                { "refused", (double) load->n_refused },
                { "resumed", (double) load->n_resumed },
                { "dropped", (double) load->n_dropped },
                { "dropped_min", msec(load->dropped_min_usec) },
                { "dropped_max", msec(load->dropped_max_usec) },
                { "median", msec(latency_percentile(l, 0.5)) },
                { "percentile_99", msec(latency_percentile(l, 0.99)) },
                { "longest", msec(l->longest) },
                { "timely_share", latency_share_within(l, TIMELY_USEC) },
                { "seconds", msec(load->last_usec - load->first_usec) / 1000 },
                { "cpu_seconds", cpu_seconds() },
        };

        for (size_t i = 0; i < ELEMENTSOF(figures); i++)
                printf("%s\"%s\": %.3f", i == 0 ? "{" : ", ", figures[i].name, figures[i].value);
        puts("}");
}

static void raise_file_limit(void) {
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0)
                return;
        l.rlim_cur = l.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &l);
}

int main(int argc, char *argv[]) {
        static Load load = { .accept = "text/event-stream", .stall_after = 1 };
        Wishes w = { .address = "15001", .viewers = 1, .seconds = 60 };
        int r;

        if (!read_options(argc, argv, &w, &load) ||
            set_address(&load, string_equal(argv[optind], "-") ? "-" : w.address) < 0) {
                fprintf(stderr, "viewers: see the head of tests/bench/viewers.c for what it takes\n");
                return 2;
        }
        raise_file_limit();
        load.epoll = epoll_create1(EPOLL_CLOEXEC);
        r = load.epoll < 0 ? -errno
                           : begin_viewers(&load, (unsigned) w.viewers, (unsigned) w.stall, argv + optind,
                                           (unsigned) (argc - optind));
        if (r >= 0)
                r = watch(&load, clock_monotonic_usec() + w.seconds * USEC_PER_SEC);
        if (r < 0)
                fprintf(stderr, "viewers: %s\n", strerror(-r));
        else
                report(&load);
        free(load.viewers);
        return r < 0;
}

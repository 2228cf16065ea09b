/* writer: a task that writes lines which viewers.c knows again.
 *
 *      writer LINES PER_SECOND SIZE [FIFO]
 *
 * Each line is "@@SEQUENCE NANOSECONDS padding", SIZE bytes without its end; the sequence counts from 0 and the time
 * is CLOCK_REALTIME as the line is written. Each comes at random within its part of a second, so that it never falls
 * into step with somebody's timer or with another writer. PER_SECOND 0: as fast as they are taken. With FIFO it begins
 * when that was opened for writing and closed again, so that a thousand viewers can be there before the first line. */
#include <remote-developer/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_LINE 4096
#define NSEC_PER_SEC UINT64_C(1000000000)

static uint64_t now_nsec(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return (uint64_t) t.tv_sec * NSEC_PER_SEC + (uint64_t) t.tv_nsec;
}

static void sleep_until(uint64_t nsec) {
        struct timespec t = { (time_t) (nsec / NSEC_PER_SEC), (long) (nsec % NSEC_PER_SEC) };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
                ;
}

static int await_fifo(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char c;

        while (fd >= 0 && read(fd, &c, 1) > 0)
                ;
        return fd < 0 ? -errno : 0;
}

/* One write() a line where they come apart, as programs do that write to a terminal or a log; else in blocks. */
static int write_lines(uint64_t lines, uint64_t per_second, size_t size) {
        uint64_t begin = now_nsec(CLOCK_MONOTONIC);
        char line[SIZE_MAX_LINE + 2];

        srandom((unsigned) getpid());
        setvbuf(stdout, NULL, per_second > 0 ? _IOLBF : _IOFBF, 32 * 1024);
        for (uint64_t i = 0; i < lines; i++) {
                int n;

                if (per_second > 0)
                        sleep_until(begin + i * NSEC_PER_SEC / per_second +
                                    (uint64_t) random() % (NSEC_PER_SEC / per_second));
                n = snprintf(line, sizeof(line), "@@%llu %llu ", (unsigned long long) i,
                             (unsigned long long) now_nsec(CLOCK_REALTIME));
                if ((size_t) n < size)
                        memset(line + n, 'x', size - (size_t) n);
                n = (int) MAX_OF((size_t) n, size);
                line[n] = '\n';
                if (fwrite(line, 1, (size_t) n + 1, stdout) != (size_t) n + 1)
                        return -errno;
        }
        return fflush(stdout) == 0 ? 0 : -errno;
}

int main(int argc, char *argv[]) {
        size_t size = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
        int r = 0;

        if (argc < 4 || argc > 5 || size > SIZE_MAX_LINE) {
                fprintf(stderr, "usage: writer LINES PER_SECOND SIZE [FIFO]\n");
                return 2;
        }
        if (argc == 5)
                r = await_fifo(argv[4]);
        if (r >= 0)
                r = write_lines(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), size);
        if (r < 0)
                fprintf(stderr, "writer: %s\n", strerror(-r));
        return r < 0;
}

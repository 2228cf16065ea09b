/* stamp: writes CLOCK_MONOTONIC in nanoseconds to a FIFO: the first instruction of a task.
 *
 *      stamp FIFO */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char *argv[]) {
        struct timespec t;
        int fd;

        clock_gettime(CLOCK_MONOTONIC, &t);
        fd = argc == 2 ? open(argv[1], O_WRONLY | O_CLOEXEC) : -1;
        if (fd < 0)
                return 1;
        return dprintf(fd, "%lld\n", (long long) t.tv_sec * 1000000000LL + t.tv_nsec) > 0 ? 0 : 1;
}

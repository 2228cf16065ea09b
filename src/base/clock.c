/* Clock: see clock.h. */
#include <remote-developer/clock.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static usec_t clock_now_usec(clockid_t clock) {
        struct timespec ts;

        assert(clock_gettime(clock, &ts) == 0);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t clock_realtime_usec(void) {
        return clock_now_usec(CLOCK_REALTIME);
}

usec_t clock_monotonic_usec(void) {
        return clock_now_usec(CLOCK_MONOTONIC);
}

const char *clock_format(usec_t t, char buffer[static CLOCK_TEXT_SIZE]) {
        time_t seconds = (time_t) (t / USEC_PER_SEC);
        struct tm tm;
        size_t n;

        if (!gmtime_r(&seconds, &tm))
                tm = (struct tm){};
        n = strftime(buffer, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(buffer + n, CLOCK_TEXT_SIZE - n, ".%06uZ", (unsigned) (t % USEC_PER_SEC));
        return buffer;
}

/* ".123456" → microseconds; digits beyond the sixth are dropped. Moves *s behind it. */
static usec_t parse_fraction(const char **s) {
        usec_t usec = 0, unit = USEC_PER_SEC / 10;

        if (**s != '.')
                return 0;
        for ((*s)++; **s >= '0' && **s <= '9'; (*s)++) {
                usec += (usec_t) (**s - '0') * unit;
                unit /= 10;
        }
        return usec;
}

/* "Z" or "+hh:mm" → seconds east of UTC, to the end of the string. */
static int parse_offset(const char *s, long *ret) {
        unsigned hours, minutes;
        int n = 0;

        *ret = 0;
        if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
                return 0;
        if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2u:%2u%n", &hours, &minutes, &n) != 2 || s[1 + n])
                return -EINVAL;
        if (hours > 23 || minutes > 59)
                return -EINVAL;

        *ret = (long) (hours * 3600 + minutes * 60) * (*s == '-' ? -1 : 1);
        return 0;
}

int clock_parse(const char *s, usec_t *ret) {
        struct tm tm = {};
        long offset;
        usec_t fraction;
        time_t t;

        s = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!s)
                return -EINVAL;

        fraction = parse_fraction(&s);
        if (parse_offset(s, &offset) < 0)
                return -EINVAL;

        t = timegm(&tm) - offset;
        if (t < 0)
                return -EINVAL;
        *ret = (usec_t) t * USEC_PER_SEC + fraction;
        return 0;
}

int clock_boot_id(char ret[static ID128_TEXT_SIZE]) {
        _cleanup_close_ int fd = -EBADF;
        char text[37];
        ssize_t n;
        size_t k = 0;

        fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text));
        if (n < 36)
                return n < 0 ? -errno : -EIO;

        for (size_t i = 0; i < 36 && k < ID128_TEXT_SIZE - 1; i++)
                if (text[i] != '-')
                        ret[k++] = text[i];
        ret[k] = 0;
        return 0;
}

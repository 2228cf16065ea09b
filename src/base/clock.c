/* Clock: see clock.h. */
#include <remote-developer/clock.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static usec_t clock_now_usec(clockid_t clock) {
        struct timespec ts;
        int r = clock_gettime(clock, &ts);

        assert(r == 0);
        (void) r;
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t clock_realtime_usec(void) {
        return clock_now_usec(CLOCK_REALTIME);
}

usec_t clock_monotonic_usec(void) {
        return clock_now_usec(CLOCK_MONOTONIC);
}

usec_t clock_boottime_usec(void) {
        return clock_now_usec(CLOCK_BOOTTIME);
}

usec_t clock_thread_usec(void) {
        return clock_now_usec(CLOCK_THREAD_CPUTIME_ID);
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

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* strptime(3) and sscanf(3) would also take blanks, signs and single digits. */
static bool has_form(const char *s, const char *form) {
        for (; *form; s++, form++)
                if (*form == '0' ? !is_digit(*s) : *s != *form)
                        return false;
        return true;
}

static int two_digits(const char *s) {
        return (s[0] - '0') * 10 + (s[1] - '0');
}

/* "2026-11-22T12:30:29" as if it were UTC. timegm(3) turns February 30 into March 2: what it had to change did not
 * exist, but for second 60, which is a leap second. */
static int parse_seconds(const char *s, time_t *ret) {
        struct tm tm = {}, is;

        if (!has_form(s, "0000-00-00T00:00:00") && !has_form(s, "0000-00-00t00:00:00"))
                return -EINVAL;
        tm.tm_year = two_digits(s) * 100 + two_digits(s + 2) - 1900;
        tm.tm_mon = two_digits(s + 5) - 1;
        tm.tm_mday = two_digits(s + 8);
        is = tm;
        *ret = timegm(&is) + two_digits(s + 11) * 3600 + two_digits(s + 14) * 60 + two_digits(s + 17);
        if (is.tm_mon != tm.tm_mon || is.tm_mday != tm.tm_mday)
                return -EINVAL;
        return two_digits(s + 11) > 23 || two_digits(s + 14) > 59 || two_digits(s + 17) > 60 ? -EINVAL : 0;
}

/* ".123456" → microseconds; digits beyond the sixth are dropped. Moves *s behind it. */
static usec_t parse_fraction(const char **s) {
        usec_t usec = 0, unit = USEC_PER_SEC / 10;

        if (**s != '.' || !is_digit((*s)[1]))
                return 0;
        for ((*s)++; is_digit(**s); (*s)++) {
                usec += (usec_t) (**s - '0') * unit;
                unit /= 10;
        }
        return usec;
}

/* "Z" or "+hh:mm" → seconds east of UTC, to the end of the string. */
static int parse_offset(const char *s, long *ret) {
        *ret = 0;
        if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
                return 0;
        if ((*s != '+' && *s != '-') || !has_form(s + 1, "00:00") || s[6])
                return -EINVAL;
        if (two_digits(s + 1) > 23 || two_digits(s + 4) > 59)
                return -EINVAL;

        *ret = (two_digits(s + 1) * 3600L + two_digits(s + 4) * 60L) * (*s == '-' ? -1 : 1);
        return 0;
}

int clock_parse(const char *s, usec_t *ret) {
        long offset;
        usec_t fraction;
        time_t t;

        if (parse_seconds(s, &t) < 0)
                return -EINVAL;
        s += strlen("2026-11-22T12:30:29");
        fraction = parse_fraction(&s);
        if (parse_offset(s, &offset) < 0)
                return -EINVAL;

        t -= offset;
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

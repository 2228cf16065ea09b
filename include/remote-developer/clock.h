/* Clock: points in time as microseconds since the epoch (CLOCK_REALTIME) unless a name says `monotonic`.
 * 0 and USEC_INFINITY mean "not set". */
#pragma once

#include <remote-developer/macros.h>

typedef uint64_t usec_t;

#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_INFINITY ((usec_t) UINT64_MAX)

usec_t clock_realtime_usec(void);
usec_t clock_monotonic_usec(void);

/* Since the boot, suspension included: comparable between programs and over restarts of one, within a boot. */
usec_t clock_boottime_usec(void);

/* The processor's time that this thread has had: what others take does not count. A system call. */
usec_t clock_thread_usec(void);

static inline bool clock_is_set(usec_t t) {
        return t != 0 && t != USEC_INFINITY;
}

/* RFC 3339 in UTC with microseconds, "2026-11-22T12:30:29.123456Z": 27 characters. */
#define CLOCK_TEXT_SIZE 32
const char *clock_format(usec_t t, char buffer[static CLOCK_TEXT_SIZE]);

/* Reads what clock_format() wrote, and any RFC 3339 time with an offset. 0 or -EINVAL. */
int clock_parse(const char *s, usec_t *ret);

/* This boot's id, 32 hexadecimal digits, from /proc/sys/kernel/random/boot_id. */
#define ID128_TEXT_SIZE 33
int clock_boot_id(char ret[static ID128_TEXT_SIZE]);

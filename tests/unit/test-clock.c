/* Clock: RFC 3339 written and read, and nothing else read. */
#include "../lib/tap.h"

#include <remote-developer/clock.h>

#include <string.h>

/* The last second that has a year of four digits. */
#define LAST_USEC ((usec_t) 253402300800 * USEC_PER_SEC - 1)

static void test_format(void) {
        char text[CLOCK_TEXT_SIZE];

        TAP_CHECK_STRING(clock_format(0, text), "1970-01-01T00:00:00.000000Z");
        TAP_CHECK_STRING(clock_format(1, text), "1970-01-01T00:00:00.000001Z");
        TAP_CHECK_STRING(clock_format((usec_t) 951827696 * USEC_PER_SEC + 7000, text), "2000-02-29T12:34:56.007000Z");
        TAP_CHECK_STRING(clock_format(LAST_USEC, text), "9999-12-31T23:59:59.999999Z");
        /* Not set, and far beyond: a text all the same, and within its buffer. */
        TAP_CHECK(strlen(clock_format(USEC_INFINITY, text)) < CLOCK_TEXT_SIZE);
}

static void test_round_trip(void) {
        char text[CLOCK_TEXT_SIZE];
        usec_t t, back;

        srandom(3);
        for (unsigned i = 0; i < 20000; i++) {
                t = ((usec_t) random() << 31 | (usec_t) random()) % LAST_USEC;
                if (clock_parse(clock_format(t, text), &back) < 0 || back != t || strlen(text) != 27)
                        tap_fail(__FILE__, __LINE__, "%s is read as %llu", text, (unsigned long long) back);
        }
        TAP_CHECK_INT(clock_parse(clock_format(LAST_USEC, text), &back), 0);
        TAP_CHECK_INT(back, LAST_USEC);
}

static const struct {
        const char *text;
        const char *is; /* as clock_format() writes it */
} times[] = {
        { "2026-11-22T12:30:29Z", "2026-11-22T12:30:29.000000Z" },
        { "2026-11-22t12:30:29z", "2026-11-22T12:30:29.000000Z" },
        { "2026-11-22T12:30:29.5Z", "2026-11-22T12:30:29.500000Z" },
        { "2026-11-22T12:30:29.000001Z", "2026-11-22T12:30:29.000001Z" },
        { "2026-11-22T12:30:29.1234569999Z", "2026-11-22T12:30:29.123456Z" },
        { "2026-11-22T12:30:29+00:00", "2026-11-22T12:30:29.000000Z" },
        { "2026-11-22T12:30:29-00:00", "2026-11-22T12:30:29.000000Z" },
        { "2026-11-22T12:30:29+05:30", "2026-11-22T07:00:29.000000Z" },
        { "2026-11-22T12:30:29-08:00", "2026-11-22T20:30:29.000000Z" },
        { "2026-11-22T23:59:59.9-00:01", "2026-11-23T00:00:59.900000Z" },
        { "2027-01-01T00:00:00+23:59", "2026-12-31T00:01:00.000000Z" },
        { "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z" },
        { "1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000000Z" },
        { "1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00.000000Z" },
        /* A leap second is the next minute's first, as everywhere in POSIX. */
        { "2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z" },
};

static void test_times(void) {
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                char text[CLOCK_TEXT_SIZE];
                usec_t t;

                if (clock_parse(times[i].text, &t) < 0)
                        tap_fail(__FILE__, __LINE__, "%s is refused", times[i].text);
                else
                        TAP_CHECK_STRING(clock_format(t, text), times[i].is);
        }
}

static const char *const wrong[] = {
        "", "Z", "now", "1700000000", "2026-11-22", "2026-11-22T12:30Z", "2026-11-22 12:30:29Z",
        "2026-11-22T12:30:29", "2026-11-22T12:30:29 Z", "2026-11-22T12:30:29ZZ", "2026-11-22T12:30:29Z ",
        " 2026-11-22T12:30:29Z", "2026-11-22T12:30:29.Z", "2026-11-22T12:30:29,5Z", "2026-11-22T12:30:29.5",
        /* what strptime(3) and sscanf(3) would take */
        "2026-1-2T3:4:5Z", "2026- 1- 2T 3: 4: 5Z", "226-11-22T12:30:29Z", "+226-11-22T12:30:29Z",
        "12026-11-22T12:30:29Z", "2026-11-22T12:30:29+1:00", "2026-11-22T12:30:29+ 1: 0",
        "2026-11-22T12:30:29++1:00", "2026-11-22T12:30:29+-1:00", "2026-11-22T12:30:29+0100",
        "2026-11-22T12:30:29+01:0", "2026-11-22T12:30:29+01:000", "2026-11-22T12:30:29+", "2026-11-22T12:30:29+01",
        /* what does not exist */
        "2026-00-22T12:30:29Z", "2026-13-22T12:30:29Z", "2026-11-00T12:30:29Z", "2026-11-31T12:30:29Z",
        "2026-02-29T12:30:29Z", "2026-02-30T12:30:29Z", "2100-02-29T12:30:29Z", "2026-11-22T24:00:00Z",
        "2026-11-22T12:60:29Z", "2026-11-22T12:30:61Z", "2026-11-22T12:30:29+24:00", "2026-11-22T12:30:29+01:60",
        /* before the epoch */
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z",
};

static void test_what_is_no_time_is_refused(void) {
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                usec_t t = 7;

                if (clock_parse(wrong[i], &t) != -EINVAL || t != 7)
                        tap_fail(__FILE__, __LINE__, "\"%s\" is read as %llu", wrong[i], (unsigned long long) t);
        }
}

/* A text that was cut must not be taken for another time. */
static void test_every_cut_is_refused(void) {
        static const char whole[] = "2026-11-22T12:30:29.123456+05:30";
        char text[sizeof(whole)];
        usec_t t;

        for (size_t n = 0; n < strlen(whole); n++) {
                memcpy(text, whole, n);
                text[n] = 0;
                TAP_CHECK_INT(clock_parse(text, &t), -EINVAL);
        }
        TAP_CHECK_INT(clock_parse(whole, &t), 0);
}

static void test_set_or_not(void) {
        TAP_CHECK(!clock_is_set(0));
        TAP_CHECK(!clock_is_set(USEC_INFINITY));
        TAP_CHECK(clock_is_set(1));
}

static void test_now(void) {
        usec_t real = clock_realtime_usec(), monotonic = clock_monotonic_usec();

        /* 2024 to 2100. */
        TAP_CHECK(real > (usec_t) 1704067200 * USEC_PER_SEC && real < (usec_t) 4102444800 * USEC_PER_SEC);
        TAP_CHECK(monotonic > 0 && monotonic < real);
        TAP_CHECK(clock_monotonic_usec() >= monotonic);
}

static void test_boot_id(void) {
        char id[ID128_TEXT_SIZE], again[ID128_TEXT_SIZE];

        TAP_CHECK_INT(clock_boot_id(id), 0);
        TAP_CHECK_INT(strspn(id, "0123456789abcdef"), 32);
        TAP_CHECK_INT(strlen(id), 32);
        TAP_CHECK_INT(clock_boot_id(again), 0);
        TAP_CHECK_STRING(again, id);
}

static const TapTest tests[] = {
        { "formats", test_format },
        { "what is written is read back", test_round_trip },
        { "times with fractions and offsets", test_times },
        { "what is no time is refused", test_what_is_no_time_is_refused },
        { "every cut is refused", test_every_cut_is_refused },
        { "set or not", test_set_or_not },
        { "now", test_now },
        { "the boot id", test_boot_id },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* TestClock: see test-clock.h. Time is the real one and an offset that only grows. Each timer is remembered with the
 * point in moved time at which it is due; when the offset grows it is set anew. */
#include "test-clock.h"

#include <remote-developer/journal-drain.h>

#include <systemd/sd-event.h>

#define TIMERS_MAX 4096

typedef struct Timer {
        sd_event_source *source; /* borrowed; NULL: a free row */
        usec_t due_usec;         /* moved, monotonic */
} Timer;

static Timer timers[TIMERS_MAX];
static usec_t offset_usec;
static usec_t held_usec; /* 0: time goes on by itself */
static int64_t set_usec; /* by how much the time of day was set */

int test_clock_journald_is_done = 1;

/* The linker's names: __real_f is f, and calls of f are calls of __wrap_f. */
usec_t __real_clock_monotonic_usec(void);
usec_t __real_clock_realtime_usec(void);
usec_t __real_clock_boottime_usec(void);
int __real_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                                      uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);
int __real_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
sd_event_source *__real_sd_event_source_disable_unref(sd_event_source *s);

usec_t __wrap_clock_monotonic_usec(void);
usec_t __wrap_clock_realtime_usec(void);
usec_t __wrap_clock_boottime_usec(void);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                                      uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);
int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
sd_event_source *__wrap_sd_event_source_disable_unref(sd_event_source *s);
int __wrap_journal_drain_look(void);

usec_t __wrap_clock_monotonic_usec(void) {
        return (held_usec ?: __real_clock_monotonic_usec()) + offset_usec;
}

usec_t __wrap_clock_realtime_usec(void) {
        return __real_clock_realtime_usec() + offset_usec + (usec_t) set_usec;
}

usec_t __wrap_clock_boottime_usec(void) {
        return __real_clock_boottime_usec() + offset_usec;
}

void test_clock_set(int64_t difference_usec) {
        set_usec += difference_usec;
}

int __wrap_journal_drain_look(void) {
        if (test_clock_journald_is_done == 1)
                return 0;
        return test_clock_journald_is_done == 0 ? JOURNAL_WAITS_MESSAGES : JOURNAL_WAITS_STREAM;
}

/* The row of this source, or a free one. */
static Timer *find_timer(const sd_event_source *source) {
        Timer *unused = NULL;

        for (size_t i = 0; i < TIMERS_MAX; i++) {
                if (timers[i].source == source)
                        return &timers[i];
                if (!timers[i].source)
                        unused = &timers[i];
        }
        assert(unused);
        return unused;
}

static void note_timer(sd_event_source *source, usec_t in_usec) {
        *find_timer(source) = (Timer){ source, __wrap_clock_monotonic_usec() + in_usec };
}

/* While time is held only what is due already. */
static void set_timer(const Timer *t) {
        usec_t real = t->due_usec > offset_usec ? t->due_usec - offset_usec : 0;

        (void) sd_event_source_set_time(t->source, held_usec > 0 && real > held_usec ? UINT64_MAX : real);
}

static void set_timers(void) {
        for (size_t i = 0; i < TIMERS_MAX; i++)
                if (timers[i].source)
                        set_timer(&timers[i]);
}

int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                                      uint64_t accuracy, sd_event_time_handler_t callback, void *userdata) {
        int r = __real_sd_event_add_time_relative(e, ret, clock, usec, accuracy, callback, userdata);

        if (r >= 0 && ret && clock == CLOCK_MONOTONIC) {
                note_timer(*ret, usec);
                if (held_usec > 0)
                        set_timer(find_timer(*ret));
        }
        return r;
}

int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec) {
        note_timer(s, usec);
        if (held_usec == 0)
                return __real_sd_event_source_set_time_relative(s, usec);
        set_timer(find_timer(s));
        return 0;
}

sd_event_source *__wrap_sd_event_source_disable_unref(sd_event_source *s) {
        if (s)
                *find_timer(s) = (Timer){};
        return __real_sd_event_source_disable_unref(s);
}

void test_clock_advance(usec_t usec) {
        offset_usec += usec;
        set_timers();
}

void test_clock_hold(bool hold) {
        held_usec = hold ? __real_clock_monotonic_usec() : 0;
        set_timers();
}

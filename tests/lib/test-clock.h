/* TestClock: the clocks of clock.h and the relative timers of sd-event, which a test can put forward. Hours pass in
 * no time; what runs by itself goes on at its real pace.
 *
 *         test_clock_advance(10 * USEC_PER_SEC);
 *
 * Works by the linker: the program must be linked with test_clock_link_args (tests/integration/meson.build), which
 * turn the calls in the library into those in test-clock.c. Only timers on CLOCK_MONOTONIC that were set by
 * sd_event_add_time_relative() or sd_event_source_set_time_relative() follow; they must be freed by
 * sd_event_source_disable_unref(). The kernel's, libmicrohttpd's and sd-bus's own clocks are the real ones. */
#pragma once

#include <remote-developer/clock.h>

#include <stdbool.h>

/* Timers that become due are dispatched in the next turns of the loop. */
void test_clock_advance(usec_t usec);

/* The monotonic clock stands still but for test_clock_advance(), however long the machine takes; let go, it is where
 * it would have been. story_open() lets it go. */
void test_clock_hold(bool hold);

/* Somebody sets the clock, forward or back: only the time of day changes. */
void test_clock_set(int64_t difference_usec);

/* Whether journald is said to have read everything (1, at first) or not: messages wait (0), an ended program's stream
 * does (-1). It is journal_drain_look()'s answer. */
extern int test_clock_journald_is_done;

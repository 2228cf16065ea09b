/* Latency: durations in constant memory. Buckets are a 64th of their size wide, so a percentile is at most 1.6 %
 * above the truth; the longest one is exact.
 */
#pragma once

#include <remote-developer/clock.h>

#define LATENCY_STEPS 64
#define LATENCY_DOUBLINGS 40

typedef struct Latency {
        uint64_t buckets[LATENCY_DOUBLINGS * LATENCY_STEPS];
        uint64_t count;
        usec_t longest;
} Latency;

void latency_add(Latency *l, usec_t usec);

/* The least duration that this share (0 to 1) of all does not exceed; 0 when there are none. */
usec_t latency_percentile(const Latency *l, double share);

/* Which share of all took at most that long. */
double latency_share_within(const Latency *l, usec_t usec);

/* Latency: see latency.h. Below 64 us each bucket is 1 us; above, each doubling has 64 buckets. */
#include "latency.h"

static size_t bucket_of(usec_t usec) {
        unsigned doublings;

        if (usec < LATENCY_STEPS)
                return usec;
        doublings = 63 - (unsigned) __builtin_clzll(usec / LATENCY_STEPS);
        return MIN_OF((doublings + 1) * LATENCY_STEPS + (usec >> doublings) % LATENCY_STEPS,
                      (size_t) LATENCY_DOUBLINGS * LATENCY_STEPS - 1);
}

/* The first duration that is past the bucket. */
static usec_t bucket_end(size_t bucket) {
        size_t doublings = bucket / LATENCY_STEPS;

        if (doublings == 0)
                return bucket + 1;
        return (usec_t) (LATENCY_STEPS + bucket % LATENCY_STEPS + 1) << (doublings - 1);
}

void latency_add(Latency *l, usec_t usec) {
        l->buckets[bucket_of(usec)]++;
        l->count++;
        l->longest = MAX_OF(l->longest, usec);
}

usec_t latency_percentile(const Latency *l, double share) {
        uint64_t seen = 0;

        for (size_t i = 0; i < ELEMENTSOF(l->buckets); i++) {
                seen += l->buckets[i];
                if (seen > 0 && (double) seen >= share * (double) l->count)
                        return MIN_OF(bucket_end(i) - 1, l->longest);
        }
        return 0;
}

double latency_share_within(const Latency *l, usec_t usec) {
        uint64_t seen = 0;

        for (size_t i = 0; i <= bucket_of(usec); i++)
                seen += l->buckets[i];
        return l->count > 0 ? (double) seen / (double) l->count : 0;
}

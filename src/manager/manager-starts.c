/* How many units systemd is asked to start at a time. Two limits, since two things are scarce:
 *
 *   asked ──▶ being made: processes, mounts, fence ──▶ its first program runs ──▶ ... ──▶ the start job is over
 *     └──── at most 2 a processor ──────────────────────────┘                                     │
 *     └──── at most 128: steps before the work may take an hour ──────────────────────────────────┘
 *
 * To make a unit takes some 50 ms of processor time. Where many are made at once each takes longer, and all together a
 * quarter more (docs/performance.md). */
#include "manager-internal.h"

#include <unistd.h>

/* For each start job systemd keeps a match rule on whoever asked for it, and a bus throws out a client, PID 1 too,
 * that has more than 512 (tried, with 1,000 tasks at once). */
#define STARTS_MAX 128

#define SPAWNS_PER_PROCESSOR 2
/* Who takes longer waits for something else than a processor, and keeps nobody waiting any more. */
#define SPAWN_USEC USEC_PER_SEC

bool manager_makes_all_it_may(const Manager *m) {
        return m->n_spawning >= m->spawns_max;
}

bool manager_may_start(const Manager *m) {
        return m->n_starting < STARTS_MAX && !manager_makes_all_it_may(m);
}

/* When the first of those that are made has been so for too long. */
static void watch_first(Manager *m) {
        const TaskRun *first = TAILQ_FIRST(&m->spawning);
        usec_t now = clock_monotonic_usec(), due = first ? first->spawning_since_usec + SPAWN_USEC : 0;

        if (!first) {
                (void) sd_event_source_set_enabled(m->spawn_source, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time_relative(m->spawn_source, due > now ? due - now : 0);
        (void) sd_event_source_set_enabled(m->spawn_source, SD_EVENT_ONESHOT);
}

void task_run_note_start(TaskRun *run) {
        Manager *m = run->manager;

        assert(!run->starting);
        run->asking = run->starting = run->spawning = true;
        run->spawning_since_usec = clock_monotonic_usec();
        m->n_starting++;
        m->n_spawning++;
        TAILQ_INSERT_TAIL(&m->spawning, run, spawns);
        watch_first(m);
}

static void end_spawn(TaskRun *run) {
        Manager *m = run->manager;

        if (!run->spawning)
                return;
        run->spawning = false;
        m->n_spawning--;
        TAILQ_REMOVE(&m->spawning, run, spawns);
        watch_first(m);
        manager_look_at_changed(m);
        if (m->n_spawning == 0)
                manager_survey(m);
}

void task_run_spawned(TaskRun *run) {
        if (!run->spawning)
                return;
        end_spawn(run);
        manager_start_waiting(run->manager);
}

void task_run_started(TaskRun *run) {
        if (!run->starting)
                return;
        end_spawn(run);
        run->starting = false;
        run->manager->n_starting--;
        manager_start_waiting(run->manager);
}

static int on_spawn_limit(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        Manager *m = userdata;
        TaskRun *first = TAILQ_FIRST(&m->spawning);

        if (first)
                task_run_spawned(first);
        return 0;
}

static size_t spawns_max(void) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);

        return SPAWNS_PER_PROCESSOR * (size_t) MAX_OF(processors, 1);
}

int manager_open_starts(Manager *m, unsigned wanted) {
        int r;

        TAILQ_INIT(&m->spawning);
        m->spawns_max = wanted > 0 ? wanted : spawns_max();
        r = sd_event_add_time_relative(m->event, &m->spawn_source, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                                       on_spawn_limit, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->spawn_source, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_description(m->spawn_source, "spawn-limit");
}

void manager_close_starts(Manager *m) {
        m->spawn_source = sd_event_source_disable_unref(m->spawn_source);
}

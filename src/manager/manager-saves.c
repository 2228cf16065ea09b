/* When documents are saved. A save waits for the disk, and so does all else meanwhile.
 *
 * A change of state is saved at the end of the turn, when systemd has said all that it has to say: what begins and
 * ends within one turn is saved once. While as many units are being made as may be, it can wait for the tick: systemd
 * would say it all again. What was counted is saved at the pace that the disk allows:
 *
 *   status_save_interval lines ──▶ in line ──▶ one save ──▶ a pause of PAUSE_FACTOR times its duration ──▶ the next
 *
 * So whatever the disk, and however many tasks talk, no more than about 5 % of the time is spent so; a task that talks
 * little is alone in the line, and saved at once. Changes of state take the counts with them. */
#include "manager-internal.h"

#include <remote-developer/log.h>

#define PAUSE_FACTOR 20
#define PAUSE_MIN_USEC (5 * USEC_PER_MSEC)
/* Should the service have been stopped (SIGSTOP) in the middle of a save. */
#define PAUSE_MAX_USEC (60 * USEC_PER_SEC)

/* What an orderly end spends at most; what it leaves is counted again after the next start. */
#define END_USEC (2 * USEC_PER_SEC)

static bool is_due(const TaskRun *run) {
        return run->unsaved_lines >= run->manager->config->status_save_interval && !run->ending &&
               !run->unsaved; /* else manager-disk.c tries it again */
}

static void set_next(Manager *m) {
        usec_t now = clock_monotonic_usec();

        (void) sd_event_source_set_time_relative(m->save_source,
                                                 m->save_after_usec > now ? m->save_after_usec - now : 0);
        (void) sd_event_source_set_enabled(m->save_source, SD_EVENT_ONESHOT);
}

void task_run_save_counts(TaskRun *run) {
        Manager *m = run->manager;

        if (run->saves_later || !is_due(run))
                return;
        run->saves_later = true;
        TAILQ_INSERT_TAIL(&m->unsaved, run, saving);
        if (TAILQ_FIRST(&m->unsaved) == run)
                set_next(m);
}

void task_run_stop_saving(TaskRun *run) {
        if (!run->saves_later)
                return;
        run->saves_later = false;
        TAILQ_REMOVE(&run->manager->unsaved, run, saving);
}

/* The first that was not saved meanwhile for another reason. NULL: none is left. */
static TaskRun *take_first(Manager *m) {
        TaskRun *run;

        while ((run = TAILQ_FIRST(&m->unsaved))) {
                task_run_stop_saving(run);
                if (is_due(run))
                        return run;
        }
        return NULL;
}

usec_t manager_end_of_pause(usec_t began_usec, usec_t max_usec) {
        usec_t now = clock_monotonic_usec(), took = now - began_usec;

        return now + MIN_OF(MAX_OF(took * PAUSE_FACTOR, PAUSE_MIN_USEC), max_usec);
}

static int on_save(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        Manager *m = userdata;
        TaskRun *run = take_first(m);
        usec_t began = clock_monotonic_usec();

        if (!run)
                return 0;
        (void) task_run_save(run);
        m->save_after_usec = manager_end_of_pause(began, PAUSE_MAX_USEC);
        if (!TAILQ_EMPTY(&m->unsaved))
                set_next(m);
        return 0;
}

/* --- changes of state --- */

void manager_look_at_changed(Manager *m) {
        if (!TAILQ_EMPTY(&m->changed))
                (void) sd_event_source_set_enabled(m->change_source, SD_EVENT_ONESHOT);
}

void task_run_save_soon(TaskRun *run) {
        if (run->changed)
                return;
        run->changed = true;
        TAILQ_INSERT_TAIL(&run->manager->changed, run, changes);
        manager_look_at_changed(run->manager);
}

void task_run_forget_change(TaskRun *run) {
        if (!run->changed)
                return;
        run->changed = false;
        TAILQ_REMOVE(&run->manager->changed, run, changes);
}

void manager_save_changed(Manager *m) {
        TaskRun *run;

        while ((run = TAILQ_FIRST(&m->changed)))
                (void) task_run_save(run);
}

static int on_turn_end(sd_event_source *s _unused_, void *userdata) {
        Manager *m = userdata;

        if (!manager_makes_all_it_may(m))
                manager_save_changed(m);
        return 0;
}

/* --- at the begin and at the end --- */

void manager_save_all(Manager *m) {
        usec_t until = clock_monotonic_usec() + END_USEC;

        manager_finish_active(m);
        for (size_t i = 0; i < m->index.n && clock_monotonic_usec() < until; i++) {
                TaskRun *run = m->index.rows[i].run;

                /* A task that has ended is judged after the next start, from what the document said before. */
                if (run && (run->unsaved_lines > 0 || run->changed) && !run->ending && task_run_save(run) < 0)
                        return;
        }
}

int manager_open_saves(Manager *m) {
        int r;

        TAILQ_INIT(&m->unsaved);
        TAILQ_INIT(&m->changed);
        r = sd_event_add_defer(m->event, &m->change_source, on_turn_end, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->change_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(m->change_source, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r >= 0)
                r = sd_event_source_set_description(m->change_source, "change-save");
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(m->event, &m->save_source, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_save, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->save_source, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_description(m->save_source, "log-count-save");
}

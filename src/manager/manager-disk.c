/* A state directory that cannot be written: read-only, full, over its quota. What runs goes on, what is there is
 * served; what should be on disk stays in memory and is tried again, after pauses that grow, until it is there. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#define RETRY_MIN_USEC (5 * USEC_PER_SEC)
#define RETRY_MAX_USEC (60 * USEC_PER_SEC)

/* What is wrong with the directory, not with one file in it, and what helps. */
static const struct {
        int error;
        const char *remedy;
} directory_errors[] = {
        { -ENOSPC, "make room there (finished tasks can be deleted), then it goes on by itself" },
        { -EDQUOT, "make room there (finished tasks can be deleted) or raise the quota, then it goes on by itself" },
        /* A sandbox that was made meanwhile keeps its own read-only view of the mount. */
        { -EROFS, "it has to be mounted read-write, then it goes on by itself (or, where the service was started "
                  "meanwhile, with its next start)" },
        { -EIO, "look at the disk" },
        { -EFBIG, "raise the limit on file sizes (LimitFSIZE=)" },
        { -EACCES, "look at the directory's owner and mode" },
        { -EPERM, "look at the directory's owner and attributes" },
        { -ENOENT, "look where the directory went" },
        { -EMFILE, "close connections, or raise the limit on open files (LimitNOFILE=)" },
        { -ENFILE, "raise the machine's limit on open files (fs.file-max)" },
        { -EBUSY, "end the other service that works there" },
};

static const char *find_remedy(int error) {
        for (size_t i = 0; i < ELEMENTSOF(directory_errors); i++)
                if (directory_errors[i].error == error)
                        return directory_errors[i].remedy;
        return NULL;
}

int manager_write_problem(const Manager *m, int error, const char *what, Problem *problem) {
        const char *remedy = find_remedy(error);

        return problem_set(problem, error, NULL, "%s could not be stored in %s: %s%s%s", what,
                           task_store_path(m->store), strerror(-error), remedy ? "; " : "", remedy ?: "");
}

static void set_retry(Manager *m, usec_t pause) {
        (void) sd_event_source_set_time_relative(m->retry_source, pause);
        (void) sd_event_source_set_enabled(m->retry_source, SD_EVENT_ONESHOT);
}

void manager_write_later(Manager *m) {
        if (m->retry_pause_usec > 0)
                return;
        m->retry_pause_usec = RETRY_MIN_USEC;
        set_retry(m, m->retry_pause_usec);
}

bool manager_note_write(Manager *m, int error) {
        const char *remedy = find_remedy(error);

        if (error >= 0 && m->write_error < 0) {
                m->write_error = 0;
                log_notice("The state directory %s can be written again", task_store_path(m->store));
                set_retry(m, 0);
        }
        if (error >= 0)
                return true;
        manager_write_later(m);
        if (remedy && error != m->write_error) {
                m->write_error = error;
                log_error("The state directory %s cannot be written: %s; %s. Tasks go on, and what should be on disk "
                          "is tried again",
                                task_store_path(m->store), strerror(-error), remedy);
        }
        return remedy;
}

/* One by one, and no further than the first that shows that the directory is still not as it should be. */
static bool write_unsaved(Manager *m) {
        bool all = true;

        for (size_t i = 0; m->write_error == 0 && i < m->index.n; i++) {
                TaskRun *run = m->index.rows[i].run;

                if (!run || !run->unsaved)
                        continue;
                if (run->ending)
                        all &= task_run_conclude_again(run) >= 0;
                else
                        all &= task_run_save(run) >= 0;
        }
        all &= m->write_error < 0 || manager_save_operations(m);
        return all && m->write_error == 0;
}

/* Files that could not be set aside, or read. */
static void load_refused(Manager *m) {
        if (m->refused.n == 0)
                return;
        /* A unit whose document is set aside now can be adopted. */
        m->left_alone = strv_free(m->left_alone);
        if (manager_load_tasks(m) >= 0)
                manager_compare(m);
}

/* active_tasks.json is written first: it shows how the directory is. */
static int on_retry(sd_event_source *s, uint64_t usec _unused_, void *userdata) {
        Manager *m = userdata;

        (void) manager_write_active(m);
        if (m->write_error == 0)
                load_refused(m);
        if (m->write_error == 0 && write_unsaved(m)) {
                m->retry_pause_usec = 0;
                return sd_event_source_set_enabled(s, SD_EVENT_OFF);
        }
        m->retry_pause_usec = MIN_OF(m->retry_pause_usec * 2, RETRY_MAX_USEC);
        set_retry(m, m->retry_pause_usec);
        return 0;
}

int manager_open_disk(Manager *m) {
        int r;

        r = sd_event_add_time_relative(m->event, &m->retry_source, CLOCK_MONOTONIC, 0, USEC_PER_SEC / 10, on_retry, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->retry_source, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_description(m->retry_source, "write-retry");
}

/* Manager: the use cases: create, observe, cancel, forget and recover tasks. Owns the store, the client of systemd,
 * the follower of the journal and every run; nothing that it holds in memory matters beyond its life.
 *
 * Start-up is recovery: the files are loaded by manager_new(); manager_start() connects, and each time systemd is
 * (again) connected the units are listed and compared with the files. `recovered` is called after the first time.
 */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/log-viewer.h>
#include <remote-developer/task-index.h>
#include <remote-developer/task-ref.h>
#include <remote-developer/unit-client.h>

typedef struct sd_bus sd_bus;
typedef struct Manager Manager;

typedef struct ManagerOptions {
        const Config *config; /* borrowed for the manager's life */
        RuntimeScope scope;
        const char *state_directory;
        const char *endings_directory; /* where the recorder writes if it has to; NULL: nowhere */
        const char *recorder;          /* the program's absolute path */
        const char *launcher;          /* likewise */
        const char *journal_directory; /* tests: instead of the machine's journal; else NULL */
        void (*recovered)(void *userdata);
        void *userdata;
} ManagerOptions;

int manager_new(sd_event *event, const ManagerOptions *options, Manager **ret, Problem *problem);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

int manager_start(Manager *m);

/* The periodic comparison of units and files (recovery.monitor_interval), and archiving; does nothing that is not
 * due. */
void manager_monitor(Manager *m);

const Config *manager_config(const Manager *m);
RuntimeScope manager_scope(const Manager *m);
const TaskIndex *manager_index(const Manager *m);

/* -ENOENT: there is no such task. */
int manager_get_task(Manager *m, const char *id, TaskRef *ret);

/* `spec` is taken on success. When this returns 0 the task is on disk and systemd has been asked; `ret_id` gets its
 * id. -ENOTCONN: systemd cannot be reached; nothing was written. */
int manager_create_task(Manager *m, TaskSpec *spec, char ret_id[static TASK_ID_SIZE + 1], Problem *problem);

/* The wish is on disk before systemd is asked. 0 also when it was asked for before; -EALREADY: finished. */
int manager_cancel_task(Manager *m, const char *id, Problem *problem);

/* A further attempt of a finished task; when this returns 0 it is on disk. -EBUSY: not finished; -EALREADY: there were
 * ATTEMPTS_MAX; -ENOTCONN: systemd cannot be reached. */
int manager_resume_task(Manager *m, const char *id, Problem *problem);

/* -EBUSY: not finished. */
int manager_forget_task(Manager *m, const char *id, Problem *problem);

/* Reads the unit's usage figures anew when they are older than a second, then calls back; at once where there is
 * nothing to read. `task id` is the caller's to keep. */
void manager_refresh_usage(Manager *m, const char *id, UnitReply callback, void *userdata);

/* A viewer of the task's log, at its begin. */
int manager_open_log(Manager *m, const char *id, LogViewerWake wake, void *userdata, LogViewer **ret);

/* How many look at running tasks: while there are any, the journal is looked at every few milliseconds. */
void manager_count_watchers(Manager *m, int difference);

/* What is to be said of a task whose time limit is near. */
typedef struct TimeWarning {
        usec_t deadline;
        uint64_t remaining_seconds;
        char sentence[256];
} TimeWarning;

/* False: it runs no more, or its time limit is not near (Task.warned_at). */
bool manager_get_time_warning(Manager *m, const char *id, TimeWarning *ret);

/* Files in the state directory: how many, and the first of their names. */
#define STRAYS_NAMED ((size_t) 100)
typedef struct Strays {
        size_t n;
        char *names[STRAYS_NAMED]; /* NULL: memory had run out */
} Strays;

typedef struct ManagerHealth {
        bool systemd_connected;
        const char *systemd_cause; /* borrowed; why not; NULL when connected */
        bool journal_readable, journal_persistent;
        bool state_read_only;
        uint64_t state_free_bytes;
        const char *state_directory; /* borrowed, as the rest */
        int write_error;             /* why it cannot be written, negative; 0: it can, as far as is known */
        const Strays *aside;         /* set aside, and still there */
        const Strays *refused;       /* left as they are: newer documents, and what could not be set aside */
} ManagerHealth;

void manager_health(Manager *m, ManagerHealth *ret);

/* For tests: as manager_start() on a connection that the caller made. */
int manager_start_on_bus(Manager *m, sd_bus *bus);

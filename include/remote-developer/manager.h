/* Manager: the use cases: create, observe, cancel, forget and recover tasks. Owns the store, the client of systemd,
 * the follower of the journal and every run; nothing that it holds in memory matters beyond its life.
 *
 * Start-up is recovery: the files are loaded by manager_new(); manager_start() connects, and each time systemd is
 * (again) connected the units are listed and compared with the files. `recovered` is called after the first time.
 */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/log-viewer.h>
#include <remote-developer/secrets.h>
#include <remote-developer/task-index.h>
#include <remote-developer/task-ref.h>
#include <remote-developer/unit-client.h>

typedef struct sd_bus sd_bus;
typedef struct LaunchClient LaunchClient;
typedef struct Manager Manager;

typedef struct ManagerOptions {
        const Config *config; /* borrowed for the manager's life */
        RuntimeScope scope;
        const char *state_directory;
        const char *endings_directory; /* where the recorder writes if it has to; NULL: nowhere */
        LaunchClient *launcher;        /* borrowed; NULL: this service may change units by itself */
        const char *recorder;          /* the program's absolute path */
        const char *starter;          /* likewise */
        const char *workspaces_directory; /* absolute; where the configuration names none */
        const char *program_directory;    /* tests: programs are looked for in this one alone; else NULL */
        const char *journal_directory; /* tests: instead of the machine's journal; else NULL */
        unsigned spawns_max; /* tests: units that systemd makes at a time; 0: by the number of processors */
        bool no_namespaces; /* systemd cannot give tasks mounts of their own: what a fence has of those is left out */
        void (*recovered)(void *userdata);
        void *userdata;
} ManagerOptions;

int manager_new(sd_event *event, const ManagerOptions *options, Manager **ret, Problem *problem);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free)

int manager_start(Manager *m);

/* The periodic comparison of units and files, and archiving; does nothing that is not due. Units are compared each
 * recovery.monitor_interval, and while there is nothing unfinished each so many of them. */
#define MANAGER_INTERVALS_AT_REST 10
void manager_monitor(Manager *m);

/* Before an orderly end: what was counted of the logs and is not saved yet. Takes 2 s at most; what is not saved then
 * is counted again after the next start. */
void manager_save_all(Manager *m);

const Config *manager_config(const Manager *m);
RuntimeScope manager_scope(const Manager *m);
const TaskIndex *manager_index(const Manager *m);

/* Reads what the index does not know yet of tasks that are over: 90 to 140 us a task that had not been read since the
 * start. Afterwards every row is `noted`, and rows whose document cannot be worked with are gone. 0, -ENOMEM, -EMFILE
 * or -ENFILE. */
int manager_complete_index(Manager *m);

/* -ENOENT: there is no such task. */
int manager_get_task(Manager *m, const char *id, TaskRef *ret);

/* In each of these `actor` is who asks for it, as the task's document and the journal name them; NULL: not known. */

/* `spec` is taken on success. When this returns 0 the task is on disk, with its secrets (NULL: none), and systemd has
 * been asked; `ret_id` gets its id. -ENOTCONN: systemd cannot be reached; nothing was written. */
int manager_create_task(Manager *m, TaskSpec *spec, const Secrets *secrets, const char *actor,
                        char ret_id[static TASK_ID_SIZE + 1], Problem *problem);

/* The wish is on disk before systemd is asked. 0 also when it was asked for before; -EALREADY: finished. */
int manager_cancel_task(Manager *m, const char *id, const char *actor, Problem *problem);

/* A further attempt of a finished task; when this returns 0 it is on disk. It has these secrets (NULL: none), since
 * those of the attempts before are gone. -EBUSY: not finished; -EALREADY: there were ATTEMPTS_MAX; -ENOTCONN: systemd
 * cannot be reached. */
int manager_resume_task(Manager *m, const char *id, const Secrets *secrets, const char *actor, Problem *problem);

/* -EBUSY: not finished. */
int manager_forget_task(Manager *m, const char *id, const char *actor, Problem *problem);

/* Called once, from the loop, with what an operation came to. */
typedef void (*OperationEnded)(void *userdata, const OperationOutcome *outcome);

typedef struct OperationRequest {
        OperationKind kind;
        const char *text;       /* what its step reads: the commit's message; the title, an empty line, the body */
        const Secrets *secrets; /* at most a github_token; NULL: none */
        const char *actor;
        OperationEnded ended;
        void *userdata;
} OperationRequest;

#define OPERATIONS_MAX 16

/* Begins an operation on the work tree of a task that has ended. When this returns 0 it is on disk, and systemd has
 * been asked. -EBUSY: the task has not ended, another operation on it is under way, or its directory is another
 * task's now; -EINVAL: it has no work tree; -EAGAIN: OPERATIONS_MAX are under way; -ENOTCONN. */
int manager_begin_operation(Manager *m, const char *id, const OperationRequest *request, Problem *problem);

/* Whoever waits for it waits no more; the operation goes on. */
void manager_leave_operation(Manager *m, const char *id);

/* What a task's latest review found to be changed, as a diff of at most WORKSPACE_DIFF_MAX bytes. -ENOENT: none was
 * reported. */
int manager_read_diff(const Manager *m, const char *id, Buffer *ret);

/* Reads the unit's usage figures anew when they are older than a second, then calls back; at once where there is
 * nothing to read. `task id` is the caller's to keep. */
void manager_refresh_usage(Manager *m, const char *id, UnitReply callback, void *userdata);

/* A viewer of the task's log, at its begin: see log_viewer_new(). */
int manager_open_log(Manager *m, const char *id, unsigned sources, LogViewerWake wake, void *userdata,
                     LogViewer **ret);

/* Before its last lines of output: see log_viewer_new_at_tail(). */
int manager_open_log_tail(Manager *m, const char *id, uint64_t lines, uint64_t bytes, LogViewer **ret);

/* Takes what the journal has of a running task's log, as far as it is written. */
void manager_look_at_log(Manager *m, const char *id);

/* Another one after each line of any running task's log, and gap. */
uint64_t manager_log_mark(const Manager *m);

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

/* Looks at the journal, the disk and the files that lie aside: some hundred microseconds. */
void manager_health(Manager *m, ManagerHealth *ret);

/* What of that is known without looking. */
typedef struct ManagerPulse {
        bool systemd_connected;
        int write_error;
        size_t tasks; /* known */
} ManagerPulse;

ManagerPulse manager_pulse(const Manager *m);

/* For tests: as manager_start() on a connection that the caller made. */
int manager_start_on_bus(Manager *m, sd_bus *bus);

/* What the files of manager/ share: the Manager itself and TaskRun, the live side of a task that is not finished.
 *
 *   manager.c          life cycle, looking things up, health
 *   manager-active.c   active_tasks.json
 *   manager-log.c      the follower of the journal, and viewers
 *   task-run.c         TaskRun: watches the unit, counts the log
 *   manager-create.c   from a request to a unit
 *   manager-cancel.c   stop, grace, kill; forget
 *   manager-deadline.c the warning ahead of the time limit; stalled tasks
 *   manager-finish.c   from an ended unit to the verdict
 *   manager-resume.c   further attempts
 *   manager-recover.c  comparing units and files
 *   manager-adopt.c    a unit without a file
 *   manager-strays.c   files that cannot be worked with
 *   manager-disk.c     a state directory that cannot be written
 *   manager-archive.c  what finished long ago moves to the archive
 */
#pragma once

#include <remote-developer/claude.h>
#include <remote-developer/manager.h>
#include <remote-developer/task-archive.h>
#include <remote-developer/task-store.h>
#include <remote-developer/verdict.h>

#include <systemd/sd-event.h>

/* What a task is part of that shall not outlive the service. */
#define SERVICE_UNIT "remote-developer.service"

typedef struct TaskRun {
        Manager *manager;
        Task *task;
        UnitWatch watch;
        LogFeed *feed;
        LogViewer *counter; /* counts the lines; reads an agent's result; NULL until it is its turn */
        unsigned unsaved_lines;
        bool unsaved; /* the document is behind, and could not be written */
        ClaudeOutcome agent;

        bool expected;                /* not yet come by in the list of units that is being read */
        bool starting;                /* its start job is systemd's to do */
        bool waits;                   /* for its turn to be started */
        struct TaskRun *next_waiting;
        bool put_off;                 /* systemd is going down and starts nothing: until the next comparison */
        bool cleared;                 /* an earlier attempt's unit was in the way and was released */
        sd_event_source *pause_source; /* before an automatic attempt */
        bool unsettled;               /* at start: not known yet whether it is alive */
        bool left;                    /* found dead at start and, with check_orphaned_tasks false, not judged */
        char *refused;                /* what systemd said when it refused the unit; owned */
        UnitStatus ended;             /* as it was when the unit ended: once unloaded, it tells nothing any more */
        bool ending;                  /* the unit has ended; the journal is being drained */
        bool verdict_waits;           /* drained; the verdict could not be written down */
        usec_t drain_deadline_usec;   /* monotonic */
        usec_t drain_pause_usec;
        sd_event_source *drain_source;
        sd_event_source *kill_source; /* after the grace of a cancellation */
        sd_event_source *count_source; /* goes on counting in a later turn */
        sd_event_source *warn_source, *stall_source; /* manager-deadline.c */
        usec_t output_usec; /* monotonic; of the last line that was noted; 0: none */
} TaskRun;

typedef struct Archiver Archiver;

struct Manager {
        sd_event *event;
        const Config *config;
        RuntimeScope scope;
        char *recorder, *launcher;
        char *journal_directory;
        JournalSource journal;
        void (*recovered)(void *userdata);
        void *userdata;

        TaskStore *store;
        TaskArchive *archive; /* NULL: it cannot be opened */
        Archiver *archiver;
        TaskIndex index;
        UnitClient *units;
        JournalFollower *follower; /* while there are runs */
        size_t n_runs, n_starting;
        TaskRun *waiting, *last_waiting; /* in the order in which they came */
        int watchers;

        char boot_id[ID128_TEXT_SIZE];
        char *disconnect_cause;
        Strays aside, refused;
        int write_error; /* of the state directory, negative; 0: it can be written as far as is known */
        usec_t retry_pause_usec; /* 0: nothing waits to be written */
        sd_event_source *retry_source; /* tries to write what could not be written */
        size_t n_unsettled;
        bool listed, has_recovered;
        bool comparing; /* a list of units is under way */
        usec_t compared_at_usec; /* monotonic */
        sd_event_source *active_source; /* writes active_tasks.json at the end of the turn */

        char **left_alone; /* ids of units that cannot be adopted; owned */
        unsigned n_found, n_ended, n_started; /* of the comparison under way, for its log line */
};

/* task-run.c */
int task_run_new(Manager *m, Task *task, bool from_start, TaskRun **ret); /* takes the task on success */
TaskRun *task_run_free(TaskRun *run);
/* Goes on with the next attempt, which is taken, in the place of the ended one; who looks at the log stays. */
void task_run_renew(TaskRun *run, Task *next);
TaskRun *manager_find_run(Manager *m, const char *id);
int task_run_watch(TaskRun *run);
int task_run_save(TaskRun *run); /* logs what goes wrong */
void task_run_set_state(TaskRun *run, TaskState state);
int task_run_state_of_unit(const UnitStatus *s, TaskState *ret); /* -ENOENT: systemd's words tell none */

/* Counts what there is to count; 0: all of it, -EAGAIN: more in a later turn. */
int task_run_count(TaskRun *run);

/* manager-active.c */
int manager_open_active(Manager *m);
void manager_active_changed(Manager *m);
int manager_write_active(Manager *m); /* at once; tells manager_note_write() */

/* manager-log.c */
int manager_open_follower(Manager *m);
void manager_close_follower(Manager *m); /* when no run is left */

/* manager-create.c */
int manager_check_connected(const Manager *m, Problem *problem);
int manager_start_unit(TaskRun *run); /* at once, or when it is its turn */
void task_run_started(TaskRun *run);  /* the start job is over: the next one's turn */
void task_run_stop_waiting(TaskRun *run);

/* manager-cancel.c */
usec_t task_run_boottime(const TaskRun *run); /* clock_boottime_usec(); 0: this is not the boot of the unit */
void task_run_on_stopping(TaskRun *run);
int task_run_ask_stop(TaskRun *run);

/* manager-resume.c */
bool task_run_may_resume(const TaskRun *run); /* the ended attempt is followed by another one */
int task_run_resume(TaskRun *run);
void task_run_tell_limit(TaskRun *run); /* that it is not followed by one, in its error */
bool task_run_pause(TaskRun *run); /* the start is put off; it comes by itself */
bool task_run_is_paused(const TaskRun *run);

/* manager-deadline.c */
void task_run_watch_deadlines(TaskRun *run); /* with each news of the unit */
void task_run_note_output(TaskRun *run);     /* lines were counted */
void task_run_drop_deadlines(TaskRun *run);  /* at the attempt's end */

/* manager-finish.c */
void task_run_end(TaskRun *run); /* the unit has ended, or is known to be gone */
int task_run_conclude_again(TaskRun *run); /* frees the run when the verdict is on disk; 0 also while it drains */

/* manager-disk.c */
int manager_open_disk(Manager *m);

/* How a write to the state directory went. False: nothing was logged, the caller has to. What was not written is to be
 * marked `unsaved`. */
bool manager_note_write(Manager *m, int error);
void manager_write_later(Manager *m);
int manager_write_problem(const Manager *m, int error, const char *what, Problem *problem);

/* manager-strays.c */
void manager_refuse_file(Manager *m, const char *name, int error, const Problem *problem);
int manager_find_strays(Manager *m);
void manager_look_at_strays(Manager *m);
void manager_forget_strays(Manager *m);

/* manager-adopt.c */
void manager_adopt_unit(Manager *m, const char *id, const char *unit); /* which has no row in the index */

/* manager-archive.c */
int manager_open_archive(Manager *m); /* before the tasks are loaded; adds its tasks to the index */
void manager_close_archive(Manager *m);
void manager_archive_due(Manager *m);
void manager_stop_archiving(Manager *m, const char *id); /* if it is that task that is being archived */
int manager_load_task(Manager *m, const TaskSummary *s, Task **ret); /* a finished one, wherever it is */
int manager_forget_files(Manager *m, const char *id, int attempts);

/* The task was taken up again, and its new document is durable in the state directory: the archived one goes. Its
 * archived log stays, as the begin of the log. */
void manager_unarchive(Manager *m, const char *id);

/* `t` is of the state directory. False: the archive has it too, and counts; this one is gone. */
bool manager_settle_twin(Manager *m, const Task *t);

/* manager-recover.c */
int manager_load_tasks(Manager *m); /* those that are not known yet */
void manager_compare(Manager *m);
void task_run_settle(TaskRun *run); /* it is known whether it is alive; the last one ends the recovery */

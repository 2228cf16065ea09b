/* What the files of manager/ share: the Manager itself and TaskRun, the live side of a task that is not finished.
 *
 *   manager.c          life cycle, looking things up, health
 *   manager-active.c   active_tasks.json
 *   manager-log.c      the follower of the journal, and viewers
 *   task-run.c         TaskRun: watches the unit
 *   task-count.c       counts the log, reads the agent's account in it
 *   manager-saves.c    when documents are saved
 *   manager-create.c   from a request to a unit
 *   manager-starts.c   how many units systemd starts at a time
 *   manager-steps.c    which step of its plan a task is at
 *   manager-cancel.c   stop, grace, kill; forget
 *   manager-deadline.c the warning ahead of the time limit; stalled tasks
 *   manager-changes.c  what a review found
 *   manager-operation.c  commits and pull requests
 *   manager-finish.c   from an ended unit to the verdict
 *   manager-units.c    what changes units, by systemd or by the launcher
 *   manager-recipe.c   the program of a recipe; one task in a directory
 *   manager-resume.c   further attempts
 *   manager-room.c     how many may run, wait and be kept
 *   manager-recover.c  comparing units and files
 *   manager-adopt.c    a unit without a file
 *   manager-credentials.c  secrets that nobody needs any more
 *   manager-strays.c   files that cannot be worked with
 *   manager-disk.c     a state directory that cannot be written
 *   manager-archive.c  what finished long ago moves to the archive
 *   manager-survey.c   what the index does not know of archived tasks
 */
#pragma once

#include <remote-developer/agent.h>
#include <remote-developer/claude.h>
#include <remote-developer/launch.h>
#include <remote-developer/manager.h>
#include <remote-developer/task-archive.h>
#include <remote-developer/task-store.h>
#include <remote-developer/verdict.h>

#include <sys/queue.h>
#include <systemd/sd-event.h>

typedef struct TaskRun {
        Manager *manager;
        Task *task;
        UnitWatch watch;
        LogFeed *feed;
        LogViewer *counter; /* counts the lines; NULL until it is its turn */
        unsigned unsaved_lines;
        bool has_output; /* counted, and not told to who waits for it */
        bool saves_later; /* in the line of those whose counts are to be saved */
        TAILQ_ENTRY(TaskRun) saving;
        bool changed; /* its state, in this turn, at whose end it is saved */
        TAILQ_ENTRY(TaskRun) changes;
        bool unsaved; /* the document is behind, and could not be written */

        bool expected;                /* not yet come by in the list of units that is being read */
        bool asking;                  /* the answer to its start is still to come */
        bool starting;                /* its start job is systemd's to do */
        bool spawning;                /* and its first program does not run yet */
        usec_t spawning_since_usec;   /* monotonic */
        TAILQ_ENTRY(TaskRun) spawns;
        bool has_place;               /* among those that run at once */
        bool waits;                   /* for its turn to be started */
        TAILQ_ENTRY(TaskRun) waiting;
        bool put_off;                 /* systemd is going down and starts nothing: until the next comparison */
        bool lost;                    /* the answer to its start was; the second time that is put off, too */
        bool cleared;                 /* an earlier attempt's unit was in the way and was released */
        sd_event_source *pause_source; /* before an automatic attempt */
        bool unsettled;               /* at start: not known yet whether it is alive */
        bool left;                    /* found dead at start and, with check_orphaned_tasks false, not judged */
        char *refused;                /* what systemd said when it refused the unit; owned */
        UnitStatus ended;             /* as it was when the unit ended: once unloaded, it tells nothing any more */
        bool ending;                  /* the unit has ended; the journal is being drained */
        bool verdict_waits;           /* drained; the verdict could not be written down */
        usec_t ending_since_usec;     /* monotonic */
        usec_t drained_at_usec;       /* realtime; journald has taken all by then; 0: not yet */
        usec_t drained_since_usec;    /* the same, monotonic */
        usec_t drain_pause_usec;
        sd_event_source *drain_source;
        sd_event_source *kill_source; /* after the grace of a cancellation */
        usec_t kill_asked_usec;         /* monotonic; the grace was over then, and the unit is read; 0: it is not */
        char killed_in[UNIT_WORD_SIZE]; /* its sub-state when it had its SIGKILL; "": it had none */
        sd_event_source *count_source; /* goes on counting in a later turn */
        sd_event_source *warn_source, *stall_source; /* manager-deadline.c */
        usec_t asked_usec;  /* monotonic; how far its commands came was asked then, at the end; 0: it was not */
        usec_t output_usec; /* monotonic; of the last line that was noted; 0: none */
} TaskRun;

typedef struct Archiver Archiver;
typedef struct OperationRun OperationRun;

struct Manager {
        sd_event *event;
        const Config *config;
        RuntimeScope scope;
        Launch launch; /* borrows what follows */
        LaunchClient *launcher; /* what changes units is asked of it; NULL: of systemd itself */
        char *recorder, *starter, *workspaces_directory;
        char **programs; /* the directories of programs */
        char *journal_directory;
        JournalSource journal;
        void (*recovered)(void *userdata);
        void *userdata;

        TaskStore *store;
        TaskArchive *archive; /* NULL: it cannot be opened */
        Archiver *archiver;
        TaskIndex index;
        LIST_HEAD(, OperationRun) operations; /* under way, on finished tasks */
        UnitClient *units;
        JournalFollower *follower; /* while there are runs */
        size_t n_runs, n_starting, n_spawning, spawns_max, n_placed, n_waiting;
        TAILQ_HEAD(, TaskRun) spawning; /* in the order in which they were asked for */
        sd_event_source *spawn_source;
        bool starts_waiting; /* inside manager_start_waiting() */
        TAILQ_HEAD(, TaskRun) waiting, unsaved, changed; /* in the order in which they came */
        sd_event_source *change_source;
        usec_t save_after_usec;                 /* monotonic; no counts before */
        sd_event_source *save_source;
        sd_event_source *survey_source;
        size_t surveyed; /* rows of the index, in this round */
        int watchers;
        uint64_t log_mark; /* lines that the follower has given */
        uint64_t looked_turn; /* of the loop: in which somebody had it look last */

        usec_t journald_looked_usec; /* monotonic; when journal_drain_look() was asked last; 0: never */
        int journald_waits;          /* its answer */

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
        sd_event_source *active_pause_source; /* the same, when it has been written just before */
        usec_t active_after_usec; /* monotonic; not before */

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

/* task-count.c */
int task_run_add_counter(TaskRun *run); /* which begins in a later turn */

/* Counts what there is to count; 0: all of it; -EAGAIN: more in a later turn; other negative errno: the log cannot be
 * read at the moment. */
int task_run_count(TaskRun *run);

/* A further line comes: what memory may have no room for beside it is counted first, and need not be looked for in the
 * journal, which may have dropped it by the time that somebody counts. */
void task_run_count_held(TaskRun *run);

void manager_count_again(Manager *m); /* those whose log could not be opened */

/* manager-saves.c */
int manager_open_saves(Manager *m);
void task_run_save_counts(TaskRun *run); /* when enough lines have come, and it is their turn */
void task_run_stop_saving(TaskRun *run);
/* Monotonic: until when the disk rests from a write that began then and is over now, at most `max_usec`. */
usec_t manager_end_of_pause(usec_t began_usec, usec_t max_usec);
/* At the end of the turn, or a tick later while the machine is busy with making units, if nothing saves it before. */
void task_run_save_soon(TaskRun *run);
void task_run_forget_change(TaskRun *run);
void manager_look_at_changed(Manager *m); /* whether it can be saved now */
void manager_save_changed(Manager *m); /* at once, where a turn has no end since there is always something to do */

/* manager-active.c */
int manager_open_active(Manager *m);
void manager_active_changed(Manager *m);
int manager_write_active(Manager *m); /* at once; tells manager_note_write() */
void manager_finish_active(Manager *m); /* writes what still waits; at an orderly end */

/* manager-log.c */
int manager_open_follower(Manager *m);
void manager_close_follower(Manager *m); /* when no run is left */

/* manager-create.c */
int manager_check_connected(const Manager *m, Problem *problem);
bool manager_error_is_loss(int error); /* the call may or may not have come to systemd: looking will tell */
int manager_start_unit(TaskRun *run); /* at once, or when it is its turn */
int task_run_start_now(TaskRun *run); /* it has room */

/* manager-starts.c */
int manager_open_starts(Manager *m, unsigned wanted); /* 0: as many as there are processors for */
void manager_close_starts(Manager *m);
bool manager_makes_all_it_may(const Manager *m); /* units; as many as are good for the machine */
bool manager_may_start(const Manager *m);
void task_run_note_start(TaskRun *run); /* systemd was asked */
void task_run_spawned(TaskRun *run);    /* its first program runs: the next one's turn */
void task_run_started(TaskRun *run);    /* the start job is over: likewise */

/* manager-room.c */
bool task_run_has_room(const TaskRun *run);
void task_run_take_place(TaskRun *run); /* it has a unit, or is about to */
void task_run_leave_place(TaskRun *run); /* the next one's turn */
void task_run_wait_for_turn(TaskRun *run);
void task_run_stop_waiting(TaskRun *run);
void manager_start_waiting(Manager *m);
int manager_check_turn(const Manager *m, Problem *problem); /* -EAGAIN: too many wait */
int manager_check_kept(const Manager *m, Problem *problem); /* -EAGAIN: too many are kept */

/* manager-units.c */

/* Both as launch_task() and launch_operation(), the first with the secrets that the store has. */
int manager_launch_task(TaskRun *run, const LaunchPlan *p, UnitReply callback, void *userdata);
int manager_launch_operation(Manager *m, const Task *t, const char *text, const Secrets *secrets, UnitReply callback,
                             void *userdata);
int manager_stop_unit(Manager *m, const char *unit);
int manager_kill_unit(Manager *m, const char *unit, const char *whom); /* SIGKILL */
int manager_reset_unit(Manager *m, const char *unit, UnitReply callback, void *userdata);
void manager_release_unit(Manager *m, const char *unit, const UnitStatus *s); /* it has ended; NULL: it never was */

/* manager-recipe.c */

const char *manager_program_of(const Manager *m, const Task *t); /* the name of the work's; borrowed, never NULL */

/* -EBUSY: another task works in the directory, and the problem says which. */
int manager_check_directory(const Manager *m, const TaskSpec *s, Problem *problem);
int manager_check_writer(const Manager *m, const TaskSpec *s, Problem *problem); /* also of a command, if it writes */

/* An agent's next attempt gets a session id of its own. */
int manager_new_session(Task *t);

/* manager-steps.c */
bool task_run_has_steps(const TaskRun *run);                      /* more than the work */
int task_run_find_step(const TaskRun *run, TaskState state);      /* never one before that of the task */
void task_run_begin_step_evidence(const TaskRun *run, Evidence *e); /* before the journal is asked, and behind it */
void task_run_end_step_evidence(const TaskRun *run, Evidence *e);
int task_run_find_last_step(const TaskRun *run, const Evidence *e, const Verdict *v); /* for the ended task */

/* manager-cancel.c */
usec_t task_run_boottime(const TaskRun *run); /* clock_boottime_usec(); 0: this is not the boot of the unit */
void task_run_on_stopping(TaskRun *run);
void task_run_forget_kill(TaskRun *run); /* the attempt is over */
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

/* manager-operation.c */
OperationRun *manager_find_operation(const Manager *m, const char *id); /* NULL: none is under way */
const OperationRun *manager_next_operation(const Manager *m, const OperationRun *o); /* from NULL to NULL */
const Task *operation_run_task(const OperationRun *o);
/* -EBUSY: one is under way, as the manager knows or the document says, which was just read. */
int manager_check_idle(Manager *m, const Task *t, Problem *problem);
bool manager_give_up_operation(Manager *m, const char *id); /* one whose end cannot be written down; else false */
void manager_take_up_operation(Manager *m, const Task *task); /* if its document tells of one; it was just read */
void manager_look_at_operations(Manager *m); /* asks systemd how they are */
bool manager_save_operations(Manager *m);    /* those that ended and could not be written down */
void manager_drop_operations(Manager *m);    /* they go on without the manager */

/* manager-changes.c */
int manager_read_report(const Manager *m, const char *id, const char *name, size_t max, Buffer *ret);
void task_run_take_review(TaskRun *run); /* the attempt has ended */

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

/* manager-credentials.c */
void manager_drop_credentials(Manager *m, const char *id); /* its verdict is on disk */
void manager_drop_left_credentials(Manager *m); /* at start: of tasks that are finished or not there */

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

/* manager-survey.c */
int manager_open_survey(Manager *m);
void manager_survey(Manager *m); /* reads, when there is time and the start is over, what the index does not know */

/* manager-recover.c */
int manager_load_tasks(Manager *m); /* those that are not known yet */
void manager_compare(Manager *m);
void task_run_settle(TaskRun *run); /* it is known whether it is alive; the last one ends the recovery */

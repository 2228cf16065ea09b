/* Task: one piece of work that a person asked for, from the request to the verdict. What this struct holds is
 * what its file on disk holds; nothing else is needed to take the task up again.
 *
 *   POST ──▶ queued ──▶ starting ──▶ preparing ──▶ running ──▶ reviewing ──▶ finished
 *           on disk   unit asked    ExecStartPre  ExecStart   ExecStopPost   result + reason
 *                        └── a stop asked for: stopping ──▶ finished (cancelled)
 *
 * Invariants: `id` is valid (task_id_is_valid) and never changes; `result` is set if and only if `state` is
 * finished; a finished task never changes again but for being archived or forgotten, for an operation on its work
 * tree, or for a further attempt: then it is queued again, and what the ended attempt came to is in `attempts`.
 */
#pragma once

#include <remote-developer/agent-account.h>
#include <remote-developer/attempt.h>
#include <remote-developer/clock.h>
#include <remote-developer/json.h>
#include <remote-developer/operation.h>
#include <remote-developer/problem.h>
#include <remote-developer/sandbox.h>
#include <remote-developer/task-changes.h>
#include <remote-developer/task-limits.h>
#include <remote-developer/task-plan.h>

/* "task-<unix seconds>-<6 hex>": sortable by age; 10 digits of seconds until 2286. */
#define TASK_ID_SIZE 22
#define TASK_DOCUMENT_VERSION 3
#define TASK_UNIT_PREFIX "remote-developer-"
#define TASK_UNIT_SUFFIX ".service"
#define TASK_UNIT_PATTERN TASK_UNIT_PREFIX "task-*" TASK_UNIT_SUFFIX
#define TASK_SLICE "remotedeveloper.slice"

typedef enum TaskState {
        TASK_QUEUED,
        TASK_STARTING,
        TASK_PREPARING,
        TASK_RUNNING,
        TASK_REVIEWING,
        TASK_STOPPING,
        TASK_FINISHED,
} TaskState;

typedef enum TaskResult {
        TASK_RESULT_NONE = -1,
        TASK_COMPLETED,
        TASK_FAILED,
        TASK_TIMED_OUT,
        TASK_CANCELLED,
        TASK_INTERRUPTED,
        TASK_RESULT_COUNT,
} TaskResult;

/* Where the word of an enum comes from: both end with NULL. */
extern const char *const task_state_words[];
extern const char *const task_result_words[];

/* What is done about a task that has been silent for its stall_timeout. */
typedef enum TaskStallAction {
        TASK_STALL_MARK,
        TASK_STALL_STOP, /* and marked before */
        TASK_STALL_ACTION_COUNT,
} TaskStallAction;

extern const char *const task_stall_action_words[];

/* Of a request's and the configuration's stall_timeout, in seconds; 0 is possible too: off. */
#define TASK_STALL_TIMEOUT_MAX 604800

/* What was asked for. All strings owned; NULL or empty when not asked. */
typedef struct TaskSpec {
        char *recipe;            /* the name of one of the configuration, as it was then; never NULL in a task */
        int agent;               /* AgentKind: what the recipe said of it */
        char **command;          /* argv; a relative command[0] with a slash is below working_directory */
        char *working_directory; /* absolute; NULL: the home of the user who runs it */
        char **environment;      /* "NAME=value" */
        usec_t timeout_usec;     /* the limit of the work: always set, never above the configured one */
        TaskLimits limits;
        usec_t stall_timeout_usec; /* without output for so long, the task is stalled; 0: never */
        int stall_action;        /* TaskStallAction */
        bool separate_stderr;    /* lines of stderr are told from those of stdout */
        char **labels;           /* "name=value" */
        char *devpod_name;
        char *namespace;
        char *pod;
        char *github_repo;
        Buffer task_description; /* NUL bytes too: an agent reads it from its stdin */
        bool resume_after_limit; /* an attempt that a usage limit ended is followed by one when that is over */
} TaskSpec;

typedef struct Task {
        int version;
        char *id;
        TaskSpec spec;

        usec_t agent_since; /* what its log has of an agent before is another attempt's; 0: of this one */
        int state;  /* TaskState */
        int result; /* TaskResult */
        char *reason;
        int exit_code; /* -1: it did not exit by itself */
        char *signal;  /* "SIGKILL"; NULL: no signal ended it */
        char *error;   /* a sentence for people */

        /* Who asked, as the API knows it: "user:1000(name)", "token:NAME"; NULL: not known, or the service itself. */
        char *created_by;
        char *resumed_by;          /* this attempt, where it is not the first */
        char *cancel_requested_by; /* of this attempt, too */

        usec_t created_at;
        usec_t last_updated;
        usec_t started_at;  /* the work began (the unit was active) */
        usec_t finished_at;

        char *invocation_id; /* 32 hexadecimal digits */
        char *boot_id;       /* the boot in which the unit was asked for */
        usec_t manager_started_at; /* when the manager that was asked had started: tells it from a later one */
        char *session_id;           /* of the agent in this attempt, a UUID; NULL: none was given it */
        bool session_resumes;       /* it is one that an earlier attempt began */
        int attempt;                /* the number of this one */
        AttemptList attempts;       /* the earlier ones */
        int automatic_attempts;     /* how many of them the service began by itself since somebody last did */
        TaskPlan plan;              /* of this attempt */
        int step;                   /* of the plan: the one under way, or that failed; -1: none began */
        usec_t resume_at;           /* queued: not before this time; 0: at once */
        bool waits_for_limit;       /* until then, because of a usage limit of the agent's */
        char **credentials;         /* the names of this attempt's secrets; NULL: it has none */
        int sandbox;           /* how this attempt was fenced in, a row of sandbox_words; -1: not known */
        bool bound_to_service; /* PartOf= the service: ends with it */
        bool cancel_requested;
        usec_t cancel_requested_at;
        usec_t cancel_requested_boottime; /* clock_boottime_usec(); 0: not noted, or in another boot than `boot_id` */

        /* Deadlines, of this attempt; see manager-deadline.c. */
        usec_t warned_at; /* that the time limit is near; 0: it is not, or not told */
        usec_t stalled_at;              /* 0: it is not stalled */
        usec_t stall_stop_requested_at; /* it is stopped for being stalled; 0: it is not */
        usec_t stall_stop_requested_boottime; /* as cancel_requested_boottime */

        /* How far the log was looked at, and what it came to by there: always of one moment. The cursors are the
         * journal's. */
        uint64_t log_lines;
        uint64_t log_bytes;
        usec_t last_output_at;
        char *log_cursor;       /* of the last line looked at, whatever wrote it; NULL: none */
        char *log_first_cursor; /* of the first line that is not archived; NULL: none yet, or not known */
        uint64_t log_archived_lines; /* the log's begin that is in the archive; the journal has what follows */
        AgentAccount agent;     /* of this attempt */

        TaskChanges changes; /* of the work tree, which all attempts share */
        Operation operation; /* on the work tree of a finished task; OPERATION_NONE: none is under way */
        OperationEnd last_operation;

        usec_t archived_at; /* 0: it is in the state directory */
} Task;

/* A new task in state queued, without an id. NULL: no memory. */
Task *task_new(void);
Task *task_free(Task *t);
DEFINE_CLEANUP(Task *, task_free)

void task_spec_done(TaskSpec *s);

bool task_id_is_valid(const char *id);
int task_id_generate(char ret[static TASK_ID_SIZE + 1], usec_t now);

/* The time that a valid id was made from. */
usec_t task_id_time(const char *id);

/* The recipe whose work is the command of the request, and that of old documents which do not run one. */
#define TASK_RECIPE_COMMAND "command"
#define TASK_RECIPE_CLAUDE "claude"

/* A copy in fresh memory, as the file would give it. */
int task_copy(const Task *t, Task **ret);

/* Queues the finished task again: its attempt moves to `attempts`, its number goes up, whatever was found out about
 * it is cleared; the log's counts go on, behind what of the log is archived. 0, -ENOMEM, or -E2BIG: ATTEMPTS_MAX are
 * made. On error `t` is unchanged. */
int task_begin_attempt(Task *t);

/* "remote-developer-<id>.service" and back. The first returns fresh memory or NULL; the second points into
 * nothing: it fills `ret` and returns false for a unit that is no task's. */
char *task_unit_name(const char *id);
bool task_id_from_unit(const char *unit, char ret[static TASK_ID_SIZE + 1]);

bool task_is_finished(const Task *t);

/* Somebody's wish, or that of the task's stall_action, is on disk that it be stopped. */
bool task_is_to_stop(const Task *t);

/* When that was wished first; 0: it was not. */
usec_t task_stop_requested_at(const Task *t);
usec_t task_stop_requested_boottime(const Task *t); /* 0: not noted */
bool task_runs_agent(const Task *t);

/* It ended because its agent is not logged in: once somebody has logged in, it can go on. */
bool task_needs_login(const Task *t);

/* Of a queued attempt: the session that its agent can go on with. Borrowed; NULL: no earlier attempt began one, or the
 * agent did not find it again. */
const char *task_known_session(const Task *t);

/* Of an ended attempt: the agent should have gone on with a session, and told that it has none. */
bool task_lost_session(const Task *t);

/* The original API's one word and number for where the task is: those of its step. */
const char *task_status(const Task *t);
unsigned task_progress(const Task *t);

/* The original API's word for the agent's part; NULL: no agent runs. */
const char *task_claude_status(const Task *t);

/* When the work's time is over; 0 before it began. */
usec_t task_deadline(const Task *t);

/* The document as clients see it, or with `for_disk` as the file holds it. */
int task_to_json(const Task *t, bool for_disk, Json **ret);
int task_from_json(const Json *j, Task **ret, Problem *problem);

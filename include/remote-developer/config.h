/* Config: what config/long_running_tasks.yaml says, checked.
 *
 * One table (config.c) names every key with its kind, range, default and a line of help; the reader, --help and
 * the tests all walk that table. What the file does not name keeps its default. An unknown key, a wrong kind or a
 * value out of range refuses the whole file, with file:line:column and what would be right in the problem.
 */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/problem.h>
#include <remote-developer/recipe.h>
#include <remote-developer/sandbox.h>
#include <remote-developer/task.h>

#include <stdio.h>

typedef enum OrphanedTaskAction {
        ORPHANED_TASK_INTERRUPTED,
        ORPHANED_TASK_RESUME,
} OrphanedTaskAction;

typedef struct Config {
        /* task_execution */
        usec_t claude_timeout_usec;   /* the longest a task may work; the default when a request asks for none */
        usec_t default_timeout_usec;  /* every other operation */
        usec_t cancel_grace_usec;     /* between SIGTERM and SIGKILL */
        usec_t warn_before_usec;      /* so long ahead of its time limit a task gets a warning; 0: none */
        usec_t stall_timeout_usec;    /* what a request that does not say gets; 0: off */
        TaskStallAction stall_action; /* the same */
        unsigned status_save_interval; /* log lines between two saves of a task's document */
        bool use_daemon_threads;      /* bind the tasks to the life of the service (PartOf=) */
        unsigned max_running_tasks;   /* further ones are queued */
        unsigned max_queued_tasks;    /* further ones are refused */
        char *user;                   /* system mode: who runs the tasks; owned */
        Sandbox sandbox;              /* of the recipes that do not say; never SANDBOX_UNSET */
        char **writable_paths;        /* absolute, beside those of launch_fence(); owned, NULL: none */

        TaskLimits limits; /* the ceilings; 0: there is none */

        /* recovery */
        bool check_orphaned_tasks;
        OrphanedTaskAction orphaned_task_action;
        unsigned max_automatic_attempts;
        usec_t resume_pause_usec; /* before the first automatic attempt; doubled with each further one */
        usec_t monitor_interval_usec;

        /* persistence */
        unsigned max_memory_logs; /* lines of a task kept in memory */
        unsigned max_tasks;       /* there are, archived ones too; further ones are refused */
        unsigned archive_after_days;
        bool compress_archives;

        /* connection */
        usec_t sse_heartbeat_interval_usec;
        usec_t sse_timeout_usec;
        bool allow_multiple_connections;
        unsigned max_connections; /* at once; of one user half as many */
        unsigned max_streams;     /* the same of logs that are streamed or downloaded */
        usec_t request_timeout_usec; /* the longest that a request may take to come */
        char **hosts; /* what it answers to besides localhost; owned, NULL: nothing */

        /* workspaces */
        char *workspaces_directory;  /* absolute; empty: that of the service's mode; owned */
        char **allowed_repositories; /* patterns for fnmatch(3); owned, empty: none is */

        /* recipes: the shipped ones, and over them those of the file; owned */
        Recipe *recipes;
        size_t n_recipes;
} Config;

/* The defaults. 0 or -ENOMEM. */
int config_init(Config *c);
void config_done(Config *c);

/* Reads the file over what `c` holds. -ENOENT when there is none. On error `c` is unchanged. The file is at most
 * 1 MiB. */
int config_read_file(Config *c, const char *path, Problem *problem);

/* The same from memory, for tests; `name` stands for the path in sentences. */
int config_read(Config *c, const char *name, const char *data, size_t size, Problem *problem);

/* NULL: there is none of that name. Borrowed. */
const Recipe *config_find_recipe(const Config *c, const char *name);

/* Takes what the recipe holds; it replaces one of the same name. 0 or -ENOMEM; on error both are unchanged. */
int config_take_recipe(Config *c, Recipe *recipe);

/* One line a key: "  section.key  (kind, range, default) what it does". */
void config_print_keys(FILE *to);

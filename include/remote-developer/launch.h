/* Launch: from a task and the configuration to its unit. What runs, as whom and under which limits is decided here
 * alone: by the service itself in user mode, in system mode once more by the launcher, which is privileged and takes
 * nothing from the service but what was asked for (launch-server.h).
 */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/program-run.h>
#include <remote-developer/task-store.h>
#include <remote-developer/unit-client.h>

/* What a task is part of that shall not outlive the service. */
#define SERVICE_UNIT "remote-developer.service"

/* What the unit of every task depends on; all borrowed. */
typedef struct Launch {
        const Config *config;
        RuntimeScope scope;
        const char *state_directory; /* where the recorder writes; absolute */
        const char *workspaces_directory;
        const char *recorder, *starter; /* absolute paths of the programs */
        char *const *programs; /* the directories in which programs are looked for */
        bool no_namespaces; /* systemd cannot give units mounts of their own: what a fence has of those is left out */
} Launch;

/* One attempt of a task, from its recipe. */
typedef struct LaunchPlan LaunchPlan;

LaunchPlan *launch_plan_free(LaunchPlan *p);
DEFINE_CLEANUP(LaunchPlan *, launch_plan_free)

/* What the task's document tells of it; borrowed, and the caller's to empty. */
TaskPlan *launch_plan_steps(LaunchPlan *p);

/* Of the configuration as it is now, and its programs are there; else -EINVAL with the field "recipe". */
int launch_find_recipe(const Launch *l, const TaskSpec *s, const Recipe **ret, Problem *problem);

/* How a task of the recipe is fenced in (NULL: there is no recipe any more); never SANDBOX_UNSET. */
Sandbox launch_profile(const Launch *l, const Recipe *recipe);

/* The task is borrowed for the plan's life. An error that launch_fault() knows is the task's own. */
int launch_plan_new(const Launch *l, const Recipe *recipe, const Task *t, LaunchPlan **ret);

/* What a recipe may come to with a task, though the configuration and the request were good; NULL: something else. */
const char *launch_fault(int error);

/* Writes what the work reads. */
int launch_write_prompt(const LaunchPlan *p, TaskStore *files);

/* Writes what the unit's programs read into `files`, in which its secrets are already, and asks systemd for it, which
 * reads what is in there with all its privilege. Calls back as unit_client_start_unit(). */
int launch_task(const Launch *l, const LaunchPlan *p, TaskStore *files, UnitClient *units, UnitReply callback,
                void *userdata);

/* The same of the operation that the task's document names, and whose text is in `files`. */
int launch_operation(const Launch *l, const Task *t, bool has_token, TaskStore *files, UnitClient *units,
                     UnitReply callback, void *userdata);

typedef struct LaunchProbe {
        RuntimeScope scope;
        const char *user;        /* of tasks, in system mode */
        const char *program;     /* remote-developerd, absolute */
        const char *config_file; /* NULL: what it finds */
        bool as_self;            /* not in a unit: whoever asks may not start any */
} LaunchProbe;

/* Looks at the programs of tasks where a task would run, as its user; the last line of what the program writes are the
 * findings (doctor.h), in JSON. */
int launch_probe(sd_event *event, const LaunchProbe *p, ProgramEnded ended, void *userdata, ProgramRun **ret);

/* TaskStore: the directory that holds the tasks' files.
 *
 *   <id>.json    the task's document, 0640; whatever else ends with .json and is not named here is set aside
 *   <id>.result  the recorder's account of how the unit ended (ending.h); of attempt 2 <id>.2.result, and so on
 *   <id>.prompt  what the agent gets on stdin, 0600
 *   <id>.credentials/NAME  a secret of a task that is not finished, or of the operation under way, 0600 in a
 *                directory 0700
 *   <id>.operation  what the operation under way reads from its stdin, 0600
 *   active_tasks.json  what runs now
 *   remote-developerd.lock  held by the one service that works here
 *
 * Every write is durable when the call returns (files.h). A file that cannot be worked with is set aside, never
 * deleted:
 *
 *   <name>.broken-<unix seconds>     a document that cannot be read, or says what no service writes
 *   <name>.foreign-<unix seconds>    what is no document of ours, or no file
 *   <name>.duplicate-<unix seconds>  a document of a task with another name
 *
 * A newer service's document is left exactly as it is.
 */
#pragma once

#include <remote-developer/ending.h>
#include <remote-developer/secrets.h>
#include <remote-developer/task-file.h>
#include <remote-developer/task.h>

typedef struct TaskStore TaskStore;

typedef enum TaskFault {
        TASK_FAULT_NONE = -1,
        TASK_FAULT_BROKEN,
        TASK_FAULT_FOREIGN,
        TASK_FAULT_DUPLICATE,
} TaskFault;

/* Makes the directory (0750) if it is not there, and locks it: -EBUSY when another service has it, which the
 * problem names. One that cannot be written is opened all the same, and locked by the first write that can. */
int task_store_open(const char *path, TaskStore **ret, Problem *problem);
TaskStore *task_store_free(TaskStore *s);
DEFINE_CLEANUP(TaskStore *, task_store_free)

const char *task_store_path(const TaskStore *s); /* absolute */

/* Gives the task its id and writes its secrets (NULL: it has none) and its first document; exactly one task gets an
 * id. It is greater than all others. */
int task_store_create(TaskStore *s, Task *t, const Secrets *secrets);
int task_store_save(TaskStore *s, Task *t);

/* There is a task with that id, though not here: those created from now on get greater ones. */
void task_store_note_id(TaskStore *s, const char *id);

/* The first document of a task that has its id; -EEXIST: there is one. */
int task_store_add(TaskStore *s, Task *t);
/* -EPROTONOSUPPORT: a newer service's. By the file's name, `<id>.json`, or by the task's. */
int task_store_load_file(TaskStore *s, const char *name, Task **ret, Problem *problem);
int task_store_load(TaskStore *s, const char *id, Task **ret, Problem *problem);
/* task_file_glance() at the task's document. */
bool task_store_glance(TaskStore *s, const char *id, TaskGlance *ret);

/* Forgets the task with all its `attempts`: its document last, so that what is left after a power cut can still be
 * found. */
int task_store_remove(TaskStore *s, const char *id, int attempts);

/* The ids of all documents, oldest first. What is left of writes that a crash cut off is removed. */
int task_store_list(TaskStore *s, char ***ret);

/* The ids of all tasks of which there is any file, once for each file. */
int task_store_list_ids(TaskStore *s, char ***ret);

/* The names of the files that may have to be set aside for their names; those that were. */
int task_store_list_strays(TaskStore *s, char ***ret);
int task_store_list_aside(TaskStore *s, char ***ret);

/* What it says of the file that loading it failed with this error; TASK_FAULT_NONE: nothing, it is to be left
 * there. */
TaskFault task_store_fault(const char *name, int error);

/* Moves a file out of the way and returns its new name in fresh memory. */
int task_store_set_aside(TaskStore *s, const char *name, TaskFault fault, char **ret_name);
bool task_store_has_file(const TaskStore *s, const char *name);

/* Where else endings may be: what the recorder could not write beside the document (ending_spill_directory()). */
int task_store_add_endings(TaskStore *s, const char *directory);

/* Removes it from there, when the verdict that it led to is on disk. */
void task_store_drop_spilled_ending(TaskStore *s, const char *id, int attempt);

/* -ENOENT when the recorder wrote none. The one beside the document goes first. `attempt` counts from 1. */
int task_store_read_ending(TaskStore *s, const char *id, int attempt, Ending *ret);

/* In the place of what there was; before the document that names them. NULL: none. */
int task_store_write_credentials(TaskStore *s, const char *id, const Secrets *secrets);
int task_store_read_credentials(TaskStore *s, const char *id, char *const *names, Secrets *ret); /* NULL: none */
int task_store_remove_credentials(TaskStore *s, const char *id); /* 0 also where there are none */
int task_store_list_credentials(TaskStore *s, char ***ret); /* the ids of those that have any, oldest first */
char *task_store_credential(const TaskStore *s, const char *id, const char *name); /* "NAME:path"; fresh or NULL */

int task_store_write_prompt(TaskStore *s, const char *id, const char *text, size_t size);
int task_store_read_prompt(TaskStore *s, const char *id, Buffer *ret); /* -ENOENT */
char *task_store_prompt_path(const TaskStore *s, const char *id); /* fresh memory or NULL */

/* What a step of the plan reads from its stdin. */
int task_store_write_input(TaskStore *s, const char *id, unsigned step, const char *text, size_t size);
char *task_store_input_path(const TaskStore *s, const char *id, unsigned step); /* fresh memory or NULL */
void task_store_remove_inputs(TaskStore *s, const char *id);

/* What an operation reads from its stdin. -ENOENT: there is none. */
int task_store_write_operation(TaskStore *s, const char *id, const char *text);
int task_store_read_operation(TaskStore *s, const char *id, char **ret); /* fresh memory */
char *task_store_operation_path(const TaskStore *s, const char *id); /* fresh memory or NULL */
int task_store_remove_operation(TaskStore *s, const char *id);
int task_store_list_operations(TaskStore *s, char ***ret); /* the ids of those that have one, oldest first */

/* What the recorder is told to put before ".result": "<id>" or "<id>.<attempt>". Fresh memory or NULL. */
char *task_store_ending_stem(const char *id, int attempt);

int task_store_write_active(TaskStore *s, const Json *array);

/* Bytes free for unprivileged writers on the file system, and whether a write would fail for being read-only. */
int task_store_disk(const TaskStore *s, uint64_t *ret_free_bytes, bool *ret_read_only);

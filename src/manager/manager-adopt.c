/* A unit of ours without a document: somebody removed the file, or it was set aside as broken. What the unit tells of
 * its task becomes a new document, and from then on the task is one like any other: it can be watched and cancelled,
 * and gets its verdict. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/unit-description.h>

#include <stdio.h>

/* Names of units that are not asked about again. */
#define LEFT_ALONE_MAX 1000

typedef struct Adoption {
        Manager *manager;
        char id[TASK_ID_SIZE + 1];
} Adoption;

static bool argv_begins_with(char *const *a, const char *const *b) {
        size_t i = 0;

        while (a[i] && b[i] && string_equal(a[i], b[i]))
                i++;
        return !b[i];
}

/* An agent's description is in the file that is its stdin, but for one that goes on with a session: that was told
 * something else. */
static int find_description(Manager *m, const RecipeTrace *trace, Task *t) {
        const char *known = recipe_trace_value(trace, "task_description");
        int r;

        if (known)
                return buffer_append_string(&t->spec.task_description, known);
        if (trace->resumes)
                return 0;
        r = task_store_read_prompt(m->store, t->id, &t->spec.task_description);
        return r == -ENOENT ? 0 : r;
}

static int take_values(const RecipeTrace *trace, Task *t) {
        const struct {
                char **target;
                const char *placeholder;
        } rows[] = {
                { &t->spec.github_repo, "repository_url" }, { &t->spec.github_repo, "github_repo" },
                { &t->spec.devpod_name, "devpod_name" },    { &t->spec.namespace, "namespace" },
                { &t->spec.pod, "pod" },                    { &t->session_id, "session_id" },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++) {
                const char *value = recipe_trace_value(trace, rows[i].placeholder);

                if (value)
                        r = string_replace(rows[i].target, value);
        }
        return r;
}

/* What it told of itself is read from its log, as of any task. */
static int fill_agent(Manager *m, const UnitDescription *d, const RecipeTrace *trace, Task *t) {
        int r;

        t->spec.agent = trace->recipe->agent;
        t->session_resumes = trace->resumes;
        r = string_replace(&t->spec.recipe, trace->recipe->name);
        if (r >= 0)
                r = take_values(trace, t);
        /* The work tree is made, and found again, by a step. */
        if (d->makes_directory && t->spec.github_repo)
                r = string_replace(&t->spec.working_directory, NULL);
        return r < 0 ? r : find_description(m, trace, t);
}

/* One of a configuration that was changed since, or the agent's argv would tell. */
static const RecipeTrace *trace_of_claude(RecipeTrace *trace) {
        trace->recipe = recipe_find(shipped_recipes, n_shipped_recipes, TASK_RECIPE_CLAUDE);
        return trace;
}

static int fill_work(Manager *m, UnitDescription *d, Task *t) {
        const RecipeCommands commands = { d->argv, (char *const *const *) d->steps, d->n_steps };
        _cleanup_(recipe_trace_done) RecipeTrace trace = {};
        int r;

        r = recipe_recognise(m->config->recipes, m->config->n_recipes, &commands, &trace);
        if (r < 0)
                return r;
        if (r > 0)
                return fill_agent(m, d, &trace, t);
        if (argv_begins_with(d->argv, claude_command))
                return fill_agent(m, d, trace_of_claude(&trace), t);
        t->spec.command = TAKE_PTR(d->argv);
        return string_replace(&t->spec.recipe, TASK_RECIPE_COMMAND);
}

static int fill_spec(Manager *m, UnitDescription *d, Task *t) {
        TaskSpec *s = &t->spec;

        if (strv_length(d->argv) == 0)
                return -ENODATA;
        s->environment = TAKE_PTR(d->environment);
        if (!string_equal(d->working_directory, "~"))
                s->working_directory = TAKE_PTR(d->working_directory);
        s->separate_stderr = d->separate_stderr;
        s->timeout_usec = d->runtime_max_usec == USEC_INFINITY ? m->config->claude_timeout_usec : d->runtime_max_usec;
        return fill_work(m, d, t);
}

/* The recorder is told "<id>" or "<id>.<attempt>" (task_store_ending_stem()). */
static int find_attempt(const UnitDescription *d) {
        const char *stem = strv_length(d->recorder_argv) > 2 ? d->recorder_argv[2] : "";
        uint64_t n;

        if (strlen(stem) <= TASK_ID_SIZE + 1 || string_to_uint64(stem + TASK_ID_SIZE + 1, &n) < 0)
                return 1;
        return n > 1 && n <= ATTEMPTS_MAX ? (int) n : 1;
}

/* Whatever it is now, it was asked for in this boot, of this manager. */
static int fill_task(Manager *m, const char *id, UnitDescription *d, Task *t) {
        int r;

        r = string_replace(&t->id, id);
        if (r >= 0)
                r = string_replace(&t->boot_id, m->boot_id);
        if (r >= 0)
                r = fill_spec(m, d, t);
        if (r < 0)
                return r;
        for (size_t i = 0; d->part_of && d->part_of[i]; i++)
                t->bound_to_service |= string_equal(d->part_of[i], SERVICE_UNIT);
        t->attempt = find_attempt(d);
        /* The log has the earlier attempts' lines, too, and where they end is not known any more. */
        if (t->attempt > 1)
                t->agent_since = clock_is_set(d->main_started_usec) ? d->main_started_usec : clock_realtime_usec();
        t->created_at = task_id_time(id);
        t->manager_started_at = unit_client_manager_started_usec(m->units);
        /* Not queued, from where it could be started again. */
        t->state = TASK_STARTING;
        return 0;
}

static int take_up(Manager *m, Task *t) {
        TaskRun *run = NULL;
        int r;

        r = task_run_new(m, t, false, &run);
        if (r < 0) {
                task_free(t);
                return r;
        }
        r = task_index_add(&m->index, t->id, TASK_RESULT_NONE, run);
        if (r < 0) {
                task_run_free(run);
                return r;
        }
        task_index_note(&m->index, t->id, t);
        r = task_run_watch(run);
        return r < 0 ? r : unit_client_read_watch(&run->watch, NULL, NULL);
}

static int adopt(Manager *m, const char *id, UnitDescription *d) {
        _cleanup_(task_freep) Task *t = task_new();
        int r;

        if (!t)
                return -ENOMEM;
        r = fill_task(m, id, d, t);
        /* Exclusively: a document that this program cannot read (a newer one) is not written over. */
        if (r >= 0)
                r = task_store_add(m->store, t);
        return r < 0 ? r : take_up(m, TAKE_PTR(t));
}

static bool is_left_alone(const Manager *m, const char *id) {
        for (size_t i = 0; m->left_alone && m->left_alone[i]; i++)
                if (string_equal(m->left_alone[i], id))
                        return true;
        return false;
}

/* Said once, not with every comparison. */
static void leave_alone(Manager *m, const char *id, int error) {
        log_task(LOG_WARNING, id, "A unit without a document that can be read is left alone: %s",
                 error == -EEXIST ? "a newer service wrote the document" : "it is none that this service started");
        if (strv_length(m->left_alone) < LEFT_ALONE_MAX)
                (void) strv_append(&m->left_alone, id);
}

static void on_described(void *userdata, int error, UnitDescription *description) {
        _cleanup_free_ Adoption *a = userdata;
        Manager *m = a->manager;
        int r = error;

        if (task_index_find(&m->index, a->id))
                return;
        if (r == 0)
                r = adopt(m, a->id, description);
        if (r == 0)
                log_task(LOG_NOTICE, a->id, "A unit without a document: adopted");
        else if (r == -EEXIST || r == -ENODATA)
                leave_alone(m, a->id, r);
        else
                log_task(LOG_WARNING, a->id, "A unit without a document could not be adopted yet: %s", strerror(-r));
}

void manager_adopt_unit(Manager *m, const char *id, const char *unit) {
        Adoption *a;
        int r = -ENOMEM;

        if (is_left_alone(m, id))
                return;
        a = calloc(1, sizeof(Adoption));
        if (a) {
                a->manager = m;
                snprintf(a->id, sizeof(a->id), "%s", id);
                r = unit_client_describe_unit(m->units, unit, on_described, a);
        }
        if (r < 0) {
                free(a);
                log_task(LOG_WARNING, id, "A unit without a document, which could not be looked at: %s",
                         strerror(-r));
        }
}

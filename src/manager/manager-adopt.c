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

static bool argv_equal(char *const *a, const char *const *b) {
        size_t i = 0;

        while (a[i] && b[i] && string_equal(a[i], b[i]))
                i++;
        return !a[i] && !b[i];
}

/* An agent's description is in the file that is its stdin. */
static int fill_agent(Manager *m, Task *t) {
        int r = task_store_read_prompt(m->store, t->id, &t->spec.task_description);

        t->spec.recipe = TASK_RECIPE_CLAUDE;
        return r == -ENOENT ? 0 : r;
}

static int fill_spec(Manager *m, UnitDescription *d, Task *t) {
        TaskSpec *s = &t->spec;

        if (strv_length(d->argv) == 0)
                return -ENODATA;
        s->environment = TAKE_PTR(d->environment);
        if (!string_equal(d->working_directory, "~"))
                s->working_directory = TAKE_PTR(d->working_directory);
        s->timeout_usec = d->runtime_max_usec == USEC_INFINITY ? m->config->claude_timeout_usec : d->runtime_max_usec;
        if (argv_equal(d->argv, claude_command))
                return fill_agent(m, t);
        s->recipe = TASK_RECIPE_COMMAND;
        s->command = TAKE_PTR(d->argv);
        return 0;
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

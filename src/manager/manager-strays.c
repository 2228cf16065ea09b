/* Files in the state directory that cannot be worked with: set aside where that is right, else left as they are; known
 * by name to whoever asks how the service is. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

static void strays_done(Strays *s) {
        for (size_t i = 0; i < MIN_OF(s->n, STRAYS_NAMED); i++)
                free(s->names[i]);
        *s = (Strays){};
}

/* Without memory it is counted all the same. */
static void strays_add(Strays *s, const char *name) {
        if (s->n < STRAYS_NAMED)
                s->names[s->n] = strdup(name);
        s->n++;
}

static bool has_all(const Manager *m, const Strays *s) {
        for (size_t i = 0; i < MIN_OF(s->n, STRAYS_NAMED); i++)
                if (!s->names[i] || !task_store_has_file(m->store, s->names[i]))
                        return false;
        return true;
}

static void find_aside(Manager *m) {
        _cleanup_strv_ char **names = NULL;
        int r;

        r = task_store_list_aside(m->store, &names);
        if (r < 0) {
                log_warning("The files that lie aside could not be listed: %s", strerror(-r));
                return;
        }
        strays_done(&m->aside);
        for (size_t i = 0; names && names[i]; i++)
                strays_add(&m->aside, names[i]);
}

static void drop_gone(Manager *m, Strays *s) {
        Strays left = {};

        for (size_t i = 0; i < MIN_OF(s->n, STRAYS_NAMED); i++)
                if (s->names[i] && task_store_has_file(m->store, s->names[i]))
                        strays_add(&left, s->names[i]);
        left.n += s->n - MIN_OF(s->n, STRAYS_NAMED);
        strays_done(s);
        *s = left;
}

void manager_refuse_file(Manager *m, const char *name, int error, const Problem *problem) {
        TaskFault fault = task_store_fault(name, error);
        _cleanup_free_ char *aside = NULL;
        char id[TASK_ID_SIZE + 1];
        int r = error;

        snprintf(id, sizeof(id), "%s", name);
        if (fault != TASK_FAULT_NONE)
                r = task_store_set_aside(m->store, name, fault, &aside);
        if (r >= 0) {
                strays_add(&m->aside, aside);
                log_task(LOG_ERR, task_id_is_valid(id) ? id : NULL,
                                "%s cannot be worked with (%s) and was set aside as %s", name,
                                problem_sentence(problem), aside);
                return;
        }
        strays_add(&m->refused, name);
        log_task(LOG_ERR, task_id_is_valid(id) ? id : NULL, "%s cannot be worked with (%s) and is left as it is%s%s",
                        name, problem_sentence(problem),
                        fault == TASK_FAULT_NONE ? "" : "; it could not be set aside: ",
                        fault == TASK_FAULT_NONE ? "" : strerror(-r));
}

/* Each looked at as if it were a document: whose it is stands in the file. */
static int refuse_strays(Manager *m) {
        _cleanup_strv_ char **names = NULL;
        int r;

        r = task_store_list_strays(m->store, &names);
        for (size_t i = 0; r >= 0 && names && names[i]; i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(task_freep) Task *task = NULL;

                r = task_store_load_file(m->store, names[i], &task, &problem);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        manager_refuse_file(m, names[i], r, &problem);
                r = 0;
        }
        return r;
}

int manager_find_strays(Manager *m) {
        int r = refuse_strays(m);

        find_aside(m);
        return r;
}

/* What was repaired or taken away by hand is noticed here; to read the directory each time would be dear. */
void manager_look_at_strays(Manager *m) {
        if (!has_all(m, &m->aside))
                find_aside(m);
        if (!has_all(m, &m->refused))
                drop_gone(m, &m->refused);
}

void manager_forget_strays(Manager *m) {
        strays_done(&m->aside);
        strays_done(&m->refused);
}

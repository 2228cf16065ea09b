/* What the manager knows of recipes: the program of one, that only one task works in a directory, and the session of
 * an agent. */
#include "manager-internal.h"

#include <remote-developer/strings.h>

#include <systemd/sd-id128.h>

const char *manager_program_of(const Manager *m, const Task *t) {
        const Recipe *recipe = config_find_recipe(m->config, t->spec.recipe);

        if (recipe && recipe->work.command)
                return recipe->work.command[0];
        return t->spec.command ? t->spec.command[0] : t->spec.recipe;
}

/* --- one writer at a time --- */

/* The same words, however many slashes are between them. */
static bool is_same_path(const char *a, const char *b) {
        for (;;) {
                size_t n;

                a += strspn(a, "/");
                b += strspn(b, "/");
                n = strcspn(a, "/");
                if (n != strcspn(b, "/") || memcmp(a, b, n) != 0)
                        return false;
                if (n == 0)
                        return true;
                a += n;
                b += n;
        }
}

/* A command may be anything: whether two of them may share a directory is known to those who ask for them. */
static bool has_directory_for_itself(const TaskSpec *s) {
        return s->working_directory && !string_equal(s->recipe, TASK_RECIPE_COMMAND);
}

static bool is_in_the_way(const Task *t, const TaskSpec *s) {
        return has_directory_for_itself(&t->spec) && is_same_path(t->spec.working_directory, s->working_directory);
}

/* A task at work, or what is being done with the work of one that has ended. */
static const Task *find_writer(const Manager *m, const TaskSpec *s) {
        for (size_t i = 0; i < m->index.n; i++) {
                const TaskRun *run = m->index.rows[i].run;

                if (run && is_in_the_way(run->task, s))
                        return run->task;
        }
        for (const OperationRun *o = manager_next_operation(m, NULL); o; o = manager_next_operation(m, o)) {
                const Task *t = operation_run_task(o);

                if (t->spec.working_directory && is_same_path(t->spec.working_directory, s->working_directory))
                        return t;
        }
        return NULL;
}

int manager_check_directory(const Manager *m, const TaskSpec *s, Problem *problem) {
        return has_directory_for_itself(s) ? manager_check_writer(m, s, problem) : 0;
}

int manager_check_writer(const Manager *m, const TaskSpec *s, Problem *problem) {
        const Task *t = s->working_directory ? find_writer(m, s) : NULL;

        if (!t)
                return 0;
        problem_name_task(problem, t->id);
        return problem_set(problem, -EBUSY, "working_directory",
                           "Another task, %s, works in this directory: wait for its end, or cancel it", t->id);
}

/* --- sessions --- */

int manager_new_session(Task *t) {
        char text[SD_ID128_UUID_STRING_MAX];
        sd_id128_t id;
        int r;

        if (!task_runs_agent(t))
                return string_replace(&t->session_id, NULL);
        r = sd_id128_randomize(&id);
        return r < 0 ? r : string_replace(&t->session_id, sd_id128_to_uuid_string(id, text));
}

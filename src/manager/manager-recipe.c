/* What the manager knows of recipes: whether one can run, what its placeholders stand for in a task, and that only one
 * task works in a directory. */
#include "manager-internal.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <stdio.h>
#include <systemd/sd-id128.h>

int manager_find_recipe(const Manager *m, const TaskSpec *s, const Recipe **ret, Problem *problem) {
        const Recipe *recipe = config_find_recipe(m->config, s->recipe);
        const char *program;
        size_t line;

        if (!recipe)
                return problem_set(problem, -EINVAL, "recipe", "There is no recipe \"%.*s\" in the configuration",
                                   PROBLEM_VALUE_MAX, s->recipe);
        program = recipe_missing_program(recipe, m->programs, &line);
        if (program)
                return problem_set(problem, -EINVAL, "recipe",
                                "The recipe %s needs the program %.*s, which is not there: install it in one of the "
                                "directories that systemd looks in, such as /usr/local/bin",
                                recipe->name, PROBLEM_VALUE_MAX, program);
        *ret = recipe;
        return 0;
}

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

/* --- values --- */

int manager_new_session(Task *t) {
        char text[SD_ID128_UUID_STRING_MAX];
        sd_id128_t id;
        int r;

        if (!task_runs_agent(t))
                return string_replace(&t->session_id, NULL);
        r = sd_id128_randomize(&id);
        return r < 0 ? r : string_replace(&t->session_id, sd_id128_to_uuid_string(id, text));
}

void task_values_done(TaskValues *v) {
        free(v->repository_url);
        free(v->branch);
        free(v->workspace);
        *v = (TaskValues){};
}

static int fill_workspace(const Manager *m, const Task *t, TaskValues *v) {
        if (t->spec.working_directory)
                return 0;
        v->branch = workspace_branch(t->id);
        v->workspace = workspace_tree(m->workspaces_directory, t->id);
        return v->branch && v->workspace ? 0 : -ENOMEM;
}

int task_values_init(const Manager *m, const Task *t, TaskValues *ret) {
        _cleanup_(task_values_done) TaskValues v = {};
        const TaskSpec *s = &t->spec;
        int r = 0;

        if (s->github_repo)
                r = workspace_url(s->github_repo, &v.repository_url, NULL);
        if (r >= 0 && s->github_repo)
                r = fill_workspace(m, t, &v);
        if (r < 0)
                return r;
        snprintf(v.attempt, sizeof(v.attempt), "%d", t->attempt);
        *ret = v;
        v = (TaskValues){};
        ret->values = (RecipeValues){
                .task_id = t->id, .task_description = s->task_description.data,
                .task_description_size = s->task_description.size, .github_repo = s->github_repo,
                .repository_url = ret->repository_url, .devpod_name = s->devpod_name, .pod = s->pod,
                .namespace = s->namespace, .branch = ret->branch, .workspace = ret->workspace,
                .working_directory = s->working_directory ?: ret->workspace,
                .workspaces = m->workspaces_directory, .session_id = t->session_id, .attempt = ret->attempt,
                .command = s->command,
        };
        return 0;
}

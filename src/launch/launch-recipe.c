/* Recipes that can run, and what their placeholders stand for in a task. See launch.h. */
#include "launch-internal.h"

#include <remote-developer/strings.h>
#include <remote-developer/workspace.h>

#include <stdio.h>

int launch_find_recipe(const Launch *l, const TaskSpec *s, const Recipe **ret, Problem *problem) {
        const Recipe *recipe = config_find_recipe(l->config, s->recipe);
        const char *program;
        size_t line;

        if (!recipe)
                return problem_set(problem, -EINVAL, "recipe", "There is no recipe \"%.*s\" in the configuration",
                                   PROBLEM_VALUE_MAX, s->recipe);
        program = recipe_missing_program(recipe, l->programs, &line);
        if (program)
                return problem_set(problem, -EINVAL, "recipe",
                                "The recipe %s needs the program %.*s, which is not there: install it in one of the "
                                "directories that systemd looks in, such as /usr/local/bin",
                                recipe->name, PROBLEM_VALUE_MAX, program);
        *ret = recipe;
        return 0;
}

void launch_values_done(LaunchValues *v) {
        free(v->repository_url);
        free(v->branch);
        free(v->workspace);
        *v = (LaunchValues){};
}

static int fill_workspace(const Launch *l, const Task *t, LaunchValues *v) {
        if (t->spec.working_directory)
                return 0;
        v->branch = workspace_branch(t->id);
        v->workspace = workspace_tree(l->workspaces_directory, t->id);
        return v->branch && v->workspace ? 0 : -ENOMEM;
}

int launch_values_init(const Launch *l, const Task *t, LaunchValues *ret) {
        _cleanup_(launch_values_done) LaunchValues v = {};
        const TaskSpec *s = &t->spec;
        int r = 0;

        if (s->github_repo)
                r = workspace_url(s->github_repo, &v.repository_url, NULL);
        if (r >= 0 && s->github_repo)
                r = fill_workspace(l, t, &v);
        if (r < 0)
                return r;
        snprintf(v.attempt, sizeof(v.attempt), "%d", t->attempt);
        *ret = v;
        v = (LaunchValues){};
        ret->values = (RecipeValues){
                .task_id = t->id, .task_description = s->task_description.data,
                .task_description_size = s->task_description.size, .github_repo = s->github_repo,
                .repository_url = ret->repository_url, .devpod_name = s->devpod_name, .pod = s->pod,
                .namespace = s->namespace, .branch = ret->branch, .workspace = ret->workspace,
                .working_directory = s->working_directory ?: ret->workspace,
                .workspaces = l->workspaces_directory, .session_id = t->session_id, .attempt = ret->attempt,
                .command = s->command,
        };
        return 0;
}

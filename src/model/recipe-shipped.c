/* The recipes that are there without a configuration. config/long_running_tasks.yaml shows the same ones, in the words
 * of the file, as comments; a test reads those and compares.
 *
 * They are data like any other recipe and never written to: their texts are literals, which C has as `const char`. */
#include <remote-developer/recipe.h>

#define TEXT(literal) ((char *) (literal))
#define LIST(...) ((char **) (const char *const[]){ __VA_ARGS__, NULL })

#define STEP(verb) "remote-developer-step", verb, "--root", "{workspaces}", "--task", "{task_id}"
#define CLAUDE "claude", "-p", "--output-format", "stream-json", "--verbose"
#define CODEX "codex", "exec", "--json", "--sandbox", "workspace-write", "--skip-git-repo-check"

/* Not with a working_directory: that is used as it is. */
static const RecipeStep make_workspace[] = {
        { .status = TEXT("cloning_repository"), .progress = 20, .when = TEXT("workspace"),
          .command = LIST(STEP("workspace"), "--repository", "{github_repo}") },
};

static const RecipeStep review_changes[] = {
        { .status = TEXT("reviewing_changes"), .progress = 75, .command = LIST(STEP("review")) },
};

/* The original's way: a pod that DevPod makes, the repository and the agent in it. */
static const RecipeStep make_devpod[] = {
        { .status = TEXT("creating_devpod"), .progress = 10,
          .command = LIST(STEP("devpod"), "--name", "{devpod_name}") },
        { .status = TEXT("cloning_repository"), .progress = 20,
          .command = LIST(STEP("pod-workspace"), "--repository", "{repository_url}") },
        { .status = TEXT("setting_up_claude"), .progress = 30,
          .command = LIST(STEP("pod-run"), "--", "claude", "--version") },
};

static const RecipeStep find_pod[] = {
        { .status = TEXT("preparing_workspace"), .progress = 10,
          .command = LIST(STEP("pod"), "--namespace", "{namespace}", "--pod", "{pod}") },
        { .status = TEXT("cloning_repository"), .progress = 20,
          .command = LIST(STEP("pod-workspace"), "--repository", "{repository_url}") },
};

static const RecipeStep review_pod[] = {
        { .status = TEXT("reviewing_changes"), .progress = 75, .command = LIST(STEP("pod-review")) },
};

#define WORK(argv) { .status = TEXT("executing_task"), .progress = 60, .command = (argv) }
#define WORK_READING(argv) \
        { .status = TEXT("executing_task"), .progress = 60, .command = (argv), .input = TEXT("{task_description}") }
#define PREPARED_BY(table) .steps = (RecipeStep *) (table), .n_steps = ELEMENTSOF(table)
#define REVIEWED_BY(table) .reviews = (RecipeStep *) (table), .n_reviews = ELEMENTSOF(table)

const Recipe shipped_recipes[] = {
        { .name = TEXT("command"), .work = WORK(NULL) },
        { .name = TEXT("claude"), .agent = AGENT_KIND_CLAUDE, PREPARED_BY(make_workspace),
          .work = WORK_READING(LIST(CLAUDE, "--session-id", "{session_id}")),
          .resume = LIST(CLAUDE, "--resume={session_id}"), .resume_input = TEXT("continue"),
          REVIEWED_BY(review_changes) },
        { .name = TEXT("codex"), .agent = AGENT_KIND_CODEX, PREPARED_BY(make_workspace),
          .work = WORK_READING(LIST(CODEX, "-")),
          .resume = LIST(CODEX, "resume", "{session_id}", "-"), .resume_input = TEXT("continue"),
          REVIEWED_BY(review_changes) },
        { .name = TEXT("claude-devpod"), .agent = AGENT_KIND_CLAUDE, PREPARED_BY(make_devpod),
          .work = WORK_READING(LIST(STEP("pod-run"), "--", CLAUDE, "--session-id", "{session_id}")),
          .resume = LIST(STEP("pod-run"), "--", CLAUDE, "--resume={session_id}"), .resume_input = TEXT("continue"),
          REVIEWED_BY(review_pod) },
        { .name = TEXT("claude-kubernetes"), .agent = AGENT_KIND_CLAUDE, PREPARED_BY(find_pod),
          .work = WORK_READING(LIST(STEP("pod-run"), "--", CLAUDE, "--session-id", "{session_id}")),
          .resume = LIST(STEP("pod-run"), "--", CLAUDE, "--resume={session_id}"), .resume_input = TEXT("continue"),
          REVIEWED_BY(review_pod) },
};
const size_t n_shipped_recipes = ELEMENTSOF(shipped_recipes);

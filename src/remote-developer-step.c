/* remote-developer-step: what a task's unit runs beside the agent: makes its work tree, looks at what was changed,
 * commits, asks for a pull request, answers git for the token; and does the same in a pod. Runs as the user of the
 * tasks, in their unit.
 *
 * One row a verb: what it must be given, and its function in steps/. */
#include "steps/step.h"

#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#define SECONDS_MAX (7 * 86400)

enum {
        OPTION_ROOT = 0x100, OPTION_TASK, OPTION_REPOSITORY, OPTION_NAME, OPTION_NAMESPACE, OPTION_POD, OPTION_LEASE,
        OPTION_SILENCE, OPTION_OPERATION,
};

/* Of a verb: what cannot be left out, whether there are options at all, or words behind them. */
enum {
        NEEDS_TASK = 1 << 0, NEEDS_REPOSITORY = 1 << 1, HAS_WORDS = 1 << 2, NEEDS_NAME = 1 << 3, NEEDS_POD = 1 << 4,
        ENDS_WITH_WORDS = 1 << 5,
};

static const struct {
        const char *name, *usage;
        unsigned flags;
        int (*run)(Step *s);
} verbs[] = {
        { "workspace", "--root=DIR --task=ID --repository=REPO", NEEDS_TASK | NEEDS_REPOSITORY, step_workspace },
        { "review", "--root=DIR --task=ID", NEEDS_TASK, step_review },
        { "commit", "--root=DIR --task=ID [--repository=REPO] [--operation=WORD]", NEEDS_TASK, step_commit },
        { "create-pr", "--root=DIR --task=ID [--repository=REPO] [--operation=WORD]", NEEDS_TASK, step_create_pr },
        { "remove", "--root=DIR --task=ID", NEEDS_TASK, step_remove },
        { "credential", "HOST get|store|erase", HAS_WORDS, step_credential },
        { "secret", "NAME", HAS_WORDS, step_secret },
        { "devpod", "--root=DIR --task=ID --name=NAME", NEEDS_TASK | NEEDS_NAME, step_devpod },
        { "pod", "--root=DIR --task=ID --namespace=NAMESPACE --pod=POD", NEEDS_TASK | NEEDS_POD, step_pod },
        { "pod-workspace", "--root=DIR --task=ID --repository=REPO", NEEDS_TASK | NEEDS_REPOSITORY,
          step_pod_workspace },
        { "pod-run", "--root=DIR --task=ID [--lease=SECONDS] [--silence=SECONDS] -- PROGRAM ARGUMENTS...",
          NEEDS_TASK | ENDS_WITH_WORDS, step_pod_run },
        { "pod-review", "--root=DIR --task=ID", NEEDS_TASK, step_pod_review },
};

static const struct option options[] = {
        { "root", required_argument, NULL, OPTION_ROOT },
        { "task", required_argument, NULL, OPTION_TASK },
        { "repository", required_argument, NULL, OPTION_REPOSITORY },
        { "operation", required_argument, NULL, OPTION_OPERATION },
        { "name", required_argument, NULL, OPTION_NAME },
        { "namespace", required_argument, NULL, OPTION_NAMESPACE },
        { "pod", required_argument, NULL, OPTION_POD },
        { "lease", required_argument, NULL, OPTION_LEASE },
        { "silence", required_argument, NULL, OPTION_SILENCE },
        {},
};

static void print_usage(void) {
        fprintf(stderr, "remote-developer-step VERB: run by systemd for a task\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                fprintf(stderr, "  %s %s\n", verbs[i].name, verbs[i].usage);
}

static int take_seconds(uint64_t *ret) {
        int r = string_to_uint64(optarg, ret);

        return r < 0 || *ret == 0 || *ret > SECONDS_MAX ? -EINVAL : 0;
}

static int take_option(Step *s, int c) {
        switch (c) {
        case OPTION_ROOT:
                s->root = optarg;
                return 0;
        case OPTION_TASK:
                s->task = optarg;
                return 0;
        case OPTION_REPOSITORY:
                s->repository = optarg;
                return 0;
        case OPTION_OPERATION:
                s->operation = optarg;
                return 0;
        case OPTION_NAME:
                s->name = optarg;
                return 0;
        case OPTION_NAMESPACE:
                s->namespace = optarg;
                return 0;
        case OPTION_POD:
                s->pod = optarg;
                return 0;
        case OPTION_LEASE:
                return take_seconds(&s->lease);
        case OPTION_SILENCE:
                return take_seconds(&s->silence);
        default:
                return -EINVAL; /* getopt_long() has said why */
        }
}

static bool is_complete(const Step *s, unsigned flags, bool has_words) {
        if (!s->root || s->root[0] != '/' || !s->task || !task_id_is_valid(s->task))
                return false;
        if ((flags & NEEDS_REPOSITORY && !s->repository) || (flags & NEEDS_NAME && !s->name) ||
            (flags & NEEDS_POD && (!s->namespace || !s->pod)))
                return false;
        return has_words == !!(flags & ENDS_WITH_WORDS);
}

static int parse(int argc, char *argv[], unsigned flags, Step *s) {
        int c, r = 0;

        if (flags & HAS_WORDS) {
                s->words = argv + 1;
                return 0;
        }
        while (r >= 0 && (c = getopt_long(argc, argv, "+", options, NULL)) >= 0)
                r = take_option(s, c);
        if (r < 0 || !is_complete(s, flags, optind < argc))
                return -EINVAL;
        s->words = argv + optind;
        return 0;
}

/* A status of a verb's own, EXIT_USAGE among them, comes before that of the work which it ran. */
static int run(size_t verb, int argc, char *argv[]) {
        Step s = {};
        int r = parse(argc, argv, verbs[verb].flags, &s);

        if (r >= 0 && s.repository)
                r = workspace_url(s.repository, &s.url, &s.problem);
        if (r < 0 && s.problem.error == 0)
                r = EXIT_USAGE;
        if (r == 0)
                r = verbs[verb].run(&s);
        if (r < 0 && s.problem.error == 0)
                (void) step_fail(&s, r, verbs[verb].name);
        if (s.problem.error < 0)
                fprintf(stderr, "%s\n", problem_sentence(&s.problem));
        if (r == EXIT_USAGE)
                print_usage();
        free(s.url);
        problem_done(&s.problem);
        return r < 0 ? EXIT_FAILURE : r > 0 ? r : s.exit_status;
}

int main(int argc, char *argv[]) {
        umask(0022);
        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++)
                if (string_equal(argv[1], verbs[i].name))
                        return run(i, argc - 1, argv + 1);
        print_usage();
        return EXIT_USAGE;
}

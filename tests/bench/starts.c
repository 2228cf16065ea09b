/* starts: the units of tasks, as the service makes them, asked of systemd without the service: the bare call, for
 * comparison.
 *
 *      starts COUNT AT_ONCE USER COMMAND [ARGUMENT...]
 *
 * Prints an object: units a second, and median, 99 % and longest of the answers in milliseconds. Needs root. */
#include "latency.h"

#include <remote-developer/launch.h>
#include <remote-developer/program-path.h>
#include <remote-developer/strings.h>
#include <remote-developer/version.h>

#include <stdio.h>
#include <systemd/sd-event.h>

typedef struct Starts {
        sd_event *event;
        Config config;
        Launch launch;
        TaskStore *files;
        UnitClient *units;
        const Recipe *recipe;
        char **command, **programs;
        uint64_t asked, answered, wanted, at_once, failed;
        usec_t began_usec;
        Latency latency;
} Starts;

typedef struct Call {
        Starts *starts;
        usec_t asked_usec;
} Call;

static int fill(Starts *s);

static void on_reply(void *userdata, int error, const char *sentence) {
        Call *c = userdata;
        Starts *s = c->starts;

        latency_add(&s->latency, clock_monotonic_usec() - c->asked_usec);
        free(c);
        if (error < 0)
                fprintf(stderr, "starts: %s\n", sentence ?: strerror(-error));
        s->failed += error < 0;
        if (++s->answered == s->wanted || fill(s) < 0)
                (void) sd_event_exit(s->event, 0);
}

static int start(Starts *s) {
        _cleanup_(launch_plan_freep) LaunchPlan *plan = NULL;
        _cleanup_(task_freep) Task *t = task_new();
        char id[TASK_ID_SIZE + 1];
        Call *c = calloc(1, sizeof(Call));
        int r;

        if (!t || !c)
                return -ENOMEM;
        *c = (Call){ .starts = s, .asked_usec = clock_monotonic_usec() };
        r = task_id_generate(id, clock_realtime_usec());
        if (r >= 0)
                r = string_replace(&t->id, id);
        if (r >= 0)
                r = string_replace(&t->spec.recipe, TASK_RECIPE_COMMAND);
        if (r >= 0)
                r = strv_copy(s->command, &t->spec.command);
        t->spec.timeout_usec = s->config.claude_timeout_usec;
        if (r >= 0)
                r = launch_plan_new(&s->launch, s->recipe, t, &plan);
        return r < 0 ? r : launch_task(&s->launch, plan, s->files, s->units, on_reply, c);
}

static int fill(Starts *s) {
        int r = 0;

        for (; r >= 0 && s->asked < s->wanted && s->asked - s->answered < s->at_once; s->asked++)
                r = start(s);
        return r;
}

static void on_connected(void *userdata) {
        Starts *s = userdata;

        if (s->asked > 0)
                return;
        s->began_usec = clock_monotonic_usec();
        if (fill(s) < 0)
                (void) sd_event_exit(s->event, -EIO);
}

static const UnitClientEvents events = { .connected = on_connected };

static int run(Starts *s, const char *user, const char *directory) {
        int r = config_init(&s->config);

        if (r >= 0)
                r = string_replace(&s->config.user, user);
        if (r >= 0)
                r = program_path_new(REMOTE_DEVELOPER_RECORDER, &s->programs);
        if (r >= 0)
                r = task_store_open(directory, &s->files, NULL);
        if (r < 0)
                return r;
        s->launch = (Launch){ .config = &s->config, .scope = RUNTIME_SCOPE_SYSTEM, .state_directory = directory,
                              .workspaces_directory = REMOTE_DEVELOPER_STATE "/workspaces", .programs = s->programs,
                              .recorder = REMOTE_DEVELOPER_RECORDER, .starter = REMOTE_DEVELOPER_STARTER };
        s->recipe = config_find_recipe(&s->config, TASK_RECIPE_COMMAND);
        r = sd_event_default(&s->event);
        if (r >= 0)
                r = unit_client_new(s->event, RUNTIME_SCOPE_SYSTEM, &events, s, &s->units);
        if (r >= 0)
                r = unit_client_start(s->units);
        return r < 0 ? r : sd_event_loop(s->event);
}

int main(int argc, char *argv[]) {
        static Starts s;
        char directory[] = "/var/lib/starts-XXXXXX";
        int r = -EINVAL;

        if (argc > 4 && string_to_uint64(argv[1], &s.wanted) >= 0 && string_to_uint64(argv[2], &s.at_once) >= 0 &&
            mkdtemp(directory)) {
                s.command = argv + 4;
                r = run(&s, argv[3], directory);
        }
        if (r < 0 || s.failed > 0) {
                fprintf(stderr, "starts: %s\n", r < 0 ? strerror(-r) : "systemd refused some");
                return 1;
        }
        printf("{\"rate\": %.1f, \"median\": %.4f, \"percentile_99\": %.4f, \"longest\": %.4f}\n",
               (double) s.answered * USEC_PER_SEC / (double) (clock_monotonic_usec() - s.began_usec),
               (double) latency_percentile(&s.latency, 0.5) / 1000,
               (double) latency_percentile(&s.latency, 0.99) / 1000, (double) s.latency.longest / 1000);
        return 0;
}

/* remote-developerd: argv, wiring, loop. run() tells the whole program's life; ideas are elsewhere.
 *
 * The order matters twice: the manager recovers before the first request is accepted, so that nobody is told of a
 * state that is not known yet; and at the end streams and requests end before what they look at. */
#include "config-command.h"
#include "doctor-command.h"
#include "front.h"
#include "token-command.h"

#include <remote-developer/api.h>
#include <remote-developer/doctor.h>
#include <remote-developer/ending.h>
#include <remote-developer/journal-log.h>
#include <remote-developer/journal-memory.h>
#include <remote-developer/launch-client.h>
#include <remote-developer/log.h>
#include <remote-developer/namespaces.h>
#include <remote-developer/program-path.h>
#include <remote-developer/strings.h>
#include <remote-developer/supervision.h>
#include <remote-developer/version.h>

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>

#define EXIT_USAGE 2

/* How long recovery may keep clients waiting when systemd does not answer: then they are told so. */
#define RECOVERY_LIMIT_USEC (5 * USEC_PER_SEC)

/* What was begun is answered in this time after the request to stop. */
#define DRAIN_USEC (3 * USEC_PER_SEC)

/* systemd ends the service when no note came for twice this time. */
#define TICK_FALLBACK_USEC (30 * USEC_PER_SEC)

typedef struct Service {
        Options options;
        Config config;
        char *state_directory, *workspaces_directory;
        char *config_path; /* of the file that was read; NULL: there was none; owned */
        sd_event *event;
        LaunchClient *launcher; /* NULL: this process may change units by itself */
        Manager *manager;
        Doctor *doctor;
        Access *access;
        Api *api;
        Front *front;
        bool serving, ending;
        usec_t tick_usec;
        sd_event_source *tick_source, *recovery_source;
} Service;

/* --- configuration --- */

static char *user_config_path(void) {
        const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

        if (!string_is_empty(base))
                return string_format("%s/remote-developer/long_running_tasks.yaml", base);
        return string_format("%s/.config/remote-developer/long_running_tasks.yaml", home ?: "");
}

static int read_file(Service *s, const char *path, Problem *problem) {
        int r = config_read_file(&s->config, path, problem);

        return r < 0 ? r : string_replace(&s->config_path, path);
}

/* The first file that there is: the one that was named, the user's own, the machine's. */
static int read_config(Service *s, Problem *problem) {
        _cleanup_free_ char *user = NULL;
        int r;

        if (s->options.config) {
                r = read_file(s, s->options.config, problem);
                if (r == -ENOENT)
                        problem_set(problem, r, NULL, "%s: there is no such file", s->options.config);
                return r;
        }
        if (s->options.scope == RUNTIME_SCOPE_USER) {
                user = user_config_path();
                r = user ? read_file(s, user, problem) : -ENOMEM;
                if (r != -ENOENT)
                        return r;
        }
        r = read_file(s, REMOTE_DEVELOPER_CONFIG, problem);
        return r == -ENOENT ? 0 : r;
}

static char *find_state_directory(const Service *s) {
        if (s->options.state_directory)
                return strdup(s->options.state_directory);
        if (s->options.scope == RUNTIME_SCOPE_USER)
                return string_format("%s/.remote_developer/tasks", getenv("HOME") ?: "");
        return strdup(REMOTE_DEVELOPER_STATE "/tasks");
}

static char *find_workspaces_directory(const Service *s) {
        if (s->options.scope == RUNTIME_SCOPE_USER)
                return string_format("%s/.remote_developer/workspaces", getenv("HOME") ?: "");
        return strdup(REMOTE_DEVELOPER_STATE "/workspaces");
}

/* Not an error: whoever needs only the other recipes shall not have to install what these need. Of the shipped ones
 * nobody asked for all: they are told of where it is asked for. */
static int tell_missing_programs(const Service *s) {
        _cleanup_strv_ char **directories = NULL;
        int r = program_path_new(REMOTE_DEVELOPER_STARTER, &directories);

        for (size_t i = 0; r >= 0 && i < s->config.n_recipes; i++) {
                const Recipe *recipe = &s->config.recipes[i];
                size_t line;
                const char *program = recipe_missing_program(recipe, directories, &line);

                if (program && !recipe_is_shipped(recipe))
                        log_warning("%s:%zu: the recipe %s needs the program %.*s, which is not there; until it is, "
                                    "requests for it are refused",
                                    s->config_path, line, recipe->name, PROBLEM_VALUE_MAX, program);
                else if (program)
                        log_debug("The recipe %s needs the program %s, which is not there", recipe->name, program);
        }
        return r;
}

/* --- serving --- */

static int begin_serving(Service *s) {
        int r;

        if (s->serving || s->ending)
                return 0;
        s->serving = true;
        s->recovery_source = sd_event_source_disable_unref(s->recovery_source);
        r = front_serve(s->front);
        if (r < 0) {
                log_error("The sockets cannot be served: %s", strerror(-r));
                return sd_event_exit(s->event, r);
        }
        journal_memory_release();
        supervision_ready();
        doctor_look_again(s->doctor);
        return 0;
}

static void on_recovered(void *userdata) {
        (void) begin_serving(userdata);
}

static int on_recovery_limit(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        return begin_serving(userdata);
}

/* The only timer that runs at rest: it tells systemd that the loop is alive, and is the time for comparing. */
static int on_tick(sd_event_source *source, uint64_t usec _unused_, void *userdata) {
        Service *s = userdata;

        supervision_keep_alive();
        journal_memory_release();
        if (s->serving) {
                manager_monitor(s->manager);
                api_review_callers(s->api);
        }
        (void) sd_event_source_set_time_relative(source, s->tick_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void on_drained(void *userdata) {
        Service *s = userdata;

        (void) sd_event_exit(s->event, 0);
}

static int on_signal(sd_event_source *source _unused_, const struct signalfd_siginfo *si, void *userdata) {
        Service *s = userdata;
        int r;

        if (s->ending)
                return 0;
        s->ending = true;
        log_info("Ending at %s; tasks go on", strsignal((int) si->ssi_signo));
        supervision_stopping();
        api_end_streams(s->api);
        r = front_drain(s->front, DRAIN_USEC, on_drained, s);
        return r < 0 ? sd_event_exit(s->event, 0) : 0;
}

/* --- wiring --- */

static int add_signals(Service *s) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t mask;
        int r = 0;

        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_event_add_signal(s->event, NULL, signals[i], on_signal, s);
        return r;
}

static int add_timers(Service *s) {
        usec_t watchdog = supervision_watchdog_usec();
        int r;

        s->tick_usec = MIN_OF(watchdog > 0 ? watchdog / 2 : TICK_FALLBACK_USEC, s->config.monitor_interval_usec);
        r = sd_event_add_time_relative(s->event, &s->tick_source, CLOCK_MONOTONIC, s->tick_usec,
                                       MIN_OF(s->tick_usec / 4, USEC_PER_SEC), on_tick, s);
        if (r >= 0)
                r = sd_event_source_set_description(s->tick_source, "tick");
        if (r >= 0)
                r = sd_event_add_time_relative(s->event, &s->recovery_source, CLOCK_MONOTONIC, RECOVERY_LIMIT_USEC,
                                               USEC_PER_MSEC, on_recovery_limit, s);
        if (r >= 0)
                r = sd_event_source_set_description(s->recovery_source, "recovery-limit");
        return r;
}

/* Root asks systemd itself, as does a user of his own manager. */
static int open_launcher(Service *s) {
        if (s->options.scope != RUNTIME_SCOPE_SYSTEM || geteuid() == 0)
                return 0;
        return launch_client_new(s->event, REMOTE_DEVELOPER_LAUNCHER_SOCKET, &s->launcher);
}

static int open_manager(Service *s, Problem *problem) {
        _cleanup_free_ char *endings = ending_spill_directory(s->options.scope == RUNTIME_SCOPE_SYSTEM ? 0 : getuid());
        ManagerOptions o = { .config = &s->config, .launcher = s->launcher, .scope = s->options.scope,
                             .state_directory = s->state_directory,
                             .endings_directory = endings, .recorder = REMOTE_DEVELOPER_RECORDER,
                             .starter = REMOTE_DEVELOPER_STARTER, .workspaces_directory = s->workspaces_directory,
                             .no_namespaces = s->options.scope == RUNTIME_SCOPE_USER && namespaces_try() < 0,
                             .recovered = on_recovered, .userdata = s };

        if (!endings)
                return -ENOMEM;
        return manager_new(s->event, &o, &s->manager, problem);
}

static int open_doctor(Service *s) {
        const DoctorOptions o = { .config = &s->config, .config_file = s->options.config, .scope = s->options.scope,
                                  .state_directory = s->state_directory,
                                  .workspaces_directory = s->workspaces_directory, .launcher = s->launcher,
                                  .starter = REMOTE_DEVELOPER_STARTER };

        return doctor_new(s->event, &o, &s->doctor);
}

static int open_api(Service *s, Problem *problem) {
        const AccessOptions access = { .scope = s->options.scope, .owner = getuid(), .tasks_user = s->config.user,
                                       .state_directory = s->state_directory };
        int r;

        r = access_new(&access, &s->access);
        if (r >= 0)
                r = api_new(s->event, s->manager, s->access, &s->api);
        if (r < 0)
                return r;
        api_set_doctor(s->api, s->doctor);
        api_set_hosts(s->api, s->config.hosts);
        return front_open(s->front, s->event, &s->config, s->access, s->api, problem);
}

/* A thousand viewers are a thousand descriptors; the soft limit is low for the sake of select(2), not used here. */
static void raise_descriptor_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(Service *s, Problem *problem) {
        int r;

        raise_descriptor_limit();
        r = sd_event_default(&s->event);
        if (r >= 0)
                r = front_new(&s->options, &s->front, problem);
        if (r >= 0)
                r = open_launcher(s);
        if (r >= 0)
                r = open_manager(s, problem);
        if (r >= 0)
                r = open_doctor(s);
        if (r >= 0)
                r = open_api(s, problem);
        if (r >= 0)
                r = add_signals(s);
        if (r >= 0)
                r = add_timers(s);
        if (r >= 0)
                r = manager_start(s->manager);
        if (r < 0)
                return r;
        r = sd_event_loop(s->event);
        manager_save_all(s->manager);
        return r;
}

static void service_done(Service *s) {
        front_free(s->front);
        api_free(s->api);
        access_free(s->access);
        launch_client_free(s->launcher);
        doctor_free(s->doctor);
        manager_free(s->manager);
        sd_event_source_disable_unref(s->tick_source);
        sd_event_source_disable_unref(s->recovery_source);
        sd_event_unref(s->event);
        free(s->state_directory);
        free(s->workspaces_directory);
        config_done(&s->config);
        free(s->config_path);
}

/* The configuration is refused as a whole; the Doctor says so and looks at the rest. */
static int examine(const Service *s, const Problem *problem) {
        return doctor_command_run(&s->options, &s->config, problem->error < 0 ? problem_sentence(problem) : NULL,
                                  s->state_directory, s->workspaces_directory);
}

static int prepare(Service *s, Problem *problem) {
        int r;

        s->state_directory = find_state_directory(s);
        s->workspaces_directory = find_workspaces_directory(s);
        r = s->state_directory && s->workspaces_directory ? config_init(&s->config) : -ENOMEM;
        return r < 0 ? problem_set(problem, r, NULL, "Out of memory") : read_config(s, problem);
}

static int work(Service *s, Problem *problem) {
        int r;

        journal_log_open(s->options.scope);
        r = journal_memory_catch_faults();
        if (r < 0)
                log_warning("A journal that shrinks could end the service: %s", strerror(-r));
        r = serve(s, problem);
        journal_log_close();
        if (r < 0)
                log_error("%s", problem->error ? problem_sentence(problem) : strerror(-r));
        /* To be mended by hand, as a wrong configuration is: it is not started again. */
        if (r == -EADDRNOTAVAIL)
                return EXIT_USAGE;
        return r < 0 ? EXIT_FAILURE : r;
}

static int run(int argc, char *argv[]) {
        _cleanup_(service_done) Service s = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        int r;

        r = options_parse(argc, argv, &s.options);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : 0;
        log_set_max_priority(s.options.log_priority);
        r = prepare(&s, &problem);
        if (s.options.doctor || s.options.probe)
                return examine(&s, &problem);
        /* A token can be revoked whatever is wrong with the configuration. */
        if (s.state_directory && (s.options.new_token || s.options.revoke_token || s.options.list_tokens))
                return token_command_run(&s.options, s.state_directory);
        if (r >= 0)
                r = tell_missing_programs(&s);
        if (r < 0) {
                log_error("%s", problem.error ? problem_sentence(&problem) : strerror(-r));
                return EXIT_USAGE;
        }
        if (s.options.check_config)
                return config_command_check(&s.options, &s.config, s.state_directory) ? 0 : EXIT_USAGE;
        return work(&s, &problem);
}

int main(int argc, char *argv[]) {
        return run(argc, argv);
}

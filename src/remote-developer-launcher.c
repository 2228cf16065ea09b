/* remote-developer-launcher: what of the system's service needs root, and nothing else: see launch-server.h. Started
 * by its socket, and gone when nothing was asked for a while. Its configuration is root's own, read each time anew. */
#include <remote-developer/journal-log.h>
#include <remote-developer/launch-server.h>
#include <remote-developer/log.h>
#include <remote-developer/program-path.h>
#include <remote-developer/strings.h>
#include <remote-developer/supervision.h>
#include <remote-developer/user.h>
#include <remote-developer/version.h>

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#define EXIT_USAGE 2
#define IDLE_USEC (10 * USEC_PER_SEC)

typedef struct Launcher {
        Config config;
        Problem config_problem;
        const char *fault; /* its sentence; NULL: there is none */
        uid_t peer;
        char **programs;
        sd_event *event;
        LaunchServer *server;
} Launcher;

static void launcher_done(Launcher *l) {
        launch_server_free(l->server);
        sd_event_unref(l->event);
        strv_free(l->programs);
        config_done(&l->config);
        problem_done(&l->config_problem);
}

static void on_idle(void *userdata) {
        const Launcher *l = userdata;

        (void) sd_event_exit(l->event, 0);
}

static void on_lost(void *userdata) {
        const Launcher *l = userdata;

        (void) sd_event_exit(l->event, -ECONNRESET);
}

/* One that is refused is told to whoever wants something started; the rest goes on. */
static int read_config(Launcher *l) {
        int r;

        config_done(&l->config);
        problem_done(&l->config_problem);
        l->fault = NULL;
        r = config_init(&l->config);
        if (r >= 0)
                r = config_read_file(&l->config, REMOTE_DEVELOPER_CONFIG, &l->config_problem);
        if (r == -ENOENT || r == -ENOMEM || !l->config_problem.error)
                return r == -ENOENT ? 0 : r;
        l->fault = problem_sentence(&l->config_problem);
        log_error("%s", l->fault);
        return 0;
}

/* By whatever name: a task would be the service, and could ask for anything. */
static void check_user(Launcher *l) {
        uid_t user;

        if (l->fault || user_find_uid(l->config.user, &user) < 0 || user != l->peer)
                return;
        (void) problem_set(&l->config_problem, -EINVAL, NULL,
                           "task_execution.user: %s runs the service itself, and no task", REMOTE_DEVELOPER_USER);
        l->fault = problem_sentence(&l->config_problem);
}

/* Where tasks and their work trees are is root's word, too. */
static Launch make_launch(const Launcher *l) {
        const char *configured = l->config.workspaces_directory;

        return (Launch){ .config = &l->config, .scope = RUNTIME_SCOPE_SYSTEM, .programs = l->programs,
                         .recorder = REMOTE_DEVELOPER_RECORDER, .starter = REMOTE_DEVELOPER_STARTER,
                         .state_directory = REMOTE_DEVELOPER_STATE "/tasks",
                         .workspaces_directory = configured && *configured ? configured :
                                                                             REMOTE_DEVELOPER_STATE "/workspaces" };
}

/* With each connection: a service that was started anew has read the file anew, too. */
static void on_connected(void *userdata) {
        Launcher *l = userdata;
        int r = read_config(l);
        Launch launch;

        if (r < 0) {
                (void) sd_event_exit(l->event, r);
                return;
        }
        check_user(l);
        launch = make_launch(l);
        launch_server_configure(l->server, &launch, l->fault);
}

static int take_socket(Launcher *l, Problem *problem) {
        int fd = -EBADF, n = supervision_take_sockets(&fd, 1);

        if (n == 1)
                return launch_server_take_listener(l->server, fd);
        return problem_set(problem, n < 0 ? n : -EINVAL, NULL,
                           "there is no socket: systemd starts this program, by remote-developer-launcher.socket");
}

static int open_server(Launcher *l, Problem *problem) {
        const LaunchServerOptions o = { .launch = make_launch(l), .files_directory = REMOTE_DEVELOPER_LAUNCHER_FILES,
                                        .probe = REMOTE_DEVELOPER_DAEMON, .peer = l->peer, .idle_usec = IDLE_USEC,
                                        .connected = on_connected, .idle = on_idle, .lost = on_lost, .userdata = l };

        return launch_server_new(l->event, &o, &l->server, problem);
}

static int prepare(Launcher *l, Problem *problem) {
        int r = user_find_uid(REMOTE_DEVELOPER_USER, &l->peer);

        if (r < 0)
                return problem_set(problem, r, NULL, "there is no user %s: systemd-sysusers makes it",
                                   REMOTE_DEVELOPER_USER);
        r = program_path_new(REMOTE_DEVELOPER_RECORDER, &l->programs);
        return r < 0 ? r : sd_event_default(&l->event);
}

static int serve(Launcher *l, Problem *problem) {
        int r;

        r = prepare(l, problem);
        if (r >= 0)
                r = open_server(l, problem);
        if (r >= 0)
                r = take_socket(l, problem);
        if (r >= 0)
                r = launch_server_start(l->server);
        if (r < 0)
                return r;
        supervision_ready();
        return sd_event_loop(l->event);
}

int main(int argc, char *argv[] _unused_) {
        _cleanup_(launcher_done) Launcher l = {};
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        int r;

        if (argc != 1) {
                fprintf(stderr, "remote-developer-launcher: started by systemd, for remote-developer.service\n");
                return EXIT_USAGE;
        }
        umask(0077);
        journal_log_open(RUNTIME_SCOPE_SYSTEM);
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return EXIT_FAILURE;
        r = serve(&l, &problem);
        journal_log_close();
        if (r < 0)
                log_error("%s", problem.error ? problem_sentence(&problem) : strerror(-r));
        return r < 0 ? EXIT_FAILURE : r;
}

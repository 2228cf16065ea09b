/* LaunchServer: see launch-server.h.
 *
 *   on_connected() ──▶ on_unit_listed() ... ──▶ accept ──▶ on_line() ──▶ verb ──▶ on_reply() ──▶ idle
 *                       what is left is removed
 *
 * What was written for a unit goes when the service resets the unit, which it does at the end of each; or, when it did
 * not, with the next start of the launcher. */
#include "launch-message.h"
#include "launch-stream.h"

#include <remote-developer/launch-server.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#define CONNECTIONS_MAX 16

/* As many tasks may be stopped at once. */
#define CALLS_MAX 8192

/* Of answers that are not read, more than all calls can have. Who asks on and on and reads nothing is hung up on. */
#define ANSWERS_MAX ((size_t) 4 * 1024 * 1024)

#define FILES_ROOM_MIN ((uint64_t) 8 * 1024 * 1024)

typedef struct Connection {
        LaunchServer *server;
        LaunchStream stream;
        LIST_ENTRY(Connection) list;
} Connection;

/* A request that is under way; its connection may be gone by its end. */
typedef struct Call {
        LaunchServer *server;
        Connection *connection;
        uint64_t number;
        char id[TASK_ID_SIZE + 1]; /* whose files are to be removed, if it fails or is told to; "": nobody's */
        bool lives; /* a unit of that task, as the list of units says */
        LIST_ENTRY(Call) list;
} Call;

struct LaunchServer {
        sd_event *event;
        LaunchServerOptions options;
        const char *fault; /* of the configuration; NULL: there is none */
        UnitClient *units;
        TaskStore *files;
        int listener;
        sd_event_source *listener_source, *idle_source;
        LIST_HEAD(, Connection) connections;
        LIST_HEAD(, Call) calls;
        unsigned n_connections, n_calls;
        char **alive; /* the ids of tasks that have a unit, while the first list is read */
        bool listed;
        ProgramRun *probe;
        Call *probe_call;
};

/* --- idleness --- */

static int on_idle(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        LaunchServer *s = userdata;

        if (s->n_calls == 0)
                s->options.idle(s->options.userdata);
        return 0;
}

static void note_activity(LaunchServer *s) {
        (void) sd_event_source_set_time_relative(s->idle_source, s->options.idle_usec);
        (void) sd_event_source_set_enabled(s->idle_source, SD_EVENT_ONESHOT);
}

/* --- files --- */

static void forget_files(LaunchServer *s, const char *id) {
        int r = task_store_remove(s->files, id, 0);

        if (r < 0)
                log_task(LOG_WARNING, id, "What was kept for its unit could not be removed: %s", strerror(-r));
}

/* --- calls --- */

/* What has been written for a unit that was asked for meanwhile, and is not in any list yet, stays. */
static void forget_files_of(const Call *c) {
        const Call *other;

        LIST_FOREACH(other, &c->server->calls, list)
                if (other != c && string_equal(other->id, c->id))
                        return;
        forget_files(c->server, c->id);
}

static void answer(Connection *c, uint64_t number, int error, const char *sentence) {
        _cleanup_json_ Json *reply = NULL;
        int r;

        if (!c || !launch_stream_is_open(&c->stream))
                return;
        r = launch_reply_to_json(number, error, sentence, &reply);
        if (r >= 0)
                r = launch_stream_send(&c->stream, reply);
        if (r < 0)
                log_warning("An answer to the service could not be written: %s", strerror(-r));
}

static Call *call_free(Call *c) {
        LIST_REMOVE(c, list);
        c->server->n_calls--;
        note_activity(c->server);
        free(c);
        return NULL;
}

static Call *call_new(Connection *connection, uint64_t number, const char *id) {
        LaunchServer *s = connection->server;
        Call *c = calloc(1, sizeof(Call));

        if (!c)
                return NULL;
        c->server = s;
        c->connection = connection;
        c->number = number;
        if (id)
                memcpy(c->id, id, sizeof(c->id));
        LIST_INSERT_HEAD(&s->calls, c, list);
        s->n_calls++;
        return c;
}

static void on_reply(void *userdata, int error, const char *sentence) {
        Call *c = userdata;

        /* What is there already is another's of the same name, which has its files. */
        if (error < 0 && error != -EEXIST && *c->id)
                forget_files_of(c);
        answer(c->connection, c->number, error, sentence);
        (void) call_free(c);
}

/* The unit of an operation may live while that of its task is reset, and has its files under the same name. */
static void on_listed_after_reset(void *userdata, int error, const char *unit, const UnitStatus *listed) {
        Call *c = userdata;

        if (unit) {
                c->lives |= !unit_status_is_ended(listed);
                return;
        }
        if (error == 0 && !c->lives)
                forget_files_of(c);
        answer(c->connection, c->number, error, NULL);
        (void) call_free(c);
}

/* That there is no such unit, or none that has failed, is as good. */
static void on_reset(void *userdata, int error _unused_, const char *sentence _unused_) {
        Call *c = userdata;
        _cleanup_free_ char *pattern = string_format(TASK_UNIT_PREFIX "*%s" TASK_UNIT_SUFFIX, c->id);
        int r = pattern ? unit_client_list_units(c->server->units, pattern, on_listed_after_reset, c) : -ENOMEM;

        if (r < 0)
                on_reply(c, r, NULL);
}

/* --- verbs --- */

/* What is written for units is memory of the machine's. */
static int check_room(const LaunchServer *s, Problem *problem) {
        uint64_t bytes;
        bool is_read_only;

        if (task_store_disk(s->files, &bytes, &is_read_only) < 0 || bytes >= FILES_ROOM_MIN)
                return 0;
        return problem_set(problem, -ENOSPC, NULL, "%s has no room for what the task reads",
                           s->options.files_directory);
}

static int write_and_launch(LaunchServer *s, LaunchRequest *q, const LaunchPlan *plan, Call *c) {
        int r = task_store_write_credentials(s->files, q->task->id, &q->secrets);

        if (r >= 0)
                r = launch_task(&s->options.launch, plan, s->files, s->units, on_reply, c);
        if (r < 0)
                forget_files_of(c);
        return r;
}

static int start(LaunchServer *s, LaunchRequest *q, Call *c, Problem *problem) {
        _cleanup_(launch_plan_freep) LaunchPlan *plan = NULL;
        const Launch *l = &s->options.launch;
        const Recipe *recipe;
        int r;

        r = check_room(s, problem);
        if (r >= 0)
                r = launch_find_recipe(l, &q->task->spec, &recipe, problem);
        if (r >= 0)
                r = launch_plan_new(l, recipe, q->task, &plan);
        if (r >= 0)
                r = write_and_launch(s, q, plan, c);
        return r < 0 && launch_fault(r) ? problem_set(problem, r, NULL, "%s", launch_fault(r)) : r;
}

static int operate(LaunchServer *s, LaunchRequest *q, Call *c, Problem *problem) {
        int r;

        r = check_room(s, problem);
        if (r < 0)
                return r;
        r = task_store_write_credentials(s->files, q->task->id, &q->secrets);
        if (r >= 0)
                r = task_store_write_operation(s->files, q->task->id, q->text);
        if (r >= 0)
                r = launch_operation(&s->options.launch, q->task, q->secrets.pairs, s->files, s->units, on_reply, c);
        if (r < 0)
                forget_files_of(c);
        return r;
}

static int stop(LaunchServer *s, LaunchRequest *q, Call *c, Problem *problem _unused_) {
        return unit_client_stop_unit(s->units, q->unit, on_reply, c);
}

static int kill_unit(LaunchServer *s, LaunchRequest *q, Call *c, Problem *problem _unused_) {
        return unit_client_kill_unit(s->units, q->unit, launch_whom_words[q->whom], SIGKILL, on_reply, c);
}

static int reset(LaunchServer *s, LaunchRequest *q, Call *c, Problem *problem _unused_) {
        (void) launch_task_of_unit(q->unit, c->id);
        return unit_client_reset_unit(s->units, q->unit, on_reset, c);
}

static void on_probe_end(void *userdata, const ProgramResult *result) {
        LaunchServer *s = userdata;
        Call *c = TAKE_PTR(s->probe_call);

        answer(c->connection, c->number, result->error, result->output);
        (void) call_free(c);
}

static int probe(LaunchServer *s, LaunchRequest *q _unused_, Call *c, Problem *problem) {
        const Launch *l = &s->options.launch;
        const LaunchProbe p = { .scope = l->scope, .user = l->config->user, .program = s->options.probe };
        int r;

        if ((s->probe_call && s->probe_call->connection) || !s->options.probe)
                return problem_set(problem, -EBUSY, NULL, "the programs of tasks are being looked at");
        /* A service that was started anew looks for itself: what the one before saw may have been mended. */
        if (s->probe_call)
                (void) call_free(TAKE_PTR(s->probe_call));
        s->probe = program_run_free(s->probe);
        r = launch_probe(s->event, &p, on_probe_end, s, &s->probe);
        if (r >= 0)
                s->probe_call = c;
        return r;
}

static int (*const verbs[])(LaunchServer *s, LaunchRequest *q, Call *c, Problem *problem) = {
        [LAUNCH_START] = start, [LAUNCH_OPERATE] = operate, [LAUNCH_STOP] = stop,
        [LAUNCH_KILL] = kill_unit, [LAUNCH_RESET] = reset,  [LAUNCH_PROBE] = probe,
};

static int carry_out(Connection *connection, LaunchRequest *q, Problem *problem) {
        LaunchServer *s = connection->server;
        Call *c;
        int r;

        if (s->n_calls >= CALLS_MAX)
                return problem_set(problem, -EBUSY, NULL, "%d requests are under way", CALLS_MAX);
        c = call_new(connection, q->number, q->task ? q->task->id : NULL);
        if (!c)
                return -ENOMEM;
        r = s->fault && q->task ? problem_set(problem, -EINVAL, NULL, "%s", s->fault) :
                                  verbs[q->verb](s, q, c, problem);
        if (r < 0)
                (void) call_free(c);
        return r;
}

/* --- connections --- */

static int on_line(void *userdata, const char *line, size_t size) {
        _cleanup_(launch_request_done) LaunchRequest q = LAUNCH_REQUEST_NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(json_erasep) Json *message = NULL;
        Connection *c = userdata;
        int r;

        note_activity(c->server);
        if (c->stream.out.size > ANSWERS_MAX)
                return -ENOBUFS;
        r = json_parse(line, size, &message, &problem);
        if (r < 0)
                return -EBADMSG;
        r = launch_request_parse(message, c->server->options.launch.config, &q, &problem);
        if (r < 0)
                log_warning("A request of the service is refused: %s", problem_sentence(&problem));
        else
                r = carry_out(c, &q, &problem);
        if (r < 0)
                answer(c, q.number, r, problem.error ? problem_sentence(&problem) : NULL);
        return 0;
}

static void on_closed(void *userdata, int error) {
        Connection *c = userdata;
        Call *call;

        if (error != -ECONNRESET)
                log_warning("A connection of the service is closed: %s", strerror(-error));
        LIST_FOREACH(call, &c->server->calls, list)
                if (call->connection == c)
                        call->connection = NULL;
        LIST_REMOVE(c, list);
        c->server->n_connections--;
        free(c);
}

static const LaunchStreamEvents stream_events = { .line = on_line, .closed = on_closed };

/* The socket's mode says who may connect; this holds also where somebody changed that. */
static int check_peer(const LaunchServer *s, int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        if (peer.uid == 0 || peer.uid == s->options.peer)
                return 0;
        log_warning("A connection of the user %u is refused", (unsigned) peer.uid);
        return -EPERM;
}

static void add_connection(LaunchServer *s, int fd) {
        Connection *c = NULL;

        if (s->n_connections >= CONNECTIONS_MAX || check_peer(s, fd) < 0 || !(c = calloc(1, sizeof(Connection)))) {
                close(fd);
                return;
        }
        c->server = s;
        if (launch_stream_open(&c->stream, s->event, fd, &stream_events, c) < 0) {
                free(c);
                return;
        }
        LIST_INSERT_HEAD(&s->connections, c, list);
        s->n_connections++;
        if (s->options.connected)
                s->options.connected(s->options.userdata);
}

static int on_listener(sd_event_source *source _unused_, int fd, uint32_t events _unused_, void *userdata) {
        LaunchServer *s = userdata;
        int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        note_activity(s);
        if (connection >= 0)
                add_connection(s, connection);
        return 0;
}

/* --- systemd --- */

static void remove_leftovers(LaunchServer *s) {
        _cleanup_strv_ char **ids = NULL;
        int r = task_store_list_ids(s->files, &ids);

        if (r < 0)
                log_warning("What is left of earlier units could not be looked for: %s", strerror(-r));
        for (size_t i = 0; r >= 0 && ids && ids[i]; i++)
                if (!strv_contains(s->alive, ids[i]))
                        forget_files(s, ids[i]);
}

static void on_unit_listed(void *userdata, int error, const char *unit, const UnitStatus *listed) {
        LaunchServer *s = userdata;
        char id[TASK_ID_SIZE + 1];

        if (unit) {
                if (launch_task_of_unit(unit, id) && !unit_status_is_ended(listed) && strv_append(&s->alive, id) < 0)
                        s->options.lost(s->options.userdata);
                return;
        }
        if (error < 0 || s->listed)
                return;
        s->listed = true;
        remove_leftovers(s);
        if (s->listener_source)
                (void) sd_event_source_set_enabled(s->listener_source, SD_EVENT_ON);
        note_activity(s);
}

static void on_connected(void *userdata) {
        LaunchServer *s = userdata;

        if (!s->listed)
                (void) unit_client_list_units(s->units, TASK_UNIT_PREFIX "*", on_unit_listed, s);
}

/* Whoever asks next has a new launcher. */
static void on_disconnected(void *userdata, const char *cause) {
        LaunchServer *s = userdata;

        log_warning("The connection to systemd is lost: %s", cause);
        s->options.lost(s->options.userdata);
}

static const UnitClientEvents unit_events = { .connected = on_connected, .disconnected = on_disconnected,
                                              .asks_only = true };

/* --- life cycle --- */

/* Nothing of it is borrowed between two requests. */
void launch_server_configure(LaunchServer *s, const Launch *launch, const char *fault) {
        s->options.launch = *launch;
        s->fault = fault;
}

int launch_server_take_listener(LaunchServer *s, int fd) {
        int r;

        r = sd_event_add_io(s->event, &s->listener_source, fd, EPOLLIN, on_listener, s);
        if (r < 0) {
                close(fd);
                return r;
        }
        s->listener = fd;
        (void) sd_event_source_set_enabled(s->listener_source, s->listed ? SD_EVENT_ON : SD_EVENT_OFF);
        return sd_event_source_set_description(s->listener_source, "launch-listener");
}

int launch_server_start(LaunchServer *s) {
        return unit_client_start(s->units);
}

int launch_server_start_on_bus(LaunchServer *s, sd_bus *bus) {
        return unit_client_start_on_bus(s->units, bus);
}

int launch_server_new(sd_event *event, const LaunchServerOptions *options, LaunchServer **ret, Problem *problem) {
        _cleanup_(launch_server_freep) LaunchServer *s = calloc(1, sizeof(LaunchServer));
        int r;

        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->options = *options;
        s->listener = -EBADF;
        r = task_store_open(options->files_directory, &s->files, problem);
        if (r >= 0)
                r = unit_client_new(event, options->launch.scope, &unit_events, s, &s->units);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &s->idle_source, CLOCK_MONOTONIC, options->idle_usec,
                                               USEC_PER_SEC / 4, on_idle, s);
        if (r >= 0)
                r = sd_event_source_set_description(s->idle_source, "launch-idle");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

LaunchServer *launch_server_free(LaunchServer *s) {
        if (!s)
                return NULL;
        program_run_free(s->probe);
        unit_client_free(s->units);
        while (!LIST_EMPTY(&s->calls))
                (void) call_free(LIST_FIRST(&s->calls));
        while (!LIST_EMPTY(&s->connections)) {
                Connection *c = LIST_FIRST(&s->connections);

                launch_stream_close(&c->stream);
                LIST_REMOVE(c, list);
                free(c);
        }
        sd_event_source_disable_unref(s->listener_source);
        sd_event_source_disable_unref(s->idle_source);
        closep(&s->listener);
        task_store_free(s->files);
        strv_free(s->alive);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

/* The launcher and its client, over a real socket, between a test and a fake systemd: what is kept for a unit, and for
 * how long. Who may ask for what is told in the system suite, where there are users. */
#include "fake-systemd.h"
#include "scratch.h"

#include <remote-developer/launch-client.h>
#include <remote-developer/launch-server.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#define ID "task-1700000000-abcdef"
#define UNIT "remote-developer-" ID ".service"
#define MIB ((size_t) 1024 * 1024)
#define TURNS_MAX 1000
#define TURN_USEC (20 * USEC_PER_MSEC)

typedef struct Fixture {
        sd_event *event;
        FakeSystemd systemd;
        Scratch scratch;
        Config config;
        char *files, *socket;
        LaunchServer *server;
        LaunchClient *client;
        Task *task;
        Secrets secrets;
        unsigned replies, losses;
        int error;
} Fixture;

static void fixture_done(Fixture *f) {
        launch_client_free(f->client);
        launch_server_free(f->server);
        fake_systemd_done(&f->systemd);
        task_free(f->task);
        secrets_done(&f->secrets);
        config_done(&f->config);
        free(f->files);
        free(f->socket);
        sd_event_unref(f->event);
        scratch_done(&f->scratch);
}

static void on_reply(void *userdata, int error, const char *sentence _unused_) {
        Fixture *f = userdata;

        f->error = error;
        f->replies++;
}

static void on_idle(void *userdata _unused_) {
}

static void on_lost(void *userdata) {
        Fixture *f = userdata;

        f->losses++;
}

#define UNTIL(f, condition)                                                                                  \
        ({                                                                                                   \
                for (unsigned _i = 0; !(condition) && _i < TURNS_MAX; _i++)                                  \
                        TAP_CHECK(sd_event_run((f)->event, TURN_USEC) >= 0);                                 \
                TAP_CHECK(condition);                                                                        \
        })

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        TAP_CHECK(fd >= 0 && bind(fd, (const struct sockaddr *) &address, sizeof(address)) == 0 && listen(fd, 4) == 0);
        return fd;
}

static bool make_task(Fixture *f) {
        static const char *const command[] = { "make", NULL };

        f->task = task_new();
        return TAP_CHECK(f->task) && TAP_CHECK_INT(string_replace(&f->task->id, ID), 0) &&
               TAP_CHECK_INT(string_replace(&f->task->spec.recipe, TASK_RECIPE_COMMAND), 0) &&
               TAP_CHECK_INT(strv_copy((char *const *) command, &f->task->spec.command), 0) &&
               TAP_CHECK_INT(strv_append(&f->secrets.pairs, "A=b"), 0) &&
               (f->task->spec.timeout_usec = USEC_PER_SEC);
}

static bool open_server(Fixture *f) {
        const LaunchServerOptions o = {
                .launch = { .config = &f->config, .scope = RUNTIME_SCOPE_SYSTEM, .state_directory = "/state",
                            .workspaces_directory = "/srv/workspaces", .recorder = "/usr/libexec/recorder",
                            .starter = "/usr/libexec/exec" },
                .files_directory = f->files, .peer = getuid(), .idle_usec = 60 * USEC_PER_SEC, .idle = on_idle,
                .lost = on_lost, .userdata = f,
        };
        sd_bus *bus;
        int r;

        if (!TAP_CHECK_INT(launch_server_new(f->event, &o, &f->server, NULL), 0))
                return false;
        TAP_CHECK(launch_server_take_listener(f->server, listen_at(f->socket)) >= 0);
        bus = fake_connect(&f->systemd);
        r = bus ? launch_server_start_on_bus(f->server, bus) : -EIO;
        sd_bus_unref(bus);
        return TAP_CHECK(r >= 0) && UNTIL(f, fake_count_calls(&f->systemd, "ListUnits") > 0);
}

static bool fixture_init(Fixture *f) {
        f->scratch = SCRATCH_NULL;
        if (!scratch_init(&f->scratch) || !TAP_CHECK(sd_event_new(&f->event) >= 0))
                return false;
        fake_systemd_init(&f->systemd, f->event);
        f->files = strdup(scratch_path(&f->scratch, "files"));
        f->socket = strdup(scratch_path(&f->scratch, "socket"));
        return TAP_CHECK_INT(config_init(&f->config), 0) && make_task(f) && open_server(f) &&
               TAP_CHECK_INT(launch_client_new(f->event, f->socket, &f->client), 0);
}

static bool has_secret(const Fixture *f) {
        return access(scratch_path(&f->scratch, "files/" ID ".credentials/A"), F_OK) == 0;
}

static bool start(Fixture *f) {
        unsigned before = f->replies;

        return TAP_CHECK_INT(launch_client_start(f->client, f->task, &f->secrets, on_reply, f), 0) &&
               UNTIL(f, f->replies > before);
}

static bool reset(Fixture *f) {
        unsigned before = f->replies;

        return TAP_CHECK_INT(launch_client_reset(f->client, UNIT, on_reply, f), 0) && UNTIL(f, f->replies > before);
}

/* Its start job has still to be done: until then it is as inactive as one that has ended. */
static void test_what_a_unit_needs_stays_until_its_end(void) {
        _cleanup_(fixture_done) Fixture f = {};
        FakeUnit *u;

        if (!fixture_init(&f) || !start(&f))
                return;
        TAP_CHECK_INT(f.error, 0);
        u = fake_unit_find(&f.systemd, UNIT);
        if (!TAP_CHECK(u) || !TAP_CHECK_STRING(u->status.active_state, "inactive"))
                return;
        TAP_CHECK(reset(&f));
        TAP_CHECK(has_secret(&f));
        fake_unit_start(u);
        TAP_CHECK(reset(&f));
        TAP_CHECK(has_secret(&f));
        fake_unit_end(u, "success", CLD_EXITED, 0);
        TAP_CHECK(reset(&f));
        TAP_CHECK(!has_secret(&f));
        /* It asks, and has no use for what systemd tells of each unit. */
        TAP_CHECK_INT(fake_count_calls(&f.systemd, "Subscribe"), 0);
}

static void test_nothing_stays_of_what_systemd_refuses(void) {
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f))
                return;
        fake_refuse(&f.systemd, "StartTransientUnit", "org.freedesktop.DBus.Error.InvalidArgs", "no");
        TAP_CHECK(start(&f));
        TAP_CHECK(f.error < 0);
        TAP_CHECK(!has_secret(&f));
}

static void test_nothing_stays_of_what_was_not_asked_of_systemd(void) {
        _cleanup_(fixture_done) Fixture f = {};

        if (!fixture_init(&f))
                return;
        fake_drop_connection(&f.systemd);
        UNTIL(&f, f.losses > 0);
        TAP_CHECK(start(&f));
        TAP_CHECK_INT(f.error, -ENOTCONN);
        TAP_CHECK(!has_secret(&f));
}

/* A launcher that is stopped (SIGSTOP), or hangs. */
static void test_what_is_not_read_is_bounded(void) {
        _cleanup_(fixture_done) Fixture f = {};
        _cleanup_(launch_client_freep) LaunchClient *client = NULL;
        _cleanup_close_ int listener = -EBADF;
        _cleanup_free_ char *path = NULL, *text = NULL;
        unsigned asked = 0;
        int r = 0;

        if (!fixture_init(&f) || !TAP_CHECK(path = strdup(scratch_path(&f.scratch, "deaf"))) ||
            !TAP_CHECK(text = calloc(1, MIB + 1)))
                return;
        memset(text, 'x', MIB);
        listener = listen_at(path);
        if (!TAP_CHECK_INT(launch_client_new(f.event, path, &client), 0))
                return;
        while (r >= 0 && asked < 200) {
                r = launch_client_operate(client, f.task, text, &f.secrets, on_reply, &f);
                asked += r >= 0;
        }
        TAP_CHECK_INT(r, -EAGAIN);
        TAP_CHECK(asked >= 60 && asked <= 70);
        TAP_CHECK_INT(f.replies, 0);
}

static const TapTest tests[] = {
        { "what a unit needs stays until its end", test_what_a_unit_needs_stays_until_its_end },
        { "nothing stays of what systemd refuses", test_nothing_stays_of_what_systemd_refuses },
        { "nothing stays of what was not asked of systemd", test_nothing_stays_of_what_was_not_asked_of_systemd },
        { "what is not read is bounded", test_what_is_not_read_is_bounded },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

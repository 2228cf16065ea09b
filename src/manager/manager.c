/* Manager: life cycle, looking things up, health. See manager.h and manager-internal.h. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/program-path.h>
#include <remote-developer/strings.h>

#include <pwd.h>

#define USAGE_AGE_MAX_USEC USEC_PER_SEC
/* login.defs(5), as Debian and Fedora have it. */
#define SYSTEM_UID_MAX 999

/* --- the connection --- */

static void on_connected(void *userdata) {
        Manager *m = userdata;

        if (m->disconnect_cause)
                log_notice("Connected to systemd again");
        free(m->disconnect_cause);
        m->disconnect_cause = NULL;
        manager_compare(m);
}

static void on_disconnected(void *userdata, const char *cause) {
        Manager *m = userdata;

        m->comparing = false;
        (void) string_replace(&m->disconnect_cause, cause);
        log_warning("The connection to systemd is lost (%s); tasks go on, it is being made again", cause);
}

static const UnitClientEvents unit_events = { .connected = on_connected, .disconnected = on_disconnected };

/* --- life cycle --- */

/* journald gives a user above the system's own a file of his own, where the journal is kept on disk. */
static bool splits_journal(const Config *c, RuntimeScope scope) {
        const struct passwd *user = scope == RUNTIME_SCOPE_SYSTEM ? getpwnam(c->user) : NULL;
        uint64_t uid = 0;

        if (user)
                return user->pw_uid > SYSTEM_UID_MAX;
        return scope == RUNTIME_SCOPE_SYSTEM && string_to_uint64(c->user, &uid) >= 0 && uid > SYSTEM_UID_MAX;
}

static int copy_options(Manager *m, const ManagerOptions *o) {
        int r;

        m->config = o->config;
        m->scope = o->scope;
        m->launcher = o->launcher;
        m->recovered = o->recovered;
        m->userdata = o->userdata;
        r = string_replace(&m->recorder, o->recorder);
        if (r >= 0)
                r = string_replace(&m->starter, o->starter);
        if (r >= 0)
                r = string_replace(&m->journal_directory, o->journal_directory);
        if (r >= 0)
                r = string_replace(&m->workspaces_directory, *o->config->workspaces_directory ?
                                   o->config->workspaces_directory : o->workspaces_directory);
        if (r >= 0)
                r = o->program_directory ? strv_append(&m->programs, o->program_directory) :
                                           program_path_new(o->recorder, &m->programs);
        m->launch = (Launch){ .config = m->config, .scope = m->scope, .recorder = m->recorder, .starter = m->starter,
                              .workspaces_directory = m->workspaces_directory, .programs = m->programs,
                              .no_namespaces = o->no_namespaces };
        m->journal = (JournalSource){ .scope = o->scope, .directory = m->journal_directory,
                                      .split = splits_journal(o->config, o->scope) };
        return r < 0 ? r : clock_boot_id(m->boot_id);
}

static int open_parts(Manager *m, const ManagerOptions *o, Problem *problem) {
        int r;

        r = manager_open_active(m);
        if (r >= 0)
                r = manager_open_disk(m);
        if (r >= 0)
                r = manager_open_saves(m);
        if (r >= 0)
                r = manager_open_starts(m, o->spawns_max);
        if (r >= 0)
                r = manager_open_survey(m);
        if (r >= 0)
                r = unit_client_new(m->event, m->scope, &unit_events, m, &m->units);
        if (r >= 0)
                r = task_store_open(o->state_directory, &m->store, problem);
        if (r >= 0)
                m->launch.state_directory = task_store_path(m->store);
        if (r >= 0 && o->endings_directory)
                r = task_store_add_endings(m->store, o->endings_directory);
        if (r >= 0)
                r = manager_open_archive(m);
        return r < 0 ? r : manager_load_tasks(m);
}

int manager_new(sd_event *event, const ManagerOptions *options, Manager **ret, Problem *problem) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        int r;

        if (!m)
                return problem_set(problem, -ENOMEM, NULL, "Out of memory");
        m->event = sd_event_ref(event);
        TAILQ_INIT(&m->waiting);
        r = copy_options(m, options);
        if (r >= 0)
                r = open_parts(m, options, problem);
        if (r < 0)
                return problem_set(problem, r, NULL, "The tasks in %s could not be taken up: %s",
                                   options->state_directory, strerror(-r));
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        m->has_recovered = true; /* nobody is to be told, and nothing started, any more */
        m->n_starting = SIZE_MAX / 2;
        for (size_t i = 0; i < m->index.n; i++)
                if (m->index.rows[i].run)
                        task_run_free(m->index.rows[i].run);
        manager_drop_operations(m);
        manager_close_archive(m);
        journal_follower_free(m->follower);
        task_index_done(&m->index);
        unit_client_free(m->units);
        task_store_free(m->store);
        sd_event_source_disable_unref(m->active_source);
        sd_event_source_disable_unref(m->active_pause_source);
        sd_event_source_disable_unref(m->retry_source);
        sd_event_source_disable_unref(m->save_source);
        sd_event_source_disable_unref(m->change_source);
        sd_event_source_disable_unref(m->survey_source);
        manager_close_starts(m);
        manager_forget_strays(m);
        sd_event_unref(m->event);
        strv_free(m->left_alone);
        free(m->recorder);
        free(m->starter);
        free(m->workspaces_directory);
        strv_free(m->programs);
        free(m->journal_directory);
        free(m->disconnect_cause);
        free(m);
        return NULL;
}

int manager_start(Manager *m) {
        int r = unit_client_start(m->units);

        if (r < 0) {
                (void) string_replace(&m->disconnect_cause, strerror(-r));
                log_warning("systemd cannot be reached yet: %s", strerror(-r));
        }
        return 0;
}

int manager_start_on_bus(Manager *m, sd_bus *bus) {
        return unit_client_start_on_bus(m->units, bus);
}

/* What a lost signal left behind is some unfinished task's, or nobody's and waits: a service that has nothing to do
 * would wake up twice as often for it. */
static usec_t comparing_interval(const Manager *m) {
        bool at_rest = m->listed && m->n_runs == 0 && LIST_EMPTY(&m->operations);

        return m->config->monitor_interval_usec * (at_rest ? MANAGER_INTERVALS_AT_REST : 1);
}

void manager_monitor(Manager *m) {
        if (clock_monotonic_usec() - m->compared_at_usec >= comparing_interval(m))
                manager_compare(m);
        manager_save_changed(m);
        manager_count_again(m);
        manager_archive_due(m);
}

/* --- looking things up --- */

const Config *manager_config(const Manager *m) {
        return m->config;
}

RuntimeScope manager_scope(const Manager *m) {
        return m->scope;
}

const TaskIndex *manager_index(const Manager *m) {
        return &m->index;
}

void task_ref_done(TaskRef *r) {
        task_free(r->loaded);
        *r = TASK_REF_NULL;
}

int manager_get_task(Manager *m, const char *id, TaskRef *ret) {
        TaskSummary *s = task_index_find(&m->index, id);
        TaskRun *run;
        Task *task;
        int r;

        if (!s)
                return -ENOENT;
        run = s->run;
        if (run) {
                *ret = (TaskRef){ .task = run->task, .unit = &run->watch.status };
                return 0;
        }
        r = manager_load_task(m, s, &task);
        if (r < 0)
                return r;
        *ret = (TaskRef){ .task = task, .loaded = task };
        return 0;
}

void manager_refresh_usage(Manager *m, const char *id, UnitReply callback, void *userdata) {
        TaskRun *run = manager_find_run(m, id);

        if (run && run->watch.client && clock_monotonic_usec() - run->watch.read_at_usec > USAGE_AGE_MAX_USEC &&
            unit_client_join_read(&run->watch, callback, userdata) >= 0)
                return;
        callback(userdata, 0, NULL);
}

void manager_health(Manager *m, ManagerHealth *ret) {
        manager_look_at_strays(m);
        *ret = (ManagerHealth){
                .systemd_connected = unit_client_is_connected(m->units),
                .state_directory = task_store_path(m->store),
                .write_error = m->write_error,
                .aside = &m->aside,
                .refused = &m->refused,
                .journal_persistent = journal_reader_source_is_persistent(&m->journal),
                .journal_readable = journal_reader_source_is_readable(&m->journal),
        };
        if (!ret->systemd_connected)
                ret->systemd_cause = m->disconnect_cause ?: "the connection is being made";
        if (task_store_disk(m->store, &ret->state_free_bytes, &ret->state_read_only) < 0)
                ret->state_read_only = true;
}

ManagerPulse manager_pulse(const Manager *m) {
        return (ManagerPulse){ .systemd_connected = unit_client_is_connected(m->units),
                               .write_error = m->write_error, .tasks = m->index.n };
}

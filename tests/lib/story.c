/* Story: see story.h. */
#include "story.h"

#include <remote-developer/ending.h>
#include <remote-developer/files.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/task-spec.h>

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#define TURN_USEC (20 * USEC_PER_MSEC)
#define TURNS_MAX 1000

/* Timers that are due at once are dispatched within this time. */
#define QUIET_USEC (3 * USEC_PER_MSEC)

/* A pause between two looks at journald is shorter than this. */
#define VERDICT_USEC (100 * USEC_PER_MSEC)

/* The log has one sink for the program. */
static Buffer told;

static void on_log(int priority, const LogAbout *about, const char *text) {
        const char *id = about->task_id, *actor = about->actor;

        if (priority <= LOG_INFO)
                TAP_CHECK_INT(buffer_append_format(&told, "<%d>%s%s%s%s%s\n", priority, id ?: "", id ? ": " : "", text,
                                                   actor ? " by " : "", actor ?: ""),
                              0);
}

unsigned story_told(const char *text) {
        const char *p = told.data;
        unsigned n = 0;

        for (; p && (p = strstr(p, text)); p++)
                n++;
        return n;
}

static const char *placeholder_value(Story *s, const char *text, size_t *ret_size) {
        static char unit[128];
        const char *session = string_has_prefix(text, "{session}") ? story_task(s)->session_id : NULL;
        const struct {
                const char *name, *value;
        } rows[] = {
                { "{id}", s->id },
                { "{unit}", unit },
                { "{state}", s->state },
                { "{session}", session },
                { "{invocation}", story_unit(s) ? story_unit(s)->status.invocation_id : "none" },
        };

        snprintf(unit, sizeof(unit), TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX, s->id);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (string_has_prefix(text, rows[i].name)) {
                        *ret_size = strlen(rows[i].name);
                        return rows[i].value;
                }
        return NULL;
}

char *story_expand(Story *s, const char *text) {
        Buffer b = BUFFER_NULL;

        while (*text) {
                size_t n = 1;
                const char *value = placeholder_value(s, text, &n);

                TAP_CHECK_INT(buffer_append(&b, value ?: text, value ? strlen(value) : 1), 0);
                text += n;
        }
        return buffer_take(&b);
}

/* --- turning --- */

bool story_turn(Story *s) {
        return TAP_CHECK(sd_event_run(s->event, TURN_USEC) >= 0);
}

void story_pass(Story *s, usec_t usec) {
        test_clock_advance(usec);
        story_settle(s);
}

void story_settle(Story *s) {
        unsigned turns = 0;

        while (turns++ < TURNS_MAX && sd_event_run(s->event, QUIET_USEC) > 0)
                ;
        TAP_CHECK(turns < TURNS_MAX);
}

/* --- the service --- */

static void on_recovered(void *userdata) {
        Story *s = userdata;

        s->recovered++;
}

bool story_load(Story *s) {
        ManagerOptions o = { .config = &s->config, .scope = s->scope, .state_directory = s->state,
                             .endings_directory = s->endings, .recorder = "/usr/libexec/recorder",
                             .starter = "/usr/libexec/exec", .workspaces_directory = "/srv/workspaces",
                             .program_directory = s->programs, .journal_directory = s->journal,
                             .spawns_max = s->spawns_max ?: 1000,
                             .no_namespaces = s->no_namespaces, .recovered = on_recovered, .userdata = s };

        problem_done(&s->problem);
        s->recovered = 0;
        return TAP_CHECK_INT(manager_new(s->event, &o, &s->manager, &s->problem), 0);
}

void story_monitor(Story *s) {
        test_clock_advance(s->config.monitor_interval_usec * MANAGER_INTERVALS_AT_REST);
        manager_monitor(s->manager);
}

bool story_connect(Story *s) {
        unsigned lists = fake_count_calls(&s->systemd, "ListUnits");
        sd_bus *bus = fake_connect(&s->systemd);
        int r;

        if (!bus)
                return false;
        r = manager_start_on_bus(s->manager, bus);
        sd_bus_unref(bus);
        if (!TAP_CHECK(r >= 0) || !TAP_CHECK(STORY_UNTIL(s, fake_count_calls(&s->systemd, "ListUnits") > lists)))
                return false;
        story_settle(s);
        return true;
}

bool story_start_service(Story *s) {
        return story_load(s) && story_connect(s) && TAP_CHECK(STORY_UNTIL(s, s->recovered > 0));
}

static bool is_connected(Story *s) {
        ManagerHealth h;

        manager_health(s->manager, &h);
        return h.systemd_connected;
}

/* First the connection: what waits for an answer is dropped with the manager, and what it holds is lost memory. */
void story_stop_service(Story *s) {
        task_ref_done(&s->ref);
        if (!s->manager)
                return;
        fake_drop_connection(&s->systemd);
        TAP_CHECK(STORY_UNTIL(s, !is_connected(s)));
        s->manager = manager_free(s->manager);
}

/* --- life cycle --- */

static bool make_programs(const Story *s) {
        static const char *const names[] = { "claude", "codex", "remote-developer-step" };

        if (!TAP_CHECK_INT(mkdir(s->programs, 0700), 0))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *path = string_format("%s/%s", s->programs, names[i]);
                _cleanup_close_ int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);

                if (!TAP_CHECK(fd >= 0))
                        return false;
        }
        return true;
}

bool story_open(Story *s) {
        log_set_sink(on_log);
        buffer_clear(&told);
        s->scope = RUNTIME_SCOPE_USER;
        s->scratch = SCRATCH_NULL;
        if (!scratch_init(&s->scratch) || (!s->event && !TAP_CHECK(sd_event_new(&s->event) >= 0)))
                return false;
        s->state = strdup(scratch_path(&s->scratch, "tasks"));
        s->journal = strdup(scratch_path(&s->scratch, "journal"));
        s->endings = strdup(scratch_path(&s->scratch, "endings"));
        s->programs = strdup(scratch_path(&s->scratch, "programs"));
        fake_systemd_init(&s->systemd, s->event);
        test_clock_journald_is_done = 1;
        test_disk_error = 0;
        test_disk_usec = 0;
        test_clock_hold(false);
        return TAP_CHECK_INT(mkdir(s->journal, 0700), 0) && make_programs(s) &&
               TAP_CHECK_INT(config_init(&s->config), 0);
}

bool story_begin(Story *s) {
        return story_open(s) && story_start_service(s);
}

void story_done(Story *s) {
        if (s->event)
                story_stop_service(s);
        fake_systemd_done(&s->systemd);
        s->event = sd_event_unref(s->event);
        config_done(&s->config);
        problem_done(&s->problem);
        scratch_done(&s->scratch);
        free(s->state);
        free(s->journal);
        free(s->endings);
        free(s->programs);
        *s = (Story){};
        buffer_done(&told);
}

/* --- the task --- */

int story_create(Story *s, const char *request) {
        _cleanup_(task_spec_done) TaskSpec spec = {};
        _cleanup_(secrets_done) Secrets secrets = SECRETS_NULL;
        _cleanup_json_ Json *j = NULL;

        problem_done(&s->problem);
        if (!TAP_CHECK_INT(json_parse(request, strlen(request), &j, &s->problem), 0) ||
            !TAP_CHECK_INT(task_spec_parse(j, &s->config, &spec, &s->problem), 0) ||
            !TAP_CHECK_INT(secrets_parse(j, false, &secrets, &s->problem), 0))
                return -EINVAL;
        return manager_create_task(s->manager, &spec, &secrets, STORY_ACTOR, s->id, &s->problem);
}

int story_cancel(Story *s) {
        problem_done(&s->problem);
        return manager_cancel_task(s->manager, s->id, STORY_ACTOR, &s->problem);
}

int story_resume(Story *s) {
        problem_done(&s->problem);
        return manager_resume_task(s->manager, s->id, NULL, STORY_ACTOR, &s->problem);
}

static FakeUnit *ask_with(Story *s, const char *fields) {
        _cleanup_free_ char *request = string_format("{\"command\": [\"make\"]%s}", fields);

        if (!TAP_CHECK_INT(story_create(s, request), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return NULL;
        return story_unit(s);
}

FakeUnit *story_ask(Story *s) {
        return ask_with(s, "");
}

FakeUnit *story_run(Story *s) {
        return story_run_with(s, "");
}

FakeUnit *story_run_with(Story *s, const char *fields) {
        FakeUnit *u = ask_with(s, fields);

        if (!u)
                return NULL;
        fake_unit_start(u);
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return NULL;
        story_settle(s);
        return u;
}

FakeUnit *story_run_agent(Story *s) {
        static const char request[] = "{\"github_repo\": \"o/r\", \"task_description\": \"d\"}";

        if (!TAP_CHECK_INT(story_create(s, request), 0) || !TAP_CHECK(STORY_UNTIL(s, story_unit(s))))
                return NULL;
        fake_unit_start(story_unit(s));
        if (!TAP_CHECK(STORY_UNTIL(s, story_is_in(s, TASK_RUNNING))))
                return NULL;
        story_settle(s);
        story_record(s, NULL, "success", "exited", "0");
        return story_unit(s);
}

bool story_document_has(Story *s, const char *text) {
        _cleanup_free_ char *document = story_read(s, ".json");

        return document && strstr(document, text);
}

FakeUnit *story_unit(Story *s) {
        _cleanup_free_ char *name = task_unit_name(s->id);

        return fake_unit_find(&s->systemd, name);
}

const Task *story_task(Story *s) {
        static const Task none = { .id = (char *) "", .state = -1, .result = TASK_RESULT_NONE };

        task_ref_done(&s->ref);
        if (!TAP_CHECK_INT(manager_get_task(s->manager, s->id, &s->ref), 0))
                return &none;
        return s->ref.task;
}

bool story_is_in(Story *s, TaskState state) {
        return story_task(s)->state == (int) state;
}

bool story_is_finished(Story *s) {
        return story_is_in(s, TASK_FINISHED);
}

const char *story_verdict(Story *s) {
        static char text[64];
        const Task *t;

        for (unsigned turns = 0; !story_is_finished(s) && turns < TURNS_MAX; turns++)
                if (sd_event_run(s->event, VERDICT_USEC) == 0)
                        break;
        t = story_task(s);
        if (t->state < 0 || !task_is_finished(t))
                return t->state < 0 ? "none" : task_state_words[t->state];
        snprintf(text, sizeof(text), "%s %s", task_result_words[t->result], t->reason ?: "NULL");
        return text;
}

static void fill_record(Story *s, const char *invocation_id, const char *service_result, const char *exit_code,
                        const char *exit_status, Buffer *text) {
        Ending e = { .ended_at = clock_realtime_usec(), .ended_at_boottime = clock_boottime_usec() };

        TAP_CHECK_INT(clock_boot_id(e.boot_id), 0);
        if (!invocation_id && TAP_CHECK(story_unit(s)))
                invocation_id = story_unit(s)->status.invocation_id;
        snprintf(e.invocation_id, sizeof(e.invocation_id), "%s", invocation_id ?: "");
        ending_set_word(e.service_result, service_result);
        ending_set_word(e.exit_code, exit_code);
        ending_set_word(e.exit_status, exit_status);
        TAP_CHECK_INT(ending_to_text(&e, text), 0);
}

void story_record(Story *s, const char *invocation_id, const char *service_result, const char *exit_code,
                  const char *exit_status) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        int attempt = s->manager ? story_task(s)->attempt : 1;
        _cleanup_free_ char *suffix = attempt > 1 ? string_format(".%d.result", attempt) : strdup(".result");

        fill_record(s, invocation_id, service_result, exit_code, exit_status, &text);
        story_write(s, suffix, text.data);
}

void story_record_spilled(Story *s, const char *invocation_id, const char *service_result, const char *exit_code,
                          const char *exit_status) {
        _cleanup_free_ char *name = string_format("/../endings/%s.result", s->id);
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

        (void) mkdir(s->endings, 0700);
        fill_record(s, invocation_id, service_result, exit_code, exit_status, &text);
        story_write(s, name, text.data);
}

/* --- files --- */

void story_fill_disk(bool full) {
        static struct rlimit before;
        struct rlimit limit = before;

        if (full) {
                signal(SIGXFSZ, SIG_IGN);
                TAP_CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
                limit = (struct rlimit){ 0, before.rlim_max };
        }
        TAP_CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

char *story_path(const Story *s, const char *suffix) {
        return string_format("%s/%s%s", s->state, *suffix == '.' ? s->id : "", suffix);
}

char *story_read(const Story *s, const char *suffix) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_free_ char *path = story_path(s, suffix);

        return file_read(AT_FDCWD, path, 1 << 20, &text) < 0 ? NULL : buffer_take(&text);
}

void story_write(const Story *s, const char *suffix, const char *text) {
        _cleanup_free_ char *path = story_path(s, suffix);
        FILE *to = fopen(path, "we");

        if (!TAP_CHECK(to))
                return;
        fputs(text, to);
        TAP_CHECK_INT(fclose(to), 0);
}

unsigned story_count_files(const Story *s, const char *part) {
        DIR *d = opendir(s->state);
        struct dirent *e;
        unsigned n = 0;

        if (!TAP_CHECK(d))
                return 0;
        while ((e = readdir(d)))
                n += strstr(e->d_name, part) != NULL;
        closedir(d);
        return n;
}

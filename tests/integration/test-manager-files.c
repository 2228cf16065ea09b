/* The state directory as a service may find it: documents that are none, documents of a newer service, a document
 * that knows less than systemd did, other people's files, and another service at work. */
#include "story.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define OTHER "task-1700000000-abcdef"

#define QUEUED "\"state\":\"queued\",\"recipe\":\"command\""

#define FINE "{\"version\":1,\"task_id\":\"" OTHER "\"," QUEUED ",\"command\":[\"x\"]}"
#define NEWER "{\"version\":99,\"task_id\":\"" OTHER "\",\"command\":[\"x\"],\"new\":1}"

static const struct {
        const char *text; /* NULL: a directory; "@": a link to nowhere */
        const char *word, *why;
} broken_documents[] = {
        { "", "broken", "too early" },
        { "{\"task_id\":\"" OTHER "\",\"sta", "broken", "too early" },
        { "\x7f" "ELF", "broken", "not valid" },
        { "[]", "foreign", "object" },
        { "{}", "foreign", "no valid task_id" },
        { "{\"name\":\"x\",\"version\":\"1.0.0\"}", "foreign", "version" },
        { "{\"version\":1,\"task_id\":\"task-1700000000-fedcba\"," QUEUED ",\"command\":[\"x\"]}", "duplicate",
          "holds the task task-1700000000-fedcba" },
        { "{\"version\":1,\"task_id\":\"../../etc/passwd\",\"command\":[\"x\"]}", "broken", "no valid task_id" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":\"finished\",\"command\":[\"x\"]}", "broken",
          "state and result" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":\"dancing\",\"command\":[\"x\"]}", "broken", "state" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":7,\"command\":[\"x\"]}", "broken", "state" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\"}", "broken", "how far the task is" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":\"queued\"}", "broken", "how the task runs" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\"," QUEUED "}", "broken", "no command" },
        { NULL, "foreign", "it is no file" },
        { "@", "foreign", "symbolic links" },
};

static void make_file(Story *s, const char *name, const char *text) {
        _cleanup_free_ char *path = story_path(s, name);

        (void) mkdir(s->state, 0700);
        if (!text)
                TAP_CHECK_INT(mkdir(path, 0700), 0);
        else if (*text == '@')
                TAP_CHECK_INT(symlink("nowhere", path), 0);
        else
                story_write(s, name, text);
}

static void make_broken(Story *s, const char *text) {
        make_file(s, OTHER ".json", text);
}

static size_t count_aside(Story *s) {
        ManagerHealth h;

        manager_health(s->manager, &h);
        return h.aside->n;
}

static size_t count_refused(Story *s) {
        ManagerHealth h;

        manager_health(s->manager, &h);
        return h.refused->n;
}

static void test_broken_documents_are_set_aside(void) {
        for (size_t i = 0; i < ELEMENTSOF(broken_documents); i++) {
                _cleanup_free_ char *start = string_format(OTHER ".json.%s-", broken_documents[i].word);
                _cleanup_(story_done) Story s = {};
                ManagerHealth h;

                if (!story_open(&s))
                        return;
                make_broken(&s, broken_documents[i].text);
                if (!story_start_service(&s))
                        return;
                manager_health(s.manager, &h);
                TAP_CHECK_INT(h.refused->n, 0);
                if (TAP_CHECK_INT(h.aside->n, 1))
                        TAP_CHECK_CONTAINS(h.aside->names[0], start);
                TAP_CHECK_INT(story_count_files(&s, OTHER), 1);
                TAP_CHECK_INT(manager_index(s.manager)->n, 0);
                TAP_CHECK_INT(story_told("was set aside as " OTHER ".json."), 1);
                if (!TAP_CHECK(story_told(broken_documents[i].why) > 0))
                        printf("# row %zu: %s\n", i, broken_documents[i].text);
                TAP_CHECK_INT(story_told("1 files lie aside, 0 are refused"), 1);
                TAP_CHECK(story_run(&s));
        }
}

/* Of earlier starts, too; until somebody takes them away. */
static void test_what_lies_aside_is_told_as_long_as_it_does(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        make_broken(&s, "{");
        if (!story_start_service(&s))
                return;
        story_stop_service(&s);
        for (unsigned i = 0; i < 150; i++) {
                _cleanup_free_ char *name = string_format(OTHER ".json.foreign-%u", 1000 + i);

                story_write(&s, name, "");
        }
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(count_aside(&s), 151);
        for (unsigned i = 0; i < 149; i++) {
                _cleanup_free_ char *name = string_format(OTHER ".json.foreign-%u", 1000 + i);
                _cleanup_free_ char *path = story_path(&s, name);

                TAP_CHECK_INT(unlink(path), 0);
        }
        TAP_CHECK_INT(count_aside(&s), 2);
}

/* Among good ones, which they must not spoil. */
static void test_good_documents_beside_a_broken_one(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s) || !story_run(&s))
                return;
        story_stop_service(&s);
        make_broken(&s, "{");
        if (!story_start_service(&s))
                return;
        TAP_CHECK_INT(story_task(&s)->state, TASK_RUNNING);
        TAP_CHECK_INT(manager_index(s.manager)->n, 1);
}

/* A finished task's is only glanced at when the service starts. What a glance does not see is found behind it. */
static void test_damage_that_a_start_does_not_see(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *name = NULL, *text = NULL;
        char *at;

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_unit_end(story_unit(&s), "success", CLD_EXITED, 0);
        if (!TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s))))
                return;
        story_stop_service(&s);
        name = string_format("%s.json", s.id);
        text = story_read(&s, name);
        at = text ? strstr(text, "\"attempt\":1") : NULL;
        if (!TAP_CHECK(at))
                return;
        at[strlen("\"attempt\":")] = 'x';
        story_write(&s, name, text);
        if (!story_start_service(&s))
                return;
        story_settle(&s);
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
        TAP_CHECK_INT(count_aside(&s), 1);
        TAP_CHECK_INT(count_refused(&s), 0);
        TAP_CHECK_INT(story_told("cannot be worked with"), 1);
        TAP_CHECK(story_run(&s));
}

/* What a start takes up of a finished task, and what is read behind it. */
static void test_what_a_start_knows_of_a_finished_task(void) {
        _cleanup_(story_done) Story s = {};
        const TaskSummary *found;
        usec_t finished_at;

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        if (!TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s))))
                return;
        finished_at = manager_index(s.manager)->rows[0].finished_at;
        story_stop_service(&s);
        if (!story_load(&s) || !TAP_CHECK_INT(manager_index(s.manager)->n, 1))
                return;
        found = manager_index(s.manager)->rows;
        TAP_CHECK_INT(found->result, TASK_FAILED);
        TAP_CHECK_INT(found->finished_at, finished_at);
        TAP_CHECK(!found->noted && !found->run);
        TAP_CHECK(story_connect(&s) && STORY_UNTIL(&s, manager_index(s.manager)->rows[0].noted));
}

static bool is_known(const Story *s, const char *id) {
        const TaskSummary *found = task_index_find(manager_index(s->manager), id);

        return found && found->noted;
}

/* What is behind the start does not slow down what somebody waits for. */
static void test_units_that_are_made_come_first(void) {
        _cleanup_(story_done) Story s = {};
        char finished[TASK_ID_SIZE + 1];

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        if (!TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s))))
                return;
        memcpy(finished, s.id, sizeof(finished));
        fake_drop_at(&s.systemd, "StartTransientUnit", true);
        TAP_CHECK_INT(story_create(&s, "{\"command\":[\"make\"]}"), 0);
        TAP_CHECK(STORY_UNTIL(&s, fake_count_calls(&s.systemd, "StartTransientUnit") == 2));
        story_stop_service(&s);
        if (!story_start_service(&s) || !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        story_settle(&s);
        TAP_CHECK(!is_known(&s, finished));
        fake_unit_start(story_unit(&s));
        story_settle(&s);
        TAP_CHECK(is_known(&s, finished));
}

/* No descriptor is free just then: the task is no worse for it. */
static void test_a_shortage_behind_a_start(void) {
        _cleanup_(story_done) Story s = {};
        struct rlimit all, none;
        int lowest;

        if (!story_begin(&s) || !story_run(&s))
                return;
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        if (!TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s))))
                return;
        story_stop_service(&s);
        if (!story_load(&s))
                return;
        lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
        TAP_CHECK_INT(close(lowest), 0);
        TAP_CHECK_INT(getrlimit(RLIMIT_NOFILE, &all), 0);
        none = (struct rlimit){ .rlim_cur = (rlim_t) lowest, .rlim_max = all.rlim_max };
        TAP_CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
        TAP_CHECK_INT(manager_complete_index(s.manager), -EMFILE);
        TAP_CHECK_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
        TAP_CHECK_INT(manager_index(s.manager)->n, 1);
        TAP_CHECK_INT(count_refused(&s), 0);
        TAP_CHECK_INT(manager_complete_index(s.manager), 0);
        TAP_CHECK_INT(manager_index(s.manager)->n_noted, 1);
}

/* Read when the disk can be written again, as a start does. */
static void test_a_refused_document_that_was_mended(void) {
        static const char finished[] = "{\"version\":3,\"task_id\":\"" OTHER "\",\"state\":\"finished\","
                                       "\"result\":\"failed\",\"finished_at\":\"2026-11-22T16:34:05.940376Z\","
                                       "\"recipe\":\"command\",\"command\":[\"x\"],\"attempt\":1,"
                                       "\"operation\":null}";
        _cleanup_(story_done) Story s = {};

        if (!story_open(&s))
                return;
        make_broken(&s, NEWER);
        if (!story_start_service(&s) || !TAP_CHECK_INT(count_refused(&s), 1) || !story_run(&s))
                return;
        story_write(&s, OTHER ".json", finished);
        test_disk_error = -ENOSPC;
        fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
        TAP_CHECK(STORY_UNTIL(&s, test_disk_failures > 0));
        test_disk_error = 0;
        story_pass(&s, 60 * USEC_PER_SEC);
        TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s)));
        TAP_CHECK_INT(count_refused(&s), 0);
        TAP_CHECK_INT(manager_index(s.manager)->n, 2);
        TAP_CHECK_INT(manager_index(s.manager)->n_noted, 2);
}

static void check_newer(Story *s) {
        _cleanup_free_ char *document = story_read(s, OTHER ".json"), *copy = story_read(s, "copy.json");

        TAP_CHECK_STRING(document, NEWER);
        TAP_CHECK_STRING(copy, NEWER);
        TAP_CHECK_INT(story_count_files(s, OTHER), 1);
        TAP_CHECK_INT(count_aside(s), 0);
        TAP_CHECK_INT(count_refused(s), 2);
        TAP_CHECK_INT(manager_index(s->manager)->n, 0);
}

/* A newer service's: it is not for this one to touch, whatever happens to the unit of that name. */
static void test_newer_document_is_left_as_it_is(void) {
        static const char unit_name[] = "remote-developer-" OTHER ".service";
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!story_open(&s))
                return;
        make_broken(&s, NEWER);
        story_write(&s, "copy.json", NEWER);
        u = fake_unit_add(&s.systemd, unit_name);
        if (!story_start_service(&s))
                return;
        check_newer(&s);
        TAP_CHECK_INT(story_told("is left as it is"), 2);
        fake_unit_start(u);
        for (unsigned i = 0; i < 3; i++) {
                story_monitor(&s);
                story_settle(&s);
                check_newer(&s);
        }
        fake_unit_end(u, "exit-code", 1, 1);
        fake_emit_reloading(&s.systemd, false);
        story_settle(&s);
        check_newer(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "ResetFailedUnit"), 0);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StopUnit"), 0);
}

/* Names that are no task's: what is there as a document is set aside, the rest is nobody's business here. */
static void test_other_files(void) {
        static const struct {
                const char *name, *text, *aside; /* NULL: it is passed over */
        } rows[] = {
                { "notes.json", "{", "notes.json.foreign-" },
                { "notes.txt", "{", NULL },
                { "package.json", "{\"name\":\"x\"}", "package.json.foreign-" },
                { "task-1700000000-ABCDEF.json", FINE, "task-1700000000-ABCDEF.json.duplicate-" },
                { OTHER " (copy).json", FINE, OTHER " (copy).json.duplicate-" },
                { "link.json", "@", "link.json.foreign-" },
                { "directory.json", NULL, "directory.json.foreign-" },
                { "archive", NULL, NULL },
                { OTHER ".json.bak", FINE, NULL },
                { OTHER ".json~", FINE, NULL },
                { "." OTHER ".json.swp", FINE, NULL },
                { ".#" OTHER ".json", "@", NULL },
                { OTHER ".jsonx", FINE, NULL },
                { OTHER ".result", "", NULL },
                { OTHER ".prompt", "", NULL },
                { "active_tasks.json", "", NULL },
        };
        _cleanup_(story_done) Story s = {};
        size_t n = 0;

        if (!story_open(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                make_file(&s, rows[i].name, rows[i].text);
        if (!story_start_service(&s))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                n += rows[i].aside != NULL;
                if (!TAP_CHECK_INT(story_count_files(&s, rows[i].aside ?: rows[i].name) > 0, 1))
                        printf("# row %zu: %s\n", i, rows[i].name);
        }
        TAP_CHECK_INT(count_aside(&s), n);
        TAP_CHECK_INT(count_refused(&s), 0);
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
}

static void test_second_service_is_refused(void) {
        _cleanup_(story_done) Story s = {};
        ManagerOptions o;
        Manager *second = NULL;
        char pid[32];

        if (!story_begin(&s))
                return;
        o = (ManagerOptions){ .config = &s.config, .state_directory = s.state, .recorder = "/r", .starter = "/l",
                              .journal_directory = s.journal };
        TAP_CHECK_INT(manager_new(s.event, &o, &second, &s.problem), -EBUSY);
        snprintf(pid, sizeof(pid), "process %d", (int) getpid());
        TAP_CHECK_CONTAINS(s.problem.sentence, pid);
        TAP_CHECK_CONTAINS(s.problem.sentence, s.state);
        TAP_CHECK(story_run(&s));
}

/* Its unit was there when the units were listed, and had ended when it was looked at. */
static void test_task_that_ends_while_it_is_looked_for(void) {
        _cleanup_(story_done) Story s = {};
        sd_bus *bus;

        if (!story_begin(&s))
                return;
        fake_delay_replies(&s.systemd, "StartTransientUnit");
        if (!story_ask(&s))
                return;
        story_stop_service(&s);
        s.recovered = 0;
        if (!story_load(&s) || !(bus = fake_connect(&s.systemd)))
                return;
        fake_delay_replies(&s.systemd, "ListUnitsByPatterns");
        TAP_CHECK(manager_start_on_bus(s.manager, bus) >= 0);
        sd_bus_unref(bus);
        TAP_CHECK(STORY_UNTIL(&s, s.systemd.n_held == 1));
        story_record(&s, NULL, "success", "exited", "0");
        fake_unit_remove(story_unit(&s));
        fake_release_replies(&s.systemd);
        TAP_CHECK(STORY_UNTIL(&s, s.recovered > 0));
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

static const TapTest tests[] = {
        { "broken documents are set aside", test_broken_documents_are_set_aside },
        { "damage that a start does not see", test_damage_that_a_start_does_not_see },
        { "what a start knows of a finished task", test_what_a_start_knows_of_a_finished_task },
        { "units that are made come before what is behind a start", test_units_that_are_made_come_first },
        { "a shortage behind a start", test_a_shortage_behind_a_start },
        { "a refused document that was mended", test_a_refused_document_that_was_mended },
        { "good documents beside a broken one", test_good_documents_beside_a_broken_one },
        { "what lies aside is told as long as it does", test_what_lies_aside_is_told_as_long_as_it_does },
        { "a newer document is left as it is", test_newer_document_is_left_as_it_is },
        { "other files", test_other_files },
        { "a task that ends while it is looked for", test_task_that_ends_while_it_is_looked_for },
        { "a second service is refused", test_second_service_is_refused },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

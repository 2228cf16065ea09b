/* The state directory as a service may find it: documents that are none, documents of a newer service, a document
 * that knows less than systemd did, other people's files, and another service at work. */
#include "story.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/stat.h>

#define OTHER "task-1700000000-abcdef"

#define QUEUED "\"state\":\"queued\",\"recipe\":\"command\""

static const struct {
        const char *text; /* NULL: a directory; "@": a link to nowhere */
        const char *why;
} broken_documents[] = {
        { "", "broken" },
        { "{\"task_id\":\"" OTHER "\",\"sta", "broken" },
        { "\x7f" "ELF", "broken" },
        { "[]", "broken" },
        { "{}", "broken" },
        { "{\"version\":1,\"task_id\":\"task-1700000000-fedcba\"," QUEUED ",\"command\":[\"x\"]}", "holds the task" },
        { "{\"version\":1,\"task_id\":\"../../etc/passwd\",\"command\":[\"x\"]}", "no valid task_id" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":\"finished\",\"command\":[\"x\"]}", "state and result" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":\"dancing\",\"command\":[\"x\"]}", "state" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":7,\"command\":[\"x\"]}", "state" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\"}", "how far the task is" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\",\"state\":\"queued\"}", "how the task runs" },
        { "{\"version\":1,\"task_id\":\"" OTHER "\"," QUEUED "}", "no command" },
        { NULL, "broken" },
        { "@", "broken" },
};

static void make_broken(Story *s, const char *text) {
        _cleanup_free_ char *path = story_path(s, OTHER ".json");

        (void) mkdir(s->state, 0700);
        if (!text)
                TAP_CHECK_INT(mkdir(path, 0700), 0);
        else if (*text == '@')
                TAP_CHECK_INT(symlink("nowhere", path), 0);
        else
                story_write(s, OTHER ".json", text);
}

static void test_broken_documents_are_set_aside(void) {
        for (size_t i = 0; i < ELEMENTSOF(broken_documents); i++) {
                _cleanup_(story_done) Story s = {};
                ManagerHealth h;

                if (!story_open(&s))
                        return;
                make_broken(&s, broken_documents[i].text);
                if (!story_start_service(&s))
                        return;
                manager_health(s.manager, &h);
                TAP_CHECK_INT(h.broken_files, 1);
                TAP_CHECK_INT(story_count_files(&s, OTHER ".json.broken-"), 1);
                TAP_CHECK_INT(story_count_files(&s, OTHER), 1);
                TAP_CHECK_INT(manager_index(s.manager)->n, 0);
                TAP_CHECK_INT(story_told("was set aside as " OTHER ".json.broken-"), 1);
                if (!TAP_CHECK(story_told(broken_documents[i].why) > 0))
                        printf("# row %zu: %s\n", i, broken_documents[i].text);
                TAP_CHECK_INT(story_told("1 broken files set aside"), 1);
                TAP_CHECK(story_run(&s));
        }
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

/* A newer service's: it is not for this one to touch. */
static void test_newer_document_is_left_as_it_is(void) {
        static const char text[] = "{\"version\":3,\"task_id\":\"" OTHER "\",\"command\":[\"x\"],\"new\":1}";
        _cleanup_free_ char *after = NULL;
        _cleanup_(story_done) Story s = {};
        ManagerHealth h;

        if (!story_open(&s))
                return;
        make_broken(&s, text);
        if (!story_start_service(&s))
                return;
        manager_health(s.manager, &h);
        TAP_CHECK_INT(h.broken_files, 1);
        after = story_read(&s, OTHER ".json");
        TAP_CHECK_STRING(after, text);
        TAP_CHECK_INT(story_told("is left as it is"), 1);
        TAP_CHECK_INT(manager_index(s.manager)->n, 0);
}

/* Names that are no task's. */
static void test_other_files_are_passed_over(void) {
        static const char *const names[] = { "notes.json", "task-1700000000-ABCDEF.json", OTHER ".json.broken-1",
                                             OTHER ".jsonx", "task-1-abcdef.json", OTHER ".result" };
        _cleanup_(story_done) Story s = {};
        ManagerHealth h;

        if (!story_open(&s))
                return;
        (void) mkdir(s.state, 0700);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                story_write(&s, names[i], "{");
        if (!story_start_service(&s))
                return;
        manager_health(s.manager, &h);
        TAP_CHECK_INT(h.broken_files, 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                TAP_CHECK_INT(story_count_files(&s, names[i]) > 0, 1);
}

static void test_second_service_is_refused(void) {
        _cleanup_(story_done) Story s = {};
        ManagerOptions o;
        Manager *second = NULL;
        char pid[32];

        if (!story_begin(&s))
                return;
        o = (ManagerOptions){ .config = &s.config, .state_directory = s.state, .recorder = "/r",
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
        { "good documents beside a broken one", test_good_documents_beside_a_broken_one },
        { "a newer document is left as it is", test_newer_document_is_left_as_it_is },
        { "other files are passed over", test_other_files_are_passed_over },
        { "a task that ends while it is looked for", test_task_that_ends_while_it_is_looked_for },
        { "a second service is refused", test_second_service_is_refused },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* What the journal tells: lines that are counted, an agent's own account, and systemd's records where there is nothing
 * better. */
#include "story.h"

#include <remote-developer/strings.h>

#include <dirent.h>
#include <signal.h>

/* systemd's records, with the message ids of systemd.journal-fields(7) and `journalctl -o verbose`. */
#define RECORD                                                                                               \
        "_PID=1\n_UID=0\nINVOCATION_ID={invocation}\nUSER_INVOCATION_ID={invocation}\n"                      \
        "UNIT={unit}\nUSER_UNIT={unit}\n"
#define EXITED RECORD "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15\nCOMMAND=ExecStart\nEXIT_CODE="
#define FAILED RECORD "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\nUNIT_RESULT="
#define SUCCEEDED RECORD "MESSAGE_ID=7ad2d189f7e94e70a38c781354912448\n"
#define STOPPING RECORD "MESSAGE_ID=de5b426a63be47a7b6ac3eaac82e2f6f\n"
#define SPAWN_FAILED RECORD "MESSAGE_ID=641257651c1b4ec9a8624d7a40a9e1e7\nERRNO=2\nEXECUTABLE=/no/such\n"

static bool begin(Story *s) {
        return story_has_journal() && story_begin(s);
}

/* --- counting --- */

static void test_lines_are_counted(void) {
        _cleanup_(story_done) Story s = {};
        usec_t before;

        if (!begin(&s) || !story_run(&s))
                return;
        before = clock_realtime_usec();
        story_log(&s, "one", "", "three", NULL);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 3));
        TAP_CHECK_INT(story_task(&s)->log_bytes, strlen("one\n\nthree\n"));
        TAP_CHECK(story_task(&s)->last_output_at >= before);
        TAP_CHECK(story_task(&s)->log_cursor);
}

/* The last lines come with the end. */
static void test_last_lines_are_in_the_verdict(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!begin(&s) || !(u = story_run(&s)))
                return;
        story_log(&s, "the last", NULL);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->log_lines, 1);
}

static unsigned count_descriptors(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        while (TAP_CHECK(d) && readdir(d))
                n++;
        closedir(d);
        return n;
}

/* The journal's files, and inotify on them. */
static void test_nothing_is_held_open_when_nothing_runs(void) {
        _cleanup_(story_done) Story s = {};
        unsigned before;

        if (!begin(&s))
                return;
        before = count_descriptors();
        for (unsigned i = 0; i < 2; i++) {
                if (!story_run(&s))
                        return;
                story_log(&s, "a line", NULL);
                TAP_CHECK(count_descriptors() > before);
                fake_unit_end(story_unit(&s), "exit-code", CLD_EXITED, 1);
                TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
                story_settle(&s);
                TAP_CHECK_INT(count_descriptors(), before);
        }
}

#define LOGS 3
#define LINES 2500 /* more than are counted in one turn */

static bool all_are_counted(Story *s, char ids[static LOGS][TASK_ID_SIZE + 1]) {
        unsigned n = 0;

        for (size_t i = 0; i < LOGS; i++) {
                memcpy(s->id, ids[i], sizeof(s->id));
                n += story_task(s)->log_lines == LINES;
        }
        return n == LOGS;
}

/* What a reader of the journal holds open. */
static unsigned count_of_a_reader(Story *s) {
        unsigned before = count_descriptors(), n = 0;
        LogViewer *v;

        if (TAP_CHECK(manager_open_log(s->manager, s->id, LOG_SOURCES_ALL, NULL, NULL, &v) >= 0)) {
                n = count_descriptors() - before;
                log_viewer_free(v);
        }
        TAP_CHECK(n > 0);
        return n;
}

/* However many run: a reader for each would be thousands of open files, and gigabytes of the journal in memory. */
static void test_logs_are_caught_up_with_one_after_the_other(void) {
        _cleanup_(story_done) Story s = {};
        char ids[LOGS][TASK_ID_SIZE + 1];
        unsigned before, most = 0;

        if (!begin(&s))
                return;
        for (size_t i = 0; i < LOGS; i++) {
                if (!story_run(&s))
                        return;
                memcpy(ids[i], s.id, sizeof(s.id));
        }
        story_stop_service(&s);
        for (size_t i = 0; i < LOGS; i++) {
                memcpy(s.id, ids[i], sizeof(s.id));
                story_log_many(&s, "one of many", LINES);
        }
        if (!story_load(&s))
                return;
        before = count_descriptors();
        for (unsigned turns = 0; !all_are_counted(&s, ids) && turns < 1000 && story_turn(&s); turns++)
                most = MAX_OF(most, count_descriptors() - before);
        TAP_CHECK(all_are_counted(&s, ids));
        /* Where it reads on as a run (journal-run.h), that has its file open. */
        TAP_CHECK(most <= count_of_a_reader(&s) + 1);
}

/* --- an agent --- */

#define INIT "{\"type\":\"system\",\"subtype\":\"init\"}"
#define SUCCESS "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\"}"
#define FAILURE "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"no money\"}"

static void test_agents_account(void) {
        static const struct {
                const char *line, *verdict, *part;
        } rows[] = {
                { SUCCESS, "completed exit-code", NULL },
                { FAILURE, "failed agent-error", "no money" },
                { "{\"type\":\"result\",\"subtype\":\"error_max_turns\"}", "failed agent-error", "error_max_turns" },
                { "done", "failed agent-error", "without giving a result" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!begin(&s) || !(u = story_run_agent(&s)))
                        return;
                story_log(&s, INIT, rows[i].line, NULL);
                fake_unit_end(u, "success", CLD_EXITED, 0);
                TAP_CHECK_STRING(story_verdict(&s), rows[i].verdict);
                if (rows[i].part)
                        TAP_CHECK_CONTAINS(story_task(&s)->error, rows[i].part);
                else
                        TAP_CHECK_STRING(story_task(&s)->error, NULL);
        }
}

/* The service was away for part of the log: it reads all of it again. */
static void test_agents_account_from_before_a_restart(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s) || !story_run_agent(&s))
                return;
        story_log(&s, INIT, SUCCESS, "trailing", NULL);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 3));
        fake_unit_set_state(story_unit(&s), "deactivating", "stop-post");
        TAP_CHECK(STORY_UNTIL(&s, story_document_has(&s, "\"log_lines\":3")));
        story_stop_service(&s);
        fake_unit_remove(story_unit(&s));
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_task(&s)->log_lines, 3);
}

static void test_agents_words_survive_a_retry(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!begin(&s) || !(u = story_run_agent(&s)))
                return;
        story_log(&s, FAILURE, NULL);
        TAP_CHECK(STORY_UNTIL(&s, story_task(&s)->log_lines == 1));
        story_fill_disk(true);
        fake_unit_end(u, "success", CLD_EXITED, 0);
        story_settle(&s);
        story_fill_disk(false);
        TAP_CHECK(!story_is_finished(&s));
        test_clock_advance(5 * USEC_PER_SEC);
        TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
        TAP_CHECK_CONTAINS(story_task(&s)->error, "no money");
}

/* --- systemd's records --- */

/* What is left when unit and recorder are gone. */
static void test_records_alone(void) {
        static const struct {
                const char *first, *second, *third;
                const char *verdict;
                int exit_code;
                const char *signal;
        } rows[] = {
                { EXITED "exited\nEXIT_STATUS=0\n", SUCCEEDED, NULL, "completed exit-code", 0, NULL },
                { EXITED "exited\nEXIT_STATUS=7\n", FAILED "exit-code\n", NULL, "failed exit-code", 7, NULL },
                { EXITED "killed\nEXIT_STATUS=9\n", FAILED "signal\n", NULL, "failed signal", -1, "SIGKILL" },
                { EXITED "killed\nEXIT_STATUS=15\n", FAILED "timeout\n", NULL, "timed_out runtime-limit", -1,
                  "SIGTERM" },
                { STOPPING, EXITED "killed\nEXIT_STATUS=15\n", SUCCEEDED, "cancelled stopped", -1, "SIGTERM" },
                { SPAWN_FAILED, EXITED "exited\nEXIT_STATUS=203\n", FAILED "exit-code\n", "failed start-failed", 203,
                  NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *const records[] = { rows[i].first, rows[i].second, rows[i].third };
                _cleanup_(story_done) Story s = {};

                if (!begin(&s))
                        return;
                s.config.claude_timeout_usec = USEC_PER_SEC; /* so that "timeout" may be this */
                if (!story_run(&s))
                        return;
                for (size_t k = 0; k < ELEMENTSOF(records) && records[k]; k++)
                        story_log_entry(&s, records[k]);
                fake_unit_remove(story_unit(&s));
                fake_emit_reloading(&s.systemd, false);
                TAP_CHECK_STRING(story_verdict(&s), rows[i].verdict);
                TAP_CHECK_INT(story_task(&s)->exit_code, rows[i].exit_code);
                TAP_CHECK_STRING(story_task(&s)->signal, rows[i].signal);
        }
}

static void test_spawn_failure_is_named(void) {
        _cleanup_(story_done) Story s = {};
        FakeUnit *u;

        if (!begin(&s) || !(u = story_ask(&s)))
                return;
        fake_unit_set_state(u, "activating", "start");
        story_settle(&s);
        story_log_entry(&s, SPAWN_FAILED);
        fake_unit_end(u, "exit-code", CLD_EXITED, 203);
        TAP_CHECK_STRING(story_verdict(&s), "failed start-failed");
        TAP_CHECK_CONTAINS(story_task(&s)->error, "\"/no/such\": No such file or directory");
}

static void test_records_of_another_invocation_are_not_believed(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s) || !story_run(&s))
                return;
        story_log_entry(&s, "_PID=1\nUSER_UNIT={unit}\nUSER_INVOCATION_ID=fedcba9876543210fedcba9876543210\n"
                            "MESSAGE_ID=7ad2d189f7e94e70a38c781354912448\n");
        fake_unit_remove(story_unit(&s));
        fake_emit_reloading(&s.systemd, false);
        TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
}

/* The service died before the document could say more than "queued", and nothing but the begin was written down:
 * better an unknown end than the work done twice. */
static void test_task_that_the_journal_knows_has_begun(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", false);
        TAP_CHECK_INT(story_create(&s, "{\"command\": [\"make\"]}"), 0);
        if (!TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                return;
        story_settle(&s);
        story_log_entry(&s, "_PID=1\nUSER_UNIT={unit}\nUSER_INVOCATION_ID={invocation}\n"
                            "MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5\n");
        fake_unit_remove(story_unit(&s));
        TAP_CHECK_INT(story_task(&s)->state, TASK_QUEUED);
        if (!story_connect(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

/* In the system tasks are not root, and what they write cannot be taken for systemd's. */
static void test_forged_records_are_not_believed(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_open(&s))
                return;
        s.scope = RUNTIME_SCOPE_SYSTEM;
        if (!story_start_service(&s) || !story_run(&s))
                return;
        story_log_entry(&s, "_PID=77\n_UID=1000\nUNIT={unit}\nINVOCATION_ID={invocation}\n"
                            "MESSAGE_ID=7ad2d189f7e94e70a38c781354912448\n");
        fake_unit_remove(story_unit(&s));
        fake_emit_reloading(&s.systemd, false);
        TAP_CHECK_STRING(story_verdict(&s), "interrupted unit-lost");
}

static void test_bound_tasks_end_with_the_service(void) {
        _cleanup_(story_done) Story s = {};

        if (!story_has_journal() || !story_open(&s))
                return;
        s.config.use_daemon_threads = true;
        if (!story_start_service(&s) || !story_run(&s))
                return;
        story_stop_service(&s);
        story_log_entry(&s, STOPPING);
        story_record(&s, NULL, "success", "killed", "TERM");
        fake_unit_remove(story_unit(&s));
        /* What counts is how the task was started. */
        s.config.use_daemon_threads = false;
        if (story_start_service(&s))
                TAP_CHECK_STRING(story_verdict(&s), "interrupted service-stopped");
}

/* A record in the journal says that it began, though nothing else does. */
static void test_task_with_records_is_not_started_again(void) {
        _cleanup_(story_done) Story s = {};

        if (!begin(&s))
                return;
        fake_drop_at(&s.systemd, "StartTransientUnit", false);
        TAP_CHECK_INT(story_create(&s, "{\"command\": [\"make\"]}"), 0);
        TAP_CHECK(STORY_UNTIL(&s, story_unit(&s)));
        story_settle(&s);
        story_log_entry(&s, EXITED "exited\nEXIT_STATUS=6\n");
        story_log_entry(&s, FAILED "exit-code\n");
        fake_unit_remove(story_unit(&s));
        if (!story_connect(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "failed exit-code");
        TAP_CHECK_INT(story_task(&s)->exit_code, 6);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
}

static const TapTest tests[] = {
        { "lines are counted", test_lines_are_counted },
        { "the last lines are in the verdict", test_last_lines_are_in_the_verdict },
        { "nothing is held open when nothing runs", test_nothing_is_held_open_when_nothing_runs },
        { "logs are caught up with one after the other", test_logs_are_caught_up_with_one_after_the_other },
        { "an agent's account of itself", test_agents_account },
        { "an agent's account from before a restart", test_agents_account_from_before_a_restart },
        { "an agent's words survive a retry", test_agents_words_survive_a_retry },
        { "records alone", test_records_alone },
        { "what could not be started is named", test_spawn_failure_is_named },
        { "records of another invocation are not believed", test_records_of_another_invocation_are_not_believed },
        { "a task that the journal knows has begun", test_task_that_the_journal_knows_has_begun },
        { "forged records are not believed", test_forged_records_are_not_believed },
        { "bound tasks end with the service", test_bound_tasks_end_with_the_service },
        { "a task with records is not started again", test_task_with_records_is_not_started_again },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

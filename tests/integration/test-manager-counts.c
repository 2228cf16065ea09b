/* What is counted of a log is in the document: at what pace, with what agents said, and exactly, whenever the service
 * dies and whatever of the journal is gone. */
#include "archiving.h"
#include "counting.h"

#include <remote-developer/strings.h>

#include <signal.h>
#include <sys/resource.h>

/* A slow disk: of a save, and of the pause that follows, which is longer by what the real disk takes. */
#define SAVE_USEC (2 * USEC_PER_SEC)
#define PAUSE_USEC (20 * SAVE_USEC)

/* --- pace --- */

static void test_saved_every_so_many_lines(void) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 3) || !story_run(&s))
                return;
        story_log(&s, "1", "2", NULL);
        TAP_CHECK(counting_has(&s, 2));
        story_settle(&s);
        TAP_CHECK_INT(counting_on_disk(&s), 0);
        story_log(&s, "3", NULL);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 3));
}

/* However often lines come: the first is saved at once, the others when the disk has rested. */
static void test_saves_are_paced(void) {
        _cleanup_(story_done) Story s = {};
        unsigned writes;

        if (!counting_begin(&s, 1) || !story_run(&s))
                return;
        story_pass(&s, USEC_PER_SEC);
        test_disk_usec = SAVE_USEC;
        story_log(&s, "1", NULL);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 1));
        writes = test_disk_writes;
        for (unsigned i = 2; i <= 5; i++) {
                story_log(&s, "another", NULL);
                TAP_CHECK(counting_has(&s, i));
                story_pass(&s, PAUSE_USEC / 10);
        }
        TAP_CHECK_INT(counting_on_disk(&s), 1);
        TAP_CHECK_INT(test_disk_writes, writes);
        story_pass(&s, PAUSE_USEC);
        TAP_CHECK_INT(counting_on_disk(&s), 5);
        TAP_CHECK_INT(test_disk_writes, writes + 1);
}

/* One at a time, and each in its turn, whoever talks most. */
static void test_saves_are_fair(void) {
        static const size_t turns[] = { 0, 1, 2, 0, 0 };
        _cleanup_(story_done) Story s = {};
        char ids[3][TASK_ID_SIZE + 1];
        unsigned writes;

        if (!counting_begin(&s, 1))
                return;
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                if (!story_run(&s))
                        return;
                memcpy(ids[i], s.id, sizeof(s.id));
        }
        test_disk_usec = SAVE_USEC;
        story_log(&s, "so that the disk rests", NULL);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 1));
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                memcpy(s.id, ids[i], sizeof(s.id));
                story_log_many(&s, "a line", 1000);
                TAP_CHECK(counting_has(&s, i == 2 ? 1001 : 1000));
        }
        writes = test_disk_writes;
        for (size_t i = 0; i < ELEMENTSOF(turns); i++) {
                story_pass(&s, 2 * PAUSE_USEC);
                TAP_CHECK_INT(test_disk_writes, ++writes);
                memcpy(s.id, ids[turns[i]], sizeof(s.id));
                TAP_CHECK_INT(counting_on_disk(&s), story_task(&s)->log_lines);
                memcpy(s.id, ids[0], sizeof(s.id));
                story_log(&s, "and one more", NULL);
                TAP_CHECK(counting_has(&s, 1001 + i));
        }
}

static void test_a_change_of_state_does_not_wait(void) {
        _cleanup_(story_done) Story s = {};
        unsigned writes;

        if (!counting_begin(&s, 1) || !story_run(&s))
                return;
        test_disk_usec = SAVE_USEC;
        story_log(&s, "1", NULL);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 1));
        story_log(&s, "2", NULL);
        TAP_CHECK(counting_has(&s, 2));
        fake_unit_set_state(story_unit(&s), "deactivating", "stop-post");
        TAP_CHECK(STORY_UNTIL(&s, story_document_has(&s, "\"state\":\"reviewing\"")));
        TAP_CHECK_INT(counting_on_disk(&s), 2);
        story_settle(&s);
        /* Its turn comes, and there is nothing left to save. */
        writes = test_disk_writes;
        story_pass(&s, 2 * PAUSE_USEC);
        TAP_CHECK_INT(test_disk_writes, writes);
}

/* Who tries a disk again that cannot be written is manager-disk.c alone. */
static void test_a_full_disk_is_not_tried_with_every_line(void) {
        _cleanup_(story_done) Story s = {};
        unsigned failures;

        if (!counting_begin(&s, 1) || !story_run(&s))
                return;
        story_pass(&s, USEC_PER_SEC);
        test_disk_error = -ENOSPC;
        failures = test_disk_failures;
        for (unsigned i = 1; i <= 5; i++) {
                story_log(&s, "a line", NULL);
                TAP_CHECK(counting_has(&s, i));
                story_pass(&s, USEC_PER_SEC / 10);
        }
        TAP_CHECK_INT(test_disk_failures, failures + 1);
        TAP_CHECK_INT(counting_on_disk(&s), 0);
        test_disk_error = 0;
        story_pass(&s, 5 * USEC_PER_SEC);
        TAP_CHECK_INT(counting_on_disk(&s), 5);
        story_log(&s, "the sixth", NULL);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 6));
}

static void test_an_orderly_end_saves_all(void) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 1000) || !story_run(&s))
                return;
        story_log(&s, "1", "2", NULL);
        TAP_CHECK(counting_has(&s, 2));
        TAP_CHECK_INT(counting_on_disk(&s), 0);
        manager_save_all(s.manager);
        TAP_CHECK_INT(counting_on_disk(&s), 2);
}

static void test_an_orderly_end_has_an_end(void) {
        _cleanup_(story_done) Story s = {};
        unsigned writes;

        if (!counting_begin(&s, 1000))
                return;
        for (unsigned i = 0; i < 3; i++) {
                if (!story_run(&s))
                        return;
                story_log(&s, "1", NULL);
                TAP_CHECK(counting_has(&s, 1));
        }
        test_disk_usec = 2 * USEC_PER_SEC;
        writes = test_disk_writes;
        manager_save_all(s.manager);
        TAP_CHECK_INT(test_disk_writes, writes + 1);
}

/* --- exactness --- */

#define LUMP 1700 /* lines between two deaths */
#define LUMPS 12

/* In the middle of a flood, after so many turns of the loop; whether or not the latest counts were saved. */
static void test_counts_across_deaths(void) {
        _cleanup_(story_done) Story s = {};
        uint64_t on_disk;

        if (!counting_begin(&s, 7) || !story_run(&s))
                return;
        for (unsigned lump = 0; lump < LUMPS; lump++) {
                story_log_numbered(&s, LUMP);
                for (unsigned turns = 0; turns < lump; turns++)
                        story_turn(&s);
                TAP_CHECK(story_task(&s)->log_lines <= (lump + 1) * LUMP);
                story_stop_service(&s);
                on_disk = counting_on_disk(&s);
                if (!story_load(&s))
                        return;
                TAP_CHECK_INT(story_task(&s)->log_lines, on_disk);
                if (!story_connect(&s))
                        return;
        }
        TAP_CHECK(counting_has(&s, LUMPS * LUMP));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->log_lines, LUMPS * LUMP);
        /* "line 0\n" to "line 1699\n" */
        TAP_CHECK_INT(story_task(&s)->log_bytes, LUMPS * (LUMP * 6 + 10 + 90 * 2 + 900 * 3 + 700 * 4));
}

/* Its place is not in the journal any more: it goes on with what is behind. */
static void test_vacuumed(void) {
        static const unsigned lost[] = { 0, 2 };

        for (size_t i = 0; i < ELEMENTSOF(lost); i++) {
                _cleanup_(story_done) Story s = {};

                if (!counting_begin(&s, 1) || !story_run(&s) || !counting_die(&s))
                        return;
                if (lost[i] > 0)
                        story_log_many(&s, "never counted", lost[i]);
                story_rotate_journal(&s);
                story_log(&s, "6", "7", "8", NULL);
                story_vacuum_journal(&s);
                if (!story_start_service(&s))
                        return;
                TAP_CHECK(counting_has(&s, 8));
                story_log(&s, "9", NULL);
                TAP_CHECK(counting_has(&s, 9));
                story_settle(&s);
                TAP_CHECK_INT(story_task(&s)->log_lines, 9);
                TAP_CHECK_INT(story_task(&s)->log_bytes, 18);
        }
}

/* More lines at a time than are held, which the journal drops before it is the counter's turn. */
static void test_vacuumed_before_it_is_counted(void) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 1))
                return;
        s.config.max_memory_logs = 10;
        if (!story_run(&s))
                return;
        story_log(&s, "first", NULL);
        TAP_CHECK(counting_has(&s, 1));
        story_settle(&s);
        story_log_numbered(&s, 60);
        manager_look_at_log(s.manager, s.id);
        story_rotate_journal(&s);
        story_log(&s, "last", NULL);
        story_vacuum_journal(&s);
        TAP_CHECK(counting_has(&s, 62));
        story_settle(&s);
        TAP_CHECK_INT(story_task(&s)->log_lines, 62);
}

/* The service has as many files open as it may: it tries again, and forgets nothing meanwhile. */
static void test_a_log_that_cannot_be_opened_yet(void) {
        _cleanup_(story_done) Story s = {};
        struct rlimit limit, none;

        if (!counting_begin(&s, 1) || !story_run(&s) || !counting_die(&s))
                return;
        story_log(&s, "6", NULL);
        if (!story_start_service(&s) || !TAP_CHECK(counting_has(&s, 6)))
                return;
        story_stop_service(&s);
        story_log(&s, "7", NULL);
        if (!story_load(&s))
                return;
        TAP_CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ 3, limit.rlim_max };
        TAP_CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
        story_settle(&s);
        TAP_CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        TAP_CHECK(story_told("The log could not be read: Too many open files") > 0);
        TAP_CHECK_INT(story_task(&s)->log_lines, 6);
        manager_monitor(s.manager);
        TAP_CHECK(counting_has(&s, 7));
}

static void test_a_cursor_that_is_none(void) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 1) || !story_run(&s) || !counting_die(&s))
                return;
        counting_edit(&s, "\"log_cursor\":\"", "\"log_cursor\":\"!");
        if (!story_start_service(&s))
                return;
        TAP_CHECK(STORY_UNTIL(&s, story_told("what the journal has is counted anew") == 1));
        TAP_CHECK(counting_has(&s, 5));
        story_log(&s, "6", NULL);
        TAP_CHECK(counting_has(&s, 6));
}

/* --- agents --- */

#define INIT "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"one\"}"
#define TALK                                                                                                  \
  "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"usage\":{\"input_tokens\":2},\"content\":[{\"type\":" \
  "\"tool_use\",\"id\":\"t1\",\"name\":\"Write\",\"input\":{\"file_path\":\"/a\"}}]}}"
#define DONE "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\"}]}}"
#define SUCCESS "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\"}"
#define FAILURE "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"no money\"}"

static const struct {
        const char *lines[6];
        const char *verdict, *part;
} scripts[] = {
        { { INIT, TALK, FAILURE, DONE, SUCCESS, "trailing" }, "completed exit-code", NULL },
        { { INIT, SUCCESS, TALK, DONE, FAILURE, "trailing" }, "failed agent-error", "no money" },
        { { INIT, "", TALK, "text", DONE, "trailing" }, "failed agent-error", "without giving a result" },
};

static void log_script(Story *s, size_t script, size_t from, size_t to) {
        for (size_t i = from; i < to; i++)
                story_log(s, scripts[script].lines[i], NULL);
}

/* Each script tells it once; nothing is counted twice or passed over. */
static void check_account(Story *s) {
        const AgentAccount *a = &story_task(s)->agent;

        TAP_CHECK_STRING(a->session_id, "one");
        TAP_CHECK_INT(a->turns, 1);
        TAP_CHECK_INT(a->tool_calls, 1);
        TAP_CHECK_INT(a->tokens.input, 2);
        TAP_CHECK_INT(a->files_edited, 1);
}

/* The service dies behind that line, and what it had read is gone from the journal. */
static void check_death(size_t script, size_t line) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 1) || !story_run_agent(&s))
                return;
        log_script(&s, script, 0, line);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == line));
        story_stop_service(&s);
        if (line > 0)
                story_rotate_journal(&s);
        log_script(&s, script, line, ELEMENTSOF(scripts[script].lines));
        if (line > 0)
                story_vacuum_journal(&s);
        fake_unit_remove(story_unit(&s));
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), scripts[script].verdict);
        TAP_CHECK_INT(story_task(&s)->log_lines, ELEMENTSOF(scripts[script].lines));
        check_account(&s);
        if (scripts[script].part)
                TAP_CHECK_CONTAINS(story_task(&s)->error, scripts[script].part);
        else
                TAP_CHECK_STRING(story_task(&s)->error, NULL);
}

static void test_agents_outcome_across_a_death_behind_each_line(void) {
        for (size_t script = 0; script < ELEMENTSOF(scripts); script++)
                for (size_t line = 0; line <= ELEMENTSOF(scripts[script].lines); line++)
                        check_death(script, line);
}

/* It did not note what agents said: that is looked for in the log again. */
static void test_agents_outcome_after_an_earlier_service(void) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 1) || !story_run_agent(&s))
                return;
        log_script(&s, 0, 0, 6);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 6));
        story_stop_service(&s);
        counting_edit(&s, "\"outcome\":\"succeeded\",", "");
        fake_unit_remove(story_unit(&s));
        if (!story_start_service(&s))
                return;
        TAP_CHECK_STRING(story_verdict(&s), "completed exit-code");
        TAP_CHECK_INT(story_task(&s)->log_lines, 6);
        check_account(&s);
}

/* What it said in an earlier attempt does not count, whether that was read again or not. */
static void test_agents_outcome_is_of_one_attempt(void) {
        for (int dies = 0; dies <= 1; dies++) {
                _cleanup_(story_done) Story s = {};
                FakeUnit *u;

                if (!counting_begin(&s, 1) || !(u = story_run_agent(&s)))
                        return;
                log_script(&s, 1, 0, 6);
                fake_unit_end(u, "success", CLD_EXITED, 0);
                TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
                if (!TAP_CHECK_INT(story_resume(&s), 0) || !TAP_CHECK(STORY_UNTIL(&s, story_unit(&s))))
                        return;
                TAP_CHECK_INT(story_task(&s)->agent.outcome, AGENT_NONE);
                TAP_CHECK_STRING(story_task(&s)->agent.error, NULL);
                fake_unit_start(story_unit(&s));
                TAP_CHECK(STORY_UNTIL(&s, story_is_in(&s, TASK_RUNNING)));
                story_settle(&s);
                story_record(&s, NULL, "success", "exited", "0");
                if (dies)
                        story_stop_service(&s);
                story_log(&s, "nothing", NULL);
                fake_unit_remove(story_unit(&s));
                if (dies && !story_start_service(&s))
                        return;
                if (!dies)
                        fake_emit_reloading(&s.systemd, false);
                TAP_CHECK_STRING(story_verdict(&s), "failed agent-error");
                TAP_CHECK_CONTAINS(story_task(&s)->error, "without giving a result");
                TAP_CHECK_INT(story_task(&s)->log_lines, 7);
        }
}

static const TapTest tests[] = {
        { "counts are saved every so many lines", test_saved_every_so_many_lines },
        { "saves are paced", test_saves_are_paced },
        { "saves are fair", test_saves_are_fair },
        { "a change of state does not wait", test_a_change_of_state_does_not_wait },
        { "a full disk is not tried with every line", test_a_full_disk_is_not_tried_with_every_line },
        { "an orderly end saves all", test_an_orderly_end_saves_all },
        { "an orderly end has an end", test_an_orderly_end_has_an_end },
        { "counts across deaths", test_counts_across_deaths },
        { "vacuumed", test_vacuumed },
        { "vacuumed before it is counted", test_vacuumed_before_it_is_counted },
        { "a log that cannot be opened yet", test_a_log_that_cannot_be_opened_yet },
        { "a cursor that is none", test_a_cursor_that_is_none },
        { "an agent's outcome, across a death behind each line", test_agents_outcome_across_a_death_behind_each_line },
        { "an agent's outcome, after an earlier service", test_agents_outcome_after_an_earlier_service },
        { "an agent's outcome is of one attempt", test_agents_outcome_is_of_one_attempt },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

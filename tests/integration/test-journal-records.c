/* What the manager's records in the journal tell of a unit's end, and whom nobody should believe. */
#include "../lib/journal-fixture.h"

#include <remote-developer/journal-records.h>
#include <remote-developer/strings.h>

#include <systemd/sd-messages.h>

#define INVOCATION "0123456789abcdef0123456789abcdef"
#define OTHER_INVOCATION "fedcba9876543210fedcba9876543210"

/* A record of the system's manager about the task's unit. */
#define RECORD(id, ...) { .unit = "", .fields = "MESSAGE_ID=" id "\nUNIT=" FIXTURE_UNIT "\nINVOCATION_ID=" INVOCATION \
                                               "\n_UID=0\n" __VA_ARGS__ }

#define MAIN_EXITED(code, status)                                                                            \
        RECORD(SD_MESSAGE_UNIT_PROCESS_EXIT_STR, "COMMAND=ExecStart\nEXIT_CODE=" code "\nEXIT_STATUS=" status "\n")
#define FAILED(result) RECORD(SD_MESSAGE_UNIT_FAILURE_RESULT_STR, "UNIT_RESULT=" result "\n")
#define SUCCEEDED RECORD(SD_MESSAGE_UNIT_SUCCESS_STR)
#define STOPPING RECORD(SD_MESSAGE_UNIT_STOPPING_STR)
#define NOT_SPAWNED(error, path) RECORD(SD_MESSAGE_SPAWN_FAILED_STR, "ERRNO=" error "\nEXECUTABLE=" path "\n")

#define FIXTURE                                                                                              \
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;                             \
        _cleanup_(evidence_done) Evidence e = EVIDENCE_NULL;                                                 \
        if (!journal_fixture_init(&f))                                                                       \
                return

static void read_records(const JournalFixture *f, Evidence *e) {
        evidence_done(e);
        TAP_CHECK_INT(journal_records_read(&f->source, FIXTURE_UNIT, INVOCATION, NULL, e), 0);
}

static void check_ending(const Evidence *e, const char *result, const char *code, const char *status) {
        TAP_CHECK_INT(e->has_journal, *result != 0);
        TAP_CHECK_STRING(e->journal.service_result, result);
        TAP_CHECK_STRING(e->journal.exit_code, code);
        TAP_CHECK_STRING(e->journal.exit_status, status);
}

static void test_nothing(void) {
        FIXTURE;

        read_records(&f, &e);
        check_ending(&e, "", "", "");
        JOURNAL_APPEND(&f, "a", { "a line of the task's" }, RECORD("00000000000000000000000000000001"),
                       { "the service's own", .unit = "",
                         .fields = "_UID=0\nOBJECT_SYSTEMD_UNIT=" FIXTURE_UNIT "\nINVOCATION_ID=" INVOCATION
                                   "\nMESSAGE_ID=" SD_MESSAGE_UNIT_STOPPING_STR "\n" });
        read_records(&f, &e);
        TAP_CHECK(!e.manager_acted);
        JOURNAL_APPEND(&f, "a", RECORD(SD_MESSAGE_UNIT_STARTING_STR));
        read_records(&f, &e);
        check_ending(&e, "", "", "");
        TAP_CHECK(!e.stop_seen && e.spawn.error == 0 && e.started_at == 0);
        TAP_CHECK(e.manager_acted);
}

static void test_endings(void) {
        static const struct {
                FixtureEntry entries[2];
                const char *result, *code, *status;
        } rows[] = {
                { { MAIN_EXITED("exited", "3"), FAILED("exit-code") }, "exit-code", "exited", "3" },
                { { MAIN_EXITED("killed", "9"), FAILED("signal") }, "signal", "killed", "KILL" },
                { { MAIN_EXITED("killed", "15"), SUCCEEDED }, "success", "killed", "TERM" },
                { { MAIN_EXITED("killed", "46"), FAILED("signal") }, "signal", "killed", "RTMIN+12" },
                { { MAIN_EXITED("dumped", "11"), FAILED("core-dump") }, "core-dump", "dumped", "SEGV" },
                { { FAILED("timeout"), { NULL } }, "timeout", "", "" },
                { { SUCCEEDED, { NULL } }, "success", "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                FIXTURE;

                journal_fixture_append(&f, "a", rows[i].entries, 2);
                read_records(&f, &e);
                check_ending(&e, rows[i].result, rows[i].code, rows[i].status);
                TAP_CHECK(e.journal.ended_at > 1700000000 * USEC_PER_SEC && e.journal.ended_at <= f.realtime_usec);
        }
}

/* The same message id tells of steps and of what runs after the end. */
static void test_control_processes_are_not_the_main_one(void) {
        FIXTURE;

        JOURNAL_APPEND(&f, "a", MAIN_EXITED("killed", "9"),
                        RECORD(SD_MESSAGE_UNIT_PROCESS_EXIT_STR,
                                        "COMMAND=ExecStopPost\nEXIT_CODE=exited\nEXIT_STATUS=1\n"),
                        RECORD(SD_MESSAGE_UNIT_PROCESS_EXIT_STR, "EXIT_CODE=exited\nEXIT_STATUS=2\n"),
                        FAILED("signal"));
        read_records(&f, &e);
        check_ending(&e, "signal", "killed", "KILL");
}

static void test_stop_and_start(void) {
        FIXTURE;

        JOURNAL_APPEND(&f, "a", RECORD(SD_MESSAGE_UNIT_STARTED_STR, "JOB_RESULT=done\n"));
        read_records(&f, &e);
        TAP_CHECK_INT(e.started_at, f.realtime_usec);
        TAP_CHECK(!e.stop_seen);
        JOURNAL_APPEND(&f, "a", STOPPING);
        read_records(&f, &e);
        TAP_CHECK(e.stop_seen && !e.has_journal);
}

static void test_a_failed_start(void) {
        FIXTURE;

        JOURNAL_APPEND(&f, "a", RECORD(SD_MESSAGE_UNIT_STARTED_STR, "JOB_RESULT=failed\n"),
                       NOT_SPAWNED("2", "/no/such"), NOT_SPAWNED("13", "/recorder"));
        read_records(&f, &e);
        TAP_CHECK_INT(e.spawn.error, ENOENT);
        TAP_CHECK_STRING(e.spawn.executable, "/no/such");
        TAP_CHECK_INT(e.started_at, 0);
}

static void test_other_invocations_and_units(void) {
        FIXTURE;

        JOURNAL_APPEND(&f, "a",
                       { .unit = "", .fields = "MESSAGE_ID=" SD_MESSAGE_UNIT_STOPPING_STR "\nUNIT=" FIXTURE_UNIT
                                               "\nINVOCATION_ID=" OTHER_INVOCATION "\n_UID=0\n" },
                       { .unit = "", .fields = "MESSAGE_ID=" SD_MESSAGE_UNIT_STOPPING_STR "\nUNIT=" FIXTURE_OTHER_UNIT
                                               "\nINVOCATION_ID=" INVOCATION "\n_UID=0\n" },
                       { .unit = "", .fields = "MESSAGE_ID=" SD_MESSAGE_UNIT_STOPPING_STR "\nUSER_UNIT=" FIXTURE_UNIT
                                               "\nUSER_INVOCATION_ID=" INVOCATION "\n_UID=0\n" });
        read_records(&f, &e);
        TAP_CHECK(!e.stop_seen);
        TAP_CHECK_INT(journal_records_read(&f.source, FIXTURE_UNIT, NULL, NULL, &e), 0);
        TAP_CHECK(e.stop_seen);
        f.source.scope = RUNTIME_SCOPE_USER;
        read_records(&f, &e);
        TAP_CHECK(e.stop_seen);
}

/* A task of another user may write whatever it likes into the journal. */
static void test_nobody_but_the_manager_is_believed(void) {
        FIXTURE;

        JOURNAL_APPEND(&f, "a",
                       { "x", .fields = "MESSAGE_ID=" SD_MESSAGE_UNIT_SUCCESS_STR "\nUNIT=" FIXTURE_UNIT
                                        "\nINVOCATION_ID=" INVOCATION "\n_UID=1000\n" },
                       { "x", .fields = "MESSAGE_ID=" SD_MESSAGE_UNIT_STOPPING_STR "\nUNIT=" FIXTURE_UNIT
                                        "\nINVOCATION_ID=" INVOCATION "\n" });
        read_records(&f, &e);
        check_ending(&e, "", "", "");
        TAP_CHECK(!e.stop_seen);
}

static const TapTest tests[] = {
        { "nothing", test_nothing },
        { "endings", test_endings },
        { "control processes are not the main one", test_control_processes_are_not_the_main_one },
        { "stop and start", test_stop_and_start },
        { "a failed start", test_a_failed_start },
        { "other invocations and units", test_other_invocations_and_units },
        { "nobody but the manager is believed", test_nobody_but_the_manager_is_believed },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Ending: written and read back, torn and foreign files, systemd's variables. */
#include "../lib/tap.h"

#include <remote-developer/ending.h>
#include <remote-developer/strings.h>

#include <signal.h>

#define INVOCATION "0123456789abcdef0123456789abcdef"
#define BOOT "fedcba9876543210fedcba9876543210"

static const Ending whole = {
        .service_result = "exit-code",
        .exit_code = "exited",
        .exit_status = "3",
        .invocation_id = INVOCATION,
        .boot_id = BOOT,
        .manager_state = "stopping",
        .ended_at = 1700000000123456,
        .ended_at_boottime = 98765432,
};

static const char whole_text[] = "SERVICE_RESULT=exit-code\nEXIT_CODE=exited\nEXIT_STATUS=3\nINVOCATION_ID=" INVOCATION
                                 "\nBOOT_ID=" BOOT "\nMANAGER_STATE=stopping\nENDED_AT_USEC=1700000000123456\n"
                                 "ENDED_AT_BOOTTIME_USEC=98765432\n";

static void check_equal(const Ending *is, const Ending *should) {
        TAP_CHECK_STRING(is->service_result, should->service_result);
        TAP_CHECK_STRING(is->exit_code, should->exit_code);
        TAP_CHECK_STRING(is->exit_status, should->exit_status);
        TAP_CHECK_STRING(is->invocation_id, should->invocation_id);
        TAP_CHECK_STRING(is->boot_id, should->boot_id);
        TAP_CHECK_STRING(is->manager_state, should->manager_state);
        TAP_CHECK_INT(is->ended_at, should->ended_at);
        TAP_CHECK_INT(is->ended_at_boottime, should->ended_at_boottime);
}

static void test_round_trip(void) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL, smallest_text = BUFFER_NULL;
        const Ending smallest = { .service_result = "success", .invocation_id = INVOCATION };
        Ending back;

        TAP_CHECK_INT(ending_to_text(&whole, &text), 0);
        TAP_CHECK_STRING(text.data, whole_text);
        TAP_CHECK_INT(ending_from_text(text.data, &back), 0);
        check_equal(&back, &whole);
        TAP_CHECK_INT(ending_to_text(&smallest, &smallest_text), 0);
        TAP_CHECK_INT(ending_from_text(smallest_text.data, &back), 0);
        check_equal(&back, &smallest);
}

/* Whatever a torn file is taken for, it says nothing that the whole one does not say. */
static void test_every_cut(void) {
        char text[sizeof(whole_text)];
        size_t required = (size_t) (strstr(whole_text, "\nBOOT_ID") - whole_text) + 1;

        for (size_t n = 0; n < sizeof(whole_text) - 1; n++) {
                Ending e = { .exit_status = "kept" };
                int r;

                snprintf(text, sizeof(text), "%.*s", (int) n, whole_text);
                r = ending_from_text(text, &e);
                TAP_CHECK_INT(r, n < required ? -EBADMSG : 0);
                if (r < 0) {
                        TAP_CHECK_STRING(e.exit_status, "kept");
                        continue;
                }
                TAP_CHECK_STRING(e.service_result, whole.service_result);
                TAP_CHECK_STRING(e.invocation_id, whole.invocation_id);
                TAP_CHECK(!*e.boot_id || string_equal(e.boot_id, whole.boot_id));
                TAP_CHECK(!*e.manager_state || string_equal(e.manager_state, whole.manager_state));
                TAP_CHECK(e.ended_at == 0 || e.ended_at == whole.ended_at);
        }
}

static const char *const foreign[] = {
        "",
        "\n\n\n",
        "no lines of ours",
        "{\"task_id\":\"task-1700000000-abcdef\"}\n",
        "=\n=\n",
        "SERVICE_RESULT\n",
        "SERVICE_RESULT=success\n",
        "INVOCATION_ID=" INVOCATION "\n",
        "SERVICE_RESULT=\nINVOCATION_ID=" INVOCATION "\n",
        "SERVICE_RESULT=success\nINVOCATION_ID=\n",
        " SERVICE_RESULT=success\nINVOCATION_ID=" INVOCATION "\n",
        "SERVICE_RESULTS=success\nINVOCATION_ID=" INVOCATION "\n",
        "SERVICE_RESUL=success\nINVOCATION_ID=" INVOCATION "\n",
        "service_result=success\ninvocation_id=" INVOCATION "\n",
};

static void test_foreign_files(void) {
        for (size_t i = 0; i < ELEMENTSOF(foreign); i++) {
                Ending e = whole;

                if (ending_from_text(foreign[i], &e) != -EBADMSG)
                        tap_fail(__FILE__, __LINE__, "\"%s\" is taken for an ending", foreign[i]);
                check_equal(&e, &whole);
        }
}

static void test_unknown_lines_and_any_order(void) {
        Ending e;

        TAP_CHECK_INT(ending_from_text("FUTURE=1\nENDED_AT_USEC=5\nINVOCATION_ID=" INVOCATION
                                       "\n\nEXIT_STATUS=a=b\nSERVICE_RESULT=success\n", &e), 0);
        TAP_CHECK_STRING(e.service_result, "success");
        TAP_CHECK_STRING(e.exit_status, "a=b");
        TAP_CHECK_INT(e.ended_at, 5);
}

static void test_long_values_are_cut(void) {
        char text[512], word[ENDING_WORD_SIZE];
        Ending e;

        snprintf(text, sizeof(text), "SERVICE_RESULT=%0100d\nINVOCATION_ID=%0100d\n", 0, 0);
        TAP_CHECK_INT(ending_from_text(text, &e), 0);
        TAP_CHECK_INT(strlen(e.service_result), ENDING_WORD_SIZE - 1);
        TAP_CHECK_INT(strlen(e.invocation_id), ID128_TEXT_SIZE - 1);
        ending_set_word(word, text);
        TAP_CHECK_INT(strlen(word), ENDING_WORD_SIZE - 1);
        ending_set_word(word, NULL);
        TAP_CHECK_STRING(word, "");
}

static void set_variables(const char *service_result, const char *invocation_id) {
        clearenv();
        if (service_result)
                setenv("SERVICE_RESULT", service_result, 1);
        if (invocation_id)
                setenv("INVOCATION_ID", invocation_id, 1);
}

static void test_environment(void) {
        char boot_id[ID128_TEXT_SIZE];
        usec_t before = clock_realtime_usec();
        Ending e;

        set_variables("exit-code", INVOCATION);
        setenv("EXIT_CODE", "killed", 1);
        setenv("EXIT_STATUS", "TERM", 1);
        TAP_CHECK_INT(ending_from_environment(&e), 0);
        TAP_CHECK_STRING(e.service_result, "exit-code");
        TAP_CHECK_STRING(e.exit_code, "killed");
        TAP_CHECK_STRING(e.exit_status, "TERM");
        TAP_CHECK_STRING(e.invocation_id, INVOCATION);
        TAP_CHECK(e.ended_at >= before && e.ended_at <= clock_realtime_usec());
        TAP_CHECK_INT(clock_boot_id(boot_id), 0);
        TAP_CHECK_STRING(e.boot_id, boot_id);
        TAP_CHECK_STRING(e.manager_state, "");
}

/* A task's own variables of these names must not make a shutdown of it. */
static void test_environment_of_the_task(void) {
        char boot_id[ID128_TEXT_SIZE];
        Ending e;

        set_variables("success", INVOCATION);
        setenv("MANAGER_STATE", "stopping", 1);
        setenv("BOOT_ID", BOOT, 1);
        setenv("ENDED_AT_USEC", "5", 1);
        setenv("ENDED_AT_BOOTTIME_USEC", "5", 1);
        TAP_CHECK_INT(ending_from_environment(&e), 0);
        TAP_CHECK_STRING(e.manager_state, "");
        TAP_CHECK_INT(clock_boot_id(boot_id), 0);
        TAP_CHECK_STRING(e.boot_id, boot_id);
        TAP_CHECK(e.ended_at > 5);
        TAP_CHECK(e.ended_at_boottime > 5 && e.ended_at_boottime <= clock_boottime_usec());
}

static void test_environment_without_systemd(void) {
        Ending e = whole;

        set_variables(NULL, NULL);
        TAP_CHECK_INT(ending_from_environment(&e), -EBADMSG);
        set_variables("success", NULL);
        TAP_CHECK_INT(ending_from_environment(&e), -EBADMSG);
        set_variables(NULL, INVOCATION);
        TAP_CHECK_INT(ending_from_environment(&e), -EBADMSG);
        check_equal(&e, &whole);
}

static void test_names_of_signals(void) {
        char word[ENDING_WORD_SIZE];

        ending_set_signal(word, SIGTERM);
        TAP_CHECK_STRING(word, "TERM");
        ending_set_signal(word, SIGKILL);
        TAP_CHECK_STRING(word, "KILL");
        ending_set_signal(word, SIGRTMIN);
        TAP_CHECK_STRING(word, "RTMIN+0");
        ending_set_signal(word, SIGRTMIN + 3);
        TAP_CHECK_STRING(word, "RTMIN+3");
        ending_set_signal(word, SIGRTMAX);
        TAP_CHECK_STRING(word, "RTMIN+30");
        ending_set_signal(word, SIGRTMAX + 1);
        TAP_CHECK_STRING(word, "65");
        ending_set_signal(word, 0);
        TAP_CHECK_STRING(word, "0");
}

static const TapTest tests[] = {
        { "what is written is read", test_round_trip },
        { "every cut is refused or says nothing wrong", test_every_cut },
        { "foreign files are refused", test_foreign_files },
        { "unknown lines and any order", test_unknown_lines_and_any_order },
        { "long values are cut", test_long_values_are_cut },
        { "systemd's variables", test_environment },
        { "a task's own variables are not systemd's", test_environment_of_the_task },
        { "without systemd there is no ending", test_environment_without_systemd },
        { "names of signals", test_names_of_signals },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

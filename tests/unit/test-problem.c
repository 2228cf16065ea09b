/* Problem, and Log beside it: what people are told. */
#include "../lib/tap.h"

#include <remote-developer/log.h>
#include <remote-developer/problem.h>
#include <remote-developer/strings.h>

#include <sys/mman.h>

static void test_first_cause_stays(void) {
        _cleanup_(problem_done) Problem p = PROBLEM_NULL;

        TAP_CHECK_INT(problem_set(&p, -EINVAL, "timeout", "%s is %d", "timeout", 0), -EINVAL);
        TAP_CHECK_INT(problem_set(&p, -EIO, "other", "later"), -EIO);
        TAP_CHECK_INT(p.error, -EINVAL);
        TAP_CHECK_STRING(p.field, "timeout");
        TAP_CHECK_STRING(problem_sentence(&p), "timeout is 0");
}

static void test_nobody_asks(void) {
        TAP_CHECK_INT(problem_set(NULL, -EIO, "field", "%s", "sentence"), -EIO);
}

static void test_without_field(void) {
        _cleanup_(problem_done) Problem p = PROBLEM_NULL;

        TAP_CHECK_INT(problem_set(&p, -EIO, NULL, "sentence"), -EIO);
        TAP_CHECK_STRING(p.field, NULL);
}

static void test_field_is_copied(void) {
        _cleanup_(problem_done) Problem p = PROBLEM_NULL;
        char field[] = "before";

        problem_set(&p, -EIO, field, "sentence");
        memcpy(field, "behind", sizeof(field));
        TAP_CHECK_STRING(p.field, "before");
}

static void test_field_is_cut(void) {
        _cleanup_(problem_done) Problem p = PROBLEM_NULL;
        char field[2 * PROBLEM_VALUE_MAX] = "";

        memset(field, 'x', sizeof(field) - 1);
        problem_set(&p, -EIO, field, "sentence");
        TAP_CHECK_INT(strlen(p.field), PROBLEM_VALUE_MAX);
}

static void test_without_sentence(void) {
        Problem p = { .error = -ENOSPC };

        TAP_CHECK_STRING(problem_sentence(&p), strerror(ENOSPC));
}

static void test_empty_sentence(void) {
        _cleanup_(problem_done) Problem p = PROBLEM_NULL;

        problem_set(&p, -EIO, NULL, "%s", "");
        TAP_CHECK_STRING(problem_sentence(&p), "");
}

static void test_done_makes_null(void) {
        Problem p = PROBLEM_NULL;

        problem_set(&p, -EIO, "field", "sentence");
        problem_done(&p);
        TAP_CHECK(p.error == 0 && !p.field && !p.sentence);
        problem_done(&p);
        TAP_CHECK_INT(problem_set(&p, -EPERM, NULL, "another"), -EPERM);
        TAP_CHECK_STRING(p.sentence, "another");
        problem_done(&p);
}

/* --- log --- */

static struct {
        unsigned calls;
        int priority;
        char task_id[64], actor[64], text[4096];
} logged;

static void sink(int priority, const LogAbout *about, const char *text) {
        logged.calls++;
        logged.priority = priority;
        snprintf(logged.task_id, sizeof(logged.task_id), "%s", about->task_id ?: "none");
        snprintf(logged.actor, sizeof(logged.actor), "%s", about->actor ?: "none");
        snprintf(logged.text, sizeof(logged.text), "%s", text);
}

static void test_log_lines_reach_the_sink(void) {
        log_set_sink(sink);
        log_warning("%s %d", "a", 1);
        TAP_CHECK_INT(logged.priority, LOG_WARNING);
        TAP_CHECK_STRING(logged.text, "a 1");
        TAP_CHECK_STRING(logged.task_id, "none");
        log_task(LOG_ERR, "task-1", "100%%");
        TAP_CHECK_INT(logged.priority, LOG_ERR);
        TAP_CHECK_STRING(logged.text, "100%");
        TAP_CHECK_STRING(logged.task_id, "task-1");
        TAP_CHECK_STRING(logged.actor, "none");
        log_action("task-1", "user:7", "done");
        TAP_CHECK_INT(logged.priority, LOG_INFO);
        TAP_CHECK_STRING(logged.actor, "user:7");
        TAP_CHECK_INT(logged.calls, 3);
        log_set_sink(NULL);
}

/* Where standard error leads to the journal or to a terminal alike, systemd's prefix tells the priority. */
static void test_log_lines_go_to_standard_error(void) {
        int file = memfd_create("stderr", MFD_CLOEXEC), before = dup(STDERR_FILENO);
        char text[100] = "";

        if (!TAP_CHECK(file >= 0 && before >= 0) || !TAP_CHECK(dup2(file, STDERR_FILENO) == STDERR_FILENO))
                return;
        log_set_sink(NULL);
        log_warning("about %s", "all");
        log_task(LOG_ERR, "task-1", "about one");
        log_action("task-1", "user:7", "done");
        fflush(stderr);
        (void) dup2(before, STDERR_FILENO);
        TAP_CHECK(pread(file, text, sizeof(text) - 1, 0) > 0);
        TAP_CHECK_STRING(text, "<4>about all\n<3>task-1: about one\n<6>task-1: done (user:7)\n");
        close(before);
        close(file);
}

static void test_log_passes_over_less_urgent_lines(void) {
        log_set_sink(sink);
        logged.calls = 0;
        log_debug("not by default");
        TAP_CHECK_INT(logged.calls, 0);
        log_set_max_priority(LOG_DEBUG);
        log_debug("now");
        TAP_CHECK_INT(logged.calls, 1);
        log_set_max_priority(LOG_ERR);
        log_warning("not any more");
        log_error("this");
        TAP_CHECK_INT(logged.calls, 2);
        log_set_max_priority(LOG_INFO);
        log_set_sink(NULL);
}

static void test_log_cuts_long_lines(void) {
        char text[5000];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        log_set_sink(sink);
        log_info("%s", text);
        TAP_CHECK_INT(strlen(logged.text), 2047);
        log_set_sink(NULL);
}

static const TapTest tests[] = {
        { "the first cause stays", test_first_cause_stays },
        { "where nobody asks only the errno remains", test_nobody_asks },
        { "a problem about the whole", test_without_field },
        { "the field is copied", test_field_is_copied },
        { "the field is cut", test_field_is_cut },
        { "without memory for the sentence there is strerror", test_without_sentence },
        { "an empty sentence is one", test_empty_sentence },
        { "done makes it null again", test_done_makes_null },
        { "log lines reach the sink", test_log_lines_reach_the_sink },
        { "log lines go to standard error", test_log_lines_go_to_standard_error },
        { "less urgent log lines are passed over", test_log_passes_over_less_urgent_lines },
        { "long log lines are cut", test_log_cuts_long_lines },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

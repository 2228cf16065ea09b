/* Real programs that end, fail, are killed, talk too much, run too long or leave children behind. */
#include "../lib/tap.h"

#include <remote-developer/program-run.h>
#include <remote-developer/strings.h>

#include <signal.h>
#include <systemd/sd-event.h>

typedef struct Ran {
        sd_event *event;
        ProgramRun *run;
        unsigned ends;
        int error, status;
        char *output;
} Ran;

static void on_end(void *userdata, const ProgramResult *result) {
        Ran *ran = userdata;

        ran->ends++;
        ran->error = result->error;
        ran->status = result->status;
        ran->output = strdup(result->output);
        ran->run = program_run_free(ran->run);
        (void) sd_event_exit(ran->event, 0);
}

static void ran_done(Ran *ran) {
        program_run_free(ran->run);
        free(ran->output);
        sd_event_unref(ran->event);
}

/* Up to its end; or what starting it came to. */
static int run(Ran *ran, usec_t limit, const char *script) {
        const char *const argv[] = { "sh", "-c", script, NULL };
        int r;

        if (!TAP_CHECK_INT(sd_event_new(&ran->event), 0))
                return -ENOMEM;
        r = program_run_new(ran->event, argv, limit, on_end, ran, &ran->run);
        if (r >= 0)
                TAP_CHECK_INT(sd_event_loop(ran->event), 0);
        return r;
}

static void test_how_it_ends(void) {
        static const struct {
                const char *script, *output;
                int status;
        } rows[] = {
                { "echo out; echo err >&2", "out\nerr\n", 0 },
                { "exit 3", "", 3 },
                { "kill -9 $$", "", 128 + SIGKILL },
                { "cat", "", 0 },
                { "kill -TERM $$; echo not reached", "", 128 + SIGTERM },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(ran_done) Ran ran = {};

                if (!TAP_CHECK_INT(run(&ran, 20 * USEC_PER_SEC, rows[i].script), 0))
                        return;
                TAP_CHECK_INT(ran.ends, 1);
                TAP_CHECK_INT(ran.error, 0);
                TAP_CHECK_INT(ran.status, rows[i].status);
                TAP_CHECK_STRING(ran.output, rows[i].output);
        }
}

static void test_too_much_output(void) {
        _cleanup_(ran_done) Ran ran = {};

        if (!TAP_CHECK_INT(run(&ran, 20 * USEC_PER_SEC, "head -c 1000000 /dev/zero | tr '\\0' x"), 0))
                return;
        TAP_CHECK_INT(ran.status, 0);
        TAP_CHECK_INT(strlen(ran.output ?: ""), PROGRAM_OUTPUT_MAX);
}

/* The child of the program, which has said who it is. */
static bool is_gone(const char *pid) {
        _cleanup_free_ char *path = string_format("/proc/%.*s/stat", (int) strcspn(pid, "\n"), pid);
        char state[256] = "";
        FILE *f = path ? fopen(path, "re") : NULL;

        if (!f)
                return true;
        (void) !fgets(state, sizeof(state), f);
        fclose(f);
        return strstr(state, ") Z ");
}

static void test_too_long(void) {
        _cleanup_(ran_done) Ran ran = {};

        if (!TAP_CHECK_INT(run(&ran, 200 * USEC_PER_MSEC, "sh -c 'echo $$; exec sleep 1000' & wait"), 0))
                return;
        TAP_CHECK_INT(ran.error, -ETIMEDOUT);
        for (unsigned i = 0; i < 1000 && !is_gone(ran.output); i++)
                usleep(1000);
        TAP_CHECK(is_gone(ran.output));
}

/* It has ended, though its output is still open elsewhere. */
static void test_what_it_leaves(void) {
        _cleanup_(ran_done) Ran ran = {};

        if (!TAP_CHECK_INT(run(&ran, 20 * USEC_PER_SEC, "sleep 1000 & echo $!"), 0))
                return;
        TAP_CHECK_INT(ran.error, 0);
        TAP_CHECK_INT(ran.status, 0);
        for (unsigned i = 0; i < 1000 && !is_gone(ran.output); i++)
                usleep(1000);
        TAP_CHECK(is_gone(ran.output));
}

static void test_no_program(void) {
        static const char *const argv[] = { "no-program-of-this-name", NULL };
        _cleanup_(ran_done) Ran ran = {};

        TAP_CHECK_INT(sd_event_new(&ran.event), 0);
        TAP_CHECK_INT(program_run_new(ran.event, argv, USEC_PER_SEC, on_end, &ran, &ran.run), -ENOENT);
        TAP_CHECK(!ran.run);
}

static void test_freed_while_it_runs(void) {
        static const char *const argv[] = { "sleep", "1000", NULL };
        _cleanup_(ran_done) Ran ran = {};

        TAP_CHECK_INT(sd_event_new(&ran.event), 0);
        if (!TAP_CHECK_INT(program_run_new(ran.event, argv, USEC_PER_SEC, on_end, &ran, &ran.run), 0))
                return;
        ran.run = program_run_free(ran.run);
        TAP_CHECK_INT(sd_event_run(ran.event, 0), 0);
        TAP_CHECK_INT(ran.ends, 0);
}

static const TapTest tests[] = {
        { "how it ends", test_how_it_ends },
        { "too much output", test_too_much_output },
        { "too long", test_too_long },
        { "what it leaves", test_what_it_leaves },
        { "no program", test_no_program },
        { "freed while it runs", test_freed_while_it_runs },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* Every disturbance at every moment of a task's life, for every way to end: the verdict is that of an undisturbed
 * life, the work is started once, and nothing is left behind. A real systemd shows most of these orders rarely. */
#include "story.h"

#include <remote-developer/strings.h>

#include <signal.h>

#define MAKE "{\"command\": [\"make\"]}"

typedef enum Moment {
        MOMENT_CALLED, /* systemd has made the unit and not answered */
        MOMENT_STARTING,
        MOMENT_ACTIVATING,
        MOMENT_RUNNING,
        MOMENT_STOPPING, /* the main process has ended, the recorder has written */
        MOMENT_ENDED,
        MOMENTS,
} Moment;

static const char *const moments[MOMENTS] = { "called", "starting", "activating", "running", "stopping", "ended" };

typedef struct Life {
        const char *name, *result;
        int exit_code, exit_status;
        bool recorded;
        const char *verdict;
} Life;

static const Life lives[] = {
        { "success", "success", CLD_EXITED, 0, true, "completed exit-code" },
        { "failure without a record", "signal", CLD_KILLED, SIGKILL, false, "failed signal" },
        { "the time limit", "timeout", CLD_KILLED, SIGTERM, true, "timed_out runtime-limit" },
};

/* --- systemd's side: it goes on whether or not somebody hears of it --- */

static void tell(FakeUnit *u) {
        if (u->systemd->server)
                fake_unit_emit(u);
}

static void tell_end_of_job(FakeUnit *u) {
        if (u->systemd->server)
                fake_emit_job_removed(u, "done");
        u->status.job_id = 0;
}

static void live_to_running(FakeUnit *u) {
        fake_unit_put_state(u, "active", "running");
        tell(u);
        tell_end_of_job(u);
        tell(u);
}

static void live_to_stopping(Story *s, FakeUnit *u, const Life *life) {
        static const char *const codes[] = { "", "exited", "killed" };
        char status[8];

        snprintf(status, sizeof(status), "%d", life->exit_status);
        if (life->recorded)
                story_record(s, NULL, life->result, codes[life->exit_code],
                             life->exit_code == CLD_EXITED ? status : "TERM");
        u->status.main_pid = 0;
        u->status.exec_main_code = life->exit_code;
        u->status.exec_main_status = life->exit_status;
        u->status.exec_main_exit_usec = clock_realtime_usec();
        snprintf(u->status.result, UNIT_WORD_SIZE, "%s", life->result);
        fake_unit_put_state(u, "deactivating", "stop-post");
        tell(u);
}

static void live_to_end(FakeUnit *u, const Life *life) {
        bool success = string_equal(life->result, "success");

        fake_unit_put_state(u, success ? "inactive" : "failed", success ? "dead" : "failed");
        tell(u);
        if (!success)
                return;
        if (u->systemd->server)
                fake_emit_unit_removed(u->systemd, u->name);
        fake_unit_remove(u);
}

/* From the moment before. */
static bool live(Story *s, const Life *life, Moment moment) {
        FakeUnit *u = story_unit(s);

        if (moment != MOMENT_CALLED && !TAP_CHECK(u))
                return false;
        switch (moment) {
        case MOMENT_CALLED:
                fake_delay_replies(&s->systemd, "StartTransientUnit");
                return TAP_CHECK_INT(story_create(s, MAKE), 0) && TAP_CHECK(STORY_UNTIL(s, story_unit(s)));
        case MOMENT_STARTING:
                if (s->systemd.server)
                        fake_release_replies(&s->systemd);
                return true;
        case MOMENT_ACTIVATING:
                u->status.main_pid = 4711;
                fake_unit_put_state(u, "activating", "start");
                tell(u);
                return true;
        case MOMENT_RUNNING:
                live_to_running(u);
                return true;
        case MOMENT_STOPPING:
                live_to_stopping(s, u, life);
                return true;
        default:
                live_to_end(u, life);
                return true;
        }
}

/* --- the disturbances: what happens at the moment, and what in the next one --- */

static void nothing(Story *s _unused_) {
}

static bool is_connected(Story *s) {
        ManagerHealth h;

        manager_health(s->manager, &h);
        return h.systemd_connected;
}

/* Up to where the service has given up its end. */
static void wait_for_loss(Story *s) {
        TAP_CHECK(STORY_UNTIL(s, !is_connected(s)));
        story_settle(s); /* the bus is closed in a later turn */
}

static void lose_connection(Story *s) {
        fake_drop_connection(&s->systemd);
        wait_for_loss(s);
}

static void lose_systemd(Story *s) {
        fake_emit_owner_changed(&s->systemd);
        wait_for_loss(s);
        fake_drop_connection(&s->systemd);
}

static void connect(Story *s) {
        TAP_CHECK(story_connect(s));
}

static void lose_and_connect(Story *s) {
        lose_connection(s);
        connect(s);
}

static void lose_systemd_and_connect(Story *s) {
        lose_systemd(s);
        connect(s);
}

static void stop_service(Story *s) {
        story_stop_service(s);
}

static void start_service(Story *s) {
        TAP_CHECK(story_start_service(s));
}

static void restart_service(Story *s) {
        stop_service(s);
        start_service(s);
}

/* As 252 does it: every unit is announced as removed. */
static void begin_reload(Story *s) {
        fake_emit_reloading(&s->systemd, true);
        if (story_unit(s))
                fake_emit_unit_removed(&s->systemd, story_unit(s)->name);
}

static void end_reload(Story *s) {
        fake_emit_reloading(&s->systemd, false);
}

static void reload(Story *s) {
        begin_reload(s);
        end_reload(s);
}

static void reload_twice(Story *s) {
        reload(s);
        reload(s);
}

/* Though it is still there. */
static void remove_in_words(Story *s) {
        if (story_unit(s))
                fake_emit_unit_removed(&s->systemd, story_unit(s)->name);
}

static void say_again(Story *s) {
        if (story_unit(s))
                fake_unit_emit(story_unit(s));
}

static void end_of_a_job(Story *s) {
        uint32_t job;

        if (!story_unit(s))
                return;
        job = story_unit(s)->status.job_id;
        fake_emit_job_removed(story_unit(s), "done");
        story_unit(s)->status.job_id = job;
}

static void hold_list(Story *s) {
        fake_release_replies(&s->systemd);
        fake_delay_replies(&s->systemd, "ListUnitsByPatterns");
        story_monitor(s);
}

static void release_list(Story *s) {
        fake_release_replies(&s->systemd);
}

/* systemd leaves the bus with the list under way. */
static void lose_list(Story *s) {
        hold_list(s);
        story_settle(s);
        lose_systemd_and_connect(s);
}

/* The connection goes at the next list, before or after it was made. */
static void lose_connection_at_list(Story *s) {
        fake_drop_at(&s->systemd, "ListUnitsByPatterns", false);
        story_monitor(s);
        wait_for_loss(s);
        connect(s);
}

static const struct {
        const char *name;
        void (*begin)(Story *s);
        void (*end)(Story *s); /* after the next step of the life; after the last, at once */
} disturbances[] = {
        { "nothing", nothing, nothing },
        { "the connection is lost and made again", lose_and_connect, nothing },
        { "the connection is lost for a while", lose_connection, connect },
        { "systemd leaves the bus and comes back", lose_systemd_and_connect, nothing },
        { "systemd leaves the bus for a while", lose_systemd, connect },
        { "the service is restarted", restart_service, nothing },
        { "the service is away for a while", stop_service, start_service },
        { "a reload", reload, nothing },
        { "two reloads", reload_twice, nothing },
        { "a reload that takes a while", begin_reload, end_reload },
        { "the end of a reload alone", end_reload, nothing },
        { "a removal of a unit that is there", remove_in_words, nothing },
        { "the same signals again", say_again, say_again },
        { "the end of some job", end_of_a_job, nothing },
        { "a list", story_monitor, nothing },
        { "a list that takes a while", hold_list, release_list },
        { "systemd leaves the bus in the middle of a list", lose_list, nothing },
        { "the connection is lost in the middle of a list", lose_connection_at_list, nothing },
};

/* --- all of them --- */

/* What was sent is heard; nobody waits for what the time brings, as story_settle() does: there are too many cases. */
static void hear(Story *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

typedef struct Case {
        size_t life, disturbance;
        Moment moment;
        bool at_once; /* the steps come without the service having had a turn in between */
} Case;

/* The disturbance may last for all the rest of the life. */
static bool tell_case(Story *s, const Case *c, bool to_the_end) {
        bool lasts = false;

        for (Moment m = 0; m < MOMENTS; m++) {
                if (!live(s, &lives[c->life], m))
                        return false;
                if (!c->at_once)
                        hear(s);
                if (lasts && !to_the_end) {
                        disturbances[c->disturbance].end(s);
                        lasts = false;
                }
                if (m == c->moment) {
                        disturbances[c->disturbance].begin(s);
                        lasts = true;
                }
                if (!c->at_once)
                        hear(s);
        }
        if (lasts)
                disturbances[c->disturbance].end(s);
        return true;
}

static void check_case(const Case *c, bool to_the_end) {
        unsigned failed = tap_state.failed;
        _cleanup_(story_done) Story s = {};

        if (!story_begin(&s))
                return;
        s.config.claude_timeout_usec = USEC_PER_SEC; /* so that "timeout" may be this */
        if (!tell_case(&s, c, to_the_end))
                return;
        TAP_CHECK_STRING(story_verdict(&s), lives[c->life].verdict);
        TAP_CHECK_STRING(story_task(&s)->signal,
                         lives[c->life].exit_code == CLD_EXITED ? NULL
                         : lives[c->life].recorded              ? "SIGTERM"
                                                                : "SIGKILL");
        story_settle(&s);
        TAP_CHECK_INT(fake_count_calls(&s.systemd, "StartTransientUnit"), 1);
        TAP_CHECK(!story_unit(&s));
        if (tap_state.failed > failed)
                printf("# that was: %s, at \"%s\": %s%s%s\n", lives[c->life].name, moments[c->moment],
                       disturbances[c->disturbance].name, to_the_end ? ", to the end" : "",
                       c->at_once ? ", all at once" : "");
}

static void check_disturbance(size_t disturbance, bool to_the_end, bool at_once) {
        for (size_t life = 0; life < ELEMENTSOF(lives); life++)
                for (Moment m = 0; m < MOMENTS; m++)
                        check_case(&(Case){ life, disturbance, m, at_once }, to_the_end);
}

static void test_disturbance_of_a_moment(void) {
        for (size_t i = 0; i < ELEMENTSOF(disturbances); i++)
                check_disturbance(i, false, false);
}

static void test_disturbance_to_the_end(void) {
        for (size_t i = 0; i < ELEMENTSOF(disturbances); i++)
                if (disturbances[i].end != nothing)
                        check_disturbance(i, true, false);
}

static void test_all_at_once(void) {
        for (size_t i = 0; i < ELEMENTSOF(disturbances); i++)
                check_disturbance(i, false, true);
}

static const TapTest tests[] = {
        { "each disturbance at each moment", test_disturbance_of_a_moment },
        { "each disturbance from a moment to the end", test_disturbance_to_the_end },
        { "each disturbance, and all else at once", test_all_at_once },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

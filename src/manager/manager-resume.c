/* A further attempt of a task that has ended: asked for through the API, or made by the service itself of one that was
 * interrupted (recovery.orphaned_task_action). It is the same task in the same directory, under the same unit's name,
 * so that its log goes on where the earlier attempt's ended. */
#include "manager-internal.h"

#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <sys/random.h>

#define PAUSE_MAX_USEC (3600 * USEC_PER_SEC)

/* The longest limit that is known of is a week's; a later end is not believed. */
#define LIMIT_MAX_USEC (8 * 86400 * USEC_PER_SEC)

/* So that not all tasks of one subscription come at the moment when its limit ends. */
#define LIMIT_JITTER_USEC (60 * USEC_PER_SEC)

/* The end of a limit is a time of day. Timers stand still while the machine sleeps and know nothing of a clock that is
 * set: how long it still is, is looked at again so often. */
#define LIMIT_LOOK_USEC (600 * USEC_PER_SEC)

/* --- the pause before an attempt --- */

/* Doubled with each automatic attempt. */
static usec_t pause_before(const Config *c, int automatic_attempts) {
        usec_t pause = c->resume_pause_usec;

        for (int i = 1; i < automatic_attempts && pause < PAUSE_MAX_USEC; i++)
                pause *= 2;
        return MAX_OF(MIN_OF(pause, PAUSE_MAX_USEC), c->resume_pause_usec);
}

/* Never longer than the whole pause, whatever was done to the clock meanwhile; of a limit a part of it. */
static usec_t pause_left(const TaskRun *run) {
        const Task *t = run->task;
        usec_t now = clock_realtime_usec(), whole = pause_before(run->manager->config, t->automatic_attempts);

        if (!clock_is_set(t->resume_at) || t->resume_at <= now)
                return 0;
        return MIN_OF(t->resume_at - now, t->waits_for_limit ? LIMIT_LOOK_USEC : whole);
}

/* Up to LIMIT_JITTER_USEC. */
static usec_t jitter(void) {
        uint32_t random;

        return getrandom(&random, sizeof(random), 0) < 0 ? 0 : random % LIMIT_JITTER_USEC;
}

/* When the attempt is to begin that follows the ended one. */
static usec_t next_begin(const Config *c, const Task *ended, const Task *next) {
        usec_t now = clock_realtime_usec(), resets_at = ended->agent.limit.resets_at;

        if (next->waits_for_limit && resets_at > now && resets_at - now <= LIMIT_MAX_USEC)
                return resets_at + jitter();
        return now + pause_before(c, next->automatic_attempts);
}

static int on_pause_over(sd_event_source *s _unused_, uint64_t usec _unused_, void *userdata) {
        TaskRun *run = userdata;
        int r;

        run->pause_source = sd_event_source_disable_unref(run->pause_source);
        if (!run->task->waits_for_limit)
                run->task->resume_at = 0;
        r = manager_start_unit(run);
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The attempt could not be started yet: %s", strerror(-r));
        return 0;
}

bool task_run_is_paused(const TaskRun *run) {
        return run->pause_source;
}

bool task_run_pause(TaskRun *run) {
        usec_t left = pause_left(run);
        int r;

        if (left == 0) {
                run->task->resume_at = 0;
                run->task->waits_for_limit = false;
                return false;
        }
        run->pause_source = sd_event_source_disable_unref(run->pause_source);
        r = sd_event_add_time_relative(run->manager->event, &run->pause_source, CLOCK_MONOTONIC, left, USEC_PER_SEC,
                                       on_pause_over, run);
        if (r >= 0)
                r = sd_event_source_set_description(run->pause_source, "resume-pause");
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The next attempt is made without a pause: %s", strerror(-r));
        return r >= 0;
}

/* --- by itself --- */

static bool is_limited(const Task *t) {
        return t->result == TASK_FAILED && agent_account_is_limited(&t->agent);
}

static bool is_to_be_resumed(const TaskRun *run) {
        const Task *t = run->task;

        if (t->spec.resume_after_limit && is_limited(t))
                return true;
        /* What is to go on begins anew rather than not at all. */
        if (task_lost_session(t))
                return true;
        return run->manager->config->orphaned_task_action == ORPHANED_TASK_RESUME && t->result == TASK_INTERRUPTED;
}

static bool limit_is_reached(const TaskRun *run) {
        return run->task->automatic_attempts >= (int) run->manager->config->max_automatic_attempts ||
               run->task->attempt >= ATTEMPTS_MAX;
}

bool task_run_may_resume(const TaskRun *run) {
        return is_to_be_resumed(run) && !limit_is_reached(run);
}

void task_run_tell_limit(TaskRun *run) {
        char *sentence;

        if (!is_to_be_resumed(run) || !run->task->error)
                return;
        sentence = string_format("%s; it was resumed %d times (recovery.max_automatic_attempts) and is left so",
                                 run->task->error, run->task->automatic_attempts);
        if (!sentence)
                return;
        free(run->task->error);
        run->task->error = sentence;
}

/* That of an earlier attempt goes on; where there is none, or the agent did not find it, a new one is begun. */
static int choose_session(Task *next) {
        const char *known = task_known_session(next);

        next->session_resumes = known;
        return known ? string_replace(&next->session_id, known) : manager_new_session(next);
}

static int queue_next(const Manager *m, const Task *ended, Task **ret) {
        _cleanup_(task_freep) Task *next = NULL;
        int r;

        r = task_copy(ended, &next);
        if (r >= 0)
                r = task_begin_attempt(next);
        if (r >= 0)
                r = choose_session(next);
        if (r < 0)
                return r;
        next->bound_to_service = m->config->use_daemon_threads;
        *ret = TAKE_PTR(next);
        return 0;
}

static void tell_next(const Task *ended, const Task *next) {
        char until[CLOCK_TEXT_SIZE];

        if (next->waits_for_limit)
                log_task(LOG_NOTICE, next->id, "Attempt %d reached a limit of its agent's; attempt %d follows at %s",
                         ended->attempt, next->attempt, clock_format(next->resume_at, until));
        else if (task_lost_session(ended))
                log_task(LOG_NOTICE, next->id,
                                "Attempt %d found no session to go on with; attempt %d begins a new one",
                                ended->attempt, next->attempt);
        else
                log_task(LOG_NOTICE, next->id, "Attempt %d was interrupted (%s); attempt %d follows", ended->attempt,
                         ended->reason, next->attempt);
}

/* The end of one attempt and the begin of the next get to the disk in one write: no crash can come between. */
int task_run_resume(TaskRun *run) {
        Manager *m = run->manager;
        _cleanup_(task_freep) Task *next = NULL;
        int r;

        r = queue_next(m, run->task, &next);
        if (r < 0)
                return r;
        next->automatic_attempts++;
        next->waits_for_limit = is_limited(run->task);
        next->resume_at = next_begin(m->config, run->task, next);
        r = task_store_save(m->store, next);
        (void) manager_note_write(m, r);
        if (r < 0)
                return r;
        task_store_drop_spilled_ending(m->store, next->id, run->task->attempt);
        tell_next(run->task, next);
        task_run_renew(run, TAKE_PTR(next));
        r = manager_start_unit(run);
        if (r < 0)
                log_task(LOG_WARNING, run->task->id, "The attempt could not be started yet: %s", strerror(-r));
        return 0;
}

/* --- by hand --- */

/* The secrets before the document, as for a new task. */
static int write_attempt(Manager *m, Task *next, const Secrets *secrets) {
        int r;

        r = task_store_write_credentials(m->store, next->id, secrets);
        if (r >= 0)
                r = task_store_save(m->store, next);
        if (r < 0)
                (void) task_store_remove_credentials(m->store, next->id);
        (void) manager_note_write(m, r);
        return r;
}

static int begin_attempt(Manager *m, TaskSummary *s, Task *next, const Secrets *secrets) {
        TaskRun *run = NULL;
        int r;

        r = task_run_new(m, next, false, &run);
        if (r < 0) {
                task_free(next);
                return r;
        }
        r = write_attempt(m, next, secrets);
        if (r < 0) {
                task_run_free(run);
                return r;
        }
        manager_unarchive(m, next->id);
        s->run = run;
        task_index_set_result(&m->index, next->id, TASK_RESULT_NONE);
        manager_active_changed(m);
        /* It is on disk: what goes wrong from here on is made good when units and files are compared. */
        r = manager_start_unit(run);
        if (r < 0)
                log_task(LOG_WARNING, next->id, "The attempt could not be started yet: %s", strerror(-r));
        return 0;
}

/* The service has those of the earlier attempt no more: whoever resumes the task gives it secrets again, or none. */
static int renew_credentials(Task *next, const Secrets *secrets) {
        char **names = NULL;
        int r = secrets ? secrets_names(secrets, &names) : 0;

        if (r < 0)
                return r;
        if (strv_length(next->credentials) > 0 && !names)
                log_task(LOG_NOTICE, next->id, "The attempt before had secrets; this one was given none");
        strv_free(next->credentials);
        next->credentials = names;
        return 0;
}

/* What was so when the task was asked for may be otherwise now. */
static int check_next(const Manager *m, const Task *next, Problem *problem) {
        const Recipe *recipe;
        int r = launch_find_recipe(&m->launch, &next->spec, &recipe, problem);

        return r < 0 ? r : manager_check_directory(m, &next->spec, problem);
}

static int load_next(Manager *m, const TaskSummary *s, Task **ret, Problem *problem) {
        _cleanup_(task_freep) Task *ended = NULL;
        int r;

        r = manager_load_task(m, s, &ended);
        if (r >= 0)
                r = manager_check_idle(m, ended, problem);
        if (r >= 0)
                r = queue_next(m, ended, ret);
        if (r == -E2BIG)
                return problem_set(problem, -EALREADY, NULL, "The task has had %d attempts; create a new one",
                                   ATTEMPTS_MAX);
        if (r < 0)
                return problem_set(problem, r, NULL, "The task could not be read: %s", strerror(-r));
        (*ret)->automatic_attempts = 0;
        return 0;
}

int manager_resume_task(Manager *m, const char *id, const Secrets *secrets, const char *actor, Problem *problem) {
        TaskSummary *s = task_index_find(&m->index, id);
        Task *next;
        int r;

        if (!s)
                return problem_set(problem, -ENOENT, NULL, "Task not found");
        if (s->run)
                return problem_set(problem, -EBUSY, NULL, "The task has not ended: only then can it be resumed");
        r = manager_check_connected(m, problem);
        if (r >= 0)
                r = manager_check_turn(m, problem);
        if (r >= 0)
                r = load_next(m, s, &next, problem);
        if (r < 0)
                return r;
        r = check_next(m, next, problem);
        if (r < 0) {
                task_free(next);
                return r;
        }
        r = string_replace(&next->resumed_by, actor);
        if (r >= 0)
                r = renew_credentials(next, secrets);
        if (r < 0)
                task_free(next);
        else
                r = begin_attempt(m, s, next, secrets);
        if (r < 0)
                return manager_write_problem(m, r, "The attempt", problem);
        log_action(id, actor, "Attempt %d is asked for", ((TaskRun *) s->run)->task->attempt);
        return 0;
}

/* Task: life cycle, ids and words. See task.h; the JSON form is in task-document.c. */
#include <remote-developer/task.h>

#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/random.h>

const char *const task_state_words[] = {
        [TASK_QUEUED] = "queued",       [TASK_STARTING] = "starting", [TASK_PREPARING] = "preparing",
        [TASK_RUNNING] = "running",     [TASK_REVIEWING] = "reviewing", [TASK_STOPPING] = "stopping",
        [TASK_FINISHED] = "finished",   NULL,
};

const char *const task_result_words[] = {
        [TASK_COMPLETED] = "completed", [TASK_FAILED] = "failed",           [TASK_TIMED_OUT] = "timed_out",
        [TASK_CANCELLED] = "cancelled", [TASK_INTERRUPTED] = "interrupted", NULL,
};

const char *const task_stall_action_words[] = {
        [TASK_STALL_MARK] = "mark",
        [TASK_STALL_STOP] = "stop",
        NULL,
};

/* The original's words for where a task is; it had no word for a task that is being stopped. Those between start and
 * end are of tasks without a plan, which an earlier service began. */
static const TaskStep unplanned[] = {
        [TASK_QUEUED] = { .status = (char *) "initializing" },
        [TASK_STARTING] = { .status = (char *) "initializing" },
        [TASK_PREPARING] = { .status = (char *) "preparing_workspace", .progress = 40 },
        [TASK_RUNNING] = { .status = (char *) "executing_task", .progress = 60 },
        [TASK_REVIEWING] = { .status = (char *) "reviewing_changes", .progress = 75 },
        [TASK_STOPPING] = { .status = (char *) "stopping", .progress = 60 },
};

Task *task_new(void) {
        Task *t = calloc(1, sizeof(Task));

        if (!t)
                return NULL;
        t->version = TASK_DOCUMENT_VERSION;
        t->result = TASK_RESULT_NONE;
        t->exit_code = -1;
        t->attempt = 1;
        t->step = t->sandbox = -1;
        t->operation = OPERATION_NULL;
        t->last_operation = OPERATION_END_NULL;
        return t;
}

void task_spec_done(TaskSpec *s) {
        free(s->recipe);
        strv_free(s->command);
        strv_free(s->environment);
        strv_free(s->labels);
        free(s->working_directory);
        free(s->devpod_name);
        free(s->namespace);
        free(s->pod);
        free(s->github_repo);
        buffer_done(&s->task_description);
        *s = (TaskSpec){};
}

Task *task_free(Task *t) {
        if (!t)
                return NULL;
        task_spec_done(&t->spec);
        free(t->id);
        free(t->created_by);
        free(t->resumed_by);
        free(t->cancel_requested_by);
        free(t->reason);
        free(t->signal);
        free(t->error);
        free(t->invocation_id);
        free(t->boot_id);
        free(t->session_id);
        free(t->log_cursor);
        free(t->log_first_cursor);
        agent_account_done(&t->agent);
        strv_free(t->credentials);
        attempt_list_done(&t->attempts);
        task_changes_done(&t->changes);
        operation_done(&t->operation);
        operation_end_done(&t->last_operation);
        task_plan_done(&t->plan);
        free(t);
        return NULL;
}

/* An archived log is whole: what is written from here on follows it in the journal. */
static void note_archived_log(Task *t) {
        if (!clock_is_set(t->archived_at))
                return;
        free(t->log_first_cursor);
        t->log_first_cursor = NULL;
        t->log_archived_lines = t->log_lines;
        t->archived_at = 0;
}

/* What of a task is the attempt's own starts anew; all else goes on. */
static void clear_attempt(Task *t) {
        note_archived_log(t);
        agent_account_done(&t->agent);
        free(TAKE_PTR(t->resumed_by));
        free(TAKE_PTR(t->cancel_requested_by));
        t->state = TASK_QUEUED;
        t->result = TASK_RESULT_NONE;
        t->exit_code = -1;
        t->reason = t->signal = t->error = t->invocation_id = t->boot_id = NULL;
        t->started_at = t->finished_at = t->manager_started_at = t->cancel_requested_at = t->resume_at = 0;
        t->agent_since = 0;
        t->warned_at = t->stalled_at = t->stall_stop_requested_at = 0;
        t->cancel_requested_boottime = t->stall_stop_requested_boottime = 0;
        t->cancel_requested = t->waits_for_limit = false;
        task_plan_done(&t->plan);
        operation_done(&t->operation);
        t->step = t->sandbox = -1;
        t->attempt++;
}

int task_begin_attempt(Task *t) {
        Attempt a = {
                .attempt = t->attempt, .result = t->result, .reason = t->reason, .exit_code = t->exit_code,
                .signal = t->signal, .error = t->error, .started_at = t->started_at, .finished_at = t->finished_at,
                .invocation_id = t->invocation_id, .boot_id = t->boot_id, .log_lines = t->log_lines,
                .log_bytes = t->log_bytes, .session_lost = task_lost_session(t), .turns = t->agent.turns,
                .tool_calls = t->agent.tool_calls, .files_edited = t->agent.files_edited,
        };
        int r;

        assert(task_is_finished(t));
        r = string_replace(&a.log_cursor, t->log_cursor);
        if (r < 0)
                return r;
        r = string_replace(&a.session_id, agent_account_session(&t->agent));
        if (r >= 0)
                r = attempt_list_add(&t->attempts, &a);
        if (r < 0) {
                free(a.log_cursor);
                free(a.session_id);
                return r;
        }
        clear_attempt(t);
        return 0;
}

bool task_id_is_valid(const char *id) {
        if (!id || strlen(id) != TASK_ID_SIZE || !string_has_prefix(id, "task-"))
                return false;

        id += strlen("task-");
        if (strspn(id, "0123456789") != 10 || id[10] != '-')
                return false;
        return strspn(id + 11, "0123456789abcdef") == 6 && id[17] == 0;
}

/* The six digits are the microsecond within the second and four random bits, so that ids sort by age also within one
 * second, and two that are made at once still differ (the file decides: TaskStore). */
int task_id_generate(char ret[static TASK_ID_SIZE + 1], usec_t now) {
        uint8_t random;

        if (getrandom(&random, sizeof(random), 0) < 0)
                return -errno;
        snprintf(ret, TASK_ID_SIZE + 1, "task-%010llu-%06x",
                        (unsigned long long) (now / USEC_PER_SEC) % 10000000000ULL,
                        (unsigned) (now % USEC_PER_SEC) << 4 | (random & 0xf));
        return 0;
}

usec_t task_id_time(const char *id) {
        return strtoull(id + strlen("task-"), NULL, 10) * USEC_PER_SEC +
               (strtoull(id + strlen("task-0123456789-"), NULL, 16) >> 4);
}

char *task_unit_name(const char *id) {
        return string_format(TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX, id);
}

bool task_id_from_unit(const char *unit, char ret[static TASK_ID_SIZE + 1]) {
        const char *id;
        size_t n;

        if (!string_has_prefix(unit, TASK_UNIT_PREFIX))
                return false;
        id = unit + strlen(TASK_UNIT_PREFIX);
        n = strlen(id);
        if (n <= strlen(TASK_UNIT_SUFFIX) || n - strlen(TASK_UNIT_SUFFIX) > TASK_ID_SIZE)
                return false;
        n -= strlen(TASK_UNIT_SUFFIX);
        if (!string_equal(id + n, TASK_UNIT_SUFFIX))
                return false;
        memcpy(ret, id, n);
        ret[n] = 0;
        return task_id_is_valid(ret);
}

bool task_is_finished(const Task *t) {
        return t->state == TASK_FINISHED;
}

bool task_is_to_stop(const Task *t) {
        return t->cancel_requested || clock_is_set(t->stall_stop_requested_at);
}

usec_t task_stop_requested_at(const Task *t) {
        if (!t->cancel_requested)
                return t->stall_stop_requested_at;
        if (!clock_is_set(t->stall_stop_requested_at))
                return t->cancel_requested_at;
        return MIN_OF(t->cancel_requested_at, t->stall_stop_requested_at);
}

usec_t task_stop_requested_boottime(const Task *t) {
        if (t->cancel_requested_boottime == 0 || t->stall_stop_requested_boottime == 0)
                return MAX_OF(t->cancel_requested_boottime, t->stall_stop_requested_boottime);
        return MIN_OF(t->cancel_requested_boottime, t->stall_stop_requested_boottime);
}

bool task_runs_agent(const Task *t) {
        return t->spec.agent != AGENT_KIND_NONE;
}

/* Claude Code says "Not logged in · Please run /login", and with a key that is refused "Invalid API key · Please run
 * /login". */
bool task_needs_login(const Task *t) {
        return task_runs_agent(t) && task_is_finished(t) && t->agent.needs_login;
}

/* The step under way, or where it ended; NULL: the state alone tells, as between the work and the first review. */
static const TaskStep *find_step(const Task *t) {
        const TaskStep *s = t->state < TASK_PREPARING ? NULL : task_plan_at(&t->plan, t->step);

        return s && t->state == TASK_REVIEWING && s->kind == TASK_STEP_WORK ? NULL : s;
}

const char *task_status(const Task *t) {
        const TaskStep *s = t->state == TASK_STOPPING ? NULL : find_step(t);

        if (task_is_finished(t))
                return task_result_words[t->result];
        if (t->state == TASK_QUEUED && t->waits_for_limit)
                return "waiting_limit";
        return s ? s->status : unplanned[t->state].status;
}

unsigned task_progress(const Task *t) {
        const TaskStep *s = find_step(t);

        if (t->result == TASK_COMPLETED)
                return 100;
        if (s)
                return (unsigned) s->progress;
        if (!task_is_finished(t))
                return (unsigned) unplanned[t->state].progress;
        return clock_is_set(t->started_at) ? (unsigned) unplanned[TASK_RUNNING].progress : 0;
}

usec_t task_deadline(const Task *t) {
        return clock_is_set(t->started_at) ? t->started_at + t->spec.timeout_usec : 0;
}

const char *task_claude_status(const Task *t) {
        if (!task_runs_agent(t))
                return NULL;
        if (!task_is_finished(t))
                return t->state >= TASK_RUNNING ? "RUNNING" : "STARTING";
        return t->result == TASK_COMPLETED ? "COMPLETED" : "FAILED";
}

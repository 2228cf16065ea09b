/* The manager's records about a unit. See journal-records.h. One row a message id. */
#include <remote-developer/journal-records.h>

#include <remote-developer/journal-socket.h>
#include <remote-developer/strings.h>

#include "journal-guard.h"
#include "journal-internal.h"

#include <signal.h>
#include <stdio.h>
#include <systemd/sd-messages.h>

/* What is found again is what it was. */
#define READS_MAX 3

/* Steps and what runs after the end have the same message id. */
static void take_exit(sd_journal *j, Evidence *e) {
        char code[ENDING_WORD_SIZE], status[ENDING_WORD_SIZE], command[ENDING_WORD_SIZE];
        bool is_step;

        journal_get_text(j, "COMMAND", command, sizeof(command));
        is_step = string_equal(command, "ExecStartPre");
        if (!is_step && !string_equal(command, "ExecStart"))
                return;
        journal_get_text(j, "EXIT_CODE", code, sizeof(code));
        journal_get_text(j, "EXIT_STATUS", status, sizeof(status));
        /* A number here, also for signals; the recorder's form is the signal's name. */
        if (!string_equal(code, "exited"))
                ending_set_signal(status, (int) strtol(status, NULL, 10));
        ending_set_word(is_step ? e->step.exit_code : e->journal.exit_code, code);
        ending_set_word(is_step ? e->step.exit_status : e->journal.exit_status, status);
}

/* Those behind the work have higher numbers, and tell nothing of its preparation but that it is over. */
static void take_step(sd_journal *j, Evidence *e) {
        char number[16], event[32];
        uint64_t step;

        journal_get_text(j, "REMOTE_DEVELOPER_STEP", number, sizeof(number));
        journal_get_text(j, "REMOTE_DEVELOPER_STEP_EVENT", event, sizeof(event));
        if (string_to_uint64(number, &step) < 0)
                return;
        if (step >= e->step.last) {
                if (e->step.next_at == 0)
                        (void) sd_journal_get_realtime_usec(j, &e->step.next_at);
                return;
        }
        e->step.begun = (unsigned) step + 1;
        if (string_equal(event, step_event_words[STEP_BEGINS]))
                (void) sd_journal_get_realtime_usec(j, &e->step.begun_at);
        e->step.overdue = string_equal(event, step_event_words[STEP_OVERDUE]);
        journal_get_text(j, "ERRNO", number, sizeof(number));
        e->step.error = (int) strtol(number, NULL, 10);
}

static void take_failure(sd_journal *j, Evidence *e) {
        journal_get_text(j, "UNIT_RESULT", e->journal.service_result, sizeof(e->journal.service_result));
        e->has_journal = true;
        (void) sd_journal_get_realtime_usec(j, &e->journal.ended_at);
}

static void take_success(sd_journal *j, Evidence *e) {
        ending_set_word(e->journal.service_result, "success");
        e->has_journal = true;
        (void) sd_journal_get_realtime_usec(j, &e->journal.ended_at);
}

/* That it is there is all. In user mode nothing else may be, of a task that ended well at once. */
static void take_starting(sd_journal *j _unused_, Evidence *e _unused_) {
}

static void take_start(sd_journal *j, Evidence *e) {
        char result[16];

        /* The same message id tells of a start that failed. */
        journal_get_text(j, "JOB_RESULT", result, sizeof(result));
        if (string_equal(result, "done") && !clock_is_set(e->started_at))
                (void) sd_journal_get_realtime_usec(j, &e->started_at);
}

static void take_stop(sd_journal *j _unused_, Evidence *e) {
        e->stop_seen = true;
}

static void take_spawn_failure(sd_journal *j, Evidence *e) {
        char number[16], executable[4096];

        /* The first one is the main program's; where the recorder fails too, that is a consequence. */
        if (e->spawn.error > 0)
                return;
        journal_get_text(j, "ERRNO", number, sizeof(number));
        journal_get_text(j, "EXECUTABLE", executable, sizeof(executable));
        e->spawn.error = (int) strtol(number, NULL, 10);
        (void) string_replace(&e->spawn.executable, *executable ? executable : NULL);
}

static const struct {
        const char *message_id;
        void (*take)(sd_journal *j, Evidence *e);
} records[] = {
        { SD_MESSAGE_UNIT_STARTING_STR, take_starting },
        { SD_MESSAGE_UNIT_STARTED_STR, take_start },
        { SD_MESSAGE_UNIT_PROCESS_EXIT_STR, take_exit },
        { SD_MESSAGE_UNIT_FAILURE_RESULT_STR, take_failure },
        { SD_MESSAGE_UNIT_SUCCESS_STR, take_success },
        { SD_MESSAGE_UNIT_STOPPING_STR, take_stop },
        { SD_MESSAGE_SPAWN_FAILED_STR, take_spawn_failure },
        { STEP_MESSAGE_ID, take_step },
};

/* Only the manager may tell, which in system mode is root's; and, of a failed start, its child before it became the
 * program, which may be the task's user by then, and gone before journald looked for its unit; as our starter of a
 * step is. A task could thus lie of its own start, and gain nothing but a failure with another name. */
static bool record_is_trusted(sd_journal *j, RuntimeScope scope, const char *unit) {
        char uid[16], message_id[ID128_TEXT_SIZE], writer[128];

        if (scope == RUNTIME_SCOPE_USER)
                return true;
        journal_get_text(j, "_UID", uid, sizeof(uid));
        if (string_equal(uid, "0"))
                return true;
        journal_get_text(j, "MESSAGE_ID", message_id, sizeof(message_id));
        journal_get_unit(j, scope, writer, sizeof(writer));
        if (!string_equal(message_id, SD_MESSAGE_SPAWN_FAILED_STR) && !string_equal(message_id, STEP_MESSAGE_ID))
                return false;
        return !*writer || string_equal(writer, unit);
}

static bool record_is_of(sd_journal *j, RuntimeScope scope, const char *invocation_id, char *const *other_than) {
        char id[ID128_TEXT_SIZE];

        journal_get_text(j, scope == RUNTIME_SCOPE_USER ? "USER_INVOCATION_ID" : "INVOCATION_ID", id, sizeof(id));
        if (invocation_id)
                return string_equal(id, invocation_id);
        for (size_t i = 0; other_than && other_than[i]; i++)
                if (string_equal(id, other_than[i]))
                        return false;
        return true;
}

static void take_record(sd_journal *j, Evidence *e) {
        char message_id[ID128_TEXT_SIZE];

        journal_get_text(j, "MESSAGE_ID", message_id, sizeof(message_id));
        for (size_t i = 0; i < ELEMENTSOF(records); i++)
                if (string_equal(records[i].message_id, message_id)) {
                        e->manager_acted = true;
                        records[i].take(j, e);
                }
}

static int read_records(const JournalSource *source, const char *unit, const char *invocation_id,
                         char *const *other_than, Evidence *ret) {
        sd_journal *j;
        int r;

        r = journal_open(source, &j);
        if (r < 0)
                return r;
        r = journal_add_match(j, source->scope == RUNTIME_SCOPE_USER ? "USER_UNIT" : "UNIT", unit);
        if (r >= 0)
                r = sd_journal_seek_head(j);
        while (r >= 0 && (r = journal_guard_next(j)) > 0)
                if (record_is_trusted(j, source->scope, unit) &&
                                record_is_of(j, source->scope, invocation_id, other_than))
                        take_record(j, ret);
        sd_journal_close(j);
        return r;
}

int journal_records_read(const JournalSource *source, const char *unit, const char *invocation_id,
                         char *const *other_than, Evidence *ret) {
        int r = -EUCLEAN;

        for (unsigned i = 0; r == -EUCLEAN && i < READS_MAX; i++)
                r = read_records(source, unit, invocation_id, other_than, ret);
        return r;
}

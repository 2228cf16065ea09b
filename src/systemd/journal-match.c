/* Opening the journal, and which of its entries belong to whom. See journal-internal.h. */
#include "journal-guard.h"
#include "journal-internal.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>
#include <remote-developer/unit-spec.h>

#include <stdio.h>
#include <systemd/sd-messages.h>

int journal_open(const JournalSource *source, sd_journal **ret) {
        sd_journal *j;
        int r;

        if (source->directory)
                r = sd_journal_open_directory(&j, source->directory, 0);
        else
                r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        /* A field longer than this is cut when read: whole entries are wanted. */
        r = sd_journal_set_data_threshold(j, 0);
        if (r < 0) {
                sd_journal_close(j);
                return r;
        }
        *ret = j;
        return 0;
}

/* What the same thing is called by the system's manager and by a user's. */
typedef struct ScopeFields {
        const char *unit, *slice, *about;
} ScopeFields;

static const ScopeFields scope_fields[] = {
        [RUNTIME_SCOPE_SYSTEM] = { "_SYSTEMD_UNIT", "_SYSTEMD_SLICE", "UNIT" },
        [RUNTIME_SCOPE_USER] = { "_SYSTEMD_USER_UNIT", "_SYSTEMD_USER_SLICE", "USER_UNIT" },
};

int journal_add_match(sd_journal *j, const char *field, const char *value) {
        _cleanup_free_ char *match = string_format("%s=%s", field, value);

        return match ? sd_journal_add_match(j, match, 0) : -ENOMEM;
}

int journal_get_data(sd_journal *j, const char *field, const char **ret, size_t *ret_size) {
        const char *data;
        size_t size, skip = strlen(field) + 1;
        int r;

        r = sd_journal_get_data(j, field, (const void **) &data, &size);
        if (r < 0)
                return r;
        if (size < skip)
                return -EBADMSG;
        *ret = data + skip;
        *ret_size = size - skip;
        return 0;
}

void journal_get_text(sd_journal *j, const char *field, char *ret, size_t size) {
        const char *data;
        size_t n;

        if (journal_get_data(j, field, &data, &n) < 0)
                n = 0;
        n = MIN_OF(n, size - 1);
        if (n > 0)
                memcpy(ret, data, n);
        ret[n] = 0;
}

void journal_get_unit(sd_journal *j, RuntimeScope scope, char *ret, size_t size) {
        char id[64];

        journal_get_text(j, scope_fields[scope].unit, ret, size);
        if (*ret || scope != RUNTIME_SCOPE_USER)
                return;
        journal_get_text(j, "SYSLOG_IDENTIFIER", id, sizeof(id));
        if (task_id_is_valid(id))
                snprintf(ret, size, TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX, id);
}

/* In a user's journal only his own lines count; the journals of tests have no owner. */
static int match_owner(sd_journal *j, const JournalSource *source) {
        char uid[16];

        if (source->scope != RUNTIME_SCOPE_USER || source->directory)
                return 0;
        snprintf(uid, sizeof(uid), "%u", (unsigned) getuid());
        return journal_add_match(j, "_UID", uid);
}

static int match_streams(sd_journal *j, const JournalSource *source) {
        int r;

        r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = journal_add_match(j, "SYSLOG_FACILITY", UNIT_LOG_FACILITY_TEXT);
        if (r >= 0)
                r = journal_add_match(j, "_TRANSPORT", "stdout");
        return r < 0 ? r : match_owner(j, source);
}

/* journald says itself what it suppressed, under an id by which nearly always nothing is found. */
static int match_suppressions(sd_journal *j, const char *unit) {
        int r;

        r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = journal_add_match(j, "MESSAGE_ID", SD_MESSAGE_JOURNAL_DROPPED_STR);
        return r < 0 || !unit ? r : journal_add_match(j, "OBJECT_SYSTEMD_UNIT", unit);
}

static int match_manager(sd_journal *j, const JournalSource *source, const char *field, const char *value) {
        int r;

        r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = journal_add_match(j, field, value);
        return r < 0 ? r : match_owner(j, source);
}

/* The system's journald knows the unit of every stream, since it believes what the system's manager tells it; of a
 * user's manager it does not. */
static int match_output(sd_journal *j, const JournalSource *source, const char *unit) {
        char id[TASK_ID_SIZE + 1];
        int r;

        r = journal_add_match(j, scope_fields[source->scope].unit, unit);
        if (r >= 0)
                r = match_owner(j, source);
        if (r < 0 || source->scope != RUNTIME_SCOPE_USER || !task_id_from_unit(unit, id))
                return r;
        r = match_streams(j, source);
        return r < 0 ? r : journal_add_match(j, "SYSLOG_IDENTIFIER", id);
}

int journal_match_unit(sd_journal *j, const JournalSource *source, const char *unit, unsigned sources) {
        const ScopeFields *fields = &scope_fields[source->scope];
        char manager[32];
        int r;

        /* A user's are counted together: see journal-entry.c. */
        snprintf(manager, sizeof(manager), "user@%u.service", (unsigned) getuid());
        r = match_suppressions(j, source->scope == RUNTIME_SCOPE_USER ? manager : unit);
        if (r >= 0 && sources & LOG_SOURCES_OUTPUT)
                r = sd_journal_add_disjunction(j);
        if (r >= 0 && sources & LOG_SOURCES_OUTPUT)
                r = match_output(j, source, unit);
        if (r >= 0 && sources & LOG_SOURCES(LOG_SOURCE_SYSTEM))
                r = match_manager(j, source, fields->about, unit);
        return r;
}

int journal_match_slice(sd_journal *j, const JournalSource *source, const char *slice) {
        const ScopeFields *fields = &scope_fields[source->scope];
        bool user = source->scope == RUNTIME_SCOPE_USER;
        int r;

        r = journal_add_match(j, fields->slice, slice);
        if (r >= 0)
                r = match_owner(j, source);
        if (r >= 0)
                r = match_streams(j, source);
        if (r >= 0)
                r = match_suppressions(j, NULL);
        if (r >= 0)
                r = match_manager(j, source, user ? fields->unit : "_PID", user ? "init.scope" : "1");
        return r;
}

/* As many entries as journald may have read together. */
#define SAME_TIME_MAX 4096

/* journald stamps what it reads together with one time, and where two files do not number their entries alike (after
 * a rotation under journald's restart) time alone orders them. Seeking then stands on the first of that time. */
static int pass_same_time(sd_journal *j, const char *cursor) {
        usec_t wanted = log_cursor_realtime(cursor);
        uint64_t time;
        int r = 0;

        for (unsigned i = 0; i < SAME_TIME_MAX; i++) {
                r = sd_journal_get_realtime_usec(j, &time);
                if (r < 0 || time != wanted)
                        return MIN_OF(r, 0);
                r = journal_guard_next(j);
                if (r <= 0)
                        return r;
                if (sd_journal_test_cursor(j, cursor) > 0)
                        return 1;
        }
        return 0;
}

static int seek_first(sd_journal *j, const char *cursor, bool *ret_stands) {
        int r;

        r = sd_journal_seek_cursor(j, cursor);
        if (r >= 0)
                r = journal_guard_next(j);
        *ret_stands = r > 0;
        return r <= 0 ? r : sd_journal_test_cursor(j, cursor);
}

int journal_seek(sd_journal *j, const char *cursor, bool *ret_stands) {
        int r, found;

        r = seek_first(j, cursor, ret_stands);
        if (r != 0 || !*ret_stands)
                return r;
        found = pass_same_time(j, cursor);
        return found != 0 ? found : seek_first(j, cursor, ret_stands);
}

/* libsystemd looks at one file after the other. An entry that comes into the first one when that was looked at, and
 * the next entry into the second one before that is, would be passed over for good. Looking once more from the same
 * place finds it: it was there before the one that was seen. */
int journal_next(sd_journal *j, const JournalSource *source, const char *cursor) {
        uint64_t written;
        bool stands;
        int r;

        r = journal_guard_next(j);
        if (r <= 0 || !source->split)
                return r;
        r = sd_journal_get_realtime_usec(j, &written);
        if (r < 0 || written + JOURNAL_SETTLED_USEC < clock_realtime_usec())
                return r < 0 ? r : 1;
        if (!*cursor) {
                r = sd_journal_seek_head(j);
                return r < 0 ? r : journal_guard_next(j);
        }
        r = journal_seek(j, cursor, &stands);
        return r > 0 ? journal_guard_next(j) : r < 0 ? r : stands;
}

int journal_has_cursor(sd_journal *j, const char *cursor) {
        bool stands;

        sd_journal_flush_matches(j);
        return journal_seek(j, cursor, &stands);
}

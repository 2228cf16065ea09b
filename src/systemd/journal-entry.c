/* Opening the journal, matching, and taking an entry apart. See journal-internal.h. */
#include "journal-internal.h"

#include <remote-developer/strings.h>
#include <remote-developer/task.h>
#include <remote-developer/unit-spec.h>

#include <stdio.h>

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

static const char *unit_field(RuntimeScope scope) {
        return scope == RUNTIME_SCOPE_USER ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT";
}

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

/* The system's journald knows the unit of every stream, since it believes what the system's manager tells it; of a
 * user's manager it does not. */
int journal_match_unit(sd_journal *j, const JournalSource *source, const char *unit) {
        char id[TASK_ID_SIZE + 1];
        int r;

        r = journal_add_match(j, unit_field(source->scope), unit);
        if (r >= 0)
                r = match_owner(j, source);
        if (r < 0 || source->scope != RUNTIME_SCOPE_USER || !task_id_from_unit(unit, id))
                return r;
        r = match_streams(j, source);
        return r < 0 ? r : journal_add_match(j, "SYSLOG_IDENTIFIER", id);
}

int journal_match_slice(sd_journal *j, const JournalSource *source, const char *slice) {
        bool user = source->scope == RUNTIME_SCOPE_USER;
        int r;

        r = journal_add_match(j, user ? "_SYSTEMD_USER_SLICE" : "_SYSTEMD_SLICE", slice);
        if (r >= 0)
                r = match_owner(j, source);
        return r < 0 ? r : match_streams(j, source);
}

void journal_get_unit(sd_journal *j, RuntimeScope scope, char *ret, size_t size) {
        char id[64];

        journal_get_text(j, unit_field(scope), ret, size);
        if (*ret || scope != RUNTIME_SCOPE_USER)
                return;
        journal_get_text(j, "SYSLOG_IDENTIFIER", id, sizeof(id));
        if (task_id_is_valid(id))
                snprintf(ret, size, TASK_UNIT_PREFIX "%s" TASK_UNIT_SUFFIX, id);
}

bool journal_entry_goes_on(sd_journal *j) {
        char line_break[16];

        journal_get_text(j, "_LINE_BREAK", line_break, sizeof(line_break));
        return string_equal(line_break, "line-max") || string_equal(line_break, "pid-change");
}

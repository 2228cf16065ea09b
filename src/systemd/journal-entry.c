/* Opening the journal, matching, and making lines of entries. See journal-internal.h. */
#include "journal-internal.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <syslog.h>

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

const char *journal_unit_field(RuntimeScope scope) {
        return scope == RUNTIME_SCOPE_USER ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT";
}

const char *journal_slice_field(RuntimeScope scope) {
        return scope == RUNTIME_SCOPE_USER ? "_SYSTEMD_USER_SLICE" : "_SYSTEMD_SLICE";
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

void line_joiner_done(LineJoiner *l) {
        buffer_done(&l->parts);
        *l = LINE_JOINER_NULL;
}

static int read_position(sd_journal *j, JournalLine *ret) {
        _cleanup_free_ char *cursor = NULL;
        char priority[8];
        int r;

        r = sd_journal_get_cursor(j, &cursor);
        if (r >= 0)
                r = sd_journal_get_realtime_usec(j, &ret->realtime_usec);
        if (r < 0)
                return r;
        if (strlen(cursor) >= sizeof(ret->cursor))
                return -E2BIG;
        memcpy(ret->cursor, cursor, strlen(cursor) + 1);
        journal_get_text(j, "PRIORITY", priority, sizeof(priority));
        ret->priority = *priority >= '0' && *priority <= '7' ? *priority - '0' : LOG_INFO;
        return 0;
}

/* Whether the current entry goes on in a later one of its stream. */
static bool line_goes_on(sd_journal *j) {
        char line_break[16];

        journal_get_text(j, "_LINE_BREAK", line_break, sizeof(line_break));
        return string_equal(line_break, "line-max");
}

int line_joiner_take(LineJoiner *l, sd_journal *j, JournalLine *ret) {
        char stream_id[ID128_TEXT_SIZE] = "";
        const char *text;
        size_t size;
        bool goes_on;
        int r;

        r = read_position(j, ret);
        if (r >= 0)
                r = journal_get_data(j, "MESSAGE", &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        if (!*l->stream_id)
                buffer_clear(&l->parts);
        goes_on = line_goes_on(j);
        if (goes_on || *l->stream_id)
                journal_get_text(j, "_STREAM_ID", stream_id, sizeof(stream_id));
        if (!goes_on && !(*l->stream_id && string_equal(l->stream_id, stream_id))) {
                ret->text = text;
                ret->size = size;
                return 1;
        }

        r = buffer_append(&l->parts, text, size);
        if (r < 0)
                return r;
        if (goes_on && l->parts.size < JOURNAL_LINE_MAX) {
                snprintf(l->stream_id, sizeof(l->stream_id), "%s", stream_id);
                return 0;
        }
        *l->stream_id = 0;
        ret->text = l->parts.data;
        ret->size = l->parts.size;
        return 1;
}

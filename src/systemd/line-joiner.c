/* LineJoiner: see line-joiner.h. Most lines are one entry and pass through without being copied; the list of open
 * lines is nearly always empty. */
#include "line-joiner.h"

#include "journal-internal.h"

#include <remote-developer/strings.h>

#include <stdio.h>
#include <syslog.h>

void line_joiner_done(LineJoiner *l) {
        for (size_t i = 0; i < l->n; i++)
                buffer_done(&l->open[i].parts);
        free(l->open);
        buffer_done(&l->given);
        *l = LINE_JOINER_NULL;
}

static int read_position(sd_journal *j, LogLine *ret) {
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

static OpenLine *find_open(LineJoiner *l, const char *stream_id) {
        for (size_t i = 0; i < l->n; i++)
                if (string_equal(l->open[i].stream_id, stream_id))
                        return &l->open[i];
        return NULL;
}

static OpenLine *add_open(LineJoiner *l, const char *stream_id, const char *unit) {
        size_t allocated = MAX_OF(l->allocated * 2, (size_t) 4);
        OpenLine *open;

        if (l->n == l->allocated) {
                open = reallocarray(l->open, allocated, sizeof(OpenLine));
                if (!open)
                        return NULL;
                l->open = open;
                l->allocated = allocated;
        }
        open = &l->open[l->n++];
        *open = (OpenLine){};
        snprintf(open->stream_id, sizeof(open->stream_id), "%s", stream_id);
        snprintf(open->unit, sizeof(open->unit), "%s", unit);
        return open;
}

static int give_open(LineJoiner *l, OpenLine *open, LogLine *ret) {
        *ret = open->position;
        buffer_done(&l->given);
        l->given = open->parts;
        l->bytes -= open->parts.size;
        *open = l->open[--l->n];
        ret->text = l->given.data ?: "";
        ret->size = l->given.size;
        return 1;
}

static int append_part(LineJoiner *l, OpenLine *open, const char *text, size_t size, const LogLine *position) {
        int r = buffer_append(&open->parts, text, size);

        if (r < 0)
                return r;
        l->bytes += size;
        open->position = *position;
        return 0;
}

static int take_part(LineJoiner *l, sd_journal *j, const char *unit, bool goes_on, LogLine *ret) {
        char stream_id[ID128_TEXT_SIZE];
        OpenLine *open;
        int r;

        journal_get_text(j, "_STREAM_ID", stream_id, sizeof(stream_id));
        open = find_open(l, stream_id);
        if (!open && !goes_on)
                return 1;
        if (!open)
                open = add_open(l, stream_id, unit);
        r = open ? append_part(l, open, ret->text, ret->size, ret) : -ENOMEM;
        if (r < 0)
                return r;
        return goes_on && l->bytes < JOURNAL_LINE_MAX ? 0 : give_open(l, open, ret);
}

int line_joiner_take(LineJoiner *l, sd_journal *j, const char *unit, LogLine *ret) {
        bool goes_on;
        int r;

        r = read_position(j, ret);
        if (r >= 0)
                r = journal_get_data(j, "MESSAGE", &ret->text, &ret->size);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        goes_on = journal_entry_goes_on(j);
        return goes_on || l->n > 0 ? take_part(l, j, unit, goes_on, ret) : 1;
}

int line_joiner_flush(LineJoiner *l, const char *unit, LogLine *ret) {
        for (size_t i = 0; i < l->n; i++)
                if (string_equal(l->open[i].unit, unit))
                        return give_open(l, &l->open[i], ret);
        return 0;
}

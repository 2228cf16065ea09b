/* LineJoiner: see line-joiner.h. Most lines are one entry and pass through without being copied; the list of open
 * lines is nearly always empty. */
#include "line-joiner.h"

#include <remote-developer/strings.h>

#include <stdio.h>

/* All open lines together may be so many times longer than the longest one. */
#define OPEN_FACTOR 4
#define OPEN_BYTES_MAX (OPEN_FACTOR * JOURNAL_LINE_MAX)

void line_joiner_forget(LineJoiner *l) {
        for (size_t i = 0; i < l->n; i++)
                buffer_done(&l->open[i].parts);
        l->n = l->bytes = 0;
}

void line_joiner_done(LineJoiner *l) {
        line_joiner_forget(l);
        free(l->open);
        buffer_done(&l->given);
        *l = (LineJoiner){};
}

static OpenLine *find_open(LineJoiner *l, const JournalEntry *e) {
        for (size_t i = 0; i < l->n; i++)
                if (l->open[i].source == e->source && string_equal(l->open[i].stream_id, e->stream_id))
                        return &l->open[i];
        return NULL;
}

static OpenLine *add_open(LineJoiner *l, const JournalEntry *e) {
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
        *open = (OpenLine){ .source = e->source };
        memcpy(open->stream_id, e->stream_id, sizeof(open->stream_id));
        memcpy(open->unit, e->unit, sizeof(open->unit));
        return open;
}

static void drop_text(LineJoiner *l, OpenLine *open) {
        l->bytes -= open->parts.size;
        buffer_done(&open->parts);
        open->dropped = true;
}

static void append_text(LineJoiner *l, OpenLine *open, const char *text, size_t size) {
        open->size += size;
        if (open->dropped)
                return;
        if (open->size > l->keep_max || l->bytes + size > OPEN_FACTOR * l->keep_max ||
            buffer_append(&open->parts, text, size) < 0)
                drop_text(l, open);
        else
                l->bytes += size;
}

static LogLine line_of(const JournalEntry *e, const char *cursor) {
        return (LogLine){ .cursor = cursor,
                .realtime_usec = e->realtime_usec,
                .priority = e->priority,
                .source = e->source,
                .maybe_cut = e->maybe_cut,
                .text = e->text.data ?: "",
                .size = e->text.size };
}

static void append_entry(LineJoiner *l, OpenLine *open, const JournalEntry *e, const char *cursor) {
        bool cut;

        append_text(l, open, e->text.data, e->text.size);
        if (e->ends_nul)
                append_text(l, open, "", 1);
        cut = open->position.maybe_cut;
        open->position = line_of(e, NULL);
        open->position.maybe_cut |= cut;
        snprintf(open->cursor, sizeof(open->cursor), "%s", cursor);
}

static int give_open(LineJoiner *l, OpenLine *open, bool partial, LogLine *ret) {
        *ret = open->position;
        memcpy(l->given_cursor, open->cursor, sizeof(l->given_cursor));
        buffer_done(&l->given);
        l->given = open->parts;
        l->bytes -= open->parts.size;
        ret->partial = partial;
        ret->cursor = l->given_cursor;
        ret->text = open->dropped ? NULL : l->given.data ?: "";
        ret->size = open->size;
        if (partial) {
                open->parts = BUFFER_NULL;
                open->size = 0;
                open->dropped = false;
        } else
                *open = l->open[--l->n];
        return 1;
}

int line_joiner_take(LineJoiner *l, const JournalEntry *e, const char *cursor, LogLine *ret) {
        OpenLine *open = l->n > 0 ? find_open(l, e) : NULL;

        if (!open && !e->goes_on) {
                *ret = line_of(e, cursor);
                return 1;
        }
        if (!open)
                open = add_open(l, e);
        if (!open)
                return -ENOMEM;
        append_entry(l, open, e, cursor);
        if (!e->goes_on)
                return give_open(l, open, false, ret);
        if (open->size < JOURNAL_LINE_MAX && l->bytes < OPEN_BYTES_MAX)
                return 0;
        return give_open(l, open, true, ret);
}

int line_joiner_flush(LineJoiner *l, const char *unit, LogLine *ret) {
        for (size_t i = 0; i < l->n; i++) {
                OpenLine *open = &l->open[i];

                if (!string_equal(open->unit, unit))
                        continue;
                if (open->size > 0)
                        return give_open(l, open, false, ret);
                buffer_done(&open->parts); /* which an empty part has given memory */
                *open = l->open[--l->n];
                i--;
        }
        return 0;
}

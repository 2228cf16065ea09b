/* StreamStarts: see stream-starts.h. */
#include "stream-starts.h"

#include <remote-developer/strings.h>

#include "journal-guard.h"

/* So far a line's begin is looked for: 3 GiB of a line that journald cuts at its default LineMax=. */
#define BACK_MAX 65536

void stream_starts_forget(StreamStarts *s) {
        s->all = false;
        s->n = 0;
}

void stream_starts_know_all(StreamStarts *s) {
        s->all = true;
}

bool stream_starts_is_known(const StreamStarts *s, const JournalEntry *e) {
        if (s->all || e->is_whole || !*e->stream_id)
                return true;
        for (unsigned i = 0; i < MIN_OF(s->n, (unsigned) STREAM_STARTS_MAX); i++)
                if (s->known[i].source == e->source && string_equal(s->known[i].stream_id, e->stream_id))
                        return true;
        return false;
}

static void know(StreamStarts *s, const JournalEntry *e) {
        StreamStart *at = &s->known[s->n++ % STREAM_STARTS_MAX];

        at->source = e->source;
        memcpy(at->stream_id, e->stream_id, sizeof(at->stream_id));
        if (s->n == 2 * STREAM_STARTS_MAX)
                s->n = STREAM_STARTS_MAX;
}

/* The handle sees this stream alone and stands on its entry with that cursor. */
static int look_at_stream(sd_journal *j, const char *stream_id, const char *cursor) {
        bool stands;
        int r;

        sd_journal_flush_matches(j);
        r = journal_add_match(j, "_STREAM_ID", stream_id);
        if (r >= 0)
                r = journal_seek(j, cursor, &stands);
        return r == 0 ? -ESTALE : r;
}

/* Stands behind the stream's last entry before this place that ended a line of the source, or at the stream's begin.
 * 1: there are parts between; 0: none. */
static int find_end_before(sd_journal *j, const JournalSource *journal, const JournalEntry *e, JournalEntry *at) {
        int r, found = 0;

        for (unsigned i = 0; i < BACK_MAX && (r = journal_guard_previous(j)) > 0; i++) {
                r = journal_entry_read(at, j, journal, NULL);
                if (r < 0)
                        return r;
                /* The relay marks the rest of a line that it has cut, and this is none. */
                if (at->is_marked && !e->is_marked)
                        return found;
                if (at->source != e->source || !at->has_text)
                        continue;
                if (!at->goes_on)
                        return found;
                found = 1;
        }
        if (r == 0)
                r = sd_journal_seek_head(j);
        return r < 0 ? r : found;
}

/* Up to the entry with that cursor. */
static int take_parts(sd_journal *j, const JournalSource *journal, LogSource source, const char *here,
                      LineJoiner *joiner, JournalEntry *at) {
        LogLine piece;
        int r;

        while ((r = journal_guard_next(j)) > 0 && sd_journal_test_cursor(j, here) <= 0) {
                r = journal_entry_read(at, j, journal, NULL);
                if (r >= 0 && at->source == source && at->has_text && at->goes_on)
                        r = line_joiner_take(joiner, at, "", &piece);
                if (r < 0)
                        return r;
        }
        return MIN_OF(r, 0);
}

int stream_starts_find(StreamStarts *s, sd_journal *j, const JournalSource *journal, const JournalEntry *e,
                       LineJoiner *joiner) {
        _cleanup_(journal_entry_done) JournalEntry at = JOURNAL_ENTRY_NULL;
        _cleanup_free_ char *here = NULL;
        int r;

        know(s, e);
        r = sd_journal_get_cursor(j, &here);
        if (r >= 0)
                r = look_at_stream(j, e->stream_id, here);
        if (r >= 0)
                r = find_end_before(j, journal, e, &at);
        return r <= 0 ? r : take_parts(j, journal, e->source, here, joiner, &at);
}

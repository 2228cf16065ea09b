/* JournalReader: going to another place of the log. See journal-reader.h. */
#include "journal-reader-internal.h"

#include "journal-guard.h"
#include "journal-headers.h"

#include <stdio.h>

/* New handles for one place, where the journal's files change all the time. */
#define HANDLES_MAX 4

/* What was kept of lines belongs to the old place, and what streams have begun before the new one is not known. */
static void forget_place(JournalReader *r) {
        r->run = journal_run_free(r->run);
        r->plain = 0;
        line_joiner_forget(&r->joiner);
        stream_starts_forget(&r->starts);
        r->positioned = r->cursor_is_old = r->gone = false;
        r->cursor[0] = r->noted[0] = 0;
        r->since_noted = 0;
}

int journal_reader_seek_head(JournalReader *r) {
        forget_place(r);
        stream_starts_know_all(&r->starts);
        return sd_journal_seek_head(r->journal);
}

int journal_reader_seek_end(JournalReader *r) {
        forget_place(r);
        return sd_journal_seek_tail(r->journal);
}

/* Stands on the entry that was sought: the place before it is that of the entry before. */
static int stand_before(JournalReader *r) {
        int e;

        e = journal_guard_previous(r->journal);
        if (e == 0)
                return journal_reader_seek_head(r);
        if (e >= 0)
                e = journal_reader_copy_cursor(r, r->cursor);
        if (e >= 0)
                journal_reader_note_place(r);
        return e;
}

int journal_reader_seek_since(JournalReader *r, usec_t realtime_usec) {
        int e;

        forget_place(r);
        e = sd_journal_seek_realtime_usec(r->journal, realtime_usec);
        if (e >= 0)
                e = journal_guard_next(r->journal);
        if (e > 0)
                return stand_before(r);
        return e < 0 ? e : journal_reader_seek_end(r);
}

/* An entry of another source than is read here is there as well. */
static int is_there_unmatched(JournalReader *r, const char *cursor, bool *ret_found, bool *ret_stands) {
        int found, e;

        found = journal_has_cursor(r->journal, cursor);
        if (found < 0)
                return found;
        sd_journal_flush_matches(r->journal);
        e = journal_reader_match(r);
        if (e >= 0)
                e = journal_seek(r->journal, cursor, ret_stands);
        *ret_found = e > 0;
        return e < 0 ? e : found;
}

/* What there is goes on with the number behind that of the entry, which is gone: there was none between. */
static bool goes_on_behind(const JournalSource *source, const char *cursor) {
        JournalHeaders headers = {};
        JournalPlace place;
        bool found = false;

        if (!journal_place_parse(cursor, &place))
                return false;
        (void) journal_headers_read(&headers, source);
        for (size_t i = 0; i < headers.n; i++) {
                const JournalHeader *h = &headers.items[i];

                found |= journal_header_is_of(h, place.seqnum_id) && journal_header_first(h) == place.seqnum + 1;
        }
        journal_headers_done(&headers);
        return found;
}

int journal_reader_stand_at(JournalReader *r, const char *cursor, bool *ret_found, bool *ret_stands) {
        int e = journal_seek(r->journal, cursor, ret_stands);

        *ret_found = e > 0;
        if (e == 0)
                e = is_there_unmatched(r, cursor, ret_found, ret_stands);
        return e == 0 ? goes_on_behind(&r->source, cursor) : e;
}

/* What a place is like is believed only of files that are as they were when the handle was opened. */
static bool is_to_be_repeated(JournalReader *r, int e, unsigned *handles) {
        return e < 0 && ++*handles < HANDLES_MAX && journal_files_have_changed(&r->files, &r->source) &&
               journal_reader_open_handle(r) >= 0;
}

int journal_reader_seek_after(JournalReader *r, const char *cursor) {
        bool found = false, stands = false;
        unsigned handles = 0;
        int e;

        do
                e = journal_reader_stand_at(r, cursor, &found, &stands);
        while (is_to_be_repeated(r, e, &handles));
        if (e < 0)
                return e;
        forget_place(r);
        r->positioned = stands && !found;
        snprintf(r->cursor, sizeof(r->cursor), "%s", cursor);
        journal_reader_note_place(r);
        r->gone = e == 0; /* which the caller tells */
        return e;
}

int journal_reader_seek_before(JournalReader *r, const char *cursor) {
        unsigned handles = 0;
        bool stands = false;
        int e;

        do
                e = journal_seek(r->journal, cursor, &stands);
        while (is_to_be_repeated(r, e, &handles));
        if (e < 0)
                return e;
        forget_place(r);
        return stands ? e : journal_reader_seek_end(r);
}

int journal_reader_go_back(JournalReader *r, unsigned sources, const char *floor, unsigned max, uint64_t *lines) {
        int e;

        for (unsigned i = 0; i < max && *lines > 0; i++) {
                e = journal_guard_previous(r->journal);
                if (e == 0)
                        return journal_reader_seek_head(r) < 0 ? -EIO : 1;
                if (e < 0)
                        return e;
                if (*floor && sd_journal_test_cursor(r->journal, floor) > 0)
                        return journal_reader_seek_after(r, floor) < 0 ? -EIO : 1;
                e = journal_reader_read_entry(r);
                if (e < 0)
                        return e;
                if (r->entry.is_half)
                        continue; /* it is behind the last line */
                if (journal_entry_ends_line(&r->entry, r->unit, sources))
                        --*lines;
        }
        if (*lines > 0)
                return 0;
        e = stand_before(r);
        return e < 0 ? e : 1;
}

/* JournalReader: see journal-reader.h.
 *
 * What will surprise you: libsystemd maps the journal's files in windows of 8 MiB and keeps dozens of them, which
 * counts as this process's memory. What a long replay has touched is therefore let go from time to time. */
#include <remote-developer/journal-reader.h>

#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include "journal-internal.h"
#include "line-joiner.h"

#include <stdio.h>

struct JournalReader {
        JournalSource source;
        char *unit;
        sd_journal *journal;
        LineJoiner joiner;
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last entry taken; "" at first */
        bool positioned;                  /* a seek was made; the next entry is the wanted one */
        unsigned entries;                 /* read so far */
};

static int open_handle(JournalReader *r) {
        sd_journal *j;
        int e;

        e = journal_open(&r->source, &j);
        if (e < 0)
                return e;
        e = journal_match_unit(j, &r->source, r->unit);
        if (e < 0) {
                sd_journal_close(j);
                return e;
        }
        r->journal = j;
        return 0;
}

int journal_reader_open(const JournalSource *source, const char *unit, JournalReader **ret) {
        _cleanup_(journal_reader_freep) JournalReader *r = calloc(1, sizeof(JournalReader));
        int e;

        if (!r)
                return -ENOMEM;
        r->source = *source;
        e = string_replace(&r->unit, unit);
        if (e >= 0)
                e = open_handle(r);
        if (e >= 0)
                e = journal_reader_seek_head(r);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(r);
        return 0;
}

JournalReader *journal_reader_free(JournalReader *r) {
        if (!r)
                return NULL;
        sd_journal_close(r->journal);
        line_joiner_done(&r->joiner);
        free(r->unit);
        free(r);
        return NULL;
}

/* What was kept of lines belongs to the old place. */
static void forget_place(JournalReader *r) {
        line_joiner_done(&r->joiner);
        r->positioned = false;
        r->cursor[0] = 0;
}

int journal_reader_seek_head(JournalReader *r) {
        forget_place(r);
        return sd_journal_seek_head(r->journal);
}

static bool entry_ends_line(sd_journal *j) {
        const char *text;
        size_t size;

        return !journal_entry_goes_on(j) && journal_get_data(j, "MESSAGE", &text, &size) >= 0;
}

/* Stands on the entry before the last `lines` whole lines, or on that of the cursor if it comes first. 1: there is
 * one; 0: the log has no more lines than that. */
static int step_back(JournalReader *r, const char *cursor, uint64_t lines, uint64_t *ret_lines) {
        int e;

        *ret_lines = 0;
        while ((e = sd_journal_previous(r->journal)) > 0) {
                if (*cursor && sd_journal_test_cursor(r->journal, cursor) > 0)
                        return 1;
                if (!entry_ends_line(r->journal))
                        continue;
                if (*ret_lines == lines)
                        return 1;
                (*ret_lines)++;
        }
        return e;
}

int journal_reader_seek_tail_after(JournalReader *r, const char *cursor, uint64_t lines, uint64_t *ret_lines) {
        _cleanup_free_ char *found = NULL;
        int e;

        forget_place(r);
        e = sd_journal_seek_tail(r->journal);
        if (e >= 0)
                e = step_back(r, cursor, lines, ret_lines);
        if (e == 0)
                return sd_journal_seek_head(r->journal);
        if (e > 0)
                e = sd_journal_get_cursor(r->journal, &found);
        if (e >= 0)
                snprintf(r->cursor, sizeof(r->cursor), "%s", found);
        return MIN_OF(e, 0);
}

int journal_reader_seek_tail(JournalReader *r, uint64_t lines) {
        uint64_t found;

        return journal_reader_seek_tail_after(r, "", lines, &found);
}

const char *journal_reader_cursor(const JournalReader *r) {
        return r->cursor;
}

/* seek_cursor() goes to the entry or to the nearest one there is; only if it is that very entry may it be skipped. */
int journal_reader_seek_after(JournalReader *r, const char *cursor) {
        int e;

        e = sd_journal_seek_cursor(r->journal, cursor);
        if (e >= 0)
                e = sd_journal_next(r->journal);
        if (e < 0)
                return e;
        forget_place(r);
        r->positioned = e > 0 && sd_journal_test_cursor(r->journal, cursor) <= 0;
        snprintf(r->cursor, sizeof(r->cursor), "%s", cursor);
        return 0;
}

static int next_entry(JournalReader *r) {
        if (++r->entries % JOURNAL_MEMORY_ENTRIES == 0)
                journal_memory_release();
        if (!r->positioned)
                return sd_journal_next(r->journal);
        r->positioned = false;
        return 1;
}

int journal_reader_next(JournalReader *r, LogLine *ret) {
        int e;

        do {
                e = next_entry(r);
                if (e <= 0)
                        return e;
                e = line_joiner_take(&r->joiner, r->journal, r->unit, ret);
                if (e >= 0)
                        memcpy(r->cursor, ret->cursor, sizeof(r->cursor));
        } while (e == 0);
        return e;
}

int journal_reader_flush(JournalReader *r, LogLine *ret) {
        return line_joiner_flush(&r->joiner, r->unit, ret);
}

bool journal_reader_is_within_line(const JournalReader *r) {
        return r->joiner.n > 0;
}

bool journal_reader_source_is_readable(const JournalSource *source) {
        uint64_t bytes = 0;
        sd_journal *j;

        if (journal_open(source, &j) < 0)
                return false;
        if (sd_journal_get_usage(j, &bytes) < 0)
                bytes = 0;
        sd_journal_close(j);
        return bytes > 0;
}

bool journal_reader_source_is_persistent(const JournalSource *source) {
        sd_journal *j;
        int r;

        if (journal_open(source, &j) < 0)
                return false;
        r = sd_journal_has_persistent_files(j);
        sd_journal_close(j);
        return r > 0;
}

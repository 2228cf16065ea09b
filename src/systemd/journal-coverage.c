/* JournalCoverage: see journal-coverage.h. */
#include "journal-coverage.h"

#include <remote-developer/log-cursor.h>

#include <string.h>

void journal_coverage_done(JournalCoverage *c) {
        journal_headers_done(&c->headers);
}

/* A file that is still there, under its name, has not lost anything: that goes first. */
static void note_file(JournalHeader *h, const JournalPlace *p, usec_t now_usec, bool to_end) {
        bool own = p && journal_header_is_of(h, p->seqnum_id), there = true;
        uint64_t seqnum = own ? p->seqnum : UINT64_MAX, up_to;

        if (!own && !to_end)
                return;
        if ((own && !h->archived) || h->read_seqnum < h->tail_seqnum)
                there = journal_header_update(h) >= 0;
        if (!there && !own)
                return;
        /* Of one that is gone only this is known: no more of it was read. */
        if (!there)
                h->tail_seqnum = MAX_OF(h->tail_seqnum, seqnum);
        up_to = to_end && there ? h->tail_seqnum : MIN_OF(h->tail_seqnum, seqnum);
        if (up_to <= h->read_seqnum || up_to < h->head_seqnum)
                return;
        h->read_seqnum = up_to;
        h->read_usec = there && up_to == h->tail_seqnum ? h->tail_usec : now_usec;
}

void journal_coverage_note(JournalCoverage *c, const char *cursor, bool to_end) {
        JournalPlace place;
        bool placed = journal_place_parse(cursor, &place);

        for (size_t i = 0; i < c->headers.n; i++)
                note_file(&c->headers.items[i], placed ? &place : NULL, log_cursor_realtime(cursor), to_end);
}

bool journal_coverage_has_more(JournalCoverage *c) {
        for (size_t i = 0; i < c->headers.n; i++) {
                JournalHeader *h = &c->headers.items[i];

                if (!h->archived && (journal_header_update(h) < 0 || h->tail_seqnum > h->read_seqnum))
                        return true;
        }
        return false;
}

static JournalHeader *find_file(JournalHeaders *headers, const JournalHeader *file) {
        for (size_t i = 0; i < headers->n; i++)
                if (memcmp(headers->items[i].file_id, file->file_id, JOURNAL_ID_SIZE) == 0)
                        return &headers->items[i];
        return NULL;
}

/* The number of the first entry that is there, or will be, behind those that were read of a file. 0: there is none. */
static uint64_t first_behind(const JournalHeaders *now, const JournalHeader *gone) {
        uint64_t found = 0;

        for (size_t i = 0; i < now->n; i++) {
                const JournalHeader *h = &now->items[i];
                uint64_t first = journal_header_first(h);

                if (journal_header_is_of(h, gone->seqnum_id) && first > gone->read_seqnum &&
                    (found == 0 || first < found))
                        found = first;
        }
        return found;
}

static bool went_unread(const JournalHeaders *now, const JournalHeader *gone) {
        if (gone->tail_usec != 0 && gone->read_seqnum < gone->tail_seqnum)
                return true;
        /* Nothing was written to an archived one since it was looked at. */
        return !gone->archived && first_behind(now, gone) > gone->read_seqnum + 1;
}

static usec_t begin_behind(const JournalHeaders *now, usec_t since) {
        usec_t found = clock_realtime_usec();

        for (size_t i = 0; i < now->n; i++)
                if (now->items[i].head_usec > since)
                        found = MIN_OF(found, now->items[i].head_usec);
        return MAX_OF(found, since);
}

int journal_coverage_renew(JournalCoverage *c, const JournalSource *source, LogGap *ret) {
        LogGap gap = { .reason = LOG_GAP_VACUUMED, .lines = LOG_GAP_LINES_UNKNOWN };
        JournalHeaders now = {};
        bool unread = false;
        int r;

        r = journal_headers_read(&now, source);
        if (r < 0) {
                journal_headers_done(&now);
                return r;
        }
        for (size_t i = 0; i < c->headers.n; i++) {
                const JournalHeader *h = &c->headers.items[i];
                JournalHeader *still = find_file(&now, h);
                usec_t since = clock_is_set(h->read_usec) ? h->read_usec : h->head_usec;

                if (still) {
                        still->read_seqnum = h->read_seqnum;
                        still->read_usec = h->read_usec;
                } else if (went_unread(&now, h)) {
                        gap.since = unread ? MIN_OF(gap.since, since) : since;
                        unread = true;
                }
        }
        gap.until = unread ? begin_behind(&now, gap.since) : 0;
        journal_headers_done(&c->headers);
        c->headers = now;
        *ret = gap;
        return unread;
}

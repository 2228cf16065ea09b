/* JournalDoubles: see journal-doubles.h.
 *
 * What is known is one for the program, which reads one journal; where it turns to another, as tests do, it begins
 * anew. An entry whose number is less than the last one that its file was seen to have is whole, and costs nothing. */
#include "journal-doubles.h"

#include "journal-headers.h"
#include "journal-internal.h"

#include <remote-developer/strings.h>

/* A rotation takes its time where much is removed; where journald ended amid it, none comes. */
#define PENDING_USEC (10 * USEC_PER_SEC)
/* Two changes of a directory within one tick of the kernel's clock leave one stamp. */
#define TICK_USEC (20 * USEC_PER_MSEC)

static struct {
        bool is_known;
        char *directory; /* of the source; NULL: the machine's */
        JournalFiles files;
        usec_t settles_usec; /* monotonic; until then the files may have changed without a sign */
        JournalHeaders headers;
        size_t last;         /* of the headers: where an entry was found */
        JournalPlace *doubles;
        size_t n, allocated;
        usec_t open_usec; /* entries from then on may not be finished */
} known;

/* --- places --- */

static bool holds(const JournalHeader *h, const JournalPlace *p) {
        return h->tail_usec != 0 && h->head_seqnum <= p->seqnum && journal_header_is_of(h, p->seqnum_id);
}

/* The file that the place is in, if it is in any. */
static JournalHeader *find_header(const JournalPlace *p) {
        JournalHeader *found = NULL;

        for (size_t i = 0; i < known.headers.n; i++) {
                JournalHeader *h = &known.headers.items[i];

                if (holds(h, p) && (!found || h->head_seqnum > found->head_seqnum)) {
                        found = h;
                        known.last = i;
                }
        }
        return found;
}

/* --- the table --- */

static bool is_double(const JournalPlace *p) {
        for (size_t i = 0; i < known.n; i++)
                if (known.doubles[i].seqnum == p->seqnum &&
                    memcmp(known.doubles[i].seqnum_id, p->seqnum_id, JOURNAL_ID_SIZE) == 0)
                        return true;
        return false;
}

static void add_double(const JournalHeader *h, const JournalEntryId *id) {
        JournalPlace p = { .seqnum = id->seqnum, .realtime_usec = id->realtime }, *doubles;

        memcpy(p.seqnum_id, h->seqnum_id, JOURNAL_ID_SIZE);
        if (is_double(&p))
                return;
        if (known.n == known.allocated) {
                doubles = reallocarray(known.doubles, known.allocated * 2 + 8, sizeof(JournalPlace));
                if (!doubles)
                        return; /* a line twice is better than none */
                known.doubles = doubles;
                known.allocated = known.allocated * 2 + 8;
        }
        known.doubles[known.n++] = p;
}

/* --- looking at the files --- */

/* 1: the last entry is whole; 0: not; -ESTALE: the file was just renamed, or removed; else it cannot be read. */
static int read_last(const JournalHeader *h, JournalEntryId *ret) {
        _cleanup_(journal_image_done) JournalImage image = JOURNAL_IMAGE_NULL;
        bool linked = true;
        int r;

        r = journal_image_open(h->path, &image);
        if (r >= 0 && memcmp(h->file_id, image.header.file_id, JOURNAL_ID_SIZE) != 0)
                r = -ESTALE;
        if (r >= 0)
                r = journal_image_read_last(&image, ret, &linked);
        return r == -ENOENT ? -ESTALE : r < 0 ? r : linked;
}

static bool begins_with(const JournalHeader *h, const JournalEntryId *id) {
        _cleanup_(journal_image_done) JournalImage image = JOURNAL_IMAGE_NULL;
        JournalEntryId first;

        return journal_image_open(h->path, &image) >= 0 && journal_image_read_first(&image, &first) >= 0 &&
               journal_entry_id_is_same(&first, id);
}

/* The entry, the last one of `h`, is not whole. Has journald written it again, or will it? */
static JournalWriting look_behind(const JournalHeader *h, const JournalEntryId *id) {
        usec_t now = clock_realtime_usec();
        bool goes_on = false;

        for (size_t i = 0; i < known.headers.n; i++) {
                const JournalHeader *next = &known.headers.items[i];

                if (next == h || next->head_usec < id->realtime)
                        continue;
                if (next->head_usec == id->realtime && begins_with(next, id))
                        return JOURNAL_DOUBLE;
                goes_on |= next->head_usec > id->realtime;
        }
        /* journald writes nothing in between. */
        if (goes_on || now < id->realtime || now >= id->realtime + PENDING_USEC)
                return JOURNAL_WHOLE;
        return JOURNAL_PENDING;
}

static JournalWriting judge_last(const JournalHeader *h) {
        JournalEntryId id;
        JournalWriting w;
        int r;

        r = read_last(h, &id);
        if (r != 0)
                return r == -ESTALE ? JOURNAL_PENDING : JOURNAL_WHOLE;
        w = look_behind(h, &id);
        if (w == JOURNAL_DOUBLE)
                add_double(h, &id);
        return w;
}

/* A file's last entry may be double where another one begins at its time, or not be finished where none begins later.
 * `open_only`: those that begin in an archived file are known. */
static bool is_worth_a_look(const JournalHeader *h, bool open_only) {
        bool is_latest = true;

        for (size_t i = 0; i < known.headers.n; i++) {
                const JournalHeader *other = &known.headers.items[i];

                if (other != h && other->head_usec == h->tail_usec && !(open_only && other->archived))
                        return true;
                is_latest &= other->head_usec <= h->tail_usec;
        }
        return is_latest;
}

static void judge_files(bool open_only) {
        known.open_usec = clock_realtime_usec() - JOURNAL_SETTLED_USEC;
        for (size_t i = 0; i < known.headers.n; i++) {
                const JournalHeader *h = &known.headers.items[i];

                if (h->tail_usec != 0 && is_worth_a_look(h, open_only) && judge_last(h) == JOURNAL_PENDING)
                        known.open_usec = MIN_OF(known.open_usec, h->tail_usec);
        }
}

static void look_at_files(const JournalSource *source) {
        JournalFiles files = journal_files_now(source);

        if (files.stamp != known.files.stamp)
                known.settles_usec = clock_monotonic_usec() + TICK_USEC;
        known.files = files;
        known.n = known.last = 0;
        /* Of what there is no memory for, nothing is known: it is taken as it is. */
        (void) journal_headers_read(&known.headers, source);
        judge_files(false);
}

static bool is_stale(const JournalSource *source) {
        return clock_monotonic_usec() < known.settles_usec || journal_files_have_changed(&known.files, source);
}

static bool is_of_source(const JournalSource *source) {
        return known.is_known && string_equal(known.directory, source->directory);
}

static bool know(const JournalSource *source) {
        if (is_of_source(source))
                return true;
        known.is_known = string_replace(&known.directory, source->directory) >= 0;
        if (known.is_known)
                look_at_files(source);
        return known.is_known;
}

static bool update_open_files(const JournalPlace *p) {
        bool ok = true;

        for (size_t i = 0; i < known.headers.n; i++) {
                JournalHeader *h = &known.headers.items[i];

                if (!h->archived && (!p || journal_header_is_of(h, p->seqnum_id)))
                        ok &= journal_header_update(h) >= 0;
        }
        return ok;
}

void journal_doubles_refresh(const JournalSource *source) {
        if (!is_of_source(source))
                (void) know(source);
        else if (is_stale(source) || !update_open_files(NULL))
                look_at_files(source);
        else
                judge_files(true);
}

/* --- judging an entry --- */

bool journal_doubles_may_be(const JournalSource *source, usec_t realtime_usec) {
        if (!is_of_source(source) || realtime_usec >= known.open_usec)
                return true;
        for (size_t i = 0; i < known.n; i++)
                if (known.doubles[i].realtime_usec == realtime_usec)
                        return true;
        return false;
}

static const JournalHeader *find_updated(const JournalSource *source, const JournalPlace *p) {
        if (is_stale(source) || !update_open_files(p))
                look_at_files(source);
        return find_header(p);
}

JournalWriting journal_doubles_judge(const JournalSource *source, const char *cursor) {
        const JournalHeader *h;
        JournalPlace p;

        if (!journal_place_parse(cursor, &p) || !know(source))
                return JOURNAL_WHOLE;
        h = known.last < known.headers.n ? &known.headers.items[known.last] : NULL;
        if (h && holds(h, &p) && p.seqnum < h->tail_seqnum)
                return JOURNAL_WHOLE;
        if (is_double(&p))
                return JOURNAL_DOUBLE;
        h = find_header(&p);
        if (!h || p.seqnum >= h->tail_seqnum)
                h = find_updated(source, &p);
        if (!h || p.seqnum != h->tail_seqnum)
                return JOURNAL_WHOLE;
        if (judge_last(h) != JOURNAL_PENDING)
                return is_double(&p) ? JOURNAL_DOUBLE : JOURNAL_WHOLE;
        /* The next file may have come since. */
        look_at_files(source);
        return is_double(&p) ? JOURNAL_DOUBLE : JOURNAL_PENDING;
}

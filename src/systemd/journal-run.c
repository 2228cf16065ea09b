/* JournalRun: see journal-run.h.
 *
 * The entries are found by the list that the file has of those with the unit's value, and where the log is more than
 * that (a user's, see journal-match.c) another list is looked at, whether it has any in between. What lies in other
 * files, and what others say about the unit, is rare, and libsystemd is asked for it once: the first of that is where
 * the run ends. So is whatever was written later than the begin of the run.
 *
 * Not read here: values that are packed otherwise than by zstd. */
#include "journal-run.h"

#include "journal-guard.h"
#include "journal-headers.h"
#include "journal-internal.h"
#include "journal-unpack.h"
#include "journal-window.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include <stdio.h>

#define ITEMS_MAX 64
/* The first entry of a piece is read together with its text, if that is no longer; and one of the texts that come
 * again and again with some of the others. */
#define ENTRY_LEAD ((size_t) 1024)
#define TEXT_LEAD ((size_t) 4096)
/* With more files that may have entries in between it is left to libsystemd. To open them takes as long as to open a
 * reader, which opens them all. */
#define OTHERS_MAX 128

#define MESSAGE "MESSAGE="
#define MESSAGE_SIZE (sizeof(MESSAGE) - 1)

typedef struct RunPlace {
        uint64_t seqnum, monotonic, realtime, xor_hash;
} RunPlace;

struct JournalRun {
        JournalImage image;
        JournalWindow entries, texts; /* those that are not among the entries */
        JournalList unit;
        JournalList identifier; /* of the same log; not opened: there is none */
        uint64_t end_seqnum;    /* entries from then on are not of the run */
        char end[LOG_LINE_CURSOR_SIZE]; /* and neither are those from that one of another sequence on; "": none */

        uint64_t items[ITEMS_MAX]; /* of every entry, but for the text: where the values lie */
        size_t n_items;            /* with that */

        RunPlace place; /* of the entry taken last */
        char seqnum_id[2 * JOURNAL_ID_SIZE + 1], boot_id[2 * JOURNAL_ID_SIZE + 1];
        const char *text;
        size_t size;
        JournalUnpacker unpacker;
};

JournalRun *journal_run_free(JournalRun *r) {
        if (!r)
                return NULL;
        journal_image_done(&r->image);
        journal_window_done(&r->entries);
        journal_window_done(&r->texts);
        journal_list_done(&r->unit);
        journal_list_done(&r->identifier);
        journal_unpacker_done(&r->unpacker);
        free(r);
        return NULL;
}

/* --- texts --- */

/* "FIELD=value" of the value that lies there, into text and size. journald writes a value that is new in front of its
 * entry, so that it was nearly always read with the entries. */
static bool read_value(JournalRun *r, uint64_t offset) {
        size_t head = journal_data_size(&r->image);
        const ObjectHeader *o = journal_window_held(&r->entries, offset, OBJECT_DATA, head);

        if (!o)
                o = journal_window_object(&r->texts, &r->image, offset, OBJECT_DATA, head);
        if (!o)
                return false;
        r->text = (const char *) o + head;
        r->size = le64toh(o->size) - head;
        if (o->flags == 0)
                return true;
        if (o->flags != OBJECT_ZSTD || !journal_unpack(&r->unpacker, r->text, r->size, JOURNAL_WINDOW_MAX))
                return false;
        r->text = r->unpacker.value.data;
        r->size = r->unpacker.value.size;
        return true;
}

static bool read_text(JournalRun *r, uint64_t offset) {
        if (!read_value(r, offset) || r->size < MESSAGE_SIZE || memcmp(r->text, MESSAGE, MESSAGE_SIZE) != 0)
                return false;
        r->text += MESSAGE_SIZE;
        r->size -= MESSAGE_SIZE;
        return true;
}

/* --- cursors: as sd_journal_get_cursor() writes them --- */

static char *write_number(char *to, char name, uint64_t n) {
        static const char digits[] = "0123456789abcdef";
        int shift = n == 0 ? 0 : (63 - __builtin_clzll(n)) / 4 * 4;

        *to++ = ';';
        *to++ = name;
        *to++ = '=';
        for (; shift >= 0; shift -= 4)
                *to++ = digits[n >> shift & 15];
        return to;
}

static void write_id(char ret[static 2 * JOURNAL_ID_SIZE + 1], const uint8_t id[static JOURNAL_ID_SIZE]) {
        for (size_t i = 0; i < JOURNAL_ID_SIZE; i++)
                snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

static void write_cursor(const JournalRun *r, const RunPlace *place, char ret[static LOG_LINE_CURSOR_SIZE]) {
        char *to = ret;

        to = stpcpy(stpcpy(to, "s="), r->seqnum_id);
        to = write_number(to, 'i', place->seqnum);
        to = stpcpy(stpcpy(to, ";b="), r->boot_id);
        to = write_number(to, 'm', place->monotonic);
        to = write_number(to, 't', place->realtime);
        to = write_number(to, 'x', place->xor_hash);
        *to = 0;
}

/* --- entries --- */

static size_t count_items(const JournalRun *r, const EntryObject *e) {
        return (le64toh(e->object.size) - sizeof(*e)) / journal_item_size(&r->image);
}

static uint64_t item_of(const JournalRun *r, const EntryObject *e, size_t n) {
        return journal_offset_at(&r->image, (const char *) (e + 1) + n * journal_item_size(&r->image));
}

/* All items but one are those of the run. journald sorts them by where they lie, so that a text which was there before
 * may be anywhere among them. Where the one that differs lies; 0: there is more than that. */
static uint64_t find_text(const JournalRun *r, const EntryObject *e) {
        uint64_t text = 0, item;

        for (size_t i = 0, same = 0; i < r->n_items; i++) {
                item = item_of(r, e, i);
                if (same < r->n_items - 1 && item == r->items[same])
                        same++;
                else if (text != 0)
                        return 0;
                else
                        text = item;
        }
        return text;
}

static RunPlace place_of(const EntryObject *e) {
        return (RunPlace){ .seqnum = le64toh(e->seqnum), .monotonic = le64toh(e->monotonic),
                           .realtime = le64toh(e->realtime), .xor_hash = le64toh(e->xor_hash) };
}

static bool is_before_end(const JournalRun *r, const RunPlace *place) {
        char cursor[LOG_LINE_CURSOR_SIZE];

        if (place->seqnum <= r->place.seqnum || place->seqnum >= r->end_seqnum)
                return false;
        if (!*r->end)
                return true;
        write_cursor(r, place, cursor);
        return log_cursor_compare(cursor, r->end) < 0;
}

static bool take_next(JournalRun *r) {
        const EntryObject *e = journal_window_object(&r->entries, &r->image, r->unit.next, OBJECT_ENTRY, sizeof(*e));
        RunPlace place;
        uint64_t text;

        if (!e || count_items(r, e) != r->n_items)
                return false;
        place = place_of(e);
        text = is_before_end(r, &place) ? find_text(r, e) : 0;
        if (text == 0 || !read_text(r, text))
                return false;
        r->place = place;
        return true;
}

bool journal_run_next(JournalRun *r) {
        uint64_t here = r->unit.next, other = r->identifier.next;

        if (here == 0 || (other != 0 && other < here) || !take_next(r))
                return false;
        /* A list that cannot be read any more ends behind this entry. */
        if (!journal_list_advance(&r->unit, &r->image) ||
            (other == here && !journal_list_advance(&r->identifier, &r->image)))
                r->unit.next = 0;
        return true;
}

const char *journal_run_text(const JournalRun *r, size_t *ret_size) {
        *ret_size = r->size;
        return r->text;
}

void journal_run_cursor(const JournalRun *r, char ret[static LOG_LINE_CURSOR_SIZE]) {
        write_cursor(r, &r->place, ret);
}

usec_t journal_run_realtime(const JournalRun *r) {
        return r->place.realtime;
}

/* --- where it ends --- */

/* What the matches of the handle show first, from that cursor on, is where the run ends. */
static int end_before_next(JournalRun *r, sd_journal *j, const char *cursor, const JournalPlace *place) {
        _cleanup_free_ char *next = NULL;
        JournalPlace found;
        int e;

        e = sd_journal_seek_cursor(j, cursor);
        if (e >= 0)
                e = journal_guard_next(j);
        if (e > 0)
                e = sd_journal_get_cursor(j, &next);
        if (e < 0 || !next)
                return MIN_OF(e, 0);
        if (!journal_place_parse(next, &found))
                return -EBADMSG;
        if (memcmp(found.seqnum_id, place->seqnum_id, JOURNAL_ID_SIZE) == 0)
                r->end_seqnum = MIN_OF(r->end_seqnum, found.seqnum);
        else if (strlen(next) < sizeof(r->end))
                memcpy(r->end, next, strlen(next) + 1);
        else
                return -E2BIG;
        return 0;
}

typedef struct RunOpening {
        const JournalSource *source;
        const char *unit, *cursor;
        unsigned sources;
        JournalPlace place; /* of the cursor */
        JournalHeaders headers;
        const JournalHeader *file; /* that it is in */
} RunOpening;

/* Entries of these sources in these files. */
static int end_before(JournalRun *r, const RunOpening *o, const char **paths, unsigned sources) {
        sd_journal *j = NULL;
        int e;

        e = sd_journal_open_files(&j, paths, 0);
        if (e >= 0)
                e = journal_match_unit(j, o->source, o->unit, sources);
        if (e >= 0)
                e = end_before_next(r, j, o->cursor, &o->place);
        sd_journal_close(j);
        return e;
}

/* Of one sequence, and wholly before the cursor or behind the file: its entries come before or after the run. */
static bool lies_apart(const RunOpening *o, const JournalHeader *h) {
        return journal_header_is_of(h, o->place.seqnum_id) &&
               (h->tail_seqnum < o->place.seqnum || h->head_seqnum > o->file->tail_seqnum);
}

static int find_end(JournalRun *r, const RunOpening *o) {
        const char *own[] = { o->file->path, NULL }, *others[OTHERS_MAX + 1] = {};
        size_t n = 0;
        int e;

        for (size_t i = 0; i < o->headers.n; i++) {
                const JournalHeader *h = &o->headers.items[i];

                if (h == o->file || h->tail_usec == 0 || lies_apart(o, h))
                        continue;
                if (n == OTHERS_MAX)
                        return -E2BIG;
                others[n++] = h->path;
        }
        e = end_before(r, o, own, o->sources & ~LOG_SOURCES_OUTPUT);
        return e < 0 || n == 0 ? e : end_before(r, o, others, o->sources);
}

/* --- beginning --- */

static const JournalHeader *find_file(const RunOpening *o) {
        const JournalHeader *found = NULL;

        for (size_t i = 0; i < o->headers.n; i++) {
                const JournalHeader *h = &o->headers.items[i];

                if (h->tail_usec != 0 && journal_header_is_of(h, o->place.seqnum_id) &&
                    h->head_seqnum <= o->place.seqnum && o->place.seqnum < h->tail_seqnum)
                        found = h;
        }
        return found;
}

static bool open_file(JournalRun *r, const JournalHeader *file) {
        const JournalImageHeader *h = &r->image.header;

        if (journal_image_open(file->path, &r->image) < 0)
                return false;
        r->end_seqnum = h->tail_seqnum;
        return memcmp(h->file_id, file->file_id, JOURNAL_ID_SIZE) == 0;
}

static bool is_value(const JournalRun *r, const char *field, const char *value) {
        size_t n = strlen(field), m = strlen(value);

        return r->size == n + m && memcmp(r->text, field, n) == 0 && memcmp(r->text + n, value, m) == 0;
}

/* Which value of the entry is what. */
typedef struct RunValues {
        uint64_t unit, identifier;
        size_t text; /* of the items */
} RunValues;

static bool find_values(JournalRun *r, const RunOpening *o, RunValues *ret) {
        const char *field = o->source->scope == RUNTIME_SCOPE_USER ? "_SYSTEMD_USER_UNIT=" : "_SYSTEMD_UNIT=";
        char id[TASK_ID_SIZE + 1] = "";
        bool is_task = task_id_from_unit(o->unit, id);

        *ret = (RunValues){ .text = SIZE_MAX };
        for (size_t i = 0; i < r->n_items; i++) {
                uint64_t offset = r->items[i];

                if (!read_value(r, offset))
                        return false;
                if (is_value(r, field, o->unit))
                        ret->unit = offset;
                else if (is_task && is_value(r, "SYSLOG_IDENTIFIER=", id))
                        ret->identifier = offset;
                else if (r->size >= MESSAGE_SIZE && memcmp(r->text, MESSAGE, MESSAGE_SIZE) == 0) {
                        if (ret->text != SIZE_MAX)
                                return false;
                        ret->text = i;
                }
        }
        /* A user's log is what either of the two finds. */
        return ret->text != SIZE_MAX && ret->unit != 0 &&
               (o->source->scope == RUNTIME_SCOPE_SYSTEM || ret->identifier != 0);
}

static bool take_first(JournalRun *r, const RunOpening *o) {
        uint64_t offset = journal_find_entry(&r->image, o->place.seqnum);
        const EntryObject *e;
        RunValues values;

        e = offset > 0 ? journal_window_object(&r->entries, &r->image, offset, OBJECT_ENTRY, sizeof(*e)) : NULL;
        r->n_items = e ? count_items(r, e) : 0;
        if (r->n_items == 0 || r->n_items > ITEMS_MAX)
                return false;
        for (size_t i = 0; i < r->n_items; i++)
                r->items[i] = item_of(r, e, i);
        r->place = place_of(e);
        write_id(r->seqnum_id, o->place.seqnum_id);
        write_id(r->boot_id, e->boot_id);
        if (!find_values(r, o, &values))
                return false;
        memmove(&r->items[values.text], &r->items[values.text + 1],
                (r->n_items - values.text - 1) * sizeof(r->items[0]));
        return journal_list_open(&r->unit, &r->image, values.unit, offset) &&
               (o->source->scope == RUNTIME_SCOPE_SYSTEM ||
                journal_list_open(&r->identifier, &r->image, values.identifier, offset));
}

static int begin(RunOpening *o, JournalRun **ret) {
        _cleanup_(journal_run_freep) JournalRun *r = NULL;
        int e;

        if (!journal_place_parse(o->cursor, &o->place))
                return 0;
        e = journal_headers_read(&o->headers, o->source);
        o->file = e < 0 ? NULL : find_file(o);
        if (!o->file)
                return MIN_OF(e, 0);
        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->image = JOURNAL_IMAGE_NULL;
        r->entries.lead = ENTRY_LEAD;
        r->texts.lead = TEXT_LEAD;
        if (!open_file(r, o->file) || !take_first(r, o))
                return 0;
        e = find_end(r, o);
        if (e < 0)
                return e == -ENOMEM ? e : 0;
        *ret = TAKE_PTR(r);
        return 1;
}

int journal_run_begin(const JournalSource *source, const char *unit, unsigned sources, const char *cursor,
                      JournalRun **ret) {
        RunOpening o = { .source = source, .unit = unit, .sources = sources, .cursor = cursor };
        int e = begin(&o, ret);

        journal_headers_done(&o.headers);
        return e;
}

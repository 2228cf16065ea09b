/* JournalWindow: see journal-window.h. */
#include "journal-window.h"

#include <remote-developer/macros.h>

#include <string.h>
#include <sys/stat.h>

/* Read together of what lies behind each other, and of what does not. */
#define AHEAD ((size_t) 16 * 1024)
#define APART ((size_t) 512)

void journal_window_done(JournalWindow *w) {
        free(w->data);
        *w = JOURNAL_WINDOW_NULL;
}

static bool make_room(JournalWindow *w, size_t size) {
        char *data;

        if (size <= w->allocated)
                return true;
        data = size <= JOURNAL_WINDOW_MAX ? realloc(w->data, size) : NULL;
        if (!data)
                return false;
        w->data = data;
        w->allocated = size;
        return true;
}

/* journald takes a file's name away before it empties it. */
static bool is_there(const JournalImage *i) {
        struct stat st;

        return fstat(i->fd, &st) >= 0 && st.st_nlink > 0;
}

static const void *held(const JournalWindow *w, uint64_t offset, size_t size) {
        uint64_t end = w->begin + w->size;

        if (offset < w->begin || offset > end || size > end - offset || offset % sizeof(uint32_t) != 0)
                return NULL;
        return w->data + (offset - w->begin);
}

const void *journal_window_at(JournalWindow *w, const JournalImage *i, uint64_t offset, size_t size) {
        const void *found = held(w, offset, size);
        bool behind = offset >= w->begin && offset < w->begin + w->size + AHEAD;
        size_t wanted = MAX_OF(size, behind ? AHEAD : APART), lead = MIN_OF((uint64_t) w->lead, offset);
        ssize_t n;

        if (found)
                return found;
        w->size = 0;
        if (offset == 0 || offset > INT64_MAX || offset % sizeof(uint32_t) != 0 || !make_room(w, lead + wanted))
                return NULL;
        n = pread(i->fd, w->data, lead + wanted, (off_t) (offset - lead));
        if (n < 0 || (size_t) n < lead + size || !is_there(i))
                return NULL;
        w->begin = offset - lead;
        w->size = (size_t) n;
        return w->data + lead;
}

/* The size of an object that may be one of that type; 0: it is none. */
static size_t whole_size(const ObjectHeader *o, uint64_t offset, uint8_t type, size_t size) {
        uint64_t whole = o && offset % sizeof(uint64_t) == 0 ? le64toh(o->size) : 0;

        return whole < size || whole > JOURNAL_WINDOW_MAX || o->type != type ? 0 : (size_t) whole;
}

const void *journal_window_object(JournalWindow *w, const JournalImage *i, uint64_t offset, uint8_t type,
                                  size_t size) {
        size_t whole = whole_size(journal_window_at(w, i, offset, size), offset, type, size);

        return whole > 0 ? journal_window_at(w, i, offset, whole) : NULL;
}

const void *journal_window_held(const JournalWindow *w, uint64_t offset, uint8_t type, size_t size) {
        size_t whole = whole_size(held(w, offset, size), offset, type, size);

        return whole > 0 ? held(w, offset, whole) : NULL;
}

/* --- lists --- */

void journal_list_done(JournalList *l) {
        journal_window_done(&l->window);
        *l = JOURNAL_LIST_NULL;
}

static bool read_item(JournalWindow *w, const JournalImage *i, uint64_t array, uint64_t number, uint64_t *ret) {
        size_t size = journal_offset_size(i);
        const void *item = journal_window_at(w, i, array + sizeof(ArrayObject) + number * size, size);

        *ret = item ? journal_offset_at(i, item) : 0;
        return *ret != 0;
}

static const ArrayObject *read_array(JournalWindow *w, const JournalImage *i, uint64_t array) {
        return array % sizeof(uint64_t) == 0 ? journal_window_at(w, i, array, sizeof(ArrayObject)) : NULL;
}

/* The array that lies there becomes the list's current one. */
static bool enter_array(JournalList *l, const JournalImage *i, uint64_t array, uint64_t entries) {
        const ArrayObject *a = read_array(&l->window, i, array);
        uint64_t n;

        if (!a || a->object.type != OBJECT_ENTRY_ARRAY || le64toh(a->object.size) <= sizeof(*a))
                return false;
        n = (le64toh(a->object.size) - sizeof(*a)) / journal_offset_size(i);
        l->array = array;
        l->n = MIN_OF(n, entries);
        l->left = entries - l->n;
        l->at = 0;
        return l->n > 0;
}

static uint64_t next_array(JournalList *l, const JournalImage *i) {
        const ArrayObject *a = read_array(&l->window, i, l->array);

        return a ? le64toh(a->next) : 0;
}

/* The first item of the current array that is greater; it has one. */
static bool bisect(JournalList *l, const JournalImage *i, uint64_t entry) {
        uint64_t low = 0, high = l->n - 1, middle, item;

        while (low < high) {
                middle = low + (high - low) / 2;
                if (!read_item(&l->window, i, l->array, middle, &item))
                        return false;
                if (item > entry)
                        high = middle;
                else
                        low = middle + 1;
        }
        l->at = low;
        return true;
}

/* Through the arrays of `n` entries, the first of which lies at `array`, to the first entry that lies behind. */
static bool seek_behind(JournalList *l, const JournalImage *i, uint64_t array, uint64_t n, uint64_t entry) {
        uint64_t last;

        for (unsigned arrays = 0; n > 0 && arrays < JOURNAL_ARRAYS_MAX; arrays++) {
                if (!enter_array(l, i, array, n) || !read_item(&l->window, i, l->array, l->n - 1, &last))
                        return false;
                if (last > entry)
                        return bisect(l, i, entry) && journal_list_advance(l, i);
                n = l->left;
                array = n > 0 ? next_array(l, i) : 0;
        }
        l->n = l->at = l->left = l->next = 0;
        return n == 0;
}

bool journal_list_open(JournalList *l, const JournalImage *i, uint64_t value, uint64_t entry) {
        const DataObject *d = journal_window_object(&l->window, i, value, OBJECT_DATA, sizeof(*d));
        uint64_t n = d ? le64toh(d->n_entries) : 0, first = d ? le64toh(d->entry) : 0;

        /* Of a list that begins behind the entry nothing is known before it. */
        if (n == 0 || first > entry)
                return false;
        return seek_behind(l, i, le64toh(d->entry_array), n - 1, entry);
}

bool journal_list_advance(JournalList *l, const JournalImage *i) {
        uint64_t before = l->next;

        if (l->at == l->n && l->left > 0 && !enter_array(l, i, next_array(l, i), l->left))
                return false;
        l->next = 0;
        if (l->at == l->n)
                return true;
        return read_item(&l->window, i, l->array, l->at++, &l->next) && l->next > before;
}

/* --- all entries --- */

static bool read_seqnum(JournalList *l, JournalWindow *w, const JournalImage *i, uint64_t number, uint64_t *ret,
                        uint64_t *ret_offset) {
        const EntryObject *e = NULL;

        if (read_item(&l->window, i, l->array, number, ret_offset) && *ret_offset % sizeof(uint64_t) == 0)
                e = journal_window_at(w, i, *ret_offset, sizeof(*e));
        if (!e || e->object.type != OBJECT_ENTRY)
                return false;
        *ret = le64toh(e->seqnum);
        return true;
}

/* In the array that the entry is in, if it is in any. */
static uint64_t find_in_array(JournalList *l, JournalWindow *w, const JournalImage *i, uint64_t wanted) {
        uint64_t low = 0, high = l->n - 1, middle, seqnum, offset;

        while (low <= high && high < l->n) {
                middle = low + (high - low) / 2;
                if (!read_seqnum(l, w, i, middle, &seqnum, &offset))
                        return 0;
                if (seqnum == wanted)
                        return offset;
                if (seqnum < wanted)
                        low = middle + 1;
                else
                        high = middle - 1;
        }
        return 0;
}

static uint64_t find_entry(JournalList *l, JournalWindow *w, const JournalImage *i, uint64_t wanted) {
        uint64_t array = i->header.entry_array_offset, n = i->header.n_entries, last, offset;

        for (unsigned arrays = 0; n > 0 && arrays < JOURNAL_ARRAYS_MAX; arrays++) {
                if (!enter_array(l, i, array, n) || !read_seqnum(l, w, i, l->n - 1, &last, &offset))
                        return 0;
                if (last >= wanted)
                        return find_in_array(l, w, i, wanted);
                n = l->left;
                array = next_array(l, i);
        }
        return 0;
}

uint64_t journal_find_entry(const JournalImage *i, uint64_t seqnum) {
        JournalList all = JOURNAL_LIST_NULL;
        JournalWindow w = JOURNAL_WINDOW_NULL;
        uint64_t found = find_entry(&all, &w, i, seqnum);

        journal_list_done(&all);
        journal_window_done(&w);
        return found;
}

/* JournalImage: see journal-image.h. */
#include "journal-image.h"

#include "journal-object.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>

#define SIGNATURE "LPKSHHRH"

/* journald takes no more fields of one entry. */
#define ITEMS_MAX 1024
#define PAGE_MAX 4096

static int read_at(const JournalImage *i, uint64_t offset, void *to, size_t size) {
        ssize_t n;

        if (offset == 0 || offset > INT64_MAX - size)
                return -EBADMSG;
        n = pread(i->fd, to, size, (off_t) offset);
        return n < 0 ? -errno : n == (ssize_t) size ? 0 : -EBADMSG;
}

/* `size` of what is wanted of it, which begins with its header. */
static int read_object(const JournalImage *i, uint64_t offset, uint8_t type, void *to, size_t size) {
        ObjectHeader *object = to;
        int r;

        r = read_at(i, offset, to, size);
        if (r < 0)
                return r;
        object->size = le64toh(object->size);
        return object->type == type && object->size >= size && object->size <= INT64_MAX ? 0 : -EBADMSG;
}

/* An offset, which the compact form has in 32 bits. */
static int read_offset(const JournalImage *i, uint64_t at, uint64_t *ret) {
        uint64_t bytes = 0;
        int r = read_at(i, at, &bytes, journal_offset_size(i));

        *ret = journal_offset_at(i, &bytes);
        return r;
}

/* The item of that number in the list of arrays. */
static int read_array_item(const JournalImage *i, uint64_t array, uint64_t number, uint64_t *ret) {
        ArrayObject a;
        uint64_t n;
        int r;

        for (unsigned arrays = 0; arrays < JOURNAL_ARRAYS_MAX; arrays++) {
                r = read_object(i, array, OBJECT_ENTRY_ARRAY, &a, sizeof(a));
                if (r < 0)
                        return r;
                n = (a.object.size - sizeof(a)) / journal_offset_size(i);
                if (number < n)
                        return read_offset(i, array + sizeof(a) + number * journal_offset_size(i), ret);
                number -= n;
                array = le64toh(a.next);
        }
        return -EBADMSG;
}

/* --- the file --- */

static void to_host_order(JournalImageHeader *h) {
        h->incompatible_flags = le32toh(h->incompatible_flags);
        for (uint64_t *n = &h->header_size; n <= &h->tail_monotonic; n++)
                *n = le64toh(*n);
}

static int read_header(JournalImage *i) {
        ssize_t n = pread(i->fd, &i->header, sizeof(i->header), 0);

        if (n < 0)
                return -errno;
        if (n != sizeof(i->header) || memcmp(i->header.signature, SIGNATURE, sizeof(i->header.signature)) != 0)
                return -EBADMSG;
        to_host_order(&i->header);
        return i->header.incompatible_flags & ~JOURNAL_FLAGS_KNOWN ? -EPROTONOSUPPORT : 0;
}

int journal_image_open(const char *path, JournalImage *ret) {
        JournalImage i = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
        int r = i.fd < 0 ? -errno : read_header(&i);

        if (r < 0) {
                closep(&i.fd);
                return r;
        }
        *ret = i;
        return 0;
}

void journal_image_done(JournalImage *i) {
        closep(&i->fd);
        i->fd = -EBADF;
}

/* --- entries --- */

bool journal_entry_id_is_same(const JournalEntryId *a, const JournalEntryId *b) {
        return a->realtime == b->realtime && a->monotonic == b->monotonic && a->xor_hash == b->xor_hash &&
               memcmp(a->boot_id, b->boot_id, sizeof(a->boot_id)) == 0;
}

static int read_entry(const JournalImage *i, uint64_t offset, JournalEntryId *ret, size_t *ret_items_size) {
        EntryObject e;
        int r;

        r = read_object(i, offset, OBJECT_ENTRY, &e, sizeof(e));
        if (r < 0)
                return r;
        *ret = (JournalEntryId){ .seqnum = le64toh(e.seqnum), .realtime = le64toh(e.realtime),
                                 .monotonic = le64toh(e.monotonic), .xor_hash = le64toh(e.xor_hash) };
        memcpy(ret->boot_id, e.boot_id, sizeof(ret->boot_id));
        *ret_items_size = e.object.size - sizeof(e);
        return 0;
}

int journal_image_read_first(const JournalImage *i, JournalEntryId *ret) {
        uint64_t offset;
        size_t size;
        int r;

        if (i->header.n_entries == 0)
                return -ENOENT;
        r = read_array_item(i, i->header.entry_array_offset, 0, &offset);
        return r < 0 ? r : read_entry(i, offset, ret, &size);
}

/* Whether the value that lies there leads to that entry, as its last one. */
static int leads_to(const JournalImage *i, uint64_t value, uint64_t entry) {
        uint64_t last = 0, n;
        CompactData d = {};
        int r;

        r = read_object(i, value, OBJECT_DATA, &d, journal_data_size(i));
        if (r < 0)
                return r;
        n = le64toh(d.data.n_entries);
        if (n <= 1)
                return n == 1 && le64toh(d.data.entry) == entry;
        if (d.n_tail > 0)
                r = read_array_item(i, le32toh(d.tail_array), le32toh(d.n_tail) - 1, &last);
        else
                r = read_array_item(i, le64toh(d.data.entry_array), n - 2, &last);
        return r < 0 ? r : last == entry;
}

static int is_linked(const JournalImage *i, uint64_t entry, size_t items_size) {
        size_t item = journal_item_size(i);
        uint64_t value;
        int r = 1;

        for (size_t n = 0; r > 0 && n < MIN_OF(items_size / item, (size_t) ITEMS_MAX); n++) {
                r = read_offset(i, entry + sizeof(EntryObject) + n * item, &value);
                if (r >= 0)
                        r = leads_to(i, value, entry);
        }
        return r;
}

/* Where the longest list could grow without the file, none had to be left as it was: nearly always. */
static bool has_room(const JournalImage *i) {
        const JournalImageHeader *h = &i->header;
        uint64_t need = sizeof(ArrayObject) + 2 * (h->n_entries + 1) * journal_offset_size(i) + PAGE_MAX;
        ObjectHeader tail;

        if (h->n_entries > UINT32_MAX || read_at(i, h->tail_object_offset, &tail, sizeof(tail)) < 0)
                return false;
        return h->header_size + h->arena_size > h->tail_object_offset + le64toh(tail.size) + need;
}

int journal_image_read_last(const JournalImage *i, JournalEntryId *ret, bool *ret_linked) {
        uint64_t offset;
        size_t size;
        int r;

        if (i->header.n_entries == 0)
                return -ENOENT;
        r = read_array_item(i, i->header.entry_array_offset, i->header.n_entries - 1, &offset);
        if (r >= 0)
                r = read_entry(i, offset, ret, &size);
        if (r >= 0)
                r = has_room(i) ? 1 : is_linked(i, offset, size);
        if (r < 0)
                return r;
        *ret_linked = r > 0;
        return 0;
}

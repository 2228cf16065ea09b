/* What lies in a file of the journal, in little endian: https://systemd.io/JOURNAL_FILE_FORMAT. */
#pragma once

#include "journal-image.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

/* What a reader must understand: compression, keyed hashes, and the compact form. */
#define JOURNAL_FLAGS_KNOWN 31U
#define JOURNAL_FLAG_COMPACT (1U << 4)

/* Arrays grow with each one by half of all that were before it, or more. */
#define JOURNAL_ARRAYS_MAX 64

enum { OBJECT_DATA = 1, OBJECT_ENTRY = 3, OBJECT_ENTRY_ARRAY = 6 };

/* ObjectHeader.flags of a value that is packed. */
enum { OBJECT_XZ = 1, OBJECT_LZ4 = 2, OBJECT_ZSTD = 4 };

typedef struct ObjectHeader {
        uint8_t type, flags, reserved[6];
        uint64_t size;
} ObjectHeader;

/* Behind it "FIELD=value". */
typedef struct DataObject {
        ObjectHeader object;
        uint64_t hash, next_hash, next_field;
        uint64_t entry, entry_array, n_entries; /* the first entry, and a list of the others */
} DataObject;

/* In the compact form, so that the list need not be gone through; each value has a byte at least behind it. */
typedef struct CompactData {
        DataObject data;
        uint32_t tail_array, n_tail;
} CompactData;

/* Behind it its items: where each of its values lies, and in the form that is not compact the value's hash. */
typedef struct EntryObject {
        ObjectHeader object;
        uint64_t seqnum, realtime, monotonic;
        uint8_t boot_id[JOURNAL_ID_SIZE];
        uint64_t xor_hash;
} EntryObject;

/* Behind it offsets, in ascending order, and zeros. */
typedef struct ArrayObject {
        ObjectHeader object;
        uint64_t next;
} ArrayObject;

/* --- the compact form, in which offsets are of 32 bits --- */

static inline bool journal_image_is_compact(const JournalImage *i) {
        return i->header.incompatible_flags & JOURNAL_FLAG_COMPACT;
}

static inline size_t journal_offset_size(const JournalImage *i) {
        return journal_image_is_compact(i) ? sizeof(uint32_t) : sizeof(uint64_t);
}

static inline size_t journal_item_size(const JournalImage *i) {
        return journal_image_is_compact(i) ? sizeof(uint32_t) : 2 * sizeof(uint64_t);
}

static inline size_t journal_data_size(const JournalImage *i) {
        return journal_image_is_compact(i) ? sizeof(CompactData) : sizeof(DataObject);
}

/* The offset that lies at `p`, of an item or in an array. */
static inline uint64_t journal_offset_at(const JournalImage *i, const void *p) {
        uint64_t wide = 0;
        uint32_t narrow = 0;

        if (journal_image_is_compact(i)) {
                memcpy(&narrow, p, sizeof(narrow));
                return le32toh(narrow);
        }
        memcpy(&wide, p, sizeof(wide));
        return le64toh(wide);
}

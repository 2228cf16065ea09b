/* JournalImage: a file of the journal as it lies on disk, read a piece at a time and never mapped, so that one which
 * is cut or emptied meanwhile is an error and no signal: https://systemd.io/JOURNAL_FILE_FORMAT. It tells what
 * libsystemd does not: which entry is the file's first or last, and whether journald finished writing it.
 *
 * All numbers are checked before they are used; -EBADMSG: the file is damaged, or was written to in this moment.
 */
#pragma once

#include <remote-developer/clock.h>

#define JOURNAL_ID_SIZE 16

typedef struct JournalImageHeader {
        uint8_t signature[8];
        uint32_t compatible_flags, incompatible_flags;
        uint8_t state, reserved[7];
        uint8_t file_id[JOURNAL_ID_SIZE], machine_id[JOURNAL_ID_SIZE], boot_id[JOURNAL_ID_SIZE];
        uint8_t seqnum_id[JOURNAL_ID_SIZE];
        uint64_t header_size, arena_size;
        uint64_t data_hash_table_offset, data_hash_table_size, field_hash_table_offset, field_hash_table_size;
        uint64_t tail_object_offset, n_objects, n_entries;
        uint64_t tail_seqnum, head_seqnum;
        uint64_t entry_array_offset;
        uint64_t head_realtime, tail_realtime, tail_monotonic; /* of the first entry and the last one */
} JournalImageHeader;

typedef struct JournalImage {
        int fd;
        JournalImageHeader header; /* in this machine's order of bytes */
} JournalImage;

#define JOURNAL_IMAGE_NULL ((JournalImage){ .fd = -EBADF })

int journal_image_open(const char *path, JournalImage *ret);
void journal_image_done(JournalImage *i);

/* What makes two entries the same writing: all but the number that they got in their file. */
typedef struct JournalEntryId {
        uint64_t seqnum;
        uint64_t realtime, monotonic;
        uint8_t boot_id[JOURNAL_ID_SIZE];
        uint64_t xor_hash; /* of all fields */
} JournalEntryId;

bool journal_entry_id_is_same(const JournalEntryId *a, const JournalEntryId *b);

/* -ENOENT: there is no entry. */
int journal_image_read_first(const JournalImage *i, JournalEntryId *ret);

/* The last entry, and whether each of its fields leads to it. journald appends an entry to the file's list of entries
 * and then to the list of each field's value. Where such a list has to grow and the file must not, that value does not
 * lead to the entry, ever; journald rotates, and writes the entry once more. */
int journal_image_read_last(const JournalImage *i, JournalEntryId *ret, bool *ret_linked);

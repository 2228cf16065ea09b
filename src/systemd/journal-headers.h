/* JournalHeaders: what each file of the journal says of itself, and which entries are in it. Null is complete, and
 * empty. What cannot be read is left out, as libsystemd leaves it out.
 */
#pragma once

#include "journal-files.h"
#include "journal-image.h"

typedef struct JournalHeader {
        char *path;
        uint8_t file_id[JOURNAL_ID_SIZE], seqnum_id[JOURNAL_ID_SIZE];
        uint64_t head_seqnum, tail_seqnum;
        usec_t head_usec, tail_usec; /* of the day; 0: there is no entry */
        bool archived;               /* by its name: nothing is written to it any more */
        uint64_t read_seqnum;        /* for journal-coverage.c: up to where it was read, and when that was written */
        usec_t read_usec;
} JournalHeader;

typedef struct JournalHeaders {
        JournalHeader *items;
        size_t n, allocated;
} JournalHeaders;

void journal_headers_done(JournalHeaders *h);

/* All files as they are now. What was in `h` is forgotten. */
int journal_headers_read(JournalHeaders *h, const JournalSource *source);

/* Where an entry is, by the journal's own cursor. */
typedef struct JournalPlace {
        uint8_t seqnum_id[JOURNAL_ID_SIZE];
        uint64_t seqnum;
        usec_t realtime_usec; /* for who sets it */
} JournalPlace;

bool journal_place_parse(const char *cursor, JournalPlace *ret);

/* Of the same sequence, as the files of one rotation after the other are. */
bool journal_header_is_of(const JournalHeader *h, const uint8_t seqnum_id[static JOURNAL_ID_SIZE]);

/* The number of its first entry; of one that is empty, with which it will begin. */
static inline uint64_t journal_header_first(const JournalHeader *h) {
        return h->tail_usec != 0 ? h->head_seqnum : h->tail_seqnum + 1;
}

/* Reads one of them again. -ESTALE: its name is another file's by now. */
int journal_header_update(JournalHeader *h);

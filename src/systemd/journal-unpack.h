/* JournalUnpacker: values that journald has packed, by zstd, as it does with those of more than 512 bytes. Null is
 * complete.
 */
#pragma once

#include <remote-developer/buffer.h>

typedef struct JournalUnpacker {
        struct ZSTD_DCtx_s *context;
        Buffer value; /* the one unpacked last */
} JournalUnpacker;

#define JOURNAL_UNPACKER_NULL ((JournalUnpacker){})
void journal_unpacker_done(JournalUnpacker *u);

/* Into `u->value`, at most `max` bytes. False: it is damaged, longer, or there is no memory. */
bool journal_unpack(JournalUnpacker *u, const void *data, size_t size, size_t max);

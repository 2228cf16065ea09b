/* JournalUnpacker: see journal-unpack.h. */
#include "journal-unpack.h"

#include <zstd.h>

void journal_unpacker_done(JournalUnpacker *u) {
        ZSTD_freeDCtx(u->context);
        buffer_done(&u->value);
        *u = JOURNAL_UNPACKER_NULL;
}

static bool make_room(JournalUnpacker *u, size_t size) {
        if (!u->context)
                u->context = ZSTD_createDCtx();
        if (u->value.allocated <= size) {
                buffer_done(&u->value);
                u->value.data = malloc(size + 1);
                u->value.allocated = u->value.data ? size + 1 : 0;
        }
        return u->context && u->value.data;
}

bool journal_unpack(JournalUnpacker *u, const void *data, size_t size, size_t max) {
        unsigned long long whole = ZSTD_getFrameContentSize(data, size);
        size_t n;

        u->value.size = 0;
        if (whole == 0 || whole > max || !make_room(u, whole)) /* numbers beyond `max` stand for errors as well */
                return false;
        n = ZSTD_decompressDCtx(u->context, u->value.data, whole, data, size);
        if (ZSTD_isError(n))
                return false;
        u->value.size = n;
        u->value.data[n] = 0;
        return true;
}

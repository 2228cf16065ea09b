/* Any bytes as what a program writes, in chunks whose sizes are bytes of it too: they come back from journald (a
 * stand-in, relayed.h) as they were. The first byte says whether there are two streams; with two, the lowest bit of a
 * chunk's first byte says which one it is on. Seeds are in corpus/line-mark. */
#include "replay.h"

#include "relayed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(relayed_done) Relayed r = {};
        bool separate = size > 0 && data[0] % 2;

        relayed_begin(&r, separate);
        for (size_t i = 1; i < size;) {
                size_t chunk = MIN_OF((size_t) data[i] * data[i] + 1, size - i);

                relay(&r, separate ? data[i] % 2 : 0, (const char *) data + i, chunk);
                i += chunk;
        }
        relayed_end(&r);
        assert(r.journal.cut == 0);
        assert(comes_back(&r, 0));
        if (!comes_back(&r, 1)) {
                put(&r.written[1], "\n", 1);
                assert(comes_back(&r, 1));
        }
        return 0;
}

REPLAY_MAIN("line-mark")

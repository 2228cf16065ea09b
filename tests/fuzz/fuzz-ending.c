/* Any bytes as a recorder's file: refused, or an ending that, written again, reads the same. Seeds are in
 * corpus/ending. */
#include "replay.h"

#include <remote-developer/ending.h>

static void check_round_trip(const Ending *e) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        Ending again = {};

        assert(ending_to_text(e, &text) >= 0);
        assert(ending_from_text(text.data, &again) >= 0);
        assert(string_equal(e->service_result, again.service_result));
        assert(string_equal(e->exit_status, again.exit_status));
        assert(string_equal(e->invocation_id, again.invocation_id));
        assert(e->ended_at == again.ended_at);
        assert(e->ended_at_boottime == again.ended_at_boottime);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        Ending e = {};

        if (buffer_append(&text, data, size) < 0)
                return 0;
        if (ending_from_text(text.data, &e) >= 0)
                check_round_trip(&e);
        return 0;
}

REPLAY_MAIN("ending")

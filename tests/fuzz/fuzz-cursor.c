/* Any bytes as a cursor of a client, as one of the journal's own, and two of them, a line each, in their order. What
 * is decoded is encoded again and comes back; order is the same from both sides. Seeds are in corpus/cursor. */
#include "replay.h"

#include "../../src/systemd/journal-headers.h"

#include <remote-developer/log-cursor.h>

#define TASK "task-1700000000-abcdef"
#define OTHER_TASK "task-1700000000-fedcba"

static void check_round_trip(const char *journal_cursor) {
        char encoded[LOG_CURSOR_SIZE], decoded[LOG_CURSOR_SIZE], again[LOG_CURSOR_SIZE];

        if (log_cursor_encode(TASK, journal_cursor, encoded) < 0)
                return;
        assert(strlen(encoded) < LOG_CURSOR_SIZE && !strpbrk(encoded, ";="));
        if (strpbrk(journal_cursor, "._"))
                return; /* the journal has none, and they would not come back */
        assert(log_cursor_decode(OTHER_TASK, encoded, again) == -EINVAL);
        if (*journal_cursor) {
                assert(log_cursor_decode(TASK, encoded, decoded) == 0);
                assert(string_equal(decoded, journal_cursor));
        }
}

static int sign(int n) {
        return (n > 0) - (n < 0);
}

static void check_order(const char *a, const char *b) {
        assert(log_cursor_compare(a, a) == 0 && log_cursor_compare(b, b) == 0);
        assert(sign(log_cursor_compare(a, b)) == -sign(log_cursor_compare(b, a)));
}

static void check_place(const char *cursor) {
        JournalPlace place;
        char of_time[LOG_CURSOR_SIZE];

        if (journal_place_parse(cursor, &place))
                assert(string_has_prefix(cursor, "s="));
        log_cursor_of_time(log_cursor_realtime(cursor), of_time);
        assert(log_cursor_realtime(of_time) == log_cursor_realtime(cursor));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *a = strndup((const char *) data, size), *b = NULL;
        char decoded[LOG_CURSOR_SIZE], *newline;

        assert(a);
        newline = strchr(a, '\n');
        /* Each in memory of its own, so that a sanitizer sees who reads too far. */
        b = strdup(newline ? newline + 1 : "");
        assert(b);
        if (newline)
                *newline = 0;
        if (log_cursor_decode(TASK, a, decoded) == 0)
                check_round_trip(decoded);
        check_round_trip(a);
        check_place(a);
        check_order(a, b);
        return 0;
}

REPLAY_MAIN("cursor")

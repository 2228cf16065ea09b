/* What goes through a LineMarker and journald comes back as it was; journald is a stand-in here (relayed.h). */
#include "relayed.h"
#include "tap.h"

#include <remote-developer/strings.h>

static uint64_t state = 1;

static unsigned pick(unsigned n) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (unsigned) (state >> 33) % n;
}

/* --- the tests --- */

#define END "\xe2\x80\x8b"
#define GOES_ON "\xe2\x81\xa0"
#define ERROR_END "\xe2\x80\x8c"

static void test_marks_are_put_and_taken(void) {
        static const struct {
                const char *written, *sent, *sent_as_stderr;
        } rows[] = {
                { "a\n", "a\n", "a" ERROR_END "\n" },
                { "\n", END "\n", ERROR_END "\n" },
                { "a\n\n\nb\n", "a\n" END "\n" END "\nb\n", NULL },
                { " a\n", " a\n", NULL },
                { "a \n", "a " END "\n", "a " ERROR_END "\n" },
                { "a\t\n", "a\t" END "\n", NULL },
                { "a\r\nb\r\n", "a\r" END "\nb\r" END "\n", NULL },
                { "  \n", "  " END "\n", NULL },
                { "a" END "\n", "a" END END "\n", "a" END ERROR_END "\n" },
                { GOES_ON "\n", GOES_ON END "\n", NULL },
                { ERROR_END "b\n", ERROR_END "b\n", NULL },
                { "a", "a", "a" ERROR_END },
                { "a ", "a " END, NULL },
                { "a\nb", "a\nb", "a" ERROR_END "\nb" ERROR_END },
                { "\xff\n\xe2\x80\n", "\xff\n\xe2\x80\n", NULL },
                { "", "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t source = 0; source < SOURCES; source++) {
                        const char *sent = source == 0 ? rows[i].sent : rows[i].sent_as_stderr;
                        _cleanup_(relayed_done) Relayed r = {};
                        LineMarker *m;
                        struct iovec v[64];
                        size_t n;

                        if (!sent)
                                continue;
                        relayed_begin(&r, false);
                        m = r.markers[source];
                        memcpy(line_marker_room(m, &n), rows[i].written, strlen(rows[i].written));
                        line_marker_add(m, strlen(rows[i].written));
                        n = line_marker_give(m, v, 61);
                        n += line_marker_end(m, false, v + n);
                        r.journal.line_max = SIZE_MAX;
                        for (size_t k = 0; k < n; k++)
                                put(&r.journal.waiting, v[k].iov_base, v[k].iov_len);
                        TAP_CHECK_STRING(r.journal.waiting.data ?: "", sent);
                }
}

static void check(const char *what, const char *data, size_t size) {
        _cleanup_(relayed_done) Relayed r = {};

        relayed_begin(&r, false);
        relay(&r, 0, data, size);
        relayed_end(&r);
        if (!comes_back(&r, 0) || r.journal.cut > 0)
                TAP_CHECK_STRING(what, "as it was written, never cut by journald");
}

/* A NUL byte ends an entry; the reader puts it back. */
static void test_nul_bytes(void) {
        static const char *const texts[] = { "a\0b\n", "\0\0\0\n", "a \0\0 \n", "\n\0\n\0", "\0", END "\0\n", "x\0 " };
        static const size_t sizes[] = { 4, 4, 6, 4, 1, 5, 3 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                check("NUL", texts[i], sizes[i]);
}

/* Around the size at which a line is cut: with blanks or halves of characters at the cut. */
static void test_long_lines(void) {
        static const char *const fillings[] = { "x", " ", "\t", "\xc3\xa4", "\xe6\xbc\xa2", "\xf0\x9f\x99\x82",
                                                END, "\x80" };
        static char text[4 * LINE_MARKER_PIECE_MAX];

        for (size_t f = 0; f < ELEMENTSOF(fillings); f++)
                for (size_t multiple = 1; multiple <= 3; multiple++)
                        for (size_t d = 0; d <= 12; d++) {
                                size_t size = multiple * LINE_MARKER_PIECE_MAX + d - 6, n = strlen(fillings[f]);

                                for (size_t i = 0; i < size; i++)
                                        text[i] = fillings[f][i % n];
                                check("without newline", text, size);
                                text[size] = '\n';
                                check("with newline", text, size + 1);
                        }
}

/* Cut between characters, so that journalctl shows each piece as text; never longer than LineMax= lets through. */
static void test_cuts_are_between_characters(void) {
        _cleanup_(relayed_done) Relayed r = {};
        const char *text = "x\xe6\xbc\xa2\xe6\xbc\xa2";

        relayed_begin(&r, false);
        for (size_t i = 0; i < 300000; i++) /* also when they come in parts */
                relay(&r, 0, text + i % 7, 1);
        relay(&r, 0, "\n", 1);
        TAP_CHECK(r.journal.entries >= 9);
        TAP_CHECK(r.journal.longest <= LINE_MARKER_PIECE_MAX + LINE_MARK_SIZE);
        TAP_CHECK(r.journal.longest >= LINE_MARKER_PIECE_MAX - 3);
        TAP_CHECK_INT(r.journal.broken, 0);
        TAP_CHECK(comes_back(&r, 0));
}

/* What a program writes with most weight on what is hard. */
static size_t write_random(char *to, size_t size) {
        static const char *const parts[] = { "\n", "\n", " ", "\t", "\r", "x", "word", END, GOES_ON, ERROR_END,
                                             "\xe2\x81\xa3", "\xe2", "\x80\x8b", "\xf0\x9f\x99\x82", "\xff" };
        size_t n = 0;

        while (n + 8 < size) {
                unsigned choice = pick(40);
                size_t wanted = pick(3 * LINE_MARKER_PIECE_MAX), run = MIN_OF(wanted, size - n);

                if (choice < ELEMENTSOF(parts)) {
                        memcpy(to + n, parts[choice], strlen(parts[choice]));
                        n += strlen(parts[choice]);
                } else if (choice == 15)
                        to[n++] = 0;
                else if (choice == 16 && pick(50) == 0) {
                        memset(to + n, "x \t\x80"[pick(4)], run);
                        n += run;
                } else
                        to[n++] = (char) pick(256);
        }
        return n;
}

static void relay_random(Relayed *r, const char *data[], size_t left[], bool separate) {
        while (left[0] + left[1] > 0) {
                size_t source = separate && left[pick(2)] > 0 ? pick(2) : 0;
                size_t wanted = pick(pick(4) == 0 ? 100000 : 30) + 1, chunk;

                if (left[source] == 0)
                        source = 1 - source;
                chunk = MIN_OF(wanted, left[source]);
                relay(r, source, data[source], chunk);
                data[source] += chunk;
                left[source] -= chunk;
        }
}

static void test_random(void) {
        static char texts[SOURCES][300000];

        for (uint64_t seed = 1; seed <= 400; seed++) {
                _cleanup_(relayed_done) Relayed r = {};
                const char *data[SOURCES] = { texts[0], texts[1] };
                bool separate = seed % 2;
                size_t left[SOURCES] = {};

                state = seed;
                for (size_t i = 0; i < (separate ? SOURCES : 1); i++)
                        left[i] = write_random(texts[i], pick(4) == 0 ? sizeof(texts[i]) : pick(3000));
                relayed_begin(&r, separate);
                relay_random(&r, data, left, separate);
                relayed_end(&r);
                /* With both unfinished, the one whose last line is sent first has been given a newline. */
                if (separate && !comes_back(&r, 1))
                        put(&r.written[1], "\n", 1);
                if (!comes_back(&r, 0) || !comes_back(&r, 1) || r.journal.cut > 0) {
                        TAP_CHECK_INT(seed, -1);
                        return;
                }
        }
}

/* Where somebody set LineMax= lower than the pieces, only blanks at journald's cuts are lost. */
static void test_a_lower_limit_of_journald(void) {
        static char text[200000];
        _cleanup_(relayed_done) Relayed r = {};

        memset(text, 'x', sizeof(text));
        relayed_begin(&r, false);
        r.journal.line_max = 1000;
        relay(&r, 0, text, sizeof(text));
        relay(&r, 0, " \n\n", 3);
        TAP_CHECK(r.journal.cut > 0);
        TAP_CHECK(comes_back(&r, 0));
}

/* The begin of a line is with journald at once, and its mark comes when it ends; unless it is to be held back. */
static void test_the_begin_of_a_line(void) {
        for (int holds_back = 0; holds_back < 2; holds_back++) {
                _cleanup_(relayed_done) Relayed r = {};

                relayed_begin(&r, holds_back);
                relay(&r, 0, "progress ", 9);
                TAP_CHECK_INT(r.journal.waiting.size, holds_back ? 0 : 9);
                relay(&r, 0, "50 % ", 5);
                TAP_CHECK_INT(r.journal.waiting.size, holds_back ? 0 : 14);
                TAP_CHECK_INT(r.journal.entries, 0);
                relay(&r, 0, "\n", 1);
                TAP_CHECK_INT(r.journal.entries, 1);
                TAP_CHECK(comes_back(&r, 0));
        }
}

/* Nothing is copied or split that need not be. */
static void test_a_block_of_plain_lines_is_one_vector(void) {
        _cleanup_(relayed_done) Relayed r = {};
        struct iovec v[8];
        size_t room;
        char *to;

        relayed_begin(&r, false);
        to = line_marker_room(r.markers[0], &room);
        for (size_t i = 0; i < 10000; i++)
                to[i] = i % 80 == 79 ? '\n' : 'x';
        line_marker_add(r.markers[0], 10000);
        TAP_CHECK_INT(line_marker_give(r.markers[0], v, ELEMENTSOF(v)), 1);
        TAP_CHECK_INT(v[0].iov_len, 10000);
        TAP_CHECK(v[0].iov_base == to);
        TAP_CHECK_INT(line_marker_give(r.markers[0], v, ELEMENTSOF(v)), 0);
}

static const TapTest tests[] = {
        { "marks are put where they are needed", test_marks_are_put_and_taken },
        { "NUL bytes", test_nul_bytes },
        { "long lines", test_long_lines },
        { "cuts are between characters", test_cuts_are_between_characters },
        { "random bytes in random chunks", test_random },
        { "a lower limit of journald's", test_a_lower_limit_of_journald },
        { "the begin of a line", test_the_begin_of_a_line },
        { "a block of plain lines is one vector", test_a_block_of_plain_lines_is_one_vector },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

/* The clients' cursor: fit for a header and a URL, bound to its task, and every mistake in it found. */
#include "../lib/tap.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#define TASK "task-1700000000-abcdef"

static const char journal_cursor[] = "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c;"
                                     "m=4fc72436e;t=4c508a72423d9;x=d3e5610681098c10";

static void test_round_trip(void) {
        char cursor[LOG_CURSOR_SIZE], back[LOG_CURSOR_SIZE];

        TAP_CHECK_INT(log_cursor_encode(TASK, journal_cursor, cursor), 0);
        TAP_CHECK_INT(log_cursor_decode(TASK, cursor, back), 0);
        TAP_CHECK_STRING(back, journal_cursor);
        /* Nothing that a URL or a header would have to quote. */
        TAP_CHECK_INT(strspn(cursor, "0123456789abcdefghijklmnopqrstuvwxyz._"), strlen(cursor));
}

/* One after the other, of the same sequence and of others, as each by itself. */
static void test_many(void) {
        static const char *const cursors[] = {
                "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c;m=4f;t=4c;x=d3",
                "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece8;b=6c7c;m=50;t=4d;x=d4",
                "s=739ad463348b4ceca5a9e69c95a3c93f;i=",
                "s=739ad463348b4ceca5a9e69c95a3c93f",
                "s=839ad463348b4ceca5a9e69c95a3c93f;i=4ece8;b=6c7c;m=50;t=4d;x=d4",
                "s=0123456789012345678901234567890123456789012345678901234567890123456789;i=1", /* none has that */
                "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece9;b=6c7c;m=51;t=4e;x=d5",
                "s=1;i=2", "s=1;i=2;i=3", "s=1", "",
        };
        LogCursorEncoder e = LOG_CURSOR_ENCODER(TASK);
        char one[LOG_CURSOR_SIZE], of_many[LOG_CURSOR_SIZE], back[LOG_CURSOR_SIZE];

        for (unsigned round = 0; round < 2; round++)
                for (size_t i = 0; i < ELEMENTSOF(cursors); i++) {
                        TAP_CHECK_INT(log_cursor_encode(TASK, cursors[i], one), 0);
                        TAP_CHECK_INT(log_cursor_encoder_encode(&e, cursors[i], of_many), 0);
                        TAP_CHECK_STRING(of_many, one);
                        TAP_CHECK_INT(log_cursor_decode(TASK, of_many, back), *cursors[i] ? 0 : -EINVAL);
                        if (*cursors[i])
                                TAP_CHECK_STRING(back, cursors[i]);
                }
}

/* Clients keep cursors across upgrades: the form must stay. */
static void test_form_stays(void) {
        char back[LOG_CURSOR_SIZE];

        TAP_CHECK_INT(log_cursor_decode(TASK, "s_739ad463348b4ceca5a9e69c95a3c93f.i_4ece7.b_6c7c6013a26343b29e964691"
                                              "ff25d04c.m_4fc72436e.t_4c508a72423d9.x_d3e5610681098c10.c_326b40e9",
                                        back), 0);
        TAP_CHECK_STRING(back, journal_cursor);
}

/* The text is the same or refused, whatever byte stands at whatever place. */
static void test_every_byte_changed(void) {
        char cursor[LOG_CURSOR_SIZE], changed[LOG_CURSOR_SIZE], back[LOG_CURSOR_SIZE];
        unsigned taken = 0;

        TAP_CHECK_INT(log_cursor_encode(TASK, journal_cursor, cursor), 0);
        for (size_t i = 0; i < strlen(cursor); i++)
                for (int c = 0; c < 256; c++) {
                        memcpy(changed, cursor, sizeof(changed));
                        changed[i] = (char) c;
                        if (changed[i] == cursor[i] || log_cursor_decode(TASK, changed, back) == -EINVAL)
                                continue;
                        taken++;
                        TAP_CHECK_STRING(back, journal_cursor);
                }
        /* ";" and "=" mean what they are written as. */
        TAP_CHECK_INT(taken, 5 + 6);
}

static void check_refused(const char *cursor) {
        char back[LOG_CURSOR_SIZE];

        if (log_cursor_decode(TASK, cursor, back) != -EINVAL)
                tap_fail(__FILE__, __LINE__, "%s is taken", cursor);
}

static void test_every_cut_and_every_repetition(void) {
        char cursor[LOG_CURSOR_SIZE], changed[2 * LOG_CURSOR_SIZE];
        size_t n;

        TAP_CHECK_INT(log_cursor_encode(TASK, journal_cursor, cursor), 0);
        n = strlen(cursor);
        for (size_t i = 0; i < n; i++) {
                snprintf(changed, sizeof(changed), "%.*s", (int) i, cursor);
                check_refused(changed);
                if (i > 0)
                        check_refused(cursor + i);
                /* One byte missing, and one twice. */
                snprintf(changed, sizeof(changed), "%.*s%s", (int) i, cursor, cursor + i + 1);
                check_refused(changed);
                snprintf(changed, sizeof(changed), "%.*s%c%s", (int) i, cursor, cursor[i], cursor + i);
                check_refused(changed);
                if (i == 0 || cursor[i - 1] == cursor[i])
                        continue;
                memcpy(changed, cursor, sizeof(cursor));
                changed[i - 1] = cursor[i];
                changed[i] = cursor[i - 1];
                check_refused(changed);
        }
}

static void test_what_is_no_cursor(void) {
        static const char *const texts[] = {
                "", "0", "-1", "null", ".c_00000000", "x.c_00000000", ".c_", "c_326b40e9", "\xff\xff\xff\xff",
                "s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                check_refused(texts[i]);
}

static void test_another_tasks(void) {
        static const char *const others[] = {
                "task-1700000000-abcdee", "task-1700000001-abcdef", "task-1700000000-fedcba", "",
                "task-0000000000-000000",
        };
        char cursor[LOG_CURSOR_SIZE], back[LOG_CURSOR_SIZE];

        TAP_CHECK_INT(log_cursor_encode(TASK, journal_cursor, cursor), 0);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                TAP_CHECK_INT(log_cursor_decode(others[i], cursor, back), -EINVAL);
}

/* FNV-1a with 32 bits, as published: what is behind a cursor is no secret. */
static void forge(const char *text, char cursor[static 2 * LOG_CURSOR_SIZE]) {
        uint32_t hash = 2166136261U;

        for (const char *s = TASK; *s; s++)
                hash = (hash ^ (unsigned char) *s) * 16777619U;
        for (const char *s = text; *s; s++)
                hash = (hash ^ (unsigned char) *s) * 16777619U;
        snprintf(cursor, 2 * LOG_CURSOR_SIZE, "%s.c_%08x", text, hash);
}

/* With the right check, but such as none is ever given out. */
static void test_forged_ones(void) {
        char longest[LOG_CURSOR_SIZE], cursor[2 * LOG_CURSOR_SIZE], back[LOG_CURSOR_SIZE];

        memset(longest, 'x', sizeof(longest));
        longest[LOG_CURSOR_SIZE - 12] = 0;
        forge(longest, cursor);
        TAP_CHECK_INT(log_cursor_decode(TASK, cursor, back), 0);
        TAP_CHECK_STRING(back, longest);
        longest[LOG_CURSOR_SIZE - 12] = 'x';
        longest[LOG_CURSOR_SIZE - 11] = 0;
        forge(longest, cursor);
        check_refused(cursor);
        forge("", cursor);
        check_refused(cursor);
}

/* As long as there is room for the check of 11 bytes and the 0. */
static void test_lengths(void) {
        char longest[LOG_CURSOR_SIZE + 1], cursor[LOG_CURSOR_SIZE], back[LOG_CURSOR_SIZE];

        for (size_t n = 1; n < sizeof(longest); n++) {
                int r;

                memset(longest, 'x', n);
                longest[n] = 0;
                r = log_cursor_encode(TASK, longest, cursor);
                TAP_CHECK_INT(r, n + 11 < LOG_CURSOR_SIZE ? 0 : -E2BIG);
                if (r < 0)
                        continue;
                TAP_CHECK_INT(log_cursor_decode(TASK, cursor, back), 0);
                TAP_CHECK_STRING(back, longest);
        }
        /* Longer than any that was given out. */
        memset(longest, 'x', sizeof(longest) - 1);
        check_refused(longest);
}

#define S1 "s=739ad463348b4ceca5a9e69c95a3c93f;"
#define S2 "s=839ad463348b4ceca5a9e69c95a3c93f;"
#define B1 "b=6c7c6013a26343b29e964691ff25d04c;"
#define B2 "b=7c7c6013a26343b29e964691ff25d04c;"

static void test_order(void) {
        /* Each is earlier than the next one. */
        static const struct {
                const char *a, *b;
        } rows[] = {
                /* One sequence: its number alone, which grows in length. */
                { S1 "i=1;" B1 "m=5;t=9;x=1", S1 "i=2;" B1 "m=4;t=8;x=0" },
                { S1 "i=9;" B1 "m=5;t=9;x=1", S1 "i=a;" B1 "m=5;t=9;x=1" },
                { S1 "i=ff;" B1 "m=5;t=9;x=1", S1 "i=100;" B2 "m=1;t=1;x=1" },
                /* Two sequences of one boot: its clock. */
                { S1 "i=9;" B1 "m=5;t=9;x=1", S2 "i=1;" B1 "m=10;t=1;x=1" },
                { S2 "i=9;" B1 "m=fff;t=9;x=1", S1 "i=1;" B1 "m=1000;t=1;x=1" },
                /* Two boots: the time of day. */
                { S1 "i=9;" B1 "m=5;t=9;x=1", S2 "i=1;" B2 "m=1;t=a;x=1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                TAP_CHECK(log_cursor_compare(rows[i].a, rows[i].b) < 0);
                TAP_CHECK(log_cursor_compare(rows[i].b, rows[i].a) > 0);
                TAP_CHECK_INT(log_cursor_compare(rows[i].a, rows[i].a), 0);
        }
        /* What is none is in some order, and nothing worse. */
        TAP_CHECK_INT(log_cursor_compare("", ""), 0);
        TAP_CHECK(log_cursor_compare("x", S1 "i=1") <= 0);
        TAP_CHECK_INT(log_cursor_compare("s=", "s="), 0);
}

static const TapTest tests[] = {
        { "the order of the journal's cursors", test_order },
        { "round trip", test_round_trip },
        { "many of one task", test_many },
        { "the form stays", test_form_stays },
        { "every byte changed", test_every_byte_changed },
        { "every cut, every byte missing, doubled or exchanged", test_every_cut_and_every_repetition },
        { "what is no cursor", test_what_is_no_cursor },
        { "another task's", test_another_tasks },
        { "forged ones", test_forged_ones },
        { "lengths", test_lengths },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

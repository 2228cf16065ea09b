/* Expressions in lines of any bytes, and in bounded time. */
#include "../lib/tap.h"

#include <remote-developer/buffer.h>
#include <remote-developer/pattern.h>

#include <stdlib.h>
#include <string.h>

/* By so much the clock goes forward with each look at it. */
static usec_t look_takes_usec;

usec_t __real_clock_monotonic_usec(void);
usec_t __wrap_clock_monotonic_usec(void);

usec_t __wrap_clock_monotonic_usec(void) {
        static usec_t ahead;

        ahead += look_takes_usec;
        return __real_clock_monotonic_usec() + ahead;
}

/* valgrind's processor is some fifty times as slow as the one whose time the bounds are. */
#define VALGRIND_SLOWER 100

usec_t __real_clock_thread_usec(void);
usec_t __wrap_clock_thread_usec(void);

usec_t __wrap_clock_thread_usec(void) {
        bool is_valgrind = strstr(getenv("LD_PRELOAD") ?: "", "vgpreload");

        return __real_clock_thread_usec() / (is_valgrind ? VALGRIND_SLOWER : 1);
}

static Pattern *compile(const char *expression) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        Pattern *p = NULL;

        if (pattern_new(expression, "grep", &p, &problem) < 0)
                tap_fail(__FILE__, __LINE__, "%s: %s", expression, problem_sentence(&problem));
        return p;
}

static void test_matches(void) {
        static const struct {
                const char *expression, *text;
                int matches;
        } rows[] = {
                { "", "", 1 },
                { "", "x", 1 },
                { "x", "", 0 },
                { "b", "abc", 1 },
                { "B", "abc", 0 },
                { "(?i)B", "abc", 1 },
                { "^b", "abc", 0 },
                { "^a", "abc", 1 },
                { "c$", "abc", 1 },
                { "^$", "", 1 },
                { "a|x", "x", 1 },
                { "x|a", "x", 1 },
                { "a)|(b", "b", -EINVAL },
                { "\\d{3}", "x123", 1 },
                { "\\bfoo\\b", "a foo b", 1 },
                /* Characters, not bytes. */
                { "^.$", "\xc3\xa4", 1 },
                { "^..$", "\xc3\xa4", 0 },
                { "[\xc3\xa4\xc3\xb6]", "x\xc3\xb6", 1 },
                { "(?i)\xc3\x84", "\xc3\xa4", 1 },
                /* What is no UTF-8 is matched by nothing and hides nothing. */
                { "foo",
                                "\xff\xff"
                                "foo\x80",
                                1 },
                { "^foo", "foo\xff", 1 },
                { "bar$",
                                "\xff"
                                "bar",
                                1 },
                { "a.b",
                                "a\xff"
                                "b",
                                0 },
                { "\xc3\xbf", "\xff", 0 },
                { "[^a]", "\xff", 0 },
                /* CR LF. */
                { "foo$", "foo\r", 1 },
                { "foo$", "foo\rbar", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(pattern_freep) Pattern *p = NULL;
                int r;

                r = pattern_new(rows[i].expression, "grep", &p, NULL);
                if (r >= 0)
                        r = pattern_match(p, rows[i].text, strlen(rows[i].text));
                if (r != rows[i].matches)
                        tap_fail(__FILE__, __LINE__, "row %zu, %s in %s: %d", i, rows[i].expression, rows[i].text, r);
        }
}

static void test_zero_bytes(void) {
        _cleanup_(pattern_freep) Pattern *p = compile("b$"), *zero = compile("\\x00b");

        TAP_CHECK_INT(pattern_match(p, "a\0b", 3), 1);
        TAP_CHECK_INT(pattern_match(zero, "a\0b", 3), 1);
        TAP_CHECK_INT(pattern_match(p, NULL, 0), 0);
}

static void test_refusals(void) {
        static const struct {
                const char *expression, *part;
        } rows[] = {
                { "a(", "closing parenthesis (behind byte 2)" }, { "[", "character class (behind byte 1)" },
                { "*", "(behind byte " }, { "\xff", "UTF-8" }, { "a\\C", "\\C" }, { "(*UTF)x", "VERB" },
                { "(*NO_START_OPT)x", "VERB" }, { "(*LIMIT_MATCH=999999999)x", "VERB" },
                { "((a{1,1000}){1,1000}){1,1000}", "too large" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(pattern_freep) Pattern *p = NULL;

                TAP_CHECK_INT(pattern_new(rows[i].expression, "grep", &p, &problem), -EINVAL);
                TAP_CHECK_STRING(problem.field, "grep");
                TAP_CHECK_CONTAINS(problem_sentence(&problem), rows[i].part);
        }
}

static void test_length(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(pattern_freep) Pattern *p = NULL, *longer = NULL;
        char text[PATTERN_SIZE_MAX + 2];

        memset(text, 'x', sizeof(text));
        text[PATTERN_SIZE_MAX] = 0;
        p = compile(text);
        text[PATTERN_SIZE_MAX] = 'x';
        text[PATTERN_SIZE_MAX + 1] = 0;
        TAP_CHECK_INT(pattern_match(p, text, PATTERN_SIZE_MAX), 1);
        TAP_CHECK_INT(pattern_new(text, "grep", &longer, &problem), -EINVAL);
        TAP_CHECK_CONTAINS(problem_sentence(&problem), "4096 bytes");
}

/* As long as the longest line. */
#define LONGEST ((size_t) 16 * 1024 * 1024)

/* From one place of the line, from each of a million, within items that give nothing back, and in memory. */
static void test_too_many_ways(void) {
        static const struct {
                const char *expression;
                size_t size;
                int result; /* 1: either of the others */
        } rows[] = {
                { "(a+)+$", 40, -E2BIG },
                { "(a+)+$", 1000000, -E2BIG },
                { "(a|aa)+$", 100000, 1 },
                { "(.)\\1{5}q|((a|aa)+)+b", 100000, 1 },
                { "(?:a.*){3}z|b", 100000, 1 },
                { "(?:.*.*)=.*b", 100000, 1 },
                { "(?=a*b)x|(?:a*)b", 1000000, 1 },
                { "(a?){200}a{200}c|b$", 1000, 1 },
                { "^(?:.(?!.*+Z))+!", 20000, -E2BIG },
                { "^(?:.(?!.*+Z))+!", 100000, -E2BIG },
                { "^(?:.(?!.*+Z))+!", 1000000, -E2BIG },
                { "^(?:.(?!.*+Z))+!", LONGEST, -E2BIG },
                { "^(?>.(?!\\X*+Z))*+$!", 100000, -E2BIG },
                { "^(?>(?i:.)(?!(?s:.)*+Z))*+$!", LONGEST, -E2BIG },
                { "(?=.*+Z|.*+Y|.*+X|.*+W|.*+V)", LONGEST, -E2BIG },
        };
        _cleanup_free_ char *text = malloc(LONGEST);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(pattern_freep) Pattern *p = compile(rows[i].expression);
                usec_t begin, took;
                int r;

                memset(text, 'a', rows[i].size);
                text[rows[i].size - 1] = '!';
                begin = clock_thread_usec();
                r = pattern_match(p, text, rows[i].size);
                took = clock_thread_usec() - begin;
                printf("# %s in %zu bytes: %d after %llu us\n", rows[i].expression, rows[i].size, r,
                       (unsigned long long) took);
                TAP_CHECK(r == -E2BIG || (r == 0 && rows[i].result == 1));
                /* Without any of the bounds some of them outlive the machine. */
                TAP_CHECK(took < USEC_PER_SEC);
                /* It is none the worse for it. */
                TAP_CHECK_INT(pattern_match(p, "xyz", 3), 0);
        }
}

/* One item may be a class of as many kinds as the expression has room for, each of which is asked of each character of
 * the line before anything else can be: of such a line only the first part is searched, and that is said. */
static void test_a_costly_item(void) {
        _cleanup_(buffer_done) Buffer expression = BUFFER_NULL;
        _cleanup_(pattern_freep) Pattern *p = NULL, *plain = compile("ends$");
        _cleanup_(pattern_freep) Pattern *longer = compile("few more words|ends$");
        _cleanup_free_ char *text = malloc(LONGEST);
        usec_t begin;

        TAP_CHECK_INT(buffer_append_string(&expression, "^(?:begin|[^Z"), 0);
        while (expression.size < PATTERN_SIZE_MAX - strlen("\\pN]*+Z)"))
                TAP_CHECK_INT(buffer_append_string(&expression, "\\pN"), 0);
        TAP_CHECK_INT(buffer_append_string(&expression, "]*+Z)"), 0);
        p = compile(expression.data);
        for (size_t i = 0; i < LONGEST; i += 2)
                memcpy(text + i, "\xc3\xa4", 2);
        begin = clock_thread_usec();
        TAP_CHECK_INT(pattern_match(p, text, LONGEST), -E2BIG);
        printf("# %llu us\n", (unsigned long long) (clock_thread_usec() - begin));
        TAP_CHECK(clock_thread_usec() - begin < USEC_PER_SEC);
        /* What stands in that part is found, shorter lines are searched to their end, and all are for a plain one. */
        TAP_CHECK_INT(pattern_match(p, text, 100), 0);
        memcpy(text, "begin!", 6);
        TAP_CHECK_INT(pattern_match(p, text, LONGEST), 1);
        TAP_CHECK_INT(pattern_match(plain, text, LONGEST), 0);
        memcpy(text + LONGEST - 4, "ends", 4);
        TAP_CHECK_INT(pattern_match(plain, text, LONGEST), 1);
        TAP_CHECK_INT(pattern_match(longer, text, LONGEST), -E2BIG);
        TAP_CHECK_INT(pattern_match(longer, text + LONGEST / 2, LONGEST / 2), 1);
}

/* What everybody looks for is found in long lines too. */
static void test_long_lines(void) {
        static const char *const expressions[] = { "needle", "n..dle", "[m-o]eedle", "a.*needle", "(hay|needle)!",
                "e!$" };
        const size_t size = 100000;
        _cleanup_free_ char *text = malloc(size);

        memset(text, 'a', size);
        memcpy(text + size - 7, "needle!", 7);
        for (size_t i = 0; i < ELEMENTSOF(expressions); i++) {
                _cleanup_(pattern_freep) Pattern *p = compile(expressions[i]);

                TAP_CHECK_INT(pattern_match(p, text, size), 1);
                TAP_CHECK_INT(pattern_match(p, text, size - 7), 0);
        }
}

/* Between any two looks at the clock others have had the processor: that is not the line's fault. A short line, since
 * each place costs a look at the processor's time here, which is itself work. */
static void test_a_busy_machine(void) {
        _cleanup_(pattern_freep) Pattern *p = compile("needle$");
        const size_t size = 100;
        _cleanup_free_ char *text = malloc(size + 1);

        memset(text, 'n', size);
        memcpy(text + size - strlen("needle"), "needle", strlen("needle") + 1);
        look_takes_usec = USEC_PER_SEC;
        TAP_CHECK_INT(pattern_match(p, text, size), 1);
        TAP_CHECK_INT(pattern_match(p, text, size - 1), 0);
        look_takes_usec = 0;
}

static const TapTest tests[] = {
        { "matches", test_matches },
        { "zero bytes", test_zero_bytes },
        { "what is no expression is refused", test_refusals },
        { "the longest expression", test_length },
        { "too many ways to match take no longer", test_too_many_ways },
        { "one item that is slow takes no longer", test_a_costly_item },
        { "long lines", test_long_lines },
        { "a busy machine", test_a_busy_machine },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}

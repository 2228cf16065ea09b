/* Tap: the smallest frame for a test program, printing the Test Anything Protocol.
 *
 *         static void test_buffer_grows(void) {
 *                 Buffer b = BUFFER_NULL;
 *
 *                 TAP_CHECK_INT(buffer_append_string(&b, "abc"), 0);
 *                 TAP_CHECK(b.size >= 3);
 *                 TAP_CHECK_STRING(b.data, "abc");
 *                 buffer_done(&b);
 *         }
 *
 *         static const TapTest tests[] = {
 *                 { "a buffer grows", test_buffer_grows },
 *         };
 *
 *         int main(void) {
 *                 return tap_main(tests, ELEMENTSOF(tests));
 *         }
 *
 * A check that holds says nothing. One that does not prints "not ok" with file:line, the expression and, where
 * known, the values, and the test goes on: one run shows all that is wrong. Each check is also a value, for
 * what makes no sense to go on with: "if (!TAP_CHECK(p)) return;". A test without a failed check prints "ok".
 *
 * tap_main() ends with 0 when all is well, 1 when a check failed, 77 when something was skipped. The arguments
 * of the checks are evaluated once.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct TapTest {
        const char *name; /* a sentence: what holds */
        void (*function)(void);
} TapTest;

typedef struct TapState {
        const char *name; /* of the test that runs */
        const char *skip; /* why it is skipped, or NULL */
        unsigned printed; /* lines "ok" and "not ok" so far */
        unsigned failed, skipped;
} TapState;

/* Weak: one state for a program, in however many of its files this header is read. */
__attribute__((weak)) TapState tap_state;

#define TAP_CHECK(condition)                                                                                 \
        ({                                                                                                   \
                bool _holds = (condition);                                                                   \
                if (!_holds)                                                                                 \
                        tap_fail(__FILE__, __LINE__, "%s", #condition);                                      \
                _holds;                                                                                      \
        })

/* Both as long long: for errno, sizes, enums, booleans. */
#define TAP_CHECK_INT(is, should)                                                                            \
        ({                                                                                                   \
                long long _is = (long long) (is), _should = (long long) (should);                            \
                if (_is != _should)                                                                          \
                        tap_fail(__FILE__, __LINE__, "%s is %lld, should be %lld", #is, _is, _should);       \
                _is == _should;                                                                              \
        })

/* NULL equals only NULL. */
#define TAP_CHECK_STRING(is, should) tap_check_string(__FILE__, __LINE__, #is, is, should, false)

/* The second string stands somewhere in the first. */
#define TAP_CHECK_CONTAINS(is, part) tap_check_string(__FILE__, __LINE__, #is, is, part, true)

/* For what this machine cannot do; return from the test behind it. */
static inline void tap_skip(const char *why) {
        tap_state.skip = why;
}

__attribute__((format(printf, 3, 4)))
static inline void tap_fail(const char *file, int line, const char *format, ...) {
        va_list ap;

        printf("not ok %u - %s: %s:%d: ", ++tap_state.printed, tap_state.name, file, line);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        printf("\n");
        tap_state.failed++;
}

static inline bool tap_strings_agree(const char *is, const char *should, bool part) {
        if (!is || !should)
                return is == should;
        return part ? strstr(is, should) != NULL : strcmp(is, should) == 0;
}

static inline bool tap_check_string(const char *file, int line, const char *what, const char *is,
                                    const char *should, bool part) {
        bool holds = tap_strings_agree(is, should, part);

        if (!holds)
                tap_fail(file, line, "%s is %s%s%s, should %s %s%s%s", what, is ? "\"" : "", is ?: "NULL",
                         is ? "\"" : "", part ? "contain" : "be", should ? "\"" : "", should ?: "NULL",
                         should ? "\"" : "");
        return holds;
}

static inline void tap_run(const TapTest *test) {
        unsigned failed = tap_state.failed;

        tap_state.name = test->name;
        tap_state.skip = NULL;
        test->function();
        if (tap_state.failed > failed)
                return;
        printf("ok %u - %s", ++tap_state.printed, test->name);
        if (tap_state.skip) {
                printf(" # SKIP %s", tap_state.skip);
                tap_state.skipped++;
        }
        printf("\n");
}

static inline int tap_main(const TapTest *tests, size_t n) {
        /* So that a crash does not take the lines before it along. */
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);

        for (size_t i = 0; i < n; i++)
                tap_run(&tests[i]);
        printf("1..%u\n", tap_state.printed);
        return tap_state.failed > 0 ? 1 : tap_state.skipped > 0 ? 77 : 0;
}

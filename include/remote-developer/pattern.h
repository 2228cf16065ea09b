/* room: base
 *
 * Pattern: a regular expression (PCRE2's, as Perl's) that is looked for in lines of any bytes, in bounded time. The
 * only place that knows PCRE2.
 *
 * Upper and lower case are told apart unless the expression says (?i). Text is read as UTF-8, so that '.' is a
 * character; a byte that is no UTF-8 is matched by nothing, and what stands before and behind it is. '$' is also in
 * front of the CR of a line that ends with CR LF.
 *
 * Some expressions try more ways to match than there is time for ("(a+)+$"), or might need too long for each character
 * of a very long line: 256 MiB, divided by the expression's length, is the most that is searched of one. A line of
 * which that turns out is neither a match nor none; it costs a few ms, and one of 16 MiB up to half a second.
 */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/problem.h>

#define PATTERN_SIZE_MAX ((size_t) 4096)

typedef struct Pattern Pattern;

/* -EINVAL: it is no expression or longer than PATTERN_SIZE_MAX bytes; the problem, of that field, says what is wrong
 * and behind which byte. */
int pattern_new(const char *expression, const char *field, Pattern **ret, Problem *problem);
Pattern *pattern_free(Pattern *p);
DEFINE_CLEANUP(Pattern *, pattern_free)

/* 1: somewhere in the text; 0: nowhere; -E2BIG: given up; -ENOMEM. */
int pattern_match(Pattern *p, const char *text, size_t size);

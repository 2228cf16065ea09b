/* Pattern: see pattern.h.
 *
 * Three bounds make a line's time bounded. The match limit bounds what is tried from one place of the line, but PCRE2
 * counts anew from the next place, of which a line may have millions, and does not count at all what is tried within
 * one item that gives nothing back; so a callout, which PCRE2 calls in front of each item of the expression wherever
 * it is tried, looks at the clock: at the one that costs nothing, and each time that this has gone on by the limit, at
 * the processor's own time. So on a busy machine no line is given up that was not even looked at. One item alone may
 * still go through all of the line before the next callout; so expressions that may need long for each byte get fewer
 * bytes. The heap limit bounds the memory. There is no JIT: the service may not make memory executable.
 *
 * What will surprise you: the callout at the begin makes verbs such as (*UTF), which PCRE2 takes only at the very
 * begin, errors: nobody switches off from inside what is set here. */
#include <remote-developer/pattern.h>

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define CALLOUT "(?C1)"

/* 100,000 ways were measured at 1 ms, and at 9 ms for an expression of many groups. */
#define MATCH_LIMIT 100000
#define HEAP_LIMIT_KIB 8192

/* A longer line gets more: to go through it once, as `.*` does, was measured at 4 to 11 ns a byte. */
#define LINE_USEC_MAX (2 * USEC_PER_MSEC)
#define LINE_BYTES_PER_USEC 128

/* What one item costs is at most the line's bytes times the expression's, which may be a class of so many ranges: up
 * to a nanosecond each. A longer line is searched up to there; between two looks at the clock there is no more. */
#define WORK_MAX ((size_t) 256 * 1024 * 1024)
#define WORK_UNLOOKED ((size_t) 1024 * 1024)
#define CALLOUTS_UNLOOKED ((size_t) 32)

#define OPTIONS (PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT)

struct Pattern {
        pcre2_code *code;
        pcre2_match_data *data;
        pcre2_match_context *context;
        size_t weight; /* the most that one item costs, for each byte */

        /* Of the line that is being searched. */
        usec_t limit_usec;
        usec_t end_usec; /* when to look at the processor's time; 0: the first place was not reached yet */
        usec_t processor_end_usec; /* by clock_thread_usec(); 0: it was not looked at yet */
        size_t unlooked, unlooked_max; /* callouts since the last look */
};

Pattern *pattern_free(Pattern *p) {
        if (!p)
                return NULL;
        pcre2_match_context_free(p->context);
        pcre2_match_data_free(p->data);
        pcre2_code_free(p->code);
        free(p);
        return NULL;
}

static int look_at_processor(Pattern *p) {
        usec_t now = clock_thread_usec();

        if (p->processor_end_usec == 0)
                p->processor_end_usec = now + p->limit_usec;
        return now < p->processor_end_usec ? 0 : PCRE2_ERROR_CALLOUT;
}

static int on_item(pcre2_callout_block *block _unused_, void *userdata) {
        Pattern *p = userdata;
        usec_t now;

        if (p->end_usec != 0 && ++p->unlooked < p->unlooked_max)
                return 0;
        p->unlooked = 0;
        now = clock_monotonic_usec();
        if (p->end_usec == 0) {
                p->end_usec = now + p->limit_usec;
                /* Where the next item may be all that there is time for. */
                return p->unlooked_max > 1 ? 0 : look_at_processor(p);
        }
        if (now < p->end_usec)
                return 0;
        p->end_usec = now + p->limit_usec;
        return look_at_processor(p);
}

static pcre2_code *compile(const char *expression, int *ret_error, size_t *ret_offset) {
        char text[sizeof(CALLOUT) + PATTERN_SIZE_MAX] = CALLOUT;
        pcre2_compile_context *context = pcre2_compile_context_create(NULL);
        pcre2_code *code = NULL;

        *ret_error = PCRE2_ERROR_NOMEMORY;
        *ret_offset = strlen(CALLOUT);
        if (!context)
                return NULL;
        memcpy(text + strlen(CALLOUT), expression, strlen(expression) + 1);
        if (pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF) == 0)
                code = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED, OPTIONS, ret_error, ret_offset,
                                     context);
        pcre2_compile_context_free(context);
        return code;
}

static int refuse(Problem *problem, const char *field, int error, size_t offset) {
        PCRE2_UCHAR sentence[256];

        if (pcre2_get_error_message(error, sentence, sizeof(sentence)) < 0)
                sentence[0] = 0;
        offset = MAX_OF(offset, strlen(CALLOUT)) - strlen(CALLOUT);
        return problem_set(problem, -EINVAL, field, "%s is no regular expression: %s (behind byte %zu)", field,
                           (const char *) sentence, offset);
}

static int prepare(Pattern *p) {
        p->data = pcre2_match_data_create(1, NULL);
        p->context = pcre2_match_context_create(NULL);
        if (!p->data || !p->context)
                return -ENOMEM;
        pcre2_set_match_limit(p->context, MATCH_LIMIT);
        pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
        pcre2_set_callout(p->context, on_item, p);
        return 0;
}

int pattern_new(const char *expression, const char *field, Pattern **ret, Problem *problem) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        size_t offset;
        int error, r;

        if (strlen(expression) > PATTERN_SIZE_MAX)
                return problem_set(problem, -EINVAL, field, "%s must have at most %zu bytes", field, PATTERN_SIZE_MAX);
        p = calloc(1, sizeof(Pattern));
        if (!p)
                return -ENOMEM;
        p->code = compile(expression, &error, &offset);
        if (!p->code)
                return error == PCRE2_ERROR_NOMEMORY ? -ENOMEM : refuse(problem, field, error, offset);
        p->weight = MAX_OF(strlen(expression), (size_t) 1);
        r = prepare(p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int pattern_match(Pattern *p, const char *text, size_t size) {
        size_t searched = MIN_OF(size, WORK_MAX / p->weight);
        int r;

        p->limit_usec = LINE_USEC_MAX + searched / LINE_BYTES_PER_USEC;
        p->end_usec = p->processor_end_usec = 0;
        p->unlooked = 0;
        p->unlooked_max = MIN_OF(WORK_UNLOOKED / MAX_OF(searched * p->weight, (size_t) 1), CALLOUTS_UNLOOKED);
        r = pcre2_match(p->code, (PCRE2_SPTR) (text ?: ""), searched, 0, 0, p->data, p->context);
        if (r >= 0)
                return 1;
        switch (r) {
        case PCRE2_ERROR_NOMATCH:
                return searched < size ? -E2BIG : 0;
        case PCRE2_ERROR_NOMEMORY:
                return -ENOMEM;
        default:
                return -E2BIG;
        }
}

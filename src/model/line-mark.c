/* LineMark: see line-mark.h. */
#include <remote-developer/line-mark.h>

#include <string.h>

const char *const line_mark_texts[LINE_MARK_COUNT] = {
        [LINE_MARK_NONE] = "",
        [LINE_MARK_OUTPUT_END] = "\xe2\x80\x8b",     /* U+200B zero width space */
        [LINE_MARK_OUTPUT_GOES_ON] = "\xe2\x81\xa0", /* U+2060 word joiner */
        [LINE_MARK_OUTPUT_LAST] = "\xe2\x81\xa2",    /* U+2062 invisible times */
        [LINE_MARK_ERROR_END] = "\xe2\x80\x8c",      /* U+200C zero width non-joiner */
        [LINE_MARK_ERROR_GOES_ON] = "\xe2\x81\xa3",  /* U+2063 invisible separator */
        [LINE_MARK_ERROR_LAST] = "\xe2\x81\xa4",     /* U+2064 invisible plus */
};

static LineMark find_mark(const char *text, size_t size) {
        /* Nearly all lines are let through by this. */
        if (size < LINE_MARK_SIZE || text[size - LINE_MARK_SIZE] != '\xe2')
                return LINE_MARK_NONE;
        for (size_t m = LINE_MARK_OUTPUT_END; m < LINE_MARK_COUNT; m++)
                if (memcmp(text + size - LINE_MARK_SIZE, line_mark_texts[m], LINE_MARK_SIZE) == 0)
                        return (LineMark) m;
        return LINE_MARK_NONE;
}

LineMark line_mark_take(const char *text, size_t *size) {
        LineMark m = find_mark(text, *size);

        if (m != LINE_MARK_NONE)
                *size -= LINE_MARK_SIZE;
        return m;
}

bool line_mark_is_stderr(LineMark m) {
        return m >= LINE_MARK_ERROR_END;
}

bool line_mark_goes_on(LineMark m) {
        return m == LINE_MARK_OUTPUT_GOES_ON || m == LINE_MARK_ERROR_GOES_ON;
}

bool line_mark_is_whole(LineMark m) {
        return m == LINE_MARK_OUTPUT_END || m == LINE_MARK_ERROR_END;
}

/* The blanks that journald strips. */
static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
}

bool line_mark_is_needed(const char *text, size_t size) {
        return size == 0 || is_blank(text[size - 1]) || find_mark(text, size) != LINE_MARK_NONE;
}

/* LineMarker: see line-marker.h. A piece is what becomes an entry of the journal: a line, or as much of it as fits. It
 * is looked at from its begin each time bytes were added, so nothing has to be remembered of it. */
#include <remote-developer/line-marker.h>

#include <string.h>

/* A piece is cut between characters, at most so many bytes early. */
#define CUT_EARLY_MAX 3

typedef struct Piece {
        size_t size; /* without what ends it */
        LineMark mark;
        char end; /* newline or NUL */
        bool cut; /* nothing ends it but that it is full */
} Piece;

char *line_marker_room(LineMarker *m, size_t *ret_size) {
        memmove(m->data, m->data + m->begin, m->end - m->begin);
        m->end -= m->begin;
        m->begin = 0;
        *ret_size = sizeof(m->data) - m->end;
        return m->data + m->end;
}

void line_marker_add(LineMarker *m, size_t size) {
        assert(size <= sizeof(m->data) - m->end);
        m->end += size;
}

static bool is_continuation(char c) {
        return ((unsigned char) c & 0xc0) == 0x80;
}

/* Where to cut a text that is longer than a piece; in what is no UTF-8, anywhere. */
static size_t find_cut(const char *text) {
        size_t n = LINE_MARKER_PIECE_MAX;

        while (n > LINE_MARKER_PIECE_MAX - CUT_EARLY_MAX && is_continuation(text[n]))
                n--;
        return is_continuation(text[n]) ? LINE_MARKER_PIECE_MAX : n;
}

/* As journald does: the first newline or NUL. */
static const char *find_end(const char *text, size_t size) {
        const char *newline = memchr(text, '\n', size);
        const char *nul = memchr(text, 0, newline ? (size_t) (newline - text) : size);

        return nul ?: newline;
}

static LineMark choose_mark(const LineMarker *m, const char *text, size_t size) {
        if (m->within_line)
                return m->is_stderr ? LINE_MARK_ERROR_LAST : LINE_MARK_OUTPUT_LAST;
        if (m->is_stderr)
                return LINE_MARK_ERROR_END;
        return line_mark_is_needed(text, size) ? LINE_MARK_OUTPUT_END : LINE_MARK_NONE;
}

/* False: neither its end nor as much as a piece may have is there yet. */
static bool find_piece(const LineMarker *m, Piece *ret) {
        const char *text = m->data + m->begin;
        size_t size = m->end - m->begin;
        const char *end = find_end(text, MIN_OF(size, LINE_MARKER_PIECE_MAX + 1));

        if (end)
                *ret = (Piece){ .size = (size_t) (end - text), .end = *end };
        else if (size > LINE_MARKER_PIECE_MAX)
                *ret = (Piece){ .size = find_cut(text), .end = '\n', .cut = true };
        else
                return false;
        if (ret->cut)
                ret->mark = m->is_stderr ? LINE_MARK_ERROR_GOES_ON : LINE_MARK_OUTPUT_GOES_ON;
        else
                ret->mark = choose_mark(m, text, ret->size);
        return true;
}

/* Vectors under construction: bytes of the data that follow each other become one. */
typedef struct Vectors {
        struct iovec *v;
        size_t n;
} Vectors;

static void append(Vectors *w, const char *data, size_t size) {
        struct iovec *last = w->n > 0 ? &w->v[w->n - 1] : NULL;

        if (size == 0)
                return;
        if (last && (const char *) last->iov_base + last->iov_len == data)
                last->iov_len += size;
        else
                w->v[w->n++] = (struct iovec){ .iov_base = (char *) data, .iov_len = size };
}

static void append_piece(LineMarker *m, const Piece *p, Vectors *w) {
        const char *text = m->data + m->begin;
        size_t size = p->cut ? p->size : p->size + 1;

        append(w, text + m->passed, p->size - m->passed);
        append(w, line_mark_texts[p->mark], p->mark == LINE_MARK_NONE ? 0 : LINE_MARK_SIZE);
        append(w, p->cut ? "\n" : text + p->size, 1);
        m->within_line = p->cut || p->end == 0;
        m->begin += size;
        m->passed = 0;
}

/* As much of the incomplete piece as cannot be cut off it again. */
static void pass_begin(LineMarker *m, Vectors *w) {
        size_t size = MIN_OF(m->end - m->begin, LINE_MARKER_PIECE_MAX - CUT_EARLY_MAX);

        if (m->holds_back || size <= m->passed)
                return;
        append(w, m->data + m->begin + m->passed, size - m->passed);
        m->passed = size;
}

size_t line_marker_give(LineMarker *m, struct iovec *v, size_t n) {
        Vectors w = { .v = v };
        Piece piece;

        assert(n >= 4);
        while (w.n + 3 < n) {
                if (!find_piece(m, &piece)) {
                        pass_begin(m, &w);
                        break;
                }
                append_piece(m, &piece, &w);
        }
        return w.n;
}

bool line_marker_is_within_line(const LineMarker *m) {
        return m->within_line || m->end > m->begin;
}

size_t line_marker_end(LineMarker *m, bool closed, struct iovec v[static 3]) {
        const char *text = m->data + m->begin;
        size_t size = m->end - m->begin;
        Vectors w = { .v = v };
        LineMark mark;

        if (!line_marker_is_within_line(m))
                return 0;
        mark = choose_mark(m, text, size);
        append(&w, text + m->passed, size - m->passed);
        append(&w, line_mark_texts[mark], mark == LINE_MARK_NONE ? 0 : LINE_MARK_SIZE);
        append(&w, "\n", closed ? 1 : 0);
        m->begin = m->end = m->passed = 0;
        m->within_line = false;
        return w.n;
}

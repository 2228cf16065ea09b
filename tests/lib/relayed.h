/* Relayed: what a program writes, through a LineMarker, a stand-in for journald and a reader as line-mark.h describes
 * it. The stand-in is made after journald's stream parser (journald-stream.c of systemd 252): a newline or NUL ends an
 * entry, so does LineMax=; blanks at its end are stripped; an empty one is dropped. tests/system/test_output.py asks
 * the real one. */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/line-marker.h>
#include <remote-developer/strings.h>

#include <stdio.h>

#define LINE_MAX_DEFAULT ((size_t) 48 * 1024)
#define SOURCES 2 /* stdout, stderr */

static inline void put(Buffer *b, const void *data, size_t size) {
        int r = buffer_append(b, data, size);

        assert(r >= 0);
        (void) r;
}

/* --- journald, and a reader behind it --- */

typedef struct Journal {
        size_t line_max;
        Buffer waiting;         /* of what was written to the stream */
        Buffer read[SOURCES];   /* as the reader puts it together */
        bool open[SOURCES];     /* a line goes on */
        size_t entries, cut;    /* how many; how many of them by LineMax= */
        Buffer entry;           /* what was cut by LineMax= so far */
        size_t longest, broken; /* entries that are no UTF-8 */
} Journal;

static inline void journal_done(Journal *j) {
        buffer_done(&j->waiting);
        buffer_done(&j->entry);
        for (size_t i = 0; i < SOURCES; i++)
                buffer_done(&j->read[i]);
}

/* `line_break`: newline, NUL, EOF, or 'm' for LineMax=. What line-mark.h says that a reader does. */
static inline void read_entry(Journal *j, const char *text, size_t size, int line_break) {
        LineMark mark;
        size_t source;

        put(&j->entry, text, size);
        if (line_break == 'm')
                return;
        size = j->entry.size;
        mark = line_mark_take(j->entry.data, &size);
        source = line_mark_is_stderr(mark);
        put(&j->read[source], j->entry.data, size);
        if (line_break == 0 || (line_break == '\n' && !line_mark_goes_on(mark)))
                put(&j->read[source], line_break == 0 ? "" : "\n", 1);
        j->open[source] = line_break == 0 || line_mark_goes_on(mark);
        buffer_clear(&j->entry);
}

static inline bool is_utf8(const char *text, size_t size) {
        size_t n = 1;

        for (; size > 0 && n > 0; text += n, size -= n)
                n = string_utf8_length(text, size);
        return n > 0;
}

static inline void store_line(Journal *j, const char *text, size_t size, int line_break) {
        j->cut += line_break == 'm';
        while (size > 0 && strchr(" \t\n\r", text[size - 1]))
                size--;
        if (size == 0)
                return;
        j->entries++;
        j->longest = MAX_OF(j->longest, size);
        j->broken += !is_utf8(text, size);
        read_entry(j, text, size, line_break);
}

static inline void scan(Journal *j, bool at_end) {
        size_t n;

        while ((n = MIN_OF(j->waiting.size, j->line_max)) > 0) {
                const char *p = j->waiting.data;
                const char *newline = memchr(p, '\n', n);
                const char *nul = memchr(p, 0, newline ? (size_t) (newline - p) : n);
                const char *end = nul ?: newline;

                if (end)
                        n = (size_t) (end - p) + 1;
                else if (j->waiting.size < j->line_max && !at_end)
                        return;
                store_line(j, p, end ? n - 1 : n, end ? *end : n == j->line_max ? 'm' : EOF);
                buffer_consume(&j->waiting, n);
        }
}

static inline void write_vectors(Journal *j, const struct iovec *v, size_t n) {
        for (size_t i = 0; i < n; i++)
                put(&j->waiting, v[i].iov_base, v[i].iov_len);
        scan(j, false);
}

/* --- the relay --- */

typedef struct Relayed {
        Buffer written[SOURCES]; /* what the program wrote */
        LineMarker *markers[SOURCES];
        Journal journal;
} Relayed;

static inline void relayed_done(Relayed *r) {
        for (size_t i = 0; i < SOURCES; i++) {
                buffer_done(&r->written[i]);
                free(r->markers[i]);
        }
        journal_done(&r->journal);
}

static inline void relayed_begin(Relayed *r, bool separate) {
        r->journal.line_max = LINE_MAX_DEFAULT;
        for (size_t i = 0; i < SOURCES; i++) {
                r->markers[i] = calloc(1, sizeof(LineMarker));
                assert(r->markers[i]);
                r->markers[i]->holds_back = separate;
                r->markers[i]->is_stderr = i == 1;
        }
}

static inline void relay(Relayed *r, size_t source, const char *data, size_t size) {
        LineMarker *m = r->markers[source];
        struct iovec v[8];
        size_t n, room;

        put(&r->written[source], data, size);
        while (size > 0) {
                char *to = line_marker_room(m, &room);
                size_t k = MIN_OF(size, room);

                assert(room >= LINE_MARKER_SIZE - LINE_MARKER_PIECE_MAX - 1);
                memcpy(to, data, k);
                line_marker_add(m, k);
                data += k;
                size -= k;
                while ((n = line_marker_give(m, v, ELEMENTSOF(v))) > 0)
                        write_vectors(&r->journal, v, n);
        }
}

static inline void relayed_end(Relayed *r) {
        struct iovec v[3];

        write_vectors(&r->journal, v, line_marker_end(r->markers[1], line_marker_is_within_line(r->markers[0]), v));
        write_vectors(&r->journal, v, line_marker_end(r->markers[0], false, v));
        scan(&r->journal, true);
}

/* As it was, and no line is left open. */
static inline bool comes_back(const Relayed *r, size_t source) {
        const Buffer *is = &r->journal.read[source], *should = &r->written[source];

        return !r->journal.open[source] && is->size == should->size &&
               (is->size == 0 || memcmp(is->data, should->data, is->size) == 0);
}

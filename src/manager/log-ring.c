/* LogRing: see log-ring.h. An array that grows to lines_max places and is then used in a circle; each line is one
 * allocation of its own size. */
#include <remote-developer/log-ring.h>

#include <remote-developer/strings.h>

#include <stdio.h>

#define ALLOCATED_MIN 16

typedef struct RingLine {
        usec_t realtime_usec;
        int8_t priority, source;
        bool partial;
        char *cursor; /* the cursor's string, and behind its 0 the text */
        const char *text;
        size_t size;
        LogGap *gap;
} RingLine;

struct LogRing {
        RingLine *lines;
        size_t allocated, lines_max, bytes_max, bytes;
        uint64_t first, end;
        char last_cursor[LOG_LINE_CURSOR_SIZE]; /* of the last line that had one */
        uint64_t last_end;                      /* the position behind that */
};

int log_ring_new(size_t lines_max, size_t bytes_max, LogRing **ret) {
        LogRing *r = calloc(1, sizeof(LogRing));

        if (!r)
                return -ENOMEM;
        r->lines_max = lines_max;
        r->bytes_max = bytes_max;
        *ret = r;
        return 0;
}

static RingLine *line_at(const LogRing *r, uint64_t position) {
        return &r->lines[position % r->lines_max];
}

static void drop_first(LogRing *r) {
        RingLine *l = line_at(r, r->first);

        r->bytes -= l->size;
        free(l->cursor);
        free(l->gap);
        *l = (RingLine){};
        r->first++;
}

LogRing *log_ring_free(LogRing *r) {
        if (!r)
                return NULL;
        while (r->first < r->end)
                drop_first(r);
        free(r->lines);
        free(r);
        return NULL;
}

uint64_t log_ring_first(const LogRing *r) {
        return r->first;
}

uint64_t log_ring_end(const LogRing *r) {
        return r->end;
}

/* A place for the line at the end: most tasks write less than the ring may hold. */
static int make_place(LogRing *r) {
        size_t need = r->end % r->lines_max + 1, allocated;
        RingLine *lines;

        if (need <= r->allocated)
                return 0;
        allocated = MIN_OF(MAX_OF(need, MAX_OF(r->allocated * 2, (size_t) ALLOCATED_MIN)), r->lines_max);
        lines = reallocarray(r->lines, allocated, sizeof(RingLine));
        if (!lines)
                return -ENOMEM;
        r->lines = lines;
        r->allocated = allocated;
        return 0;
}

static int fill_line(RingLine *l, const LogLine *line) {
        size_t cursor_size = strlen(line->cursor) + 1;
        _cleanup_free_ LogGap *gap = line->source == LOG_SOURCE_GAP ? malloc(sizeof(LogGap)) : NULL;
        char *data = malloc(cursor_size + line->size);

        if (!data || (line->source == LOG_SOURCE_GAP && !gap)) {
                free(data);
                return -ENOMEM;
        }
        memcpy(data, line->cursor, cursor_size);
        if (line->size > 0)
                memcpy(data + cursor_size, line->text, line->size);
        if (gap)
                *gap = line->gap;
        *l = (RingLine){ line->realtime_usec, (int8_t) line->priority, (int8_t) line->source, line->partial, data,
                         data + cursor_size, line->size, TAKE_PTR(gap) };
        return 0;
}

static int add_line(LogRing *r, const LogLine *line) {
        int e = make_place(r);

        return e < 0 ? e : fill_line(line_at(r, r->end), line);
}

int log_ring_append(LogRing *r, const LogLine *line) {
        bool held = line->text && line->size <= r->bytes_max;
        int e = 0;

        while (r->first < r->end && (r->end - r->first == r->lines_max || r->bytes + line->size > r->bytes_max))
                drop_first(r);

        if (held)
                e = add_line(r, line);
        r->end++;
        if (*line->cursor) {
                snprintf(r->last_cursor, sizeof(r->last_cursor), "%s", line->cursor);
                r->last_end = r->end;
        }
        if (!held || e < 0) {
                /* Not held: whoever wants it reads the journal. Nothing before it may be held either. */
                while (r->first < r->end - 1)
                        drop_first(r);
                r->first = r->end;
                return e;
        }
        r->bytes += line->size;
        return 0;
}

uint64_t log_ring_last(const LogRing *r) {
        return MAX_OF(r->last_end, r->first);
}

void log_ring_get(const LogRing *r, uint64_t position, LogLine *ret) {
        const RingLine *l = line_at(r, position);

        assert(position >= r->first && position < r->end);
        *ret = (LogLine){ .cursor = l->cursor, .realtime_usec = l->realtime_usec, .priority = l->priority,
                          .source = (LogSource) l->source, .partial = l->partial, .text = l->text, .size = l->size };
        if (l->gap)
                ret->gap = *l->gap;
}

bool log_ring_find_tail(const LogRing *r, unsigned sources, uint64_t lines, uint64_t *ret_position) {
        uint64_t i = r->end;

        while (lines > 0 && i > r->first)
                if (sources & LOG_SOURCES(line_at(r, --i)->source))
                        lines--;
        *ret_position = i;
        return lines == 0;
}

bool log_ring_find_after(const LogRing *r, const char *cursor, uint64_t *ret_position) {
        if (!*cursor)
                return false;
        if (string_equal(r->last_cursor, cursor)) {
                *ret_position = r->last_end;
                return true;
        }
        for (uint64_t i = r->first; i < r->end; i++)
                if (string_equal(line_at(r, i)->cursor, cursor)) {
                        *ret_position = i + 1;
                        return true;
                }
        return false;
}

/* Mask: see mask.h. An automaton of Aho and Corasick: a tree of the texts' bytes, in which each node also knows the
 * node of the longest end of its own text that begins another one (`fail`). Nodes are numbered; 0 is the root, and as
 * a child or sibling "none". */
#include <remote-developer/mask.h>

#include <remote-developer/files.h>
#include <remote-developer/strings.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

/* The bound of systemd for all credentials of a unit. */
#define FILE_SIZE_MAX ((size_t) 1024 * 1024)
#define NODES_MIN 256
#define BYTES 256
#define STARS "***"

typedef struct Node {
        uint32_t child, sibling; /* the last child; the one before this one */
        uint32_t fail;
        uint32_t depth; /* the length of its text */
        uint32_t match; /* the longest text to hide that its text ends with; 0: none */
        unsigned char byte;
} Node;

struct Mask {
        Node *nodes;
        uint32_t n, allocated;
        uint32_t longest;
        uint32_t roots[BYTES];            /* the root's children */
        unsigned char pairs[BYTES * BYTES / 8]; /* which two bytes texts begin with */
};

int mask_new(Mask **ret) {
        Mask *m = calloc(1, sizeof(Mask));

        if (!m)
                return -ENOMEM;
        m->nodes = calloc(NODES_MIN, sizeof(Node));
        if (!m->nodes) {
                free(m);
                return -ENOMEM;
        }
        m->allocated = NODES_MIN;
        m->n = 1;
        *ret = m;
        return 0;
}

Mask *mask_free(Mask *m) {
        if (!m)
                return NULL;
        explicit_bzero(m->nodes, m->allocated * sizeof(Node));
        free(m->nodes);
        explicit_bzero(m, sizeof(Mask));
        free(m);
        return NULL;
}

bool mask_is_empty(const Mask *m) {
        return m->n == 1;
}

/* --- the tree --- */

static uint32_t find_child(const Mask *m, uint32_t node, unsigned char byte) {
        uint32_t child = node == 0 ? m->roots[byte] : m->nodes[node].child;

        while (child != 0 && m->nodes[child].byte != byte)
                child = m->nodes[child].sibling;
        return child;
}

/* By hand, since realloc() would leave a copy behind. */
static int make_room(Mask *m) {
        Node *nodes;

        if (m->n < m->allocated)
                return 0;
        if (m->allocated > UINT32_MAX / 4)
                return -E2BIG;
        nodes = calloc((size_t) m->allocated * 2, sizeof(Node));
        if (!nodes)
                return -ENOMEM;
        memcpy(nodes, m->nodes, m->n * sizeof(Node));
        explicit_bzero(m->nodes, m->n * sizeof(Node));
        free(m->nodes);
        m->nodes = nodes;
        m->allocated *= 2;
        return 0;
}

static int add_child(Mask *m, uint32_t node, unsigned char byte, uint32_t *ret) {
        int r = make_room(m);

        if (r < 0)
                return r;
        m->nodes[m->n] = (Node){ .sibling = m->nodes[node].child, .depth = m->nodes[node].depth + 1, .byte = byte };
        m->nodes[node].child = m->n;
        if (node == 0)
                m->roots[byte] = m->n;
        *ret = m->n++;
        return 0;
}

static void note_pair(Mask *m, const unsigned char *text) {
        size_t pair = (size_t) text[0] << 8 | text[1];

        m->pairs[pair / 8] |= (unsigned char) (1 << pair % 8);
}

static int add_text(Mask *m, const char *text, size_t size) {
        uint32_t node = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < size; i++) {
                uint32_t child = find_child(m, node, (unsigned char) text[i]);

                if (child == 0)
                        r = add_child(m, node, (unsigned char) text[i], &child);
                node = child;
        }
        if (r < 0)
                return r;
        m->nodes[node].match = (uint32_t) size;
        m->longest = MAX_OF(m->longest, (uint32_t) size);
        note_pair(m, (const unsigned char *) text);
        return 0;
}

/* In the order of depth, so that what a node fails to is ready before it. */
int mask_prepare(Mask *m) {
        uint32_t *line = calloc(m->n, sizeof(uint32_t)), n = 1;

        if (!line)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++)
                for (uint32_t c = m->nodes[line[i]].child; c != 0; c = m->nodes[c].sibling) {
                        uint32_t fail = m->nodes[line[i]].fail, next = 0;

                        while (line[i] != 0 && (next = find_child(m, fail, m->nodes[c].byte)) == 0 && fail != 0)
                                fail = m->nodes[fail].fail;
                        m->nodes[c].fail = next;
                        if (m->nodes[c].match == 0)
                                m->nodes[c].match = m->nodes[next].match;
                        line[n++] = c;
                }
        free(line);
        return 0;
}

/* --- the texts of a value --- */

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

static size_t count_characters(const char *text, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += ((unsigned char) text[i] & 0xc0) != 0x80;
        return n;
}

/* UTF-16, in which JSON counts. `s` is valid. */
static int append_escapes(Buffer *to, const char *s, size_t size) {
        unsigned code = (unsigned char) s[0] & (0xffU >> (size + 1));

        for (size_t i = 1; i < size; i++)
                code = code << 6 | ((unsigned char) s[i] & 0x3f);
        if (code < 0x10000)
                return buffer_append_format(to, "\\u%04x", code);
        code -= 0x10000;
        return buffer_append_format(to, "\\u%04x\\u%04x", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
}

static int append_ascii(Buffer *to, const char *s, size_t size) {
        int r = 0;

        for (size_t n; r >= 0 && size > 0; s += n, size -= n) {
                n = MAX_OF(string_utf8_length(s, size), (size_t) 1);
                r = n == 1 ? buffer_append(to, s, 1) : append_escapes(to, s, n);
        }
        return r;
}

/* A JSON string is also valid where it is not escaped, so both may be met. */
static int add_escaped(Mask *m, const char *text, size_t size) {
        _cleanup_(buffer_done) Buffer json = BUFFER_SECRET, ascii = BUFFER_SECRET;
        int r;

        r = buffer_append_json_string(&json, text, size);
        if (r >= 0 && json.size != size + 2)
                r = add_text(m, json.data + 1, json.size - 2);
        if (r >= 0)
                r = append_ascii(&ascii, json.data + 1, json.size - 2);
        if (r >= 0 && ascii.size != json.size - 2)
                r = add_text(m, ascii.data, ascii.size);
        return r;
}

static int add_line(Mask *m, const char *line, size_t size) {
        int r;

        for (; size > 0 && is_blank(*line); line++)
                size--;
        while (size > 0 && is_blank(line[size - 1]))
                size--;
        if (count_characters(line, size) < MASK_CHARACTERS_MIN)
                return 0;
        r = add_text(m, line, size);
        return r < 0 ? r : add_escaped(m, line, size);
}

static size_t find_line_end(const char *text, size_t size) {
        size_t n = 0;

        while (n < size && text[n] != '\n' && text[n] != '\r' && text[n] != 0)
                n++;
        return n;
}

int mask_add(Mask *m, const char *value, size_t size) {
        int r = 0;

        for (size_t at = 0, n; r >= 0 && at < size; at += n + 1) {
                n = find_line_end(value + at, size - at);
                r = add_line(m, value + at, n);
        }
        return r;
}

static int add_file(Mask *m, int dir_fd, const char *name) {
        _cleanup_(buffer_done) Buffer value = BUFFER_SECRET;
        int r;

        r = file_read(dir_fd, name, FILE_SIZE_MAX, &value);
        return r < 0 ? r : mask_add(m, value.data, value.size);
}

int mask_add_directory(Mask *m, const char *path) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *e;

        if (!d) {
                r = -errno;
                closep(&fd);
                return r;
        }
        while (r >= 0 && (errno = 0, e = readdir(d)))
                if (string_is_identifier(e->d_name))
                        r = add_file(m, fd, e->d_name);
        if (r >= 0)
                r = -errno;
        (void) closedir(d);
        return r;
}

int mask_of_credentials(Mask **ret) {
        const char *path = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_(mask_freep) Mask *m = NULL;
        int r;

        *ret = NULL;
        if (!path)
                return 0;
        r = mask_new(&m);
        if (r >= 0)
                r = mask_add_directory(m, path);
        if (r >= 0)
                r = mask_prepare(m);
        if (r >= 0 && !mask_is_empty(m))
                *ret = TAKE_PTR(m);
        return r;
}

/* --- streams ---
 *
 * Positions count from the first byte held: [held][data]. Up to `given` everything has been written or hidden; the
 * last `depth` bytes may become part of a text. */

int mask_stream_init(MaskStream *s, const Mask *m) {
        *s = (MaskStream){ .mask = m };
        s->held = calloc((size_t) m->longest + 1, 1);
        s->spans = calloc((size_t) m->longest / MASK_CHARACTERS_MIN + 2, sizeof(MaskSpan));
        if (s->held && s->spans)
                return 0;
        mask_stream_done(s);
        return -ENOMEM;
}

void mask_stream_done(MaskStream *s) {
        if (s->held)
                explicit_bzero(s->held, (size_t) s->mask->longest + 1);
        free(s->held);
        free(s->spans);
        *s = (MaskStream){};
}

/* What is found is never shorter than the stars. */
size_t mask_room(const Mask *m, size_t size) {
        return m->longest + size;
}

static void copy(MaskStream *s, size_t end) {
        if (s->given < s->n_held && s->given < end) {
                size_t n = MIN_OF(end, s->n_held) - s->given;

                memcpy(s->to, s->held + s->given, n);
                s->to += n;
                s->given += n;
        }
        if (s->given < end) {
                memcpy(s->to, s->data + s->given - s->n_held, end - s->given);
                s->to += end - s->given;
                s->given = end;
        }
}

static void hide(MaskStream *s, MaskSpan *span, size_t end) {
        if (!span->told)
                s->to = mempcpy(s->to, STARS, strlen(STARS));
        span->told = true;
        s->given = MIN_OF(span->end, end);
}

/* Gives everything before `end`. */
static void give(MaskStream *s, size_t end) {
        size_t n = 0;

        for (; n < s->n_spans && s->spans[n].begin < end; n++) {
                copy(s, s->spans[n].begin);
                hide(s, &s->spans[n], end);
                if (s->spans[n].end > end)
                        break;
        }
        copy(s, end);
        s->n_spans -= n;
        memmove(s->spans, s->spans + n, s->n_spans * sizeof(MaskSpan));
}

static void note_match(MaskStream *s, size_t end) {
        const Node *node = &s->mask->nodes[s->state];
        MaskSpan span = { .begin = end - node->match, .end = end };

        give(s, end - node->depth);
        while (s->n_spans > 0 && s->spans[s->n_spans - 1].end > span.begin) {
                const MaskSpan *last = &s->spans[--s->n_spans];

                span.begin = MIN_OF(span.begin, last->begin);
                span.told |= last->told;
        }
        s->spans[s->n_spans++] = span;
}

static uint32_t step(const Mask *m, uint32_t state, unsigned char byte) {
        uint32_t next;

        while ((next = find_child(m, state, byte)) == 0 && state != 0)
                state = m->nodes[state].fail;
        return next;
}

/* A whole text that begins no longer one need not be held back any more. */
static uint32_t leave_ends(const Mask *m, uint32_t state) {
        while (m->nodes[state].child == 0)
                state = m->nodes[state].fail;
        return state;
}

/* Where a text may begin: nearly all bytes of a log are passed over here. */
static size_t find_begin(const Mask *m, const unsigned char *data, size_t at, size_t size) {
        for (; at + 1 < size; at++) {
                size_t pair = (size_t) data[at] << 8 | data[at + 1];

                if (m->pairs[pair / 8] & 1 << pair % 8)
                        break;
        }
        return at;
}

static void keep(MaskStream *s, size_t size) {
        size_t all = s->n_held + size, from = all - s->mask->nodes[s->state].depth;

        give(s, from);
        if (from < s->n_held) {
                memmove(s->held, s->held + from, s->n_held - from);
                memcpy(s->held + s->n_held - from, s->data, size);
        } else
                memcpy(s->held, s->data + from - s->n_held, all - from);
        s->n_held = all - from;
        for (size_t i = 0; i < s->n_spans; i++) {
                s->spans[i].begin -= MIN_OF(s->spans[i].begin, from);
                s->spans[i].end -= from;
        }
}

size_t mask_stream_put(MaskStream *s, const char *data, size_t size, char *to) {
        s->data = data;
        s->to = to;
        s->given = 0;
        for (size_t i = 0; i < size; i++) {
                if (s->state == 0)
                        i = find_begin(s->mask, (const unsigned char *) data, i, size);
                s->state = step(s->mask, s->state, (unsigned char) data[i]);
                if (s->mask->nodes[s->state].match > 0) {
                        note_match(s, s->n_held + i + 1);
                        s->state = leave_ends(s->mask, s->state);
                }
        }
        keep(s, size);
        return (size_t) (s->to - to);
}

size_t mask_stream_end(MaskStream *s, char *to) {
        s->state = 0;
        return mask_stream_put(s, "", 0, to);
}

int mask_apply(const Mask *m, const char *data, size_t size, Buffer *to) {
        MaskStream s;
        char *masked = malloc(size + 1);
        size_t n;
        int r;

        r = masked ? mask_stream_init(&s, m) : -ENOMEM;
        if (r >= 0) {
                n = mask_stream_put(&s, data, size, masked);
                n += mask_stream_end(&s, masked + n);
                r = buffer_append(to, masked, n);
                mask_stream_done(&s);
        }
        free(masked);
        return r;
}

/* Buffer: see buffer.h. Memory doubles, so that appending n bytes one by one costs O(n) in all. */
#include <remote-developer/buffer.h>

#include <stdio.h>
#include <string.h>

#define BUFFER_SIZE_MIN 64

void buffer_done(Buffer *b) {
        free(b->data);
        *b = BUFFER_NULL;
}

void buffer_clear(Buffer *b) {
        b->size = 0;
        if (b->data)
                b->data[0] = 0;
}

char *buffer_take(Buffer *b) {
        char *data = TAKE_PTR(b->data);

        *b = BUFFER_NULL;
        return data;
}

static int buffer_reserve(Buffer *b, size_t more) {
        size_t need, size;
        char *data;

        if (more > BUFFER_SIZE_MAX - b->size)
                return -E2BIG;

        need = b->size + more + 1;
        if (need <= b->allocated)
                return 0;

        size = MAX_OF(need, MAX_OF(b->allocated * 2, (size_t) BUFFER_SIZE_MIN));
        data = realloc(b->data, size);
        if (!data)
                return -ENOMEM;

        b->data = data;
        b->allocated = size;
        return 0;
}

int buffer_append(Buffer *b, const void *data, size_t size) {
        int r;

        r = buffer_reserve(b, size);
        if (r < 0)
                return r;

        if (size > 0)
                memcpy(b->data + b->size, data, size);
        b->size += size;
        b->data[b->size] = 0;
        return 0;
}

int buffer_append_string(Buffer *b, const char *s) {
        return buffer_append(b, s, strlen(s));
}

int buffer_append_format(Buffer *b, const char *format, ...) {
        va_list ap, again;
        int n, r;

        va_start(ap, format);
        va_copy(again, ap);
        n = vsnprintf(NULL, 0, format, ap);
        r = n < 0 ? -EINVAL : buffer_reserve(b, (size_t) n);
        if (r >= 0) {
                vsnprintf(b->data + b->size, (size_t) n + 1, format, again);
                b->size += (size_t) n;
        }
        va_end(again);
        va_end(ap);
        return r;
}

void buffer_consume(Buffer *b, size_t size) {
        assert(size <= b->size);

        b->size -= size;
        if (b->data)
                memmove(b->data, b->data + size, b->size + 1);
}

/* The length of the valid UTF-8 sequence that `s` begins with, 0 when it begins with none (RFC 3629: shortest
 * form, no surrogates, up to U+10FFFF). */
static size_t utf8_sequence_length(const unsigned char *s, size_t size) {
        static const struct {
                unsigned char first_low, first_high, second_low, second_high, length;
        } rows[] = {
                { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (s[0] < rows[i].first_low || s[0] > rows[i].first_high)
                        continue;
                if (rows[i].length > size)
                        return 0;
                if (rows[i].length > 1 && (s[1] < rows[i].second_low || s[1] > rows[i].second_high))
                        return 0;
                for (size_t k = 2; k < rows[i].length; k++)
                        if ((s[k] & 0xc0) != 0x80)
                                return 0;
                return rows[i].length;
        }
        return 0;
}

static int append_json_escape(Buffer *b, unsigned char c) {
        switch (c) {
        case '"':
                return buffer_append(b, "\\\"", 2);
        case '\\':
                return buffer_append(b, "\\\\", 2);
        case '\n':
                return buffer_append(b, "\\n", 2);
        case '\r':
                return buffer_append(b, "\\r", 2);
        case '\t':
                return buffer_append(b, "\\t", 2);
        default:
                return buffer_append_format(b, "\\u%04x", c);
        }
}

static bool json_is_plain(unsigned char c) {
        return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

int buffer_append_json_string(Buffer *b, const char *data, size_t size) {
        const unsigned char *s = (const unsigned char *) data;
        size_t before = b->size, n;
        int r;

        r = buffer_append(b, "\"", 1);
        for (size_t i = 0; r >= 0 && i < size; i += n) {
                for (n = 0; i + n < size && json_is_plain(s[i + n]);)
                        n++;
                if (n > 0) {
                        r = buffer_append(b, s + i, n);
                        continue;
                }
                n = utf8_sequence_length(s + i, size - i);
                if (n > 1)
                        r = buffer_append(b, s + i, n);
                else if (n == 1)
                        r = append_json_escape(b, s[i]);
                else {
                        n = 1;
                        r = buffer_append(b, "\xef\xbf\xbd", 3);
                }
        }
        if (r >= 0)
                r = buffer_append(b, "\"", 1);
        if (r < 0 && b->data) {
                b->size = before;
                b->data[before] = 0;
        }
        return r;
}

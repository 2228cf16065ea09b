/* Buffer: see buffer.h. Memory doubles, so that appending n bytes one by one costs O(n) in all. */
#include <remote-developer/buffer.h>

#include <remote-developer/strings.h>

#include <stdio.h>

#define BUFFER_SIZE_MIN 64

static void give_back(Buffer *b) {
        if (b->secret && b->data)
                explicit_bzero(b->data, b->allocated);
        free(b->data);
}

void buffer_done(Buffer *b) {
        give_back(b);
        *b = (Buffer){ .secret = b->secret };
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

/* realloc() would leave the bytes in the memory that it gives back. */
static char *grow_secretly(Buffer *b, size_t size) {
        char *data = malloc(size);

        if (!data)
                return NULL;
        if (b->data)
                memcpy(data, b->data, b->size + 1);
        give_back(b);
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
        data = b->secret ? grow_secretly(b, size) : realloc(b->data, size);
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

void buffer_cut(Buffer *b, size_t size) {
        if (size >= b->size)
                return;
        b->size = size;
        b->data[size] = 0;
}

void buffer_consume(Buffer *b, size_t size) {
        assert(size <= b->size);

        b->size -= size;
        if (b->data)
                memmove(b->data, b->data + size, b->size + 1);
}

int buffer_append_base64(Buffer *b, const void *data, size_t size) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const unsigned char *s = data;
        size_t groups = size / 3 + (size % 3 > 0);
        char *to;
        int r;

        r = groups > BUFFER_SIZE_MAX / 4 ? -E2BIG : buffer_reserve(b, groups * 4);
        if (r < 0)
                return r;
        to = b->data + b->size;
        for (size_t i = 0; i < size; i += 3) {
                uint32_t bits = (uint32_t) s[i] << 16;

                if (i + 1 < size)
                        bits |= (uint32_t) s[i + 1] << 8;
                if (i + 2 < size)
                        bits |= s[i + 2];
                *to++ = letters[bits >> 18];
                *to++ = letters[bits >> 12 & 63];
                *to++ = i + 1 < size ? letters[bits >> 6 & 63] : '=';
                *to++ = i + 2 < size ? letters[bits & 63] : '=';
        }
        b->size += groups * 4;
        b->data[b->size] = 0;
        return 0;
}

static int append_json_escape(Buffer *b, unsigned char c) {
        static const char digits[] = "0123456789abcdef";
        const char number[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 0xf] };

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
                return buffer_append(b, number, sizeof(number)); /* there may be sixteen million */
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
                n = string_utf8_length(data + i, size - i);
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

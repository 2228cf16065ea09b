/* Strings: see strings.h. */
#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>

bool string_equal(const char *a, const char *b) {
        if (!a || !b)
                return a == b;
        return strcmp(a, b) == 0;
}

bool string_is_empty(const char *s) {
        return !s || !*s;
}

bool string_has_prefix(const char *s, const char *prefix) {
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool string_is_identifier(const char *s) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

        return *s && !(*s >= '0' && *s <= '9') && !s[strspn(s, letters)];
}

bool string_holds_control(const char *s, const char *allowed) {
        for (; *s; s++)
                if (((unsigned char) *s < 0x20 && !strchr(allowed, *s)) || *s == 0x7f)
                        return true;
        return false;
}

int string_replace(char **p, const char *s) {
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }

        free(*p);
        *p = copy;
        return 0;
}

char *string_format(const char *format, ...) {
        char *s = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&s, format, ap);
        va_end(ap);
        return n < 0 ? NULL : s;
}

int string_table_lookup(const char *const *table, size_t n, const char *s) {
        for (size_t i = 0; i < n; i++)
                if (string_equal(table[i], s))
                        return (int) i;
        return -EINVAL;
}

int string_to_uint64(const char *s, uint64_t *ret) {
        unsigned long long v;
        char *end;

        if (!s || *s < '0' || *s > '9')
                return -EINVAL;

        errno = 0;
        v = strtoull(s, &end, 10);
        if (*end)
                return -EINVAL;
        if (errno == ERANGE)
                return -ERANGE;

        *ret = v;
        return 0;
}

size_t string_utf8_length(const char *s, size_t size) {
        static const struct {
                unsigned char first_low, first_high, second_low, second_high, length;
        } rows[] = {
                { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
                { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
                { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };
        const unsigned char *u = (const unsigned char *) s;

        /* Most of all text. */
        if (size > 0 && u[0] < 0x80)
                return 1;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (u[0] < rows[i].first_low || u[0] > rows[i].first_high)
                        continue;
                if (rows[i].length > size)
                        return 0;
                if (u[1] < rows[i].second_low || u[1] > rows[i].second_high)
                        return 0;
                for (size_t k = 2; k < rows[i].length; k++)
                        if ((u[k] & 0xc0) != 0x80)
                                return 0;
                return rows[i].length;
        }
        return 0;
}

size_t string_cut_size(const char *s, size_t size, size_t max) {
        size_t n = max;

        if (size <= max)
                return size;
        for (size_t back = 0; back < 3 && n > 0 && ((unsigned char) s[n] & 0xc0) == 0x80; back++)
                n--;
        return n;
}

static const char hex_digits[] = "0123456789abcdef";

char *string_encode(const char *s) {
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-";
        char *encoded = malloc(3 * strlen(s) + 1), *p = encoded;

        if (!encoded)
                return NULL;
        for (; *s; s++)
                if (strchr(plain, *s))
                        *p++ = *s;
                else {
                        *p++ = '=';
                        *p++ = hex_digits[(unsigned char) *s >> 4];
                        *p++ = hex_digits[(unsigned char) *s & 15];
                }
        *p = 0;
        return encoded;
}

static int hex_digit(char c) {
        const char *found = c ? strchr(hex_digits, c) : NULL;

        return found ? (int) (found - hex_digits) : -EINVAL;
}

int string_decode(char *s) {
        char *to = s;

        for (; *s; s++) {
                int high, low;

                if (*s != '=') {
                        *to++ = *s;
                        continue;
                }
                high = hex_digit(s[1]);
                low = high < 0 ? high : hex_digit(s[2]);
                if (low < 0)
                        return low;
                *to++ = (char) (high << 4 | low);
                s += 2;
        }
        *to = 0;
        return 0;
}

bool string_is_utf8(const char *s, size_t size) {
        size_t n;

        for (size_t i = 0; i < size; i += n) {
                uint64_t eight;

                /* Eight bytes at a time as long as all are ASCII, which most text is. */
                for (; i + sizeof(eight) <= size; i += sizeof(eight)) {
                        memcpy(&eight, s + i, sizeof(eight));
                        if (eight & UINT64_C(0x8080808080808080))
                                break;
                }
                if (i == size)
                        return true;
                n = string_utf8_length(s + i, size - i);
                if (n == 0)
                        return false;
        }
        return true;
}

bool strv_contains(char *const *v, const char *s) {
        for (; v && *v; v++)
                if (string_equal(*v, s))
                        return true;
        return false;
}

size_t strv_length(char *const *v) {
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

char **strv_erase(char **v) {
        for (size_t i = 0; v && v[i]; i++)
                explicit_bzero(v[i], strlen(v[i]));
        return strv_free(v);
}

char **strv_free(char **v) {
        for (size_t i = 0; v && v[i]; i++)
                free(v[i]);
        free(v);
        return NULL;
}

int strv_append(char ***v, const char *s) {
        size_t n = strv_length(*v);
        char **longer, *copy;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;

        longer = reallocarray(*v, n + 2, sizeof(char *));
        if (!longer) {
                free(copy);
                return -ENOMEM;
        }

        longer[n] = copy;
        longer[n + 1] = NULL;
        *v = longer;
        return 0;
}

int strv_copy(char *const *v, char ***ret) {
        _cleanup_strv_ char **copy = NULL;
        int r;

        for (size_t i = 0; v && v[i]; i++) {
                r = strv_append(&copy, v[i]);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(copy);
        return 0;
}
